"""The sources of values: flags, ``--set``, the environment, TOML files. Each gives a layer of dotted keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ..common.files import load_toml
from ..common.text import did_you_mean, looks_like_path, nearest, plain, shown
from .errors import Problem
from .flags import OVERRIDE_FLAG, flag_of
from .keys import Key
from .project import RUNS_DIR_VARIABLE

__all__ = [
    "Layer",
    "Setting",
    "from_environment",
    "from_flags",
    "from_overrides",
    "from_table",
    "implied",
]

PREFIX = "ENTRANNAS_"
OTHER_VARIABLES = (RUNS_DIR_VARIABLE, "ENTRANNAS_DEBUG")  # settings that are no part of a run's configuration


@dataclass(frozen=True)
class Setting:
    """A value and where it was set. ``by_hand``: on the command line of this run."""

    value: Any
    source: str
    by_hand: bool = False


@dataclass(frozen=True)
class Layer:
    """Values by dotted key, and what was wrong with the rest."""

    settings: dict[str, Setting] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def from_flags(flags: Mapping[str, object], keys: Mapping[str, Key], cwd: Path) -> Layer:
    """Read command-line flags by dotted key; those that are None were not given."""
    layer = Layer()
    for name, value in flags.items():
        if value is not None:
            plain_value = (
                value.value if isinstance(value, Enum) else str(value) if isinstance(value, Path) else value
            )
            _put(layer, keys[name], plain_value, flag_of(name), cwd, by_hand=True)
    return layer


def from_overrides(overrides: Sequence[str], keys: Mapping[str, Key], cwd: Path) -> Layer:
    """Read ``section.key=value`` texts; of several for the same key, the last wins."""
    layer = Layer()
    for override in overrides:
        name, equals, text = override.partition("=")
        name = name.strip()
        if not (name and equals):
            layer.problems.append(
                Problem(
                    f"{OVERRIDE_FLAG} {shown(override)}",
                    f"write it as section.key=value, such as {OVERRIDE_FLAG} network.channels=16",
                    (("", OVERRIDE_FLAG),),
                )
            )
        elif name in keys:
            _put_text(layer, keys[name], text.strip(), OVERRIDE_FLAG, cwd, by_hand=True)
        else:
            layer.problems.append(_unknown(name, keys, OVERRIDE_FLAG))
    return layer


def from_environment(
    environ: Mapping[str, str], keys: Mapping[str, Key], cwd: Path, foreign: Collection[str] = ()
) -> Layer:
    """Read variables such as ``ENTRANNAS_NETWORK__CHANNELS``; an empty one counts as not set.

    Those of ``foreign`` keys, of other kinds of runs, are ignored.
    """
    layer = Layer()
    variables = {_variable(name): key for name, key in keys.items()}
    passed = {_variable(name) for name in foreign}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES or not text:
            continue
        if variable in passed:
            continue
        if variable in variables:
            _put_text(layer, variables[variable], text, variable, cwd)
        else:
            suggestion = did_you_mean(variable, [*variables, *passed, *OTHER_VARIABLES], cutoff=0.8)
            layer.problems.append(
                Problem(plain(variable), f"no such setting{suggestion}", (("", plain(variable)),))
            )
    return layer


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper().replace('.', '__')}"


def from_table(
    table: Mapping[str, Any],
    keys: Mapping[str, Key],
    source: str,
    base: Path,
    foreign: Collection[str] = (),
) -> Layer:
    """Read the content of a TOML file; paths in it are relative to ``base``. ``foreign`` keys are ignored."""
    layer = Layer()
    sections = _sections([*keys, *foreign])

    def walk(part: Mapping[str, Any], prefix: str) -> None:
        for last, value in part.items():
            name = prefix + last
            if name in keys:
                _put(layer, keys[name], value, source, base)
            elif name in foreign:
                continue
            elif name not in sections:
                layer.problems.append(
                    _unknown(name, [*keys, *foreign], source, section=isinstance(value, dict))
                )
            elif isinstance(value, dict):
                walk(value, f"{name}.")
            else:
                layer.problems.append(
                    Problem(
                        f"{name} = {shown(value)} ({source})",
                        _is_section(name, [*keys, *foreign]),
                        ((name, source),),
                    )
                )

    walk(table, "")
    return layer


def implied(values: Mapping[str, object], source: str) -> Layer:
    """Return a layer of values that follow from another one."""
    return Layer({name: Setting(value, source) for name, value in values.items()})


def _put(layer: Layer, key: Key, value: Any, source: str, base: Path, *, by_hand: bool = False) -> None:
    is_path = isinstance(value, str) and (
        (key.path == "always" and value) or (key.path == "file" and looks_like_path(value))
    )
    if is_path:
        try:
            value = str(base.absolute() / Path(value).expanduser())
        except RuntimeError:
            layer.problems.append(
                Problem(
                    f"{key.name} = {shown(value)} ({source})",
                    "there is no such user's home folder",
                    ((key.name, source),),
                )
            )
            return
    layer.settings[key.name] = Setting(value, source, by_hand)


def _put_text(layer: Layer, key: Key, text: str, source: str, cwd: Path, *, by_hand: bool = False) -> None:
    """Put a value written as TOML; anything else is taken as text, so that words need no quotes."""
    value: Any = text
    try:
        document = load_toml(f"value = {text}")
        if document.keys() == {"value"} and not (key.is_text and not isinstance(document["value"], str)):
            value = document["value"]
    except ValueError as error:
        if text.startswith(('"', "'")) or (text.startswith(("[", "{")) and not key.is_text):
            layer.problems.append(
                Problem(
                    f"{key.name} = {plain(text)} ({source})",
                    f"not a TOML value: {plain(str(error))}",
                    ((key.name, source),),
                )
            )
            return
    _put(layer, key, value, source, cwd, by_hand=by_hand)


def _unknown(name: str, keys: Collection[str], source: str, *, section: bool = False) -> Problem:
    if any(key.startswith(f"{name}.") for key in keys):
        return Problem(f"{name} ({source})", _is_section(name, keys), ((name, source),))
    found = nearest(name, _sections(keys)) if section else _nearest_key(name, keys)
    suggestion = f" (did you mean {found}?)" if found else ""
    word = "section" if section else "key"
    return Problem(f"{plain(name) or shown(name)} ({source})", f"unknown {word}{suggestion}", (("", source),))


def _is_section(name: str, keys: Iterable[str]) -> str:
    members = [key for key in keys if key.startswith(f"{name}.")]
    return f"a section, not a key; set one of its keys, such as {members[0]}"


def _sections(keys: Iterable[str]) -> set[str]:
    return {key.rpartition(".")[0] for key in keys} - {""}


def _nearest_key(name: str, keys: Iterable[str]) -> str:
    """Return the same key in another section, else the most similar one; several as "a or b"."""
    by_last: dict[str, list[str]] = {section: [section] for section in _sections(keys)}
    for key in keys:
        by_last.setdefault(key.rpartition(".")[2], []).append(key)
    last = name.rpartition(".")[2]
    if last not in by_last:
        if "." in name:
            return nearest(name, keys)
        last = nearest(name, by_last)
    return " or ".join(by_last.get(last, []))
