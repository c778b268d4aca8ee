"""Translates torch's errors into messages with a fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..common.errors import RunFailed
from ..common.text import first_line

__all__ = ["translate_errors"]

# texts of errors for which torch has no type of its own
ALLOCATION_ERRORS = ("can't allocate memory", "not enough memory", "out of memory")
WORKER_ERROR = "DataLoader worker"  # torch's signal handler may raise it anywhere


@contextmanager
def translate_errors(*, out_of_memory: str | Callable[[], str]) -> Iterator[None]:
    """Raise ``RunFailed`` when memory runs out, on device or host, or a data worker dies.

    ``out_of_memory`` says what took the memory and suggests a fix; a function is called only when needed.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(out_of_memory) from error
    except RuntimeError as error:
        text = str(error)
        if any(phrase in text for phrase in ALLOCATION_ERRORS):
            raise _out_of_memory(out_of_memory) from error
        if WORKER_ERROR in text:
            raise RunFailed(
                f"a process that reads images died ({first_line(error)}); try fewer: --set data.workers=N"
            ) from error
        raise


def _out_of_memory(advice: str | Callable[[], str]) -> RunFailed:
    return RunFailed(f"out of memory: {advice if isinstance(advice, str) else advice()}")
