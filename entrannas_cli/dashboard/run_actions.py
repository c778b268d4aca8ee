"""What the screens that act on runs share: ask, do it in the background, say the true outcome."""

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
from .background import in_background, tell
from .confirm import ConfirmScreen
from .keys import Place, writes
from .notifications import MAX_SHOWN, tell_errors
from .watcher import Snapshot

if TYPE_CHECKING:
    from .host import Host
    from .launch.draft import Draft, Kind

__all__ = ["RunActionsScreen"]


class RunActionsScreen(Screen[None]):
    """A screen with runs that can be stopped, resumed, deleted; ``PLACE`` is its own in the key map."""

    PLACE: ClassVar[Place]
    LAUNCHES: ClassVar[Kind] = "search"  # what a new run is at first, if the one here has cells
    ready = False  # to be told of the runs

    def on_mount(self) -> None:
        self.ready = True
        self.take(self.dashboard.snapshot)

    def on_screen_resume(self) -> None:
        """While another page lay on it, it was told nothing."""
        if self.ready:
            self.take(self.dashboard.snapshot)

    @property
    def covered(self) -> bool:
        """Whether nothing of it is seen: another page lies on it, or it was closed, and a timer came too late.

        (Textual would paint all anew for it.)
        """
        stack = self.app.screen_stack
        return self not in stack or any(
            not isinstance(screen, ModalScreen) for screen in stack[stack.index(self) + 1 :]
        )

    @property
    def dashboard(self) -> Host:
        """The program."""
        return self.app  # type: ignore[return-value]

    @property
    @abstractmethod
    def targets(self) -> Sequence[Overview]:
        """The runs that an action is meant for."""

    @property
    def step_shown(self) -> int | None:
        """The step of the cells that are shown; None for a run's last ones."""
        return None

    @abstractmethod
    def take(self, snapshot: Snapshot) -> None:
        """The runs have changed."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What changes anything is off, and not in the footer, where the dashboard only reads."""
        return not (self.dashboard.readonly and writes(action))

    @property
    def here(self) -> Overview | None:
        """The run that one looks at."""
        return next(iter(self.targets), None)

    def action_launch(self) -> None:
        """The form, with the cells of the run here for a training."""
        from .launch.prefill import for_cells_of

        self._launch(for_cells_of(self.here, self.LAUNCHES))

    def action_launch_like(self) -> None:
        """The form, filled in so that it makes a run as the one here."""
        from .launch.prefill import like

        run = self.here
        if run is None:
            self._say("there is no run here", severity="warning")
            return

        def work() -> Draft | str:
            try:
                return like(Run(run.path))
            except EntrannasError as error:
                return str(error)

        def then(found: Draft | str) -> None:
            if isinstance(found, str):
                tell_errors(self.app, "No new run like it", [found])
            elif self.is_current:
                self._launch(found)

        in_background(self.app, work, then)

    def _launch(self, draft: Draft) -> None:
        from .launch.screen import LaunchScreen

        def answered(runs: list[Run] | None) -> None:
            if runs:  # once the form is gone
                self.app.call_later(self.dashboard.show_new, runs)

        self.app.push_screen(LaunchScreen(draft), answered)

    def action_stop(self) -> None:
        self._ask(STOP)

    def action_resume(self) -> None:
        self._ask(RESUME)

    def action_delete(self) -> None:
        self._ask(DELETE)

    def action_copy_id(self) -> None:
        """The ids, a line each."""
        if ids := [safe(run.id) for run in self.targets]:
            self.app.copy_to_clipboard("\n".join(ids))
            self._say("copied " + (ids[0] if len(ids) == 1 else f"the ids of {len(ids)} runs"))

    def action_edit(self) -> None:
        """Tags, and of one run the note."""
        from .notes_dialog import edit_notes

        edit_notes(self.dashboard, [Run(run.path) for run in self.targets])

    def action_picture(self) -> None:
        """The picture that `genotype draw` makes."""
        from .open_preview import open_pictures

        open_pictures(self.dashboard, [Run(run.path) for run in self.targets], self.step_shown)

    def _ask(self, action: RunAction) -> None:
        """First looks whether it can be done at all, which reads files; then asks."""
        runs = [Run(run.path) for run in self.targets]
        if not runs:
            self._say("there is no run here", severity="warning")
            return

        def check() -> tuple[list[Run], list[str]]:
            able, errors = [], []
            for run in runs:
                try:
                    action.check(run)
                    able.append(run)
                except EntrannasError as error:
                    errors.append(str(error))
            return able, errors

        in_background(self.app, check, lambda found: self._confirm(action, *found))

    def _confirm(self, action: RunAction, runs: list[Run], errors: list[str]) -> None:
        tell_errors(self.app, f"{action.verb}: not done", errors)
        if runs and self.is_current:

            def answered(yes: bool | None) -> None:
                if yes:
                    self._do(action, runs)

            self.app.push_screen(ConfirmScreen(action, [run.id for run in runs]), answered)

    def _do(self, action: RunAction, runs: list[Run]) -> None:
        def all_of(some: list[Run]) -> tuple[list[str], list[str]]:
            outcomes, errors = [], []
            for run in some:
                try:
                    outcomes.append(action.do(run, lambda text: tell(self.app, self._say, text)))
                except EntrannasError as error:
                    errors.append(str(error))
            return outcomes, errors

        for some in [[run] for run in runs] if action.waits else [runs]:
            in_background(self.app, partial(all_of, some), lambda found: self._outcome(action, *found))

    def _outcome(self, action: RunAction, outcomes: list[str], errors: list[str]) -> None:
        self.dashboard.look_now()
        if len(outcomes) > MAX_SHOWN:
            outcomes = [f"{action.verb}: done for {counted(len(outcomes), 'run')}"]
        for text in outcomes:
            self._say(text)
        tell_errors(self.app, f"{action.verb}: not done", errors)

    def _say(self, text: str, **how: Any) -> None:
        self.app.notify(text, markup=False, **how)
