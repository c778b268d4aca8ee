"""How much memory a run may still take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

__all__ = ["free_memory", "left_in_cgroup"]


def free_memory(device: torch.device) -> int:
    """Bytes that tensors on ``device`` may still take.

    On a CPU what caches hold counts as free, and the limit of a container or job holds if it is lower.
    """
    if device.type == "cuda":
        # what torch holds for itself without using it is free as well
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    host = min([psutil.virtual_memory().available, *left_in_cgroup()])
    if device.type == "mps":  # shares the host's memory, up to a limit
        return min(host, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return host


def left_in_cgroup(root: Path = Path("/")) -> Iterator[int]:
    """Bytes left in each control group (Linux) that this process is in and that has a limit.

    ``root`` is the folder in which /proc and /sys lie.
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
        # a limit holds for all groups below; in a container the path may be that on its host
        own = base / path.strip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(base) and (left := _left(folder, *names)) is not None:
                yield left


def _left(folder: Path, limit: str, used: str, cached: str) -> int | None:
    """None where there is no limit."""
    try:
        facts = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
        return max(
            int((folder / limit).read_text())
            - int((folder / used).read_text())
            + int(facts.get(cached, 0)),  # pages of files, which are dropped on need
            0,
        )
    except (OSError, ValueError):  # "max" is no number
        return None
