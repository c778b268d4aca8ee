"""The peak memory of a computation, estimated on the "meta" device without computing anything.

Meta tensors have a shape and a size, but no data. :class:`MemoryMeter` sees every operation, forward and backward,
and counts each storage from its first tensor to its release, including what autograd saves for the backward pass.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from .checkpointing import recomputing

__all__ = ["MemoryEstimate", "MemoryMeter", "fill_optimizer", "in_bf16", "meta_batch"]

# Bytes per weight that mixed precision takes beyond a network entirely in bf16: 4 for the float32 weight (the
# network's own 2 are the copy saved for the backward pass), 2 more for its gradient, 2 more for its momentum.
BF16_EXTRA_BYTES = 8

# Heap fragmentation: short-lived tensors leave holes between long-lived ones, in proportion to the bytes allocated.
# Recomputed tensors don't count, since they fit into existing holes. The fraction is measured
# (benchmarks/memory.py): from 0.03 in searches without sharing to 0.14 in small trainings, mostly 0.06 to 0.1.
FRAGMENTATION = 0.08
MAPPED = 2**25  # bytes; larger tensors bypass the heap (glibc's DEFAULT_MMAP_THRESHOLD_MAX)

# shape, strides and dtype of each result; None for a missing one
ResultSpecs = tuple[tuple[tuple[int, ...], tuple[int, ...], torch.dtype] | None, ...]


@dataclass(frozen=True)
class MemoryEstimate:
    """Peak memory of each part of a step, and of an evaluation, in bytes, weights included."""

    steps: Mapping[str, int]
    evaluation: int

    @property
    def step(self) -> int:
        """Peak memory of a step, in bytes."""
        return max(self.steps.values())

    @property
    def peak(self) -> int:
        """Peak memory of all parts, in bytes."""
        return max(self.step, self.evaluation)

    @property
    def largest(self) -> str:
        """Name of the part with the highest peak."""
        return max({**self.steps, "evaluation": self.evaluation}.items(), key=lambda part: part[1])[0]


class MemoryMeter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """In its context, ``live`` is the memory of all tensors created there, in bytes, and ``peak`` its maximum.

    ``need`` is the memory that a process takes for them: with ``heap``, as on a CPU, it includes fragmentation. The
    workspace of real devices' kernels is not counted.
    """

    def __init__(self, *, heap: bool = False) -> None:
        # The first optimizer imports it, which runs operations: with torch 2.8 it fails inside this context.
        import torch._dynamo  # noqa: F401

        super().__init__()  # type: ignore[no-untyped-call]
        self.heap = heap
        self.live = self.peak = self._heap_bytes = 0
        self._storages: dict[int, weakref.ref[Any]] = {}
        self._specs: dict[Hashable, ResultSpecs | None] = {}

    def restart(self) -> None:
        """Reset the peak to the memory that is live now."""
        self.peak, self._heap_bytes = self.live, 0

    @property
    def need(self) -> int:
        """Bytes that a process needs, since the last restart."""
        return self.peak + (int(FRAGMENTATION * self._heap_bytes) if self.heap else 0)

    def step_need(self, rest: int, *, recorded: bool) -> int:
        """Return the ``need`` of a step, of which ``rest`` bytes are always live.

        With ``recorded`` steps the remainder counts twice: a recording keeps its memory while ordinary steps run
        before the next recording.
        """
        return self.need + (self.need - rest if recorded else 0)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        # meta kernels are slow: skip them where the result is known
        if _in_place(func) and args[0].is_meta:
            return args[0]
        key = (func, _signature(args), _signature(tuple(kwargs.items())))
        try:
            specs = self._specs.get(key)
        except TypeError:  # an unhashable argument
            return self._run(func, args, kwargs)[0]
        if specs is None:
            result, new = self._run(func, args, kwargs)
            if new and key not in self._specs:
                self._specs[key] = _specs_of(func, result)
            return result
        results = tuple(self._empty(*spec) if spec else None for spec in specs)
        return results if len(results) > 1 else results[0]

    def _empty(self, shape: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        tensor = torch.empty_strided(shape, strides, dtype=dtype, device="meta")
        self._count(tensor)
        return tensor

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, bool]:
        """Return the result of an operation, and whether all its storages are new."""
        result = func(*args, **kwargs)
        new = [self._count(tensor) for tensor in _tensors(result)]
        return result, all(new)

    def _count(self, tensor: Tensor) -> bool:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._storages:
            return False

        def released(_: object) -> None:
            self.live -= size
            del self._storages[key]

        self._storages[key] = weakref.ref(storage, released)
        self.live += size
        self.peak = max(self.peak, self.live)
        if size < MAPPED and not recomputing.get():
            self._heap_bytes += size
        return True


@cache
def _in_place(func: Any) -> bool:
    """Return whether the operation only changes its first argument, element by element."""
    return torch.Tag.pointwise in func.tags and func._schema.name.endswith("_")


def _tensors(result: object) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, list | tuple):
        for part in result:
            yield from _tensors(part)


def _signature(value: Any) -> Hashable:
    """Return the properties of an argument that determine the shapes of the results."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, value.device
    if isinstance(value, list | tuple):
        return tuple(map(_signature, value))
    return type(value), value  # 1 and 1.0 give results of different types


def _specs_of(func: Any, result: object) -> ResultSpecs | None:
    """Describe the results, or return None unless the operation only creates tensors."""
    if func._schema.is_mutable:
        return None
    results = (result,) if isinstance(result, Tensor) else result
    if not isinstance(results, tuple) or not all(
        x is None or (isinstance(x, Tensor) and x.is_meta) for x in results
    ):
        return None
    return tuple(x if x is None else (tuple(x.shape), x.stride(), x.dtype) for x in results)


def fill_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Give every parameter a gradient, and the optimiser its state, as after the first step."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()


def in_bf16(network: nn.Module) -> int:
    """Convert ``network`` to bf16, in place of autocast, which the meta device lacks.

    Returns the extra bytes that mixed precision takes for float32 weights, gradients and momentum.
    """
    network.to(torch.bfloat16)
    return BF16_EXTRA_BYTES * sum(parameter.numel() for parameter in network.parameters())


def meta_batch(
    size: int, shape: tuple[int, int, int], memory_format: torch.memory_format, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return images (N, C, H, W) and labels (N,) without data."""
    images = torch.empty(size, *shape, device="meta", dtype=dtype).contiguous(memory_format=memory_format)
    return images, torch.empty(size, device="meta", dtype=torch.int64)
