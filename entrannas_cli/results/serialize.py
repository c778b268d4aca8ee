"""The forms in which a comparison is written into a file, by the command and by the dashboard alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from .formats import TextTable

__all__ = ["SUFFIXES", "Form", "written"]


class Form(StrEnum):
    """How a comparison is written. ``table`` is the one for a terminal, made by whoever knows its width."""

    table = "table"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"
    json = "json"


SUFFIXES = {
    ".csv": Form.csv,
    ".md": Form.markdown,
    ".tex": Form.latex,
    ".json": Form.json,
    ".txt": Form.table,
}


def written(
    form: Form, frame: DataFrame, table: Callable[[], TextTable], keys: Sequence[str] | None = None
) -> str:
    """The content of a file in any ``form`` but ``table``.

    CSV and JSON, for programs, have the columns ``keys`` (all) of ``frame``, with full numbers; the other forms are
    of ``table``, rounded for reading.
    """
    from .formats import to_csv, to_json, to_latex, to_markdown

    match form:
        case Form.csv:
            return to_csv(frame, keys)
        case Form.json:
            return to_json(frame, keys)
        case Form.markdown:
            return to_markdown(table())
        case Form.latex:
            return to_latex(table())
        case Form.table:
            raise ValueError("a table for a terminal needs its width")
