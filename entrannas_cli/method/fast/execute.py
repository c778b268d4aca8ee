"""How the parts of a step are run: directly, or by something that records them once and replays them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from torch import Tensor

__all__ = ["Execute", "directly"]

Result = TypeVar("Result")


class Execute(Protocol):
    """Runs ``function`` on ``inputs``; what comes back holds until the next call, of whatever ``name``.

    With the same ``name`` and ``key`` the function must do the same to the same tensors, and read nothing on the
    host: it may then be recorded and replayed. Numbers among ``inputs`` may reach it as tensors of no dimension.
    """

    def __call__(
        self, name: str, key: Hashable, function: Callable[..., Result], *inputs: Tensor | float
    ) -> Result: ...


def directly(name: str, key: Hashable, function: Callable[..., Result], *inputs: Tensor | float) -> Result:
    """Calls ``function``, each time."""
    return function(*inputs)
