"""The memory that a process has taken at most. Loads no torch."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

__all__ = ["PeakMemory"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # Linux: starts the high-water mark anew


class PeakMemory:
    """The peak of this process' resident set since this was made, above what it held then.

    Made right after the imports, it tells what the work itself takes.
    """

    def __init__(self) -> None:
        try:
            _RESET.write_text(_RESET_PEAK)
        except OSError:
            pass  # not Linux, or not allowed: the mark then includes the imports, which are taken off below
        self._before = psutil.Process().memory_info().rss

    @property
    def bytes(self) -> int:
        """Bytes; never negative."""
        return max(_high_water() - self._before, 0)


def _high_water() -> int:
    """Of this program: what `getrusage` says on Linux may be that of the process that started it."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
