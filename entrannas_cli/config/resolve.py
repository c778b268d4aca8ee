"""Resolve flags, environment, files, presets and defaults to one configuration, each value with its source.

Precedence: ``--set`` > flags > ``ENTRANNAS_*`` > ``entrannas.toml`` > what the method implies > preset >
defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pydantic import BaseModel

from ..common.errors import UsageError
from ..common.files import file_error, parse_toml, read_toml
from ..common.text import plain, shown
from ..spaces.files import load_space
from .errors import ConfigurationError, Problem
from .keys import Key, flatten_model, former_values, keys_of
from .methods import implied_by_method
from .presets import AUTO, load_preset, preset_names
from .problems import validated
from .project import RUNS_DIR_KEY, find_config_file
from .rank import RankConfig
from .run_kinds import RANK, SEARCH, TRAIN, Kind, foreign_keys
from .search import SearchConfig
from .sources import Layer, Setting, from_environment, from_flags, from_overrides, from_table, implied
from .to_toml import to_toml
from .train import TrainConfig

if TYPE_CHECKING:
    from ..method.space import SearchSpace

__all__ = [
    "PATHLESS",
    "ChoosePreset",
    "ConfigRequest",
    "Resolved",
    "config_dict",
    "load_config",
    "preset_names",
    "print_config",
    "resolve_rank",
    "resolve_search",
    "resolve_train",
]

Config = TypeVar("Config", bound=BaseModel)

ChoosePreset = Callable[[Mapping[str, Any]], tuple[str, str]]

NEARLY_ALL = 0.8  # of the keys: what only the configuration of a run sets
PATHLESS = ("digits", "synthetic")  # data sets that are nowhere on a disk


@dataclass(frozen=True, kw_only=True)
class Resolved(Generic[Config]):
    """A configuration and, by dotted key, where each of its values comes from.

    ``preset_reason`` says why `auto` chose this preset, if it did. ``space`` is the search space that the
    configuration names, if any.
    """

    config: Config
    sources: dict[str, str]
    preset_reason: str = ""
    space: SearchSpace | None = None

    def to_toml(self) -> str:
        """Return the text that :func:`load_config` reads back as the same configuration."""
        return to_toml(flatten_model(self.config))


@dataclass(frozen=True, kw_only=True)
class ConfigRequest:
    """What the user asked for, and where.

    ``flags`` are by dotted key (``{"data.dataset": "digits"}``; None: not given), ``overrides`` the texts of
    ``--set``. ``config_file`` is read instead of the nearest ``entrannas.toml``. ``choose_preset`` is called when
    the preset is `auto`, with the values set so far by dotted key (not checked yet), inherited ones among them;
    it returns a preset's name and why it was chosen. ``inherited`` values, by dotted key, are those of the run that
    this one builds on, with its name: they override a preset that was not asked for, unless another data set
    is.
    """

    flags: Mapping[str, object]
    overrides: Sequence[str]
    environ: Mapping[str, str]
    cwd: Path
    choose_preset: ChoosePreset
    config_file: Path | None = None
    inherited: Mapping[str, object] = field(default_factory=dict)
    inherited_from: str = ""


def resolve_search(request: ConfigRequest) -> Resolved[SearchConfig]:
    """Return the configuration of a search. Raises ``UsageError`` that lists every error."""
    return _resolve(SEARCH, SearchConfig, request)


def resolve_train(request: ConfigRequest) -> Resolved[TrainConfig]:
    """Return the configuration of a training. Raises as :func:`resolve_search` does."""
    return _resolve(TRAIN, TrainConfig, request)


def resolve_rank(request: ConfigRequest) -> Resolved[RankConfig]:
    """Return the configuration of a ranking. Raises as :func:`resolve_search` does."""
    return _resolve(RANK, RankConfig, request)


def _resolve(kind: Kind, model: type[Config], request: ConfigRequest) -> Resolved[Config]:
    """Resolve ``request``; raise ``UsageError`` with every error: its key, its source and what is allowed."""
    keys, foreign, cwd = keys_of(model), foreign_keys(kind), request.cwd
    file = find_config_file(cwd) if request.config_file is None else cwd / request.config_file
    layers = [
        from_overrides(request.overrides, keys, cwd),
        from_flags(request.flags, keys, cwd),
        from_environment(request.environ, keys, cwd, foreign),
        _project(file, keys, cwd, foreign),
    ]
    explicit = _merged(layers)
    own_data = "data.dataset" in explicit
    inherited = Layer() if own_data else implied(request.inherited, request.inherited_from)
    preset, reason, problems = _preset_layer(
        kind, explicit, inherited.settings, keys, request.choose_preset, cwd
    )
    chosen = {kind.preset_key: preset.settings[kind.preset_key]} if kind.preset_key in preset.settings else {}
    inherited = inherited if reason else Layer()  # a preset that was asked for has data of its own
    settings = _merged([Layer(chosen), Layer(explicit), _implied(keys, explicit, preset), inherited, preset])
    problems = [problem for layer in [*layers, preset] for problem in layer.problems] + problems
    config, wrong = validated(model, keys, settings)
    problems += wrong
    space = None
    if "space" in keys:
        space, wrong = _space(settings.get("space", Setting(keys["space"].default, "default")))
        problems += wrong
    problems += _idle_path(settings, keys)
    if problems or config is None:
        raise ConfigurationError(problems)
    sources = {name: settings[name].source if name in settings else "default" for name in keys}
    return Resolved(config=config, sources=sources, preset_reason=reason, space=space)


def _implied(keys: Mapping[str, Key], explicit: Mapping[str, Setting], preset: Layer) -> Layer:
    """Return the values that the method of a search implies; other kinds have no method."""
    if "method" not in keys:
        return Layer()
    method = _merged([Layer(dict(explicit)), preset]).get(
        "method", Setting(keys["method"].default, "default")
    )
    return implied(implied_by_method(method.value), f"method {plain(str(method.value))}")


@overload
def load_config(path_or_text: Path | str) -> SearchConfig: ...
@overload
def load_config(path_or_text: Path | str, model: type[Config]) -> Config: ...
def load_config(path_or_text: Path | str, model: type[BaseModel] = SearchConfig) -> BaseModel:
    """Return the configuration in a run directory's ``config.toml`` (its path, or its text).

    A missing key gets its value for runs made before the key existed. Raises ``UsageError`` that lists every
    error.
    """
    if isinstance(path_or_text, Path):
        table, source, base = read_toml(path_or_text, file_error), str(path_or_text), path_or_text.parent
    else:
        source, base = "configuration", Path.cwd()
        table = parse_toml(path_or_text, Path(source), file_error)
    keys = keys_of(model)
    layer = from_table(table, keys, plain(source), base)
    config, wrong = validated(model, keys, _completed(layer, keys, source).settings)
    if layer.problems or config is None:
        newer = "unknown keys may come from a newer release of entrannas"
        raise ConfigurationError([*layer.problems, *wrong], [newer] if layer.problems else [])
    return config


def print_config(resolved: Resolved[Any]) -> str:
    """Return the configuration as TOML, with the source of each value behind it: valid input for ``--config``."""
    return to_toml(flatten_model(resolved.config), resolved.sources)


def config_dict(resolved: Resolved[Any]) -> dict[str, dict[str, Any]]:
    """Return {"value", "source"} by dotted key: the JSON form of :func:`print_config`."""
    return {
        name: {"value": value, "source": resolved.sources[name]}
        for name, value in flatten_model(resolved.config).items()
    }


def _merged(layers: Sequence[Layer]) -> dict[str, Setting]:
    """Merge the settings of all layers; the first layer that has a key wins."""
    merged: dict[str, Setting] = {}
    for layer in layers:
        merged = {**layer.settings, **merged}
    return merged


def _project(file: Path | None, keys: Mapping[str, Key], cwd: Path, foreign: frozenset[str]) -> Layer:
    """Return the settings of ``entrannas.toml`` or of the file given instead."""
    if file is None:
        return Layer()
    content = read_toml(file, file_error, follow_links=True)
    table = {name: value for name, value in content.items() if name != RUNS_DIR_KEY}
    source = plain(str(file.relative_to(cwd) if file.is_relative_to(cwd) else file))
    layer = from_table(table, keys, source, file.parent, foreign)
    is_of_a_run = len(layer.settings) >= NEARLY_ALL * len(keys)  # maybe one of an older release
    return _completed(layer, keys, source) if is_of_a_run else layer


def _completed(layer: Layer, keys: Mapping[str, Key], source: str) -> Layer:
    """Complete the configuration of a run with what an older release used for missing keys."""
    values = {name: setting.value for name, setting in layer.settings.items()}
    missing = {name: Setting(value, source) for name, value in former_values(keys, values).items()}
    return Layer(missing | layer.settings, layer.problems)


def _preset_layer(
    kind: Kind,
    explicit: Mapping[str, Setting],
    inherited: Mapping[str, Setting],
    keys: Mapping[str, Key],
    choose: ChoosePreset,
    cwd: Path,
) -> tuple[Layer, str, list[Problem]]:
    """Return the preset's values, why `auto` chose it (if it did), and what is wrong with the choice."""
    name_key = kind.preset_key
    chosen = explicit.get(name_key, Setting(keys[name_key].default, "default"))
    if not (isinstance(chosen.value, str) and chosen.value) or set(keys) <= set(explicit):
        # a wrong type is reported with the others; a complete file leaves nothing to say
        return Layer(), "", []
    reason = ""
    if chosen.value == AUTO:
        name, reason = choose({name: setting.value for name, setting in {**inherited, **explicit}.items()})
        chosen = Setting(name, f"auto: {reason}")
    try:
        preset = load_preset(chosen.value, kind.presets)
    except UsageError as error:
        return Layer(), reason, [_problem(name_key, chosen, error.message)]
    layer = from_table(preset.values, keys, f"preset {plain(preset.name)}", preset.path.parent)
    layer.settings[name_key] = chosen
    return layer, reason, []


def _space(named: Setting) -> tuple[SearchSpace | None, list[Problem]]:
    if not (isinstance(named.value, str) and named.value):
        return None, []  # reported with the other wrong values
    try:
        return load_space(named.value), []
    except UsageError as error:
        return None, [_problem("space", named, error.message, error.details)]


def _idle_path(settings: Mapping[str, Setting], keys: Mapping[str, Key]) -> list[Problem]:
    """Report a path given by hand that nothing would read: the user meant another data set."""
    path = settings.get("data.path")
    dataset = settings.get("data.dataset", Setting(keys["data.dataset"].default, "default"))
    if path is None or not path.by_hand or not path.value or dataset.value not in PATHLESS:
        return []
    text = (
        f"the data set {dataset.value} ({dataset.source}) is not read from a path: add --dataset folder "
        "(or cifar10, cifar100)"
    )
    return [_problem("data.path", path, text)]


def _problem(name: str, setting: Setting, text: str, details: Sequence[str] = ()) -> Problem:
    subject = f"{name} = {shown(setting.value)} ({setting.source})"
    return Problem(subject, text, ((name, setting.source),), tuple(details))
