"""Training configurations: presets, keys shared with searches, values inherited from the search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.keys import keys_of
from entrannas_cli.config.presets import load_preset, preset_names
from entrannas_cli.config.resolve import load_config, print_config, resolve_rank
from entrannas_cli.config.run_kinds import RANK, SEARCH, TRAIN, foreign_keys
from entrannas_cli.config.train import TrainConfig
from entrannas_cli.engine import preflight

from .resolving import request, resolve, resolve_training


@pytest.mark.parametrize("preset", ["cifar", "imagenet", "quick"])
def test_presets_resolve_with_sources(preset: str) -> None:
    assert preset_names("train") == ("cifar", "imagenet", "quick")
    data = {"data.path": "images"} if preset == "imagenet" else {}
    resolved = resolve_training({"train.preset": preset, **data})
    assert load_preset(preset, "train").description
    assert resolved.config.train.preset == preset
    assert resolved.sources["train.epochs"] == f"preset {preset}"
    text = print_config(resolved)
    assert load_config(text, TrainConfig) == resolved.config


def test_presets_are_the_published_recipes() -> None:
    cifar = resolve_training({"train.preset": "cifar"}).config
    assert (cifar.train.epochs, cifar.train.batch_size, cifar.train.learning_rate) == (600, 96, 0.025)
    assert (cifar.train.drop_path, cifar.train.auxiliary_weight, cifar.data.cutout) == (0.2, 0.4, 16)
    assert (cifar.derived.cells, cifar.derived.channels, cifar.train.clip) == (20, 36, 5)
    imagenet = resolve_training({"train.preset": "imagenet", "data.path": "x"}).config
    assert (imagenet.train.epochs, imagenet.train.batch_size, imagenet.train.decay) == (250, 1024, "linear")
    assert (imagenet.train.label_smoothing, imagenet.train.warmup_epochs) == (0.1, 5)
    assert imagenet.data.color_jitter == (0.4, 0.4, 0.4, 0.2)
    assert cifar.data.color_jitter == (0, 0, 0, 0)
    assert (imagenet.derived.channels, imagenet.derived.largest_multiply_adds) == ("auto", 600_000_000)


def test_missing_newer_keys_keep_their_old_meaning() -> None:
    config = resolve_training({}).config
    assert not config.derived.pool_batch_norm
    assert not config.train.auxiliary_batch_norm
    text = resolve_training({}).to_toml()
    older = "\n".join(line for line in text.splitlines() if "batch_norm" not in line)
    stored = load_config(older, TrainConfig)
    assert stored.derived == config.derived.model_copy(update={"pool_batch_norm": True})
    assert stored.train == config.train.model_copy(update={"auxiliary_batch_norm": True})
    assert load_config(text, TrainConfig) == config


def test_project_file_and_environment_apply_to_every_kind(tmp_path: Path) -> None:
    file = tmp_path / "entrannas.toml"
    file.write_text(
        'method = "darts"\nseed = 3\n[device]\nthreads = 2\n[network]\nchannels = 24\n'
        "[train]\nepochs = 7\n[derived]\ncells = 6\n[rank]\ntop = 2\n"
    )
    environ = {"ENTRANNAS_SEARCH__EPOCHS": "9", "ENTRANNAS_TRAIN__BATCH_SIZE": "32"}
    options: dict[str, Any] = {"config_file": file, "environ": environ}
    search = resolve(**options).config
    assert (search.seed, search.network.channels, search.search.epochs, search.device.threads) == (
        3,
        24,
        9,
        2,
    )
    training = resolve_training(**options).config
    assert (training.seed, training.train.epochs, training.train.batch_size) == (3, 7, 32)
    assert (training.derived.cells, training.device.threads) == (6, 2)
    ranked = resolve_rank(request(**options)).config
    assert (ranked.rank.top, ranked.rank.epochs, ranked.train.epochs) == (2, 10, 7)


def test_override_for_another_kind_is_rejected() -> None:
    with pytest.raises(UsageError, match=r"search\.epochs \(--set\): unknown key"):
        resolve_training(None, "search.epochs=3")
    with pytest.raises(UsageError, match=r"train\.epochs \(--set\): unknown key"):
        resolve(None, "train.epochs=3")


def test_unknown_keys_in_files_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "entrannas.toml"
    file.write_text("[train]\nepoch = 7\n")
    for call in (resolve, resolve_training):
        with pytest.raises(UsageError, match=r"train\.epoch \(.*\): unknown key"):
            call(config_file=file)


def test_foreign_keys_belong_to_the_other_kinds() -> None:
    assert "search.epochs" in foreign_keys(TRAIN)
    assert "train.epochs" in foreign_keys(SEARCH)
    assert "rank.top" in foreign_keys(TRAIN)
    for kind in (SEARCH, TRAIN, RANK):
        assert not foreign_keys(kind) & set(keys_of(kind.model))


def test_data_of_the_search_overrides_the_automatic_preset() -> None:
    inherited: dict[str, Any] = {
        "inherited": {"data.dataset": "cifar100", "data.flip": True},
        "inherited_from": "run x",
    }
    automatic = resolve_training(**inherited)
    assert automatic.config.data.dataset == "cifar100"
    assert automatic.sources["data.dataset"] == "run x"
    assert automatic.config.data.flip  # as in the search, not as for digits
    assert resolve_training({"train.preset": "quick"}, **inherited).config.data.dataset == "digits"
    other = resolve_training({"data.dataset": "digits"}, **inherited)
    assert (other.config.data.dataset, other.config.data.flip) == ("digits", False)


def test_automatic_preset_sees_the_data_of_the_search() -> None:
    seen = []

    def choose(settings: Mapping[str, Any]) -> tuple[str, str]:
        seen.append(settings.get("data.dataset"))
        return "quick", "why"

    inherited: dict[str, Any] = {
        **{"inherited": {"data.dataset": "digits"}, "inherited_from": "run x"},
        "choose_preset": choose,
    }
    resolve_training(**inherited)
    resolve_training({"data.dataset": "cifar10"}, **inherited)
    assert seen == ["digits", "cifar10"]


def test_automatic_preset_for_digits_is_quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preflight, "cifar_found", lambda *_: tmp_path)  # whatever the device is
    assert preflight.automatic_preset({"data.dataset": "digits"}, "cifar") == (
        "quick",
        "the data set is digits",
    )


def test_preset_with_a_value_instead_of_a_section_is_rejected() -> None:
    Path("own.toml").write_text("train = 5")
    with pytest.raises(UsageError, match=r"train = 5 .*a section, not a key"):
        resolve_training({"train.preset": "./own.toml"})


def test_ranking_trains_briefly_and_skips_the_test_part() -> None:
    overrides = ("train.epochs=600", "evaluation.test=true", "rank.epochs=3")
    each = resolve_rank(request({}, *overrides)).config.training_config()
    assert type(each) is TrainConfig
    assert (each.train.epochs, each.evaluation.test) == (3, False)
    assert resolve_rank(request()).config.training_config().train.epochs == 10
    with pytest.raises(UsageError, match=r"train\.warmup_epochs = 3 .*rank\.epochs = 3"):
        resolve_rank(request({}, "train.warmup_epochs=3", "rank.epochs=3"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("train.learning_rate_min=1",), "must not increase"),
        (("train.epochs=3", "train.warmup_epochs=3"), "no epoch is left after the warm-up"),
        (("data.cutout=8",), "than the images (8 pixels)"),
        (("derived.stem=imagenet",), "derived.stem"),
        (("derived.channels=auto2",), 'must be "auto" or a whole number'),
        (("train.decay=cosinus",), "did you mean cosine"),
        (("data.validation_share=1.0",), "data.validation_share"),
    ],
)
def test_contradictions_and_invalid_values_are_rejected(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_training({"train.preset": "quick"}, *overrides)
    assert message in "\n".join([caught.value.message, *caught.value.details])
