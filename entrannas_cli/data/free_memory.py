"""How much memory is still free for a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

__all__ = ["free_memory", "left_in_cgroup"]


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free for tensors on ``device``.

    On a CPU, file caches count as free, and a lower limit of a container or job applies.
    """
    if device.type == "cuda":
        # unused memory in torch's caching allocator is free too
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    host = min([psutil.virtual_memory().available, *left_in_cgroup()])
    if device.type == "mps":  # shares the host's memory, up to a limit
        return min(host, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return host


def left_in_cgroup(root: Path = Path("/")) -> Iterator[int]:
    """Yield the bytes left in each control group (Linux) of this process that has a limit.

    ``root`` is the folder that contains /proc and /sys.
    """
    groups = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            names = ("memory.max", "memory.current", "inactive_file")
            base = groups
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            base = groups / "memory"
        else:
            continue
        # a limit applies to all groups below; in a container the path may be the one on its host
        group = base / path.strip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(base) and (left := _bytes_left(folder, *names)) is not None:
                yield left


def _bytes_left(folder: Path, limit: str, used: str, cached: str) -> int | None:
    """Return the bytes left, or None if there is no limit."""
    try:
        stat = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
        return max(
            int((folder / limit).read_text())
            - int((folder / used).read_text())
            + int(stat.get(cached, 0)),  # the page cache, which the kernel can drop
            0,
        )
    except (OSError, ValueError):  # "max": no limit
        return None
