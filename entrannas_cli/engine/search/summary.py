"""The derived cells in the run's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...method.complexity import derived_complexity
from ...method.genotype import Genotype
from ...method.space import SearchSpace
from ..cell_counts import count_connections, count_operations
from ..observer import Row
from .collapse import collapse_warning

if TYPE_CHECKING:
    from ...config.search_sections import TargetConfig

__all__ = ["derived_summary"]


def derived_summary(genotype: Genotype, space: SearchSpace, target: TargetConfig) -> Row:
    """Return the composition of the cells found in ``space``, their ``target`` network's size, and warnings."""
    parameters, multiply_adds = derived_complexity(
        genotype,
        image=target.image,
        classes=target.classes,
        channels=target.channels,
        cells=target.cells,
        stem=target.stem,
    )
    size = "x".join(str(side) for side in target.image)
    return {
        **count_connections(genotype),
        **count_operations(genotype),
        "parameters": parameters,
        "multiply_adds": multiply_adds,
        "target": f"{target.cells} cells, {target.channels} channels, {size}",
        "warnings": [warning] if (warning := collapse_warning(genotype, space)) else [],
    }
