"""Pictures of cells to look at: drawn into the user's cache folder, opened in the viewer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..common.errors import RunFailed, UsageError
from ..common.files import reason_of
from ..common.text import safe
from ..data.availability import user_cache_dir
from ..engine.detach import this_program
from ..store.find_genotype import POINT_MARK
from ..store.run import Run

__all__ = ["draw_picture", "open_picture", "viewer"]

MAX_KEPT = 100  # newest pictures kept in the folder
TIMEOUT_S = 120.0  # for a picture; it usually takes one or two seconds
STARTUP_S = 3.0  # by then, a viewer that cannot start has usually exited
MAX_NAME_CHARS = 80  # of the run's id in a file name


def draw_picture(run: Run, step: int | None = None) -> Path:
    """Draw the last cells of ``run``, or those after ``step``, as `entrannas genotype draw` does.

    A separate process draws: the drawing library is large. Raises ``EntrannasError`` with the reason if it fails.
    """
    path = run.path.absolute()
    file = user_cache_dir() / "pictures" / _name(path, step)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailed(f"{safe(str(file.parent))}: cannot be created: {reason_of(error)}") from None
    reference = str(path) if step is None else f"{path}{POINT_MARK}{step}"
    command = [*this_program(), "genotype", "draw", reference, "--output", str(file)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"{safe(run.id)}: no picture within {TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise RunFailed(f"{safe(run.id)}: no picture: {reason_of(error)}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        error_class = UsageError if done.returncode == UsageError.exit_code else RunFailed
        raise error_class(safe(lines[0].removeprefix("entrannas: ")))
    _forget_old(file.parent)
    return file


def _name(path: Path, step: int | None) -> str:
    """Return a readable file name, as viewers show it; runs with the same id in other folders get another one."""
    readable = "".join(c if c.isalnum() or c in "._-" else "_" for c in path.name)[:MAX_NAME_CHARS]
    digest = hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()
    return f"{readable}{'' if step is None else f'-step-{step}'}-{digest}.png"


def _forget_old(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another process may be doing the same
        pictures = sorted(folder.glob("*.png"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in pictures[MAX_KEPT:]:
            old.unlink()


def viewer(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """Return the program that opens a file in the user's viewer.

    Raises ``UsageError`` with the reason if nothing can be shown here.
    """
    mac = platform == "darwin"
    if mac and environ.get("SSH_CONNECTION"):
        raise UsageError("an SSH session has no screen for pictures")
    if not mac and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        raise UsageError("no screen for pictures (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    name = "open" if mac else "xdg-open"
    program = shutil.which(name, path=environ.get("PATH"))
    if program is None:
        raise UsageError(f"{name}, which opens pictures in a viewer, is not installed")
    return program


def open_picture(file: Path) -> None:
    """Open ``file`` in a viewer that outlives this process. Raises ``EntrannasError`` if that fails."""
    program = viewer()
    try:
        process = subprocess.Popen(
            [program, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise RunFailed(f"{program}: cannot be started: {reason_of(error)}") from None
    try:
        code = process.wait(STARTUP_S)
    except subprocess.TimeoutExpired:  # it is the viewer itself, still showing the picture
        return
    if code:
        raise RunFailed(f"{Path(program).name} found no viewer for the picture (exit code {code})")
