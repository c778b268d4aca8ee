"""The generated Python module: correct for every network, free of our imports, and clean code."""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.common.errors import UsageError
from entrannas_cli.export.content import export_content
from entrannas_cli.export.module import module_text
from entrannas_cli.export.source import operation_code
from entrannas_cli.export.target import Target
from entrannas_cli.export.write import export_trained
from entrannas_cli.method import operations
from entrannas_cli.method.genotype import CellGraph, Genotype
from entrannas_cli.method.space import SearchSpace

from ..method.strategies import genotypes
from .networks import OPERATIONS, SMALL, assert_same_module, cell, import_module, logits, make_trained


def test_all_bundled_operations_are_covered() -> None:
    from entrannas_cli.spaces.files import load_space

    assert set(OPERATIONS) == {*load_space("extended").operations, *load_space("standard").operations}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_at_both_strides_and_odd_sizes(name: str, tmp_path: Path) -> None:
    graph = cell(
        f"0:{name}", f"1:{name} 2:{name}"
    )  # in a reduction cell: stride 2 from nodes 0 and 1, stride 1 from node 2
    assert_same_module(make_trained(Genotype(graph, graph), shape=(2, 11, 14)), tmp_path)


EXTENDED = SearchSpace(name="random", operations=OPERATIONS, nodes=3)


@settings(max_examples=12)
@given(
    genotype=genotypes(EXTENDED),
    outputs=st.lists(st.sampled_from([2, 3, 4]), min_size=1, unique=True),
    stem=st.sampled_from(["cifar", "imagenet"]),
    share=st.booleans(),
    affine=st.booleans(),
    pool_batch_norm=st.booleans(),
    cells=st.integers(1, 7),
    sides=st.tuples(st.integers(5, 20), st.integers(5, 20)),
    seed=st.integers(0, 2**16),
)
def test_any_network_is_exported(
    genotype: Genotype,
    outputs: list[int],
    stem: str,
    share: bool,
    affine: bool,
    pool_batch_norm: bool,
    cells: int,
    sides: tuple[int, int],
    seed: int,
) -> None:
    genotype = Genotype(CellGraph(genotype.normal.nodes, tuple(outputs)), genotype.reduce)
    one = make_trained(
        genotype,
        shape=(3, *sides),
        stem=stem,
        share_features=share,
        affine=affine,
        pool_batch_norm=pool_batch_norm,
        cells=cells,
        channels=2,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        assert_same_module(one, Path(folder))


def test_module_runs_without_this_package() -> None:
    one = make_trained(stem="imagenet", share_features=True, shape=(3, 21, 30))
    folder = Path.cwd()
    export_trained(one, Target("python", folder / "my_net.py"))
    assert sorted(path.name for path in folder.iterdir()) == ["my_net.pt", "my_net.py"]
    images = torch.rand(4, 3, 21, 30)
    torch.save(images, folder / "images")
    code = f"""
import sys

class Blocker:
    def find_spec(self, name, *rest):
        if name.startswith("entrannas"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
sys.path.insert(0, {str(folder)!r})
import my_net, torch
assert my_net.CLASSES == ("cat", "dog", "eel")
network = my_net.load()
assert not network.training
with torch.no_grad():
    torch.save(network(my_net.normalised(torch.load("images"))), "logits")
assert not [name for name in sys.modules if name.startswith("entrannas")]
import runpy
runpy.run_path("my_net.py", run_name="__main__")
"""
    printed = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, cwd=folder, capture_output=True, text=True
    )
    ours = logits(one.network, (images - 0.25) / 0.5)
    torch.testing.assert_close(torch.load(folder / "logits"), ours, atol=1e-5, rtol=1e-5)
    assert sorted(line.split()[-1] for line in printed.stdout.splitlines()) == ["cat", "dog", "eel"]


@pytest.mark.parametrize(
    "genotype",
    [
        SMALL,
        Genotype(
            cell(*(" ".join(f"{n % 2}:{name}" for n, name in enumerate(OPERATIONS)),) * 5), SMALL.reduce
        ),
        Genotype(cell("1:conv_1x1"), cell("0:skip_connect")),
    ],
)
@pytest.mark.parametrize("pool_batch_norm", [False, True])
def test_module_passes_ruff(genotype: Genotype, pool_batch_norm: bool) -> None:
    one = make_trained(genotype, share_features=True, pool_batch_norm=pool_batch_norm)
    code = module_text(export_content(one), "net").encode()
    for command in (["check", "--select", "E,F,W,I,UP,B,C4,SIM,PTH,RET", "-"], ["format", "--check", "-"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", command[0], "--isolated", "--line-length", "110", *command[1:]],
            input=code,
            capture_output=True,
        )
        assert result.returncode == 0, result.stdout.decode() + result.stderr.decode()


def test_module_contains_only_used_classes(tmp_path: Path) -> None:
    graph = cell("1:conv_1x1", "1:sep_conv_3x3", concat=(2,))
    content = export_content(make_trained(Genotype(graph, graph)))
    module = import_module(content, tmp_path)
    assert not {"SeparableConv", "DilatedConv", "FactorizedReduce", "ImageNetStem"} & set(vars(module))
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    assert state.keys() == module.Network().state_dict().keys()
    assert not [key for key in state if "sep_conv" in key or "preprocess_0" in key]
    assert any(key.startswith("cells.0.conv_1x1_1_2.") for key in state)


def test_hostile_names_stay_string_literals(tmp_path: Path) -> None:
    hostile = '"""\n\\" \\N{x}; raise SystemExit #\'\u202e'
    names = (hostile, "it's", 'a "b"', "é", "\udc80")
    one = make_trained(classes=names, run='2026-"""; import os\\')
    content = export_content(one)
    content = replace(
        content, metadata=content.metadata.model_copy(update={"dataset": hostile, "classes": names})
    )
    module = import_module(content, tmp_path)
    assert names == module.CLASSES
    assert '2026-"""; import os' in module.__doc__
    code = (tmp_path / "net.py").read_text(encoding="utf-8")
    assert "\u202e" not in code
    assert len(ast.parse(code).body) == len(
        ast.parse(module_text(export_content(make_trained()), "net")).body
    )


def test_thousand_classes_stay_readable() -> None:
    names = tuple(f"class {n}" for n in range(1000))
    code = module_text(export_content(make_trained(classes=names)), "net")
    assert max(map(len, code.splitlines())) <= 110
    assert len(code.splitlines()) < 400
    assert ast.literal_eval(code.split("CLASSES = ")[1].split("\n)")[0] + ")") == names


def test_plugin_operation_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in = operations.Operation("scale", "scale", False, lambda *_: torch.nn.Hardtanh())
    monkeypatch.setitem(operations._registry, "scale", plug_in)
    one = make_trained(Genotype(cell("0:scale"), cell("0:conv_1x1")))
    with pytest.raises(UsageError, match=r"cannot include scale: .* another package") as caught:
        module_text(export_content(one), "net")
    assert "checkpoint, onnx or torch" in caught.value.details[0]


@pytest.mark.parametrize(
    ("name", "stride", "expected"),
    [
        ("skip_connect", 1, ""),
        ("skip_connect", 2, "FactorizedReduce(channels, channels, affine=True)"),
        ("max_pool_3x3", 2, "nn.MaxPool2d(3, 2, padding=1)"),
        ("avg_pool_3x3", 1, "nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)"),
        ("conv_1x7_7x1", 1, "ConvBlock(channels, channels, kernels=[(1, 7), (7, 1)], stride=1, affine=True)"),
    ],
)
def test_operation_code(name: str, stride: int, expected: str) -> None:
    assert operation_code(name, stride=stride, affine=True, pool_batch_norm=False) == expected
    with_norm = operation_code(name, stride=stride, affine=False, pool_batch_norm=True)
    assert with_norm == (
        f"nn.Sequential({expected}, nn.BatchNorm2d(channels, affine=False))"
        if "pool" in name
        else expected.replace("True", "False")
    )
