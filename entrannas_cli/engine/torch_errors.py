"""Failures that torch reports in its own words, said in ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..common.errors import RunFailed
from ..common.text import first_line

__all__ = ["translate_errors"]

ALLOCATION = ("can't allocate memory", "not enough memory", "out of memory")  # where torch has no type for it
WORKER = "DataLoader worker"  # may be raised anywhere, by a signal handler of torch's


@contextmanager
def translate_errors(*, out_of_memory: str | Callable[[], str]) -> Iterator[None]:
    """Turns memory that ran out, on device or host, and workers that died into ``RunFailed``.

    ``out_of_memory`` says what took the memory, and the way out; it may be found out only then.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(out_of_memory) from error
    except RuntimeError as error:
        text = str(error)
        if any(words in text for words in ALLOCATION):
            raise _out_of_memory(out_of_memory) from error
        if WORKER in text:
            raise RunFailed(
                f"a process that reads images died ({first_line(error)}); try fewer with --set data.workers=N"
            ) from error
        raise


def _out_of_memory(advice: str | Callable[[], str]) -> RunFailed:
    return RunFailed(f"out of memory: {advice if isinstance(advice, str) else advice()}")
