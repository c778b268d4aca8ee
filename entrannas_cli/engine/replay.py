"""Decides when parts of a step are recorded or replayed; if recording fails, calls them directly."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..common.text import first_line
from .capture import Capture

__all__ = ["WARM_UP_CALLS", "GraphReplay"]

WARM_UP_CALLS = 2  # ordinary calls before a recording

Result = TypeVar("Result")
Input = Tensor | float


@dataclass
class _Part:
    """The state of the calls of one name: static input buffers and the recording."""

    signature: Hashable = None
    inputs: list[Tensor] = field(default_factory=list)
    calls: int = 0
    replay: Callable[[], None] | None = None
    result: Any = None
    previous_replay: Callable[[], None] | None = None  # kept until the next one: it holds the pool


class GraphReplay:
    """Implements :class:`Execute`: each name's function is recorded once per key.

    A new key, or inputs of another shape, lead to a new recording after ``WARM_UP_CALLS`` ordinary calls. All calls
    read their inputs from the same memory, numbers as zero-dimensional tensors. If a recording fails, ``warn`` is
    called with the reason, and functions are called directly from then on.
    """

    def __init__(self, capture: Capture, device: torch.device, warn: Callable[[str], None]) -> None:
        self._capture, self._device, self._warn = capture, device, warn
        self._parts: dict[str, _Part] = {}
        self._failed = False
        self.recordings = 0  # made so far

    def __call__(self, name: str, key: Hashable, function: Callable[..., Result], *inputs: Input) -> Result:
        """Run ``function`` on ``inputs``: see :class:`Execute`."""
        if self._failed:
            return function(*inputs)
        part = self._parts.setdefault(name, _Part())
        signature = key, *map(_layout, inputs)
        if part.signature != signature:
            self._reset(part, signature, inputs)
        _fill(part.inputs, inputs)
        part.calls += 1
        if part.calls <= WARM_UP_CALLS:
            return self._capture.warm_up(partial(function, *part.inputs))
        if part.replay is None and not self._record(name, part, function):
            return function(*inputs)
        assert part.replay is not None
        part.replay()
        result: Result = part.result
        return result

    def _reset(self, part: _Part, signature: tuple[Hashable, ...], inputs: Sequence[Input]) -> None:
        if part.signature is None or part.signature[1:] != signature[1:]:  # type: ignore[index]
            part.inputs = [_empty_like(value, self._device) for value in inputs]
        part.signature, part.calls = signature, 0
        part.previous_replay, part.replay = part.replay or part.previous_replay, None
        part.result = None  # the next recording uses its memory

    def _record(self, name: str, part: _Part, function: Callable[..., Any]) -> bool:
        try:
            part.replay, part.result = self._capture.record(partial(function, *part.inputs))
        except Exception as error:  # torch, a driver or a user's operation may raise anything
            self._failed = True
            self._parts.clear()
            reason = first_line(_root_error(error))
            self._warn(f"graphs: the {name} cannot be recorded ({reason}): continuing without graphs")
            return False
        part.previous_replay = None
        self.recordings += 1
        return True


def _root_error(error: BaseException) -> BaseException:
    """Return the first error: ending a failed recording raises one that only says that it failed."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _layout(value: Input) -> Hashable:
    return (value.shape, value.dtype, value.stride()) if isinstance(value, Tensor) else "number"


def _empty_like(value: Input, device: torch.device) -> Tensor:
    return torch.empty_like(value) if isinstance(value, Tensor) else torch.empty((), device=device)


def _fill(buffers: Sequence[Tensor], inputs: Sequence[Input]) -> None:
    for buffer, value in zip(buffers, inputs, strict=True):
        if isinstance(value, Tensor):
            buffer.copy_(value, non_blocking=True)
        else:
            buffer.fill_(value)
