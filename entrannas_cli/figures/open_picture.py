"""Pictures of cells that are made to be looked at: drawn into the user's cache folder, opened with the viewer."""

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

MAX_KEPT = 100  # pictures in the folder: the newest ones
TIMEOUT_S = 120.0  # seconds for a picture; it takes one or two
STARTUP_S = 3.0  # seconds in which a viewer that can't be started mostly says so
MAX_NAME_CHARS = 80  # characters of an id in a file's name


def draw_picture(run: Run, step: int | None = None) -> Path:
    """Draws the last cells of ``run``, or those after ``step``, as `entrannas genotype draw` does.

    A process of its own does it: the drawing library is large. Raises ``EntrannasError`` with the reason why there
    is no picture.
    """
    path = run.path.absolute()
    file = user_cache_dir() / "pictures" / _name(path, step)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailed(f"{safe(str(file.parent))}: can't be made: {reason_of(error)}") from None
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
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        kind = UsageError if done.returncode == UsageError.exit_code else RunFailed
        raise kind(safe(said[0].removeprefix("entrannas: ")))
    _forget_old(file.parent)
    return file


def _name(path: Path, step: int | None) -> str:
    """Named so that a viewer's title says what it shows; runs of the same id in other folders have their own."""
    readable = "".join(c if c.isalnum() or c in "._-" else "_" for c in path.name)[:MAX_NAME_CHARS]
    which = hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()
    return f"{readable}{'' if step is None else f'-step-{step}'}-{which}.png"


def _forget_old(folder: Path) -> None:
    with contextlib.suppress(OSError):  # others may do the same at the same time
        pictures = sorted(folder.glob("*.png"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in pictures[MAX_KEPT:]:
            old.unlink()


def viewer(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """The program that opens a file with whatever the user views such files with.

    Raises ``UsageError`` that says why nothing can be shown here.
    """
    mac = platform == "darwin"
    if mac and environ.get("SSH_CONNECTION"):
        raise UsageError("this is a session over ssh: it has no screen for pictures")
    if not mac and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        raise UsageError("there is no screen for pictures here (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    name = "open" if mac else "xdg-open"
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        raise UsageError(f"{name}, which opens files with their viewer, isn't installed")
    return found


def open_picture(file: Path) -> None:
    """Opens ``file`` with the viewer, which outlives this process. Raises ``EntrannasError`` if it can't be."""
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
        raise RunFailed(f"{program}: can't be started: {reason_of(error)}") from None
    try:
        code = process.wait(STARTUP_S)
    except subprocess.TimeoutExpired:  # it is the viewer itself, and shows the picture
        return
    if code:
        raise RunFailed(f"{Path(program).name} found no viewer for it (exit code {code})")
