"""A run's status and summary as one record, for lists, and everything about a single run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.files import MAX_DEPTH, BrokenRun, nested_deeper
from ..common.numbers import number
from ..common.text import first_line
from .jsonl import JsonLinesReader
from .messages import reference_to
from .notes import NOTHING, Notes, read_notes
from .run import CONFIG_FILE, METRICS_FILE, Run
from .status import BROKEN, Status

__all__ = ["Overview", "describe", "next_command", "overview"]

TAIL_BYTES = 2**20  # bytes at the end of the metrics, searched first for the last rows
_FROM_CONFIG = {  # where the configuration has values for lists, until there is a summary
    "space": ("space",),
    "method": ("method",),
    "seed": ("seed",),
    "dataset": ("data", "dataset"),
}


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A run in a list. ``summary`` may contain anything; the properties return valid values or None."""

    id: str
    path: Path
    status: Status
    summary: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    notes: Notes = NOTHING
    notes_problem: str = ""

    @property
    def faults(self) -> tuple[str, ...]:
        """``problems``, which make its numbers doubtful, and the one with its notes, which doesn't."""
        return (*self.problems, self.notes_problem) if self.notes_problem else self.problems

    @property
    def age(self) -> float:
        """Seconds since the run was created; 0 if unknown."""
        return max(0.0, self.status.observed - self.status.created) if self.status.created else 0.0

    @property
    def loss(self) -> float | None:
        """The weight loss."""
        return self.number("weight_loss")

    @property
    def accuracy(self) -> float | None:
        """The most telling accuracy: on test images, else on held-out ones, else on training images.

        For a search, it is the super-net's on the architecture half, or on the weight half until there is one.
        """
        keys = ("test_accuracy", "validation_accuracy", "supernet_accuracy", "accuracy")
        return next((value for key in keys if (value := self.number(key)) is not None), None)

    @property
    def sparsity(self) -> float | None:
        """The share of connections with zero weight, averaged over both cell kinds."""
        found = [v for v in (self.number("sparsity_normal"), self.number("sparsity_reduce")) if v is not None]
        return sum(found) / len(found) if found else None

    @property
    def gap(self) -> float | None:
        """The consistency gap."""
        return self.number("gap")

    def number(self, key: str) -> float | None:
        """Return a finite number of the summary, or None."""
        return number(self.summary.get(key))

    def text(self, key: str) -> str:
        """Return a string or number of the summary as text; empty for anything else."""
        value = self.summary.get(key)
        return str(value) if isinstance(value, str | int | float) else ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as one JSON object; the status overrides the summary."""
        status = self.status
        status_fields = status.to_dict()
        del status_fields["format"]
        return {
            **{key: value for key, value in self.summary.items() if key != "format"},
            "id": self.id,
            "path": str(self.path),
            **status_fields,
            "sparsity": self.sparsity,
            "age": self.age,
            "heartbeat_age": status.heartbeat_age,
            "stale": status.stale,
            "tags": list(self.notes.tags),
            "note": self.notes.note,
            "problems": list(self.faults),
        }


def overview(run: Run) -> Overview:
    """Return the overview of ``run``, from its small files only.

    Never raises: whatever its files make a parser raise is a problem of this run alone.
    """
    try:
        return _read_overview(run)
    except Exception as error:
        reason = first_line(error, named=True)
        status = Status(state=BROKEN, reason=reason, observed=time.time())
        return Overview(id=run.id, path=run.path, status=status, summary={}, problems=(reason,))


def _read_overview(run: Run) -> Overview:
    status = run.status()
    problems = [status.reason] if status.state == BROKEN else []
    try:
        summary = run.summary()
    except BrokenRun as error:
        summary = {}
        problems.append(error.reason)
    if status.state != BROKEN and any(key not in summary for key in _FROM_CONFIG):
        try:
            summary = {**_from_config(run), **summary}
        except BrokenRun as error:
            problems.append(error.reason)
    notes, notes_problem = NOTHING, ""
    try:
        notes = read_notes(run)
    except BrokenRun as error:
        notes_problem = error.reason
    return Overview(
        id=run.id,
        path=run.path,
        status=status,
        summary=summary,
        problems=tuple(problems),
        notes=notes,
        notes_problem=notes_problem,
    )


def _from_config(run: Run) -> dict[str, Any]:
    config: Any = run.config() if os.path.lexists(run.path / CONFIG_FILE) else {}
    found = {}
    for key, path in _FROM_CONFIG.items():
        value = config
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            found[key] = value
    return found


def describe(run: Run) -> dict[str, Any]:
    """Return everything that ``runs show`` prints, as one JSON object.

    Never raises for the content of files.
    """
    record = overview(run)
    problems = list(record.faults)

    def try_read(read: Any) -> Any:
        try:
            return read()
        except BrokenRun as error:
            problems.append(error.reason)
            return None

    config = try_read(run.config)
    environment = try_read(lambda: run.environment(record.status.attempt)) if record.status.attempt else None
    genotype = try_read(run.genotype)
    step, epoch = _last_rows(run)
    return {
        **record.to_dict(),
        "config": config,
        "environment": environment,
        "last_step": step,
        "last_epoch": epoch,
        "genotype": None if genotype is None else genotype.to_dict(),
        "checkpoints": [str(path.relative_to(run.path)) for path in run.checkpoints()],
        "files": run.files(),
        "problems": problems,
        "next": next_command(run, record.status),
    }


def next_command(run: Run, status: Status) -> str:
    """Return the command that a user most likely wants next; empty for a broken run."""
    if status.state == "running":
        command = "stop"
    elif status.resumable:
        command = "resume"
    elif status.state == "completed":
        command = "report" if status.kind == "train" else "train"
    else:
        return ""
    return f"entrannas {command} {reference_to(run)}"


def _last_rows(run: Run) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the last step and epoch rows; read the whole file only if its end doesn't have them."""
    last: dict[Any, dict[str, Any]] = {}
    for tail in (TAIL_BYTES, None):
        rows = JsonLinesReader(run.path / METRICS_FILE, tail=tail).read_new().rows
        last = {row["kind"]: row for row in rows if row.get("kind") in ("step", "epoch")}
        if len(last) == 2:
            break
    step, epoch = (None if nested_deeper(row, MAX_DEPTH) else row for row in map(last.get, ("step", "epoch")))
    return step, epoch
