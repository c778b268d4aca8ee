"""Finding a genotype by what a user types: a run, a file, or the name of a published cell."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError
from .method.genotype import Genotype, GenotypeError
from .method.published import PUBLISHED
from .wording import did_you_mean, nearest, plain

__all__ = ["STANDARD_INPUT", "NamedGenotype", "find_genotype", "parse_genotype"]

STANDARD_INPUT = "-"
LARGEST = 4 * 2**20  # bytes


@dataclass(frozen=True)
class NamedGenotype:
    """A genotype and where it is from: ``run ID``, ``file PATH``, ``published cells NAME``."""

    genotype: Genotype
    origin: str


def find_genotype(reference: str, runs_dir: Path) -> NamedGenotype:
    """The genotype that ``reference`` means.

    A file, ``-`` for standard input, a published name (in any case), or a run as in :func:`store.find.find_run`.
    Raises ``UsageError`` that says what is wrong with the file or the run, or what was looked for where.
    """
    if reference == STANDARD_INPUT:
        return NamedGenotype(parse_genotype(_standard_input(), "standard input"), "standard input")
    if os.path.lexists(reference) and not Path(reference).is_dir():
        return NamedGenotype(_read(Path(reference)), f"file {plain(reference)}")
    for name, genotype in PUBLISHED.items():
        if name.lower() == reference.lower():
            return NamedGenotype(genotype, f"published cells {name}")
    return _of_run(reference, runs_dir)


def parse_genotype(text: str, name: str) -> Genotype:
    """The genotype in ``text``, as JSON or in DARTS' form. Raises ``UsageError`` naming ``name`` and each fault."""
    stripped = text.strip().removeprefix("\ufeff")
    if not stripped:
        raise UsageError(f"{plain(name)}: it is empty")
    try:
        return Genotype.from_json(stripped) if stripped[0] in "{[" else Genotype.from_darts(stripped)
    except GenotypeError as error:
        problems = [plain(problem) for problem in error.problems]
        if len(problems) == 1:
            raise UsageError(f"{plain(name)}: {problems[0]}") from None
        raise UsageError(f"{plain(name)}: {len(problems)} problems", problems) from None


def _standard_input() -> str:
    try:
        content = sys.stdin.buffer.read(LARGEST + 1)
    except (AttributeError, OSError, ValueError):
        raise UsageError("standard input: nothing can be read from it") from None
    return _decoded(content, "standard input")


def _read(path: Path) -> Genotype:
    from .store.files import open_regular, reason_of

    try:
        with open_regular(path) as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{plain(str(path))}: can't be read: {reason_of(error)}") from None
    return parse_genotype(_decoded(content, str(path)), str(path))


def _decoded(content: bytes, name: str) -> str:
    if len(content) > LARGEST:
        raise UsageError(f"{plain(name)}: larger than {LARGEST // 2**20} MiB, so it is no genotype")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{plain(name)}: not a text in UTF-8 (byte {error.start})") from None


def _of_run(reference: str, runs_dir: Path) -> NamedGenotype:
    from .store.files import BrokenRun
    from .store.find import find_run, list_runs

    try:
        run = find_run(reference, runs_dir)
    except UsageError as error:
        ids = [run.id for run in list_runs(runs_dir)]
        if any(identifier.startswith(reference) for identifier in ids) or Path(reference).is_dir():
            raise  # several fit, or the folder isn't a run: said best by the store
        raise _nothing_found(reference, runs_dir, ids) from error
    try:
        genotype = run.genotype()
    except BrokenRun as error:
        raise UsageError(f"run {plain(run.id)}: {error.reason}") from None
    if genotype is None:
        state = run.status().state
        raise UsageError(f"run {plain(run.id)} has no genotype yet (state: {state})")
    return NamedGenotype(genotype, f"run {plain(run.id)}")


def _nothing_found(reference: str, runs_dir: Path, ids: list[str]) -> UsageError:
    shown = plain(reference)
    if os.sep in reference or reference.lower().endswith((".json", ".txt", ".py")):
        return UsageError(f"{shown}: there is no such file or run directory")
    near = nearest(reference, PUBLISHED) or nearest(reference, ids)
    return UsageError(
        f'"{shown}" is no run in {plain(str(runs_dir))}, no file and no published cell'
        f"{did_you_mean(reference, [near]) if near else ''}",
        [
            f"published: {', '.join(PUBLISHED)}",
            f"runs: {', '.join(map(plain, ids[:3]))}{', …' * (len(ids) > 3)}" if ids else "runs: none there",
        ],
    )
