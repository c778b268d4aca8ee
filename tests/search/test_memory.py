"""The memory of a run: estimated, compared with free memory, and the suggested batch size."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from entrannas_cli.config.base import with_values
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.data.free_memory import free_memory, left_in_cgroup
from entrannas_cli.engine import memory_check
from entrannas_cli.engine.memory_check import largest_that_fits
from entrannas_cli.engine.search.memory import estimate_search, heaviest_cells
from entrannas_cli.method.fast.memory import MemoryMeter
from entrannas_cli.method.operations import register_operation
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.store.run import Run

from ..method.strategies import STANDARD
from .measure_memory import Case, estimate_bytes, measure
from .runs import in_process, write_space

ROOT = Path(__file__).resolve().parent.parent.parent
MIB = 2**20
SEARCH = Case(channels=8, cells=5, batch=32)
CASES = [replace(SEARCH, checkpointing="cells"), Case(kind="train", cells=8, batch=16)]


@pytest.fixture(autouse=True)
def _space_file() -> None:
    write_space(Path.cwd())


def measure_in_subprocess(case: Case, **environment: str) -> dict[str, Any]:
    arguments = [sys.executable, "-m", "tests.search.measure_memory", json.dumps(vars(case))]
    result = subprocess.run(
        arguments, capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, timeout=300
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_meter_counts_live_tensors_and_those_saved_by_autograd() -> None:
    with MemoryMeter() as meter:
        x = torch.empty(256, device="meta", requires_grad=True)
        assert meter.live == 1024
        y = x.exp()  # keeps its result
        z = y.view(16, 16)  # shares its memory
        assert meter.live == 2048
        z = (z * 2).sum()
        del y
        assert meter.live == 2048 + 4  # the product is freed, the exponential is kept
        assert meter.peak == 3072 + 4
        z.backward()
        del z
        assert meter.live == 2048  # x and its gradient
        meter.restart()
        assert meter.peak == 2048
        del x
    assert meter.live == 0


def test_cached_operations_give_the_same_estimate() -> None:
    x = torch.empty(2, 4, 8, 8, device="meta")
    layers = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, affine=False), nn.MaxPool2d(2)).to("meta")
    peaks = []
    with MemoryMeter() as meter:
        for _ in range(3):
            meter.restart()
            before = meter.live
            y = layers(x.requires_grad_())
            assert y.shape == (2, 4, 3, 3)
            y.sum().backward()
            del y
            x.grad = None
            layers.zero_grad()
            peaks.append((meter.peak - before, meter.live - before))
    assert peaks[0] == peaks[1] == peaks[2]
    assert peaks[0][1] == 0


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the overhead of tensors is that of glibc's heap"
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_estimate_matches_a_real_process(case: Case) -> None:
    found = measure_in_subprocess(case)
    assert found["measured"] == pytest.approx(found["estimated"], rel=0.2), found


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_estimate_matches_a_real_gpu(case: Case) -> None:
    found = measure(replace(case, device="cuda"))
    assert found["measured"] == pytest.approx(found["estimated"], rel=0.15), found


def test_estimate_scales_with_batch_size_and_options() -> None:
    small = replace(SEARCH, cells=4)
    need = estimate_bytes(small)
    half = estimate_bytes(replace(small, batch=SEARCH.batch // 2))
    assert need / 2 < half < 0.6 * need  # the weights don't depend on the batch size
    assert estimate_bytes(replace(small, checkpointing="cells")) < 0.8 * need
    assert 0.45 * need < estimate_bytes(replace(small, precision="bf16")) < 0.6 * need
    assert estimate_bytes(replace(small, method="entrannas")) < need  # 8 connections per Transit-cell, not 14


def test_evaluation_includes_dense_derived_cells() -> None:
    """The derived network computes everything that survives, even where Transit-cells pass less."""
    small = replace(SEARCH, cells=3, channels=4)
    config = with_values(small.config, {"evaluation": {"batch_size": 8}})
    strongest, derived = (
        estimate_search(
            with_values(config, {"network": {"transit_cells": cells}}),
            STANDARD,
            small.compute,
            shape=small.shape,
            classes=10,
        ).evaluation
        for cells in ("strongest", "derived")
    )
    assert strongest > 0.95 * derived


def test_estimate_leaves_the_random_state_unchanged() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    estimate_bytes(replace(SEARCH, cells=3))
    assert torch.equal(torch.get_rng_state(), before)


def test_heaviest_cells() -> None:
    dense = heaviest_cells(STANDARD, _config_passing("derived")).normal
    assert len(dense.connections) == STANDARD.connections
    assert heaviest_cells(STANDARD, _config_passing("strongest"), derived=True).normal == dense
    strongest = heaviest_cells(STANDARD, _config_passing("strongest")).normal
    assert [len(node) for node in strongest.nodes] == [2, 3, 4, 5]  # one per edge
    assert len({(c.source, c.operation) for _, c in strongest.connections}) == 14
    top2 = replace(SEARCH, method="entrannas").config
    two = heaviest_cells(STANDARD, top2).normal
    assert [len({connection.source for connection in node}) for node in two.nodes] == [2, 2, 2, 2]
    assert {connection.operation for _, connection in two.connections} == {"sep_conv_3x3", "sep_conv_5x5"}
    features = {(connection.source, connection.operation) for _, connection in two.connections}
    assert len(features) == 8  # no two nodes share one
    warmup = with_values(top2, {"architecture": {"warmup_epochs": 1}})  # passes an operation on every edge
    assert heaviest_cells(STANDARD, warmup).normal == strongest
    assert heaviest_cells(STANDARD, warmup, derived=True).normal == two
    light = SearchSpace(name="light", operations=("skip_connect",), nodes=2)
    assert [len(node) for node in heaviest_cells(light, top2).normal.nodes] == [2, 2]


def _config_passing(cells: str) -> SearchConfig:
    return with_values(SearchConfig(), {"network": {"transit_cells": cells}})


def test_largest_batch_that_fits() -> None:
    def need(images: int) -> int:
        return max(1000 + 10 * images, 40 * images)

    assert largest_that_fits(need, 256, 20_000) == 256
    size = largest_that_fits(need, 1000, 20_000)
    assert 400 <= size <= 500
    assert size % 8 == 0
    assert need(size) <= 20_000
    assert 2 <= largest_that_fits(need, 256, 1100) <= 10
    assert largest_that_fits(need, 256, 1000) == 0


def test_free_memory_respects_the_container_limit(tmp_path: Path) -> None:
    assert free_memory(torch.device("cpu")) > 0
    (tmp_path / "proc/self").mkdir(parents=True)
    groups = tmp_path / "sys/fs/cgroup"

    def write(folder: Path, **files: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in files.items():
            (folder / f"memory.{name}").write_text(f"{value}\n")

    assert list(left_in_cgroup(tmp_path)) == []
    (tmp_path / "proc/self/cgroup").write_text("0::/user/job\n")
    write(groups / "user/job", max="max", current=100, stat="anon 7\ninactive_file 30")
    write(groups / "user", max=1000, current=600, stat="anon 7\ninactive_file 50")
    assert list(left_in_cgroup(tmp_path)) == [450]
    (tmp_path / "proc/self/cgroup").write_text("3:cpu,cpuacct:/a\n2:memory:/on/the/host\n1:pids:/b\n")
    write(groups / "memory", limit_in_bytes=500, usage_in_bytes=700, stat="total_inactive_file 10")
    assert list(left_in_cgroup(tmp_path)) == [0]


QUICK = ("--preset", "quick", "--epochs", "1", "--quiet", "--set", "evaluation.calibration_batches=1")
SMALL_SEARCH = (
    *("search", *QUICK, "--space", "tiny.toml"),
    *("--set", "network.cells=3", "--set", "network.channels=4"),
)
SMALL_TRAINING = ("train", "DARTS_V2", *QUICK[:-2], "--cells", "3", "--channels", "8", "--batch-size", "96")


def newest() -> Run:
    return Run(max(Path("runs").iterdir(), key=lambda path: path.stat().st_mtime_ns))


def log_of(run: Run) -> str:
    return (run.path / "log.txt").read_text()


@pytest.mark.parametrize(
    ("command", "key", "room"),
    [(SMALL_SEARCH, "search.batch_size", 3), (SMALL_TRAINING, "train.batch_size", 12)],
)
def test_run_that_does_not_fit_suggests_a_batch_size(
    command: tuple[str, ...], key: str, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setattr(torch.optim.SGD, "step", _recording_device(torch.optim.SGD.step, built))
    monkeypatch.setattr(memory_check, "free_memory", lambda device: room * MIB)
    result = in_process(*command, check=False)
    assert result.returncode == 1
    assert "not enough memory: about" in result.stderr
    assert f"{room}.0 MiB free" in result.stderr
    assert "device.check_memory=false" in result.stderr
    assert not [device for device in built if device != "meta"]  # nothing ran
    run = newest()
    assert run.status().state == "failed"
    assert run.summary()["memory_estimate_mb"] > room

    line = next(line for line in result.stderr.splitlines() if "use less memory" in line)
    changes = line.split(": ")[1].split()
    assert int(changes[1].removeprefix(f"{key}=")) < 96
    assert 2 <= int(changes[3].removeprefix("evaluation.batch_size=")) < 256
    in_process(*command, *changes)
    assert newest().summary()["memory_estimate_mb"] < room
    assert "memory: at most about" in log_of(newest())


@pytest.mark.parametrize(("command", "room"), [(SMALL_SEARCH, 3), (SMALL_TRAINING[:-2], 8)])
def test_batch_size_auto_finds_what_fits(
    command: tuple[str, ...], room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_check, "free_memory", lambda device: room * MIB)
    quiet = command.index("--quiet")
    told = in_process(*command[:quiet], *command[quiet + 1 :], "--batch-size", "auto").stderr
    assert "memory: 96 images don't fit" in told
    run = newest()
    assert run.summary()["memory_estimate_mb"] < room
    config = run.config()
    assert 2 <= config[command[0]]["batch_size"] < 96  # recorded, so that a resume uses the same
    assert f"{command[0]}.batch_size is {config[command[0]]['batch_size']}" in log_of(run)
    monkeypatch.setattr(memory_check, "free_memory", lambda device: 2**40)
    in_process(*command, "--batch-size", "auto")
    assert newest().config()[command[0]]["batch_size"] == 96


def test_batch_size_that_is_no_number_is_refused() -> None:
    result = in_process(*SMALL_SEARCH, "--batch-size", "many", check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "--batch-size" in result.stderr
    assert '"many"' in result.stderr


def test_batch_larger_than_the_data_set_is_reported_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_check, "free_memory", lambda device: MIB)
    result = in_process(*SMALL_SEARCH, "--batch-size", "5000", check=False)
    assert result.returncode == 2
    assert "more than there are" in result.stderr


def _recording_device(step: Any, built: list[str]) -> Any:
    def noted(self: torch.optim.Optimizer, *arguments: Any, **keywords: Any) -> Any:
        built.append(self.param_groups[0]["params"][0].device.type)
        return step(self, *arguments, **keywords)

    return noted


def test_memory_check_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_check, "free_memory", lambda device: MIB)
    in_process(*SMALL_SEARCH, "--set", "device.check_memory=false")
    run = newest()
    assert run.status().state == "completed"
    assert "more than is free" in log_of(run)
    shown = in_process("runs", "show", run.id).stdout
    assert "estimated memory (MiB)" in shown


def test_out_of_memory_despite_the_estimate_suggests_a_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("entrannas_cli.engine.search.loop.SearchLoop._take_step", fails)
    result = in_process(*SMALL_SEARCH, check=False)
    assert "out of memory: batch size 96" in result.stderr
    assert "try --set search.batch_size=48" in result.stderr  # by the estimate everything would fit
    monkeypatch.setattr(memory_check, "free_memory", lambda device: 2 * MIB)
    result = in_process(*SMALL_SEARCH, "--set", "device.check_memory=false", check=False)
    assert int(result.stderr.split("try --set search.batch_size=")[1].split()[0]) < 40


def test_operation_that_cannot_be_estimated_still_runs() -> None:
    class Reading(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * float(x.detach().mean())

    @register_operation("reading", label="read", parametric=False)
    def build(channels: int, stride: int, affine: bool) -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), Reading())

    Path("reading.toml").write_text('name = "reading"\nnodes = 1\noperations = ["reading", "conv_1x1"]\n')
    in_process(*SMALL_SEARCH, "--space", "reading.toml")
    run = newest()
    assert run.status().state == "completed"
    assert "memory: cannot be estimated" in log_of(run)
    assert "memory_estimate_mb" not in run.summary()
