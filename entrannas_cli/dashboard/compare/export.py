"""Write a comparison to a file, with the functions and the command that write it from a shell."""

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

__all__ = ["FORMATS", "ComparisonFormat", "Export", "checked_path", "format_of", "write_export"]


MAX_NOTED = 3  # omissions that are listed


@dataclass(frozen=True)
class ComparisonFormat:
    """A file format. ``form`` is the table format; None for the report."""

    key: str
    name: str
    suffixes: tuple[str, ...]
    form: TableForm | None


FORMATS = (
    ComparisonFormat("csv", "CSV", (".csv",), TableForm.csv),
    ComparisonFormat("markdown", "Markdown", (".md",), TableForm.markdown),
    ComparisonFormat("latex", "LaTeX", (".tex",), TableForm.latex),
    ComparisonFormat("html", "HTML report", (".html", ".htm"), None),
)


def format_of(path: str) -> ComparisonFormat | None:
    """Return the format that the suffix of ``path`` names."""
    suffix = Path(path).suffix.lower()
    return next((known for known in FORMATS if suffix in known.suffixes), None)


@dataclass(frozen=True, kw_only=True)
class Export:
    """What to export: the result table of ``runs`` for ``request``, or their differences (``differ``)."""

    runs: Sequence[Overview]
    request: ComparisonRequest
    differ: bool = False

    def about(self, chosen: ComparisonFormat) -> str:
        """Return a description of the file's content."""
        runs = counted(len(self.runs), "run")
        if chosen.form is None:
            return f"a page about {runs}: result table, curves, cells, differences, environment"
        if self.differ:
            return f"the configuration values that differ, one column per run: {runs}"
        parts = [f"the result table of {runs}"]
        if self.request.group_by:
            parts.append(f"by {' and '.join(self.request.group_by)}")
        if self.request.published:
            parts.append("with published results")
        text = " ".join(parts)
        if chosen.form is TableForm.csv:
            text += ": full precision" if self.request.group_by else ": all columns, full precision"
        return text

    def file_name(self, chosen: ComparisonFormat) -> str:
        """Return the suggested file name."""
        stem = "report" if chosen.form is None else "differences" if self.differ else "comparison"
        return stem + chosen.suffixes[0]


def checked_path(text: str, chosen: ComparisonFormat) -> Path:
    """Return the path that ``text`` names.

    Raises ``UsageError`` if no file can be written there, or if the suffix is that of another format.
    """
    if not text.strip():
        raise UsageError("the file needs a name")
    path = Path(os.path.expanduser(text.strip()))  # noqa: PTH111 (no error for an unknown user)
    check_output(path, chosen.suffixes)
    try:
        return Path(os.path.abspath(path))  # noqa: PTH100 (keeps links)
    except OSError as error:  # the working directory is gone
        raise UsageError(f"{safe(str(path))}: {reason_of(error)}; give an absolute path") from None


def write_export(export: Export, chosen: ComparisonFormat, path: Path) -> str:
    """Write the file and return the outcome. Raises ``EntrannasError``."""
    if not export.runs:
        raise UsageError("no runs left to export")
    if chosen.form is None:
        notes = _write_report(export.runs, path)
    else:
        text, notes = _table_text(export, chosen.form)
        write_output(path, text)
    lines = [f"wrote {safe(str(path))}: {export.about(chosen)}", *map(safe, notes[:MAX_NOTED])]
    if len(notes) > MAX_NOTED:
        lines.append(f"and {len(notes) - MAX_NOTED} more omissions")
    return "\n".join(lines)


def _table_text(export: Export, form: TableForm) -> tuple[str, Sequence[str]]:
    """Return the content of the file, and what was left out of it."""
    if export.differ:
        found = differences(export.runs)
        if len(found.ids) < 2:
            raise UsageError("differences need at least two runs", found.problems)
        frame = found.frame
        return serialized(form, frame, lambda: text_table(frame)), found.problems
    result = compared(export.runs, export.request)
    return serialized(form, result.frame, result.table, result.data_keys), ()


def _write_report(runs: Sequence[Overview], path: Path) -> Sequence[str]:
    """Write the report in a process of its own, since plotting is slow and takes much memory.

    Returns the lines that say what the page lacks.
    """
    command = [*this_program(), "report", *(str(run.path) for run in runs)]
    try:
        result = subprocess.run(
            [*command, "--output", str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise RunFailed(f"{safe(str(path))}: the report cannot be written: {error}") from None
    lines = result.stderr.splitlines()
    if result.returncode:
        prefix = "entrannas: "
        errors = [n for n, line in enumerate(lines) if line.startswith(prefix)]
        reason = "\n".join(lines[errors[-1] :]).removeprefix(prefix) if errors else "".join(lines[-1:])
        raise RunFailed(
            reason or f"{safe(str(path))}: `entrannas report` failed with exit code {result.returncode}"
        )
    return lines[:-1]  # the last one is the size
