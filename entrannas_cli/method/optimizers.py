"""Optimiser state that a recorded step can use, and that loads whichever implementation saved it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

__all__ = ["load_optimizer", "optimizer_state", "prepare", "set_learning_rate"]

# how a group is computed depends on the machine, not on the run
IMPLEMENTATION = ("foreach", "fused", "capturable")


@torch.no_grad()
def prepare(optimizer: Optimizer) -> None:
    """Create the initial state that SGD and Adam otherwise create in the first step of each parameter.

    A zero momentum becomes the gradient in its first step, as in plain SGD. With the state in place, recording a
    step allocates none, and fused SGD accepts parameters whose first gradient comes later than others'.
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
    """Set the learning rate of all groups, in place if it is a tensor, so that recorded steps see it."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value


def optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """Return the state for a checkpoint: the learning rate as a number, without implementation flags."""
    state = optimizer.state_dict()
    groups = [
        {key: value for key, value in group.items() if key not in IMPLEMENTATION} | {"lr": float(group["lr"])}
        for group in state["param_groups"]
    ]
    return {**state, "param_groups": groups}


def load_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Load a state from :func:`optimizer_state` (or torch's), whichever implementation saved it.

    Missing parts start from their initial state (:func:`prepare`). Raises what torch raises if it doesn't match.
    """
    current = optimizer.param_groups
    rates = [group["lr"] for group in current]
    groups = [
        {**loaded, **{key: group[key] for key in IMPLEMENTATION if key in group}}
        for loaded, group in zip(state["param_groups"], current, strict=True)
    ]
    optimizer.load_state_dict({**state, "param_groups": groups})
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        loaded = float(group["lr"])
        group["lr"] = rate.fill_(loaded) if isinstance(rate, Tensor) else loaded
    _match_strides(optimizer)
    prepare(optimizer)


def _match_strides(optimizer: Optimizer) -> None:
    """Give each state its parameter's memory layout, which fused kernels assume; a checkpoint may differ."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if not isinstance(value, Tensor) or value.shape != parameter.shape:
                continue  # the step count
            if value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)
