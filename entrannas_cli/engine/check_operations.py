"""Checks that the operations of a run are installed and work."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..common.errors import UsageError
from ..common.text import first_line, plain
from ..method.operations import ENTRY_POINT_GROUP, get_operation

__all__ = ["require_operations"]


def require_operations(names: Iterable[str], whose: str, channels: int = 8) -> None:
    """Raise ``UsageError`` naming an operation that is missing, or broken with this number of ``channels``.

    A run may have been created where another package was installed. ``whose`` says for the message where the
    operations are from.
    """
    for name in names:
        try:
            get_operation(name)
        except KeyError:
            raise UsageError(
                f"operation {plain(name)} of {plain(whose)} is not installed here: install the "
                f"package that provides it (entry point {ENTRY_POINT_GROUP})"
            ) from None
        except ImportError as error:
            reason = plain(str(error))
            raise UsageError(f"operation {plain(name)}: its package cannot be imported: {reason}") from error
        _try_operation(name, channels)


@torch.no_grad()
def _try_operation(name: str, channels: int) -> None:
    """Run the operation once at each stride: one from another package may be wrong."""
    build = get_operation(name).build
    for stride in (1, 2):
        try:
            shape = tuple(build(channels, stride, False)(torch.zeros(2, channels, 6, 6)).shape)
        except Exception as error:
            reason = first_line(error)
            raise UsageError(
                f"operation {plain(name)} fails at stride {stride} with {channels} channels: {reason}"
            ) from error
        if shape != (expected := (2, channels, 6 // stride, 6 // stride)):
            raise UsageError(
                f"operation {plain(name)} at stride {stride} maps (2, {channels}, 6, 6) to {shape}, "
                f"expected {expected}"
            )
