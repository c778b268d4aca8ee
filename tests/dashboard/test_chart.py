"""The chart widget: keys, mouse, and redrawing only what changed."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.pilot import Pilot

from entrannas_cli.charts.chart import Line
from entrannas_cli.charts.window import Window
from entrannas_cli.dashboard.chart import ChartView


def lines(count: int = 101, *, first: float = 0.0) -> list[Line]:
    x = array("d", range(count))
    y = array("d", (first + n for n in range(count)))
    return [Line("weight", x, y), Line("architecture", x, array("d", (value / 2 for value in y)))]


class CountingChart(ChartView):
    """A chart that counts what it draws and records what it sends to the screen."""

    def __init__(self) -> None:
        self.drawn = 0
        self.sent: list[Region] = []
        super().__init__("loss", lines(), id="chart")

    def _draw(self) -> None:
        self.drawn += 1
        super()._draw()

    def refresh(self, *regions: Region, **how: bool) -> CountingChart:
        self.sent += regions
        super().refresh(*regions, **how)
        return self


class Screen(App[None]):
    CSS = "#chart { height: 20; border: round gray; } #rest { height: 60; } ChartView { height: 20; }"

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[ChartView] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield CountingChart()
            yield ChartView("empty", id="rest")

    def on_mount(self) -> None:
        self.query_one("#chart").focus()

    def on_chart_view_full_screen(self, message: ChartView.FullScreen) -> None:
        self.asked.append(message.control)


Use = Callable[[Pilot[None], CountingChart], Awaitable[None]]


def run_on_chart(what: Use, size: tuple[int, int] = (90, 40)) -> None:
    async def run() -> None:
        app = Screen()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await what(pilot, app.query_one(CountingChart))

    asyncio.run(run())


def text(view: ChartView) -> list[str]:
    return [view.render_line(y).text for y in range(view.content_size.height)]


def span(window: Window) -> float:
    return window.right - window.left


def test_keys_zoom_pan_and_reset() -> None:
    async def keys(pilot: Pilot[None], view: CountingChart) -> None:
        await pilot.press("plus")
        assert view.chart.window.right == 100
        assert span(view.chart.window) == pytest.approx(100 / 1.5)
        await pilot.press("equals_sign", "minus", "left")
        left = view.chart.window
        assert left.right == pytest.approx(100 - 0.2 * span(left))
        await pilot.press("l")
        assert view.chart.window.right == pytest.approx(100)
        await pilot.press("h", "right")
        assert view.chart.window.follows
        await pilot.press("0")
        assert view.chart.window.whole

    run_on_chart(keys)


def test_keys_change_axis_and_smoothing() -> None:
    async def keys(pilot: Pilot[None], view: CountingChart) -> None:
        await pilot.press("L")
        await pilot.pause()
        assert "log, 2 left out" in text(view)[0]
        await pilot.press("L", "m", "m", "m", "M")
        await pilot.pause()
        assert view.chart.smooth == 10
        assert "smooth 10" in text(view)[0]
        await pilot.press(*["M"] * 9)
        assert view.chart.smooth == 1
        await pilot.press(*["m"] * 20)
        assert view.chart.smooth == 500

    run_on_chart(keys)


def test_key_requests_full_screen() -> None:
    async def keys(pilot: Pilot[None], view: CountingChart) -> None:
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(pilot.app, Screen)
        assert pilot.app.asked == [view]

    run_on_chart(keys)


def test_keys_move_the_crosshair() -> None:
    async def keys(pilot: Pilot[None], view: CountingChart) -> None:
        assert not view.check_action("no_crosshair", ())
        await pilot.press("comma")
        assert view.chart.crosshair == 100
        await pilot.press("comma", "shift+left")
        assert view.chart.crosshair == 96  # about two points per column
        await pilot.press("full_stop")
        await pilot.pause()
        assert view.chart.crosshair == 98
        assert "weight 98.000" in text(view)[0]
        assert "step 98" in text(view)[0]
        await pilot.press("escape")
        assert view.chart.crosshair is None
        view.show([Line("few", [0, 50, 100], [1, 2, 3])])
        await pilot.press("comma", "comma")
        assert view.chart.crosshair == 50  # the next point, many columns away

    run_on_chart(keys)


def test_pointer_moves_the_crosshair() -> None:
    async def mouse(pilot: Pilot[None], view: CountingChart) -> None:
        frame = view._drawing.frame
        assert frame is not None
        left = frame.left + 1  # skip the border
        await pilot.hover(view, offset=(left, 5))
        assert view.chart.crosshair == 0
        await pilot.hover(view, offset=(left + frame.columns - 1, 5))
        assert view.chart.crosshair == 100
        await pilot.pause()
        assert "weight 100.000" in text(view)[0]
        await pilot.hover(view, offset=(1, 5))  # over the labels
        assert view.chart.crosshair is None
        await pilot.hover(view, offset=(left + 9, 5))
        assert view.chart.crosshair is not None
        await pilot.hover("#rest", offset=(3, 3))
        await pilot.pause()
        assert view.chart.crosshair is None

    run_on_chart(mouse)


def wheel(view: ChartView, x: int, y: int, *, up: bool) -> events.MouseEvent:
    kind = events.MouseScrollUp if up else events.MouseScrollDown
    left, top = view.region.offset
    return kind(view, x, y, 0, 0, 0, False, False, False, screen_x=left + x, screen_y=top + y)


def test_wheel_zooms_at_the_pointer() -> None:
    async def mouse(pilot: Pilot[None], view: CountingChart) -> None:
        frame = view._drawing.frame
        assert frame is not None
        x = frame.left + 1 + frame.columns // 4
        under = frame.x_at(x - 1)
        for _ in range(3):
            view.post_message(wheel(view, x, 6, up=True))
        await pilot.pause()
        await pilot.pause()
        assert span(view.chart.window) == pytest.approx(100 / 1.25**3)
        after = view._drawing.frame
        assert after is not None
        assert after.x_at(x - 1) == pytest.approx(under, abs=2)
        for _ in range(4):
            view.post_message(wheel(view, x, 6, up=False))
        await pilot.pause()
        assert view.chart.window.whole
        assert pilot.app.query_one(VerticalScroll).scroll_y == 0
        view.post_message(wheel(view, 2, 6, up=False))  # over the labels, where the wheel scrolls the page
        await pilot.pause(0.4)
        assert pilot.app.query_one(VerticalScroll).scroll_target_y > 0
        assert view.chart.window.whole

    run_on_chart(mouse)


def test_dragging_pans() -> None:
    async def mouse(pilot: Pilot[None], view: CountingChart) -> None:
        await pilot.press("plus", "plus")
        await pilot.pause()
        before = view.chart.window
        await pilot.mouse_down(view, offset=(30, 6))
        await pilot.hover(view, offset=(40, 6))
        await pilot.hover(view, offset=(50, 7))
        await pilot.mouse_up(view, offset=(50, 7))
        frame = view._drawing.frame
        assert frame is not None
        moved = before.right - view.chart.window.right
        assert moved == pytest.approx(20 / (frame.columns - 1) * span(before), rel=0.02)
        assert not view.chart.window.follows
        after = view.chart.window
        await pilot.hover(view, offset=(20, 6))  # button released: the pointer moves the crosshair again
        assert view.chart.window == after
        assert view.chart.crosshair is not None

    run_on_chart(mouse)


def test_new_data_keep_the_view_of_the_user() -> None:
    async def data(pilot: Pilot[None], view: CountingChart) -> None:
        await pilot.press("plus", "m")
        before = view.chart.window
        view.show(lines(151))
        assert view.chart.smooth == 5
        assert view.chart.window.right == 150
        assert span(view.chart.window) == pytest.approx(span(before))
        await pilot.press("left")
        stays = view.chart.window
        view.show(lines(201))
        assert (view.chart.window.left, view.chart.window.right) == (stays.left, stays.right)
        view.show([])
        await pilot.pause()
        assert text(view)[0].split() == ["loss", "smooth", "5"]

    run_on_chart(data)


def test_only_changes_are_drawn_and_sent() -> None:
    async def data(pilot: Pilot[None], view: CountingChart) -> None:
        drawn = view.drawn
        view.sent.clear()
        view.show(lines())
        await pilot.pause()
        assert (view.drawn, view.sent) == (drawn, [])
        changed = lines()
        changed[0].y[100] = 99.9  # type: ignore[index]
        view.show(changed)
        await pilot.pause()
        assert view.drawn == drawn + 1
        assert 0 < len(view.sent) < view.content_size.height
        assert view.sent[0].y == 0  # the value in the heading
        assert "weight 99.900" in text(view)[0]
        for count in range(200, 210):
            view.show(lines(count))
        await pilot.pause()
        assert view.drawn == drawn + 2  # ten changes at once are drawn together
        shown = [line.text for line in pilot.app.screen._compositor.render_strips()]
        assert "weight 208.000" in shown[1]

    run_on_chart(data)


def test_two_views_of_the_same_lines() -> None:
    async def data(pilot: Pilot[None], view: CountingChart) -> None:
        other = pilot.app.query_one("#rest", ChartView)
        shared = view.chart.lines
        other.show(shared)
        for one in (view, other):
            one.show(lines(120))
        await pilot.pause()
        assert view.chart.window.right == other.chart.window.right == 119
        assert "weight 119.000" in text(view)[0]
        assert "weight 119.000" in text(other)[0]

    run_on_chart(data)


def test_data_set_before_mounting() -> None:
    async def data(pilot: Pilot[None], view: CountingChart) -> None:
        late = ChartView("late")
        late.show(lines(40))
        await pilot.app.query_one(VerticalScroll).mount(late)
        await pilot.pause()
        assert "weight 39.000" in text(late)[0]
        late.show(lines(50))
        await pilot.pause()
        assert "weight 49.000" in text(late)[0]

    run_on_chart(data)


def test_any_size_is_survived() -> None:
    async def sizes(pilot: Pilot[None], view: CountingChart) -> None:
        for size in ((20, 5), (200, 60), (1, 1), (90, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert all(len(line) == view.content_size.width for line in text(view))
        assert any("┤" in line for line in text(view))

    run_on_chart(sizes)


def test_colours_follow_the_theme() -> None:
    async def themes(pilot: Pilot[None], view: CountingChart) -> None:
        seen = set()
        for theme in ("textual-dark", "textual-light"):
            pilot.app.theme = theme
            await pilot.pause()
            styles = [segment.style for segment in view.render_line(0) if segment.text.startswith("●")]
            assert styles[0] is not None
            seen.add((str(styles[0].color), str(styles[0].bgcolor)))
        assert len({ink for ink, _ in seen}) == len({paper for _, paper in seen}) == 2

    run_on_chart(themes)


def test_long_line_is_drawn_quickly() -> None:
    """Draw 100 by 20 cells with 2 × 50,000 points: the target is 15 ms, the test leaves room for busy machines."""
    count = 50_000
    x = array("d", range(count))
    y = [array("d", ((n * 7919) % 1000 / 1000 + k for n in range(count))) for k in range(2)]

    async def long(pilot: Pilot[None], view: CountingChart) -> None:
        view.show([Line("weight", x, y[0]), Line("architecture", x, y[1])])
        await pilot.pause()
        times = []
        for turn in range(5):
            x.append(float(count + turn))
            for values in y:
                values.append(0.5)
            start = time.perf_counter()
            view.show([Line("weight", x, y[0]), Line("architecture", x, y[1])])
            view._draw()
            times.append(time.perf_counter() - start)
        assert min(times) < 0.05

    run_on_chart(long, (102, 40))
