"""Pictures as files: the same bytes for the same picture, and an old file stays until the new one is whole."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..wording import choices, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURE_SUFFIXES", "PNG_DPI", "any_script", "check_output", "figure_bytes", "write_output"]

FIGURE_SUFFIXES = (".svg", ".png", ".pdf")
PNG_DPI = 150
MOST_PIXELS = 2**26  # of a PNG: a quarter of a gigabyte in memory
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "entrannas"},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": "entrannas", "Producer": None},
    "png": {"Software": None},
}


def check_output(path: Path, suffixes: Sequence[str]) -> str:
    """The suffix of ``path`` in lower case. Raises ``UsageError`` if it is another, or if no file can be there."""
    suffix = path.suffix.lower()
    shown = plain(str(path))
    if suffix not in suffixes:
        found = f"{plain(path.suffix)} is none of them" if path.suffix else "it has none"
        raise UsageError(f"{shown}: the file's ending says what to write, {choices(suffixes)}: {found}")
    try:
        if path.is_dir():
            raise UsageError(f"{shown}: it is a folder; name a file in it")
        if path.exists() and not path.is_file():
            raise UsageError(f"{shown}: not a regular file, so it isn't replaced")
        if not path.parent.is_dir():
            raise UsageError(f"{shown}: there is no folder {plain(str(path.parent))}; make it first")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    return suffix


def write_output(path: Path, data: bytes | str) -> None:
    """Writes ``data`` whole or not at all; of a link what it leads to. Raises ``UsageError`` with the reason."""
    from ..store.atomic import write_atomic

    try:
        write_atomic(path.resolve(), data, durable=False)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle, before 3.13
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: BaseException) -> UsageError:
    from ..store.files import reason_of

    return UsageError(f"{plain(str(path))}: can't be written: {reason_of(error)}")


def figure_bytes(figure: Figure, suffix: str, dpi: float = PNG_DPI) -> bytes:
    """``figure`` as a file of the kind ``suffix``; ``dpi`` pixels an inch in a PNG.

    Text stays text in an SVG, and no time or random number is in it. A PNG that would be too large for memory
    gets fewer pixels an inch.
    """
    import matplotlib

    form = suffix.removeprefix(".")
    if form == "png":
        width, height = figure.get_size_inches()
        dpi = min(dpi, (MOST_PIXELS / (width * height)) ** 0.5, 2**15 / max(width, height))
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "entrannas", "pdf.fonttype": 42}
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings), any_script():
        figure.savefig(buffer, format=form, dpi=dpi, metadata=_METADATA[form])
    return buffer.getvalue()


@contextmanager
def any_script() -> Iterator[None]:
    """No warning where a name is in a script that the font lacks: boxes show it, and an SVG keeps the text."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        yield
