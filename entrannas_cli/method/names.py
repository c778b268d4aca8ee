"""The names of the methods, each with what it is, for lists and helps."""

from __future__ import annotations

__all__ = ["METHODS"]

METHODS = {
    "entrannas-dst": "EnTranNAS-DST: learns the topology too, any number of connections a node",
    "entrannas": "EnTranNAS: Engine-cells and Transit-cells, two connections a node",
    "darts": "DARTS, first-order: every cell an Engine-cell, nothing shared",
    "random": "a genotype drawn at random, without a search: the baseline",
}
