"""Types that data sets share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

__all__ = ["Part", "Progress"]

Part = Literal["train", "test"]
Progress = Callable[[str, int, int], None]  # what is being done, how much is done, of how much
