"""Draw pictures of runs' cells and open them in the background; without a viewer, show the file path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..common.errors import EntrannasError
from ..common.text import safe
from ..figures.open_picture import draw_picture, open_picture
from ..store.run import Run
from .background import in_background

if TYPE_CHECKING:
    from .host import Host

__all__ = ["open_pictures"]

MAX_PICTURES = 5  # pictures at once
NOTICE_S = 20.0  # seconds a path is shown, so that it can be read


def open_pictures(app: Host, runs: Sequence[Run], step: int | None = None) -> None:
    """Open a picture of each run's last cells, or of those after ``step``."""
    if not runs:
        app.notify("there is no run here", severity="warning")
        return
    if len(runs) > MAX_PICTURES:
        text = f"{len(runs)} runs are marked: mark at most {MAX_PICTURES} to open their pictures"
        app.notify(text, severity="warning")
        return
    for run in runs:
        app.notify(f"drawing the cells of {safe(run.id)} …", markup=False)
        _open(app, run, step)


def _open(app: Host, run: Run, step: int | None) -> None:
    def work() -> tuple[str, str]:
        """Return a message and its severity."""
        try:
            file = draw_picture(run, step)
        except EntrannasError as error:
            return str(error), "error"
        try:
            open_picture(file)
        except EntrannasError as error:
            return f"the picture is in {safe(str(file))}: {error}", "warning"
        return f"opened {safe(str(file))}", "information"

    def report(result: tuple[str, str]) -> None:
        text, severity = result
        title = "Picture" if severity != "error" else "Picture: not drawn"
        app.notify(text, title=title, severity=severity, timeout=NOTICE_S, markup=False)  # type: ignore[arg-type]

    in_background(app, work, report)
