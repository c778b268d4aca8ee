"""How the parts of a step are run: directly, or recorded once and replayed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from torch import Tensor

__all__ = ["Execute", "directly"]

Result = TypeVar("Result")


class Execute(Protocol):
    """Runs ``function`` on ``inputs``; its result is valid until the next call, with any ``name``.

    With the same ``name`` and ``key`` the function must do the same to the same tensors, and never synchronise with
    the device, so that it can be recorded and replayed. Numbers in ``inputs`` may arrive as 0-dimensional tensors.
    """

    def __call__(
        self, name: str, key: Hashable, function: Callable[..., Result], *inputs: Tensor | float
    ) -> Result: ...


def directly(name: str, key: Hashable, function: Callable[..., Result], *inputs: Tensor | float) -> Result:
    """Call ``function`` every time, without recording."""
    return function(*inputs)
