"""What is compared, as a file: made by the functions, and by the command, that make it in a shell too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common.errors import RunFailed, UsageError
from ...common.files import reason_of
from ...common.text import counted, safe
from ...engine.detach import this_program
from ...render.output_file import check_output, write_output
from ...results.comparison import ComparisonRequest
from ...results.formats import text_table
from ...results.serialize import TableForm, serialized
from ...store.overview import Overview
from .tables import compared, differences

__all__ = ["FORMATS", "Export", "ExportFormat", "checked_path", "format_of", "write_export"]


MAX_NOTED = 3  # things that a file lacks, told one by one


@dataclass(frozen=True)
class ExportFormat:
    """A kind of file. ``form`` is that of a table; None for the report."""

    key: str
    name: str
    suffixes: tuple[str, ...]
    form: TableForm | None


FORMATS = (
    ExportFormat("csv", "CSV", (".csv",), TableForm.csv),
    ExportFormat("markdown", "Markdown", (".md",), TableForm.markdown),
    ExportFormat("latex", "LaTeX", (".tex",), TableForm.latex),
    ExportFormat("html", "HTML report", (".html", ".htm"), None),
)


def format_of(path: str) -> ExportFormat | None:
    """The format that the ending of ``path`` names."""
    suffix = Path(path).suffix.lower()
    return next((one for one in FORMATS if suffix in one.suffixes), None)


@dataclass(frozen=True, kw_only=True)
class Export:
    """What goes out: the result table of ``runs`` as ``request`` has it, or their differences (``differ``)."""

    runs: Sequence[Overview]
    request: ComparisonRequest
    differ: bool = False

    def about(self, chosen: ExportFormat) -> str:
        """In words."""
        runs = counted(len(self.runs), "run")
        if chosen.form is None:
            return f"a page about {runs}: result table, curves, cells, differences, environment"
        if self.differ:
            return f"the configuration values that differ, a column a run: {runs}"
        parts = [f"the result table of {runs}"]
        if self.request.group_by:
            parts.append(f"by {' and '.join(self.request.group_by)}")
        if self.request.published:
            parts.append("with published results")
        text = " ".join(parts)
        if chosen.form is TableForm.csv:
            text += ": full numbers" if self.request.group_by else ": all columns, full numbers"
        return text

    def file_name(self, chosen: ExportFormat) -> str:
        """What the file is called unless the user says something else."""
        stem = "report" if chosen.form is None else "differences" if self.differ else "comparison"
        return stem + chosen.suffixes[0]


def checked_path(text: str, chosen: ExportFormat) -> Path:
    """The file that ``text`` names. Raises ``UsageError`` if none can be there, or if its ending is another's."""
    if not text.strip():
        raise UsageError("the file needs a name")
    path = Path(os.path.expanduser(text.strip()))  # noqa: PTH111 (no error for an unknown user)
    check_output(path, chosen.suffixes)
    try:
        return Path(os.path.abspath(path))  # noqa: PTH100 (keeps links)
    except OSError as error:  # the working directory is gone
        raise UsageError(f"{safe(str(path))}: {reason_of(error)}; name a whole path") from None


def write_export(export: Export, chosen: ExportFormat, path: Path) -> str:
    """Writes the file and returns what came of it. Raises ``EntrannasError``."""
    if not export.runs:
        raise UsageError("there is no run left to write about")
    if chosen.form is None:
        notes = _write_report(export.runs, path)
    else:
        text, notes = _table_text(export, chosen.form)
        write_output(path, text)
    lines = [f"wrote {safe(str(path))}: {export.about(chosen)}", *map(safe, notes[:MAX_NOTED])]
    if len(notes) > MAX_NOTED:
        lines.append(f"and {len(notes) - MAX_NOTED} more that it lacks")
    return "\n".join(lines)


def _table_text(export: Export, form: TableForm) -> tuple[str, Sequence[str]]:
    """(the content of the file, what was left out of it)"""
    if export.differ:
        found = differences(export.runs)
        if len(found.ids) < 2:
            raise UsageError("differences are between two runs or more", found.problems)
        frame = found.frame
        return serialized(form, frame, lambda: text_table(frame)), found.problems
    result = compared(export.runs, export.request)
    return serialized(form, result.frame, result.table, result.data_keys), ()


def _write_report(runs: Sequence[Overview], path: Path) -> Sequence[str]:
    """By a process of its own: what draws the pictures is large, and slow.

    Returns the lines that say what the page lacks.
    """
    command = [*this_program(), "report", *(str(run.path) for run in runs)]
    try:
        done = subprocess.run(
            [*command, "--output", str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise RunFailed(f"{safe(str(path))}: the report can't be made: {error}") from None
    said = done.stderr.splitlines()
    if done.returncode:
        mark = "entrannas: "
        errors = [n for n, line in enumerate(said) if line.startswith(mark)]
        reason = "\n".join(said[errors[-1] :]).removeprefix(mark) if errors else "".join(said[-1:])
        raise RunFailed(reason or f"{safe(str(path))}: `entrannas report` ended with {done.returncode}")
    return said[:-1]  # the last one tells the size
