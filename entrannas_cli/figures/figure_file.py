"""Figures as the content of files; the same figure gives the same bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURE_SUFFIXES", "PNG_DPI", "any_script", "figure_bytes"]

FIGURE_SUFFIXES = (".svg", ".png", ".pdf")
PNG_DPI = 150
MAX_PIXELS = 2**26  # per PNG: 256 MiB in memory
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "entrannas"},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": "entrannas", "Producer": None},
    "png": {"Software": None},
}


def figure_bytes(figure: Figure, suffix: str, dpi: float = PNG_DPI) -> bytes:
    """Return ``figure`` as a file of type ``suffix``; a PNG has ``dpi`` pixels per inch.

    Text stays text in an SVG, and it contains no time or random number. A PNG that would be too large for memory
    gets fewer pixels per inch.
    """
    import matplotlib

    form = suffix.removeprefix(".")
    if form == "png":
        width, height = figure.get_size_inches()
        dpi = min(dpi, (MAX_PIXELS / (width * height)) ** 0.5, 2**15 / max(width, height))
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "entrannas", "pdf.fonttype": 42}
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings), any_script():
        figure.savefig(buffer, format=form, dpi=dpi, metadata=_METADATA[form])
    return buffer.getvalue()


@contextmanager
def any_script() -> Iterator[None]:
    """Suppress warnings about scripts that the font lacks: boxes show such names, and an SVG keeps the text."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        yield
