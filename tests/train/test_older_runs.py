"""Trainings of older releases, which always had a batch-norm after pooling and at the end of the auxiliary head."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from entrannas_cli.engine.load_network import load_trained
from entrannas_cli.export.checkpoint import load_exported
from entrannas_cli.store.run import BEST_CHECKPOINT, CHECKPOINTS, CONFIG_FILE, Run

from ..isolation import build_once
from ..search.runs import in_process as entrannas
from .trainings import assert_same_training, mark_stopped

KEYS = ("derived.pool_batch_norm", "train.auxiliary_batch_norm")
IMAGENET = (
    *("--preset", "quick", "--epochs", "2", "--cells", "3", "--channels", "4", "--dataset", "synthetic"),
    *("--set", "derived.stem=imagenet", "--set", "train.auxiliary_weight=0.4", "--set", "data.classes=4"),
    *("--set", "data.image_size=32", "--set", "data.images=256", "--batch-size", "32", "--quiet"),
)


@pytest.fixture(scope="module")
def current_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Create a training of the current release with both batch-norms."""

    def train() -> None:
        entrannas("train", "DARTS_V2", *IMAGENET, *(f"--set={key}=true" for key in KEYS))

    (path,) = (build_once(tmp_path_factory, "with-batch-norms", train) / "runs").iterdir()
    return Run(path)


@pytest.fixture
def older_run(current_run: Run, tmp_path: Path) -> Run:
    """Return a copy as left by a release without these keys: neither its configuration nor its files have them."""
    run = Run(shutil.copytree(current_run.path, tmp_path / "older"))
    config = run.path / CONFIG_FILE
    lines = config.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "batch_norm" not in line]
    assert len(kept) == len(lines) - len(KEYS)
    config.write_text("".join(kept))
    for path in [*run.checkpoints(), run.path / CHECKPOINTS / BEST_CHECKPOINT]:
        content = torch.load(path, weights_only=True)
        for key in KEYS:
            assert content["identity"].pop(key) == "True"
        assert content["network"].pop("pool_batch_norm")
        assert any("pool_3x3.1.running_mean" in key for key in content["weights"])
        assert "auxiliary_head.features.4.running_mean" in content["weights"]
        torch.save(content | {"version": 2}, path)
    return run


@pytest.mark.parametrize("weights", ["last", "best"])
def test_older_run_is_evaluated_as_before(older_run: Run, weights: str) -> None:
    found = json.loads(entrannas("evaluate", str(older_run.path), "--weights", weights, "--json").stdout)
    prefix = "best_" * (weights == "best")
    assert found["loss"] == pytest.approx(older_run.summary()[f"{prefix}test_loss"], rel=1e-6)


def test_older_run_resumes_to_the_same_result(older_run: Run, current_run: Run) -> None:
    last, *earlier = older_run.checkpoints()
    assert earlier
    last.unlink()
    mark_stopped(older_run)
    entrannas("resume", str(older_run.path), "--quiet")
    assert_same_training(older_run, current_run)


def test_older_run_is_exported_unchanged(older_run: Run) -> None:
    entrannas("export", str(older_run.path), "--output", "net.safetensors")
    loaded = load_exported(Path("net.safetensors"))
    assert loaded.metadata.network.pool_batch_norm
    images = torch.rand(2, *loaded.metadata.shape)
    with torch.no_grad():
        assert torch.equal(loaded.network(images), load_trained(older_run).network(images))


@pytest.mark.parametrize("key", KEYS)
def test_older_run_is_rejected_with_the_new_values(older_run: Run, key: str) -> None:
    mark_stopped(older_run)
    config = older_run.path / CONFIG_FILE
    section, name = key.split(".")
    config.write_text(config.read_text().replace(f"[{section}]\n", f"[{section}]\n{name} = false\n"))
    result = entrannas("resume", str(older_run.path), "--quiet", check=False)
    assert result.returncode == 2
    assert f"{key} is False, but was True when this run began" in result.stderr
