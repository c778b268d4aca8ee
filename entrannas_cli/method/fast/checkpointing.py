"""Activation checkpointing: a cell keeps only its inputs, and the backward pass recomputes it.

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

recomputing: ContextVar[bool] = ContextVar("recomputing", default=False)  # whether a cell is being recomputed


def recomputed(
    cell: nn.Module,
    before_previous: Tensor,
    previous: Tensor,
    plan: Mixture | CellGraph,
    drop: float | Tensor,
) -> Tensor:
    """Return the output of ``cell`` without keeping its activations for the backward pass.

    Outputs, random numbers and gradients are the same; batch-norm statistics are updated once.
    """

    def run(before_previous: Tensor, previous: Tensor) -> Tensor:
        # new tensors: what is cached on them (see SharedReLU) is freed with the cell, and isn't there when the
        # cell is recomputed
        output: Tensor = cell(
            before_previous.view_as(before_previous), previous.view_as(previous), plan, drop
        )
        return output

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _second_pass(cell)  # first and second pass

    output: Tensor = checkpoint(run, before_previous, previous, use_reentrant=False, context_fn=contexts)
    return output


@contextmanager
def _second_pass(module: nn.Module) -> Iterator[None]:
    """Run the second pass on copies of the buffers, so that it doesn't update the running statistics again."""
    buffers = [(part, name, buffer) for part in module.modules() for name, buffer in part._buffers.items()]
    token = recomputing.set(True)
    try:
        for part, name, buffer in buffers:
            part._buffers[name] = None if buffer is None else torch.clone(buffer)
        yield
    finally:
        recomputing.reset(token)
        for part, name, buffer in buffers:
            part._buffers[name] = buffer
