"""What is wrong with a configuration, in a form that says which value it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..common.errors import UsageError

__all__ = ["ConfigurationError", "Problem"]


@dataclass(frozen=True)
class Problem:
    """``subject`` is the value with its source, as in ``seed = -1 (--seed)``; ``text`` says what is wrong with it.

    ``concerns`` are the keys it is about, each with the source of its value, first the one to change; a key is
    empty if no key has that name. ``details`` are further lines.
    """

    subject: str
    text: str
    concerns: tuple[tuple[str, str], ...] = ()
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


class ConfigurationError(UsageError):
    """Everything that is wrong with a configuration."""

    def __init__(self, problems: Sequence[Problem], advice: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        lines = [
            line
            for problem in problems
            for line in (str(problem), *(f"  {detail}" for detail in problem.details))
        ]
        if len(lines) + len(advice) == 1:
            super().__init__(lines[0])
        else:
            super().__init__("the configuration has errors:", [*lines, *advice])
