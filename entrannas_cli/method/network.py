"""The stack of cells, as the super-net of a search and as the network of a genotype."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Literal, TypedDict

import torch
from torch import Tensor, nn

from .architecture import Mixture
from .cells import CellKeywords, EngineCell, TransitCell, all_connections
from .fast.checkpointing import recomputed
from .genotype import CellGraph, Genotype
from .layers import AuxiliaryHead
from .space import CELL_KINDS, EngineCells, SearchSpace, cell_kinds, engine_positions

__all__ = ["DerivedNetwork", "Stem", "SuperNet"]

Stem = Literal["cifar", "imagenet"]


class CifarStem(nn.Module):
    """3x3 convolution and batch-norm: (N, C, H, W) → (N, 3 · channels, H, W), returned twice."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.out_channels = (3 * channels, 3 * channels)
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, 3 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(3 * channels)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(images)
        return x, x


class ImageNetStem(nn.Module):
    """Three 3x3 convolutions of stride 2: (N, C, H, W) → (N, channels, H/4, W/4), (N, channels, H/8, W/8)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.out_channels = (channels, channels)

        def convolution(inputs: int, outputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs)]

        self.first = nn.Sequential(
            *convolution(channels_in, channels // 2), nn.ReLU(), *convolution(channels // 2, channels)
        )
        self.second = nn.Sequential(nn.ReLU(), *convolution(channels, channels))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.first(images)
        return quarter, self.second(quarter)


class NetworkShape(TypedDict):
    """Inputs, outputs, width and depth of a stack of cells."""

    classes: int
    channels_in: int
    channels: int
    cells: int
    stem: Stem


class _CellStack(nn.Module):
    """Stem, cells (each reduction cell doubles the channels), global average pooling, classifier.

    With ``checkpoint_cells`` the backward pass recomputes the cells' activations instead of keeping them. The last
    cell is exempt: its gradient is needed first.
    """

    checkpoint_cells = False

    def __init__(
        self,
        build_cell: Callable[[int, CellKeywords], TransitCell],
        *,
        nodes_out: Mapping[str, int],
        classes: int,
        channels_in: int,
        channels: int,
        cells: int,
        stem: Stem,
        share_features: bool,
        affine: bool,
        pool_batch_norm: bool,
    ) -> None:
        super().__init__()
        self.kinds = cell_kinds(cells)
        self.share_features = share_features
        self.pool_batch_norm = pool_batch_norm
        self.stem = (
            CifarStem(channels_in, channels) if stem == "cifar" else ImageNetStem(channels_in, channels)
        )
        before_previous, previous = self.stem.out_channels
        reduction_before = stem == "imagenet"  # its two outputs differ by a factor of 2
        built: list[TransitCell] = []
        for n, kind in enumerate(self.kinds):
            reduction = kind == "reduce"
            channels *= 2 if reduction else 1
            keywords = CellKeywords(
                channels_before_previous=before_previous,
                channels_previous=previous,
                channels=channels,
                reduction=reduction,
                reduction_before=reduction_before,
                share_features=share_features,
                affine=affine,
                pool_batch_norm=pool_batch_norm,
            )
            built.append(build_cell(n, keywords))
            reduction_before = reduction
            before_previous, previous = previous, nodes_out[kind] * channels
        for cell in built[:-1]:  # read by cells and the auxiliary head; the last one is the classifier's
            cell.output.rectified_by_all = True  # type: ignore[assignment]
        self.cells = nn.ModuleList(built)
        self.classifier = nn.Linear(previous, classes)

    def _logits(
        self,
        images: Tensor,
        plans: Iterable[Mixture | CellGraph],
        drop: float | Tensor = 0.0,
        tap: int = -1,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the logits, and the output of cell number ``tap`` unless it is -1."""
        tapped = None
        before_previous, previous = self.stem(images)
        for n, (cell, plan) in enumerate(zip(self.cells, plans, strict=True)):
            recompute = self.checkpoint_cells and torch.is_grad_enabled() and n + 1 < len(self.cells)
            run = partial(recomputed, cell) if recompute else cell
            before_previous, previous = previous, run(before_previous, previous, plan, drop)
            if n == tap:
                tapped = previous
        logits: Tensor = self.classifier(previous.mean(dim=(2, 3)))  # (N, C, H, W) → (N, classes)
        return logits, tapped


class SuperNet(_CellStack):
    """Engine-cells, which learn the architecture, among Transit-cells, which run the current derived sub-graph.

    Raises ``ValueError`` for invalid ``engine_cells`` (see :func:`engine_positions`).
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        classes: int,
        channels_in: int = 3,
        channels: int = 16,
        cells: int = 8,
        stem: Stem = "cifar",
        engine_cells: EngineCells = "last",
        share_features: bool = True,
    ) -> None:
        rotates = engine_cells == "rotate"  # then every cell takes a turn as Engine-cell
        engines = engine_positions(cell_kinds(cells), "all" if rotates else engine_cells)

        def build_cell(position: int, keywords: CellKeywords) -> TransitCell:
            if position in engines:
                return EngineCell(space, **keywords)
            return TransitCell(all_connections(space), **keywords)

        shape = NetworkShape(
            classes=classes, channels_in=channels_in, channels=channels, cells=cells, stem=stem
        )
        nodes_out = dict.fromkeys(CELL_KINDS, space.nodes)
        super().__init__(
            build_cell,
            nodes_out=nodes_out,
            share_features=share_features,
            affine=False,
            pool_batch_norm=True,
            **shape,
        )
        self.shape = shape
        self.engine_cells = engine_cells

    def engines(self, turn: int = -1) -> frozenset[int]:
        """Return the positions of the Engine-cells, of ``turn`` if they rotate (see :func:`engine_positions`)."""
        return engine_positions(self.kinds, self.engine_cells, turn)

    def forward(
        self,
        images: Tensor,
        genotype: Genotype,
        mixtures: Mapping[str, Mixture] | None = None,
        turn: int = -1,
    ) -> Tensor:
        """Map images (N, C, H, W) to logits (N, classes).

        With ``mixtures`` the Engine-cells of ``turn`` mix their operations; without, every cell runs the sub-graph
        of ``genotype``.
        """
        engines = self.engines(turn) if mixtures is not None else frozenset()
        plans = [
            mixtures[kind] if mixtures is not None and n in engines else genotype.cell(kind)
            for n, kind in enumerate(self.kinds)
        ]
        logits, _ = self._logits(images, plans)
        return logits


class DerivedNetwork(_CellStack):
    """The network of ``genotype``: nodes sum their inputs unweighted.

    By default it is the network that DARTS trains from scratch: one operation per connection, affine batch-norms,
    none after pooling. ``auxiliary`` adds a head after the second reduction cell, for training only; with the
    "imagenet" stem ``auxiliary_batch_norm`` adds P-DARTS' batch-norm after the head's last convolution.
    """

    def __init__(
        self,
        genotype: Genotype,
        *,
        classes: int,
        channels_in: int = 3,
        channels: int = 36,
        cells: int = 20,
        stem: Stem = "cifar",
        share_features: bool = False,
        affine: bool = True,
        pool_batch_norm: bool = False,
        auxiliary: bool = False,
        auxiliary_batch_norm: bool = False,
    ) -> None:
        kinds = cell_kinds(cells)

        def build_cell(position: int, keywords: CellKeywords) -> TransitCell:
            connections = genotype.cell(kinds[position]).connections
            return TransitCell([(c.source, j, c.operation) for j, c in connections], **keywords)

        super().__init__(
            build_cell,
            nodes_out={kind: len(cell.concat) for kind, cell in genotype.cells},
            classes=classes,
            channels_in=channels_in,
            channels=channels,
            cells=cells,
            stem=stem,
            share_features=share_features,
            affine=affine,
            pool_batch_norm=pool_batch_norm,
        )
        self.genotype = genotype
        self.auxiliary_cell = 2 * cells // 3  # the second reduction cell
        self.auxiliary_head = None
        if auxiliary:
            features = 4 * channels * len(genotype.reduce.concat)  # doubled by each of two reduction cells
            self.auxiliary_head = (
                AuxiliaryHead(features, classes, stride=3, batch_norm=True)
                if stem == "cifar"
                else AuxiliaryHead(features, classes, stride=2, batch_norm=auxiliary_batch_norm)
            )

    @classmethod
    def inheriting(cls, supernet: SuperNet, genotype: Genotype) -> DerivedNetwork:
        """Return the derived network at the super-net's size, with copies of the super-net's weights.

        It computes the same as the super-net with every cell as a Transit-cell.
        """
        with torch.random.fork_rng(devices=[]):  # the random weights are replaced below
            network = cls(
                genotype,
                share_features=supernet.share_features,
                affine=False,
                pool_batch_norm=supernet.pool_batch_norm,
                **supernet.shape,
            )
        state = supernet.state_dict()
        network.load_state_dict({key: state[key].clone() for key in network.state_dict()}, assign=True)
        reference = supernet.classifier.weight  # for buffers outside the state dict
        return network.to(reference.device, reference.dtype)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        logits, _ = self._logits(images, self._plans)
        return logits

    def forward_in_training(self, images: Tensor, drop: float | Tensor = 0.0) -> tuple[Tensor, Tensor | None]:
        """Return the logits (N, classes) and those of the auxiliary head, if there is one.

        ``drop`` is the drop-path probability.
        """
        head = self.auxiliary_head
        logits, features = self._logits(
            images, self._plans, drop, tap=-1 if head is None else self.auxiliary_cell
        )
        return logits, None if head is None or features is None else head(features)

    @property
    def _plans(self) -> list[CellGraph]:
        return [self.genotype.cell(kind) for kind in self.kinds]
