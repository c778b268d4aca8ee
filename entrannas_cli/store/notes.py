"""A user's tags and note on a run, in ``notes.json``.

Only the user's commands write that file, never the process that works on the run.
"""

from __future__ import annotations

import fcntl
import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..common.atomic import write_json
from ..common.errors import RunFailed, UsageError
from ..common.files import BrokenRun, read_json, reason_of
from ..common.text import plain, shown

if TYPE_CHECKING:
    from .run import Run

__all__ = [
    "MAX_NOTE_CHARS",
    "MAX_TAG_CHARS",
    "NOTES_FILE",
    "NOTHING",
    "Notes",
    "change_notes",
    "checked_note",
    "checked_tag",
    "read_notes",
]

NOTES_FILE = "notes.json"
FORMAT = 1
MAX_TAG_CHARS = 40  # characters
MAX_NOTE_CHARS = 10_000  # characters


@dataclass(frozen=True)
class Notes:
    """``tags`` in alphabetical order, without duplicates; ``note`` may have several lines."""

    tags: tuple[str, ...] = ()
    note: str = ""


NOTHING = Notes()


def read_notes(run: Run) -> Notes:
    """Return the tags and note of ``run``; :data:`NOTHING` if there is no file.

    Raises ``BrokenRun`` for a damaged one.
    """
    path = run.path / NOTES_FILE
    if not os.path.lexists(path):
        return NOTHING
    data: Any = read_json(path)
    version, tags, note = data.get("format", FORMAT), data.get("tags", []), data.get("note", "")
    if type(version) is not int or version > FORMAT:
        raise BrokenRun(path, f"format {shown(version)}: this release reads {FORMAT}")
    if not isinstance(tags, list) or (bad := [tag for tag in tags if _tag_fault(tag)]):
        raise BrokenRun(
            path, f"tags: expected strings, found {shown(bad[0] if isinstance(tags, list) else tags)}"
        )
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARS:
        raise BrokenRun(
            path, f"note: expected a string of at most {MAX_NOTE_CHARS} characters, found {shown(note)}"
        )
    return Notes(tuple(sorted(set(tags))), note)


def change_notes(
    run: Run, add: Iterable[str] = (), remove: Iterable[str] = (), note: str | None = None
) -> Notes:
    """Add and remove tags of ``run``, replace its note unless it is None, and return the result.

    Adding an existing tag and removing a missing one do nothing. Raises ``UsageError`` for a bad tag or note,
    ``BrokenRun`` for a damaged file (it isn't overwritten), ``RunFailed`` if the new one cannot be written.
    """
    adding = {checked_tag(tag) for tag in add}
    removing = {checked_tag(tag) for tag in remove}
    if both := adding & removing:
        raise UsageError(f'tag "{min(both)}": either add it or remove it')
    if note is not None:
        checked_note(note)
    with _exclusive(run):
        before = read_notes(run)
        tags = tuple(sorted((set(before.tags) | adding) - removing))
        after = Notes(tags, before.note if note is None else note)
        if after == before:
            return after
        path = run.path / NOTES_FILE
        try:
            write_json(path, {"format": FORMAT, "tags": list(after.tags), "note": after.note})
        except OSError as error:
            raise RunFailed(f"{plain(str(path))}: can't be written: {reason_of(error)}") from None
    return after


def checked_tag(tag: str) -> str:
    """Return ``tag`` in Unicode's composed form.

    Raises ``UsageError`` if it is not a valid tag.
    """
    tag = unicodedata.normalize("NFC", tag)
    if fault := _tag_fault(tag):
        raise UsageError(f"tag {shown(tag)} {fault}; use letters, digits, . _ and -")
    return tag


def checked_note(note: str) -> str:
    """Return ``note``.

    Raises ``UsageError`` if it is too long.
    """
    if len(note) > MAX_NOTE_CHARS:
        raise UsageError(f"the note has {len(note)} characters: at most {MAX_NOTE_CHARS} are allowed")
    return note


def _tag_fault(tag: object) -> str:
    if not isinstance(tag, str):
        return "is not a string"
    if not any(character.isalnum() for character in tag):
        return "has no letter or digit"
    if not all(character.isalnum() or character in "._-" for character in tag):
        return "contains an invalid character"
    return f"is longer than {MAX_TAG_CHARS} characters" if len(tag) > MAX_TAG_CHARS else ""


@contextmanager
def _exclusive(run: Run) -> Iterator[None]:
    """Make commands that change the notes of one run wait for each other, so that no tag is lost.

    The directory itself is locked, so nothing is left behind; on a file system without locks, they don't wait.
    """
    try:
        descriptor = os.open(run.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RunFailed(f"{plain(str(run.path))}: can't be read: {reason_of(error)}") from None
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
