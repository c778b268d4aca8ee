"""Scores trained weights on a part of the data."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Literal

import torch

from ...common.errors import UsageError
from ...config.keys import flatten_model
from ...data.streams import evaluation_batches
from ...data.train_data import open_test_part, open_train_data, require_same
from ...data.types import Progress
from ..device import Compute
from ..identity import check_identity
from ..load_network import TrainedNetwork
from ..scoring import Score, score
from ..torch_errors import translate_errors

if TYPE_CHECKING:
    from ...config.train import TrainConfig

__all__ = ["ScoredPart", "score_part"]

ScoredPart = Literal["test", "validation"]


def score_part(
    trained: TrainedNetwork,
    config: TrainConfig,
    part: ScoredPart,
    compute: Compute,
    progress: Progress | None = None,
) -> Score:
    """Return loss and accuracy on the ``test`` part, or on the images that the training held out.

    Raises ``UsageError`` for missing data, or data that differs from what the network was trained on.
    """
    if part == "test":
        dataset = open_test_part(config.data, trained, device=compute.device, progress=progress)
        indices = torch.arange(len(dataset))
    else:
        data = open_train_data(
            config.data, seed=config.seed, device=compute.device, batch_size=2, progress=progress
        )
        dataset, indices = data.dataset, data.held_out
        if not len(indices):
            raise UsageError("this training held out no images (data.validation_share = 0)")
        require_same(dataset, trained, "the data")
        split_keys = ("seed", "data.portion", "data.validation_share")
        check_identity(trained.identity, {key: str(flatten_model(config)[key]) for key in split_keys})
    network = trained.network.to(compute.device)
    network.to(memory_format=compute.memory_format)
    size = config.evaluation.batch_size
    batches = evaluation_batches(
        dataset,
        indices,
        size,
        compute.device,
        workers=config.data.workers,
        memory_format=compute.memory_format,
    )
    advice = f"evaluation.batch_size {size} on {compute.name}: try half"
    with translate_errors(out_of_memory=advice), compute.autocast or nullcontext():
        return score(network, network, batches)
