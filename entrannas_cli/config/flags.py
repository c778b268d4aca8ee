"""How the command line names a key. Loads nothing heavy."""

from __future__ import annotations

__all__ = ["OVERRIDE_FLAG", "flag_of"]

FLAGS = {"data.path": "--data"}  # the others are named like the last part of their key
OVERRIDE_FLAG = "--set"


def flag_of(name: str) -> str:
    """Return the flag of the key ``name``, as it would be called."""
    return FLAGS.get(name) or f"--{name.rpartition('.')[2].replace('_', '-')}"
