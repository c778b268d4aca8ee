"""The methods: what each is, and the values that it implies. Loads nothing heavy."""

from __future__ import annotations

from typing import Literal

__all__ = ["METHODS", "Method", "implied_by_method"]

Method = Literal["entrannas-dst", "entrannas", "darts", "random"]

METHODS: dict[Method, str] = {
    "entrannas-dst": "EnTranNAS-DST: learns the topology too, any number of connections per node",
    "entrannas": "EnTranNAS: Engine-cells and Transit-cells, two connections per node",
    "darts": "DARTS, first-order: every cell an Engine-cell, nothing shared",
    "random": "a genotype drawn at random, without a search: the baseline",
}

_TOP2: dict[str, object] = {
    "architecture.derivation": "top2",
    "architecture.sparsity_weight": 0.0,
    "architecture.threshold_init": 0.0,
}
_IMPLIED: dict[str, dict[str, object]] = {
    "entrannas-dst": {"architecture.derivation": "dst"},
    "entrannas": _TOP2,
    "darts": {
        **_TOP2,
        "network.engine_cells": "all",
        "network.share_features": False,
        "network.transit_cells": "derived",  # there are none, so nothing is drawn in a warm-up
        "architecture.temperature_unit": "absolute",
        "architecture.temperature_start": 1.0,
        "architecture.temperature_end": 1.0,
    },
}


def implied_by_method(method: object) -> dict[str, object]:
    """Return the values that a method implies, by dotted key; they override a preset, but not the user."""
    return dict(_IMPLIED.get(method, {})) if isinstance(method, str) else {}
