"""The file formats of a comparison, for the command and the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from .formats import TextTable

__all__ = ["SUFFIXES", "TableForm", "serialized"]


class TableForm(StrEnum):
    """How a comparison is written. ``table`` is for a terminal, drawn by whoever knows its width."""

    table = "table"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"
    json = "json"


SUFFIXES = {
    ".csv": TableForm.csv,
    ".md": TableForm.markdown,
    ".tex": TableForm.latex,
    ".json": TableForm.json,
    ".txt": TableForm.table,
}


def serialized(
    form: TableForm, frame: DataFrame, table: Callable[[], TextTable], keys: Sequence[str] | None = None
) -> str:
    """Return the content of a file in any ``form`` but ``table``.

    CSV and JSON, for programs, have the columns ``keys`` (default: all) of ``frame`` in full precision; the other
    forms show ``table``, rounded for reading.
    """
    from .formats import to_csv, to_json, to_latex, to_markdown

    match form:
        case TableForm.csv:
            return to_csv(frame, keys)
        case TableForm.json:
            return to_json(frame, keys)
        case TableForm.markdown:
            return to_markdown(table())
        case TableForm.latex:
            return to_latex(table())
        case TableForm.table:
            raise ValueError("a table for a terminal needs its width")
