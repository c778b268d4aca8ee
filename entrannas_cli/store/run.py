"""Reading a run directory. Never writes, never loads torch."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.atomic import TEMPORARY_SUFFIX
from ..common.errors import UsageError
from ..common.files import BrokenRun, read_json, read_text, read_toml, reason_of
from ..common.text import plain
from ..method.genotype import Genotype, GenotypeError
from .jsonl import JsonLinesReader
from .status import BROKEN, STATUS_FILE, Status, read_status, reconcile

if TYPE_CHECKING:
    from ..method.space import SearchSpace

__all__ = [
    "BEST_CHECKPOINT",
    "CHECKPOINTS",
    "CONFIG_FILE",
    "GENOTYPES_FILE",
    "GENOTYPE_FILE",
    "LOCK_FILE",
    "LOG_FILE",
    "METRICS_FILE",
    "SPACE_FILE",
    "STOP_FILE",
    "SUMMARY_FILE",
    "TRAININGS",
    "DerivedCells",
    "Run",
    "checkpoint_name",
    "checkpoint_step",
    "environment_file",
]

CONFIG_FILE = "config.toml"
SPACE_FILE = "space.toml"
METRICS_FILE = "metrics.jsonl"
GENOTYPES_FILE = "genotypes.jsonl"
GENOTYPE_FILE = "genotype.json"
SUMMARY_FILE = "summary.json"
LOG_FILE = "log.txt"
CHECKPOINTS = "checkpoints"
BEST_CHECKPOINT = "best.pt"  # of a training: only the weights that did best on held-out images
TRAININGS = "trainings"  # of a ranking: a folder with a run directory per training
STOP_FILE = "stop"
LOCK_FILE = "lock"

MAX_HISTORY_BYTES = 64 * 2**20  # of the genotype history, read at most: about forty thousand entries
_MARKS = (STATUS_FILE, CONFIG_FILE, SUMMARY_FILE, METRICS_FILE, GENOTYPES_FILE)
_FOLDERS = (CHECKPOINTS, TRAININGS)
_FILES = (*_MARKS, SPACE_FILE, GENOTYPE_FILE, STOP_FILE, LOCK_FILE)
_CHECKPOINT = re.compile(r"step-(\d{8,18})\.pt")


def checkpoint_name(step: int) -> str:
    """Return the file name of the checkpoint after ``step``."""
    return f"step-{step:08d}.pt"


def checkpoint_step(path: Path) -> int:
    """Return the step after which the checkpoint ``path`` was written; -1 for another file."""
    match = _CHECKPOINT.fullmatch(path.name)
    return int(match[1]) if match else -1


def environment_file(attempt: int) -> str:
    """Return the name of the file that describes where ``attempt`` runs."""
    return "environment.json" if attempt <= 1 else f"environment-{attempt}.json"


@dataclass(frozen=True)
class DerivedCells:
    """One entry of the genotype history: the cells derived from ``step`` on."""

    step: int
    epoch: int
    genotype: Genotype


@dataclass(frozen=True)
class Run:
    """The run in the directory ``path``."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(os.path.abspath(self.path)))  # noqa: PTH100 (keeps links)

    @property
    def id(self) -> str:
        """The name of the directory."""
        return self.path.name

    def looks_like_a_run(self) -> bool:
        """Return whether the directory has a file that only runs have."""
        return any(os.path.lexists(self.path / mark) for mark in _MARKS)

    def check_names(self) -> None:
        """Check that nothing else has the name of a file or folder that a process writes or deletes here.

        A link would take that out of the directory, a pipe would block it, and a folder would make it fail. Raises
        ``UsageError`` that names the first one, and ``OSError`` if the directory cannot be read.
        """
        endings = {self.path: (TEMPORARY_SUFFIX,), self.path / CHECKPOINTS: (TEMPORARY_SUFFIX, ".pt")}
        for folder in endings:
            if not folder.is_dir():
                continue
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if entry.name in _FOLDERS and folder == self.path:
                    fits = entry.is_dir(follow_symlinks=False)
                elif entry.name in _FILES or entry.name.endswith(endings[folder]):
                    fits = entry.is_file(follow_symlinks=False)
                else:
                    continue
                if not fits:
                    expected = "a folder" if entry.name in _FOLDERS else "a regular file"
                    found = "a link, which is not followed" if entry.is_symlink() else f"not {expected}"
                    raise UsageError(
                        f"{plain(entry.path)}: {found}: move it away or remove it, and try again"
                    )

    def status(self) -> Status:
        """Return the reconciled status (see :func:`reconcile`).

        Never raises: a damaged run has the state "broken".
        """
        try:
            return reconcile(read_status(self.path))
        except BrokenRun as error:
            return self._without_status(error)

    def _without_status(self, error: BrokenRun) -> Status:
        now = time.time()
        try:
            changed = self.path.stat().st_mtime
        except OSError as problem:
            return Status(state=BROKEN, reason=reason_of(problem), observed=now)
        if not self.looks_like_a_run():
            return Status(state=BROKEN, reason="not a run directory", created=changed, observed=now)
        kind = "search"
        with suppress(BrokenRun):
            kind = str(self.summary().get("kind", kind))
        return Status(state=BROKEN, kind=kind, reason=error.reason, created=changed, observed=now)

    def config(self) -> dict[str, Any]:
        """Return the resolved configuration.

        Raises ``BrokenRun``.
        """
        return read_toml(self.path / CONFIG_FILE)

    def space(self) -> SearchSpace:
        """Return the search space, even if its operations aren't installed.

        Raises ``BrokenRun``.
        """
        from ..spaces.files import SpaceError, space_from_table

        path = self.path / SPACE_FILE
        try:
            return space_from_table(read_toml(path), any_operation=True)
        except SpaceError as error:
            raise BrokenRun(path, str(error)) from None

    def environment(self, attempt: int = 1) -> dict[str, Any]:
        """Return versions, device, git commit and command line of an attempt.

        Raises ``BrokenRun``.
        """
        return read_json(self.path / environment_file(attempt))

    def summary(self) -> dict[str, Any]:
        """Return the summary, {} before there is one.

        Raises ``BrokenRun`` for a damaged one.
        """
        path = self.path / SUMMARY_FILE
        return read_json(path) if os.path.lexists(path) else {}

    def genotype(self) -> Genotype | None:
        """Return the last derived cells, None before there are any.

        Raises ``BrokenRun`` for a damaged file.
        """
        path = self.path / GENOTYPE_FILE
        if not os.path.lexists(path):
            return None
        try:
            return Genotype.from_json(read_text(path))
        except (GenotypeError, RecursionError) as error:
            raise BrokenRun(path, str(error)) from None

    def metrics_reader(self) -> JsonLinesReader:
        """Return an incremental reader of the metrics."""
        return JsonLinesReader(self.path / METRICS_FILE)

    def metrics(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the metric rows of ``kind``, "step" or "epoch" (default: both), without superseded ones."""
        rows = self.metrics_reader().read_new().rows
        return rows if kind is None else [row for row in rows if row.get("kind") == kind]

    def genotypes_reader(self) -> JsonLinesReader:
        """Return an incremental reader of the history of the derived cells, of its end if it is very long."""
        return JsonLinesReader(self.path / GENOTYPES_FILE, tail=MAX_HISTORY_BYTES)

    def genotypes(self) -> list[DerivedCells]:
        """Return the history of the derived cells, without superseded and invalid entries."""
        history = []
        for row in self.genotypes_reader().read_new().rows:
            epoch = row.get("epoch")
            try:
                genotype = Genotype.from_dict(row.get("genotype"))
            except (GenotypeError, RecursionError):
                continue
            history.append(DerivedCells(row["step"], epoch if type(epoch) is int else 0, genotype))
        return history

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints, newest first; links aren't followed."""
        folder = self.path / CHECKPOINTS
        if folder.is_symlink():
            return []
        try:
            with os.scandir(folder) as entries:
                files = [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError:
            return []
        return sorted((f for f in files if checkpoint_step(f) >= 0), key=checkpoint_step, reverse=True)

    def files(self) -> dict[str, int]:
        """Return the size in bytes of each file, by its path in the directory; links aren't followed."""
        found: dict[str, int] = {}
        for folder, folders, names in os.walk(self.path):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                try:
                    found[str(path.relative_to(self.path))] = path.lstat().st_size
                except OSError:
                    continue  # deleted in the meantime
        return found
