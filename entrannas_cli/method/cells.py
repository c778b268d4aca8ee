"""A cell as an Engine-cell (mixes all operations) and as a Transit-cell (runs the derived sub-graph).

Both own the same operations. With feature sharing, operation k on node i is computed once, F[i,k] = o_k(x_i), and
serves every later node; without it each edge has its own operations (DARTS).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from itertools import groupby
from typing import TypedDict, Unpack, cast

import torch
from torch import Tensor, nn

from .architecture import Mixture
from .genotype import CellGraph
from .layers import Concatenation, ConvBlock, FactorizedReduce, drop_path
from .operations import get_operation
from .space import INPUT_NODES, SearchSpace

__all__ = ["EngineCell", "TransitCell", "all_connections", "mix"]


def all_connections(space: SearchSpace) -> list[tuple[int, int, str]]:
    """Return every candidate connection (source, target, operation) of ``space``."""
    return [(i, j, name) for i, j in space.edges for name in space.operations]


class CellKeywords(TypedDict):
    """The keyword arguments of a cell that depend on its position in the stack, see :class:`TransitCell`."""

    channels_before_previous: int
    channels_previous: int
    channels: int
    reduction: bool
    reduction_before: bool
    share_features: bool
    affine: bool
    pool_batch_norm: bool


class TransitCell(nn.Module):
    """Owns the operations of ``connections`` (source, target, name) and runs those of a sub-graph.

    Its inputs are the outputs of the two previous cells, (N, C'', H'', W'') and (N, C', H', W'); the output is
    (N, nodes x channels, H, W), at half the resolution of the previous cell in a reduction cell.
    """

    def __init__(
        self,
        connections: Iterable[tuple[int, int, str]],
        *,
        channels_before_previous: int,
        channels_previous: int,
        channels: int,
        reduction: bool,
        reduction_before: bool,
        share_features: bool,
        affine: bool,
        pool_batch_norm: bool,
    ) -> None:
        super().__init__()
        self.share_features = share_features
        # the cell before the previous one has twice the resolution if the previous one reduced it
        self.preprocess_0 = (
            FactorizedReduce(channels_before_previous, channels, affine)
            if reduction_before
            else ConvBlock(channels_before_previous, channels, [(1, 1)], 1, affine)
        )
        self.preprocess_1 = ConvBlock(channels_previous, channels, [(1, 1)], 1, affine)
        self.operations = nn.ModuleDict()
        self.output: nn.Module = Concatenation()
        for source, target, name in connections:
            owner = self._owner(source, target)
            if owner not in self.operations:
                self.operations[owner] = nn.ModuleDict()
            if name not in self._operations_of(owner):
                stride = 2 if reduction and source < INPUT_NODES else 1
                operation = get_operation(name)
                module = operation.build(channels, stride, affine)
                if operation.pooling and pool_batch_norm:
                    module = nn.Sequential(module, nn.BatchNorm2d(channels, affine=affine))
                self._operations_of(owner)[name] = module

    def _owner(self, source: int, target: int) -> str:
        """Return the owner of the weights: (i, k) share them with feature sharing, otherwise (i, j, k)."""
        return f"{source}" if self.share_features else f"{source}-{target}"

    def _operations_of(self, owner: str) -> nn.ModuleDict:
        return cast(nn.ModuleDict, self.operations[owner])

    def forward(
        self, before_previous: Tensor, previous: Tensor, graph: CellGraph, drop: float | Tensor = 0.0
    ) -> Tensor:
        """Compute x_j = Σ F[i,k] over the connections (i, k) of node j, unweighted; nothing else is computed.

        In training, drop-path drops each connection other than the identity with probability ``drop``, per image.
        A tensor ``drop`` is never read on the host.
        """
        dropping = self.training and (isinstance(drop, Tensor) or drop > 0)
        states = [self.preprocess_0(before_previous), self.preprocess_1(previous)]
        features: dict[tuple[str, str], Tensor] = {}
        edges: dict[tuple[str, tuple[str, ...]], Tensor] = {}  # sums, which several nodes may share
        for j, connections in enumerate(graph.nodes, start=INPUT_NODES):
            terms = []
            for i, chosen in groupby(connections, lambda connection: connection.source):
                owner, names = self._owner(i, j), tuple(connection.operation for connection in chosen)
                for name in names:
                    if (owner, name) not in features:
                        features[owner, name] = self._operations_of(owner)[name](states[i])
                if dropping:
                    terms += [self._dropped(owner, name, features[owner, name], drop) for name in names]
                    continue
                if (owner, names) not in edges:
                    edges[owner, names] = reduce(torch.add, (features[owner, name] for name in names))
                terms.append(edges[owner, names])
            states.append(reduce(torch.add, terms))
        output: Tensor = self.output([states[j] for j in graph.concat])
        return output

    def _dropped(self, owner: str, name: str, feature: Tensor, drop: float | Tensor) -> Tensor:
        identity = isinstance(self._operations_of(owner)[name], nn.Identity)
        return feature if identity else drop_path(feature, drop)


class EngineCell(TransitCell):
    """Owns every operation of ``space`` and mixes them; this is where the architecture is learned.

    Given a sub-graph instead of a mixture, it acts as a Transit-cell.
    """

    def __init__(self, space: SearchSpace, **keywords: Unpack[CellKeywords]) -> None:
        super().__init__(all_connections(space), **keywords)
        self.space = space

    def forward(
        self,
        before_previous: Tensor,
        previous: Tensor,
        plan: Mixture | CellGraph,
        drop: float | Tensor = 0.0,
    ) -> Tensor:
        """Compute x_j = Σ_i Σ_k w[i,j,k] · F[i,k] with w = p or q̂, skipping operations outside the support.

        Drop-path doesn't apply to a mixture.
        """
        if isinstance(plan, CellGraph):
            return super().forward(before_previous, previous, plan, drop)
        states = {0: self.preprocess_0(before_previous), 1: self.preprocess_1(previous)}
        for i in self.space.sources:
            for owner, targets, names in self._groups(i, plan.support):
                operations = self._operations_of(owner)
                features = [operations[name](states[i]) for name in names]
                indices = _flat_indices(self.space, i, targets, names, plan.weights.device)
                weights = plan.weights.flatten()[indices].view(len(targets), len(names))
                terms = mix(weights, features)  # (targets, N, C, H, W)
                for j, term in zip(targets, terms, strict=True):
                    states[j] = states[j] + term if j in states else term
        output: Tensor = self.output([states[j] for j in self.space.intermediate])
        return output

    def _groups(
        self, source: int, graph: CellGraph | None
    ) -> list[tuple[str, tuple[int, ...], tuple[str, ...]]]:
        """Return the (owner of the weights, targets, operations) to compute from ``source``."""
        groups: dict[str, tuple[set[int], set[str]]] = {}
        connections = (
            all_connections(self.space)
            if graph is None
            else [(c.source, j, c.operation) for j, c in graph.connections]
        )
        for i, j, name in connections:
            if i == source:
                targets, names = groups.setdefault(self._owner(i, j), (set(), set()))
                targets.add(j)
                names.add(name)
        return [
            (owner, tuple(sorted(targets)), tuple(name for name in self.space.operations if name in names))
            for owner, (targets, names) in groups.items()
        ]


@lru_cache(maxsize=4096)  # a list as an index would be copied to the device each time
def _flat_indices(
    space: SearchSpace, source: int, targets: tuple[int, ...], names: tuple[str, ...], device: torch.device
) -> Tensor:
    """Return the flat indices of the weights of ``names`` on the edges from ``source``."""
    rows = [space.edges.index((source, j)) for j in targets]
    columns = [space.operations.index(name) for name in names]
    return torch.tensor([row * len(space.operations) + k for row in rows for k in columns], device=device)


def mix(weights: Tensor, features: Sequence[Tensor]) -> Tensor:
    """Compute Σ_k w[·,k] · F[k] for J targets at once, as one matrix product.

    ``weights`` (J, K), ``features`` K tensors (N, C, H, W) → (J, N, C, H, W), in the memory format of the
    features, so that later layers round as they do after a Transit-cell.
    """
    if not features[0].is_contiguous(memory_format=torch.channels_last):
        return _mix(weights, features)
    mixed = _mix(weights, [feature.permute(0, 2, 3, 1) for feature in features])  # (J, N, H, W, C)
    return mixed.permute(0, 1, 4, 2, 3)


def _mix(weights: Tensor, features: Sequence[Tensor]) -> Tensor:
    stacked = torch.stack(tuple(features))  # (K, ...)
    return (weights @ stacked.flatten(start_dim=1)).view(-1, *stacked.shape[1:])
