"""Translates torch's errors into messages with a fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..common.errors import RunFailed
from ..common.text import first_line

__all__ = ["is_out_of_memory", "translate_errors"]

# texts of errors for which torch has no type of its own; oneDNN's "primitives" are its kernels
ALLOCATION_ERRORS = (
    *(
        "can't allocate memory",
        "not enough memory",
        "out of memory",
        "bad_alloc",
        "could not create a primitive",
    ),
)
WORKER_ERROR = "DataLoader worker"  # torch's signal handler may raise it anywhere


@contextmanager
def translate_errors(*, out_of_memory: str | Callable[[], str]) -> Iterator[None]:
    """Raise ``RunFailed`` when memory runs out, on device or host, or a data worker dies.

    ``out_of_memory`` says what took the memory and suggests a fix; a function is called only when needed.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            advice = out_of_memory if isinstance(out_of_memory, str) else out_of_memory()
            raise RunFailed(f"out of memory: {advice}") from error
        if WORKER_ERROR in str(error):
            raise RunFailed(
                f"a process that reads images died ({first_line(error)}); try fewer: --set data.workers=N"
            ) from error
        raise


def is_out_of_memory(error: Exception) -> bool:
    """Return whether ``error`` says that memory ran out, on device or host."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        phrase in str(error) for phrase in ALLOCATION_ERRORS
    )
