"""The base of screens that act on runs: ask, act in the background, report the outcome."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.screen import ModalScreen, Screen

from ..common.errors import EntrannasError
from ..common.text import counted, safe
from ..store.overview import Overview
from ..store.run import Run
from .actions import DELETE, RESUME, STOP, RunAction
from .background import call_each, in_background, tell
from .confirm import ConfirmScreen
from .keys import Place, writes
from .notifications import MAX_SHOWN, notify_errors
from .watcher import Snapshot

if TYPE_CHECKING:
    from .host import Host
    from .launch.draft import Draft, Kind

__all__ = ["RunActionsScreen"]


class RunActionsScreen(Screen[None]):
    """A screen with runs that can be stopped, resumed or deleted. ``PLACE`` is its place in the key map."""

    PLACE: ClassVar[Place]
    LAUNCHES: ClassVar[Kind] = "search"  # kind that a new run starts with, if the current one has cells
    ready = False  # to take snapshots

    def on_mount(self) -> None:
        self.ready = True
        self.take(self.dashboard.snapshot)

    def on_screen_resume(self) -> None:
        """Catch up on snapshots, which covered screens don't get."""
        if self.ready:
            self.take(self.dashboard.snapshot)

    @property
    def covered(self) -> bool:
        """Whether another screen hides it, or it was closed before a timer fired.

        Drawing then would make Textual repaint everything.
        """
        stack = self.app.screen_stack
        return self not in stack or any(
            not isinstance(screen, ModalScreen) for screen in stack[stack.index(self) + 1 :]
        )

    @property
    def dashboard(self) -> Host:
        """The app."""
        return self.app  # type: ignore[return-value]

    @property
    @abstractmethod
    def targets(self) -> Sequence[Overview]:
        """The runs that actions apply to."""

    @property
    def step_shown(self) -> int | None:
        """The step of the cells that are shown; None for the run's last cells."""
        return None

    @abstractmethod
    def take(self, snapshot: Snapshot) -> None:
        """Update the screen to ``snapshot``."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether ``action`` is enabled: a read-only dashboard hides those that change runs."""
        return not (self.dashboard.readonly and writes(action))

    @property
    def here(self) -> Overview | None:
        """The current run."""
        return next(iter(self.targets), None)

    def action_launch(self) -> None:
        """Open the form, with the cells of the current run for a training."""
        from .launch.prefill import for_cells_of

        self._launch(for_cells_of(self.here, self.LAUNCHES))

    def action_launch_like(self) -> None:
        """Open the form, filled in with the configuration of the current run."""
        from .launch.prefill import like

        run = self.here
        if run is None:
            self._notify("there is no run here", severity="warning")
            return

        def work() -> Draft | str:
            try:
                return like(Run(run.path))
            except EntrannasError as error:
                return str(error)

        def then(found: Draft | str) -> None:
            if isinstance(found, str):
                notify_errors(self.app, "New run: not possible", [found])
            elif self.is_current:
                self._launch(found)

        in_background(self.app, work, then)

    def _launch(self, draft: Draft) -> None:
        from .launch.screen import LaunchScreen

        def answered(runs: list[Run] | None) -> None:
            if runs:  # after the form has closed
                self.app.call_later(self.dashboard.show_new, runs)

        self.app.push_screen(LaunchScreen(draft), answered)

    def action_stop(self) -> None:
        self._ask(STOP)

    def action_resume(self) -> None:
        self._ask(RESUME)

    def action_delete(self) -> None:
        self._ask(DELETE)

    def action_copy_id(self) -> None:
        """Copy the ids, one per line."""
        if ids := [safe(run.id) for run in self.targets]:
            self.app.copy_to_clipboard("\n".join(ids))
            self._notify("copied " + (ids[0] if len(ids) == 1 else f"the ids of {len(ids)} runs"))

    def action_edit(self) -> None:
        """Edit the tags, and the note of a single run."""
        from .notes_dialog import edit_notes

        edit_notes(self.dashboard, [Run(run.path) for run in self.targets])

    def action_picture(self) -> None:
        """Open the picture that `entrannas genotype draw` makes."""
        from .open_preview import open_pictures

        open_pictures(self.dashboard, [Run(run.path) for run in self.targets], self.step_shown)

    def _ask(self, action: RunAction) -> None:
        """Check in the background whether ``action`` is possible, which reads files, then ask."""
        runs = [Run(run.path) for run in self.targets]
        if not runs:
            self._notify("there is no run here", severity="warning")
            return

        def check(run: Run) -> Run:
            action.check(run)
            return run

        in_background(self.app, lambda: call_each(check, runs), lambda found: self._confirm(action, *found))

    def _confirm(self, action: RunAction, runs: list[Run], errors: list[str]) -> None:
        notify_errors(self.app, f"{action.verb}: not done", errors)
        if runs and self.is_current:

            def answered(yes: bool | None) -> None:
                if yes:
                    self._act(action, runs)

            self.app.push_screen(ConfirmScreen(action, [run.id for run in runs]), answered)

    def _act(self, action: RunAction, runs: list[Run]) -> None:
        def act(run: Run) -> str:
            return action.do(run, lambda text: tell(self.app, self._notify, text))

        for batch in [[run] for run in runs] if action.waits else [runs]:
            in_background(
                self.app, partial(call_each, act, batch), lambda found: self._report(action, *found)
            )

    def _report(self, action: RunAction, outcomes: list[str], errors: list[str]) -> None:
        self.dashboard.look_now()
        if len(outcomes) > MAX_SHOWN:
            outcomes = [f"{action.verb}: done for {counted(len(outcomes), 'run')}"]
        for text in outcomes:
            self._notify(text)
        notify_errors(self.app, f"{action.verb}: not done", errors)

    def _notify(self, text: str, **options: Any) -> None:
        self.app.notify(text, markup=False, **options)
