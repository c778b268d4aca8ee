"""Writes a network in one of the formats: beside its place, loaded back and compared there, then moved into it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.atomic import TEMPORARY_SUFFIX, replace_with
from ..common.errors import RunFailed, UsageError
from ..common.files import reason_of
from ..common.text import plain
from ..engine.torch_errors import translate_errors
from .check import BATCHES, TOLERANCE, Check, compare, expected_of, outputs_of
from .checkpoint import checkpoint_bytes
from .content import ExportedNetwork, content_of
from .graphs import onnx_bytes, program_bytes
from .module import module_text, weights_bytes
from .target import Target

if TYPE_CHECKING:
    from ..engine.load_network import TrainedNetwork

__all__ = ["ExportResult", "export_trained"]


@dataclass(frozen=True)
class ExportResult:
    """What was written: the files, the last of which is the one that was asked for, and how they were checked."""

    target: Target
    content: ExportedNetwork
    batch: int | None
    sizes: dict[Path, int]  # bytes
    checks: tuple[Check, ...]

    @property
    def difference(self) -> float:
        """The largest difference of a logit."""
        return max(check.difference for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        metadata = self.content.metadata
        return {
            "run": metadata.run,
            "weights": metadata.weights,
            "step": metadata.step,
            "format": self.target.format,
            "path": str(self.target.path.absolute()),
            "bytes": sum(self.sizes.values()),
            "files": [{"path": str(path.absolute()), "bytes": size} for path, size in self.sizes.items()],
            "batch": self.batch,
            "shape": list(metadata.shape),
            "classes": len(metadata.classes),
            "largest_difference": self.difference,
            "tolerance": TOLERANCE,
            "checks": [{"batch": check.batch, "difference": check.difference} for check in self.checks],
        }


def export_trained(
    trained: TrainedNetwork, target: Target, *, batch: int | None = None, force: bool = False
) -> ExportResult:
    """Writes the files of ``target``, for ``batch`` images at once (any number, if None).

    They appear only once they were loaded back and gave the outputs of ``trained``; before that nothing is touched.
    Raises ``UsageError`` for a place that can't be written, ``RunFailed`` if the network can't be exported or gives
    other outputs.
    """
    target.check(force=force)
    with translate_errors(out_of_memory="exporting the network; a smaller --batch may fit"):
        batches = BATCHES if batch is None else (batch,)
        expected = expected_of(trained.network, trained.shape, batches)
        content = content_of(trained)
        with _folder_beside(target) as folder:
            for name, data in _files(content, target, batch).items():
                _write(folder / name, data, target)
            found = outputs_of(target.format, folder / target.path.name, expected.images)
            checks = compare(expected, found)
            target.check(force=force)  # what was written there meanwhile isn't lost either
            sizes = {path: (folder / path.name).stat().st_size for path in target.files}
            for path in target.files:
                _move(folder / path.name, path)
    return ExportResult(target, content, batch, sizes, checks)


def _files(content: ExportedNetwork, target: Target, batch: int | None) -> dict[str, bytes]:
    name = target.path.name
    match target.format:
        case "checkpoint":
            return {name: checkpoint_bytes(content)}
        case "onnx":
            return {name: onnx_bytes(content, batch)}
        case "torch":
            return {name: program_bytes(content, batch)}
        case _:
            code = module_text(content, target.path.stem).encode()
            weights, module = target.files
            return {weights.name: weights_bytes(content), module.name: code}


@contextmanager
def _folder_beside(target: Target) -> Iterator[Path]:
    """On the disk of the target, so that files can be moved there at once."""
    parent = target.path.parent
    try:
        folder = Path(tempfile.mkdtemp(prefix=".entrannas-export-", suffix=TEMPORARY_SUFFIX, dir=parent))
    except OSError as error:
        raise UsageError(
            f"{plain(str(target.path))}: nothing can be written in {plain(str(parent))}: {reason_of(error)}"
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, data: bytes, target: Target) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise RunFailed(f"{plain(str(target.path))}: can't be written: {reason_of(error)}") from None


def _move(staged: Path, path: Path) -> None:
    try:
        replace_with(path, staged)
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: can't be written: {reason_of(error)}") from None
