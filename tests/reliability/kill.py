"""Kill real searches, trainings and rankings, again and again, and compare what comes out with an undisturbed run.

``python -m tests.reliability.kill --kind search --kills 100``: half of the kills come at random moments, half in
a write: of a checkpoint, a row, a summary, a genotype, the status, the log, the lock. After each kill the run is
resumed; after a few it may end. Then its rows, cells, final weights and scores must equal those of the undisturbed
run bit for bit, without a missing step or one that stands twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from entrannas_cli.store.find_run import find_run, list_runs
from entrannas_cli.store.run import TRAININGS, Run

from ..rank.rankings import BUDGET, assert_same_ranking
from ..search.runs import SMALL as SMALL_SEARCH
from ..search.runs import assert_same_search, in_process, start, write_space
from ..search.warm_process import WarmProcess
from ..train.trainings import SMALL as SMALL_TRAINING
from ..train.trainings import assert_same_training
from .interrupt import APPENDED, MOMENTS, REPLACED, VARIABLE

__all__ = ["KINDS", "Killed", "kill_runs"]

OFTEN = ("--quiet", "--set", "checkpoint.minutes=0")  # a checkpoint after each step
KILLS_PER_RUN = 6
LIMIT_S = 120.0  # seconds for one attempt


@dataclass(frozen=True)
class Kind:
    """A kind of run: the command that starts one, how two are compared, and the files that it writes."""

    command: tuple[str, ...]
    assert_same: Callable[[Run, Run], None]
    files: tuple[str, ...]


KINDS = {
    "search": Kind(
        ("search", *SMALL_SEARCH),
        assert_same_search,
        ("lock", *APPENDED, *(file for file in REPLACED if "best" not in file)),
    ),
    "train": Kind(
        ("train", "DARTS_V2", *SMALL_TRAINING),
        assert_same_training,
        ("lock", *(file for file in (*APPENDED, *REPLACED) if "genotype" not in file)),
    ),
    "rank": Kind(
        ("rank", "searched", *BUDGET),
        assert_same_ranking,
        ("lock", *(file for file in (*APPENDED, *REPLACED) if file != "genotypes.jsonl")),
    ),
}


@dataclass
class Killed:
    """How many processes were killed, at random moments and in writes by file, and how many runs were compared."""

    random: int = 0
    writes: dict[str, int] = field(default_factory=dict)
    runs: int = 0

    @property
    def kills(self) -> int:
        """Number of killed processes."""
        return self.random + sum(self.writes.values())


def kill_runs(kind: str, kills: int, seed: int, report: Callable[[str], object] = lambda _: None) -> Killed:
    """Kill ``kills`` processes of runs of ``kind``, in the current directory, and compare each run.

    Raises ``AssertionError`` if a run doesn't end like an undisturbed one.
    """
    subject, draw, killed = KINDS[kind], random.Random(seed), Killed()
    write_space(Path.cwd())
    if kind == "rank":
        in_process("search", *SMALL_SEARCH, "--quiet", "--name", "searched")
    begun = time.monotonic()
    in_process(*subject.command, *OFTEN, "--name", "undisturbed")
    seconds = time.monotonic() - begun
    undisturbed = find_run("undisturbed", Path("runs"))
    while killed.kills < kills:
        name = f"killed-{killed.runs}"
        command = [*subject.command, *OFTEN, "--name", name]
        for _ in range(min(KILLS_PER_RUN, kills - killed.kills)):
            file = draw.choice(subject.files) if draw.random() < 0.5 else ""
            if file:
                _attempt(command, f"kill {draw.choice(MOMENTS)} {file} {draw.randint(1, 6)}")
            else:
                _attempt(command, after=draw.uniform(0, seconds))
            run = _created(name)
            if run is None:  # killed before there was a directory
                killed.random += 1
                continue
            _assert_no_gaps(run)
            if run.status().state == "completed":
                break
            assert run.status().state in ("lost", "created"), run.status()
            if file:
                killed.writes[file] = killed.writes.get(file, 0) + 1
            else:
                killed.random += 1
            command = ["resume", run.id, "--quiet"]
        if (run := _created(name)) is not None:
            if run.status().state != "completed":
                _attempt(["resume", run.id, "--quiet"])
            assert run.status().state == "completed", run.status()
            _assert_no_gaps(run)
            subject.assert_same(undisturbed, run)
            killed.runs += 1
        report(f"{killed.kills} of {kills} kills, {killed.runs} runs equal")
    return killed


def _attempt(command: Sequence[str], interrupted: str = "", after: float = LIMIT_S) -> None:
    """Run ``command`` until it ends, is interrupted in a write, or is killed ``after`` seconds."""
    with pytest.MonkeyPatch.context() as patch:
        if interrupted:
            patch.setenv(VARIABLE, interrupted)
        process: WarmProcess = start(*command)
    deadline = time.monotonic() + after
    while process.returncode is None and time.monotonic() < deadline:
        time.sleep(0.005)
    if process.returncode is None:
        assert after < LIMIT_S, f"{command} takes more than {LIMIT_S} s"
        process.kill()
    else:
        errors = process.end()
        assert process.returncode in (0, -9), f"{command} {interrupted}: {errors}"


def _created(name: str) -> Run | None:
    return next((run for run in list_runs(Path("runs")) if run.id.endswith(name)), None)


def _assert_no_gaps(run: Run) -> None:
    """Assert that each step up to the last one stands exactly once in the metrics."""
    for each in (run, *list_runs(run.path / TRAININGS)):
        steps = [row["step"] for row in each.metrics("step")]
        assert steps == list(range(1, len(steps) + 1)), f"{each.id}: {steps}"


def main() -> None:
    """Print the figures as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.kill", description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), default="search")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with suppress(BrokenPipeError):
            killed = kill_runs(
                options.kind,
                options.kills,
                options.seed,
                lambda text: print(text, file=sys.stderr, flush=True),
            )
        print(json.dumps({"kind": options.kind, "kills": killed.kills, **vars(killed), "seed": options.seed}))


if __name__ == "__main__":
    main()
