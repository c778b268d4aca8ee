"""What only a GPU can show: real graphs, and steps that never make the host wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.shared import DeviceConfig
from entrannas_cli.config.train import TrainConfig
from entrannas_cli.data.search_data import open_search_data
from entrannas_cli.engine.capture import CudaCapture
from entrannas_cli.engine.device import resolve_compute
from entrannas_cli.engine.replay import WARM_UP_CALLS, GraphReplay
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.engine.search.metric_rows import pack
from entrannas_cli.engine.train.build import build_training
from entrannas_cli.spaces.published import PUBLISHED

from .test_replay import SPACE, batch, fail_on_message

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture
def forbid_sync() -> Iterator[None]:
    """Restore the sync mode; a test sets it so that anything that makes the host wait is an error."""
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("graphs", ["auto", "off"])
@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_search_step_with_its_batches_never_syncs(forbid_sync: None, derivation: str, graphs: str) -> None:
    config = SearchConfig.model_validate(
        {
            "data": {"dataset": "digits", "crop_padding": 1, "flip": True, "cutout": 2},
            "network": {"cells": 3, "channels": 8},
            "method": {"dst": "entrannas-dst", "top2": "entrannas"}[derivation],
            "architecture": {
                "derivation": derivation,
                "derive_every": "epoch",
                "sparsity_weight": 0.0,
                "threshold_init": 0.0,
            },
            "device": {"device": "cuda", "graphs": graphs},
        }
    )
    compute = resolve_compute(config.device)
    data = open_search_data(config.data, seed=0, device=compute.device, batch_size=32)
    one = build_search(config, SPACE, compute, channels_in=1, classes=10, warn=fail_on_message)
    assert isinstance(one.execute, GraphReplay) == (graphs == "auto")
    training, validation = data.weights.iterate(0), data.architecture.iterate(0)
    for _ in range(WARM_UP_CALLS + 1):  # libraries warm up and steps are recorded
        one.step(next(training), next(validation), temperature=1.0, derive=False)
    torch.cuda.set_sync_debug_mode("error")
    packed = [
        pack(one.step(next(training), next(validation), temperature=0.9, derive=False), one) for _ in range(5)
    ]
    torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(torch.stack(packed)).all()


def test_training_step_never_syncs_and_is_recorded_once(forbid_sync: None) -> None:
    config = TrainConfig.model_validate({"device": {"device": "cuda"}})
    compute = resolve_compute(config.device)
    training = build_training(
        config, PUBLISHED["DARTS_V2"], compute, shape=(1, 8, 8), classes=3, channels=8, warn=fail_on_message
    )
    batches = [batch(n, compute.device) for n in range(4)]
    for n in range(WARM_UP_CALLS + 1):
        training.step(*batches[n], 0.1)
    torch.cuda.set_sync_debug_mode("error")
    losses = torch.stack([training.step(*batches[3], 0.2).loss.clone() for _ in range(4)])
    torch.cuda.set_sync_debug_mode("default")
    assert isinstance(training.execute, GraphReplay)
    assert training.execute.recordings == 1
    assert torch.isfinite(losses).all()
    assert len(set(losses.tolist())) > 1


def test_failed_recording_leaves_no_trace() -> None:
    """Stream and random state are restored, and later calls run as before."""
    device = torch.device("cuda")
    before = torch.cuda.current_stream()
    told: list[str] = []
    execute = GraphReplay(CudaCapture(device), device, told.append)

    def reads(x: torch.Tensor) -> torch.Tensor:
        noisy = x + torch.rand_like(x)
        return noisy * noisy.sum().item()

    found = [execute("sum", None, reads, torch.ones(3, device=device)).clone() for _ in range(6)]
    assert len(told) == 1
    assert torch.cuda.current_stream() == before
    assert len({float(each.sum()) for each in found}) == 6


def test_memory_does_not_grow_with_recordings() -> None:
    """All recordings share one pool, so a new one reuses the memory of the previous one."""
    config = SearchConfig.model_validate(
        {
            "data": {"dataset": "digits"},
            "network": {"cells": 3, "channels": 8},
            "architecture": {"derive_every": "epoch"},
            "device": {"device": "cuda"},
        }
    )
    compute = resolve_compute(DeviceConfig(device="cuda"))
    one = build_search(config, SPACE, compute, channels_in=1, classes=3, warn=fail_on_message)
    images = batch(0, compute.device, size=64)
    reserved = []
    for _ in range(8):
        one.passed = type(one.passed)(one.passed.reduce, one.passed.normal)
        for _ in range(WARM_UP_CALLS + 2):
            one.step(images, images, temperature=1.0, derive=False)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        reserved.append(torch.cuda.memory_reserved())
    assert max(reserved[4:]) <= 1.2 * max(reserved[:4])
