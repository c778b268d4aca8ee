"""The device's peak rates: multiply-adds per second of a large matrix product, bytes per second of a copy."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..engine.device import Compute
from ..engine.environment import git_commit
from .parts import synchronise

__all__ = ["DeviceRates", "describe_device", "describe_versions"]

SIDES = {"cpu": 2048, "cuda": 8192, "mps": 4096}  # side of the square matrices
COPIED = {"cpu": 2**28, "cuda": 2**30, "mps": 2**28}  # bytes
TIMES = 3  # repetitions, of which the fastest counts


class DeviceRates:
    """A subject that measures the device, in the precision of the others and in turn with them."""

    def __init__(self, compute: Compute) -> None:
        self._compute, self._device = compute, compute.device
        device = compute.device
        dtype = torch.bfloat16 if compute.precision == "bf16" else torch.float32
        side, size = SIDES.get(device.type, 2048), COPIED.get(device.type, 2**28)
        self._left, self._right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        self._from = torch.ones(size // 4, device=device)
        self._to = torch.zeros_like(self._from)

    def answer(self, question: str, count: int) -> dict[str, Any]:
        """Return both rates per second; for "facts", the device and the versions."""
        if question == "facts":
            return {"device": describe_device(self._compute), "versions": describe_versions(self._device)}
        return {
            "multiply_adds": self._left.shape[0] ** 3 / self._fastest(lambda: self._left @ self._right),
            "bytes": 2 * self._from.nbytes / self._fastest(lambda: self._to.copy_(self._from)),
        }

    def _fastest(self, work: Callable[[], object]) -> float:
        seconds = []
        for _ in range(TIMES):
            synchronise(self._device)
            begun = time.perf_counter()
            work()
            synchronise(self._device)
            seconds.append(time.perf_counter() - begun)
        return min(seconds)


def describe_device(compute: Compute) -> dict[str, Any]:
    """Describe the device, without anything that identifies the machine."""
    return {
        "type": compute.device.type,
        "name": compute.name,
        "processor": _processor(),
        "processors": os.cpu_count(),
    }


def describe_versions(device: torch.device) -> dict[str, Any]:
    """Return the versions of this program, Python and torch."""
    return {
        "entrannas": __version__,
        "commit": git_commit(Path(__file__).parent, tracked=Path(__file__).name),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
