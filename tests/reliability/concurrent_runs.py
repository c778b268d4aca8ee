"""Many processes at once in one folder for runs: searches, resumes, readers, stops and removals.

``python -m tests.reliability.concurrent_runs --searches 20``: all start within a second, under one name. Each must
end like a search that ran alone, while others read, stop and remove runs. Then one run is resumed by several at
once: one of them works, the others say who does.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from entrannas_cli.common.errors import UsageError
from entrannas_cli.monitor.run_index import RunIndex
from entrannas_cli.store.find_run import find_run, list_runs, remove_run
from entrannas_cli.store.run import Run
from entrannas_cli.store.stop import request_stop

from ..search.runs import SMALL, assert_same_search, in_process, start, wait_for, write_space

__all__ = ["resume_at_once", "search_at_once"]


def search_at_once(count: int) -> tuple[float, int]:
    """Start ``count`` searches; read, stop and remove runs meanwhile. Return the seconds of the starts, and reads.

    Raises ``AssertionError`` if one disturbs another.
    """
    write_space(Path.cwd())
    in_process("search", *SMALL, "--quiet", "--name", "alone")
    (alone,) = list_runs(Path("runs"))
    began = time.monotonic()
    processes = [start("search", *SMALL, "--quiet", "--name", "same") for _ in range(count)]
    seconds = time.monotonic() - began
    index, reads, stopped = RunIndex(Path("runs")), 0, False
    while any(process.returncode is None for process in processes):
        assert not index.refresh().problem
        for reading in (["runs", "list"], ["compare"], ["runs", "show", "latest"]):
            in_process(*reading)
            reads += 1
        running = [run for run in list_runs(Path("runs")) if run.status().state == "running"]
        if running and not stopped:
            with suppress(UsageError):  # it has just ended
                request_stop(running[0])
                stopped = True
        for run in running:
            with suppress(UsageError):  # refused, as it runs, unless it has just ended
                remove_run(run)
    for process in processes:
        errors = process.end()
        assert process.returncode == 0, errors
    runs = [run for run in list_runs(Path("runs")) if run.id != alone.id]
    assert len({run.id for run in runs}) == len(runs) <= count
    for run in runs:
        if run.status().state == "stopped":
            in_process("resume", run.id, "--quiet")
        assert_same_search(alone, run)
    index.refresh(thorough=True)
    assert set(index.rows) == {alone.id, *(run.id for run in runs)}
    return seconds, reads


def resume_at_once(count: int) -> Run:
    """Resume a stopped search ``count`` times at once: one works, the others name it. Return the run."""
    write_space(Path.cwd())
    process = start("search", *SMALL, "--quiet", "--name", "resumed", "--set", "checkpoint.minutes=0")
    wait_for(
        lambda: any("resumed" in run.id and run.metrics("step") for run in list_runs(Path("runs"))), "a step"
    )
    process.kill()
    run = find_run("resumed", Path("runs"))
    processes = [start("resume", run.id, "--quiet") for _ in range(count)]
    ended = [(each.end(120), each.returncode) for each in processes]
    assert sorted(code or 0 for _, code in ended) == [0, *[2] * (count - 1)], ended
    for errors, code in ended:
        if code:
            assert "is in use by process" in errors or "is completed" in errors, errors
    assert run.status().state == "completed"
    assert run.status().attempt == 2
    return run


def main() -> None:
    """Print the figures as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.concurrent_runs", description=__doc__)
    parser.add_argument("--searches", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        seconds, reads = search_at_once(options.searches)
        resume_at_once(options.searches)
    print(json.dumps({"searches": options.searches, "started in seconds": round(seconds, 2), "reads": reads}))


if __name__ == "__main__":
    main()
