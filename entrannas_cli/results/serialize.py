"""The forms in which a comparison is written into a file, by the command and by the dashboard alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from .formats import TextTable

__all__ = ["SUFFIXES", "TableForm", "serialized"]


class TableForm(StrEnum):
    """How a comparison is written. ``table`` is the one for a terminal, made by whoever knows its width."""

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
    """The content of a file in any ``form`` but ``table``.

    CSV and JSON, for programs, have the columns ``keys`` (all) of ``frame``, with full numbers; the other forms are
    of ``table``, rounded for reading.
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
