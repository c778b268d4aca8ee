"""What the work of a run is given, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..data.types import Progress
from ..store.session import RunSession
from .device import Compute
from .observer import Observer, Started
from .torch_errors import translate_errors

__all__ = ["Loading", "RunContext", "StoppedEarly", "Work"]

Loading = Callable[[], AbstractContextManager[Progress | None]]
Config = TypeVar("Config")

FEWER_IMAGES = "the images: try --set data.placement=stream, or a smaller data.portion"


class StoppedEarly(Exception):
    """A stop was asked for while the data was being opened: there is nothing to save yet."""


@dataclass(frozen=True, kw_only=True)
class RunContext(Generic[Config]):
    """``loading`` gives a context for opening the data, whose value is told how far that has come."""

    session: RunSession
    observer: Observer
    config: Config
    compute: Compute
    loading: Loading

    @contextmanager
    def opening_data(self) -> Iterator[Progress]:
        """A context for opening the data, and whom to tell how far it is. Raises ``StoppedEarly``."""
        with translate_errors(out_of_memory=FEWER_IMAGES), self.loading() as progress:

            def watched(text: str, done: int, of: int) -> None:
                if self.session.stop_requested:
                    raise StoppedEarly
                if progress is not None:
                    progress(text, done, of)

            yield watched

    def started(self, **facts: Any) -> None:
        """Tells the observer that the first step is about to run; ``facts`` are those of ``Started``."""
        run = self.session.run
        self.observer.started(Started(id=run.id, path=str(run.path), attempt=self.session.attempt, **facts))


Work = Callable[[RunContext[Any]], None]
