"""Errors in the values of a configuration, in words: the key, the value, its source, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..common.text import did_you_mean, shown
from .base import Contradiction
from .errors import Problem
from .keys import Key, flatten_model
from .sources import Setting

__all__ = ["validated"]

Config = TypeVar("Config", bound=BaseModel)


def validated(
    model: type[Config], keys: Mapping[str, Key], settings: Mapping[str, Setting]
) -> tuple[Config | None, list[Problem]]:
    """Return the configuration made of ``settings``, or None and everything that is wrong with them.

    To find contradictions between the other keys, those with wrong values count with their defaults.
    """
    values = {name: setting.value for name, setting in settings.items()}
    config, wrong, found = _validate(model, values)
    if config is not None:
        return config, []
    problems = [_wrong(keys[name], settings[name]) for name in wrong]
    if wrong:
        rest = {name: value for name, value in values.items() if name not in wrong}
        _, _, found = _validate(model, rest)
    defaults = flatten_model(model.model_construct())
    problems += [
        _contradiction(contradiction, settings, defaults)
        for contradiction in found
        if not set(contradiction.keys) & set(wrong)
    ]
    return None, problems


def _validate(
    model: type[Config], values: Mapping[str, Any]
) -> tuple[Config | None, list[str], list[Contradiction]]:
    """Return the configuration, or the keys with invalid values, or the contradictions."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        part = nested
        for section in path:
            part = part.setdefault(section, {})
        part[last] = value
    try:
        return model.model_validate(nested), [], []
    except ValidationError as error:
        wrong: dict[str, None] = {}  # an ordered set: a union reports each of its members
        found: list[Contradiction] = []
        for fault in error.errors(include_url=False):
            if fault["type"] == "contradiction":
                found += fault["ctx"]["found"]
            else:
                location = [str(part) for part in fault["loc"]]
                prefixes = (".".join(location[:n]) for n in range(len(location), 0, -1))
                wrong[next(prefix for prefix in prefixes if prefix in values)] = None
        return None, list(wrong), found


def _wrong(key: Key, setting: Setting) -> Problem:
    nearest = did_you_mean(setting.value, key.options) if isinstance(setting.value, str) else ""
    return Problem(
        f"{key.name} = {shown(setting.value)} ({setting.source})",
        f"must be {key.allowed}{nearest}",
        ((key.name, setting.source),),
    )


def _contradiction(
    contradiction: Contradiction, settings: Mapping[str, Setting], defaults: Mapping[str, Any]
) -> Problem:
    parts, concerns = [], []
    for name in contradiction.keys:
        setting = settings.get(name) or Setting(defaults[name], "default")
        parts.append(f"{name} = {shown(setting.value)} ({setting.source})")
        concerns.append((name, setting.source))
    return Problem(", ".join(parts), contradiction.text, tuple(concerns))
