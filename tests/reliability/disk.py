"""Let the disk fail under real runs: full, without inodes, read-only, over a limit, or with an error for one file.

``python -m tests.reliability.disk``: the run must stop with one line that gives the reason, exit with 1, and be
resumable once the disk works again; then it must equal an undisturbed run bit for bit. Faults that need a tmpfs are
skipped without the right to mount. A limit on the size of a file, and the error of an exceeded quota, stand in for
a quota, which needs a file system made for it.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from entrannas_cli.store.find_run import find_run
from entrannas_cli.store.run import Run

from ..search.runs import in_process, start, write_space
from .interrupt import APPENDED, REPLACED, VARIABLE
from .kill import KINDS, OFTEN

__all__ = ["FILE_FAULTS", "MOUNTED_FAULTS", "disk_fault", "make_undisturbed", "may_mount"]

MOUNTED_FAULTS = ("full", "inodes", "read-only", "file size")
FILE_FAULTS = tuple(
    f"{error} {file}" for error in ("EIO", "EDQUOT") for file in (*APPENDED, *REPLACED, "lock")
)
FAILS_AT = 3  # the write of a file from which on it fails


def may_mount() -> bool:
    """Return whether this process can mount a tmpfs."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = (
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode == 0
        )
        if mounted:
            subprocess.run(["umount", folder], check=True)
        return mounted


def make_undisturbed(kind: str) -> None:
    """Run one of ``kind`` without faults, in the current directory."""
    write_space(Path.cwd())
    if kind == "rank":
        in_process("search", *KINDS["search"].command[1:], "--quiet", "--name", "searched")
    in_process(*KINDS[kind].command, *OFTEN, "--name", "undisturbed")


def disk_fault(kind: str, fault: str) -> str:
    """Run one of ``kind`` under ``fault``, then resume it; return how it stopped, in one line.

    Raises ``AssertionError`` if it doesn't stop cleanly, or ends other than the undisturbed run.
    """
    name = fault.replace(" ", "-").replace("/", "-").replace("*", "N").replace(".", "-").lower()
    command = [*KINDS[kind].command, *OFTEN, "--name", name]
    if fault in MOUNTED_FAULTS:
        with _mounted(Path(f"{name}-disk")) as (folder, remount):
            line = _on_mounted(command, fault, folder, remount)
            run = _end(name, folder)
            KINDS[kind].assert_same(find_run("undisturbed", Path("runs")), run)
    else:
        error, file = fault.split(" ", 1)
        line = _failed(command, getattr(errno, error), interrupted=f"{error} half {file} {FAILS_AT}")
        run = _end(name, Path("runs"))
        KINDS[kind].assert_same(find_run("undisturbed", Path("runs")), run)
    return line


def _on_mounted(command: Sequence[str], fault: str, folder: Path, remount: Callable[[str], None]) -> str:
    searched = str(find_run("searched", Path("runs")).path) if "searched" in command else ""
    located = [searched if part == "searched" else part for part in (*command, "--runs-dir", str(folder))]
    match fault:
        case "full":
            remount("size=400k")
            line = _failed(located, errno.ENOSPC)
            remount("size=64m")
        case "inodes":
            remount("nr_inodes=12")
            line = _failed(located, errno.ENOSPC)
            remount("nr_inodes=1000")
        case "read-only":  # between two attempts: the files of a running one prevent it
            _failed(located, errno.EIO, interrupted=f"EIO half metrics.jsonl {FAILS_AT}")
            (path,) = folder.iterdir()
            remount("ro")
            line = _failed(["resume", str(path), "--quiet"], errno.EROFS)
            remount("rw")
        case _:
            line = _failed(located, errno.EFBIG, largest_file=20_000)
    return line


def _failed(command: Sequence[str], reason: int, *, interrupted: str = "", largest_file: int = 0) -> str:
    with pytest.MonkeyPatch.context() as patch:
        if interrupted:
            patch.setenv(VARIABLE, interrupted)
        process = start(*command)
    if largest_file:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
    errors = process.end(120)
    assert "Traceback" not in errors, errors
    assert "internal error" not in errors, errors
    if process.returncode == 0 and interrupted:  # a kind of run that doesn't write this file so often
        return "completes without it"
    lines = [line for line in errors.splitlines() if line.startswith("entrannas: ")]
    assert process.returncode == 1, (process.returncode, errors)
    assert len(lines) == 1, errors
    assert os.strerror(reason) in lines[0], errors
    return lines[0]


def _end(name: str, folder: Path) -> Run:
    run = find_run(name, folder)
    if run.status().state != "completed":
        in_process("resume", str(run.path), "--quiet")
    assert run.status().state == "completed"
    return run


@contextmanager
def _mounted(folder: Path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    try:
        yield folder, remount
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def main() -> None:
    """Print how each run stopped on stderr, and the figures as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.disk", description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), action="append")
    options = parser.parse_args()
    faults = [*(MOUNTED_FAULTS if may_mount() else ()), *FILE_FAULTS]
    stopped: dict[str, int] = {}
    for kind in options.kind or list(KINDS):
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            make_undisturbed(kind)
            for fault in faults:
                line = disk_fault(kind, fault)
                stopped[kind] = stopped.get(kind, 0) + (not line.startswith("completes"))
                print(f"{kind}, {fault}: {line}", file=sys.stderr, flush=True)
    print(json.dumps({"faults": len(faults), "stopped": stopped}))


if __name__ == "__main__":
    main()
