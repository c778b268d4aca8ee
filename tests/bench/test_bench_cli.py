"""Benchmarks of tiny networks. They check that every number is there, never how fast it is."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.bench.case import Case, cases
from entrannas_cli.bench.cells import draw_sparse, named_cells, set_alpha_for
from entrannas_cli.bench.remote import Remote
from entrannas_cli.bench.search_subject import SearchSubject
from entrannas_cli.bench.spread import spread
from entrannas_cli.bench.subject_process import open_subject
from entrannas_cli.common.errors import UsageError
from entrannas_cli.method.architecture import Architecture
from entrannas_cli.render.bench import print_records
from entrannas_cli.spaces.files import load_space
from entrannas_cli.spaces.published import PUBLISHED

from ..search.runs import SPACE, in_process

ROOT = Path(__file__).parents[2]
PARTS = {"data", "architecture step", "weight step", "derivation", "recording"}
SMALL = {
    "search.batch_size": 4,
    "network.cells": 3,
    "network.channels": 4,
    "space": "tiny.toml",
    "data.image_size": 8,
    "data.crop_padding": 1,
}
PEER = """
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, channels, classes, layers, criterion):
        super().__init__()
        self.layer = nn.Linear(3, classes)
        self.alpha = torch.zeros(classes).cuda().requires_grad_()
    def forward(self, x):
        return self.layer(x.mean((2, 3))) + self.alpha
    def arch_parameters(self):
        return [self.alpha]
"""
ARCHITECT = """
class Architect:
    def __init__(self, model, args):
        self.model = model
    def step(self, images, labels, held_out, held_out_labels, rate, optimizer, unrolled):
        assert not unrolled
        self.model(held_out).sum().backward()
"""


@pytest.fixture(autouse=True)
def _tiny_space() -> None:
    Path("tiny.toml").write_text(SPACE)


def measure_case(case: Case, steps: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer of one round and the facts of the subject."""
    with open_subject({"case": case.as_dict()}) as subject:
        answer, facts = dict(subject.answer("round", steps)), dict(subject.answer("facts", 1))
    return json.loads(json.dumps(answer)), json.loads(json.dumps(facts))


@pytest.mark.parametrize("variant", ["entrannas", "entrannas-dst", "darts"])
def test_search_benchmark_runs_the_search_loop(variant: str) -> None:
    case = Case(kind="search", variant=variant, preset="paper", settings=SMALL)
    answer, facts = measure_case(case)
    assert answer["seconds"] > 0
    assert set(answer["parts"]) == PARTS
    assert facts["images_per_step"] == 8
    assert facts["work"]["forward"] > 0 < facts["peak_memory_bytes"]
    assert facts["work"]["forward"] < facts["work"]["backward"]  # two gradients, but not of every layer
    assert facts["checkpoint"]["bytes"] > 0
    assert facts["settings"]["space"] == "tiny"
    assert facts["settings"]["engine_cells"] == ("all" if variant == "darts" else "rotate")
    assert facts["cells"] == {"entrannas-dst": "dense start", "darts": "all operations"}.get(
        variant, "drawn, seed 0"
    )
    assert facts["settings"]["derive_every"] == "step"
    assert facts["settings"]["fast_paths"].startswith("channels_last, fast layers; not: bf16")
    projection = facts["projection"]
    assert (projection["steps_per_epoch"], projection["steps"]) == (6250, 312_500)  # 25,000 images, 50 epochs
    assert projection["images_per_evaluation"] == 25_000 + 20 * 4


def test_one_round_covers_every_engine_cell_position() -> None:
    found = {}
    for position in ("last", "rotate", "first"):
        settings = SMALL | {"network.cells": 5, "network.engine_cells": position}
        case = Case(kind="search", variant="entrannas", preset="paper", settings=settings)
        with open_subject({"case": case.as_dict()}) as subject:
            assert isinstance(subject, SearchSubject)
            subject.answer("round", 1)
            steps = subject.loop.state.step  # the extra step is timed by parts
            found[position] = steps, subject.answer("facts", 1)["work"]["backward"]
    assert [steps for steps, _ in found.values()] == [2, 6 + 1, 2]  # 3 normal and 2 reduction cells
    assert found["last"][1] < found["rotate"][1] < found["first"][1]


def test_evaluation_time_is_projected_per_evaluated_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The benchmark has fewer images than a full evaluation batch."""
    seen: list[int] = []
    now = 0.0

    def compare(*_: Any, calibration: Any, validation: Any) -> None:
        nonlocal now
        now += 7.0
        seen.extend(len(labels) for batches in (calibration(), validation()) for _, labels in batches)

    monkeypatch.setattr("entrannas_cli.bench.search_subject.compare_with_derived", compare)
    monkeypatch.setattr("entrannas_cli.bench.search_subject.time", SimpleNamespace(perf_counter=lambda: now))
    _, facts = measure_case(Case(kind="search", variant="entrannas", preset="paper", settings=SMALL))
    assert facts["projection"]["seconds_per_evaluated_image"] == pytest.approx(7.0 / sum(seen))


def test_sparse_search_has_the_requested_sparsity_and_costs_less() -> None:
    dense, sparse = cases(
        "search", ["entrannas-dst"], preset="paper", settings=SMALL, overrides=[], sparsity=0.75
    )
    assert (dense.name, sparse.name) == ("entrannas-dst", "entrannas-dst at 75 %")
    (before, of_dense), (answer, of_sparse) = measure_case(dense), measure_case(sparse)
    assert before["sparsity_normal"] == of_dense["sparsity_reduce"] == 0
    assert answer["sparsity_normal"] == of_sparse["sparsity_reduce"] == 0.75
    assert of_sparse["work"]["forward"] < of_dense["work"]["forward"]
    assert of_sparse["work"]["backward"] < of_dense["work"]["backward"]
    assert of_sparse["work"]["bytes"] < of_dense["work"]["bytes"]


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_data_benchmark_reads_the_data_streams(placement: str) -> None:
    settings = {"search.batch_size": 4, "data.workers": 0}
    answer, facts = measure_case(Case(kind="data", variant=placement, preset="paper", settings=settings))
    assert set(answer["parts"]) == {"data"}
    assert facts["settings"]["image"] == [3, 32, 32]
    assert "work" not in facts


@pytest.mark.parametrize("space", ["standard", "extended"])
@given(sparsity=st.floats(0.15, 0.99), seed=st.integers(0, 99))
def test_drawn_sparse_cells_match_the_derived_cells(space: str, sparsity: float, seed: int) -> None:
    searched = load_space(space)
    genotype = draw_sparse(searched, sparsity, seed)
    for kind in ("normal", "reduce"):
        cell = genotype.cell(kind)
        assert all(cell.nodes)
        assert len(cell.connections) == max(round((1 - sparsity) * searched.connections), 4)
    architecture = Architecture(searched)
    set_alpha_for(architecture, genotype, sparse=True)
    assert architecture.derive("dst", 1.0) == genotype


def test_published_cells_are_used_where_the_space_holds_them() -> None:
    space = load_space("standard")
    assert named_cells("DARTS_V2", space, 0) == ("DARTS_V2", PUBLISHED["DARTS_V2"])
    architecture = Architecture(space)
    set_alpha_for(architecture, PUBLISHED["DARTS_V2"], sparse=False)
    assert architecture.derive("top2", 1.0) == PUBLISHED["DARTS_V2"]
    name, cells = named_cells("DARTS_V2", load_space("tiny.toml"), 3)
    assert name == "drawn, seed 3"
    assert len(cells.normal.nodes) == 2


def test_command_writes_records_without_identifying_the_machine() -> None:
    common = (
        *("bench", "train", "--compare", "DARTS_V2", "--batch-size", "4", "--cells", "3", "--channels", "4"),
        *("--steps", "1", "--repeats", "2", "--device", "cpu", "--output", "kept.jsonl"),
    )
    result = in_process(*common, "--json")
    (line,) = result.stdout.splitlines()
    row = json.loads(line)
    assert row == json.loads(Path("kept.jsonl").read_text())
    assert (row["format"], row["kind"], row["subject"]) == ("entrannas-bench", "train", "DARTS_V2")
    assert row["seconds_per_step"]["count"] == 2
    assert set(row["parts"]) == {"data", "weight step", "recording"}
    assert row["settings"]["drop_path"] == pytest.approx(0.1, abs=0.01)
    assert row["projection"]["steps_per_epoch"] == 12_250  # 98 % of 50,000 images
    assert row["achieved"]["share_of_multiply_adds"] < 1
    assert row["device"]["type"] == "cpu"
    assert row["versions"]["torch"] == torch.__version__
    for secret in (socket.gethostname(), str(Path.cwd()), str(ROOT), os.environ.get("USER") or "\0"):
        assert secret not in line

    print_records([row])


def record(name: str) -> dict[str, Any]:
    return {
        "subject": name,
        "rounds": 3,
        "seconds_per_step": spread([1.0, 2.0, 3.0]).as_dict(),
        "parts": {"data": 0.001, "architecture step": 0.8},
        "ratio_to_first": 1.0,
        "images_per_second": 64.0,
        "peak_memory_bytes": 10**9,
        "work": {"forward": 10**9, "backward": 2 * 10**9, "bytes": 10**10},
        "achieved": {"multiply_adds_per_second": 1.5e9, "share_of_multiply_adds": 0.25},
        "device_can": {"multiply_adds_per_second": 6e9, "bytes_per_second": 2e10},
        "projected": {"epoch_seconds": 196.0, "seconds": 9800.0, "evaluation_seconds": 100.0},
        "projection": {"epochs": 50, "steps_per_epoch": 98},
        "settings": {
            "batch_size": 64,
            "image": [3, 32, 32],
            "network_cells": 8,
            "channels": 16,
            "precision": "float32",
            "memory_format": "channels_last",
            "derive_every": "epoch",
            "fast_paths": "channels_last; not: graphs (on CUDA only)",
        },
        "device": {"name": "CPU (2 threads)", "processor": "a processor"},
        "versions": {"torch": "2"},
    }


def test_table_lists_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [record("entrannas"), record("entrannas-dst")]
    print_records(rows)
    shown = capsys.readouterr().out
    for text in (
        "entrannas",
        "architecture step",
        "peak memory above imports",
        "all epochs",
        "1,500–2,500 ms",
        "3 rounds, side by side",
        "fast paths: channels_last; not: graphs (on CUDA only); architecture.derive_every = epoch",
    ):
        assert text in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "--compare", "nas"), "nas cannot be measured: choose entrannas, entrannas-dst or darts"),
        (("search", "--compare", ""), "nothing to measure: choose entrannas, entrannas-dst or darts"),
        (("train", "--compare", ","), "nothing to measure: choose DARTS_V2"),
        (("search", "--compare", "darts,darts"), "name each only once"),
        (("search", "--compare", "entrannas", "--sparsity", "0.8"), "add it to --compare"),
        (("search", "--sparsity", "1.5"), "give a share from 0 to below 1"),
        (("search", "--set", "network.cell=3"), "network.cell"),
        (("data", "--compare", "disk"), "choose device or stream"),
    ],
)
def test_rejects_invalid_arguments_before_measuring(arguments: tuple[str, ...], message: str) -> None:
    result = in_process("bench", *arguments, "--device", "cpu", check=False)
    assert result.returncode == 2
    assert message in result.stderr


def test_unwritable_output_is_rejected_before_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrannas_cli.bench.run.bench", lambda *_, **__: pytest.fail("measured in vain"))
    result = in_process("bench", "search", "--output", str(Path.cwd()), check=False)
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


def test_sparsity_below_the_minimum_of_the_space_is_rejected() -> None:
    with pytest.raises(
        UsageError, match=r"--sparsity 0.05: too low for the space standard: give at least 0.15"
    ):
        draw_sparse(load_space("standard"), 0.05, 0)


def test_benchmarks_a_peer_from_its_checkout(tmp_path: Path) -> None:
    (tmp_path / "cnn").mkdir()
    (tmp_path / "cnn" / "model_search.py").write_text(PEER)
    (tmp_path / "cnn" / "architect.py").write_text(ARCHITECT)
    peer = {"checkout": str(tmp_path), "which": "darts", "batch": 2, "channels_last": True}
    with Remote("DARTS", (str(ROOT / "benchmarks" / "peers.py"), "--serve"), peer) as remote:
        remote.ready()
        answer = remote.ask("round")
        assert set(answer["parts"]) == {"architecture step", "weight step", "rest"}
        assert remote.ask("facts")["images_per_step"] == 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_search_benchmark_on_a_gpu() -> None:
    case = Case(
        kind="search", variant="entrannas", preset="paper", settings={**SMALL, "device.device": "cuda"}
    )
    answer, facts = measure_case(case)
    assert set(answer["parts"]) == PARTS
    assert facts["peak_memory_bytes"] == torch.cuda.max_memory_allocated()
    assert 0 < facts["busy_seconds_per_step"] < 2 * answer["seconds"]
