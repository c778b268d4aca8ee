"""Taking up a run: set everything up, search, say how it ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch

from ..config.resolve import load_config
from ..data.datasets import Progress
from ..data.search_data import open_search_data
from ..errors import UsageError
from ..method.operations import ENTRY_POINT_GROUP, get_operation
from ..method.random_search import draw_genotype
from ..method.space import SearchSpace
from ..runtime.device import Compute, resolve_compute
from ..runtime.environment import describe_environment
from ..runtime.failures import explained
from ..store.run import CONFIG_FILE
from ..store.session import RunSession
from ..wording import plain
from .build import build_search
from .logged import Logged
from .loop import SearchLoop
from .observer import Row, SearchObserver, Started
from .summary import derived_summary

if TYPE_CHECKING:
    from ..config.schema import SearchConfig

__all__ = ["run_search"]

Loading = Callable[[], AbstractContextManager[Progress | None]]


class StoppedEarly(Exception):
    """A stop was asked for while the data was being opened: there is nothing to save yet."""


def run_search(session: RunSession, observer: SearchObserver, loading: Loading = nullcontext) -> Row:
    """Searches the run of ``session`` from its last checkpoint, or the start, to its end or until it is stopped.

    ``loading`` gives a context for opening the data, whose value is told how far that has come. Returns the
    summary. Raises ``UsageError`` for a configuration that can't be run here, ``RunFailed`` with the reason when
    the search fails; the run directory then says so too.
    """
    run = session.run
    config = load_config(run.path / CONFIG_FILE)
    space = run.space()
    _require_operations(space)
    logged = Logged(observer, session)
    compute = resolve_compute(config.device)
    session.environment(describe_environment(compute))
    session.summary({"dataset": config.data.dataset, "preset": config.preset, "device": compute.name})
    if config.method == "random":
        _draw(session, logged, config, space, compute)
    else:
        try:
            with explained(out_of_memory=_smaller_batch(config, compute)):
                _search(session, logged, config, space, compute, loading)
        except StoppedEarly:
            session.finish("stopped", session.stop_reason)
    summary = run.summary()
    logged.finished(summary)
    return summary


def _require_operations(space: SearchSpace) -> None:
    """A run may have been made where a package was installed that isn't here."""
    for name in space.operations:
        try:
            get_operation(name)
        except KeyError:
            raise UsageError(
                f"operation {plain(name)} of the space {plain(space.name)} is not installed here: install the "
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
            reason = plain(str(error).strip().split("\n", 1)[0])
            raise UsageError(f"operation {plain(name)} fails at stride {stride}: {reason}") from error
        if shape != (expected := (2, 8, 6 // stride, 6 // stride)):
            raise UsageError(
                f"operation {plain(name)} at stride {stride} makes {shape} of (2, 8, 6, 6), expected {expected}"
            )


def _search(
    session: RunSession,
    observer: SearchObserver,
    config: SearchConfig,
    space: SearchSpace,
    compute: Compute,
    loading: Loading,
) -> None:
    fewer = "the images: try --set data.placement=stream, or a smaller data.portion"
    with explained(out_of_memory=fewer), loading() as progress:

        def watched(text: str, done: int, of: int) -> None:
            if session.stop_requested:
                raise StoppedEarly
            if progress is not None:
                progress(text, done, of)

        data = open_search_data(
            config.data,
            seed=config.seed,
            device=compute.device,
            batch_size=config.search.batch_size,
            memory_format=compute.memory_format,
            progress=watched,
        )
    session.log(f"data: {data.dataset.name}, {len(data.dataset)} images, {data.placement_reason}")
    for note in data.dataset.notes:
        observer.message("info", f"data: {note}")
    search = build_search(
        config, space, compute, channels_in=data.dataset.shape[0], classes=len(data.dataset.classes)
    )
    loop = SearchLoop(
        config=config,
        space=space,
        compute=compute,
        data=data,
        search=search,
        session=session,
        observer=observer,
    )
    loop.restore()
    step, schedule = loop.state.step, loop.schedule
    session.begin_attempt(step + 1, epoch=schedule.epoch(step))
    session.totals(epochs=config.search.epochs, steps=schedule.steps)
    observer.started(_facts(session, config, space, compute, schedule.steps_per_epoch, step))
    if step == 0 and not session.run.genotypes():
        session.derived(0, 0, search.genotype)
    observer.derived(step, search.genotype)
    if loop.run():
        session.summary(derived_summary(search.genotype, config.target))
        session.finish("completed")
    else:
        session.finish("stopped", session.stop_reason)


def _draw(
    session: RunSession, observer: SearchObserver, config: SearchConfig, space: SearchSpace, compute: Compute
) -> None:
    """The baseline: nothing is trained, so there are no metrics and no checkpoint."""
    session.begin_attempt(1)
    observer.started(_facts(session, config, space, compute, 0, 0))
    genotype = draw_genotype(space, config.seed)
    if not session.run.genotypes():
        session.derived(0, 0, genotype)
    observer.derived(0, genotype)
    session.summary(derived_summary(genotype, config.target) | {"search_seconds": 0.0, "warnings": []})
    session.finish("completed")


def _facts(
    session: RunSession,
    config: SearchConfig,
    space: SearchSpace,
    compute: Compute,
    steps_per_epoch: int,
    step: int,
) -> Started:
    return Started(
        id=session.run.id,
        path=str(session.run.path),
        method=config.method,
        space=space,
        dataset=config.data.dataset,
        device=compute.name,
        epochs=config.search.epochs if steps_per_epoch else 0,
        steps_per_epoch=steps_per_epoch,
        epoch=step // steps_per_epoch if steps_per_epoch else 0,
        step=step,
        attempt=session.attempt,
    )


def _smaller_batch(config: SearchConfig, compute: Compute) -> str:
    batch = config.search.batch_size
    smaller = (
        f"search.batch_size={batch // 2}"
        if batch >= 4
        else f"network.channels={config.network.channels // 2}"
    )
    return f"batch size {batch} on {compute.name}: try --set {smaller}"
