"""The content of the form, and the equivalent command line. Independent of screens."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ...common.errors import UsageError
from ...common.text import safe
from ...config.flags import OVERRIDE_FLAG, flag_of

__all__ = [
    "FIELDS",
    "KINDS",
    "OVERRIDES",
    "Draft",
    "Field",
    "Kind",
    "arguments",
    "command_text",
    "fields_of",
    "seeds_of",
]

Kind = Literal["search", "train"]
KINDS: dict[Kind, str] = {"search": "search", "train": "training"}
OVERRIDES: dict[Kind, str] = {
    "search": "overrides",
    "train": "train-overrides",
}  # the fields for any other settings
MAX_SEEDS = 64  # runs at once: more are a typo
_SEED = re.compile(r"(\d{1,10})(?:\s*-\s*(\d{1,10}))?")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the form, for runs of ``kinds``; ``key`` is the configuration key that it sets, if any."""

    name: str
    label: str
    key: str = ""
    kinds: tuple[Kind, ...] = ("search", "train")
    is_integer: bool = False


FIELDS = (
    Field(name="cells", label="Cells", kinds=("train",)),
    Field(name="space", label="Space", key="space", kinds=("search",)),
    Field(name="method", label="Method", key="method", kinds=("search",)),
    Field(name="preset", label="Preset", key="preset", kinds=("search",)),
    Field(name="train-preset", label="Preset", key="train.preset", kinds=("train",)),
    Field(name="dataset", label="Data set", key="data.dataset"),
    Field(name="data", label="Data path", key="data.path"),
    Field(name="epochs", label="Epochs", key="search.epochs", kinds=("search",), is_integer=True),
    Field(name="train-epochs", label="Epochs", key="train.epochs", kinds=("train",), is_integer=True),
    Field(name="seeds", label="Seeds", key="seed"),
    Field(name="device", label="Device", key="device.device"),
    Field(name="name", label="Name"),
    *(Field(name=name, label="Overrides", kinds=(kind,)) for kind, name in OVERRIDES.items()),
)


def fields_of(kind: Kind) -> tuple[Field, ...]:
    """Return the fields for runs of ``kind``."""
    return tuple(field for field in FIELDS if kind in field.kinds)


@dataclass(frozen=True)
class Draft:
    """``texts`` are by field, including those of the other kind, so that switching the kind loses nothing."""

    kind: Kind = "search"
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the text of a field, stripped."""
        return self.texts.get(name, "").strip()

    def having(self, **texts: str) -> Draft:
        """Return a copy with other texts in some fields."""
        return replace(self, texts={**self.texts, **texts})

    @property
    def overrides(self) -> tuple[str, ...]:
        """The overrides, one per line; empty lines and # comments are skipped."""
        lines = self.texts.get(OVERRIDES[self.kind], "").splitlines()
        return tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))

    @property
    def flags(self) -> dict[str, object]:
        """The values for the command's own flags, by configuration key; without the seed."""
        return {
            field.key: int(text) if field.is_integer and re.fullmatch(r"[+-]?\d{1,18}", text) else text
            for field in fields_of(self.kind)
            if field.key and field.name != "seeds" and (text := self.text(field.name))
        }


def seeds_of(text: str) -> tuple[int, ...]:
    """Return the unique seeds in ``3``, ``0-3``, ``1,5,7-9`` or an empty text. Raises ``UsageError``."""
    seeds: dict[int, None] = {}  # an ordered set
    for part in re.split(r"[,;]|(?<=\d)\s+(?=\d)", text.strip()) if text.strip() else []:
        match = _SEED.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise UsageError(f'"{safe(part.strip())}" is not a seed: write 0, 0-3 or 1,5,7')
        if last - first >= MAX_SEEDS or len(seeds) + last - first >= MAX_SEEDS:
            raise UsageError(f"too many seeds: start at most {MAX_SEEDS} runs at once")
        seeds |= dict.fromkeys(range(first, last + 1))
    return tuple(seeds)


def arguments(
    draft: Draft, seed: int | None = None, *, several: bool = False, runs_dir: str = ""
) -> list[str]:
    """Return the arguments of `entrannas` for one of the runs.

    ``seed`` None means that of the configuration. If there are ``several`` runs, the seed is appended to the name.
    ``runs_dir`` is empty if it is the default.
    """
    return _arguments(draft, None if seed is None else str(seed), several, runs_dir)


def _arguments(draft: Draft, seed: str | None, several: bool, runs_dir: str) -> list[str]:
    cells = [draft.text("cells")] if draft.kind == "train" else []
    option_like = any(text.startswith("-") for text in cells)
    words: list[str] = [draft.kind, *([] if option_like else cells)]
    for key, value in draft.flags.items():
        words += [flag_of(key), str(value)]
    if seed is not None:
        words += [flag_of("seed"), seed]
    if name := draft.text("name"):
        words += ["--name", f"{name}-s{seed}" if several else name]
    for override in draft.overrides:
        words += [OVERRIDE_FLAG, override]
    if runs_dir:
        words += ["--runs-dir", runs_dir]
    words.append("--detach")
    return [*words, "--", *cells] if option_like else words


def command_text(draft: Draft, seeds: tuple[int, ...], runs_dir: str = "") -> str:
    """Return the equivalent shell command, a loop for several ``seeds``."""
    if len(seeds) < 2:
        seed = str(seeds[0]) if seeds else None
        return shlex.join(["entrannas", *_arguments(draft, seed, False, runs_dir)])
    variable = "$seed"
    words = []
    for word in _arguments(draft, variable, True, runs_dir):
        own = word.removesuffix(variable) if word in (variable, f"{draft.text('name')}-s{variable}") else word
        words.append((shlex.quote(own) if own else "") + (variable if own != word else ""))
    return f"for seed in {' '.join(map(str, seeds))}; do entrannas {' '.join(words)}; done"
