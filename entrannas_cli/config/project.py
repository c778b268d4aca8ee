"""Where the project's ``entrannas.toml`` and its runs are. Loads neither torch nor pydantic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..common.errors import UsageError
from ..common.files import file_error, read_toml
from ..common.text import plain

__all__ = ["CONFIG_FILE", "RUNS_DIR_KEY", "RUNS_DIR_VARIABLE", "find_config_file", "runs_dir"]

CONFIG_FILE = "entrannas.toml"
RUNS_DIR_VARIABLE = "ENTRANNAS_RUNS_DIR"
RUNS_DIR_KEY = "runs_dir"


def find_config_file(start: Path) -> Path | None:
    """Return the nearest ``entrannas.toml`` in ``start`` or a folder above it."""
    start = start.absolute()
    files = (folder / CONFIG_FILE for folder in [start, *start.parents])
    return next((file for file in files if file.is_file()), None)


def runs_dir(
    flag: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    config_file: Path | None = None,
) -> Path:
    """Return the folder of the runs, which need not exist yet.

    It is the first of: ``flag`` (``--runs-dir``), the variable ``ENTRANNAS_RUNS_DIR``, ``runs_dir`` in the nearest
    ``entrannas.toml`` or in the ``config_file`` given instead (relative to that file), ``runs`` in the
    working directory. ``environ`` and ``cwd`` default to the process's own.
    Raises ``UsageError`` if the file is needed and broken.
    """
    cwd = Path.cwd() if cwd is None else cwd
    if flag is not None:
        return cwd / _home_expanded(flag)
    variable = (os.environ if environ is None else environ).get(RUNS_DIR_VARIABLE, "")
    if variable:
        return cwd / _home_expanded(Path(variable))
    file = find_config_file(cwd) if config_file is None else cwd / config_file
    value = "" if file is None else read_toml(file, file_error, follow_links=True).get(RUNS_DIR_KEY, "")
    if file is None or not value:
        return cwd / "runs"
    if not isinstance(value, str) or "\0" in value:
        raise UsageError(
            f'{plain(str(file))}: {RUNS_DIR_KEY}: must be a path in quotes, such as {RUNS_DIR_KEY} = "runs"'
        )
    return file.parent / _home_expanded(Path(value))


def _home_expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(f"{plain(str(path))}: there is no such user's home folder") from None
