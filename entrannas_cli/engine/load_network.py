"""Loads a network with its weights from a training or a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..common.errors import RunFailed, UsageError
from ..common.files import BrokenRun
from ..common.text import first_line, plain
from ..method.genotype import Genotype
from ..method.network import DerivedNetwork, SuperNet
from ..store.run import BEST_CHECKPOINT, CHECKPOINTS, CONFIG_FILE, Run
from .checkpoint import DamagedCheckpoint, read_checkpoint

__all__ = ["TrainedNetwork", "load_supernet", "load_trained"]

Weights = Literal["last", "best"]


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A ``network`` in eval mode, in float32, on the CPU, without an auxiliary head.

    It maps images of ``shape`` (C, H, W), with values from 0 to 1 normalised by ``mean`` and ``std`` per channel,
    to logits of the ``classes``. ``weights`` is "last" or "best"; they are those of ``step``.
    """

    network: DerivedNetwork
    run: Run
    weights: str
    step: int
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    identity: Mapping[str, str]  # of the run when the weights were written


def load_trained(run: Run, weights: Weights = "last") -> TrainedNetwork:
    """Return the network of a training, or a search's derived network with the weights of its super-net.

    Raises ``UsageError`` for a run without such weights (yet), ``RunFailed`` for damaged ones.
    """
    kind = run.status().kind
    if kind == "train":
        return _load_training(run, weights)
    if kind == "search":
        if weights == "best":
            raise UsageError(f"{plain(run.id)} is a search: only a training has best weights")
        return _load_search(run)
    raise UsageError(f"{plain(run.id)} is a {plain(kind)} run, which has no weights")


def _load_training(run: Run, weights: Weights) -> TrainedNetwork:
    genotype = _genotype(run)
    if weights == "best":
        path = run.path / CHECKPOINTS / BEST_CHECKPOINT
        if not path.exists():
            raise UsageError(
                f"{plain(run.id)} has no best weights: they are saved at the best accuracy on held-out images"
            )
        content = read_checkpoint(path, "train")
    else:
        content = _last_checkpoint(run, "train")
    try:
        network = DerivedNetwork(
            genotype,
            classes=len(content["images"]["classes"]),
            channels_in=content["images"]["shape"][0],
            **{"pool_batch_norm": True} | content["network"],  # older checkpoints lack the key
        )
        # without the auxiliary head's weights, if there are any
        network.load_state_dict({key: content["weights"][key] for key in network.state_dict()})
        return _trained_network(run, network, weights, content["step"], content)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _mismatch(run, error) from None


def _load_search(run: Run) -> TrainedNetwork:
    supernet, genotype, content = load_supernet(run)
    network = DerivedNetwork.inheriting(supernet, genotype)
    return _trained_network(run, network, "last", content["loop"]["step"], content)


def load_supernet(run: Run) -> tuple[SuperNet, Genotype, Mapping[str, Any]]:
    """Return the super-net of a search, on the CPU, its derived cells, and the checkpoint's content.

    Raises ``UsageError`` and ``RunFailed`` as :func:`load_trained` does.
    """
    from ..config.resolve import load_config
    from .check_operations import require_operations

    try:
        config, space = load_config(run.path / CONFIG_FILE), run.space()
    except BrokenRun as error:
        raise UsageError(f"{plain(run.id)}: {error.reason}") from None
    if config.method == "random":
        raise UsageError(f"{plain(run.id)} drew its cells at random: there is no super-net")
    require_operations(space.operations, f"the space {space.name}")
    content = _last_checkpoint(run, "search")
    try:
        supernet = SuperNet(
            space,
            classes=len(content["images"]["classes"]),
            channels_in=content["images"]["shape"][0],
            channels=config.network.channels,
            cells=config.network.cells,
            stem=config.network.stem,
            engine_cells=config.network.engine_cells,
            share_features=config.network.share_features,
        )
        supernet.load_state_dict(content["supernet"])
        return supernet, Genotype.from_json(content["genotype"]), content
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _mismatch(run, error) from None


def _genotype(run: Run) -> Genotype:
    from .check_operations import require_operations

    try:
        genotype = run.genotype()
    except BrokenRun as error:
        raise UsageError(f"{plain(run.id)}: {error.reason}") from None
    if genotype is None:
        raise UsageError(f"{plain(run.id)} has no cells")
    require_operations(genotype.operations, f"the cells of {run.id}")
    return genotype


def _last_checkpoint(run: Run, kind: str) -> dict[str, Any]:
    """Return the newest intact checkpoint; damaged ones are left where they are."""
    damaged: DamagedCheckpoint | None = None
    for path in run.checkpoints():
        try:
            return read_checkpoint(path, kind)
        except DamagedCheckpoint as error:
            damaged = damaged or error
    if damaged is not None:
        raise damaged
    folder = plain(str(Path(run.path.name) / CHECKPOINTS))
    linked = (run.path / CHECKPOINTS).is_symlink()
    where = f"{folder} is a link, which is not followed" if linked else f"there is no checkpoint in {folder}"
    raise UsageError(f"{plain(run.id)} has no weights yet: {where}")


def _trained_network(
    run: Run, network: DerivedNetwork, weights: str, step: int, content: Mapping[str, Any]
) -> TrainedNetwork:
    images = content["images"]
    channels, height, width = images["shape"]
    return TrainedNetwork(
        network=network.eval(),
        run=run,
        weights=weights,
        step=step,
        shape=(channels, height, width),
        classes=tuple(images["classes"]),
        mean=tuple(images["mean"]),
        std=tuple(images["std"]),
        identity=content["identity"],
    )


def _mismatch(run: Run, error: Exception) -> RunFailed:
    return RunFailed(f"{plain(run.id)}: its checkpoint does not fit its configuration: {first_line(error)}")
