"""Faults never cost the run, nor a checkpoint that might still be good."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from entrannas_cli.method.complexity import derived_complexity
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.operations import register_operation
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run

from ..isolation import build_once
from .runs import EPOCHS, SMALL, in_process, only_run, start, wait_for, write_space


@pytest.fixture(autouse=True)
def _space_file() -> None:
    write_space(Path.cwd())


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a search that was stopped with two checkpoints."""

    def make() -> None:
        write_space(Path.cwd())
        process = start("search", *SMALL, "--set", "checkpoint.minutes=0")
        run = only_run()
        wait_for(lambda: len(run.checkpoints()) == 2, "two checkpoints")
        process.send_signal(signal.SIGTERM)
        process.end()
        assert run.status().state == "stopped"

    return build_once(tmp_path_factory, "stopped-search", make)


@pytest.fixture
def stopped(stopped_once: Path) -> Run:
    """Return a copy of the stopped search."""
    shutil.copytree(stopped_once / "runs", "runs")
    return only_run()


def test_checkpoints_of_another_release_are_kept(stopped: Run) -> None:
    run = stopped
    for path in run.checkpoints():
        torch.save({"version": 99}, path)
    before = {path: path.read_bytes() for path in run.checkpoints()}
    result = in_process("resume", run.id, check=False)
    assert result.returncode == 1
    assert "checkpoint version 99, this release reads 2 and 3" in result.stderr
    assert {path: path.read_bytes() for path in run.checkpoints()} == before


def test_resume_without_a_readable_checkpoint_does_not_restart_silently(stopped: Run) -> None:
    run = stopped
    rows = run.metrics("step")
    for path in run.checkpoints():
        path.write_bytes(b"damaged")
    result = in_process("resume", run.id, check=False)
    assert result.returncode == 1
    assert "no checkpoint can be used" in result.stderr
    assert run.metrics("step") == rows
    assert len(list((run.path / "checkpoints").glob("*.damaged"))) == 2
    in_process("resume", run.id, "--quiet")  # the second request goes ahead
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
        ("config.toml", f"epochs = {EPOCHS}", "epochs = 1", f"search.epochs is 1, but was {EPOCHS}"),
    ],
)
def test_modified_run_is_not_resumed(stopped: Run, file: str, before: str, after: str, said: str) -> None:
    path = stopped.path / file
    text = path.read_text()
    changed = " ".join(text.split()) if file == "space.toml" else text
    assert before in changed
    path.write_text(
        text.replace("\n    ", " ").replace(before, after)
        if file == "space.toml"
        else text.replace(before, after)
    )
    result = in_process("resume", stopped.id, check=False)
    assert result.returncode == 2
    assert said in result.stderr
    assert stopped.checkpoints()


def test_broken_image_fails_the_run_but_keeps_its_checkpoints() -> None:
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
    run = only_run()
    wait_for(run.checkpoints, "a checkpoint")
    for image in Path("images/train/cats").iterdir():
        image.write_bytes(b"broken")
    errors = process.end()
    assert process.returncode == 1, errors
    assert "not a readable image" in errors
    assert run.status().state == "failed"
    assert run.checkpoints()


def test_operation_that_fails_at_the_width_of_the_run_is_named() -> None:
    @register_operation("grouped", label="grp", parametric=True)
    def build(channels: int, stride: int, affine: bool) -> nn.Module:
        return nn.Conv2d(channels, channels, 3, stride, padding=1, groups=4)

    Path("grouped.toml").write_text('operations = ["grouped", "skip_connect"]')
    result = in_process(
        "search", *SMALL, "--space", "grouped.toml", "--set", "network.channels=6", check=False
    )
    assert result.returncode == 2
    assert (
        "operation grouped fails at stride 1 with 6 channels: in_channels must be divisible" in result.stderr
    )
    assert list_runs(Path("runs")) == []


def test_complexity_of_an_operation_that_needs_real_values() -> None:
    class Stubborn(nn.Module):
        def __init__(self, channels: int, stride: int) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(channels, channels, 1, stride=stride, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.convolution(x) * (1 + x.mean().item())
            return found

    @register_operation("stubborn", label="st", parametric=True)
    def build(channels: int, stride: int, affine: bool) -> nn.Module:
        return Stubborn(channels, stride)

    cells = [CellGraph(((Connection(0, name),),)) for name in ("stubborn", "conv_1x1")]
    shape = {"image": (1, 8, 8), "classes": 2, "channels": 4, "cells": 3, "stem": "cifar"}
    stubborn, plain = (derived_complexity(Genotype(cell, cell), **shape) for cell in cells)  # type: ignore[arg-type]
    assert stubborn[1] == plain[1]
    assert stubborn[0] < plain[0]  # it has no batch-norm
