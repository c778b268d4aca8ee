"""Networks with random weights as a training would leave them, and ways to run their exports."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from entrannas_cli.engine.load_network import TrainedNetwork
from entrannas_cli.export.content import ExportedNetwork, export_content
from entrannas_cli.export.module import module_text, weights_bytes
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.network import DerivedNetwork
from entrannas_cli.store.run import Run

OPERATIONS = (
    *("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"),
    *("dil_conv_3x3", "dil_conv_5x5", "conv_1x1", "conv_3x3", "conv_1x3_3x1", "conv_1x7_7x1"),
)


def cell(*nodes: str, concat: tuple[int, ...] = ()) -> CellGraph:
    """Build a cell such as ``cell("0:skip_connect 1:conv_1x1", "2:conv_3x3")``: one text per node."""
    return CellGraph(
        tuple(
            tuple(Connection(int(source), name) for source, name in (c.split(":") for c in node.split()))
            for node in nodes
        ),
        concat,
    )


SMALL = Genotype(
    cell("0:sep_conv_3x3 0:skip_connect 1:avg_pool_3x3", "0:sep_conv_3x3 1:dil_conv_3x3 2:skip_connect"),
    cell("0:skip_connect 1:max_pool_3x3", "1:conv_1x3_3x1"),
)


def make_trained(
    genotype: Genotype = SMALL,
    *,
    run: str = "20260101-000000-test",
    shape: tuple[int, int, int] = (1, 9, 13),
    classes: tuple[str, ...] = ("cat", "dog", "eel"),
    seed: int = 0,
    **options: Any,
) -> TrainedNetwork:
    """Create a network whose batch-norms have statistics, so that no two operations compute the same."""
    torch.manual_seed(seed)
    sizes = {"channels": 4, "cells": 4} | options
    network = DerivedNetwork(genotype, classes=len(classes), channels_in=shape[0], **sizes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            if module.affine:
                nn.init.normal_(module.weight, mean=1.0, std=0.2)
                nn.init.normal_(module.bias, std=0.2)
    return TrainedNetwork(
        network=network.eval(),
        run=Run(Path("runs") / run),
        weights="last",
        step=98,
        shape=shape,
        classes=classes,
        mean=(0.25,) * shape[0],
        std=(0.5,) * shape[0],
        identity={},
    )


def logits(network: Any, images: Tensor) -> Tensor:
    with torch.no_grad():
        result: Tensor = network(images)
    return result


def images_for(content: ExportedNetwork, batch: int = 3) -> Tensor:
    return torch.randn(batch, *content.metadata.shape, generator=torch.Generator().manual_seed(batch))


def import_module(content: ExportedNetwork, folder: Path, name: str = "net") -> Any:
    """Write the generated module and import it here."""
    code = module_text(content, name)
    assert "import entrannas" not in code
    assert "from entrannas" not in code
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    (folder / f"{name}.pt").write_bytes(weights_bytes(content))
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_same_module(one: TrainedNetwork, folder: Path) -> None:
    """Assert that the generated module, imported here, computes the same as ``one``."""
    content = export_content(one)
    images = images_for(content)
    found = logits(import_module(content, folder).load(), images)
    torch.testing.assert_close(found, logits(one.network, images), atol=1e-6, rtol=1e-6)
