"""The formats ``torch`` and ``onnx``: the network as a graph, traced by ``torch.export``."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import torch

from ..common.errors import RunFailed
from ..common.files import reason_of
from .content import ExportedNetwork
from .metadata import metadata_texts
from .target import require_onnx

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = [
    "INPUT",
    "METADATA_FILE",
    "OUTPUT",
    "onnx_bytes",
    "program_bytes",
    "quiet",
]

INPUT, OUTPUT = "images", "logits"  # names in the ONNX graph
METADATA_FILE = "entrannas.json"  # in the archive of a torch.export program
_TRACED_BATCH = 2  # a batch of one would be treated as a constant


def program_bytes(content: ExportedNetwork, batch: int | None) -> bytes:
    """Return a ``torch.export`` program as bytes, for ``batch`` images at once or, if None, any number.

    Raises ``RunFailed`` for a network that torch cannot trace.
    """
    file = io.BytesIO()
    with quiet():
        extra = {METADATA_FILE: json.dumps(metadata_texts(content.metadata))}
        torch.export.save(_traced(content, batch), file, extra_files=extra)
    return file.getvalue()


def onnx_bytes(content: ExportedNetwork, batch: int | None) -> bytes:
    """Return an ONNX model with metadata as bytes; ``batch`` as above.

    Raises ``UsageError`` if the ONNX packages are missing, ``RunFailed`` for a network that cannot be converted.
    """
    require_onnx()
    with quiet():
        program = _traced(content, batch)
        try:
            exported = torch.onnx.export(
                program,
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                external_data=False,
                verbose=False,
            )
        except Exception as error:  # torch and onnxscript raise many types for unknown operations
            raise RunFailed(f"this network cannot be converted to ONNX: {reason_of(error)}") from error
        assert exported is not None
        exported.model.metadata_props.update(metadata_texts(content.metadata))
        exported.model.producer_name = "entrannas"
        content_bytes: bytes = exported.model_proto.SerializeToString()
    return content_bytes


def _traced(content: ExportedNetwork, batch: int | None) -> ExportedProgram:
    images = torch.zeros(batch or _TRACED_BATCH, *content.metadata.shape)
    shapes = ({0: torch.export.Dim("batch")},) if batch is None else None
    try:
        with torch.no_grad():
            return torch.export.export(content.network, (images,), dynamic_shapes=shapes)
    except Exception as error:  # a custom operation may do what no graph can express
        raise RunFailed(f"torch.export cannot trace this network: {reason_of(error)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the output, warnings and log messages of torch and the ONNX packages."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
