"""The keys of a configuration model, for checking, for errors and for documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..common.text import choices

__all__ = ["Key", "flatten_model", "former_values", "keys_of", "sections_of"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key. ``allowed`` says in words what may stand there; ``options`` are its words, if it takes any.

    ``is_text`` is true where any text is a value; ``path`` is "always", "file" or "" (see :func:`base.key`);
    ``former`` is the value for runs made before the key existed, ``former_key`` the key whose value they had.
    """

    name: str
    default: Any
    description: str
    origin: str
    allowed: str
    options: tuple[str, ...]
    is_text: bool
    path: str
    former: Any
    former_key: str


def keys_of(model: type[BaseModel]) -> dict[str, Key]:
    """Return all keys by dotted name, in the order of the model: those outside sections first."""
    return {key.name: key for key in _walk(model, "")}


def sections_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the names of the sections, each with its description."""
    return {
        name: (field.annotation.__doc__ or "").strip()
        for name, field in model.model_fields.items()
        if _is_section(field)
    }


def flatten_model(config: BaseModel) -> dict[str, Any]:
    """Return the values of a configuration by dotted key, in the order of :func:`keys_of`."""
    flat: dict[str, Any] = {}
    for name in keys_of(type(config)):
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        flat[name] = value
    return flat


def former_values(keys: Mapping[str, Key], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run of an older release used for each of ``keys`` missing from its ``known`` values."""
    return {name: known.get(key.former_key, key.former) for name, key in keys.items() if name not in known}


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    fields = model.model_fields.items()
    for name, field in fields:
        if not _is_section(field):
            yield _key(prefix + name, field)
    for name, field in fields:
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _walk(field.annotation, f"{prefix}{name}.")


def _key(name: str, field: FieldInfo) -> Key:
    extra: Mapping[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    options = tuple(_options(field.annotation))
    return Key(
        name=name,
        default=field.default,
        description=field.description or "",
        origin=extra.get("origin", ""),
        allowed=extra.get("allowed") or _allowed(field, options),
        options=options,
        is_text=field.annotation is str,
        path=extra.get("path", ""),
        former=field.default if extra.get("former") is None else extra["former"],
        former_key=extra.get("former_key", ""),
    )


def _options(annotation: Any) -> Iterator[str]:
    """Yield the words of all literals in a type."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) is Annotated:
        yield from _options(get_args(annotation)[0])
    else:
        for argument in get_args(annotation):
            yield from _options(argument)


def _allowed(field: FieldInfo, options: tuple[str, ...]) -> str:
    if options:
        return choices(f'"{option}"' for option in options)
    if field.annotation is bool:
        return "true or false"
    noun = (
        "a whole number" if field.annotation is int else "a number" if field.annotation is float else "a text"
    )
    return f"{noun}{_bounds(field)}"


def _bounds(field: FieldInfo) -> str:
    low = high = ""
    for bound in field.metadata:
        match bound:
            case annotated_types.Ge(ge=value):
                low = f" from {value}"
            case annotated_types.Gt(gt=value):
                low = f" above {value}"
            case annotated_types.Le(le=value):
                high = f" to {value}" if low.startswith(" from") else f" and at most {value}"
            case annotated_types.Lt(lt=value):
                high = f" to below {value}" if low.startswith(" from") else f" and below {value}"
    return low + high
