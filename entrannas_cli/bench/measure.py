"""Measuring subjects side by side, each in its own process, in turn, round after round. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from .remote import Remote

__all__ = ["Measured", "Start", "measure"]

Tell = Callable[[str, int, int], None]  # description, done, total
Start = Callable[[], Remote]


@dataclass
class Measured:
    """Results of one subject: seconds per step and by part, one value per round, and the rounds' ``answers``."""

    name: str
    seconds: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)
    answers: list[Mapping[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, answer: Mapping[str, Any]) -> None:
        """Add the answer of a round."""
        self.answers.append(answer)
        if "seconds" in answer:
            self.seconds.append(answer["seconds"])
        for part, seconds in answer.get("parts", {}).items():
            self.parts.setdefault(part, []).append(seconds)


def measure(
    starts: Sequence[Start], *, warmup: int, rounds: int, steps: int, tell: Tell = lambda *_: None
) -> list[Measured]:
    """Let each subject take ``warmup`` steps, then ``steps`` timed ones per round, and one more by parts.

    Raises ``UsageError`` or ``RunFailed``, naming the subject.
    """
    total = (rounds + 2) * len(starts)  # warm-up and facts take about a round each
    with ExitStack() as stack:
        tell("measuring", done := 0, total)
        remotes = [stack.enter_context(start()) for start in starts]
        results = [Measured(remote.name) for remote in remotes]
        for remote in remotes:
            remote.ready()
        for remote in remotes:
            remote.ask("warm", warmup)
            tell("measuring", done := done + 1, total)
        for _ in range(rounds):
            for remote, measured in zip(remotes, results, strict=True):
                measured.add(remote.ask("round", steps))
                tell("measuring", done := done + 1, total)
        for remote, measured in zip(remotes, results, strict=True):
            measured.facts = remote.ask("facts")
            tell("measuring", done := done + 1, total)
    return results
