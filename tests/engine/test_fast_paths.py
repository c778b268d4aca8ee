"""Which fast paths are used where, and why not; and the accuracy of bf16."""

from __future__ import annotations

import pytest
import torch

from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.shared import DeviceConfig
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.fast_paths import fast_paths
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.method.cells import mix
from entrannas_cli.method.fast.execute import directly

from .test_replay import SPACE, batch

CUDA = Compute(torch.device("cuda"), "bf16", torch.channels_last, 1)
CPU = Compute(torch.device("cpu"), "float32", torch.channels_last, 1)
MPS = Compute(torch.device("mps"), "float32", torch.contiguous_format, 1)


@pytest.mark.parametrize(
    ("compute", "settings", "each_step", "text"),
    [
        (CUDA, {}, False, "bf16, channels_last, fast layers, graphs, fused optimisers"),
        (
            CUDA,
            {},
            True,
            "bf16, channels_last, fast layers, fused optimisers; "
            "not: graphs (the cells may change in every step: see architecture.derive_every)",
        ),
        (CUDA, {"graphs": "on"}, True, "bf16, channels_last, fast layers, graphs, fused optimisers"),
        (
            CUDA,
            {"graphs": "off"},
            False,
            "bf16, channels_last, fast layers, fused optimisers; not: graphs (graphs is off)",
        ),
        (
            CUDA,
            {"fused": "off"},
            False,
            "bf16, channels_last, fast layers; "
            "not: graphs (they need fused optimisers), fused optimisers (fused is off)",
        ),
        (
            CUDA,
            {"activation_checkpointing": "cells"},
            False,
            "bf16, channels_last, fast layers, fused optimisers; "
            "not: graphs (activations are recomputed, which cannot be recorded)",
        ),
        (
            CPU,
            {"graphs": "on", "fused": "on"},
            False,
            "channels_last, fast layers, fused optimisers; not: bf16 (no faster on cpu), graphs (on CUDA only)",
        ),
        (
            CPU,
            {},
            False,
            "channels_last, fast layers; not: bf16 (no faster on cpu), graphs (on CUDA only), "
            "fused optimisers (little to gain on a CPU)",
        ),
        (
            MPS,
            {"precision": "float32", "memory_format": "contiguous", "fast_layers": False},
            False,
            "none; not: bf16 (precision is float32), channels_last (memory_format is contiguous), "
            "fast layers (fast_layers is false), graphs (on CUDA only), fused optimisers (torch has none for mps)",
        ),
    ],
)
def test_fast_paths_and_reasons_against_them(
    compute: Compute, settings: dict[str, object], each_step: bool, text: str
) -> None:
    paths = fast_paths(DeviceConfig.model_validate(settings), compute, derives_each_step=each_step)
    assert str(paths) == text
    assert bool(paths.hint) == ("see architecture.derive_every" in text)
    assert paths.graphs == (", graphs" in text.split(";")[0])


@pytest.mark.parametrize(
    ("compute", "settings", "unmet"),
    [
        (CPU, {}, ()),
        (CPU, {"graphs": "on", "fused": "on"}, ("device.graphs = on, but unavailable: on CUDA only",)),
        (MPS, {"fused": "on"}, ("device.fused = on, but unavailable: torch has none for mps",)),
        (CUDA, {"graphs": "on", "fused": "on"}, ()),
        (
            CUDA,
            {"graphs": "on", "fused": "off"},
            ("device.graphs = on, but unavailable: they need fused optimisers",),
        ),
    ],
)
def test_requested_but_unavailable_paths_are_reported(
    compute: Compute, settings: dict[str, object], unmet: tuple[str, ...]
) -> None:
    assert fast_paths(DeviceConfig.model_validate(settings), compute).unmet == unmet


def test_without_graphs_steps_are_called_directly() -> None:
    assert fast_paths(DeviceConfig(), CPU).execute(None) is directly
    assert fast_paths(DeviceConfig(), CPU).learning_rate(0.1) == 0.1


def learnable_images(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images of three patterns in noise: on noise alone, only rounding errors would be learned."""
    patterns = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(99))
    images, labels = batch(seed, size=64)
    return (0.7 * images + patterns[labels]).contiguous(memory_format=torch.channels_last), labels


@pytest.mark.parametrize("derivation", ["dst", "top2"])
def test_bf16_agrees_with_float32_up_to_rounding(derivation: str) -> None:
    """Losses stay close, α's gradient keeps its direction, and the cells are equal up to near ties."""

    def search(precision: str) -> tuple[list[float], set[object], list[torch.Tensor]]:
        config = SearchConfig.model_validate(
            {
                "data": {"dataset": "digits"},
                "network": {"cells": 3, "channels": 8},
                "method": {"dst": "entrannas-dst", "top2": "entrannas"}[derivation],
                "architecture": {
                    "derivation": derivation,
                    "learning_rate": 0.05,
                    "sparsity_weight": 0.0,
                    "threshold_init": 0.0,
                    "temperature_unit": "absolute",
                },
                "weights": {"learning_rate": 0.01, "learning_rate_min": 0.01},  # keeps rounding errors small
            }
        )
        compute = Compute(torch.device("cpu"), precision, torch.channels_last, 1)
        one = build_search(config, SPACE, compute, channels_in=1, classes=3)
        losses: list[float] = []
        gradients: list[torch.Tensor] = []
        for step in range(12):  # of one network, since a near tie would separate two
            outcome = one.step(
                learnable_images(step), learnable_images(step + 50), temperature=1.0, derive=False
            )
            losses.append(float(outcome.weight_loss))
            if not step:
                alphas = one.architecture.alpha.values()
                gradients = [alpha.grad.clone() for alpha in alphas if alpha.grad is not None]
        derived = one.architecture.derive(one.derivation, 0.3)
        connections: set[object] = {
            (kind, *both) for kind, cell in derived.cells for both in cell.connections
        }
        return losses, connections, gradients

    plain, mixed = search("float32"), search("bf16")
    rounding = torch.finfo(torch.bfloat16).eps  # 2^-7
    assert plain[0][-1] < 0.1 * plain[0][0]
    assert mixed[0] == pytest.approx(plain[0], abs=4 * rounding)
    assert len(plain[1] & mixed[1]) >= 0.75 * len(plain[1] | mixed[1])
    for exact, rounded in zip(plain[2], mixed[2], strict=True):
        assert rounded.dtype == torch.float32
        assert float(torch.cosine_similarity(rounded.flatten(), exact.flatten(), dim=0)) > 0.97


def test_gradient_of_alpha_is_summed_in_float32() -> None:
    """A sum in bf16 would stall at 256 times its terms."""
    generator = torch.Generator().manual_seed(0)
    features = [torch.rand(8, 16, 32, 32, generator=generator) + 0.5 for _ in range(3)]
    weights = torch.rand(2, 3, generator=generator).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = mix(weights, features)
    assert mixed.dtype == torch.bfloat16
    mixed.sum().backward()
    assert weights.grad is not None
    exact = torch.stack([feature.double().sum() for feature in features]).expand(2, 3)
    torch.testing.assert_close(weights.grad.double(), exact, rtol=0.01, atol=0)
