"""The environment of a run: what it takes to reproduce it."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from .device import Compute

__all__ = ["describe_environment", "git_commit"]

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "pillow")


def describe_environment(compute: Compute) -> dict[str, Any]:
    """Return versions, device, threads, command line, and git commits of this program and the working folder."""
    return {
        "time": time.time(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "folder": str(Path.cwd()),
        "entrannas": __version__,
        "git": git_commit(Path(__file__).parent, tracked=Path(__file__).name),
        "folder_git": git_commit(Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": str(compute.device),
        "device_name": compute.name,
        "precision": compute.precision,
        "memory_format": str(compute.memory_format).removeprefix("torch."),
        "threads": compute.threads,
        "cuda": torch.version.cuda if compute.device.type == "cuda" else None,
        "cudnn": torch.backends.cudnn.version() if compute.device.type == "cuda" else None,  # type: ignore[no-untyped-call]
    }


def _version(package: str) -> str | None:
    try:
        return str(distribution(package).version)
    except PackageNotFoundError:
        return None


def git_commit(folder: Path, *, tracked: str = "") -> str | None:
    """Return the commit checked out in ``folder``, with "-dirty" if files differ; None outside a repository.

    Also None if git does not track the file ``tracked``: a repository around a virtual environment does not count.
    """
    try:
        if tracked:
            listing = ["git", "ls-files", "--error-unmatch", tracked]
            subprocess.run(listing, cwd=folder, capture_output=True, timeout=10, check=True)
        result = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip() or None
