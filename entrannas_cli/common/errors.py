"""The errors that end a command: one clear line, an exit code, no traceback (unless ``--debug``)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["EntrannasError", "RunFailed", "UsageError", "WriteFailed"]


class EntrannasError(Exception):
    """Ends a command with one line on stderr; ``details`` are printed below it, one line each."""

    exit_code = 1

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {line}" for line in self.details)])


class UsageError(EntrannasError):
    """Bad input. The message names the thing, the reason and the fix."""

    exit_code = 2


class RunFailed(EntrannasError):
    """A failure at run time: a loss that is not finite, out of memory, a full disk."""

    exit_code = 1


class WriteFailed(RunFailed):
    """A file of a run can't be written: the disk is full, read-only or broken."""
