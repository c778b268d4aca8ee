"""Finding a genotype from what a user types: a run, a file, or the name of a published cell."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.errors import UsageError
from ..common.files import MAX_BYTES, BrokenRun, decoded, file_error, read_text
from ..common.text import counted, did_you_mean, nearest, plain
from ..method.genotype import Genotype, GenotypeError
from ..spaces.darts_text import EXPECTED, FoundGenotype, has_genotype, read_genotypes
from ..spaces.published import PUBLISHED

if TYPE_CHECKING:
    from .run import Run

__all__ = [
    "POINT_MARK",
    "STANDARD_INPUT",
    "NamedGenotype",
    "find_genotype",
    "parse_genotype",
    "read_listed",
    "take",
]

STANDARD_INPUT = "-"
POINT_MARK = "@"
FIRST, LAST = "first", "last"
MAX_FAULTS = 20  # listed in an error


@dataclass(frozen=True)
class NamedGenotype:
    """A genotype and its origin: ``run ID``, ``file PATH`` or ``published cells NAME``.

    ``point`` says which of several it is: ``step 120``, ``genotype 3 of 12 (line 340)``; it is empty for the only
    one, and for a run's last. ``notes`` list what was changed while reading a file. ``run`` is the run it is from,
    if any.
    """

    genotype: Genotype
    origin: str
    point: str = ""
    notes: tuple[str, ...] = ()
    run: Run | None = None

    @property
    def label(self) -> str:
        """A short name: the run's id, the published name, or the file's name without its suffix."""
        if self.run is not None:
            return self.run.id
        file = self.origin.removeprefix("file ")
        return self.origin.removeprefix("published cells ") if file == self.origin else Path(file).stem

    @property
    def title(self) -> str:
        """Origin and point."""
        return f"{self.origin}, {self.point}" if self.point else self.origin


def find_genotype(reference: str, runs_dir: Path) -> NamedGenotype:
    """Return the genotype that ``reference`` refers to.

    It is a file, ``-`` for standard input, a published name (in any case), or a run as in
    :func:`~.find_run.find_run`. ``@POINT`` after it selects one of several: ``first``, ``last`` or a step of a
    run's history, a number or name in a file. The default is the last one.

    Raises ``UsageError`` that says what is wrong with the file or run, or what was looked for and where.
    """
    base, mark, point = reference.rpartition(POINT_MARK)
    if mark and point and not os.path.lexists(reference) and not _is_run(reference, runs_dir):
        return _find(base, point, runs_dir)
    return _find(reference, "", runs_dir)


def _is_run(reference: str, runs_dir: Path) -> bool:
    """Return whether ``reference`` refers to a run, whose name may contain the mark."""
    from .find_run import find_run

    try:
        find_run(reference, runs_dir)
    except UsageError:
        return False
    return True


def _find(reference: str, point: str, runs_dir: Path) -> NamedGenotype:
    if reference == STANDARD_INPUT or (os.path.lexists(reference) and not _is_folder(reference)):
        return _from_file(reference, point)
    for name, genotype in PUBLISHED.items():
        if name.lower() == reference.lower():
            if point:
                raise UsageError(
                    f"{name}{POINT_MARK}{plain(point)}: {name} is a single genotype; leave out the {POINT_MARK}"
                )
            return NamedGenotype(genotype, f"published cells {name}")
    return _from_run(reference, point, runs_dir)


def _is_folder(reference: str) -> bool:
    """Return whether it is a folder; unlike ``Path.is_dir``, never raise for a long or forbidden path."""
    return os.path.isdir(reference)  # noqa: PTH112


def _from_file(reference: str, point: str) -> NamedGenotype:
    text, name = _read(reference)
    origin = f"file {plain(reference)}" if reference != STANDARD_INPUT else name
    if not _is_darts_text(text):
        if point:
            raise UsageError(f"{plain(name)}: it has only one genotype; leave out {POINT_MARK}{plain(point)}")
        return NamedGenotype(parse_genotype(text, name), origin)
    return take(_read_darts_text(text, name), point, name, origin)


def parse_genotype(text: str, name: str) -> Genotype:
    """Return the genotype in ``text``, as JSON or in DARTS' form; the last of several.

    Raises ``UsageError`` with ``name`` and everything wrong with the text.
    """
    stripped = _stripped(text)
    if not stripped:
        raise UsageError(f"{plain(name)}: it is empty")
    if _is_darts_text(text):
        return take(_read_darts_text(text, name), "", name, name).genotype
    if stripped[0] not in "{[":
        raise UsageError(f"{plain(name)}: neither genotype JSON nor a text with {EXPECTED} in it")
    try:
        return Genotype.from_json(stripped)
    except GenotypeError as error:
        raise _problems_error(plain(name), error.problems) from None


def read_listed(reference: str) -> tuple[list[FoundGenotype], str]:
    """Return all genotypes in the file ``reference`` (``-``: standard input), and its name.

    Those with problems are included; JSON has only one. Raises ``UsageError`` if there is none.
    """
    text, name = _read(reference)
    if not _is_darts_text(text):
        return [FoundGenotype(1, "", "", parse_genotype(text, name))], name
    return _read_darts_text(text, name), name


def take(listed: Sequence[FoundGenotype], point: str, name: str, origin: str) -> NamedGenotype:
    """Return the genotype that ``point`` selects: a number from 1, ``first``, a name, or ``last`` (default).

    ``first`` and ``last`` skip genotypes with problems. Raises ``UsageError``.
    """
    valid = [n for n, found in enumerate(listed) if found.genotype is not None]
    named = [n for n, found in enumerate(listed) if point and point in (found.name, *found.aliases)]
    if named:
        number = named[-1]
    elif point in ("", FIRST, LAST):
        number = (valid or [len(listed) - 1])[0 if point == FIRST else -1]
    elif point.isascii() and point.isdecimal() and 1 <= int(point[:9]) <= len(listed):
        number = int(point[:9]) - 1
    else:
        names = [name for found in listed for name in (found.name, *found.aliases) if name]
        raise UsageError(
            f'{plain(name)}: "{plain(point)}" is not one of its {counted(len(listed), "genotype")}'
            f"{did_you_mean(point, names)}",
            [f"numbers: 1 to {len(listed)}", *([f"names: {', '.join(names[:20])}"] if names else [])],
        )
    found = listed[number]
    if found.genotype is None:
        raise _problems_error(f"{plain(name)}: line {found.line}", found.problems)
    skipped = () if point else tuple(map(_skipped, listed[number + 1 :]))
    label = f"{found.name}, " if found.name else ""
    where = (
        f"{label}genotype {number + 1} of {len(listed)} (line {found.line})"
        if len(listed) > 1
        else found.name
    )
    return NamedGenotype(found.genotype, origin, where, found.notes + skipped)


def _skipped(found: FoundGenotype) -> str:
    return f"line {found.line}: left out: {plain(found.problems[0])}"


def _stripped(text: str) -> str:
    return text.strip().removeprefix("\ufeff")


def _is_darts_text(text: str) -> bool:
    """Return whether to look for DARTS' form: JSON may contain odd names, and a log may begin like a list."""
    if not has_genotype(text):
        return False
    try:
        Genotype.from_json(_stripped(text))
    except GenotypeError:
        return True
    return False


def _read_darts_text(text: str, name: str) -> list[FoundGenotype]:
    found = read_genotypes(text)
    if not found:
        raise UsageError(f"{plain(name)}: every genotype in it is commented out")
    return found


def _problems_error(name: str, problems: Sequence[str]) -> UsageError:
    problems = [plain(problem) for problem in problems]
    if len(problems) == 1:
        return UsageError(f"{name}: {problems[0]}")
    shown = problems[:MAX_FAULTS] + [f"... and {len(problems) - MAX_FAULTS} more"] * (
        len(problems) > MAX_FAULTS
    )
    return UsageError(f"{name}: {len(problems)} problems", shown)


def _read(reference: str) -> tuple[str, str]:
    """Return the text of a file or of standard input, and its name.

    Raises ``UsageError``.
    """
    if reference == STANDARD_INPUT:
        return _standard_input(), "standard input"
    return read_text(Path(reference), file_error, follow_links=True), reference


def _standard_input() -> str:
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    except (AttributeError, OSError, ValueError):
        raise UsageError("standard input: can't be read") from None
    return decoded(content, Path("standard input"), file_error)


def _from_run(reference: str, point: str, runs_dir: Path) -> NamedGenotype:
    from .find_run import find_run, list_runs

    try:
        run = find_run(reference, runs_dir)
    except UsageError as error:
        ids = [run.id for run in list_runs(runs_dir)]
        if any(identifier.startswith(reference) for identifier in ids) or _is_folder(reference):
            raise  # ambiguous, or a folder that isn't a run: find_run's error says more
        raise _not_found(reference, runs_dir, ids) from error
    if point:
        return _from_history(run, point)
    try:
        genotype = run.genotype()
    except BrokenRun as error:
        raise UsageError(f"run {plain(run.id)}: {error.reason}") from None
    if genotype is None:
        state = run.status().state
        raise UsageError(f"run {plain(run.id)} has no genotype yet (state: {state})")
    return NamedGenotype(genotype, f"run {plain(run.id)}", run=run)


def _from_history(run: Run, point: str) -> NamedGenotype:
    """Return the cells that ``run`` had at ``point``."""
    history = run.genotypes()
    name = f"run {plain(run.id)}"
    if not history:
        raise UsageError(f"{name} has no history of cells; leave out {POINT_MARK}{plain(point)}")
    if point in (FIRST, LAST):
        entry = history[0 if point == FIRST else -1]
        return NamedGenotype(entry.genotype, name, f"step {entry.step}", run=run)
    first = history[0].step
    step = int(point) if point.isascii() and point.isdecimal() and len(point) < 16 else -1
    earlier = [entry for entry in history if entry.step <= step]
    if not earlier or step > max(history[-1].step, run.status().step):
        raise UsageError(
            f"{name}: {POINT_MARK}{plain(point)} is not in its history: use "
            f"{FIRST}, {LAST} or a step from {first} on"
        )
    return NamedGenotype(earlier[-1].genotype, name, f"step {step}", run=run)


def _not_found(reference: str, runs_dir: Path, ids: list[str]) -> UsageError:
    shown = plain(reference)
    if os.sep in reference or reference.lower().endswith((".json", ".txt", ".py")):
        return UsageError(f"{shown}: no such file or run directory")
    near = nearest(reference, PUBLISHED) or nearest(reference, ids)
    return UsageError(
        f'"{shown}" is not a run in {plain(str(runs_dir))}, a file or a published cell'
        f"{did_you_mean(reference, [near]) if near else ''}",
        [
            f"published: {', '.join(PUBLISHED)}",
            f"runs: {', '.join(map(plain, ids[:3]))}{', …' * (len(ids) > 3)}" if ids else "runs: none",
        ],
    )
