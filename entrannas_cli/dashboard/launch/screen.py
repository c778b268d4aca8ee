"""The Launch screen: a form, validated as you type, that starts searches and trainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Button, Footer, Static

from ...common.errors import RunFailed
from ...common.text import counted, safe
from ...store.run import Run
from ..background import in_background, tell
from ..configuration_text import configuration_text
from ..keys import bindings
from ..notifications import notify_errors
from .draft import FIELDS, KINDS, Draft, arguments, command_text, fields_of
from .field_row import FieldInput, FieldRow
from .kind import KindSwitch
from .options import options_in
from .picker import PickScreen
from .submit import start
from .summary import what_runs
from .validate import DataChecker, Validation, check, with_data

if TYPE_CHECKING:
    from ..host import Host

__all__ = ["LaunchScreen"]

CHECK_DELAY_S = 0.15  # seconds without a key before the form is checked

Outcome = tuple[list[str], list[tuple[int | None, str]]]  # ids of started runs; seeds with their errors


class LaunchScreen(Screen[list[Run]]):
    """Starts with ``draft``; answers with the started runs."""

    PLACE = "launch"
    BINDINGS = bindings("launch")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 (Textual's way)
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    LaunchScreen #launch { height: 1fr; }
    LaunchScreen.-wide #launch { layout: horizontal; }
    LaunchScreen.-narrow #launch { layout: vertical; }
    LaunchScreen #form { padding: 0 1; scrollbar-size-vertical: 1; height: 1fr; }
    LaunchScreen.-wide #form { width: 46%; padding: 1 2; }
    LaunchScreen.-wide FieldRow { margin-top: 1; }
    LaunchScreen #result { padding: 0 1; background: $surface; height: auto; max-height: 60%; }
    LaunchScreen.-narrow #result { border-top: hkey $rule; }
    LaunchScreen.-wide #result { width: 1fr; height: 100%; max-height: 100%; padding: 1 2; }
    LaunchScreen.-wide #result { border-left: vkey $rule; }
    LaunchScreen #validation { height: auto; max-height: 5; }
    LaunchScreen.-wide #validation { max-height: 12; }
    LaunchScreen #command { height: auto; max-height: 3; color: $accent; }
    LaunchScreen.-wide #command { max-height: 8; margin: 1 0; }
    LaunchScreen #do { height: 1; }
    LaunchScreen #do Button { margin-right: 2; min-width: 9; padding: 0 1; }
    LaunchScreen #resolved { display: none; height: 1fr; margin-top: 1; scrollbar-size-vertical: 1; }
    LaunchScreen.-wide #resolved { display: block; }
    LaunchScreen #resolved Static { height: auto; }
    """

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self._initial = draft
        self._data_checker = DataChecker()
        self._validation: Validation | None = None
        self._checked = 0  # number of drafts so far
        self._timer: Timer | None = None
        self._to_start: Draft | None = None  # to be started once it is checked
        self._starting = self._leaving = False

    @property
    def dashboard(self) -> Host:
        """The app."""
        return self.app  # type: ignore[return-value]

    def compose(self) -> ComposeResult:
        yield Static(Content.assemble(("entrannas ", "bold $primary"), " a new run"), id="title")
        with Container(id="launch"):
            with VerticalScroll(id="form", can_focus=False):
                yield KindSwitch(self._initial.kind)
                for field in FIELDS:
                    yield FieldRow(
                        field, self._initial.texts.get(field.name, ""), self.dashboard.snapshot.runs
                    )
            with Vertical(id="result"):
                yield Static("checking …", id="validation", markup=False)
                yield Static(id="command")
                with Horizontal(id="do"):
                    yield Button("Start (^s)", id="start", variant="primary", compact=True)
                    yield Button("Copy command (^y)", id="copy", compact=True)
                with VerticalScroll(id="resolved", can_focus=False):
                    yield Static()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._show_kind()
        self._rows[0].input.focus()
        self._check()

    # the draft

    @property
    def draft(self) -> Draft:
        """The content of the form."""
        texts = {row.field.name: row.text for row in self.query(FieldRow)}
        return Draft(self.query_one(KindSwitch).kind, {name: text for name, text in texts.items() if text})

    @property
    def _rows(self) -> list[FieldRow]:
        """The rows of the current kind."""
        kind = self.query_one(KindSwitch).kind
        return [self.query_one(f"#row-{field.name}", FieldRow) for field in fields_of(kind)]

    def _show_kind(self) -> None:
        rows = self._rows
        for row in self.query(FieldRow):
            row.display = row in rows

    def on_kind_switch_switched(self) -> None:
        typed_in = next((row for row in self.query(FieldRow) if row.has_focus_within), None)
        self._show_kind()
        if typed_in is not None and typed_in not in self._rows:  # the field belongs to the other kind
            self._rows[0].input.focus()
        self._schedule_check()

    def on_input_changed(self) -> None:
        self._schedule_check()

    def on_text_area_changed(self) -> None:
        self._schedule_check()

    def _schedule_check(self) -> None:
        """Schedule a check for when typing pauses."""
        self._leaving = False
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(CHECK_DELAY_S, self._check)

    # checking it

    def _check(self) -> None:
        self._checked += 1
        number, draft, runs_dir, app = self._checked, self.draft, self.dashboard.runs_dir, self.app

        def work() -> tuple[int, Validation]:
            validation = check(draft, runs_dir)
            tell(app, self._take, (number, validation))  # checking the data may take longer
            return number, with_data(validation, self._data_checker)

        in_background(app, work, self._take)

    def _take(self, found: tuple[int, Validation]) -> None:
        number, validation = found
        if number != self._checked or not self.is_attached:
            return
        self._validation = validation
        for row in self._rows:
            row.show_problem(validation.problems.get(row.field.name, ()))
            row.show_default(validation.defaults.get(row.field.name, ""))
            if row.has_focus_within and row.field.name in validation.problems:
                self.call_after_refresh(row.scroll_visible, animate=False)
        self._draw(validation)
        if validation.data_checked:
            to_start, self._to_start = self._to_start, None
            if to_start == validation.draft:  # else the form has changed since
                self._start_runs(validation)

    def _draw(self, validation: Validation) -> None:
        self.query_one("#validation", Static).update(_summary(validation))
        self.query_one("#command", Static).update(Content(safe(self._command(validation))))
        resolved = Text()
        if validation.resolved is not None:
            from ...config.resolve import print_config  # loaded already, by the check

            resolved = configuration_text(print_config(validation.resolved))
        self.query_one("#resolved Static", Static).update(resolved)
        self.query_one("#start", Button).disabled = bool(validation.problems) or self._starting

    def _command(self, validation: Validation) -> str:
        if "seeds" in validation.problems:
            return ""
        return command_text(validation.draft, validation.seeds, validation.runs_dir)

    # keys

    def action_switch_kind(self) -> None:
        self.query_one(KindSwitch).action_other_kind()

    def action_leave_form(self) -> None:
        """Leave the form, but only on the second key if anything was typed."""
        if self._leaving or self.draft == self._initial:
            self.dismiss([])
        else:
            self._leaving = True
            self._notify("press esc again to leave the form and lose what was typed", severity="warning")

    def action_copy_command(self) -> None:
        validation = self._validation
        if validation is None or not (command := self._command(validation)):
            self._notify("there is no command yet", severity="warning")
            return
        self.app.copy_to_clipboard(command)
        self._notify("copied the command")

    def on_field_input_choice_asked(self, event: FieldInput.ChoiceAsked) -> None:
        runs = self.dashboard.snapshot.runs
        row = self.query_one(f"#row-{event.name}", FieldRow)

        def chosen(value: str | None) -> None:
            if value is not None:
                row.text = value

        def show(options: list[tuple[str, str]]) -> None:
            if self.is_current:
                self.app.push_screen(PickScreen(row.field.label, options, row.text.strip()), chosen)

        in_background(self.app, lambda: options_in(event.name, runs), show)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "start":
            self.action_start()
        else:
            self.action_copy_command()

    # starting

    def action_start(self) -> None:
        """Start the runs, after checking the form if it has changed."""
        if self._starting:
            return
        validation = self._validation
        if validation is not None and validation.data_checked and validation.draft == self.draft:
            self._start_runs(validation)
        else:
            self._to_start = self.draft
            self._check()

    def _start_runs(self, validation: Validation) -> None:
        if not validation.fine:
            count = sum(len(lines) > 0 for lines in validation.problems.values())
            self._notify(f"not started: {counted(count, 'problem')} to fix", severity="warning")
            wrong = next((row for row in self._rows if row.field.name in validation.problems), None)
            if wrong is not None:
                wrong.input.focus()
            return
        self._starting = True
        self.query_one("#start", Button).disabled = True
        seeds: Sequence[int | None] = validation.seeds or (None,)
        app = self.app

        def work() -> Outcome:
            started: list[str] = []
            failed: list[tuple[int | None, str]] = []
            for number, seed in enumerate(seeds, 1):
                tell(app, self._show_progress, f"starting {number} of {len(seeds)} …")
                words = arguments(
                    validation.draft, seed, several=len(seeds) > 1, runs_dir=validation.runs_dir
                )
                try:
                    started.append(start(words))
                except RunFailed as error:
                    failed.append((seed, str(error)))
            return started, failed

        in_background(app, work, self._finished, outlives=True)

    def _show_progress(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#validation", Static).update(Content.styled(text, "$primary"))

    def _finished(self, outcome: Outcome) -> None:
        """Close the form if all runs have started; else keep it, with the seeds that are left."""
        started, failed = outcome
        self._starting = False
        self.dashboard.look_now()
        title, several = "Not started", len(started) + len(failed) > 1
        titles = [f"{title}, seed {seed}" if several else title for seed, _ in failed]
        notify_errors(self.app, title, [text for _, text in failed], titles)
        runs = [Run(self.dashboard.runs_dir / run_id) for run_id in started]
        if started and (failed or not self.is_current):
            self._notify(
                "started " + (safe(started[0]) if len(started) == 1 else counted(len(started), "run"))
            )
        if not self.is_attached:
            return
        if not failed and self.is_current:
            self.dismiss(runs)
            return
        if started:
            seeds = [str(seed) for seed, _ in failed if seed is not None]
            self.query_one("#row-seeds", FieldRow).text = ",".join(seeds)
        self._check()

    def _notify(self, text: str, **options: Any) -> None:
        self.app.notify(text, markup=False, **options)


def _summary(validation: Validation) -> Content:
    """Return whether the draft can be started, and what would run."""
    if not validation.problems:
        sign = ("✓ ", "bold $success") if validation.data_checked else ("… ", "$quiet")
        return Content.assemble(sign, safe(what_runs(validation)))
    at_fields = sum(bool(lines) for name, lines in validation.problems.items() if name)
    lines = [safe(line) for line in validation.problems.get("", ())]
    if at_fields:
        lines.append(
            f"{counted(at_fields, 'field')} to fix before a {KINDS[validation.draft.kind]} can start"
        )
    return Content.styled("\n".join(f"✗ {line}" for line in lines), "$error")
