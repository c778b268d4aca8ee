"""Published cells by name, from the papers' own repositories in DARTS' notation (facts, see docs/method.md)."""

from __future__ import annotations

from .genotype import CellGraph, Connection, Genotype

__all__ = ["PUBLISHED"]

_NAMES = {
    "sep3": "sep_conv_3x3",
    "sep5": "sep_conv_5x5",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
    "skip": "skip_connect",
}


def _cell(text: str) -> CellGraph:
    """A cell from "operation source, … | …", a group a node."""
    return CellGraph(
        tuple(
            tuple(
                Connection(int(source), _NAMES[operation])
                for operation, source in (connection.split() for connection in node.split(","))
            )
            for node in text.split("|")
        )
    )


PUBLISHED = {
    "DARTS_V2": Genotype(
        normal=_cell("sep3 0, sep3 1 | sep3 0, sep3 1 | sep3 1, skip 0 | skip 0, dil3 2"),
        reduce=_cell("max 0, max 1 | skip 2, max 1 | max 0, skip 2 | skip 2, max 1"),
    ),
    "PC_DARTS_cifar": Genotype(
        normal=_cell("sep3 1, skip 0 | sep3 0, dil3 1 | sep5 0, sep3 1 | avg 0, dil3 1"),
        reduce=_cell("sep5 1, max 0 | sep5 1, sep5 2 | sep3 0, sep3 3 | sep3 1, sep3 2"),
    ),
    "ISTA_twostage": Genotype(
        normal=_cell("skip 0, dil3 1 | sep5 0, dil3 2 | dil3 1, sep3 0 | sep3 2, skip 0"),
        reduce=_cell("avg 0, sep5 1 | dil5 2, max 1 | dil5 3, sep3 1 | dil5 4, sep5 1"),
    ),
}
