"""The dialog for tags and notes, which also writes them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static, TextArea

from ..common.errors import UsageError
from ..common.text import counted, safe
from ..store.notes import Notes, change_notes, checked_note, checked_tag, read_notes
from ..store.run import Run
from .background import call_each, in_background
from .keys import bindings
from .notifications import notify_errors

if TYPE_CHECKING:
    from .host import Host

__all__ = ["NotesChange", "NotesScreen", "edit_notes"]

MAX_NAMED = 3  # ids that are listed
NOT_DONE = "Tags and note: not saved"


@dataclass(frozen=True)
class NotesChange:
    """The changes made in the dialog. Only they are written, so changes by others in the meantime are kept."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    note: str | None = None

    def __str__(self) -> str:
        parts = [f"+{tag}" for tag in sorted(self.add)] + [f"−{tag}" for tag in sorted(self.remove)]
        return " ".join(parts)


class NotesScreen(ModalScreen[NotesChange | None]):
    """Edits the tags that all ``runs`` have, and the note of a single one. Answers None if cancelled."""

    BINDINGS = bindings("notes")
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]  # noqa: RUF012 (Textual's way)

    def __init__(self, runs: Sequence[tuple[str, Notes]], known: Sequence[str]) -> None:
        super().__init__()
        self._ids = [identifier for identifier, _ in runs]
        counts = Counter(tag for _, notes in runs for tag in notes.tags)
        self._common = frozenset(tag for tag, count in counts.items() if count == len(runs))
        self._partial = {tag: count for tag, count in sorted(counts.items()) if count < len(runs)}
        self._note = _shown_note(runs[0][1].note) if len(runs) == 1 else None
        self._known = known

    def compose(self) -> ComposeResult:
        count = len(self._ids)
        with Vertical(id="dialog"):
            yield Static(Content.styled("Tags and note" if count == 1 else f"Tags of {count} runs", "bold"))
            named = [safe(identifier) for identifier in self._ids[:MAX_NAMED]]
            named += [f"… and {count - MAX_NAMED} more"] if count > MAX_NAMED else []
            yield Static(Content("\n".join(named)), id="named")
            which = "tags" if count == 1 else "tags that all of them have"
            yield Static(f"{which}, separated by spaces", classes="quiet")
            yield Input(
                "".join(f"{tag} " for tag in sorted(self._common)),
                placeholder="good baseline",
                suggester=TagSuggester(self._known),
                select_on_focus=False,
                compact=True,
                id="tags",
            )
            if self._partial:
                partial = ", ".join(f"{tag} ({n} of {count})" for tag, n in self._partial.items())
                yield Static(Content(f"some have: {partial}"), classes="quiet")
            if self._note is not None:
                yield Static("note", classes="quiet")
                yield TextArea(self._note, id="note", compact=True)
            yield Static(id="problem")
            with Horizontal(id="answers"):
                yield Button("Save (^s)", id="save", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#tags").focus()
        self.call_after_refresh(
            self.query_one("#tags").scroll_visible, animate=False
        )  # it may be out of view on a low screen

    def _change(self) -> NotesChange:
        """Return what was changed. Raises ``UsageError`` for what cannot be saved."""
        tags = frozenset(map(checked_tag, self.query_one(Input).value.replace(",", " ").split()))
        note = None
        if self._note is not None and (text := self.query_one(TextArea).text) != self._note:
            note = checked_note(text)
        return NotesChange(tags - self._common, self._common - tags, note)

    def _check(self) -> NotesChange | None:
        problem, change = "", None
        try:
            change = self._change()
        except UsageError as error:
            problem = str(error)
        self.query_one("#problem", Static).update(Content(problem))
        self.query_one("#save", Button).disabled = change is None
        return change

    def on_input_changed(self) -> None:
        self._check()

    def on_text_area_changed(self) -> None:
        self._check()

    def on_input_submitted(self) -> None:
        self.action_save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "save":
            self.action_save()
        else:
            self.action_leave()

    def action_save(self) -> None:
        """Save the changes, or show why they cannot be saved."""
        if (change := self._check()) is not None:
            self.dismiss(change)

    def action_leave(self) -> None:
        self.dismiss(None)


class TagSuggester(Suggester):
    """Completes the last word to a known one."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        """Return ``value`` with its last word completed; None if no known word starts with it."""
        prefix = value.replace(",", " ").rpartition(" ")[2]
        word = next(
            (word for word in self._words if prefix and word.startswith(prefix) and word != prefix), None
        )
        return None if word is None else value + word[len(prefix) :]


def _shown_note(note: str) -> str:
    """Return ``note`` for editing, without control characters."""
    return "".join(c for c in note if c in "\n\t" or unicodedata.category(c) != "Cc")


def edit_notes(app: Host, runs: Sequence[Run]) -> None:
    """Edit the tags and notes of ``runs`` in a dialog, write the changes and report the outcome."""
    if not runs:
        app.notify("there is no run here", severity="warning")
        return

    screen = app.screen

    def show(result: tuple[list[tuple[Run, Notes]], list[str]]) -> None:
        found, errors = result
        notify_errors(app, NOT_DONE, errors)
        if not found or not screen.is_current:
            return

        def answered(change: NotesChange | None) -> None:
            if change is not None:
                _save(app, [run for run, _ in found], change)

        known = {tag for run in app.snapshot.runs.values() for tag in run.notes.tags}
        app.push_screen(NotesScreen([(run.id, notes) for run, notes in found], sorted(known)), answered)

    in_background(app, lambda: call_each(lambda run: (run, read_notes(run)), runs), show)


def _save(app: Host, runs: Sequence[Run], change: NotesChange) -> None:
    if change == NotesChange():
        app.notify("nothing was changed")
        return

    def write(run: Run) -> Notes:
        return change_notes(run, change.add, change.remove, change.note)

    def report(result: tuple[list[Notes], list[str]]) -> None:
        written, errors = result
        app.look_now()
        if len(runs) == 1 and written:
            app.notify(_outcome(runs[0], written[0], change), markup=False)
        elif written:
            app.notify(f"{counted(len(written), 'run')}: {change}", markup=False)
        notify_errors(app, NOT_DONE, errors)

    in_background(app, lambda: call_each(write, runs), report)


def _outcome(run: Run, notes: Notes, change: NotesChange) -> str:
    parts = []
    if change.add or change.remove:
        parts.append(f"tags {' '.join(notes.tags)}" if notes.tags else "no tags")
    if change.note is not None:
        parts.append("note saved" if notes.note else "note removed")
    return f"{safe(run.id)}: {', '.join(parts)}"
