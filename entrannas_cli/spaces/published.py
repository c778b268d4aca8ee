"""Published cells by the names their authors gave them, each with its paper and source file."""

from __future__ import annotations

from ..method.genotype import CellGraph, Connection, Genotype

__all__ = ["PUBLISHED"]

_NAMES = {
    "sep3": "sep_conv_3x3",
    "sep5": "sep_conv_5x5",
    "sep7": "sep_conv_7x7",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
    "skip": "skip_connect",
    "conv1x7": "conv_1x7_7x1",  # DARTS' conv_7x1_1x7: 1x7 first there too
}


def _cell(text: str, concat: tuple[int, ...] = ()) -> CellGraph:
    """Return a cell from "operation source, … | …", one group per node."""
    return CellGraph(
        tuple(
            tuple(
                Connection(int(source), _NAMES[operation])
                for operation, source in (connection.split() for connection in node.split(","))
            )
            for node in text.split("|")
        ),
        concat,
    )


PUBLISHED = {
    # Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019; quark0/darts, cnn/genotypes.py
    "DARTS_V2": Genotype(
        normal=_cell("sep3 0, sep3 1 | sep3 0, sep3 1 | sep3 1, skip 0 | skip 0, dil3 2"),
        reduce=_cell("max 0, max 1 | skip 2, max 1 | max 0, skip 2 | skip 2, max 1"),
    ),
    # Chen et al., Progressive Differentiable Architecture Search, ICCV 2019; chenxin061/pdarts, genotypes.py
    "PDARTS": Genotype(
        normal=_cell("skip 0, dil3 1 | skip 0, sep3 1 | sep3 1, sep3 3 | sep3 0, dil5 4"),
        reduce=_cell("avg 0, sep5 1 | sep3 0, dil5 2 | max 0, dil3 1 | dil3 1, dil5 3"),
    ),
    # Xu et al., PC-DARTS, ICLR 2020; yuhuixu1993/PC-DARTS, genotypes.py
    "PC_DARTS_cifar": Genotype(
        normal=_cell("sep3 1, skip 0 | sep3 0, dil3 1 | sep5 0, sep3 1 | avg 0, dil3 1"),
        reduce=_cell("sep5 1, max 0 | sep5 1, sep5 2 | sep3 0, sep3 3 | sep3 1, sep3 2"),
    ),
    # Yang et al., ISTA-NAS, NeurIPS 2020; iboing/ISTA-NAS
    "ISTA_twostage": Genotype(
        normal=_cell("skip 0, dil3 1 | sep5 0, dil3 2 | dil3 1, sep3 0 | sep3 2, skip 0"),
        reduce=_cell("avg 0, sep5 1 | dil5 2, max 1 | dil5 3, sep3 1 | dil5 4, sep5 1"),
    ),
    # Chen et al., DrNAS: Dirichlet Neural Architecture Search, ICLR 2021; xiangning-chen/DrNAS,
    # DARTS-space/genotypes.py
    "DrNAS_cifar10": Genotype(
        normal=_cell("sep3 0, sep5 1 | sep3 1, sep3 2 | skip 0, sep3 1 | sep3 2, dil5 3"),
        reduce=_cell("max 0, sep5 1 | dil5 2, sep5 1 | sep5 1, dil5 3 | skip 4, sep5 1"),
    ),
    # Real et al., Regularized Evolution for Image Classifier Architecture Search (AmoebaNet-A), AAAI 2019; as in
    # quark0/darts, cnn/genotypes.py
    "AmoebaNet": Genotype(
        normal=_cell(
            "avg 0, max 1 | sep3 0, sep5 2 | sep3 0, avg 3 | sep3 1, skip 1 | skip 0, avg 1", concat=(4, 5, 6)
        ),
        reduce=_cell(
            "avg 0, sep3 1 | max 0, sep7 2 | sep7 0, avg 1 | max 0, max 1 | conv1x7 0, sep3 5",
            concat=(3, 4, 6),
        ),
    ),
}
