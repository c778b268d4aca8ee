"""Checks of the installation. ``checks`` runs them; ``probe`` queries torch in another process."""

from __future__ import annotations

from .checks import Finding, examine

__all__ = ["Finding", "examine"]
