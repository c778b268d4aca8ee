"""`entrannas export` on the run of a real search."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from entrannas_cli.__main__ import main
from entrannas_cli.engine.load_network import load_trained
from entrannas_cli.export import target
from entrannas_cli.export.checkpoint import load_exported
from entrannas_cli.store.run import Run

from ..search.runs import SMALL, write_space
from .networks import logits


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder with one completed search."""
    folder = tmp_path_factory.mktemp("searched")
    write_space(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert (
            call(
                "search", *SMALL, "--epochs", 1, "--set", "data.portion=0.3", "--quiet", "--runs-dir", "runs"
            )
            == 0
        )
    return folder / "runs"


@pytest.fixture
def export(runs: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = call("export", *arguments, "--runs-dir", runs)
        return code, *capsys.readouterr()

    return run


def test_export_of_a_search_checkpoint(export: Any, runs: Path) -> None:
    (path,) = runs.iterdir()
    code, out, err = export("latest", "--format", "checkpoint")
    assert (code, out) == (0, f"{path.name}.safetensors\n")
    assert "the logits of the run's network exactly, for 1 and 5 random images" in err
    missing = export("latest", "--format", "checkpoint", "-o", "nowhere/")
    assert (missing[0], missing[1], Path("nowhere").exists()) == (2, "", False)
    assert "nowhere/: no such folder" in missing[2]
    loaded, ours = load_exported(Path(out.strip())), load_trained(Run(path))
    images = torch.rand(2, *ours.shape)
    assert torch.equal(logits(loaded.network, images), logits(ours.network, images))
    assert (loaded.metadata.dataset, loaded.metadata.step) == ("digits", ours.step)
    assert loaded.metadata.run == path.name


def test_export_of_the_best_weights_of_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--cells", 3, "--channels", 4, "--epochs", 1, "--set", "data.portion=0.2")
    assert call("train", "DARTS_V2", *sizes, "--quiet", "--runs-dir", "trained") == 0
    capsys.readouterr()
    assert (
        call("export", "latest", "--weights", "best", "-o", "net.safetensors", "--runs-dir", "trained") == 0
    )
    (path,) = Path("trained").iterdir()
    loaded, summary = load_exported(Path("net.safetensors")), Run(path).summary()
    assert (loaded.metadata.weights, loaded.metadata.dataset) == ("best", "digits")
    assert loaded.metadata.test_accuracy == summary["best_test_accuracy"]
    assert sum(weight.numel() for weight in loaded.network.parameters()) == summary["parameters"]


def test_json_describes_the_file_and_its_checks(export: Any) -> None:
    code, out, err = export("latest", "--output", "net.safetensors", "--json")
    told = json.loads(out)
    assert (code, err, told["format"], told["weights"]) == (0, "", "checkpoint", "last")
    size = Path("net.safetensors").stat().st_size
    assert told["files"] == [{"path": str(Path("net.safetensors").absolute()), "bytes": size}]
    assert [check["batch"] for check in told["checks"]] == [1, 5]
    assert told["largest_difference"] <= told["tolerance"] == 1e-4


def test_invalid_requests_are_one_line_errors(export: Any) -> None:
    Path("net.onnx").write_text("precious")
    for arguments, fault in (
        ((), "no format given: add --format"),
        (("-o", "net.onnx"), "net.onnx exists: replace it with --force"),
        (("-f", "python", "--batch", "3"), "--batch: a python export takes any number of images"),
        (("-f", "checkpoint", "--weights", "best"), "only a training has best weights"),
        (
            (
                "-f",
                "h5",
            ),
            "checkpoint",
        ),
        (("-f", "onnx", "--batch", "0"), "--batch"),
    ):
        code, out, err = export("latest", *arguments)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert fault in err
    assert {path.name: path.read_text() for path in Path().iterdir()} == {"net.onnx": "precious"}


def test_missing_onnx_packages_are_named(export: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        target, "find_spec", lambda name: None if name.startswith("onnx") else find_spec(name)
    )
    code, out, err = export("latest", "-f", "onnx")
    assert (code, out) == (2, "")
    assert "needs onnx, onnxscript and onnxruntime: pip install 'entrannas[onnx]'" in err
