"""The base of all configuration models: they are frozen, reject unknown keys and describe each key."""

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
    "ours": "our choice, as the paper's is unknown",
    "tool": "a matter of this tool, not of the method",
}


class Section(BaseModel):
    """A part of a configuration. Types are strict: text is not taken for a number."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


Model = TypeVar("Model", bound=BaseModel)


def with_values(config: Model, changed: Mapping[str, Mapping[str, Any]]) -> Model:
    """Return ``config`` with the values of ``changed``, by section. They are not validated."""
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
    """Declare a field of a :class:`Section`.

    ``allowed`` describes the allowed values where type and bounds do not. ``path`` marks a path that
    is relative to where it was written: ``always``, or only if it looks like a ``file`` (a name otherwise).
    ``former`` is the value of runs made before the key existed, if it is not the default; with ``former_key``,
    it is the value of that key.
    """
    extra: dict[str, Any] = {"origin": origin, "allowed": allowed, "path": path, "former": former}
    extra["former_key"] = former_key
    return Field(default, description=description, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class Contradiction:
    """``keys`` that do not go together, first the one to change."""

    keys: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{', '.join(self.keys)}: {self.text}"


def refuse(found: Iterable[Contradiction]) -> None:
    """Raise pydantic's error with everything ``found``, if anything; for a model's validator."""
    found = list(found)
    if found:
        text = "; ".join(str(contradiction) for contradiction in found)
        raise PydanticCustomError("contradiction", "{text}", {"text": text, "found": found})
