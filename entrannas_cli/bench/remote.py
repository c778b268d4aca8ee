"""A subject in its own process: questions and answers over its standard streams, one JSON line each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from ..common.errors import EntrannasError, RunFailed, UsageError

__all__ = ["Remote", "Subject", "serve"]

SHUTDOWN_TIMEOUT_S = 10.0  # how long a process may take to exit by itself


class Subject(Protocol):
    """Something that takes steps, on these questions.

    "warm": take ``count`` steps; "round": take ``count`` steps and one more by parts, and return ``seconds`` per
    step and seconds by ``parts``; "facts": return everything else to report, after all rounds.
    """

    def answer(self, question: str, count: int) -> Mapping[str, Any]:
        """Return values for JSON."""


class Remote:
    """A process that serves one subject; a context manager that ends it.

    ``command`` holds the interpreter's arguments, ``specification`` what to build. :meth:`ready` waits until it is
    built, so that several processes can build at the same time.
    """

    def __init__(self, name: str, command: Sequence[str], specification: Mapping[str, Any]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._send(specification)

    def ready(self) -> dict[str, Any]:
        """Wait until the subject is built and return its answer. Raises like :meth:`ask`."""
        return self._receive()

    def ask(self, question: str, count: int = 1) -> dict[str, Any]:
        """Return the subject's answer.

        Raises ``UsageError`` if the subject does, and ``RunFailed`` for other failures, such as the end of its
        process.
        """
        self._send({"question": question, "count": count})
        return self._receive()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # reading its answer will report the end of the process
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise RunFailed(
                f"{self.name}: its process ended with exit code {code}"
                + (": killed, perhaps out of memory: try a smaller --batch-size" if code == -9 else "")
            )
        answer: dict[str, Any] = json.loads(line)
        if error := answer.get("error"):
            kind = UsageError if error["exit_code"] == UsageError.exit_code else RunFailed
            raise kind(f"{self.name}: {error['message']}", error["details"])
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        with suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._process.communicate(timeout=SHUTDOWN_TIMEOUT_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def serve(build: Callable[[dict[str, Any]], AbstractContextManager[Subject]]) -> None:
    """Build the subject specified by the first line, then answer questions until the input ends.

    Its own output is discarded; Ctrl-C is left to the parent process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "w") as answers, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)

        def reply(answer: Mapping[str, Any]) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        try:
            with build(json.loads(sys.stdin.readline())) as subject:
                reply({"ready": True})
                for line in sys.stdin:
                    message = json.loads(line)
                    reply(subject.answer(message["question"], message["count"]))
        except EntrannasError as error:
            reply(_error(error.message, error.details, error.exit_code))
        except Exception as error:
            first, *more = str(error).splitlines() or [""]
            reply(_error(f"{type(error).__name__}: {first}", more, RunFailed.exit_code))


def _error(message: str, details: Sequence[str], exit_code: int) -> dict[str, Any]:
    return {"error": {"message": message, "details": list(details), "exit_code": exit_code}}
