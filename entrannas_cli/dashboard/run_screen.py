"""The page of one run: what ``runs show`` tells, kept up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Static

from ..render.run_page import run_page
from ..render.text import safe
from ..store.overview import Overview, describe
from ..store.run import Run
from .acting import RunsActing
from .background import in_background
from .keys import bindings
from .watcher import Snapshot

__all__ = ["RunScreen"]


class RunScreen(RunsActing):
    """A run that is deleted while it is shown stays readable, and is said to be gone."""

    PLACE = "run"
    BINDINGS = bindings(PLACE)

    def __init__(self, run: Overview) -> None:
        super().__init__()
        self._run = run
        self._gone = False
        self._reading = False
        self._facts: Mapping[str, Any] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with VerticalScroll(id="page"):
            yield Static("reading …", id="text")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._entitle()
        self._read()

    @property
    def targets(self) -> Sequence[Overview]:
        return [] if self._gone else [self._run]

    def take(self, snapshot: Snapshot) -> None:
        run = snapshot.runs.get(self._run.id)
        if run is None:
            self._gone = self._gone or (snapshot.complete and not snapshot.problem)
        elif run is not self._run:
            self._gone, self._run = False, run
            self._read()
        self._entitle()

    def _entitle(self) -> None:
        parts: list[str | tuple[str, str]] = [("entrannas ", "bold $primary")]
        if self.dashboard.readonly:
            parts.append(("read-only ", "bold $warning"))
        parts.append(f" {safe(self._run.id)}")
        if self._gone:
            parts.append((" · this run is gone: its folder isn't there any more", "$error"))
        self.query_one("#title", Static).update(Content.assemble(*parts))

    def _read(self) -> None:
        """The last rows of the metrics and the names of all files: not while the screen waits."""
        if not self._reading:
            self._reading = True
            run = Run(self._run.path)
            in_background(self.app, lambda: describe(run), self._take_facts)

    def _take_facts(self, facts: Mapping[str, Any]) -> None:
        self._reading = False
        if self.is_attached and not self._gone:
            self._facts = facts
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._facts is not None:
            width = max(self.size.width - 4, 20)
            self.query_one("#text", Static).update(Group(*run_page(self._facts, width, heading=False)))

    def action_back(self) -> None:
        self.dismiss()

    def action_down(self) -> None:
        self.query_one("#page").scroll_relative(y=1, animate=False)

    def action_up(self) -> None:
        self.query_one("#page").scroll_relative(y=-1, animate=False)
