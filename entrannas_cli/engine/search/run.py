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
from ..memory_check import MemoryCheck, memory_check
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
    """Searches from the last checkpoint, or the start, to the end or until a stop; finishes the session."""
    config = context.config
    space = context.session.run.space()
    require_operations(space.operations, f"the space {space.name}")
    context.session.update_summary({"preset": config.preset})
    if config.method == "random":
        _draw(context, space)
        return
    check = _memory_check(context, space)
    with translate_errors(out_of_memory=check.advice):
        _search(context, space, check)


def _search(context: RunContext[SearchConfig], space: SearchSpace, check: MemoryCheck) -> None:
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
    session.log(f"data: {data.dataset.name}, {len(data.dataset)} images, {data.placement_reason}")
    for note in data.dataset.notes:
        context.observer.message("info", f"data: {note}")
    paths = search_fast_paths(config, compute)
    session.log(f"fast paths: {paths}")
    for text in paths.unmet:
        context.observer.message("warning", text)
    if paths.hint:
        context.observer.message("info", paths.hint)
    session.update_summary({"fast_paths": str(paths)})
    search = build_search(
        config,
        space,
        compute,
        channels_in=data.dataset.shape[0],
        classes=len(data.dataset.classes),
        tell=lambda text: context.observer.message("warning", text),
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
    step, schedule = loop.state.step, loop.schedule
    session.begin_attempt(step + 1, epoch=schedule.epoch(step))
    session.set_totals(epochs=schedule.epochs, steps=schedule.steps)
    context.started(
        what=_what(config, space, compute),
        epochs=schedule.epochs,
        steps_per_epoch=schedule.steps_per_epoch,
        epoch=step // schedule.steps_per_epoch,
        step=step,
    )
    if not session.run.genotypes():
        session.write_genotype(step, schedule.epoch(step), search.genotype)
    context.observer.derived(step, search.genotype)
    if loop.run():
        session.update_summary(derived_summary(search.genotype, space, config.target))
        session.finish("completed")
    else:
        session.finish("stopped", session.stop_reason)


def _draw(context: RunContext[SearchConfig], space: SearchSpace) -> None:
    """The baseline: nothing is trained, so there are no metrics and no checkpoint."""
    config, session = context.config, context.session
    session.begin_attempt(1)
    context.started(what=_what(config, space, context.compute), epochs=0, steps_per_epoch=0)
    genotype = draw_genotype(space, config.seed)
    if not session.run.genotypes():
        session.write_genotype(0, 0, genotype)
    context.observer.derived(0, genotype)
    session.update_summary(
        derived_summary(genotype, space, config.target) | {"search_seconds": 0.0, "warnings": []}
    )
    session.finish("completed")


def _what(config: SearchConfig, space: SearchSpace, compute: Compute) -> tuple[str, ...]:
    return config.method, f"{space.name} space", config.data.dataset, compute.name


def _memory_check(context: RunContext[SearchConfig], space: SearchSpace) -> MemoryCheck:
    def estimate(config: SearchConfig, dataset: Dataset) -> MemoryEstimate:
        classes = len(dataset.classes)
        return estimate_search(config, space, context.compute, shape=dataset.shape, classes=classes)

    narrower = f"network.channels={max(context.config.network.channels // 2, 2)}"
    return memory_check(context, "search", estimate, narrower=narrower)
