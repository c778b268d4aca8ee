"""Commands under a changed clock, and without a terminal, a home or standard streams."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from entrannas_cli.store.run import Run

from ..search.runs import (
    SMALL,
    assert_same_search,
    command,
    in_process,
    only_run,
    start,
    uninterrupted_search,
    write_space,
)
from .interrupt import VARIABLE


@pytest.fixture(scope="module")
def search_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a search that ran without interruption."""
    return uninterrupted_search(tmp_path_factory)


@pytest.mark.parametrize("shift", [-86_400, 86_400])
def test_clock_set_during_a_search_changes_nothing(
    search_run: Run, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_space(Path.cwd())
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, f"clock {shift} metrics.jsonl 9")
        process = start("search", *SMALL, "--quiet")
    errors = process.end()
    assert process.returncode == 0, errors
    assert_same_search(search_run, only_run())
    times = [row["time"] for row in only_run().metrics("step")]
    assert abs(times[-1] - times[0] - shift) < 1000  # the clock was really set
    for reading in (
        ["runs", "list"],
        ["runs", "show", "latest"],
        ["compare"],
        ["plot", "latest", "--output", "a.svg"],
    ):
        in_process(*reading)


STREAMS = {
    "closed stdin": (0,),
    "closed stdout": (1,),
    "closed stderr": (2,),
    "closed standard streams": (0, 1, 2),
}
ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "no TERM": {"TERM": None},
    "unknown TERM": {"TERM": "unheard-of"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "unusable HOME": {"HOME": "/dev/null/home", "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
}
READING = (["runs", "list"], ["runs", "show", "latest"], ["genotype", "show", "latest"], ["compare"])


@pytest.mark.parametrize("condition", [*STREAMS, *ENVIRONMENTS])
def test_commands_work_anywhere(search_run: Run, condition: str) -> None:
    """Each command exits with 0 and without a traceback; a search runs to its end."""
    Path("runs").symlink_to(search_run.path.parent)
    changes = ENVIRONMENTS.get(condition, {})
    environment = {key: value for key, value in (os.environ | changes).items() if value is not None}
    for arguments in READING:
        result = subprocess.run(
            [*_closing(STREAMS.get(condition, ())), *command(*arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, (arguments, result.stderr)
        assert b"Traceback" not in result.stderr
        assert b"Error" not in result.stderr, result.stderr
        if 1 not in STREAMS.get(condition, ()):
            assert result.stdout, arguments


def _closing(streams: tuple[int, ...]) -> list[str]:
    redirections = {0: "<&-", 1: ">&-", 2: "2>&-"}
    return ["sh", "-c", 'exec "$@" ' + " ".join(redirections[n] for n in streams), "sh"] if streams else []


def test_search_without_standard_streams_and_home(search_run: Run) -> None:
    write_space(Path.cwd())
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "TERM", "LANG")}
    closing = _closing((0, 1, 2))
    process = subprocess.Popen([*closing, *command("search", *SMALL)], env=environment | {"LC_ALL": "C"})
    assert process.wait(timeout=120) == 0
    assert_same_search(search_run, only_run())


def test_ignored_hangup_stays_ignored(search_run: Run) -> None:
    """As under `nohup`."""
    write_space(Path.cwd())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = subprocess.Popen(command("search", *SMALL, "--quiet"), stdout=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGHUP, before)
    run = only_run()
    while not run.metrics("step"):
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=120) == 0
    assert_same_search(search_run, run)
