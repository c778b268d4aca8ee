"""The work of a search run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...data.datasets import Dataset
from ...data.search_data import open_search_data
from ...method.fast.memory import MemoryEstimate
from ...method.random_search import draw_genotype
from ...method.space import SearchSpace
from ..check_operations import require_operations
from ..device import Compute
from ..fast_paths import FastPaths
from ..memory_check import DoesNotFit, MemoryCheck, memory_check
from ..run_context import RunContext
from ..torch_errors import translate_errors
from .build import build_search, search_fast_paths
from .loop import SearchLoop
from .memory import estimate_search
from .summary import derived_summary

if TYPE_CHECKING:
    from ...config.search import SearchConfig

__all__ = ["run_search"]


def run_search(context: RunContext[SearchConfig]) -> None:
    """Start or resume a search, run it to the end or until a stop, and finish the session."""
    config = context.config
    space = context.space or context.session.run.space()
    require_operations(space.operations, f"the space {space.name}", config.network.channels)
    context.session.update_summary({"preset": config.preset})
    if config.method == "random":
        _draw(context, space)
        return
    paths = search_fast_paths(config, context.compute)
    check = _memory_check(context, space, paths)
    try:
        with translate_errors(out_of_memory=check.advice):
            _search(context, space, paths, check)
    except DoesNotFit as error:
        run_search(context.with_values(error.changes))


def _search(
    context: RunContext[SearchConfig], space: SearchSpace, paths: FastPaths, check: MemoryCheck
) -> None:
    config, session, compute = context.config, context.session, context.compute
    with context.opening_data() as progress:
        data = open_search_data(
            config.data,
            seed=config.seed,
            device=compute.device,
            batch_size=config.search.batch_size,
            memory_format=compute.memory_format,
            progress=progress,
            reserve=check,
        )
    context.report_data(data.dataset, data.placement_reason)
    context.report_fast_paths(paths)
    search = build_search(
        config,
        space,
        compute,
        channels_in=data.dataset.shape[0],
        classes=len(data.dataset.classes),
        paths=paths,
        warn=lambda text: context.observer.message("warning", text),
    )
    loop = SearchLoop(
        config=config,
        space=space,
        compute=compute,
        data=data,
        search=search,
        session=session,
        observer=context.observer,
    )
    loop.restore()
    context.begin(_description(config, space, compute), loop)
    step = loop.state.step
    if not session.run.genotypes():
        session.write_genotype(step, loop.schedule.epoch(step), search.genotype)
    context.observer.derived(step, search.genotype)
    if loop.run():
        session.update_summary(derived_summary(search.genotype, space, config.target))
        session.finish("completed")
    else:
        session.finish("stopped", session.stop_reason)


def _draw(context: RunContext[SearchConfig], space: SearchSpace) -> None:
    """Draw random cells, as a baseline: nothing is trained, so there are no metrics and no checkpoint."""
    config, session = context.config, context.session
    context.begin(_description(config, space, context.compute))
    genotype = draw_genotype(space, config.seed)
    if not session.run.genotypes():
        session.write_genotype(0, 0, genotype)
    context.observer.derived(0, genotype)
    session.update_summary(
        derived_summary(genotype, space, config.target) | {"search_seconds": 0.0, "warnings": []}
    )
    session.finish("completed")


def _description(config: SearchConfig, space: SearchSpace, compute: Compute) -> tuple[str, ...]:
    return config.method, f"{space.name} space", config.data.dataset, compute.name


def _memory_check(context: RunContext[SearchConfig], space: SearchSpace, paths: FastPaths) -> MemoryCheck:
    def estimate(config: SearchConfig, dataset: Dataset) -> MemoryEstimate:
        return estimate_search(
            config,
            space,
            context.compute,
            shape=dataset.shape,
            classes=len(dataset.classes),
            recorded=paths.graphs,
        )

    fallback_setting = f"network.channels={max(context.config.network.channels // 2, 2)}"
    return memory_check(context, "search", estimate, fallback_setting=fallback_setting)
