"""What a user says about a run: tags to find it by, and a note. In a file of its own, ``notes.json``, that only the
user's commands write: never the process that works on the run.
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
    """``tags`` in alphabetical order, each once; ``note`` may have several lines."""

    tags: tuple[str, ...] = ()
    note: str = ""


NOTHING = Notes()


def read_notes(run: Run) -> Notes:
    """What was said about ``run``; nothing where there is no file. Raises ``BrokenRun`` for a damaged one."""
    path = run.path / NOTES_FILE
    if not os.path.lexists(path):
        return NOTHING
    data: Any = read_json(path)
    version, tags, note = data.get("format", FORMAT), data.get("tags", []), data.get("note", "")
    if type(version) is not int or version > FORMAT:
        raise BrokenRun(path, f"format {shown(version)}: this release reads {FORMAT}")
    if not isinstance(tags, list) or (bad := [tag for tag in tags if _fault(tag)]):
        raise BrokenRun(
            path, f"tags: expected texts, found {shown(bad[0] if isinstance(tags, list) else tags)}"
        )
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARS:
        raise BrokenRun(
            path, f"note: expected a text of at most {MAX_NOTE_CHARS} characters, found {shown(note)}"
        )
    return Notes(tuple(sorted(set(tags))), note)


def change_notes(
    run: Run, add: Iterable[str] = (), remove: Iterable[str] = (), note: str | None = None
) -> Notes:
    """Adds and removes tags of ``run``, replaces its note unless it is None, and returns what there is then.

    A tag that is there already may be added, one that isn't may be removed. Raises ``UsageError`` for a bad tag or
    note, ``BrokenRun`` for a damaged file (it isn't overwritten), ``RunFailed`` if the new one can't be written.
    """
    adding = {checked_tag(tag) for tag in add}
    removing = {checked_tag(tag) for tag in remove}
    if both := adding & removing:
        raise UsageError(f'tag "{min(both)}": either add it or remove it')
    if note is not None:
        checked_note(note)
    with _alone(run):
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
    """``tag`` in its composed form. Raises ``UsageError`` if it is none."""
    tag = unicodedata.normalize("NFC", tag)
    if fault := _fault(tag):
        raise UsageError(f"tag {shown(tag)} {fault}; take letters, digits, . _ and -")
    return tag


def checked_note(note: str) -> str:
    """``note``. Raises ``UsageError`` if it is too long."""
    if len(note) > MAX_NOTE_CHARS:
        raise UsageError(f"the note has {len(note)} characters: {MAX_NOTE_CHARS} at most")
    return note


def _fault(tag: object) -> str:
    if not isinstance(tag, str):
        return "is no text"
    if not any(character.isalnum() for character in tag):
        return "has no letter or digit"
    if not all(character.isalnum() or character in "._-" for character in tag):
        return "holds another character"
    return f"is longer than {MAX_TAG_CHARS} characters" if len(tag) > MAX_TAG_CHARS else ""


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Commands that change the notes of one run wait for each other, so that no tag is lost.

    The directory itself is locked, so nothing is left behind; where the file system can't, they don't wait.
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
