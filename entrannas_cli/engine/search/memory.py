"""Estimates the memory of a search before it starts."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...config.base import with_values
from ...method.cells import all_connections
from ...method.fast.memory import MemoryEstimate, MemoryMeter, fill_optimizer, in_bf16, meta_batch
from ...method.genotype import CellGraph, Connection, Genotype
from ...method.operations import get_operation
from ...method.space import INPUT_NODES, SearchSpace
from ..device import Compute
from .build import build_search

if TYPE_CHECKING:
    from ...config.search import SearchConfig

__all__ = ["estimate_search", "heaviest_cells"]


def estimate_search(
    config: SearchConfig,
    space: SearchSpace,
    compute: Compute,
    *,
    shape: tuple[int, int, int],
    classes: int,
    genotype: Genotype | None = None,
    recorded: bool = False,
) -> MemoryEstimate:
    """Estimate the peaks of both steps and of an evaluation for images of ``shape`` (C, H, W).

    The Engine-cells compute every operation, the Transit-cells and the derived network ``genotype``: if None, the
    largest sub-graph that the search may pass or derive. ``recorded``: whether steps are recorded and replayed
    (:class:`FastPaths`), which keeps their memory. Raises torch's errors for operations that need real values.
    """
    meta = replace(compute, device=torch.device("meta"), precision="float32")
    # top-2 computes all operations; DST would omit those of weight 0
    top2_config = with_values(config, {"architecture": {"derivation": "top2"}})
    batch_size = config.search.batch_size
    steps, on_cpu = {}, compute.device.type == "cpu"
    with torch.random.fork_rng(devices=[]), MemoryMeter(heap=on_cpu) as meter:
        with torch.device("meta"):
            search = build_search(
                top2_config,
                space,
                meta,
                channels_in=shape[0],
                classes=classes,
                genotype=genotype or heaviest_cells(space, config),
            )
        derived = genotype or heaviest_cells(space, config, derived=True)
        mixed = compute.precision == "bf16"
        unmeasured = in_bf16(search.supernet) if mixed else 0
        if mixed:
            search.architecture.to(torch.bfloat16)
        for optimizer in (search.weight_optimizer, search.architecture_optimizer):
            fill_optimizer(optimizer)
        dtype = torch.bfloat16 if mixed else torch.float32
        training, validation = (meta_batch(batch_size, shape, compute.memory_format, dtype) for _ in range(2))
        baseline = meter.live
        meter.restart()
        search.architecture_step(validation, 1.0, turn=0)  # the first turn: the first cells take most memory
        steps["architecture step"] = meter.step_need(baseline, recorded=recorded) + unmeasured
        meter.restart()
        search.weight_step(training, search.architecture.mixtures("top2", 1.0), turn=0)
        steps["weight step"] = meter.step_need(baseline, recorded=recorded) + unmeasured
        del training, validation
        evaluation = 0
        with torch.no_grad():
            supernet, _ = copy.deepcopy(search.supernet).eval(), copy.deepcopy(search.supernet)
            images, _ = meta_batch(config.evaluation.batch_size, shape, compute.memory_format, dtype)
            mixtures = search.architecture.mixtures("top2", 1.0)
            for cells in ((search.passed, mixtures), (derived, None)):  # super-net, derived network
                meter.restart()
                supernet(images, *cells)
                evaluation = max(evaluation, meter.need)
        return MemoryEstimate(steps, evaluation=evaluation + unmeasured)


def heaviest_cells(space: SearchSpace, config: SearchConfig, *, derived: bool = False) -> Genotype:
    """Return the cells that take most memory among those that Transit-cells may pass in a search of ``config``.

    With ``derived``, among those that the search may derive.
    """
    top2 = config.architecture.derivation == "top2"
    every_edge = not top2 or config.architecture.warmup_epochs > 0
    if every_edge and config.network.transit_cells == "strongest" and not derived:
        connections = _heaviest(space, edges_per_node=space.nodes + INPUT_NODES)
    elif top2:
        connections = _heaviest(space, edges_per_node=2)
    else:
        connections = all_connections(space)
    graph = CellGraph(
        tuple(
            tuple(Connection(i, name) for i, target, name in connections if target == j)
            for j in space.intermediate
        )
    )
    return Genotype(graph, graph)


def _heaviest(space: SearchSpace, *, edges_per_node: int) -> list[tuple[int, int, str]]:
    """Return connections (source, target, operation), one from each of ``edges_per_node`` sources per node.

    A feature that two nodes share is kept only once, so others are preferred as long as there are any.
    """
    kept = {name: _kept_bytes(name) for name in space.operations}
    used: list[tuple[int, str]] = []
    connections = []
    for j in space.intermediate:
        candidates = sorted(
            ((i, name) for i in range(j) for name in space.operations),
            key=lambda candidate: (candidate in used, -kept[candidate[1]]),
        )
        best: dict[int, str] = {}  # by source
        for i, name in candidates:
            if len(best) < edges_per_node:
                best.setdefault(i, name)
        used += best.items()
        connections += [(i, j, name) for i, name in sorted(best.items())]
    return connections


def _kept_bytes(name: str) -> int:
    """Return the bytes that an operation keeps for its backward pass, for a feature of a fixed size."""
    with MemoryMeter() as meter:
        with torch.device("meta"):
            operation = get_operation(name).build(8, 1, False)
        x = torch.empty(8, 8, 8, 8, device="meta", requires_grad=True)
        before = meter.live
        output: Tensor = operation(x)
        output_bytes = 0 if output is x else output.untyped_storage().nbytes()
        return int(meter.live - before - output_bytes)
