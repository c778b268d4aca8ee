"""The screen as a small SVG file, one line per row and the same on every machine; and the colours of its texts."""

from __future__ import annotations

import difflib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import pytest
from rich.color import Color, blend_rgb
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from textual.color import Color as AnyColor

from .driver import Driver

__all__ = ["FOLDER", "MADE_WITH", "UPDATE", "Album", "check_versions", "contrast", "svg_of", "texts_of"]

FOLDER = Path(__file__).parent / "snapshots"
MADE_WITH = FOLDER / "made-with.txt"
UPDATE = "--snapshot-update"
RENEW = f"look at what they show, then update them: pytest tests/dashboard/test_snapshots.py {UPDATE}"
SETTLE_S = 2.0  # seconds without a change before a picture is taken
TIMEOUT_S = 10.0  # seconds without a change before a differing picture counts as final
WIDTH, HEIGHT = 10, 20  # of a character cell
DIM = 0.4


def library_versions() -> str:
    """Return the versions of the libraries that draw; other releases may draw differently."""
    textual, rich = version("textual").split("."), version("rich").split(".")
    return f"textual {'.'.join(textual[:2])}, rich {rich[0]}"


def check_versions(config: pytest.Config) -> None:
    """Fail the test if the pictures were made with other releases."""
    made_with = MADE_WITH.read_text().strip() if MADE_WITH.exists() else ""
    if config.getoption(UPDATE):
        FOLDER.mkdir(exist_ok=True)
        MADE_WITH.write_text(library_versions() + "\n")
    elif made_with != library_versions():
        pytest.fail(
            f"the pictures were made with {made_with}, but {library_versions()} is installed: install '.[test]'; "
            f"if that brings another release, {RENEW}"
        )


class Album:
    """Compare screens with the stored pictures, or update those if asked to."""

    def __init__(self, *, update: bool, folder: Path) -> None:
        self._update, self._folder = update, folder
        self._wrong: list[str] = []

    async def take(self, driver: Driver, name: str) -> None:
        """Wait until the screen shows the picture ``name``; ``check`` reports all failures at once."""
        kept = FOLDER / f"{name}.svg"
        wanted = kept.read_text() if kept.exists() else ""
        patience = SETTLE_S if self._update or self._wrong else TIMEOUT_S
        seen, since = "", time.monotonic()
        while True:
            await driver.pilot.pause(0.02)
            now = svg_of(driver)
            if now == wanted:
                return
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                break
        if self._update:
            kept.write_text(seen)
            return
        made = self._folder / kept.name
        made.write_text(seen)
        lines = difflib.unified_diff(
            wanted.splitlines(), seen.splitlines(), "kept", str(made), n=0, lineterm=""
        )
        self._wrong.append("\n".join(list(lines)[:12]) if wanted else f"there is no {kept.name}, see {made}")

    def check(self) -> None:
        """Fail if any picture differs."""
        assert not self._wrong, "\n\n".join([*self._wrong, f"If the new ones are right, {RENEW}"])


def svg_of(driver: Driver) -> str:
    """Return the whole screen as SVG, including what is below a dialog."""
    return _svg(_rows(driver), *driver.app.size)


def texts_of(driver: Driver) -> Iterator[tuple[str, str, str]]:
    """(text, its colour, what is behind it); where there is a dialog, of that alone."""
    screen = driver.app.screen
    region = (screen.query("#dialog, #help").first() if screen.is_modal else screen).region
    for row in _rows(driver)[region.y : region.bottom]:
        for x, text, rules, paper in _pieces(row):
            if region.x <= x < region.right:
                yield text, rules.removeprefix("fill:").partition(";")[0], paper


def contrast(one: str, other: str) -> float:
    """WCAG's, of two colours: from 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [part / 255 for part in AnyColor.parse(colour).rgb]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _rows(driver: Driver) -> list[list[Segment]]:
    screen = driver.app.screen
    shown = screen._compositor.render_update(full=True, screen_stack=driver.app._background_screens)
    return [[segment for strip in row for segment in strip] for row in shown.strips]  # type: ignore[union-attr]


def _svg(rows: list[list[Segment]], columns: int, lines: int) -> str:
    classes: dict[str, str] = {}  # by their CSS rules
    drawn = [list(_pieces(row)) for row in rows]
    papers = Counter(paper for row in drawn for _, text, _, paper in row for _ in text)
    ground = papers.most_common(1)[0][0]
    body = []
    for y, row in enumerate(drawn):
        parts = [*_papers(row, ground), *_texts(row, classes)]
        body.append(f'<g transform="translate(0 {HEIGHT * y})">{"".join(parts)}</g>')
    styles = "".join(f".{name}{{{rules}}}" for rules, name in classes.items())
    size = f"{columns * WIDTH} {lines * HEIGHT}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}">',
            f"<style>text{{font:16px Fira Code,DejaVu Sans Mono,monospace;white-space:pre}}{styles}</style>",
            f'<rect width="100%" height="100%" fill="{ground}"/>',
            *body,
            "</svg>\n",
        )
    )


Piece = tuple[int, str, str, str]  # column, text, CSS rules of the text, background


def _pieces(row: Iterable[Segment]) -> Iterator[Piece]:
    x = 0
    for segment in row:
        if segment.control:
            continue
        ink, paper = _colours(segment.style or Style())
        style = segment.style or Style()
        rules = f"fill:{ink}"
        rules += ";font-weight:bold" if style.bold else ""
        rules += ";font-style:italic" if style.italic else ""
        rules += ";text-decoration:underline" if style.underline else ""
        yield x, segment.text, rules, paper
        x += segment.cell_length


def _colours(style: Style) -> tuple[str, str]:
    ink, paper = (
        (colour or Color.default()).get_truecolor(SVG_EXPORT_THEME, foreground=foreground)
        for colour, foreground in ((style.color, True), (style.bgcolor, False))
    )
    if style.reverse:
        ink, paper = paper, ink
    return (blend_rgb(ink, paper, DIM) if style.dim else ink).hex, paper.hex


def _papers(row: list[Piece], ground: str) -> Iterator[str]:
    for paper, pieces in groupby(row, key=lambda piece: piece[3]):
        same = list(pieces)
        if paper != ground:
            width = sum(Segment(text).cell_length for _, text, _, _ in same)
            place = f' x="{WIDTH * same[0][0]}"' if same[0][0] else ""
            yield f'<rect{place} width="{WIDTH * width}" height="{HEIGHT}" fill="{paper}"/>'


def _texts(row: list[Piece], classes: dict[str, str]) -> Iterator[str]:
    """Yield texts exactly as wide as their cells in any font, without surrounding spaces."""
    for rules, pieces in groupby(row, key=lambda piece: piece[2]):
        same = list(pieces)
        whole = "".join(text for _, text, _, _ in same)
        text = whole if "underline" in rules else whole.strip()
        if not text:
            continue
        x = same[0][0] + (0 if "underline" in rules else len(whole) - len(whole.lstrip()))
        name = classes.setdefault(rules, f"s{len(classes)}")
        length = WIDTH * Segment(text).cell_length
        place = f'x="{WIDTH * x}" y="15" textLength="{length}"'
        yield f'<text class="{name}" {place}>{escape(text, quote=False)}</text>'
