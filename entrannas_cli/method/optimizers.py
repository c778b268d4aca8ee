"""What optimisers need so that a step can be recorded, and so that their states fit whatever computes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

__all__ = ["load_optimizer", "optimizer_state", "prepare", "set_learning_rate"]

# how a group is computed, which is the machine's affair, not the run's
IMPLEMENTATION = ("foreach", "fused", "capturable")


@torch.no_grad()
def prepare(optimizer: Optimizer) -> None:
    """Creates the states that SGD and Adam create in the first step of each parameter, as they begin there.

    A momentum of zero becomes the gradient in its first step, which is what SGD begins with. No memory is then
    taken, nor a state begun, while a step is recorded; and fused SGD takes parameters whose first gradient comes
    later than others'.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if isinstance(optimizer, SGD) and group["momentum"]:
                if state.get("momentum_buffer") is None:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
            elif isinstance(optimizer, Adam) and not state:
                on_device = group["fused"] or group["capturable"]
                state["step"] = torch.zeros((), device=parameter.device if on_device else "cpu")
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)


def set_learning_rate(optimizer: Optimizer, value: float) -> None:
    """Sets it for all groups; a tensor in its place, so that recorded steps see it. Waits for nothing."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value


def optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """The state for a checkpoint: the learning rate as a number, nothing of how the steps are computed."""
    state = optimizer.state_dict()
    groups = [
        {key: value for key, value in group.items() if key not in IMPLEMENTATION} | {"lr": float(group["lr"])}
        for group in state["param_groups"]
    ]
    return {**state, "param_groups": groups}


def load_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Puts a state of :func:`optimizer_state` (or of torch's) back, whatever computed it.

    What it lacks begins anew (:func:`prepare`). Raises as torch does for a state that doesn't fit.
    """
    own = optimizer.param_groups
    rates = [group["lr"] for group in own]
    groups = [
        {**loaded, **{key: mine[key] for key in IMPLEMENTATION if key in mine}}
        for loaded, mine in zip(state["param_groups"], own, strict=True)
    ]
    optimizer.load_state_dict({**state, "param_groups": groups})
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        loaded = float(group["lr"])
        group["lr"] = rate.fill_(loaded) if isinstance(rate, Tensor) else loaded
    _lay_out(optimizer)
    prepare(optimizer)


def _lay_out(optimizer: Optimizer) -> None:
    """States in their parameters' order in memory, by which fused kernels go; a checkpoint may have another."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if not isinstance(value, Tensor) or value.shape != parameter.shape:
                continue  # a number of steps
            if value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)
