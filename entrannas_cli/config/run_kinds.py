"""The kinds of runs and their configuration models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel

from .keys import Key, keys_of
from .rank import RankConfig
from .search import SearchConfig
from .train import TrainConfig

__all__ = ["RANK", "SEARCH", "TRAIN", "Kind", "all_keys", "foreign_keys"]


@dataclass(frozen=True)
class Kind:
    """``presets`` is the folder of its presets, ``preset_key`` the key that names one."""

    name: str
    model: type[BaseModel]
    presets: str
    preset_key: str


SEARCH = Kind("search", SearchConfig, "search", "preset")
TRAIN = Kind("train", TrainConfig, "train", "train.preset")
RANK = Kind("rank", RankConfig, "train", "train.preset")


def foreign_keys(kind: Kind) -> frozenset[str]:
    """Return the keys that only other kinds have; a project's file and the environment serve all kinds."""
    others = (keys_of(other.model) for other in (SEARCH, TRAIN, RANK) if other is not kind)
    return frozenset(name for keys in others for name in keys) - frozenset(keys_of(kind.model))


@cache
def all_keys() -> dict[str, Key]:
    """Return the keys of every kind."""
    models = (kind.model for kind in (SEARCH, TRAIN, RANK))
    return {name: key for model in models for name, key in keys_of(model).items()}
