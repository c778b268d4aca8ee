"""Precedence of the layers, and the recorded source of each value."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.config.keys import flatten_model, keys_of
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.sources import from_overrides
from entrannas_cli.config.to_toml import toml_value

from .resolving import errors, resolve

KEYS = keys_of(SearchConfig)


def test_defaults() -> None:
    Path("empty.toml").write_text("")
    resolved = resolve({"preset": "./empty.toml"})
    expected = {
        **{name: key.default for name, key in KEYS.items()},
        "preset": str(Path.cwd() / "./empty.toml"),
    }
    assert flatten_model(resolved.config) == expected
    sources = dict(resolved.sources)
    assert sources.pop("preset") == "--preset"
    assert sources.pop("architecture.derivation") == "method entrannas-dst"
    assert set(sources.values()) == {"default"}


def test_each_layer_overrides_the_layers_below() -> None:
    key = "architecture.temperature_end"  # a key that the method darts implies
    options: dict[str, Any] = {}

    def value() -> tuple[float, str]:
        resolved = resolve(**options)
        return resolved.config.architecture.temperature_end, resolved.sources[key]

    Path("preset.toml").write_text("[architecture]\ntemperature_end = 0.01")

    assert value() == (0.67, "default")
    options["flags"] = {"preset": "preset.toml"}
    assert value() == (0.01, "preset " + str(Path.cwd() / "preset.toml"))
    options["flags"] = {**options["flags"], "method": "darts"}
    assert value() == (1.0, "method darts")
    Path("entrannas.toml").write_text("[architecture]\ntemperature_end = 0.02")
    assert value() == (0.02, "entrannas.toml")
    options["environ"] = {"ENTRANNAS_ARCHITECTURE__TEMPERATURE_END": "0.03"}
    assert value() == (0.03, "ENTRANNAS_ARCHITECTURE__TEMPERATURE_END")
    options["flags"] = {**options["flags"], key: 0.04}
    assert value() == (0.04, "--temperature-end")
    resolved = resolve(options["flags"], f"{key}=0.05", f"{key}=0.06", environ=options["environ"])
    assert resolved.config.architecture.temperature_end == 0.06
    assert resolved.sources[key] == "--set"


def test_omitted_flag_is_ignored() -> None:
    assert resolve({"seed": None, "data.dataset": None}).sources["seed"] == "default"


def test_flags_accept_enums_and_paths() -> None:
    class Method(Enum):
        RANDOM = "random"

    resolved = resolve({"method": Method.RANDOM, "data.dataset": "folder", "data.path": Path("images")})
    assert resolved.config.method == "random"
    assert resolved.config.data.path == str(Path.cwd() / "images")
    assert resolved.sources["data.path"] == "--data"


def test_paths_are_relative_to_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path.cwd()
    inner = root / "inner"
    inner.mkdir()
    (root / "mine.toml").write_text('operations = ["skip_connect"]')
    (root / "entrannas.toml").write_text(
        'space = "./mine.toml"\ndata.path = "images"\ndata.dataset = "folder"'
    )
    monkeypatch.chdir(inner)
    resolved = resolve()
    assert Path(resolved.config.space).samefile(root / "mine.toml")
    assert resolved.config.data.path == str(root / "images")
    assert resolved.sources["data.path"] == str(root / "entrannas.toml")
    assert resolve(environ={"ENTRANNAS_DATA__PATH": "images"}).config.data.path == str(inner / "images")
    assert resolve({}, "data.path=~/images").config.data.path == str(Path.home() / "images")
    assert resolve({"space": "standard"}).config.space == "standard"


def test_explicit_config_file_replaces_the_project_file() -> None:
    Path("entrannas.toml").write_text("seed = 1\nsearch.epochs = 2")
    Path("other.toml").write_text("seed = 3")
    resolved = resolve(config_file=Path("other.toml"))
    assert (resolved.config.seed, resolved.sources["seed"]) == (3, "other.toml")
    assert resolved.sources["search.epochs"] == "preset quick"


def test_project_file_may_set_the_runs_folder() -> None:
    Path("entrannas.toml").write_text('runs_dir = "x"\nseed = 1')
    assert resolve().config.seed == 1


def test_unrelated_environment_variables_are_ignored() -> None:
    environ = {"ENTRANNAS_RUNS_DIR": "x", "ENTRANNAS_DEBUG": "1", "ENTRANNAS_SEED": "", "PATH": "/bin"}
    assert resolve(environ=environ).sources["seed"] == "default"


class TestPresets:
    def test_auto_preset_is_chosen_from_the_explicit_settings(self) -> None:
        seen: list[Any] = []

        def choose(explicit: Any) -> tuple[str, str]:
            seen.append(dict(explicit))
            return "paper", "a CUDA device and CIFAR-10 are there"

        resolved = resolve({"device.device": "cpu"}, choose_preset=choose)
        assert seen == [{"device.device": "cpu"}]
        assert resolved.config.preset == "paper"
        assert resolved.preset_reason == "a CUDA device and CIFAR-10 are there"
        assert resolved.sources["preset"] == "auto: a CUDA device and CIFAR-10 are there"
        assert resolved.sources["search.epochs"] == "preset paper"

    def test_named_preset_needs_no_choice(self) -> None:
        def choose(explicit: Any) -> tuple[str, str]:
            raise AssertionError("asked")

        resolved = resolve({"preset": "quick"}, choose_preset=choose)
        assert (resolved.config.preset, resolved.preset_reason) == ("quick", "")
        assert resolve(environ={"ENTRANNAS_PRESET": "quick"}, choose_preset=choose).config.preset == "quick"

    def test_custom_preset_file(self) -> None:
        Path("presets").mkdir()
        own = Path("presets/own.toml")
        own.write_text('description = "mine"\nmethod = "darts"\ndata = {dataset = "folder", path = "images"}')
        resolved = resolve({"preset": "presets/own.toml"})
        assert resolved.config.method == "darts"
        assert resolved.config.network.engine_cells == "all"
        assert resolved.sources["network.engine_cells"] == "method darts"
        assert resolved.config.data.path == str(Path.cwd() / "presets/images")
        assert resolved.config.preset == str(Path.cwd() / "presets/own.toml")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("preset = 'quick'", "a preset can't stand on another one"),
            ("description = 3", "description: must be a text"),
            ("a = \n", "line 1, column 5"),
            ("[netwrok]\ncells = 3", "netwrok (preset "),
            ("[network]\ncels = 3", "unknown key (did you mean network.cells?)"),
            ("[search]\nepochs = 'ten'", 'search.epochs = "ten" (preset '),
        ],
    )
    def test_invalid_preset_file_is_rejected(self, content: str, words: str) -> None:
        Path("own.toml").write_text(content)
        (line,) = errors({"preset": "own.toml"})
        assert words in line
        assert "own.toml" in line

    def test_unknown_preset_is_rejected(self) -> None:
        (line,) = errors({"preset": "papr"})
        assert line.startswith('preset = "papr" (--preset): no preset papr (did you mean paper?)')
        assert "auto, darts, imagenet, paper and quick" in line
        (line,) = errors({"preset": "no/such.toml"})
        assert "no such file" in line


class TestTextValues:
    @pytest.mark.parametrize(
        ("override", "value"),
        [
            ("network.channels=24", 24),
            ("network.engine_cells=all", "all"),
            ('network.engine_cells="all"', "all"),
            ("network.engine_cells=[5, 7]", [5, 7]),
            (" data.flip = false ", False),
            ("device.device=cuda:1", "cuda:1"),
            ("architecture.derive_every=10", 10),
            ("data.path=/a=b c", "/a=b c"),
            ("data.path=/2024", "/2024"),
            ("data.path=", ""),
            ("space=3", "3"),  # a name, not a number
            ('space="3"', "3"),
            ("space=true", "true"),
            ("weights.clip=1e-3", 1e-3),
            ("device.device=1\nseed = 3", "1\nseed = 3"),
        ],
    )
    def test_overrides_are_parsed(self, override: str, value: Any) -> None:
        layer = from_overrides([override], KEYS, Path("/"))
        assert layer.problems == []
        (setting,) = layer.settings.values()
        assert (setting.value, setting.source) == (value, "--set")
        assert type(setting.value) is type(value)

    @pytest.mark.parametrize(
        ("override", "words"),
        [
            ("network.channels", '--set "network.channels": write it as section.key=value, such as'),
            ("=3", "write it as section.key=value"),
            ("", "write it as section.key=value"),
            ("network.engine_cells=[1, 2", "not a TOML value: Unclosed array"),
            ("data.path='x", "not a TOML value"),
            (
                "network=3",
                "network (--set): a section, not a key; set one of its keys, such as network.cells",
            ),
            ("epochs=3", "epochs (--set): unknown key (did you mean search.epochs?)"),
            ("learning_rate=3", "did you mean architecture.learning_rate or weights.learning_rate?"),
            ("network.chanels=3", "did you mean network.channels?"),
            ("chanels=3", "did you mean network.channels or target.channels?"),
            ("netwrok=3", "did you mean network?"),
            ("netwrok.channels=3", "did you mean network.channels or target.channels?"),
            ("Seed=3", "did you mean seed?"),
            ("zzz=3", "zzz (--set): unknown key"),
        ],
    )
    def test_malformed_overrides_are_rejected(self, override: str, words: str) -> None:
        (line,) = errors({}, override)
        assert words in line

    @given(st.sampled_from(sorted(KEYS)).map(KEYS.__getitem__))
    def test_every_default_can_be_set_as_text(self, key: Any) -> None:
        layer = from_overrides([f"{key.name}={toml_value(key.default)}"], KEYS, Path("/"))
        value = layer.settings[key.name].value
        assert (tuple(value) if isinstance(value, list) else value) == key.default

    def test_environment_variables_are_parsed(self) -> None:
        environ = {
            "ENTRANNAS_NETWORK__CHANNELS": "24",
            "ENTRANNAS_NETWORK__SHARE_FEATURES": "true",
            "ENTRANNAS_DEVICE__DEVICE": "cpu",
            "ENTRANNAS_SEED": "7",
        }
        config = resolve(environ=environ).config
        assert (config.network.channels, config.device.device, config.seed) == (24, "cpu", 7)

    @pytest.mark.parametrize(
        ("variable", "suggestion"),
        [
            ("ENTRANNAS_NETWORK_CHANNELS", "ENTRANNAS_NETWORK__CHANNELS"),
            ("ENTRANNAS_SEEDS", "ENTRANNAS_SEED"),
            ("ENTRANNAS_RUN_DIR", "ENTRANNAS_RUNS_DIR"),
        ],
    )
    def test_unknown_variables_are_rejected_with_a_suggestion(self, variable: str, suggestion: str) -> None:
        assert errors(environ={variable: "1"}) == [
            f"{variable}: no such setting (did you mean {suggestion}?)"
        ]
        assert errors(environ={"ENTRANNAS_XYZ": "1"}) == ["ENTRANNAS_XYZ: no such setting"]
