"""Parse the filter into a test of runs: words and conditions, all of which must hold."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from ..common.errors import UsageError
from ..common.text import did_you_mean
from ..results.columns import COLUMNS as RESULT_COLUMNS
from ..results.conditions import Condition, parse_condition
from ..store.overview import Overview
from .table_columns import TABLE, column_for

__all__ = ["Filter", "parse_filter"]

_CONDITION = re.compile(r"[A-Za-z_][\w.-]*(<=|>=|!=|==?|<|>)")
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Test = Callable[[Overview], bool]


@dataclass(frozen=True)
class Filter:
    """``fits`` returns whether a run is shown; ``problem`` says what was not understood, and ignored."""

    fits: Test
    problem: str = ""


def parse_filter(text: str) -> Filter:
    """Return the filter that ``text`` describes. Never raises.

    Words are searched in the id, state, problems, settings and tags; conditions are those of ``compare --where``. A
    condition without a value is ignored, since it is still being typed.
    """
    tests: list[Test] = []
    problem = ""
    for part in _parts(text):
        if not _CONDITION.match(part):
            tests.append(_contains(part.casefold()))
            continue
        try:
            condition = parse_condition(part)
            if condition.value:
                tests.append(_meets(condition))
        except UsageError as error:
            problem = problem or error.message
    return Filter(lambda run: all(test(run) for test in tests), problem)


def _parts(text: str) -> list[str]:
    """Split at spaces, unless quoted."""
    try:
        return shlex.split(text)
    except ValueError:  # a quote that isn't closed yet
        return text.split()


def _contains(word: str) -> Test:
    return lambda run: word in _words(run)


def _words(run: Overview) -> str:
    status = run.status
    texts = [run.id, status.state, status.kind, status.reason, *run.problems]
    texts += [run.text(key) for key in ("method", "space", "dataset", "cells")]
    return " ".join([*texts, *run.notes.tags]).casefold()


def _meets(condition: Condition) -> Test:
    column = column_for(condition.key)
    if column is None:
        names = dict.fromkeys([*TABLE, *RESULT_COLUMNS])
        raise UsageError(f"condition {condition}: no such column{did_you_mean(condition.key, names)}")
    if column.key == "age":
        condition = _in_seconds(condition)
    test = condition.test(column)
    return lambda run: test(column.read(run))


def _in_seconds(condition: Condition) -> Condition:
    match = _AGE.fullmatch(condition.value)
    if match is None:
        raise UsageError(f"condition {condition}: an age looks like 30m, 2h or 3d")
    return Condition(condition.key, condition.operator, str(float(match[1]) * _SECONDS[match[2]]))
