"""Reading TOML files, with errors that name file, line and reason. Loads neither torch nor pydantic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..common.errors import UsageError
from ..common.text import safe
from ..common.toml import load_toml

__all__ = ["parse_toml", "read_text", "read_toml"]

LARGEST = 2**20  # bytes: nobody writes so much by hand


def read_text(path: Path) -> str:
    """The text of a small file. Raises ``UsageError`` when it can't be read."""
    where = safe(str(path))
    try:
        if not path.is_file():  # a pipe would wait for its writer, a device may never end
            raise UsageError(f"{where}: {'not a file' if path.exists() else 'no such file'}")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{where}: can't be read: {reason}") from None
    if len(content) > LARGEST:
        raise UsageError(f"{where}: larger than {LARGEST // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")  # editors on Windows begin files with a byte-order mark
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 text (byte {error.start})") from None


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The content of a TOML document; ``name`` says in errors which. Raises ``UsageError``."""
    try:
        return load_toml(text)
    except ValueError as error:
        raise UsageError(f"{safe(name)}: not valid TOML: {safe(str(error))}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file. Raises ``UsageError`` naming the file, the line and the reason."""
    return parse_toml(read_text(path), str(path))
