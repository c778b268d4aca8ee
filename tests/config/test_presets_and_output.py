"""The bundled presets, and configurations written and read back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.base import ORIGINS
from entrannas_cli.config.describe import filled
from entrannas_cli.config.keys import flatten_model, keys_of
from entrannas_cli.config.presets import load_preset
from entrannas_cli.config.resolve import config_dict, load_config, preset_names, print_config
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.to_toml import toml_value

from .resolving import errors, resolve

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_presets_resolve_with_every_method() -> None:
    assert preset_names() == ("darts", "imagenet", "paper", "quick")
    for preset in preset_names():
        assert load_preset(preset).description
        for method in ("entrannas-dst", "entrannas", "darts", "random"):
            flags: dict[str, object] = {"preset": preset, "method": method}
            if preset == "imagenet":
                flags["data.path"] = "images"
            assert resolve(flags).config.method == method


def test_paper_preset_is_the_published_recipe() -> None:
    config = resolve({"preset": "paper"}).config
    assert (config.data.dataset, config.data.weights_share, config.data.architecture_share) == (
        "cifar10",
        0.5,
        0.5,
    )
    assert (config.data.crop_padding, config.data.flip, config.data.cutout) == (4, True, 0)
    assert (config.network.cells, config.network.channels, config.network.engine_cells) == (8, 16, "rotate")
    assert (config.search.epochs, config.search.batch_size) == (50, 256)
    weights, architecture = config.weights, config.architecture
    assert (weights.learning_rate, weights.learning_rate_min, weights.momentum) == (0.1, 0.001, 0.9)
    assert (weights.weight_decay, weights.clip) == (3e-4, 5.0)
    assert (architecture.learning_rate, architecture.betas, architecture.weight_decay) == (
        6e-4,
        (0.5, 0.999),
        1e-3,
    )
    assert architecture.temperature_unit == "spread"
    assert (architecture.temperature_start, architecture.temperature_end) == (10.0, 0.67)
    assert architecture.threshold_learning_rate == 5e-4
    assert (architecture.sparsity_weight, architecture.threshold_init, architecture.warmup_epochs) == (
        0.1,
        0.5,
        0,
    )


def test_imagenet_preset_is_the_pc_darts_protocol() -> None:
    config = resolve({"preset": "imagenet", "data.path": "images"}).config
    assert (config.data.weights_share, config.data.architecture_share) == (0.1, 0.025)
    assert (config.search.batch_size, config.weights.learning_rate) == (1024, 0.5)
    assert (config.weights.learning_rate_min, config.weights.warmup_epochs) == (0.0, 5)
    assert (config.architecture.learning_rate, config.architecture.warmup_epochs) == (6e-3, 35)
    assert (config.network.stem, config.target.stem) == ("imagenet", "imagenet")
    assert (config.target.cells, config.target.channels, config.target.classes) == (14, 48, 1000)
    assert config.target.image == (3, 224, 224)


def test_darts_preset_is_the_published_darts_search() -> None:
    resolved = resolve({"preset": "darts"})
    config = resolved.config
    assert (config.method, resolved.sources["method"]) == ("darts", "preset darts")
    assert (config.network.engine_cells, config.network.share_features) == ("all", False)
    data = config.data
    assert (data.dataset, data.weights_share, data.architecture_share) == ("cifar10", 0.5, 0.5)
    assert (data.crop_padding, data.flip, data.cutout) == (4, True, 0)
    assert (config.network.cells, config.network.channels, config.network.stem) == (8, 16, "cifar")
    assert (config.search.epochs, config.search.batch_size) == (50, 64)
    weights, architecture = config.weights, config.architecture
    assert (weights.learning_rate, weights.learning_rate_min, weights.warmup_epochs) == (0.025, 0.001, 0)
    assert (weights.momentum, weights.weight_decay, weights.clip) == (0.9, 3e-4, 5.0)
    assert (architecture.learning_rate, architecture.betas) == (3e-4, (0.5, 0.999))
    assert (architecture.weight_decay, architecture.warmup_epochs) == (1e-3, 0)
    assert (architecture.temperature_start, architecture.temperature_end) == (1.0, 1.0)
    assert (config.target.cells, config.target.channels) == (20, 36)


def test_other_method_with_the_darts_preset_takes_only_its_recipe() -> None:
    resolved = resolve({"preset": "darts", "method": "entrannas-dst"})
    config = resolved.config
    assert (config.method, resolved.sources["method"]) == ("entrannas-dst", "--method")
    assert (config.architecture.derivation, config.network.share_features) == ("dst", True)
    assert config.network.engine_cells != "all"
    assert (config.search.batch_size, config.architecture.learning_rate) == (64, 3e-4)
    # batches of 64 instead of 256: β must not move further than in `paper`
    rates = [
        resolve({"preset": name}).config.architecture.threshold_learning_rate for name in ("darts", "paper")
    ]
    assert rates[0] == rates[1] / 4
    (line,) = errors({"preset": "darts"}, "network.share_features=true")
    assert 'method = "darts" (preset darts): darts shares no features' in line


@pytest.mark.parametrize("method", ["entrannas-dst", "entrannas", "darts", "random"])
def test_resolved_configuration_round_trips(method: str) -> None:
    resolved = resolve({"method": method, "data.dataset": "folder", "data.path": 'a "b"\t#c\x9b'})
    text = resolved.to_toml()
    assert load_config(text) == resolved.config
    Path("config.toml").write_text(text, encoding="utf-8")
    assert load_config(Path("config.toml")) == resolved.config
    again = resolve(config_file=Path("config.toml"), environ={})
    assert again.config == resolved.config
    assert set(again.sources.values()) == {"config.toml"}


def test_complete_file_resolves_without_its_preset() -> None:
    Path("own.toml").write_text("seed = 5")
    resolved = resolve({"preset": "own.toml"})
    Path("config.toml").write_text(resolved.to_toml())
    Path("own.toml").unlink()
    assert resolve(config_file=Path("config.toml")).config == resolved.config


def test_configuration_of_an_older_release_keeps_its_meaning() -> None:
    keys = ("temperature_unit", "threshold_learning_rate", "transit_cells")
    lines = resolve({"architecture.learning_rate": 0.05}).to_toml().splitlines()
    Path("config.toml").write_text("\n".join(line for line in lines if not line.startswith(keys)))
    again = resolve({"preset": "paper"}, config_file=Path("config.toml"))
    assert again.config.architecture.temperature_unit == "absolute"
    assert again.config.architecture.threshold_learning_rate == 0.05  # α's rate: there was one rate for both
    assert again.config.network.transit_cells == "derived"
    assert again.sources["network.transit_cells"] == "config.toml"
    assert load_config(Path("config.toml")).architecture == again.config.architecture
    # a hand-written file leaves the rest to the preset
    Path("config.toml").write_text("\n".join([*lines[:4], "[architecture]", "learning_rate = 0.05"]))
    assert resolve(config_file=Path("config.toml")).config.architecture.temperature_unit == "spread"


def test_printed_configuration_is_toml_with_sources() -> None:
    resolved = resolve({"search.epochs": 3}, "network.engine_cells=[1, 4]", environ={"ENTRANNAS_SEED": "4"})
    text = print_config(resolved)
    assert re.search(r"^epochs = 3 +# --epochs$", text, re.MULTILINE)
    assert re.search(r"^engine_cells = \[1, 4\] +# --set$", text, re.MULTILINE)
    assert re.search(r"^seed = 4 +# ENTRANNAS_SEED$", text, re.MULTILINE)
    assert re.search(r'^preset = "quick" +# auto: no CUDA device$', text, re.MULTILINE)
    assert load_config(text) == resolved.config


def test_dictionary_has_values_and_sources() -> None:
    resolved = resolve({"search.epochs": 3})
    data = json.loads(json.dumps(config_dict(resolved)))
    assert data["search.epochs"] == {"value": 3, "source": "--epochs"}
    assert data["target.image"] == {"value": [3, 32, 32], "source": "default"}
    assert list(data) == list(keys_of(SearchConfig))


def test_file_of_a_newer_release_is_rejected() -> None:
    text = resolve().to_toml() + '\n[future]\nspeed = "high"\n'
    with pytest.raises(UsageError) as caught:
        load_config(text)
    assert "future" in str(caught.value)
    assert "unknown section" in str(caught.value)
    assert "newer release" in str(caught.value)


def test_damaged_file_is_rejected() -> None:
    Path("config.toml").write_text(resolve().to_toml()[:-20])
    with pytest.raises(UsageError, match=r"config\.toml: not valid TOML"):
        load_config(Path("config.toml"))
    with pytest.raises(UsageError, match=r"seed = -1 \(configuration\): must be a whole number"):
        load_config("seed = -1")


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
)


@given(st.one_of(scalars, st.lists(scalars, max_size=4)))
def test_toml_values_round_trip_as_one_printable_line(value: Any) -> None:
    text = toml_value(value)
    assert text.isprintable()
    assert tomli.loads(f"v = {text}") == {"v": value}


def test_every_key_is_documented() -> None:
    for key in keys_of(SearchConfig).values():
        assert key.description.endswith(".")
        assert key.origin in ORIGINS
        assert key.allowed


def test_document_matches_the_schema() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert filled(text) == text
    emptied = re.sub(r"(: begin -->\n).*?(<!-- [^>]*: end -->)", r"\1\2", text, flags=re.DOTALL)
    assert len(emptied) < len(text) / 2
    assert filled(emptied) == text


def test_documented_example_works() -> None:
    example = re.search(
        r"```toml\n# entrannas\.toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL
    )
    assert example
    Path("entrannas.toml").write_text(example[1])
    Path("spaces").mkdir()
    Path("spaces/mine.toml").write_text('operations = ["skip_connect", "conv_3x3"]')
    config = resolve({}, "network.cells=8").config
    assert config.network.engine_cells == (5, 7)
    assert flatten_model(config)["network.channels"] == 24
