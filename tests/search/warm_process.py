"""Processes that start with torch already imported.

A command spends five seconds of CPU time on imports before its first step. Where a test is about what comes after,
its process is forked from one that has done the imports: it still has its own pid, signals, memory and exit, and
runs the same ``main``.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from multiprocessing.connection import Connection

from entrannas_cli.__main__ import main

from ..reliability.interrupt import VARIABLE, install

__all__ = ["WarmProcess"]

PRELOADED = [
    "entrannas_cli.cli.search",
    "entrannas_cli.engine.runner",
    "entrannas_cli.render.views",
    *(
        f"entrannas_cli.engine.{kind}.{part}"
        for kind in ("search", "train", "rank")
        for part in ("create", "run")
    ),
    "torch._dynamo",  # optimisers import it on creation
]
assert all(map(find_spec, PRELOADED))  # the server is silent about modules that are not there

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


class WarmProcess:
    """A command in its own process, with the current working directory and environment; stderr is piped."""

    def __init__(self, *arguments: str) -> None:
        reader, writer = _context.Pipe(duplex=False)
        self._process = _context.Process(
            target=_run,
            args=(arguments, os.getcwd(), dict(os.environ), writer),  # noqa: PTH109
        )
        self._process.start()
        writer.close()  # so that stderr reaches its end when the process exits
        self.stderr = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
        reader.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while the process runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._process.kill()
        self._process.join()
        self.stderr.close()

    def end(self, seconds: float = 60) -> str:
        """Wait for the end; return what was still written to stderr."""
        self._process.join(seconds)
        assert self.returncode is not None, f"still running after {seconds} s"
        with self.stderr:
            return self.stderr.read()


def _run(arguments: tuple[str, ...], folder: str, environment: Mapping[str, str], stderr: Connection) -> None:
    # the tests themselves may run in the background or under nohup, which ignore these
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(stderr.fileno(), 2)
    stderr.close()
    sys.argv = ["entrannas", *arguments]
    if interrupted := os.environ.get(VARIABLE):
        install(interrupted)
    main()
