"""The device of a run, its precision and its memory format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..common.errors import UsageError
from ..common.text import counted

if TYPE_CHECKING:
    from ..config.shared import DeviceConfig

__all__ = ["Compute", "automatic_device", "memory_in_use", "resolve_compute"]

MIB = 1024**2


@dataclass(frozen=True)
class Compute:
    """A device, with the precision and the memory format to use on it."""

    device: torch.device
    precision: str  # "float32" or "bf16"
    memory_format: torch.memory_format
    threads: int

    @property
    def autocast(self) -> torch.autocast | None:
        """The context for forward passes; None in float32."""
        if self.precision == "float32":
            return None
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @property
    def name(self) -> str:
        """The device's name for people."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return {"cpu": f"CPU ({counted(self.threads, 'thread')})", "mps": "Apple GPU"}.get(
            self.device.type, str(self.device)
        )


def automatic_device() -> str:
    """Return the first available of CUDA, MPS and CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_compute(config: DeviceConfig) -> Compute:
    """Return the device that ``config`` asks for, and set torch's number of threads and its CUDA options.

    Raises ``UsageError`` for a device that this machine does not have.
    """
    name = automatic_device() if config.device == "auto" else config.device
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            available = counted(count, "CUDA device") if count else "no CUDA device"
            raise UsageError(
                f"device {name}: torch finds {available} here (see `entrannas doctor`, or use cpu)"
            )
        if device.index is not None:
            torch.cuda.set_device(device)  # for code without a device argument, such as pinned memory
        # a sum over a million features (the gradient of α) must not be rounded to bf16 on the way
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        # few shapes, which recur: searching for the fastest kernels pays off
        torch.backends.cudnn.benchmark = True
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("device mps: torch finds no Apple GPU here (see `entrannas doctor`, or use cpu)")
    if config.threads:
        torch.set_num_threads(config.threads)
    precision = config.precision
    if precision == "auto":
        supported = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if supported else "float32"
    layout = torch.contiguous_format if config.memory_format == "contiguous" else torch.channels_last
    return Compute(device, precision, layout, torch.get_num_threads())


def memory_in_use(device: torch.device) -> float:
    """Return MiB: on a GPU the peak that torch has reserved, otherwise this process's resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / MIB
    import psutil

    return float(psutil.Process().memory_info().rss / MIB)
