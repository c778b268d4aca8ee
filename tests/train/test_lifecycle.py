"""Trainings as real processes: completed, stopped, killed, resumed."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from entrannas_cli.store.run import BEST_CHECKPOINT, CHECKPOINTS, Run

from ..search.runs import in_process as entrannas
from ..search.runs import only_run, start, steps_of, wait_for
from ..search.warm_process import WarmProcess
from .trainings import (
    EPOCHS,
    SMALL,
    STEPS,
    assert_same_training,
    mark_stopped,
    newest,
    train,
    uninterrupted_training,
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return uninterrupted_training(tmp_path_factory)


@pytest.fixture
def copy(uninterrupted: Run, tmp_path: Path) -> Run:
    """Return a copy that a test may change."""
    return Run(shutil.copytree(uninterrupted.path, tmp_path / "copy"))


def start_training(*further: str) -> tuple[Run, WarmProcess]:
    process = start("train", "DARTS_V2", *SMALL, *further)
    return only_run(), process


def test_training_writes_its_results(uninterrupted: Run) -> None:
    summary = uninterrupted.summary()
    assert summary["kind"] == "train"
    assert summary["state"] == "completed"
    assert summary["cells"] == "DARTS_V2"
    assert summary["origin"] == "published cells DARTS_V2"
    assert summary["search"] is None
    assert summary["network"] == "3 cells, 4 channels"
    assert summary["test_error"] == pytest.approx(1 - summary["test_accuracy"])
    assert 0 < summary["test_error"] < 0.6  # better than chance, even this small
    assert 0 < summary["best_test_error"] < 0.6
    assert summary["parameters"] > 0
    assert summary["multiply_adds"] > 0
    assert summary["train_seconds"] > 0
    assert "gpu_days" not in summary  # there is no GPU
    epochs = uninterrupted.metrics("epoch")
    assert [row["epoch"] for row in epochs] == list(range(1, EPOCHS + 1))
    best = max(row["validation_accuracy"] for row in epochs)
    assert summary["best_validation_accuracy"] == best
    first_best = next(row for row in epochs if row["validation_accuracy"] == best)
    assert summary["best_epoch"] == first_best["epoch"]
    stored = torch.load(uninterrupted.path / CHECKPOINTS / BEST_CHECKPOINT, weights_only=True)
    assert stored["step"] == first_best["step"]
    steps = uninterrupted.metrics("step")
    assert [row["step"] for row in steps] == list(range(1, STEPS + 1))
    assert steps[0]["drop_path"] == 0
    assert steps[-1]["drop_path"] == pytest.approx(0.2)
    assert uninterrupted.genotype() is not None


def test_evaluate_gives_the_same_result_and_writes_nothing(uninterrupted: Run) -> None:
    before = uninterrupted.files()
    summary = uninterrupted.summary()
    for weights, key in (("last", "test"), ("best", "best_test")):
        result = entrannas("evaluate", str(uninterrupted.path), "--weights", weights, "--json")
        found = json.loads(result.stdout)
        assert found["error"] == pytest.approx(summary[f"{key}_error"])
        assert found["loss"] == pytest.approx(summary[f"{key}_loss"], rel=1e-5)
        assert found["images"] == 359
    result = entrannas("evaluate", str(uninterrupted.path), "--part", "validation")
    assert result.stdout.startswith("validation error ")
    assert f"{100 * (1 - summary['validation_accuracy']):.2f} %" in result.stdout
    assert uninterrupted.files() == before


def test_signal_and_stop_leave_a_checkpoint(uninterrupted: Run) -> None:
    run, process = start_training()
    wait_for(lambda: steps_of(run) >= 5, "step 5")
    process.send_signal(signal.SIGTERM)
    err = process.end()
    assert process.returncode == 143
    assert f"resume from step {steps_of(run)} with: entrannas resume" in err
    entrannas("resume", run.id, "--detach")
    wait_for(lambda: steps_of(run) >= 20, "step 20")
    entrannas("stop", run.id)
    assert run.status().state == "stopped"
    assert "test_error" not in run.summary()  # the test part is only for the end
    entrannas("resume", run.id, "--quiet")
    assert_same_training(run, uninterrupted)


def test_kill_between_checkpoint_and_best_weights_loses_neither(uninterrupted: Run, copy: Run) -> None:
    run = copy
    best = run.path / CHECKPOINTS / BEST_CHECKPOINT
    best_step = torch.load(best, weights_only=True)["step"]
    for path in run.checkpoints():
        if path.name != f"step-{best_step:08d}.pt":
            path.unlink()
    assert run.checkpoints(), "the best weights should be of one of the last two epochs: change the seed"
    best.unlink()
    mark_stopped(run)
    entrannas("resume", str(run.path), "--quiet")
    assert_same_training(run, uninterrupted)


def test_modified_training_is_not_resumed() -> None:
    run, process = start_training()
    wait_for(lambda: steps_of(run) >= 2, "step 2")
    process.send_signal(signal.SIGTERM)
    process.end()
    config = run.path / "config.toml"
    config.write_text(config.read_text().replace("learning_rate = 0.1 ", "learning_rate = 0.2 "))
    result = entrannas("resume", run.id, check=False)
    assert result.returncode == 2
    assert "train.learning_rate is 0.2, but was 0.1" in result.stderr


def test_training_links_to_its_search_and_takes_its_data() -> None:
    entrannas(
        "search", "--method", "random", "--space", "extended", "--dataset", "digits", "--quiet", "--seed", "4"
    )
    search = newest()
    entrannas("train", search.id, *SMALL[2:], "--epochs", "1", "--quiet", "--set", "evaluation.test=false")
    run = newest()
    summary = run.summary()
    assert summary["search"]["id"] == summary["cells"] == search.id
    assert summary["origin"] == f"run {search.id}"
    assert (summary["space"], summary["method"]) == ("extended", "random")
    assert run.genotype() == search.genotype()
    assert "test_error" not in summary
    text = (run.path / "config.toml").read_text()
    assert f"# run {search.id}" in next(line for line in text.splitlines() if line.startswith("dataset"))


def test_training_without_held_out_images() -> None:
    run = train("--set", "data.validation_share=0", "--set", "train.auxiliary_weight=0")
    summary = run.summary()
    assert summary["state"] == "completed"
    assert "validation_accuracy" not in summary
    assert "best_epoch" not in summary
    assert summary["test_error"] < 0.6
    assert not (run.path / CHECKPOINTS / BEST_CHECKPOINT).exists()
    result = entrannas("evaluate", run.id, "--weights", "best", check=False)
    assert result.returncode == 2
    assert "no best weights" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such-cells",), '"no-such-cells" is not a run in'),
        (("DARTS_V2", "--channels", "wide"), "derived.channels"),
        (("DARTS_V2", "--preset", "paper"), "no preset paper"),
        (("DARTS_V2", "--set", "search.epochs=3"), "search.epochs (--set): unknown key"),
        (("DARTS_V2", "--set", "train.warmup_epochs=99"), "no epoch is left after the warm-up"),
        (("DARTS_V2", "--batch-size", "4000"), "train.batch_size=1294"),
        (("DARTS_V2", "--device", "cuda:7"), "device cuda:7"),
        (("DARTS_V2", "--channels", "auto", "--set", "derived.largest_multiply_adds=1000"), "that small"),
        (("DARTS_V2", "--set", "data.validation_share=0.0001"), "of 1438 images is none"),
    ],
)
def test_invalid_input_is_a_one_line_error_and_leaves_no_run(
    arguments: tuple[str, ...], message: str
) -> None:
    result = entrannas("train", *arguments, "--quiet", check=False)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not Path("runs").exists() or not any(Path("runs").iterdir())


def test_evaluate_needs_a_training() -> None:
    entrannas("search", "--method", "random", "--dataset", "digits", "--quiet")
    result = entrannas("evaluate", "latest", check=False)
    assert result.returncode == 2
    assert "only a training's weights can be scored" in result.stderr


def test_automatic_channels_use_the_multiply_add_limit() -> None:
    run = train("--epochs", "1", "--channels", "auto", "--set", "derived.largest_multiply_adds=150000")
    summary = run.summary()
    assert summary["multiply_adds"] <= 150_000
    assert summary["network"] == "3 cells, 6 channels"


def test_evaluate_rejects_a_different_validation_split(copy: Run) -> None:
    run = copy
    config = run.path / "config.toml"
    config.write_text(config.read_text().replace("seed = 0", "seed = 1"))
    result = entrannas("evaluate", str(run.path), "--part", "validation", check=False)
    assert result.returncode == 2
    assert "seed is 1, but was 0" in result.stderr
    entrannas("evaluate", str(run.path))  # the test part is the same for all seeds


def test_damaged_best_weights_do_not_affect_the_rest(uninterrupted: Run, copy: Run) -> None:
    run = copy
    (run.path / CHECKPOINTS / BEST_CHECKPOINT).write_bytes(b"damaged")
    mark_stopped(run)
    entrannas("resume", str(run.path), "--quiet")
    assert run.status().state == "completed"
    assert run.summary()["test_error"] == uninterrupted.summary()["test_error"]


def test_folder_needs_a_test_part_unless_testing_is_off(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "photos/train" / name).mkdir(parents=True)
        for shade in range(12):
            Image.new("RGB", (16, 16), (20 * shade,) * 3).save(tmp_path / f"photos/train/{name}/{shade}.png")
    arguments = (*SMALL[2:], "--dataset", "folder", "--data", str(tmp_path / "photos"), "--batch-size", "4")
    result = entrannas("train", "DARTS_V2", *arguments, "--epochs", "1", "--quiet", check=False)
    assert result.returncode == 2
    assert "no test/ or val/" in result.stderr
    assert "--set evaluation.test=false" in result.stderr
    entrannas("train", "DARTS_V2", *arguments, "--epochs", "1", "--quiet", "--set", "evaluation.test=false")
    assert newest().status().state == "completed"
