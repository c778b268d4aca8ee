"""Result tables as CSV, JSON, Markdown, LaTeX, and as text for a terminal.

CSV has numbers in full precision, keys as headers and nothing for a missing value. A string that a spreadsheet
would take for a formula (it begins with = + - or @, or with a tab or carriage return, perhaps after apostrophes)
gets an apostrophe in front; remove it to get the string back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..common.atomic import dump_json
from .columns import COLUMNS, MISSING, PUBLISHED, cell_text, spread_key
from .table import RUNS, best_key, column_of, count_key

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["TextTable", "text_table", "to_csv", "to_json", "to_latex", "to_markdown"]

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r'[,"\r\n]|^\s|\s$')


# data


def to_csv(frame: DataFrame, keys: Sequence[str] | None = None) -> str:
    """Return the columns ``keys`` (default: all) of ``frame``, one line per row.

    ``pandas.read_csv`` gives the same table.
    """
    frame = frame if keys is None else frame[list(keys)]
    lines = [_line([str(key) for key in frame.columns])]
    lines += [_line(row) for row in frame.astype(object).itertuples(index=False, name=None)]
    return "".join(lines)


def _line(values: Sequence[object]) -> str:
    fields = [_field(value) for value in values]
    if fields == [""]:  # else the line would be empty, which readers skip
        fields = ['""']
    return ",".join(fields) + "\n"


def _field(value: object) -> str:
    if isinstance(value, str):
        text = f"'{value}" if _FORMULA.match(value) else value
        return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
    if _missing(value):
        return ""
    return cell_text(value)  # the shortest form of a float that reads back as the same number


def _missing(value: Any) -> bool:
    from pandas import isna

    return bool(isna(value))


def to_json(frame: DataFrame, keys: Sequence[str] | None = None) -> str:
    """Return a list of objects, one per row, with null for missing values; strict JSON."""
    frame = frame if keys is None else frame[list(keys)]
    names = [str(key) for key in frame.columns]
    rows = frame.astype(object).itertuples(index=False, name=None)
    records = [
        {name: None if _missing(value) else value for name, value in zip(names, row, strict=True)}
        for row in rows
    ]
    return dump_json(records, indent=2) + "\n"


# text


@dataclass(frozen=True)
class TextTable:
    """A table as text, rounded for reading. ``keys`` are those of the columns, ``units`` are "" for none.

    ``numeric`` says which columns are right-aligned, ``published`` which rows aren't runs.
    """

    keys: tuple[str, ...]
    headings: tuple[str, ...]
    units: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    published: tuple[bool, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """Headings with units: "test error (%)"."""
        return tuple(
            f"{heading} ({unit})" if unit else heading
            for heading, unit in zip(self.headings, self.units, strict=True)
        )

    def without_empty(self) -> TextTable:
        """Return the table without columns in which no row has a value."""
        kept = [
            n for n in range(len(self.keys)) if not self.rows or any(row[n] != MISSING for row in self.rows)
        ]
        return self.only(kept)

    def only(self, numbers: Sequence[int]) -> TextTable:
        """Return the table with only the columns of these numbers."""

        def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[n] for n in numbers)

        return TextTable(
            pick(self.keys),
            pick(self.headings),
            pick(self.units),
            pick(self.numeric),
            tuple(map(pick, self.rows)),
            self.published,
        )


@dataclass(frozen=True)
class _TextColumn:
    key: str
    heading: str
    unit: str
    numeric: bool
    cells: list[str]


def text_table(frame: DataFrame, keys: Sequence[str] | None = None) -> TextTable:
    """Return the columns ``keys`` (default: all) of ``frame`` as text, as "2.76 ± 0.09" with a deviation.

    A grouped table has all its columns; a mean over fewer values than the group has runs says so.
    """
    names = [str(key) for key in frame.columns]
    is_grouped = any(
        count_key(name.removesuffix("_mean")) in names for name in names if name.endswith("_mean")
    )
    columns = (
        _grouped_columns(frame, names) if is_grouped else [_text_column(frame, key) for key in keys or names]
    )
    return TextTable(
        tuple(column.key for column in columns),
        tuple(column.heading for column in columns),
        tuple(column.unit for column in columns),
        tuple(column.numeric for column in columns),
        tuple(zip(*(column.cells for column in columns), strict=True)) if columns else (),
        tuple(_published_rows(frame)),
    )


def _published_rows(frame: DataFrame) -> list[bool]:
    if "source" in frame.columns:
        return [bool(there) for there in frame["source"].notna()]
    return [False] * len(frame)


def _values(frame: DataFrame, key: str) -> list[object]:
    return [None if _missing(value) else value for value in frame[key].tolist()]


def _text_column(frame: DataFrame, key: str) -> _TextColumn:
    column = column_of(frame, key)
    spread = spread_key(key)
    spreads = _values(frame, spread) if spread in frame.columns else [None] * len(frame)
    cells = [column.text(value, s) for value, s in zip(_values(frame, key), spreads, strict=True)]
    return _TextColumn(key, column.heading, column.unit, column.is_number, cells)


def _grouped_columns(frame: DataFrame, names: Sequence[str]) -> list[_TextColumn]:
    measures = [n.removesuffix("_mean") for n in names if n.endswith("_mean")]
    measures = [key for key in measures if count_key(key) in names]
    parts = {part(key) for key in measures for part in (spread_key, best_key, count_key)}
    runs = _values(frame, RUNS)
    columns = []
    for name in names:
        key = name.removesuffix("_mean")
        if name in parts:
            continue
        if key == name or key not in measures:
            texts = _text_column(frame, name)
            if name == RUNS:  # mark rows that aren't groups of runs
                marked = zip(texts.cells, _published_rows(frame), strict=True)
                texts = replace(texts, cells=[PUBLISHED if published else cell for cell, published in marked])
            columns.append(texts)
            continue
        column = COLUMNS.get(key) or column_of(frame, name)
        counts = _values(frame, count_key(key))
        cells = [
            column.text(mean, spread) + (f" (n={count})" if count and count != total else "")
            for mean, spread, count, total in zip(
                _values(frame, name), _values(frame, spread_key(key)), counts, runs, strict=True
            )
        ]
        heading = column.heading if key in COLUMNS else key
        columns.append(_TextColumn(name, heading, column.unit, True, cells))
        if best_key(key) in names and column.unit == "%":
            best = [column.text(value) for value in _values(frame, best_key(key))]
            columns.append(_TextColumn(best_key(key), "best", column.unit, True, best))
    return columns


# Markdown


def to_markdown(table: TextTable) -> str:
    """Return the table in GitHub's Markdown."""
    rows = [[_markdown(text) for text in row] for row in (table.titles, *table.rows)]
    widths = [max(3, *(len(row[n]) for row in rows)) for n in range(len(table.keys))]
    rules = [
        f"{'-' * (width - 1)}:" if numeric else "-" * width
        for width, numeric in zip(widths, table.numeric, strict=True)
    ]
    aligned = [
        [
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, numeric in zip(row, widths, table.numeric, strict=True)
        ]
        for row in rows
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in (aligned[0], rules, *aligned[1:]))


def _markdown(text: str) -> str:
    text = re.sub(r"([\\`*_{}\[\]<>|~$#!])", r"\\\1", " ".join(text.split()))
    return text.replace("&", "&amp;")


# LaTeX

_LATEX = {
    **{c: f"\\{c}" for c in "{}&#_%"},
    "$": r"$\$$",  # outside formulas it needs a font that small installations lack
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # babel gives the character itself a special meaning
    "`": "{`}",
    "[": "{[}",  # after \\ or a rule of booktabs it would begin an argument
    "*": "{*}",
    "-": "-{}",  # two of them would join into a dash
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "œ": r"\oe{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "λ": r"$\lambda$",
    "τ": r"$\tau$",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}


def to_latex(table: TextTable) -> str:
    """Return the table as a ``tabular`` with booktabs rules.

    It is pure ASCII, so every TeX compiles it: a letter without a LaTeX command is given as its code point.
    """
    lines = [
        r"% in the preamble: \usepackage{booktabs}",
        f"\\begin{{tabular}}{{{''.join('r' if numeric else 'l' for numeric in table.numeric)}}}",
        r"  \toprule",
        f"  {' & '.join(map(_latex, table.titles))} \\\\",
        r"  \midrule",
    ]
    for row in table.rows:
        cells = (_latex_number(t) if n else _latex(t) for t, n in zip(row, table.numeric, strict=True))
        lines.append(f"  {' & '.join(cells)} \\\\")
    return "\n".join([*lines, r"  \bottomrule", r"\end{tabular}", ""])


def _latex_number(text: str) -> str:
    return f"$-${_latex(text[1:])}" if text.startswith("-") else _latex(text)


def _latex(text: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    return re.sub(r"-\{\}(?!-)", "-", "".join(map(_latex_character, text)))


def _latex_character(character: str) -> str:
    known = _LATEX.get(character)
    if known is not None:
        return known
    if " " <= character <= "~":
        return character
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[1] in _ACCENTS and parts[0].isascii() and parts[0].isalpha():
        letter = {"i": r"\i ", "j": r"\j "}.get(parts[0], parts[0])
        return f"\\{_ACCENTS[parts[1]]}{{{letter}}}"
    return f"{{[}}U+{ord(character):04X}]"
