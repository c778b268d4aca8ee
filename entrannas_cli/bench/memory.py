"""The peak memory of this process. Loads no torch."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

__all__ = ["PeakMemory"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # Linux: resets the high-water mark


class PeakMemory:
    """The peak resident set of this process since this object was created, above its size at that time.

    Created right after the imports, it measures the work itself.
    """

    def __init__(self) -> None:
        try:
            _RESET.write_text(_RESET_PEAK)
        except OSError:
            pass  # not Linux, or not allowed: the mark includes the imports, which are subtracted below
        self._before = psutil.Process().memory_info().rss

    @property
    def bytes(self) -> int:
        """The peak in bytes; never negative."""
        return max(_high_water() - self._before, 0)


def _high_water() -> int:
    """Return the peak of this program; on Linux `getrusage` may report that of the parent process."""
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
