"""What a fault costs: never the run, never a checkpoint that might still be good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from entrannas_cli.method.complexity import derived_complexity
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.operations import register_operation
from entrannas_cli.store.run import Run

from .runs import SMALL, entrannas, in_process, start, wait_for, write_space


@pytest.fixture(autouse=True)
def _space_file() -> None:
    write_space(Path.cwd())


def stopped_run() -> Run:
    """A search that was stopped, with two checkpoints."""
    process = start("search", *SMALL, "--set", "checkpoint.minutes=0")
    wait_for(lambda: Path("runs").is_dir() and any(Path("runs").iterdir()), "a run directory")
    (path,) = Path("runs").iterdir()
    run = Run(path)
    wait_for(lambda: len(run.checkpoints()) == 2, "two checkpoints")
    process.terminate()
    process.communicate(timeout=60)
    return run


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One for several tests, which leave it as it is."""
    folder = tmp_path_factory.mktemp("stopped")
    write_space(folder)
    entrannas("search", *SMALL, "--quiet", "--epochs", "6", "--runs-dir", str(folder / "runs"), cwd=folder)
    (path,) = (folder / "runs").iterdir()
    status = json.loads((path / "status.json").read_text())
    (path / "status.json").write_text(json.dumps(status | {"state": "stopped"}))
    return Run(path)


def test_checkpoints_of_another_release_are_left_alone() -> None:
    run = stopped_run()
    for path in run.checkpoints():
        torch.save({"version": 99}, path)
    before = {path: path.read_bytes() for path in run.checkpoints()}
    result = in_process("resume", run.id, check=False)
    assert result.returncode == 1
    assert "checkpoint version 99, this release reads 2" in result.stderr
    assert {path: path.read_bytes() for path in run.checkpoints()} == before


def test_without_a_readable_checkpoint_it_does_not_start_over_by_itself() -> None:
    run = stopped_run()
    rows = run.metrics("step")
    for path in run.checkpoints():
        path.write_bytes(b"damaged")
    result = in_process("resume", run.id, check=False)
    assert result.returncode == 1
    assert "no checkpoint can be read" in result.stderr
    assert run.metrics("step") == rows
    assert len(list((run.path / "checkpoints").glob("*.damaged"))) == 2
    in_process("resume", run.id, "--quiet")  # asked once more, it does
    assert run.status().state == "completed"


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        (
            "space.toml",
            "conv_1x1",
            "squeeze_excite",
            "squeeze_excite of the space tiny is not installed here",
        ),
        (
            "space.toml",
            '"skip_connect", "sep_conv_3x3"',
            '"sep_conv_3x3", "skip_connect"',
            "space: operations",
        ),
        ("config.toml", "seed = 0", "seed = 1", "seed is 1, but was 0"),
        ("config.toml", "epochs = 6", "epochs = 1", "search.epochs is 1, but was 6"),
    ],
)
def test_a_run_that_was_changed_is_not_resumed_as_if_it_were_the_same(
    stopped: Run, file: str, before: str, after: str, said: str
) -> None:
    path = stopped.path / file
    text = path.read_text()
    changed = " ".join(text.split()) if file == "space.toml" else text
    assert before in changed
    path.write_text(
        text.replace("\n    ", " ").replace(before, after)
        if file == "space.toml"
        else text.replace(before, after)
    )
    try:
        result = in_process("resume", str(stopped.path), check=False)
    finally:
        path.write_text(text)
    assert result.returncode == 2
    assert said in result.stderr
    assert stopped.checkpoints()


def test_an_image_that_breaks_in_the_middle_costs_no_run() -> None:
    for kind in ("cats", "dogs"):
        folder = Path("images/train") / kind
        folder.mkdir(parents=True)
        for n in range(24):
            Image.new("RGB", (8, 8), (n * 10, 0, 200 if kind == "dogs" else 0)).save(folder / f"{n}.png")
    process = start(
        *(
            "search",
            *SMALL,
            "--dataset",
            "folder",
            "--data",
            "images",
            "--batch-size",
            "8",
            "--epochs",
            "200",
        ),
        *("--set", "data.placement=stream", "--set", "data.workers=0", "--set", "evaluation.every=200"),
    )
    wait_for(lambda: Path("runs").is_dir() and any(Path("runs").iterdir()), "a run directory")
    (path,) = Path("runs").iterdir()
    run = Run(path)
    wait_for(run.checkpoints, "a checkpoint")
    for image in Path("images/train/cats").iterdir():
        image.write_bytes(b"broken")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "not a readable image" in errors
    assert run.status().state == "failed"
    assert run.checkpoints()


def test_an_operation_that_needs_real_numbers_can_be_counted() -> None:
    class Stubborn(nn.Module):
        def __init__(self, channels: int, stride: int) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(channels, channels, 1, stride=stride, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.convolution(x) * (1 + x.mean().item())

    @register_operation("stubborn", label="st", parametric=True)
    def build(channels: int, stride: int, affine: bool) -> nn.Module:
        return Stubborn(channels, stride)

    cells = [CellGraph(((Connection(0, name),),)) for name in ("stubborn", "conv_1x1")]
    shape = {"image": (1, 8, 8), "classes": 2, "channels": 4, "cells": 3, "stem": "cifar"}
    stubborn, plain = (derived_complexity(Genotype(cell, cell), **shape) for cell in cells)  # type: ignore[arg-type]
    assert stubborn[1] == plain[1]
    assert stubborn[0] < plain[0]  # no batch-norm
