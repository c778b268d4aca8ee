"""A chart widget: redrawn only when it changes, controlled by keys and mouse."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ..charts.chart import Chart, Line
from ..charts.draw import Drawing, picture
from ..charts.look import CONTRAST_DARK, CONTRAST_LIGHT, DARK, LIGHT, Look
from ..charts.window import Window
from .keys import bindings

__all__ = ["ChartView"]

SMOOTHINGS = (1, 5, 10, 20, 50, 100, 200, 500)  # points
_ZOOM = 1.5
_WHEEL_ZOOM = 1.25
_PAN = 0.2  # share of the width
_SLICE_S = 0.01  # seconds of smoothing at a time
_PAUSE_S = 0.003  # seconds between two slices


class ChartView(Widget, can_focus=True):
    """Shows a ``Chart``; ``show`` replaces its data and keeps the view.

    Traces are reused from the lines shown before, so a line that grew costs only its new points. Only rows that
    changed are sent to the terminal.
    """

    DEFAULT_CSS = """
    ChartView { width: 1fr; height: 1fr; min-height: 1; }
    """

    BINDINGS = bindings("chart")

    @dataclass
    class FullScreen(Message):
        """``view`` should fill the screen, or no longer do so."""

        view: ChartView

        @property
        def control(self) -> ChartView:
            """The chart."""
            return self.view

    def __init__(
        self,
        title: str = "",
        lines: Iterable[Line] = (),
        *,
        percent: bool = False,
        x_name: str = "step",
        smooth: int = 1,
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's name)
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._chart = Chart(title, tuple(lines), smooth=smooth, percent=percent, x_name=x_name).fitted()
        self._smooth = smooth  # as requested; the chart gets it once all lines are smoothed
        self._ascii = ascii_only
        self._drawing = Drawing([], None)
        self._strips: list[Strip] = []
        self._drawn_size = Size(0, 0)
        self._redraw_pending = False
        self._dragged_from: int | None = None
        self._drawn_inputs = _drawing_inputs(self._chart.lines)

    # data

    @property
    def chart(self) -> Chart:
        """The current chart; another view may share its lines."""
        return self._chart

    def show(self, lines: Iterable[Line], *, title: str | None = None) -> None:
        """Replace the lines, and the title if given; keep window, smoothing and cross-hair.

        Lines are matched by name; the same ``Line`` object again means that it hasn't changed. If nothing changed,
        nothing is drawn.
        """
        previous: dict[str, list[Line]] = {}
        for line in self._chart.lines:
            previous.setdefault(line.name, []).append(line)
        now = tuple(lines)
        for line in now:
            known = previous.get(line.name)
            if known and (last := known.pop(0)) is not line:
                line.following(last)
        inputs = _drawing_inputs(now)
        title = self._chart.title if title is None else title
        if inputs == self._drawn_inputs and title == self._chart.title:
            return
        self._drawn_inputs = inputs
        chart = replace(self._chart, lines=now, title=title)
        self._change(replace(chart, window=chart.window.updated(chart.traces)))

    def _change(self, chart: Chart) -> None:
        """Show ``chart`` soon, so that several changes at once are drawn only once."""
        self._chart = chart
        if not self._redraw_pending and self.is_attached:
            self._redraw_pending = True
            self.call_later(self._redraw)

    # drawing

    @property
    def look(self) -> Look:
        """The colours for the current theme."""
        theme = self.app.current_theme
        if "contrast" in theme.name:
            look = CONTRAST_DARK if theme.dark else CONTRAST_LIGHT
        else:
            look = DARK if theme.dark else LIGHT
        return replace(look, paper=self.background_colors[1].hex6)

    def _draw(self) -> None:
        self._redraw_pending = False
        self._drawn_size = self.content_size
        self._drawing = picture(self._chart, *self._drawn_size, look=self.look, ascii_only=self._ascii)
        console, style = self.app.console, self.rich_style
        width = self._drawn_size.width
        self._strips = [Strip(line.render(console), width).apply_style(style) for line in self._drawing.lines]

    def _redraw(self) -> None:
        if not self._redraw_pending or not self.is_attached:
            return
        before, size = self._strips, self._drawn_size
        self._draw()
        if size != self._drawn_size:
            self.refresh()
            return
        changed = [y for y, strip in enumerate(self._strips) if strip != before[y]]
        if changed:
            self.refresh(*(Region(0, y, size.width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` of the chart, redrawn if the size changed."""
        if self._drawn_size != self.content_size:
            self._draw()
        return (
            self._strips[y] if y < len(self._strips) else Strip.blank(self._drawn_size.width, self.rich_style)
        )

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._repaint())

    def notify_style_update(self) -> None:
        """Redraw, since the colours depend on the styles."""
        super().notify_style_update()
        self._repaint()

    def _repaint(self) -> None:
        self._drawn_size = Size(0, 0)  # so the next ``render_line`` redraws
        self.refresh()

    # keys

    def action_zoom(self, zoom_in: bool) -> None:
        """Zoom around the cross-hair, or around the newest point while that is followed."""
        self._zoom(_ZOOM if zoom_in else 1 / _ZOOM, self._chart.crosshair)

    def _zoom(self, factor: float, at: float | None) -> None:
        self._set_window(self._chart.window.zoomed(factor, at, self._chart.traces))

    def _set_window(self, window: Window) -> None:
        self._change(replace(self._chart, window=window))

    def action_pan(self, direction: int) -> None:
        """Pan left (-1) or right (1)."""
        self._set_window(self._chart.window.panned(direction * _PAN, self._chart.traces))

    def action_fit(self) -> None:
        """Show all data."""
        self._set_window(self._chart.window.fitted(self._chart.traces))

    def action_log(self) -> None:
        """Switch between a logarithmic and a linear axis."""
        window = self._chart.window
        self._set_window(window.scaled(not window.log, self._chart.traces))

    def action_smooth(self, direction: int) -> None:
        """Smooth over more points (1) or fewer (-1)."""
        smooth = self._smooth
        if direction > 0:
            smooth = min((n for n in SMOOTHINGS if n > smooth), default=smooth)
        else:
            smooth = max((n for n in SMOOTHINGS if n < smooth), default=smooth)
        self._smooth = smooth
        self._prepare(smooth, 0)

    def _prepare(self, smooth: int, done: int) -> None:
        """Smooth the lines after the first ``done``, a few at a time so that keys don't wait."""
        if smooth != self._smooth:  # changed again meanwhile
            return
        lines, deadline = self._chart.lines, time.monotonic() + _SLICE_S
        while done < len(lines) and time.monotonic() < deadline:
            lines[done].trace.smoothed(smooth)
            done += 1
        if done < len(lines):
            self.set_timer(_PAUSE_S, partial(self._prepare, smooth, done))
        else:
            self._change(replace(self._chart, smooth=smooth))

    def action_crosshair(self, direction: int) -> None:
        """Move the cross-hair to the next point at least a column away; show it at the right edge first."""
        window, frame = self._chart.window, self._drawing.frame
        trace = next((trace for trace in self._chart.traces if len(trace)), None)
        if trace is None or frame is None:
            return
        x = self._chart.crosshair
        if x is None:
            self._set_crosshair(window.right)
            return
        step = (window.right - window.left) / max(frame.columns - 1, 1)
        if direction > 0:
            at = min(bisect_left(trace.x, x + step), len(trace) - 1)
        else:
            at = max(bisect_right(trace.x, x - step) - 1, 0)
        if window.left <= trace.x[at] <= window.right:
            self._set_crosshair(trace.x[at])

    def action_no_crosshair(self) -> None:
        """Hide the cross-hair."""
        self._set_crosshair(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether ``action`` is enabled: escape only while there is a cross-hair."""
        return action != "no_crosshair" or self._chart.crosshair is not None

    def _set_crosshair(self, x: float | None) -> None:
        """Put the cross-hair on the point nearest to ``x``; hide it for None."""
        at = None if x is None else _nearest(self._chart.lines, x)
        if at != self._chart.crosshair:
            self._change(replace(self._chart, crosshair=at))

    def action_full_screen(self) -> None:
        """Ask for the full screen, or to leave it."""
        self.post_message(self.FullScreen(self))

    # mouse

    def _x_under(self, event: events.MouseEvent) -> float | None:
        """Return the x value under the pointer; None outside the plot."""
        offset, frame = event.get_content_offset(self), self._drawing.frame
        if offset is None or frame is None or not frame.top <= offset.y < frame.top + frame.rows:
            return None
        return frame.x_at(offset.x)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in at the pointer; outside the plot the page scrolls."""
        self._wheel(event, _WHEEL_ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out at the pointer."""
        self._wheel(event, 1 / _WHEEL_ZOOM)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        x = self._x_under(event)
        if x is not None:
            event.stop()
            event.prevent_default()
            self._zoom(factor, x)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start dragging."""
        if event.button == 1 and self._x_under(event) is not None:
            self.capture_mouse()
            self._dragged_from = event.screen_x

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag, or move the cross-hair."""
        frame = self._drawing.frame
        if self._dragged_from is None:
            self._set_crosshair(self._x_under(event))
        elif frame is not None and event.screen_x != self._dragged_from:
            share = (self._dragged_from - event.screen_x) / max(frame.columns - 1, 1)
            self._dragged_from = event.screen_x
            self._chart = replace(self._chart, crosshair=None)
            self._set_window(self._chart.window.panned(share, self._chart.traces))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stop dragging."""
        if self._dragged_from is not None:
            self._dragged_from = None
            self.release_mouse()

    def on_leave(self, event: events.Leave) -> None:
        """Hide the cross-hair when the pointer leaves."""
        if event.node is self:
            self._set_crosshair(None)


def _drawing_inputs(lines: Sequence[Line]) -> list[tuple[object, ...]]:
    """Return what a drawing of ``lines`` depends on."""
    return [(line.name, line.style, line.number, line.trace, line.trace.version) for line in lines]


def _nearest(lines: Sequence[Line], x: float) -> float | None:
    """Return the x of the point nearest to ``x`` among all lines."""
    traces = [line.trace for line in lines]
    candidates = [trace.x[at] for trace in traces if (at := trace.nearest(x)) is not None]
    return min(candidates, key=lambda candidate: abs(candidate - x), default=None)
