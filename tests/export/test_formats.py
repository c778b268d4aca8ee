"""The files of each format, read by the programs they are made for; and what a failure leaves behind."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.engine.load_network import TrainedNetwork
from entrannas_cli.export.check import compare, reference_outputs
from entrannas_cli.export.checkpoint import checkpoint_bytes, load_exported
from entrannas_cli.export.content import export_content
from entrannas_cli.export.graphs import METADATA_FILE
from entrannas_cli.export.metadata import metadata_texts, read_metadata
from entrannas_cli.export.target import Target, choose_target
from entrannas_cli.export.write import export_trained
from entrannas_cli.method import operations
from entrannas_cli.method.genotype import Genotype
from entrannas_cli.method.network import DerivedNetwork
from entrannas_cli.method.operations import operation_names
from entrannas_cli.method.space import SearchSpace

from ..method.strategies import genotypes
from .networks import OPERATIONS, SMALL, cell, images_for, logits, make_trained

ALL = Genotype(
    cell(" ".join(f"{n % 2}:{name}" for n, name in enumerate(OPERATIONS)), "0:skip_connect 2:avg_pool_3x3"),
    cell("0:skip_connect 1:skip_connect 0:avg_pool_3x3 1:max_pool_3x3 0:dil_conv_5x5", "1:conv_1x7_7x1"),
)


# ONNX and torch.export


def test_onnx_matches_for_any_batch_size(capfd: pytest.CaptureFixture[str]) -> None:
    one = make_trained(ALL, shape=(3, 19, 26), stem="imagenet", share_features=True, cells=3)
    written = export_trained(one, Target("onnx", Path("net.onnx")))
    assert [path.name for path in Path().iterdir()] == ["net.onnx"]  # weights are stored inside
    assert capfd.readouterr() == ("", "")
    assert [check.batch for check in written.checks] == [1, 5]
    assert written.difference <= 1e-4

    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["images"]
    assert [value.name for value in session.get_outputs()] == ["logits"]
    for batch in (1, 2, 7):
        images = torch.randn(batch, 3, 19, 26)
        found = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
        torch.testing.assert_close(found, logits(one.network, images), atol=1e-4, rtol=1e-4)
    metadata = read_metadata(session.get_modelmeta().custom_metadata_map)
    assert metadata == export_content(one).metadata
    assert metadata.classes == ("cat", "dog", "eel")


def test_torch_export_matches(capfd: pytest.CaptureFixture[str]) -> None:
    one = make_trained(cells=3)
    export_trained(one, Target("torch", Path("net.pt2")))
    extra = {METADATA_FILE: ""}
    program = torch.export.load("net.pt2", extra_files=extra)
    assert read_metadata(json.loads(extra[METADATA_FILE])) == export_content(one).metadata
    for batch in (1, 4):
        images = torch.randn(batch, *one.shape)
        torch.testing.assert_close(logits(program.module(), images), logits(one.network, images))
    assert capfd.readouterr() == ("", "")


def test_torch_export_with_a_fixed_batch_size() -> None:
    one = make_trained(Genotype(cell("0:conv_1x1"), cell("0:skip_connect 1:skip_connect")), cells=2)
    written = export_trained(one, Target("torch", Path("net.pt2")), batch=1)
    assert [check.batch for check in written.checks] == [1]
    network = torch.export.load("net.pt2").module()
    logits(network, torch.zeros(1, *one.shape))
    with pytest.raises((AssertionError, RuntimeError), match=r"Guard failed|Expected input"):  # new or older
        network(torch.zeros(2, *one.shape))


# checkpoint


@settings(max_examples=8)
@given(
    genotype=genotypes(SearchSpace(name="random", operations=tuple(sorted(operation_names())), nodes=3)),
    stem=st.sampled_from(["cifar", "imagenet"]),
    share=st.booleans(),
    affine=st.booleans(),
    pool_batch_norm=st.booleans(),
)
def test_checkpoint_rebuilds_the_network(
    genotype: Genotype, stem: str, share: bool, affine: bool, pool_batch_norm: bool
) -> None:
    one = make_trained(
        genotype,
        stem=stem,
        share_features=share,
        affine=affine,
        pool_batch_norm=pool_batch_norm,
        channels=2,
        auxiliary=True,
        shape=(3, 33, 34),
    )
    Path("net.safetensors").write_bytes(checkpoint_bytes(export_content(one)))
    loaded = load_exported(Path("net.safetensors"))
    assert loaded.metadata == export_content(one).metadata
    assert loaded.network.genotype == genotype
    assert not loaded.network.training
    images = images_for(loaded)
    assert torch.equal(logits(loaded.network, images), logits(one.network, images))
    with safe_open("net.safetensors", framework="pt") as file:
        assert set(file.keys()) == {key for key in one.network.state_dict() if "auxiliary" not in key}


def test_checkpoint_of_an_older_release_has_batch_norm_after_pooling() -> None:
    one = make_trained(pool_batch_norm=True)
    network = export_content(one).metadata.network.model_dump(exclude={"pool_batch_norm"})
    loaded = load_exported(write_checkpoint(one, network=network))
    images = images_for(loaded)
    assert torch.equal(logits(loaded.network, images), logits(one.network, images))


def write_checkpoint(one: TrainedNetwork | None = None, **changes: Any) -> Path:
    """Write a checkpoint with changed metadata; None removes an entry."""
    content = export_content(one or make_trained())
    texts = metadata_texts(content.metadata) | {
        k: v if isinstance(v, str) else json.dumps(v) for k, v in changes.items()
    }
    texts = {key: text for key, text in texts.items() if text != "null" or changes.get(key, "") is not None}
    save_file(content.network.state_dict(), "bad.safetensors", texts)
    return Path("bad.safetensors")


NETWORK = export_content(make_trained()).metadata.network.model_dump()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"format": "pickle"}, "format: not JSON"),
        ({"format": "other-network"}, "format"),
        ({"version": 2}, "version"),
        ({"genotype": None}, "genotype"),
        ({"genotype": {"format": "x"}}, "genotype: format"),
        ({"network": NETWORK | {"cells": 10**9}}, "network.cells"),
        ({"network": NETWORK | {"cells": 4000}}, "4000 cells"),
        ({"network": NETWORK | {"channels": 2**16}}, "expected torch.float32"),
        ({"network": NETWORK | {"channels": True}}, "network.channels"),
        ({"network": NETWORK | {"stem": "x"}}, "network.stem"),
        ({"network": NETWORK | {"affine": False}}, "not part of the network"),
        ({"network": NETWORK | {"pool_batch_norm": True}}, "is missing"),
        ({"shape": [1, 0, 5]}, "shape"),
        ({"shape": [3, 5, 5]}, "shape is for 3"),
        ({"classes": ["a"]}, "classes is for 1"),
        ({"std": [0.0]}, "std.0"),
        ({"mean": "[NaN]"}, "mean.0"),
        ({"step": "1" * 5000}, "step: not JSON"),
        ({"run": "[" * 100_000}, "run: not JSON"),
        ({"run": json.dumps("\ud800")}, "Invalid JSON"),
        ({"genotype": Genotype(cell("0:unheard_of"), cell("0:conv_1x1")).to_dict()}, "unheard_of"),
    ],
)
def test_invalid_metadata_is_rejected(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=r"^bad\.safetensors: not an exported network: ") as caught:
        load_exported(write_checkpoint(**changes))
    assert fault in caught.value.message
    assert "\n" not in caught.value.message


class Trap:
    def __reduce__(self) -> Any:
        return os.mkdir, ("trapped",)


def test_files_that_are_not_checkpoints_are_rejected() -> None:
    whole = checkpoint_bytes(export_content(make_trained()))
    for content in (
        b"",
        b"x" * 100,
        whole[:1000],
        whole[:-1],
        pickle.dumps(Trap()),
        (2**40).to_bytes(8, "little") + b"{}",
    ):
        Path("bad").write_bytes(content)
        with pytest.raises(UsageError, match=r"^bad: "):
            load_exported(Path("bad"))
    torch.save({"a": torch.zeros(1)}, "bad")
    with pytest.raises(UsageError, match=r"^bad: not an exported network"):
        load_exported(Path("bad"))
    save_file({"a": torch.zeros(1)}, "bad")
    with pytest.raises(UsageError, match="the format in its metadata is not"):
        load_exported(Path("bad"))
    os.mkfifo("pipe")
    for path in ("pipe", ".", "missing"):
        with pytest.raises(UsageError, match="cannot be read"):
            load_exported(Path(path))
    assert not Path("trapped").exists()


def test_weights_of_another_dtype_are_rejected() -> None:
    content = export_content(make_trained())
    half = {key: value.half() for key, value in content.network.state_dict().items()}
    save_file(half, "half", metadata_texts(content.metadata))
    with pytest.raises(UsageError, match=r"expected torch\.\w+ .*, found torch\.float16"):
        load_exported(Path("half"))


def test_plugin_operations_export_to_checkpoint_and_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in = operations.Operation("cut", "cut", False, lambda c, s, a: torch.nn.AvgPool2d(1, s))
    monkeypatch.setitem(operations._registry, "cut", plug_in)
    one = make_trained(Genotype(cell("0:cut"), cell("0:cut")), cells=2)
    for name in ("checkpoint", "torch"):
        export_trained(one, choose_target(name, None, "net"))
    assert load_exported(Path("net.safetensors")).network.genotype.operations == {"cut"}
    monkeypatch.delitem(operations._registry, "cut")
    with pytest.raises(UsageError, match="the operation cut is not installed"):
        load_exported(Path("net.safetensors"))


def test_export_leaves_network_and_random_state_unchanged(tmp_path: Path) -> None:
    one = make_trained(auxiliary=True)
    before = {key: value.clone() for key, value in one.network.state_dict().items()}
    state = torch.get_rng_state()
    export_trained(one, Target("checkpoint", tmp_path / "net.safetensors"))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in one.network.state_dict().items())
    assert all(parameter.requires_grad for parameter in one.network.parameters())


def test_accuracy_of_other_weights_is_omitted() -> None:
    one = make_trained()
    one.run.path.mkdir(parents=True)
    for step, told in ((98, 0.75), (99, None)):
        (one.run.path / "summary.json").write_text(json.dumps({"step": step, "test_accuracy": 0.75}))
        assert export_content(one).metadata.test_accuracy == told
    (one.run.path / "summary.json").write_text("{")
    assert export_content(one).metadata.test_accuracy is None


# failures


class Shifted(DerivedNetwork):
    """A network that computes something its modules don't show."""

    shift = 0.01

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) + self.shift


@pytest.mark.parametrize("before", [{}, {"x.safetensors": "precious"}])
def test_failed_check_keeps_the_existing_files(before: dict[str, str]) -> None:
    one = make_trained()
    one.network.__class__ = Shifted
    for file, text in before.items():
        Path(file).write_text(text)
    with pytest.raises(RunFailed, match=r"differ from ours by 1\.0e-02 .*nothing is written"):
        export_trained(one, Target("checkpoint", Path("x.safetensors")), force=True)
    assert {path.name: path.read_text() for path in Path().iterdir()} == before


def test_differences_are_relative_to_the_largest_logit() -> None:
    one = make_trained()
    expected = reference_outputs(one.network, one.shape)
    assert [check.difference for check in compare(expected, expected.logits)] == [0.0, 0.0]
    largest = max(batch.abs().max().item() for batch in expected.logits)
    compare(expected, [batch + 0.9e-4 for batch in expected.logits])
    for wrong in (
        [batch + 1.2e-4 * max(1.0, largest) for batch in expected.logits],
        [expected.logits[0], expected.logits[1] * float("nan")],
        [batch[:, :2] for batch in expected.logits],
    ):
        with pytest.raises(RunFailed):
            compare(expected, wrong)


def test_diverged_network_is_not_exported() -> None:
    one = make_trained()
    one.network.classifier.bias.data[0] = float("nan")
    with pytest.raises(RunFailed, match="are not finite"):
        export_trained(one, Target("checkpoint", Path("net.safetensors")))
    assert list(Path().iterdir()) == []


class Untraceable(torch.nn.Module):
    """A module that no graph can hold, since it branches on values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


def test_untraceable_network_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in = operations.Operation("stubborn", "s", False, lambda *_: Untraceable())
    monkeypatch.setitem(operations._registry, "stubborn", plug_in)
    one = make_trained(Genotype(cell("0:stubborn"), SMALL.reduce), cells=3)
    with pytest.raises(RunFailed, match=r"torch\.export cannot trace this network: .+"):
        export_trained(one, Target("torch", Path("net.pt2")))
    assert list(Path().iterdir()) == []


# where exports go


@pytest.mark.parametrize(
    ("format_", "output", "expected"),
    [
        ("onnx", None, ("onnx", "2026-x.onnx")),
        ("python", None, ("python", "run_2026_x.py")),
        (None, "a.PT2", ("torch", "a.PT2")),
        (None, "a.safetensors", ("checkpoint", "a.safetensors")),
        ("onnx", "model.bin", ("onnx", "model.bin")),
        ("torch", "folder", ("torch", "folder/2026-x.pt2")),
        ("python", "folder/net.py", ("python", "folder/net.py")),
    ],
)
def test_targets_are_chosen_from_format_and_output(
    format_: str | None, output: str | None, expected: tuple[str, str]
) -> None:
    Path("folder").mkdir()
    target = choose_target(format_, None if output is None else Path(output), "2026-x")
    assert (target.format, str(target.path)) == expected
    target.check(force=False)


@pytest.mark.parametrize(
    ("format_", "output", "fault"),
    [
        (None, None, "--format checkpoint, onnx, torch or python"),
        (None, "a", "no format has the suffix (none)"),
        (None, "a.pt", "no format has the suffix .pt"),
        ("onnx", "a.safetensors", ".safetensors is for checkpoint"),
        ("python", "a.txt", "must end in .py"),
        ("python", "2026-x.py", "cannot import this name"),
        ("python", "class.py", "cannot import this name"),
        ("python", "torch.py", "would hide"),
        ("python", "random.py", "would hide"),
        ("onnx", "nowhere/a.onnx", "the folder nowhere does not exist"),
        ("onnx", "file/a.onnx", "is not a folder"),
        ("onnx", "there.onnx", "exists: replace it with --force"),
        ("python", "there.py", "there.pt exists"),
        ("onnx", "x" * 300 + ".onnx", "File name too long"),
        ("onnx", "\x1b[2J\0.onnx", "cannot be written: embedded null"),
    ],
)
def test_invalid_targets_are_rejected(format_: str | None, output: str | None, fault: str) -> None:
    for name in ("file", "there.onnx", "there.pt"):
        Path(name).touch()
    with pytest.raises(UsageError) as caught:
        choose_target(format_, None if output is None else Path(output), "2026-x").check(force=False)
    assert fault in caught.value.message
    assert "\x1b" not in caught.value.message


def test_force_replaces_only_files() -> None:
    Path("net.onnx").mkdir()
    with pytest.raises(UsageError, match="not a regular file"):
        Target("onnx", Path("net.onnx")).check(force=True)
    Path("elsewhere").write_text("precious")
    Path("net.safetensors").symlink_to("elsewhere")
    export_trained(make_trained(), Target("checkpoint", Path("net.safetensors")), force=True)
    load_exported(Path("net.safetensors"))
    assert Path("elsewhere").read_text() == "precious"


def test_file_created_meanwhile_is_not_overwritten() -> None:
    one = make_trained()

    class Slow(DerivedNetwork):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            Path("net.safetensors").write_text("precious")
            return super().forward(images)

    one.network.__class__ = Slow
    with pytest.raises(UsageError, match="exists"):
        export_trained(one, Target("checkpoint", Path("net.safetensors")))
    assert {path.name: path.read_text() for path in Path().iterdir()} == {"net.safetensors": "precious"}


def test_make_trained_returns_the_type_of_load_trained() -> None:
    assert isinstance(make_trained(), TrainedNetwork)
