"""Accuracy of cells with weights inherited from the super-net of their search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

from ...config.resolve import load_config
from ...data.search_data import open_search_data
from ...data.streams import evaluation_batches
from ...data.types import Progress
from ...method.genotype import Genotype
from ...method.network import DerivedNetwork
from ...store.run import CONFIG_FILE, Run
from ..device import Compute
from ..load_network import load_supernet
from ..scoring import calibrate_batch_norm, score

__all__ = ["inherited_accuracies"]


def inherited_accuracies(
    path: Path, genotypes: Sequence[Genotype], compute: Compute, progress: Progress | None = None
) -> Iterator[float]:
    """Yield the accuracy of each of ``genotypes`` on the architecture half of the search in ``path``.

    All inherit from the same super-net, the last one, so that they are comparable; batch-norm statistics are
    re-estimated, as for the consistency gap. Raises ``UsageError`` if checkpoint or data are missing.
    """
    run = Run(path)
    config = load_config(run.path / CONFIG_FILE)
    supernet, _, content = load_supernet(run)
    data = open_search_data(
        config.data,
        seed=config.seed,
        device=compute.device,
        batch_size=config.search.batch_size,
        memory_format=compute.memory_format,
        progress=progress,
    )
    supernet.to(compute.device)
    supernet.to(memory_format=compute.memory_format)
    step = content["loop"]["step"]
    for genotype in genotypes:
        network = DerivedNetwork.inheriting(supernet, genotype)
        with compute.autocast or nullcontext():
            batches = islice(data.weights.iterate(step), config.evaluation.calibration_batches)
            calibrate_batch_norm(network, network, batches)
            validation = evaluation_batches(
                data.dataset,
                data.architecture_indices,
                config.evaluation.batch_size,
                compute.device,
                workers=config.data.workers,
                memory_format=compute.memory_format,
            )
            yield score(network, network, validation).accuracy
