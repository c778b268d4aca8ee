"""Configurations that are rejected, and the messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.search_sections import NetworkConfig, SearchDataConfig

from .resolving import errors, resolve


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("search.epochs=0", "a whole number from 1 to 100000"),
        ("search.epochs=2.0", "a whole number from 1 to 100000"),
        ("search.epochs=true", "a whole number from 1 to 100000"),
        ("search.batch_size=1", "a whole number from 2 to 65536"),
        ("network.cells=2", "a whole number from 3 to 1000"),
        ("data.portion=0", "a number above 0 and at most 1"),
        ("data.portion=nan", "a number above 0 and at most 1"),
        ("weights.momentum=1", "a number from 0 to below 1"),
        ("weights.learning_rate=inf", "a number above 0 and at most 1000"),
        ("data.flip=1", "true or false"),
        (
            "network.engine_cells=frist",
            '"last", "first", "middle", "rotate", "all" or a list of cell numbers such as [5, 7]',
        ),
        (
            "network.engine_cells=[1, true]",
            '"last", "first", "middle", "rotate", "all" or a list of cell numbers such as [5, 7]',
        ),
        (
            "data.color_jitter=0.4",
            "three numbers from 0 to 1 and one from 0 to 0.5, such as [0.4, 0.4, 0.4, 0.2]",
        ),
        ("data.color_jitter=true", "three numbers from 0 to 1 and one from 0 to 0.5"),
        ("data.color_jitter=[0.4, 0.4, 0.4]", "three numbers from 0 to 1 and one from 0 to 0.5"),
        ("data.color_jitter=[0.4, 0.4, 0.4, 0.6]", "three numbers from 0 to 1 and one from 0 to 0.5"),
        ("data.color_jitter=[-0.1, 0, 0, 0]", "three numbers from 0 to 1 and one from 0 to 0.5"),
        ("data.color_jitter=[true, 0, 0, 0]", "three numbers from 0 to 1 and one from 0 to 0.5"),
        ("architecture.derive_every=0", '"step", "epoch" or a whole number of at least 1'),
        ("architecture.betas=[0.5]", "two numbers from 0 to below 1"),
        ("architecture.betas=[0.5, 1.0]", "two numbers from 0 to below 1"),
        ("target.image=[3, 32]", "three whole numbers from 1 to 4096"),
        ("device.device=gpu", '"auto", "cpu", "cuda", "cuda:N" or "mps"'),
        ("method=dart", '"entrannas-dst", "entrannas", "darts" or "random" (did you mean darts?)'),
        ("data.dataset=CIFAR10", '"synthetic" (did you mean cifar10?)'),
    ],
)
def test_invalid_values_are_rejected(override: str, allowed: str) -> None:
    (line,) = errors({}, override)
    name = override.partition("=")[0]
    assert line.startswith(f"{name} = ")
    assert "(--set): must be " in line
    assert allowed in line


def test_wrong_types_in_a_file_are_rejected() -> None:
    Path("entrannas.toml").write_text(
        'seed = "3"\nspace = 3\nnetwork = 3\nsearch = {epochs = {a = 1}}\npreset = 1'
    )
    assert errors() == [
        "network = 3 (entrannas.toml): a section, not a key; set one of its keys, such as network.cells",
        "space = 3 (entrannas.toml): must be the name of a search space or the path of a .toml file",
        "preset = 1 (entrannas.toml): must be the name of a preset, the path of a .toml file or auto",
        'seed = "3" (entrannas.toml): must be a whole number from 0 to 4294967295',
        'search.epochs = {"a": 1} (entrannas.toml): must be a whole number from 1 to 100000',
    ]


def test_every_error_is_listed_with_its_source() -> None:
    Path("entrannas.toml").write_text("[netwrok]\nchannels = 3\n\n[weights]\nclip = -1")
    found = errors(
        {"search.epochs": 0, "space": "standrd"},
        "data.flop=true",
        "architecture.temperature_end=20",
        "network.cells=2",
        "network.engine_cells=[7]",  # cannot be checked without a valid number of cells
        environ={"ENTRANNAS_SEED": "-1", "ENTRANNAS_SED": "1"},
    )
    starts = [
        "data.flop (--set): unknown key (did you mean data.flip?)",
        "ENTRANNAS_SED: no such setting (did you mean ENTRANNAS_SEED?)",
        "netwrok (entrannas.toml): unknown section (did you mean network?)",
        "seed = -1 (ENTRANNAS_SEED): must be",
        "network.cells = 2 (--set): must be",
        "weights.clip = -1 (entrannas.toml): must be",
        "search.epochs = 0 (--epochs): must be",
        "architecture.temperature_end = 20 (--set), architecture.temperature_start = 5.0 (preset quick): the temp",
        'space = "standrd" (--space): no search space standrd (did you mean standard?)',
    ]
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["network.engine_cells=[3, 5]"], "there is no cell 5: 5 cells are numbered 0 to 4"),
        (["network.engine_cells=[-1, 3]"], "there is no cell -1"),
        (["network.engine_cells=[3, 4, 3]"], "cell 3 is listed twice"),
        (["network.engine_cells=[1, 3]"], "no normal cell among them: reduction cells of 5 are 1 and 3"),
        (["network.engine_cells=[2, 4]"], "no reduction cell among them: reduction cells of 5 are 1 and 3"),
        (["weights.learning_rate_min=0.2"], "the learning rate must not increase"),
        (["architecture.warmup_epochs=25"], "must be below the number of epochs"),
        (["weights.warmup_epochs=20"], "no epoch is left after the warm-up: it must be below"),
        (["data.weights_share=0.6"], "their sum is at most 1"),
        (["data.dataset=folder"], "add --data DIR"),
        (["data.dataset=synthetic", "data.images=19"], "at least 20"),
        (["data.cutout=8"], "smaller than the images (8 pixels)"),
        (["data.crop_padding=16", "data.image_size=16"], "smaller than the images (16 pixels)"),
        (["network.stem=imagenet"], "needs images of at least 32 pixels, these have 8"),
        (["target.stem=imagenet", "target.image=[3, 31, 64]"], "needs images of at least 32 pixels"),
        (["method=entrannas-dst", "architecture.derivation=top2"], 'for "top2" use entrannas'),
        (["method=entrannas", "architecture.derivation=dst"], 'for "dst" use entrannas-dst'),
        (["method=entrannas", "architecture.sparsity_weight=0.1"], "has no thresholds"),
        (["method=entrannas", "architecture.threshold_init=-1"], "has no thresholds"),
        (["method=darts", "network.engine_cells=last"], "in darts every cell is an Engine-cell"),
        (["method=darts", "network.share_features=true"], "darts shares no features"),
        (["method=darts", "architecture.temperature_unit=spread"], "darts has an absolute temperature"),
        (["data.path=images"], "is not read from a path: add --dataset folder"),
    ],
)
def test_contradictions_are_rejected(overrides: list[str], words: str) -> None:
    (line,) = errors({}, *overrides)
    assert words in line
    assert "(--set)" in line


@pytest.mark.parametrize(
    "overrides",
    [
        ["network.engine_cells=[0, 1, 2, 3, 4]"],
        ["network.engine_cells=[1, 0]"],
        ["network.cells=3", "network.engine_cells=[0, 2]"],
        ["data.weights_share=0.7", "data.architecture_share=0.3"],
        ["data.weights_share=0.9", "data.architecture_share=0.1"],  # some sums exceed 1 by rounding
        ["architecture.temperature_end=1.0"],
        ["method=random", "architecture.warmup_epochs=99", "weights.warmup_epochs=99"],
        ["method=random", "architecture.derivation=top2"],
        ["method=darts", "architecture.temperature_end=0.5"],
        ["method=entrannas", "network.engine_cells=all"],
        ["data.dataset=folder", "data.path=x", "network.stem=imagenet", "data.image_size=224"],
        ["data.dataset=folder", "data.path=x", "data.cutout=99"],  # the image size is not known yet
    ],
)
def test_unusual_configurations_are_accepted(overrides: list[str]) -> None:
    resolve({}, *overrides)


def test_unused_data_path_in_the_project_file_is_accepted() -> None:
    Path("entrannas.toml").write_text('data.path = "images"')
    assert resolve({"data.dataset": "digits"}).config.data.dataset == "digits"


def test_all_errors_of_a_space_file_are_listed() -> None:
    Path("bad.toml").write_text('nodes = 0\noperations = ["skip_conect"]')
    with pytest.raises(UsageError) as caught:
        resolve({"space": "bad.toml"})
    text = str(caught.value)
    assert "not a search space, 2 errors" in text
    assert "nodes: must be a whole number from 1 to 16, not 0" in text
    assert "did you mean skip_connect?" in text


def test_single_error_is_one_line_and_several_become_details() -> None:
    with pytest.raises(UsageError) as caught:
        resolve({}, "seed=-1")
    assert caught.value.details == ()
    with pytest.raises(UsageError) as caught:
        resolve({}, "seed=-1", "search.epochs=0")
    assert caught.value.message == "the configuration has errors:"
    assert len(caught.value.details) == 2


def test_errors_are_escaped() -> None:
    Path("entrannas.toml").write_text(
        '"a\\u001b[2J" = 1\nmethod = "\\u001b]0;x\\u0007"\nspace = "b\\u009b2J"'
    )
    lines = errors()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_models_validate_without_the_resolver() -> None:
    with pytest.raises(ValidationError, match=r"network\.engine_cells.*there is no cell 9"):
        SearchConfig(network=NetworkConfig(engine_cells=(2, 9)))
    with pytest.raises(ValidationError, match="add --data DIR"):
        SearchConfig(data=SearchDataConfig(dataset="folder"))
    with pytest.raises(ValidationError, match="frozen"):
        SearchConfig().seed = 3
