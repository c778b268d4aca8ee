"""The ``checkpoint`` format: a safetensors file from which the network is rebuilt; it never runs code."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..common.errors import UsageError
from ..common.files import open_regular, reason_of
from ..common.text import plain
from .content import ExportedNetwork, build_network, load_weights
from .metadata import metadata_texts, read_metadata

__all__ = ["checkpoint_bytes", "load_exported"]


def checkpoint_bytes(content: ExportedNetwork) -> bytes:
    """Return the file's content: weights by their names in the network, metadata in the header."""
    from safetensors.torch import save

    return save(content.network.state_dict(), metadata_texts(content.metadata))


def load_exported(path: Path) -> ExportedNetwork:
    """Load the network in the file ``path``.

    Nothing in the file is executed; only installed operations are built. Raises ``UsageError`` for a file that
    cannot be read or contains no network.
    """
    shown = plain(str(path))
    try:
        return _network(*_read(path))
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {reason_of(error)}") from None
    except ValueError as error:
        raise UsageError(f"{shown}: not an exported network: {plain(str(error))}") from None


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    open_regular(path, follow_links=True).close()  # otherwise opening a pipe would block
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(reason_of(error)) from None


def _network(texts: dict[str, str], state: dict[str, Tensor]) -> ExportedNetwork:
    metadata = read_metadata(texts)
    genotype = metadata.cells()
    if metadata.network.cells > len(state):  # each cell has weights: refuse before building
        raise ValueError(f"network: {metadata.network.cells} cells, but {len(state)} tensors")
    try:
        # on meta, without memory: the metadata may describe a network far larger than the file
        expected = build_network(genotype, metadata.network, device="meta").state_dict()
    except KeyError as error:
        raise ValueError(f"the operation {error.args[0]} is not installed") from None
    _check_fits(expected, state)
    network = build_network(genotype, metadata.network)
    load_weights(network, state)
    return ExportedNetwork(network=network, metadata=metadata)


def _check_fits(expected: dict[str, Tensor], state: dict[str, Tensor]) -> None:
    for key in sorted(expected.keys() ^ state.keys())[:1]:
        raise ValueError(f"{key} is {'missing' if key in expected else 'not part of the network'}")
    for key, tensor in expected.items():
        if (tensor.shape, tensor.dtype) != (state[key].shape, state[key].dtype):
            raise ValueError(
                f"{key}: expected {tensor.dtype} {list(tensor.shape)}, "
                f"found {state[key].dtype} {list(state[key].shape)}"
            )
