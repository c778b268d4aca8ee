"""Searches end to end: real processes, signals and files."""

from __future__ import annotations

import json
import re
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from entrannas_cli.config.resolve import load_config
from entrannas_cli.method.genotype import Genotype
from entrannas_cli.store.find_run import find_run
from entrannas_cli.store.run import Run

from .runs import (
    EPOCHS,
    SMALL,
    STEPS,
    assert_same_search,
    deterministic_values,
    entrannas,
    in_process,
    only_run,
    start,
    start_cold,
    steps_of,
    uninterrupted_search,
    wait_for,
    write_space,
)
from .warm_process import WarmProcess

FREQUENT_CHECKPOINTS = ("--set", "checkpoint.minutes=0.002")  # a checkpoint every 0.12 s


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a search that ran without interruption, to compare others with."""
    return uninterrupted_search(tmp_path_factory)


@pytest.fixture(autouse=True)
def _space_file() -> None:
    write_space(Path.cwd())


def start_search(*extra: str) -> tuple[WarmProcess, Run]:
    """Start a search in the background and wait for its first step."""
    process = start("search", *SMALL, *extra)
    run = only_run()
    wait_for_steps(run, process, 1)
    return process, run


def wait_for_steps(run: Run, process: WarmProcess, step: int) -> None:
    """Wait until ``step`` is reached or the process has ended."""
    wait_for(lambda: steps_of(run) >= step or process.returncode is not None, f"step {step}")


def test_run_directory_is_complete(uninterrupted: Run) -> None:
    assert uninterrupted.status().state == "completed"
    config = load_config(uninterrupted.path / "config.toml")
    assert (config.search.epochs, config.network.cells, config.space[-9:]) == (EPOCHS, 3, "tiny.toml")
    assert uninterrupted.space().operations == ("skip_connect", "sep_conv_3x3", "max_pool_3x3", "conv_1x1")

    steps = uninterrupted.metrics("step")
    assert [row["step"] for row in steps] == list(range(1, STEPS + 1))
    wanted = {"weight_loss", "architecture_loss", "accuracy", "learning_rate", "architecture_learning_rate"}
    wanted |= {"temperature", "images_per_second", "memory_mb", "gradient_norm"}
    wanted |= {
        f"{name}_{kind}"
        for kind in ("normal", "reduce")
        for name in ("sparsity", "connections", "thresholds")
    }
    assert all(wanted <= row.keys() for row in steps)

    epochs = uninterrupted.metrics("epoch")
    assert [row["epoch"] for row in epochs] == list(range(1, EPOCHS + 1))
    for row in epochs:
        assert row["gap"] == row["supernet_accuracy"] - row["derived_accuracy"]
        mean = sum(s["weight_loss"] for s in steps if s["epoch"] == row["epoch"]) / 8
        assert row["weight_loss"] == pytest.approx(mean)
        for name in ("entropy_normal", "operations_reduce", "supernet_loss", "derived_loss"):
            assert name in row
        changes = [d for d in uninterrupted.genotypes() if d.epoch == row["epoch"]]
        assert row["genotype_changes"] == len(changes)

    history = uninterrupted.genotypes()
    assert history[0].step == 0
    assert all(a.genotype != b.genotype for a, b in pairwise(history))
    assert uninterrupted.genotype() == history[-1].genotype
    assert [len(node) for node in history[-1].genotype.normal.nodes] == steps[-1]["connections_normal"]

    summary = uninterrupted.summary()
    assert summary["state"] == "completed"
    assert summary["gap"] == epochs[-1]["gap"]
    assert summary["parameters"] > 1000
    assert summary["multiply_adds"] > summary["parameters"]
    assert summary["target"] == "5 cells, 8 channels, 3x32x32"
    assert summary["search_seconds"] > 0
    environment = uninterrupted.environment()
    assert environment["threads"] == 1
    assert environment["packages"]["torch"]
    assert environment["command"][1] == "search"
    assert "search completed" in (uninterrupted.path / "log.txt").read_text()
    assert len(uninterrupted.checkpoints()) == 2


def test_search_is_determined_by_its_seed(uninterrupted: Run) -> None:
    in_process("search", *SMALL, "--quiet", "--name", "again")  # the fixture ran in another process
    assert_same_search(uninterrupted, find_run("again", Path("runs")))
    for seed in ("0", "1"):
        in_process("search", *SMALL, "--quiet", "--name", f"seed-{seed}", "--seed", seed, "--epochs", "1")
    rows = [deterministic_values(find_run(f"seed-{seed}", Path("runs")).metrics("step")) for seed in (0, 1)]
    assert rows[0] != rows[1]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_leaves_a_resumable_run(uninterrupted: Run, number: int, code: int) -> None:
    process, run = start_search()
    process.send_signal(number)
    errors = process.end()
    assert process.returncode == code, errors
    assert run.status().state == "stopped"
    stopped = steps_of(run)
    assert 0 < stopped < STEPS
    # the last step is in a checkpoint, even in the middle of an epoch
    assert int(run.checkpoints()[0].stem.split("-")[1]) == stopped
    assert f"entrannas resume {run.id}" in errors
    in_process("resume", run.id, "--quiet")
    assert_same_search(uninterrupted, run)
    status = run.status()
    assert (status.step, status.epoch, status.steps, status.epochs) == (STEPS, EPOCHS, STEPS, EPOCHS)


def test_repeated_sigterm_still_finishes_the_step() -> None:
    """Schedulers send it twice."""
    process, run = start_search(
        "--set", "network.cells=8", "--batch-size", "512", "--set", "network.channels=16"
    )
    process.send_signal(signal.SIGTERM)
    said = ""
    while "press Ctrl-C twice to quit at once" not in said:
        said = process.stderr.readline()
        assert said, "ended without a word"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    errors = process.end()
    assert process.returncode == 143, errors
    assert run.checkpoints()


def test_second_ctrl_c_exits_at_once() -> None:
    process, run = start_search(
        "--set", "network.cells=8", "--batch-size", "512", "--set", "network.channels=16"
    )
    process.send_signal(signal.SIGINT)
    said = ""
    while "press Ctrl-C again to quit at once" not in said:  # the step is long enough for a second signal
        said = process.stderr.readline()
        assert said, "ended without a word"
    process.send_signal(signal.SIGINT)
    errors = process.end()
    assert process.returncode == 130, errors
    assert "resume from the start (there is no checkpoint yet)" in errors
    assert "Traceback" not in errors
    assert run.status().state == "stopped"
    assert run.checkpoints() == []  # the step did not finish


def test_signal_while_torch_is_loading(uninterrupted: Run) -> None:
    process = start_cold("search", *SMALL)
    run = only_run()
    wait_for(lambda: run.status().state == "running", "the run to be taken up")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert run.status().state == "stopped"
    assert run.metrics("step") == []
    in_process("resume", run.id, "--quiet")
    assert_same_search(uninterrupted, run)


def test_detached_search_prints_its_id_and_can_be_stopped_and_resumed(uninterrupted: Run) -> None:
    printed = entrannas("search", *SMALL, "--detach").stdout.split()
    run = only_run()
    assert printed == [run.id]
    wait_for(lambda: steps_of(run) >= 2, "steps of the detached search")
    assert run.status().state == "running"
    refused = in_process("resume", run.id, check=False)
    assert refused.returncode == 2
    assert str(run.status().pid) in refused.stderr
    assert in_process("runs", "rm", "--yes", run.id, check=False).returncode == 2
    in_process("stop", run.id)
    assert run.status().state == "stopped"
    wait_for(lambda: "stopped" in (run.path / "log.txt").read_text(), "the last line of the log")
    in_process("resume", run.id, "--detach")
    wait_for(lambda: run.status().state == "completed", "the resumed search")
    assert_same_search(uninterrupted, run)
    assert in_process("resume", run.id, check=False).returncode == 2  # nothing left to do


def test_non_finite_loss_fails_the_run() -> None:
    result = in_process(
        "search",
        *SMALL,
        "--set",
        "weights.weight_decay=100",
        "--set",
        "weights.learning_rate=100",
        check=False,
    )
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("entrannas:")]
    assert re.search(r"step \d+: .* not finite; (the last good checkpoint is|there is no checkpoint)", line)
    run = only_run()
    assert run.status().state == "failed"
    assert "not finite" in run.status().reason


def test_corrupt_checkpoint_falls_back_to_the_previous_one(uninterrupted: Run) -> None:
    process, run = start_search(*FREQUENT_CHECKPOINTS)
    wait_for(lambda: len(run.checkpoints()) == 2, "two checkpoints")
    process.kill()
    run.checkpoints()[0].write_bytes(b"damaged")
    result = in_process("resume", run.id)
    assert "set aside as step-" in result.stderr
    assert len(list((run.path / "checkpoints").glob("*.damaged"))) == 1
    assert_same_search(uninterrupted, run)


def test_piped_search_prints_a_line_per_epoch_and_cells_to_stdout(uninterrupted: Run) -> None:
    folder = uninterrupted.path.parents[1]
    out, err = ((folder / name).read_text() for name in ("out.txt", "err.txt"))
    lines = [line for line in err.splitlines() if re.match(rf"epoch +\d/{EPOCHS} ", line)]
    assert len(lines) == EPOCHS
    for word in ("normal cell", "reduction cell", "parameters", "entrannas train"):
        assert word in out
    assert "\x1b" not in out + err
    commands = "entrannas "  # commands are never wrapped
    assert all(len(line) <= 80 for line in out.splitlines() if commands not in line)


def test_json_is_the_only_output_on_stdout() -> None:
    result = in_process("search", *SMALL, "--json", "--epochs", "1")
    summary = json.loads(result.stdout)
    assert summary["state"] == "completed"
    assert summary["id"] == only_run().id


def test_random_search_draws_a_genotype_without_training() -> None:
    began = time.monotonic()
    summary = json.loads(in_process("search", "--method", "random", "--seed", "3", "--json").stdout)
    assert time.monotonic() - began < 60
    run = only_run()
    assert run.metrics() == []
    assert run.status().state == "completed"
    genotype = run.genotype()
    assert genotype is not None
    assert all(len(node) == 2 for node in (*genotype.normal.nodes, *genotype.reduce.nodes))
    assert summary["parameters"] > 1e6
    shown = in_process("genotype", "show", run.id, "--format", "json").stdout
    assert Genotype.from_json(shown) == genotype


@pytest.mark.parametrize("method", ["entrannas", "darts"])
def test_other_methods_derive_two_connections_per_node(method: str) -> None:
    in_process("search", *SMALL, "--method", method, "--epochs", "1", "--quiet")
    run = only_run()
    genotype = run.genotype()
    assert genotype is not None
    assert all(len(node) == 2 for node in (*genotype.normal.nodes, *genotype.reduce.nodes))
    assert run.metrics("epoch")[-1]["sparsity_normal"] == 0  # a softmax has no zeros
    expected = {"entrannas": 'engine_cells = "rotate"', "darts": 'engine_cells = "all"'}[method]
    assert expected in (run.path / "config.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--space", "standart"], "did you mean standard"),
        (["--set", "search.epoch=3"], "did you mean search.epochs"),
        (["--method", "dart"], "did you mean"),
        (["--dataset", "cifar10"], "entrannas data prepare cifar10"),
        (["--dataset", "folder", "--data", "nowhere"], "nowhere"),
        (["--device", "cuda:7"], "device cuda:7"),
        (["--batch-size", "5000"], "5000"),
        (["--name", "../x"], "../x"),
        (["--no-such-option"], "--no-such-option"),
        (["--config", "bad.toml"], "data.path"),
    ],
)
def test_invalid_input_is_a_one_line_error_and_leaves_no_run(arguments: list[str], said: str) -> None:
    Path("bad.toml").write_text("[data]\npath = 5\n")
    preset = () if "--config" in arguments else ("--preset", "quick")  # `auto` sees unchecked values
    result = in_process("search", *preset, *arguments, check=False)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.startswith("entrannas: ") or "\nentrannas: " in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert not Path("runs").exists() or not list(Path("runs").iterdir())
