"""The state of a search, as stored in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...method.bilevel import BilevelSearch
from ...method.genotype import Genotype
from ...method.optimizers import load_optimizer, optimizer_state
from ..recorder import LoopProgress

__all__ = ["SearchState", "load_state", "search_state"]


@dataclass
class SearchState(LoopProgress):
    """The loop's state; ``genotype_changes`` counts those of the current epoch."""

    genotype_changes: int = 0


def search_state(search: BilevelSearch, state: SearchState) -> dict[str, Any]:
    """Return the state after ``state.step``; data order and schedules follow from the step."""
    return {
        "loop": asdict(state),
        "genotype": search.genotype.to_json(),
        "passed": search.passed.to_json(),
        "decided": search.decided,
        "supernet": search.supernet.state_dict(),
        "architecture": search.architecture.state_dict(),
        "weight_optimizer": optimizer_state(search.weight_optimizer),
        "architecture_optimizer": optimizer_state(search.architecture_optimizer),
    }


def load_state(content: Mapping[str, Any], search: BilevelSearch) -> SearchState:
    """Restore that state into a newly built ``search``. Raises torch's errors if it does not fit."""
    state = SearchState(**content["loop"])
    search.supernet.load_state_dict(content["supernet"])
    search.architecture.load_state_dict(content["architecture"])
    load_optimizer(search.weight_optimizer, content["weight_optimizer"])
    load_optimizer(search.architecture_optimizer, content["architecture_optimizer"])
    search.genotype = Genotype.from_json(content["genotype"])
    search.passed = Genotype.from_json(content.get("passed", content["genotype"]))
    for kind, temperature in content.get("decided", {}).items():
        search.decide(kind, temperature)
    return state
