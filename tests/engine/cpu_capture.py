"""Recording on a CPU by the rules of CUDA graphs: a replay repeats device operations, but no Python code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from entrannas_cli.engine.capture import Capture

Result = TypeVar("Result")

# the schema of batch_norm doesn't say that it writes to these
UNDECLARED = {"native_batch_norm": ("running_mean", "running_var")}


class HostRead(RuntimeError):
    """The error that CUDA raises when a value is read during a recording."""


class CpuCapture(Capture):
    """Log the operators that reach the device, undo their effects, and repeat them in each replay.

    Every tensor keeps its address: a replay writes its results where the recording put them. All recordings share
    one memory pool: a replay overwrites what others returned.
    """

    def __init__(self) -> None:
        self.warm_ups = self.replays = 0
        self._results: list[list[Tensor]] = []

    def warm_up(self, function: Callable[[], Result]) -> Result:
        self.warm_ups += 1
        return function()

    def record(self, function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        random = torch.get_rng_state()
        log = _OperatorLog()
        try:
            with log:
                result = function()
        finally:
            log.undo()
            torch.set_rng_state(random)

        returned = [tensor for tensor in _tensors(_flat(result)) if log.took(tensor)]
        self._results.append(returned)

        def replay() -> None:
            self.replays += 1
            for tensors in self._results:
                if tensors is not returned:
                    _overwrite(tensors)
            log.replay()

        return replay, result


class _OperatorLog(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []
        self._before: dict[int, tuple[Tensor, Tensor]] = {}
        self._own: set[int] = set()  # memory allocated during the recording

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func._schema.name == "aten::_local_scalar_dense":
            raise HostRead("a value is read on the host")
        for tensor in _written_tensors(func, args, kwargs):
            if _storage_address(tensor) not in self._own and id(tensor) not in self._before:
                self._before[id(tensor)] = tensor, tensor.clone()
        found = func(*args, **kwargs)
        known = {_storage_address(tensor) for tensor in _tensors((args, kwargs))}
        new = [tensor for tensor in _tensors(found) if _storage_address(tensor) not in known]
        self._own |= {_storage_address(tensor) for tensor in new}
        self._calls.append((func, args, kwargs, new))
        return found

    def took(self, tensor: Tensor) -> bool:
        """Return whether the memory of ``tensor`` was allocated during the recording."""
        return _storage_address(tensor) in self._own

    @torch.no_grad()
    def undo(self) -> None:
        for tensor, before in reversed(self._before.values()):
            tensor.copy_(before)

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, recorded in self._calls:
            found = func(*args, **kwargs)
            if recorded:  # neither in place nor a view
                for mine, again in zip(recorded, _tensors(found), strict=True):
                    mine.copy_(again)


def _flat(result: Any) -> Any:
    return vars(result) if is_dataclass(result) else result


@torch.no_grad()
def _overwrite(tensors: list[Tensor]) -> None:
    for tensor in tensors:
        tensor.detach().fill_(float("nan"))


def _storage_address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _written_tensors(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    undeclared = UNDECLARED.get(func._schema.name.removeprefix("aten::"), ())
    for n, argument in enumerate(func._schema.arguments):
        declared = argument.alias_info is not None and argument.alias_info.is_write
        if declared or argument.name in undeclared:
            yield from _tensors(args[n] if n < len(args) else kwargs.get(argument.name))
