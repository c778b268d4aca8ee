"""Writing a network: to a temporary folder, where it is loaded back and compared, then into place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.atomic import TEMPORARY_SUFFIX, move_into_place
from ..common.errors import RunFailed, UsageError
from ..common.files import reason_of
from ..common.text import plain
from ..engine.torch_errors import translate_errors
from .check import BATCHES, TOLERANCE, Check, compare, reference_outputs, run_exported
from .checkpoint import checkpoint_bytes
from .content import ExportedNetwork, export_content
from .graphs import onnx_bytes, program_bytes
from .module import module_text, weights_bytes
from .target import Target

if TYPE_CHECKING:
    from ..engine.load_network import TrainedNetwork

__all__ = ["ExportResult", "export_trained"]


@dataclass(frozen=True)
class ExportResult:
    """The written files, the last of which is the requested one, and the checks."""

    target: Target
    content: ExportedNetwork
    batch: int | None
    sizes: dict[Path, int]  # bytes
    checks: tuple[Check, ...]

    @property
    def difference(self) -> float:
        """The largest difference between logits."""
        return max(check.difference for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
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
    """Write the files of ``target``, for ``batch`` images at once (any number if None).

    They are moved into place only after being loaded back and giving the outputs of ``trained``. Raises
    ``UsageError`` for a target that cannot be written, ``RunFailed`` if the network cannot be exported or gives
    different outputs.
    """
    target.check(force=force)
    with translate_errors(out_of_memory="exporting the network; a smaller --batch may fit"):
        batches = BATCHES if batch is None else (batch,)
        expected = reference_outputs(trained.network, trained.shape, batches)
        content = export_content(trained)
        with _folder_beside(target) as folder:
            for name, data in _files(content, target, batch).items():
                _write(folder / name, data, target)
            found = run_exported(target.format, folder / target.path.name, expected.images)
            checks = compare(expected, found)
            target.check(force=force)  # again, so that files written meanwhile are not replaced
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
    """Yield a temporary folder on the disk of the target, so that files can be moved atomically."""
    parent = target.path.parent
    try:
        folder = Path(tempfile.mkdtemp(prefix=".entrannas-export-", suffix=TEMPORARY_SUFFIX, dir=parent))
    except OSError as error:
        raise UsageError(
            f"{plain(str(target.path))}: cannot write in {plain(str(parent))}: {reason_of(error)}"
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, data: bytes, target: Target) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise RunFailed(f"{plain(str(target.path))}: cannot be written: {reason_of(error)}") from None


def _move(staged: Path, path: Path) -> None:
    try:
        move_into_place(path, staged)
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: cannot be written: {reason_of(error)}") from None
