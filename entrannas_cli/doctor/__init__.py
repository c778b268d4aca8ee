"""Is everything here that a search needs? ``checks`` looks for itself, ``probe`` asks torch in another process."""

from __future__ import annotations

from .checks import Finding, examine

__all__ = ["Finding", "examine"]
