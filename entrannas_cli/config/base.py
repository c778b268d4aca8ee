"""What all configuration models share: they are frozen, refuse unknown keys, and describe each key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = ["ORIGINS", "Contradiction", "Origin", "Section", "key", "refuse", "with_values"]

Origin = Literal["paper", "recipe", "ours", "tool"]

ORIGINS: dict[Origin, str] = {
    "paper": "stated by the paper",
    "recipe": "from a published recipe: ISTA-NAS (the same first author's code), PC-DARTS or DARTS",
    "ours": "the paper's choice is unknown: this is ours",
    "tool": "a matter of this tool, not of the method",
}


class Section(BaseModel):
    """A part of a configuration. Types are strict: text is not taken for a number."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


Model = TypeVar("Model", bound=BaseModel)


def with_values(config: Model, changed: Mapping[str, Mapping[str, Any]]) -> Model:
    """``config`` with other values: ``changed`` are those of each section. They aren't checked."""
    sections = {
        name: getattr(config, name).model_copy(update=dict(values)) for name, values in changed.items()
    }
    return config.model_copy(update=sections)


def key(
    default: Any,
    description: str,
    *,
    origin: Origin,
    allowed: str = "",
    path: Literal["", "always", "file"] = "",
    former: Any = None,
    former_key: str = "",
    **bounds: Any,
) -> Any:
    """A field of a :class:`Section`.

    ``allowed`` says in words what may stand there, where type and bounds don't say it. ``path`` marks a path that
    is relative to where it was written: ``always``, or only if it looks like a ``file`` (a name otherwise).
    ``former`` is the value that describes runs made before the key existed, where it isn't the default: that of
    ``former_key`` if one is named.
    """
    extra: dict[str, Any] = {"origin": origin, "allowed": allowed, "path": path, "former": former}
    extra["former_key"] = former_key
    return Field(default, description=description, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class Contradiction:
    """``keys`` are those that don't go together, the one to change first."""

    keys: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{', '.join(self.keys)}: {self.text}"


def refuse(found: Iterable[Contradiction]) -> None:
    """For a model's validator: raises pydantic's error if there are any, which carries them as they are."""
    found = list(found)
    if found:
        text = "; ".join(str(contradiction) for contradiction in found)
        raise PydanticCustomError("contradiction", "{text}", {"text": text, "found": found})
