"""Whether the operations that a run needs are here, and do what they must."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..common.errors import UsageError
from ..common.text import first_line, plain
from ..method.operations import ENTRY_POINT_GROUP, get_operation

__all__ = ["require_operations"]


def require_operations(names: Iterable[str], whose: str) -> None:
    """Raises ``UsageError`` naming one that isn't: a run may have been made where a package was installed.

    ``whose`` they are ends the message.
    """
    for name in names:
        try:
            get_operation(name)
        except KeyError:
            raise UsageError(
                f"operation {plain(name)} of {plain(whose)} is not installed here: install the "
                f"package that brings it (entry point {ENTRY_POINT_GROUP})"
            ) from None
        except ImportError as error:
            reason = plain(str(error))
            raise UsageError(f"operation {plain(name)}: its package can't be imported: {reason}") from error
        _try_operation(name)


@torch.no_grad()
def _try_operation(name: str) -> None:
    """Runs the operation once at each stride: a user's may be wrong."""
    build = get_operation(name).build
    for stride in (1, 2):
        try:
            shape = tuple(build(8, stride, False)(torch.zeros(2, 8, 6, 6)).shape)
        except Exception as error:
            reason = first_line(error)
            raise UsageError(f"operation {plain(name)} fails at stride {stride}: {reason}") from error
        if shape != (expected := (2, 8, 6 // stride, 6 // stride)):
            raise UsageError(
                f"operation {plain(name)} at stride {stride} makes {shape} of (2, 8, 6, 6), expected {expected}"
            )
