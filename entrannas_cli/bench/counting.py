"""The work of a step: multiply-adds and bytes, counted for each operation as it runs.

torch's own ``FlopCounterMode`` counts the weight gradient of a depthwise convolution as if the convolution were
dense, too much by a factor of the channels. Here each gradient of a convolution takes as many multiply-adds as its
forward pass, which is exact: every product of the forward pass has one counterpart in each gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Work", "count_work", "work_at"]

_UNTOUCHED = ("empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided")  # only allocate


@dataclass(frozen=True)
class Work:
    """Multiply-adds of the forward passes and of the gradients, and bytes read and written.

    As is conventional, multiply-adds include convolutions and matrix products, but not normalisation, pooling,
    activations and additions; bytes include all. A tensor counts once for each operation that reads or writes it,
    although it may still be in a cache.
    """

    forward: int = 0
    backward: int = 0
    bytes: int = 0

    @property
    def multiply_adds(self) -> int:
        """The sum over both directions."""
        return self.forward + self.backward


def count_work(step: Callable[[], object]) -> Work:
    """Run ``step`` once and return its work."""
    counter = _Counter()
    with counter:
        step()
    return Work(counter.forward, counter.backward, counter.bytes)


def work_at(batch: int, count: Callable[[int], Work], small: tuple[int, int] = (2, 4)) -> Work:
    """Extrapolate linearly the work for ``batch`` images from two ``small`` batches."""
    few, more = small
    at_few, at_more = count(few), count(more)

    def extended(kind: str) -> int:
        first, second = getattr(at_few, kind), getattr(at_more, kind)
        return int(first + (second - first) * (batch - few) // (more - few))

    return Work(extended("forward"), extended("backward"), extended("bytes"))


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forward = self.backward = self.bytes = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        count = _multiply_adds(name, args, result)
        if torch._C._current_graph_task_id() == -1:
            self.forward += count
        else:
            self.backward += count
        if name not in _UNTOUCHED and not _is_view(function):
            self.bytes += _bytes((args, kwargs)) + _written(function, args, kwargs or {}, result)
        return result


def _multiply_adds(name: str, args: tuple[Any, ...], result: Any) -> int:
    if name == "convolution":
        x, weight, transposed = args[0], args[1], args[6]
        return int((x if transposed else result).numel() * math.prod(weight.shape[1:]))
    if name == "convolution_backward":
        gradient, x, weight, transposed, output_mask = args[0], args[1], args[2], args[7], args[10]
        once = (x if transposed else gradient).numel() * math.prod(weight.shape[1:])
        return int(once * (bool(output_mask[0]) + bool(output_mask[1])))
    if name in ("mm", "bmm"):
        return int(result.numel() * args[0].shape[-1])
    if name in ("addmm", "baddbmm"):
        return int(result.numel() * args[1].shape[-1])
    return 0


def _is_view(function: Any) -> bool:
    """Return whether the function returns a view of an argument, without reading or writing it."""
    returned = [value.alias_info for value in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in returned)


def _written(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> int:
    """Return the bytes written: those of the mutated arguments if in place, otherwise of the result."""
    changed = [
        args[n] if n < len(args) else kwargs.get(argument.name)
        for n, argument in enumerate(function._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return _bytes(changed or result)


def _bytes(value: Any) -> int:
    return sum(
        min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())  # smaller if expanded
        for tensor in _tensors(value)
    )


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(value.values())
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for part in value:
            yield from _tensors(part)
