"""Figures as part of a page: SVG without what only a standalone document needs, in the page's colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from markupsafe import Markup, escape

from ..figures import cell_painter
from ..figures.style import COLOURS, GRID, INK, PAPER, LineLook

__all__ = ["PALETTE", "inline_svg", "swatch"]

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
PALETTE: Mapping[str, str] = {  # colour in a figure: CSS variable of the page
    PAPER: "--paper",
    INK: "--ink",
    GRID: "--grid",
    **{colour: f"--line-{n}" for n, colour in enumerate(COLOURS)},
    cell_painter.INK: "--ink",
    cell_painter.QUIET: "--quiet",
    cell_painter.STATION: "--station",
    **{colour: f"--rail-{n}" for n, colour in enumerate(cell_painter.RAILS)},
}
MIN_SCALE = 0.68  # of the drawn width
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NUMBER = re.compile(r"-?\d+\.\d+(e-?\d+)?")
_LENGTH = re.compile(r"([\d.]+)pt")


def inline_svg(picture: bytes, prefix: str, label: str) -> Markup:
    """Convert matplotlib's SVG ``picture`` for a page, with ``label`` as its text alternative.

    Its ids start with ``prefix``. It is as wide as drawn, at 96 pixels per inch. Colours of :data:`PALETTE` become
    CSS variables; ``--least`` is the smallest width at which its text is readable.
    """
    root = ElementTree.fromstring(picture)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag not in (f"{SVG}{name}" for name in _KEPT_TAGS):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        element.tail = None
        if element.tag not in ("text", "tspan"):
            element.text = None
        attributes = dict(element.attrib)
        element.attrib.clear()
        if "id" in attributes and element.tag not in ("path", "clipPath"):
            del attributes["id"]  # only referenced elements need one
        for name, value in attributes.items():
            if name == "id":
                value = f"{prefix}{value}"
            elif name == LINK:
                name, value = "href", f"#{prefix}{value.removeprefix('#')}"
            elif name == "d":
                value = _rounded(value)
            else:
                value = _REFERENCE.sub(rf"url(#{prefix}\1)", _COLOUR.sub(_css_variable, value))
            element.set(name, value)
    width, height = (_pixels(root.attrib.pop(name, "")) for name in ("width", "height"))
    root.attrib.pop("version", None)
    root.attrib |= {
        "width": f"{width:.0f}",
        "height": f"{height:.0f}",
        "style": f"--least: {MIN_SCALE * width:.0f}px",
    }
    root.attrib |= {"role": "img", "aria-label": label}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


_KEPT_TAGS = ("g", "path", "use", "defs", "clipPath", "rect", "text", "tspan")


def _rounded(path: str) -> str:
    """Round ``path`` to hundredths of a pixel."""
    return " ".join(_NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), path).split())


def _css_variable(match: re.Match[str]) -> str:
    name = PALETTE.get(match[0])
    return f"var({name})" if name else match[0]


def _pixels(length: str) -> float:
    match = _LENGTH.fullmatch(length)
    return float(match[1]) * 96 / 72 if match else 0.0


_SHAPES = {
    "o": '<circle cx="20" cy="6" r="3.2"/>',
    "s": '<rect x="17" y="3" width="6" height="6"/>',
    "^": '<path d="M20 2.2 23.8 9.4H16.2z"/>',
    "D": '<path d="M20 1.8 24.2 6 20 10.2 15.8 6z"/>',
    "v": '<path d="M20 9.8 16.2 2.6H23.8z"/>',
}


def swatch(look: LineLook) -> Markup:
    """Return a sample of a line, for a legend."""
    dashes = " ".join(f"{1.8 * length:g}" for length in look.dashes)
    return Markup(
        '<svg width="40" height="12" viewBox="0 0 40 12" aria-hidden="true" style="color: var({})">'
        '<path d="M0 6H40" fill="none" stroke="currentColor" stroke-width="1.8" stroke-dasharray="{}"/>'
        '<g fill="currentColor">{}</g></svg>'
    ).format(PALETTE[look.colour], escape(dashes), Markup(_SHAPES[look.marker]))
