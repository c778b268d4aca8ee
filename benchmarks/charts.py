"""How long charts take to draw: ``python benchmarks/charts.py [--points N] [--times N]``.

Draws a chart of 100 by 20 characters with two lines of N points: for the first time, again, after adding a point to
each line, and with zoom, smoothing and other options. Prints the fastest, median and slowest times.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from entrannas_cli.charts.chart import Chart, Line  # noqa: E402
from entrannas_cli.charts.draw import draw  # noqa: E402

SIZE = (100, 20)


def cases(points: int) -> dict[str, Callable[[], object]]:
    """Return the functions to measure, by name."""
    draws = random.Random(0)
    x = array("d", range(1, points + 1))
    values = [array("d", (draws.random() + number for _ in x)) for number in range(2)]

    def lines() -> list[Line]:
        return [Line(name, x, y) for name, y in zip(("weight", "architecture"), values, strict=True)]

    chart = Chart("loss", lines()).fitted()
    near = replace(chart, window=chart.window.zoomed(50, points / 2, chart.traces))
    log = replace(chart, window=chart.window.scaled(True, chart.traces))
    smooth = replace(chart, smooth=50)
    pointed = replace(chart, crosshair=points / 3)

    def grown() -> None:
        x.append(x[-1] + 1)
        for y in values:
            y.append(draws.random())
        now = lines()
        for line, before in zip(now, chart.lines, strict=True):
            line.following(before)
        grown_chart = replace(chart, lines=now)
        draw(replace(grown_chart, window=chart.window.updated(grown_chart.traces)), *SIZE)

    return {
        "for the first time": lambda: draw(Chart("loss", lines()).fitted(), *SIZE),
        "smoothed for the first time": lambda: draw(Chart("loss", lines(), smooth=50).fitted(), *SIZE),
        "again": lambda: draw(chart, *SIZE),
        "one more point": grown,
        "with the crosshair": lambda: draw(pointed, *SIZE),
        "zoomed 50 times": lambda: draw(near, *SIZE),
        "logarithmic": lambda: draw(log, *SIZE),
        "smoothed": lambda: draw(smooth, *SIZE),
        "200 by 60": lambda: draw(chart, 200, 60),
    }


def main() -> None:
    """Measure each case and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=50_000, help="points per line (50000)")
    parser.add_argument("--times", type=int, default=30, help="timed draws, after one warm-up (30)")
    args = parser.parse_args()
    print(f"2 lines of {args.points} points, Python {platform.python_version()}, {platform.machine()}\n")
    print(f"{'milliseconds':32}{'fastest':>10}{'median':>10}{'slowest':>10}")
    for name, case in cases(args.points).items():
        case()
        times = []
        for _ in range(args.times):
            start = time.perf_counter()
            case()
            times.append(1000 * (time.perf_counter() - start))
        print(f"{name:32}{min(times):10.1f}{statistics.median(times):10.1f}{max(times):10.1f}")


if __name__ == "__main__":
    main()
