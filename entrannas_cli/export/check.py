"""Checks an exported file: load it as a user would, and compare its outputs on random images with the network's."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..common.errors import RunFailed
from ..common.files import reason_of
from .checkpoint import load_exported
from .graphs import INPUT, OUTPUT, quiet

__all__ = [
    "BATCHES",
    "TOLERANCE",
    "Check",
    "ReferenceOutputs",
    "compare",
    "reference_outputs",
    "run_exported",
]

BATCHES = (1, 5)  # batch sizes, unless a fixed one is requested
TOLERANCE = 1e-4  # of the logits, relative to the largest magnitude if that exceeds 1


@dataclass(frozen=True)
class Check:
    """The largest difference between logits, for a batch of ``batch`` random images."""

    batch: int
    difference: float


@dataclass(frozen=True)
class ReferenceOutputs:
    """Random ``images`` (N, C, H, W) of several N, and the logits (N, classes) of the run's network."""

    images: tuple[Tensor, ...]
    logits: tuple[Tensor, ...]


def reference_outputs(
    network: nn.Module, shape: Sequence[int], batches: Sequence[int] = BATCHES
) -> ReferenceOutputs:
    """Return what an export of ``network`` must give. Raises ``RunFailed`` if those outputs are not finite."""
    generator = torch.Generator().manual_seed(0)
    images = tuple(torch.randn(batch, *shape, generator=generator) for batch in batches)
    with torch.no_grad():
        logits = tuple(network(batch) for batch in images)
    if not all(torch.isfinite(batch).all() for batch in logits):
        raise RunFailed("the network's outputs are not finite: its weights diverged, so nothing is exported")
    return ReferenceOutputs(images, logits)


def compare(expected: ReferenceOutputs, found: Sequence[Tensor]) -> tuple[Check, ...]:
    """Return the differences. Raises ``RunFailed`` if one exceeds the tolerance."""
    checks = []
    for ours, theirs in zip(expected.logits, found, strict=True):
        if ours.shape != theirs.shape:
            raise RunFailed(
                f"the exported network returns logits of shape {list(theirs.shape)}, ours {list(ours.shape)}"
            )
        difference = (ours - theirs).abs().max().item()
        allowed = TOLERANCE * max(1.0, ours.abs().max().item())
        if not difference <= allowed:  # NaN too
            raise RunFailed(
                f"the exported network's outputs differ from ours by {difference:.1e} "
                f"for {len(ours)} images at once, more than the allowed {allowed:.1e}: nothing is written"
            )
        checks.append(Check(len(ours), difference))
    return tuple(checks)


def run_exported(format: str, path: Path, images: Sequence[Tensor]) -> list[Tensor]:  # noqa: A002
    """Return the logits that the file ``path`` gives for each batch. Raises ``RunFailed`` if it cannot run."""
    run: Callable[[Path, Sequence[Tensor]], list[Tensor]] = {
        "checkpoint": _run_checkpoint,
        "onnx": _run_onnx,
        "torch": _run_program,
        "python": _run_module,
    }[format]
    try:
        with torch.no_grad():
            return run(path, images)
    except RunFailed:
        raise
    except Exception as error:  # other packages raise their own errors
        raise RunFailed(f"the exported file cannot be run: {reason_of(error)}") from error


def _run_checkpoint(path: Path, images: Sequence[Tensor]) -> list[Tensor]:
    network = load_exported(path).network
    return [network(batch) for batch in images]


def _run_onnx(path: Path, images: Sequence[Tensor]) -> list[Tensor]:
    import onnx
    import onnxruntime

    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(session.run([OUTPUT], {INPUT: batch.numpy()})[0]) for batch in images]


def _run_program(path: Path, images: Sequence[Tensor]) -> list[Tensor]:
    with quiet():
        network = torch.export.load(path).module()
    return [network(batch) for batch in images]


_MODULE_RUNNER = """
import importlib.util, io, json, sys
paths, blocked, file, threads = json.loads(sys.argv[1])
sys.path[:] = paths
sys.modules[blocked] = None  # importing it fails, and so does importing anything in it
import torch
torch.set_num_threads(threads)
spec = importlib.util.spec_from_file_location("exported", file)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
network = module.load()
with torch.no_grad():
    logits = [network(batch) for batch in torch.load(io.BytesIO(sys.stdin.buffer.read()), weights_only=True)]
torch.save(logits, sys.stdout.buffer)
"""


def _run_module(path: Path, images: Sequence[Tensor]) -> list[Tensor]:
    """Run the module in a process that cannot import this package."""
    given = io.BytesIO()
    torch.save(list(images), given)
    paths = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100 ("" is the working directory)
    settings = json.dumps([paths, __package__.split(".")[0], str(path.absolute()), torch.get_num_threads()])
    result = subprocess.run(
        [sys.executable, "-I", "-B", "-c", _MODULE_RUNNER, settings],
        input=given.getvalue(),
        capture_output=True,
    )
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        raise RunFailed(
            f"the exported module cannot be run: {reason_of(RuntimeError(lines[-1] if lines else ''))}"
        )
    found: list[Tensor] = torch.load(io.BytesIO(result.stdout), weights_only=True)
    return found
