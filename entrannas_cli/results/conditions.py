"""Conditions such as ``test_error<3`` on the rows of a table."""

from __future__ import annotations

import math
import operator as operators
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..common.errors import UsageError
from ..common.text import choices, did_you_mean, plain
from .columns import Column

if TYPE_CHECKING:
    from pandas import Series

__all__ = ["Condition", "parse_condition"]

_CONDITION = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(<=|>=|!=|==?|<|>)(.*)", re.DOTALL)
_TIME = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?Z?")
ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
RELATIVE_TOLERANCE = 1e-9  # numbers this close are equal
MAX_NAMED = 8  # values listed in a hint


@dataclass(frozen=True)
class Condition:
    """``key`` ``operator`` ``value``; the operator is one of = != < <= > >=."""

    key: str
    operator: str
    value: str

    def __str__(self) -> str:
        return plain(f'"{self.key}{self.operator}{self.value}"')

    def fits(self, values: Series, column: Column) -> list[bool]:
        """Return which of the column's values meet it; see :meth:`test`.

        Raises ``UsageError`` as that does.
        """
        test = self.test(column)
        missing = values.isna().tolist()
        return [test(None if na else value) for na, value in zip(missing, values.tolist(), strict=True)]

    def test(self, column: Column) -> Callable[[Any], bool]:
        """Return a function that says whether a value of the column meets it.

        Numbers compare as numbers; None meets only ``=`` without a value. Raises ``UsageError`` for < and the like
        with anything but a number.
        """
        if not self.value:
            if self.operator not in ("=", "!="):
                raise UsageError(f"condition {self}: {self.operator} needs a value after it")
            return lambda value: (value is None) == (self.operator == "=")
        meets = self._test(column)
        return lambda value: value is not None and meets(value)

    def _test(self, column: Column) -> Callable[[Any], bool]:
        operator, target = self.operator, self.value
        number = _number(target) if column.is_number else None
        if operator in ("=", "!="):
            if number is not None:
                close_to = number
                return lambda value: (
                    math.isclose(value, close_to, rel_tol=RELATIVE_TOLERANCE) == (operator == "=")
                )
            if column.kind == "tags":
                return lambda value: (target in value.split()) == (operator == "=")
            return lambda value: (column.text(value) == target) == (operator == "=")
        if column.kind == "time":
            if not _TIME.fullmatch(target):
                raise UsageError(f"condition {self}: a time looks like 2026-11-24 or 2026-11-24T10:15 (UTC)")
            return lambda value: ORDER[operator](value, target)
        if not column.is_number:
            raise UsageError(f"condition {self}: {self.key} is not a number: only = and != compare it")
        if number is None:
            raise UsageError(f'condition {self}: "{plain(target)}" is not a number')
        return lambda value: ORDER[operator](value, number)

    def hint(self, values: Iterable[object], column: Column) -> str:
        """Return which values there are, as the end of a sentence; empty for numbers."""
        if column.is_number or column.kind == "time" or self.operator != "=" or not self.value:
            return ""
        present = sorted({column.text(value) for value in values})
        if column.kind == "tags":
            present = sorted({tag for tags in present for tag in tags.split()})
        more = f", … ({len(present)} in all)" if len(present) > MAX_NAMED else ""
        found = (
            f"the runs have {choices(present[:MAX_NAMED], last='and')}{more}"
            if present
            else f"no run has {self.key}"
        )
        return f"{found}{did_you_mean(self.value, present)}"


def parse_condition(text: str) -> Condition:
    """Parse a condition as typed.

    Raises ``UsageError``.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(
            f'condition "{plain(text)}": expected a column, a comparison (= != < <= > >=) and a value, '
            "such as method=entrannas-dst or test_error<3"
        )
    return Condition(match[1], "=" if match[2] == "==" else match[2], match[3].strip())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
