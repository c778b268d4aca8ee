"""Activation checkpointing: a cell keeps its inputs alone, and is computed again when its gradient is due.

Source: Chen et al., *Training Deep Nets with Sublinear Memory Cost*, arXiv 1604.06174.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..architecture import Mixture
from ..genotype import CellGraph

__all__ = ["recomputed", "recomputing"]

recomputing: ContextVar[bool] = ContextVar(
    "recomputing", default=False
)  # whether a cell is being computed again


def recomputed(
    cell: nn.Module,
    before_previous: Tensor,
    previous: Tensor,
    plan: Mixture | CellGraph,
    drop: float | Tensor,
) -> Tensor:
    """The output of ``cell``, which keeps nothing inside it for the backward pass.

    The same numbers, random ones included, and the same gradients; batch-norm statistics move once.
    """

    def run(before_previous: Tensor, previous: Tensor) -> Tensor:
        # as tensors of its own: what is kept with them (see SharedReLU) neither outlives the cell, nor is there
        # already when it is computed again
        output: Tensor = cell(
            before_previous.view_as(before_previous), previous.view_as(previous), plan, drop
        )
        return output

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _again(cell)  # of the first pass, and of the second

    output: Tensor = checkpoint(run, before_previous, previous, use_reentrant=False, context_fn=contexts)
    return output


@contextmanager
def _again(module: nn.Module) -> Iterator[None]:
    """Of a second pass. The buffers are copies: it would move the running statistics a second time."""
    own = [(part, name, buffer) for part in module.modules() for name, buffer in part._buffers.items()]
    token = recomputing.set(True)
    try:
        for part, name, buffer in own:
            part._buffers[name] = None if buffer is None else torch.clone(buffer)
        yield
    finally:
        recomputing.reset(token)
        for part, name, buffer in own:
            part._buffers[name] = buffer
