"""The context that a run's work gets, for all kinds of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ..config.base import with_values
from ..config.keys import flatten_model
from ..config.to_toml import to_toml
from ..data.types import Progress
from ..store.session import RunSession
from .device import Compute
from .loop import Loop
from .observer import Observer, Started
from .torch_errors import translate_errors

if TYPE_CHECKING:
    from ..data.datasets import Dataset
    from ..method.space import SearchSpace
    from .fast_paths import FastPaths

__all__ = ["Loading", "RunContext", "StoppedEarly", "Work"]

Loading = Callable[[], AbstractContextManager[Progress | None]]
Config = TypeVar("Config")

FEWER_IMAGES = "the images do not fit: try --set data.placement=stream, or a smaller data.portion"


class StoppedEarly(Exception):
    """A stop was requested while the data was being opened: there is nothing to save yet."""


@dataclass(frozen=True, kw_only=True)
class RunContext(Generic[Config]):
    """The session, configuration and device of a run.

    ``loading`` returns a context manager to open the data in; its value, if any, is called with the progress.
    ``space`` is that of a new search; other runs read theirs from the run directory.
    """

    session: RunSession
    observer: Observer
    config: Config
    compute: Compute
    loading: Loading
    space: SearchSpace | None = None

    @contextmanager
    def opening_data(self) -> Iterator[Progress]:
        """Open the data within this context, and report progress to its value. Raises ``StoppedEarly``."""
        with translate_errors(out_of_memory=FEWER_IMAGES), self.loading() as progress:

            def report(text: str, done: int, of: int) -> None:
                if self.session.stop_requested:
                    raise StoppedEarly
                if progress is not None:
                    progress(text, done, of)

            yield report

    def report_data(self, dataset: Dataset, placement_reason: str) -> None:
        """Log which images are used and where they are kept; notify the observer of the data set's notes."""
        self.session.log(f"data: {dataset.name}, {len(dataset)} images, {placement_reason}")
        for note in dataset.notes:
            self.observer.message("info", f"data: {note}")

    def report_fast_paths(self, paths: FastPaths) -> None:
        """Log and record which ``paths`` are taken; warn of unavailable ones that are set to `on`."""
        self.session.log(f"fast paths: {paths}")
        self.session.update_summary({"fast_paths": str(paths)})
        for text in paths.unmet:
            self.observer.message("warning", text)
        if paths.hint:
            self.observer.message("info", paths.hint)

    def with_values(self, changes: Mapping[str, int]) -> Self:
        """Return a context with other values, by key, which are recorded in the run's configuration."""
        config: Any = self.config
        for name, value in changes.items():
            section, key = name.split(".")
            before = getattr(getattr(config, section), key)
            self.observer.message("info", f"memory: {before} images don't fit: {name} is {value}")
            config = with_values(config, {section: {key: value}})
        self.session.write_config(to_toml(flatten_model(config)))
        return replace(self, config=config)

    def begin(self, what: tuple[str, ...], loop: Loop[Any] | None = None) -> None:
        """Begin an attempt at the next step of ``loop``, if there is one. ``what``: see :class:`Started`."""
        session = self.session
        step, epochs = (loop.state.step, loop.epochs) if loop else (0, None)
        session.begin_attempt(step + 1, epoch=epochs.epoch(step) if epochs else 0)
        if epochs:
            session.set_totals(epochs=epochs.epochs, steps=epochs.steps)
        self.observer.started(
            Started(
                id=session.run.id,
                path=str(session.run.path),
                what=what,
                epochs=epochs.epochs if epochs else 0,
                steps_per_epoch=epochs.steps_per_epoch if epochs else 0,
                kind=loop.kind if loop else "search",
                epoch=step // epochs.steps_per_epoch if epochs else 0,
                step=step,
                attempt=session.attempt,
            )
        )


Work = Callable[[RunContext[Any]], None]
