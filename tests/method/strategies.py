"""Random spaces, genotypes and architectures for property tests."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from entrannas_cli.method.architecture import Architecture
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.operations import operation_names
from entrannas_cli.method.space import SearchSpace

STANDARD = SearchSpace(
    name="standard",
    operations=(
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    ),
)


def spaces(max_nodes: int = 4, max_operations: int = 5) -> st.SearchStrategy[SearchSpace]:
    return st.builds(
        SearchSpace,
        name=st.just("random"),
        operations=st.lists(
            st.sampled_from(sorted(operation_names())), min_size=1, max_size=max_operations, unique=True
        ).map(tuple),
        nodes=st.integers(1, max_nodes),
    )


@st.composite
def genotypes(draw: st.DrawFn, space: SearchSpace) -> Genotype:
    def cell() -> CellGraph:
        return CellGraph(
            tuple(
                tuple(
                    Connection(i, name)
                    for i, name in draw(
                        st.sets(
                            st.tuples(st.integers(0, j - 1), st.sampled_from(space.operations)),
                            min_size=1,
                            max_size=6,
                        )
                    )
                )
                for j in space.intermediate
            )
        )

    return Genotype(normal=cell(), reduce=cell())


def architecture(space: SearchSpace, seed: int, spread: float = 2.0) -> Architecture:
    """Return an architecture with α of the given spread and β around 0, in float64."""
    generator = torch.Generator().manual_seed(seed)
    result = Architecture(space).double()
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.copy_(spread * torch.randn(parameter.shape, generator=generator))
    return result
