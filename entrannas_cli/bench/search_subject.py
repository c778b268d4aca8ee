"""A search as a subject: the loop of a real search, in a temporary run directory."""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from ..data.search_data import open_search_data
from ..data.streams import evaluation_batches
from ..engine.device import Compute, resolve_compute
from ..engine.search.build import build_search, search_fast_paths
from ..engine.search.evaluate import compare_with_derived
from ..engine.search.metric_rows import sparsity_metrics
from ..method.bilevel import BilevelSearch
from ..method.fast.execute import Execute
from ..method.genotype import Genotype
from ..render.views import QuietView
from ..spaces.files import load_space
from ..store.create import create_run
from ..store.session import RunSession
from .case import CELLS, Case, projected_images, projected_steps, search_config
from .cells import draw_sparse, named_cells, set_alpha_for
from .memory import PeakMemory
from .parts import Clock
from .stepping import LoopSubject, SteppedSearch

if TYPE_CHECKING:
    from ..config.search import SearchConfig

__all__ = ["SearchSubject", "open_search"]

Value = TypeVar("Value")
EVALUATED = 2  # batches of calibration, and of validation


class SearchSubject(LoopSubject):
    """A subject that takes the steps of a search.

    A top-2 search passes a given sub-graph: α leads to it, and deriving it again in each step does not change it.
    A DST search is at its dense start, or at cells of the requested sparsity.
    """

    loop: SteppedSearch

    def __init__(self, case: Case, loop: SteppedSearch, cells: str, memory: PeakMemory) -> None:
        super().__init__(case, loop, cells, memory)
        if (loop.config.network.engine_cells, loop.config.architecture.derive_every) == ("rotate", "step"):
            self.cycle = math.lcm(*Counter(loop.search.supernet.kinds).values())

    def state(self) -> dict[str, Any]:
        return {key: value for key, value in self.loop.last.items() if key.startswith("sparsity_")}

    def build(self, config: SearchConfig, compute: Compute) -> Callable[[Tensor, Tensor], object]:
        dataset = self.loop.data.dataset
        search = build_search(
            config, self.loop.space, compute, channels_in=dataset.shape[0], classes=len(dataset.classes)
        )
        prepare(self.case, config, search)
        temperature, turns = config.architecture.temperature_start, count()
        return lambda images, labels: search.step(
            (images, labels), (images, labels), temperature=temperature, turn=next(turns)
        )

    def own_facts(self) -> dict[str, Any]:
        loop, (config, real) = self.loop, search_config(self.case)
        mixtures = loop.search.architecture.mixtures(
            loop.search.derivation, config.architecture.temperature_start
        )
        facts: dict[str, Any] = {
            "images_per_step": 2 * config.search.batch_size,
            **sparsity_metrics(loop.search, mixtures),
            "settings": {
                "preset": real.preset,
                "space": loop.space.name,
                "operations": len(loop.space.operations),
                "nodes": loop.space.nodes,
                "batch_size": config.search.batch_size,
                "channels": config.network.channels,
                "network_cells": config.network.cells,
                "engine_cells": config.network.engine_cells,
                "steps_per_cycle": self.cycle,
                "share_features": config.network.share_features,
                "derive_every": config.architecture.derive_every,
                "fast_paths": str(search_fast_paths(config, loop.compute)),
            },
        }
        projection = projected_steps(
            real.data.dataset,
            real.data.portion * real.data.weights_share,
            real.search.batch_size,
            real.search.epochs,
        )
        if projection is not None:
            facts["projection"] = {
                "epochs": real.search.epochs,
                "steps_per_epoch": projection[0],
                "steps": projection[1],
                "evaluations": -(-real.search.epochs // real.evaluation.every),
                "images_per_evaluation": (
                    projected_images(real.data.dataset, real.data.portion * real.data.architecture_share)
                    + real.evaluation.calibration_batches * real.search.batch_size
                ),
                "seconds_per_evaluated_image": self._evaluation_seconds(),
            }
        return facts

    def _evaluation_seconds(self) -> float:
        """Return the seconds per image of comparing super-net and derived network, both together."""
        loop = self.loop
        config, data = loop.config, loop.data

        def compare() -> None:
            compare_with_derived(
                loop.search,
                config.architecture.temperature_start,
                calibration=lambda: islice(data.weights.iterate(0), EVALUATED),
                validation=lambda: islice(
                    evaluation_batches(
                        data.dataset,
                        data.architecture_indices,
                        config.evaluation.batch_size,
                        loop.compute.device,
                        memory_format=loop.compute.memory_format,
                    ),
                    EVALUATED,
                ),
            )

        if loop.compute.device.type == "cuda":
            compare()  # warm-up: libraries choose kernels for new sizes
        begun = time.perf_counter()
        compare()  # synchronises by itself
        validated = min(EVALUATED * config.evaluation.batch_size, len(data.architecture_indices))
        return (time.perf_counter() - begun) / (EVALUATED * config.search.batch_size + validated)


def prepare(case: Case, config: SearchConfig, search: BilevelSearch) -> str:
    """Lead α to the cells of ``case`` and return their name."""
    name, space = "dense start", search.architecture.space
    genotype: Genotype | None = None
    if case.sparsity is not None:
        name, genotype = f"drawn, seed {config.seed}", draw_sparse(space, case.sparsity, config.seed)
    elif search.derivation == "top2":
        name, genotype = named_cells(CELLS, space, config.seed)
    if config.network.engine_cells == "all":
        name = "all operations"
    if genotype is not None:
        set_alpha_for(search.architecture, genotype, sparse=case.sparsity is not None)
    search.derive(config.architecture.temperature_start)
    assert genotype in (None, search.genotype)
    return name


@contextmanager
def open_search(case: Case) -> Generator[SearchSubject]:
    """Build it as `entrannas search` does. Raises ``UsageError`` for a missing device or data."""
    config, _ = search_config(case)
    compute = resolve_compute(config.device)
    space = load_space(config.space)
    memory = PeakMemory()
    with tempfile.TemporaryDirectory(prefix="entrannas-bench-") as folder:
        run = create_run(Path(folder), space=space.name, method=config.method, seed=config.seed)
        with RunSession(run) as session:
            data = open_search_data(
                config.data,
                seed=config.seed,
                device=compute.device,
                batch_size=config.search.batch_size,
                memory_format=compute.memory_format,
            )
            search = build_search(
                config, space, compute, channels_in=data.dataset.shape[0], classes=len(data.dataset.classes)
            )
            cells = prepare(case, config, search)
            loop = SteppedSearch(
                config=config,
                space=space,
                compute=compute,
                data=data,
                search=search,
                session=session,
                observer=QuietView(),
            )
            session.begin_attempt(1)
            clock = Clock(compute.device)
            clock.wrap(search.architecture, {"derive_at": "derivation"})
            search.execute = _timed_by_name(clock, search.execute)
            with loop.opened(clock):
                yield SearchSubject(case, loop, cells, memory)
            session.finish("stopped", "measured")


def _timed_by_name(clock: Clock, execute: Execute) -> Execute:
    """Return ``execute``, timed as the part that it is given the name of."""

    def timed(name: str, key: Hashable, function: Callable[..., Value], *inputs: Tensor | float) -> Value:
        value: Value = clock.timed(name, execute)(name, key, function, *inputs)
        return value

    return timed
