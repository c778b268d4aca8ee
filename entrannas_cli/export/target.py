"""The export format and the files to write. Loads no torch."""

from __future__ import annotations

import keyword
import os
import re
import stat
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..common.errors import UsageError
from ..common.files import reason_of
from ..common.text import choices, plain

__all__ = ["FORMATS", "SUFFIXES", "WEIGHTS_SUFFIX", "Target", "choose_target", "load_hint", "require_onnx"]

FORMATS = {
    "checkpoint": "weights, genotype and everything needed to rebuild the network, as safetensors",
    "onnx": "a graph for ONNX runtimes",
    "torch": "a torch.export program",
    "python": "a Python module that needs only torch, and its weights",
}
SUFFIXES = {"checkpoint": ".safetensors", "onnx": ".onnx", "torch": ".pt2", "python": ".py"}
WEIGHTS_SUFFIX = ".pt"  # of the weights beside a Python module
_NOT_SHADOWED = sys.stdlib_module_names | {"torch", "numpy"}


@dataclass(frozen=True)
class Target:
    """The ``format`` to write, and the file ``path`` to write it to."""

    format: str
    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file to write, dependencies first."""
        return (self.path.with_suffix(WEIGHTS_SUFFIX), self.path) if self.format == "python" else (self.path,)

    def check(self, *, force: bool) -> None:
        """Raise ``UsageError`` unless all files may be written; ``force`` allows replacing existing files."""
        folder = self.path.parent
        shown = plain(str(folder))
        if not folder.is_dir():
            reason = "is not a folder" if os.path.lexists(folder) else "does not exist"
            raise UsageError(f"--output {plain(str(self.path))}: the folder {shown} {reason}")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"--output {plain(str(self.path))}: the folder {shown} is not writable")
        for path in self.files:
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                raise UsageError(f"{plain(str(path))}: cannot be written: {reason_of(error)}") from None
            if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
                raise UsageError(f"{plain(str(path))}: not a regular file: choose another name")
            if not force:
                raise UsageError(
                    f"{plain(str(path))} exists: replace it with --force, or choose another file with --output"
                )


def choose_target(format: str | None, output: Path | None, run_id: str) -> Target:  # noqa: A002
    """Return the requested target. The format is given, or taken from the suffix of ``output``.

    ``output`` is a file, or a folder for a file named after the run; by default the working directory.
    Raises ``UsageError``.
    """
    format = format or _format_of(output)  # noqa: A001
    suffix = SUFFIXES[format]
    if output is None or os.path.isdir(output):  # noqa: PTH112 (never raises)
        name = _module_name(run_id) if format == "python" else run_id
        return Target(format, (output or Path()) / f"{name}{suffix}")
    other = next((f for f, s in SUFFIXES.items() if s == output.suffix.lower() and f != format), None)
    if other is not None:
        raise UsageError(
            f"--format {format} and --output {plain(str(output))} contradict: {output.suffix} is for {other}"
        )
    if not output.name:
        raise UsageError(f"--output {plain(str(output)) or '(empty)'}: not the name of a file")
    if format == "python":
        _check_module(output)
    return Target(format, output)


def require_onnx() -> None:
    """Raise ``UsageError`` unless the packages that write and check ONNX are installed."""
    if missing := [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]:
        raise UsageError(f"--format onnx needs {choices(missing, last='and')}: pip install 'entrannas[onnx]'")


def load_hint(target: Target) -> str:
    """Return the Python code that loads the file, in one line."""
    file = repr(plain(str(target.path)))
    name = target.path.stem
    return {
        "checkpoint": f"entrannas_cli.export.checkpoint.load_exported(Path({file})).network",
        "onnx": f"onnxruntime.InferenceSession({file})",
        "torch": f"torch.export.load({file}).module()",
        "python": f"import {name}; network = {name}.load()",
    }[target.format]


def _format_of(output: Path | None) -> str:
    if output is None:
        raise UsageError(f"no format given: add --format {choices(FORMATS)}")
    for name, suffix in SUFFIXES.items():
        if output.suffix.lower() == suffix:
            return name
    raise UsageError(
        f"--output {plain(str(output))}: no format has the suffix {plain(output.suffix) or '(none)'}: "
        f"use {choices(SUFFIXES.values())}, or add --format {choices(FORMATS)}"
    )


def _module_name(run_id: str) -> str:
    """Return an importable name, such as ``run_20261124_101500_standard_entrannas_dst_s0``."""
    return "run_" + re.sub(r"[^A-Za-z0-9]+", "_", run_id).strip("_")


def _check_module(path: Path) -> None:
    name = path.stem
    shown = plain(str(path))
    if path.suffix != SUFFIXES["python"]:
        raise UsageError(f"--output {shown}: the name of a Python module must end in .py")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(
            f"--output {shown}: Python cannot import this name: use letters, digits and _, as in my_network.py"
        )
    if name in _NOT_SHADOWED:
        raise UsageError(
            f"--output {shown}: it would hide Python's or torch's own {name}: choose another name"
        )
