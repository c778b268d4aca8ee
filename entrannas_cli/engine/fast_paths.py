"""Chooses the fast paths of a run, with reasons for those not taken. Results are the same up to rounding."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..method.fast.execute import Execute, directly
from .capture import CudaCapture
from .device import Compute
from .replay import GraphReplay

if TYPE_CHECKING:
    from ..config.shared import DeviceConfig

__all__ = ["FastPaths", "Warn", "fast_paths"]

FUSED_DEVICES = ("cpu", "cuda")
EACH_STEP = "the cells may change in every step: see architecture.derive_every"
HINT = "steps cannot be recorded while each derives cells: for speed, --set architecture.derive_every=epoch"

Warn = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FastPaths:
    """The fast paths that a run takes. ``graphs``: steps are recorded and replayed; ``fused``: fused optimisers.

    ``taken`` has the names of those in use, ``refused`` the others, each with its reason; ``unmet`` has a warning
    for each one that the configuration sets to `on` and that is unavailable. ``hint`` suggests how to make a step
    faster, if anything would.
    """

    device: torch.device
    graphs: bool
    fused: bool
    taken: tuple[str, ...]
    refused: tuple[str, ...]
    unmet: tuple[str, ...]
    hint: str = ""

    def __str__(self) -> str:
        refused = f"; not: {', '.join(self.refused)}" if self.refused else ""
        return f"{', '.join(self.taken) or 'none'}{refused}"

    def execute(self, warn: Warn | None) -> Execute:
        """Return what runs the parts of a step; ``warn`` is called with a message if recording fails."""
        if not self.graphs:
            return directly
        return GraphReplay(CudaCapture(self.device), self.device, warn or _warn)

    def learning_rate(self, value: float) -> float | torch.Tensor:
        """Return ``value`` in a form that can change under recorded steps: a tensor if steps are recorded."""
        return torch.tensor(value, device=self.device) if self.graphs else value

    @property
    def optimizer_keywords(self) -> dict[str, Any]:
        """Keyword arguments for torch's SGD and Adam: fused kernels if possible, otherwise multi-tensor ones."""
        if self.device.type not in FUSED_DEVICES:
            return {}
        return {"fused": True} if self.fused else {"foreach": True}


def fast_paths(config: DeviceConfig, compute: Compute, *, derives_each_step: bool = False) -> FastPaths:
    """Return the fast paths that ``config`` asks for and this device supports.

    ``derives_each_step``: whether the cells may change in every step.
    """
    device_type = compute.device.type
    no_fused = _why_not_fused(config, device_type)
    no_graphs = _why_not_graphs(config, device_type, fused=not no_fused, derives_each_step=derives_each_step)
    reasons = {
        "bf16": _why_not_bf16(config, compute),
        "channels_last": ""
        if compute.memory_format == torch.channels_last
        else f"memory_format is {config.memory_format}",
        "fast layers": "" if config.fast_layers else "fast_layers is false",
        "graphs": no_graphs,
        "fused optimisers": no_fused,
    }
    return FastPaths(
        device=compute.device,
        graphs=not no_graphs,
        fused=not no_fused,
        taken=tuple(name for name, reason in reasons.items() if not reason),
        refused=tuple(f"{name} ({reason})" for name, reason in reasons.items() if reason),
        unmet=tuple(
            f"device.{key} = on, but unavailable: {reason}"
            for key, setting, reason in (
                ("graphs", config.graphs, no_graphs),
                ("fused", config.fused, no_fused),
            )
            if setting == "on" and reason
        ),
        hint=HINT if no_graphs == EACH_STEP else "",
    )


def _why_not_bf16(config: DeviceConfig, compute: Compute) -> str:
    if compute.precision == "bf16":
        return ""
    if config.precision == "float32":
        return "precision is float32"
    return "not on this GPU" if compute.device.type == "cuda" else f"no faster on {compute.device.type}"


def _why_not_fused(config: DeviceConfig, device_type: str) -> str:
    if config.fused == "off":
        return "fused is off"
    if device_type not in FUSED_DEVICES:
        return f"torch has none for {device_type}"
    return "little to gain on a CPU" if device_type == "cpu" and config.fused == "auto" else ""


def _why_not_graphs(config: DeviceConfig, device_type: str, *, fused: bool, derives_each_step: bool) -> str:
    if config.graphs == "off":
        return "graphs is off"
    if device_type != "cuda":
        return "on CUDA only"
    if not fused:
        return "they need fused optimisers"
    if config.activation_checkpointing != "none":
        return "activations are recomputed, which cannot be recorded"
    if config.graphs == "auto" and derives_each_step:
        return EACH_STEP
    return ""


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)
