"""Types shared by the modules of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

__all__ = ["Part", "Progress"]

Part = Literal["train", "test"]
Progress = Callable[[str, int, int], None]  # (activity, done, total)
