"""Statistics, timed parts, subprocesses and records, without a network."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from entrannas_cli.bench import parts
from entrannas_cli.bench.busy import busy_seconds, covered
from entrannas_cli.bench.measure import Measured, measure
from entrannas_cli.bench.memory import PeakMemory
from entrannas_cli.bench.remote import Remote
from entrannas_cli.bench.report import append_records, records
from entrannas_cli.bench.spread import median_ratio, spread
from entrannas_cli.common.errors import RunFailed, UsageError

CHILD = """
import os, sys
from contextlib import contextmanager
from entrannas_cli.bench.remote import serve
from entrannas_cli.common.errors import UsageError

class Subject:
    taken = 0
    def answer(self, question, count):
        print("noise on stdout")
        if question == "facts":
            return {"taken": self.taken, "images_per_step": 8, "work": {"forward": 6, "backward": 4, "bytes": 20}}
        self.taken += count
        if self.taken > 1000:
            os._exit(3)
        return {"seconds": 0.5, "parts": {"data": 0.1, "rest": 0.4}}

@contextmanager
def build(specification):
    if specification.get("bad"):
        raise UsageError("no such thing", ["take another one"])
    if specification.get("broken"):
        raise ValueError("a fault")
    yield Subject()

serve(build)
"""
DEVICE = Measured(
    "the device",
    answers=[{"multiply_adds": 100.0, "bytes": 400.0}, {"multiply_adds": 200.0, "bytes": 400.0}],
    facts={"device": {"type": "cpu"}, "versions": {"torch": "2"}},
)


def test_spread_holds_median_and_quartiles() -> None:
    found = spread([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (found.least, found.lower_quartile, found.median, found.upper_quartile, found.most) == (
        1,
        2,
        3,
        4,
        5,
    )
    assert spread([7.0]).as_dict() == {
        "median": 7.0,
        "lower_quartile": 7.0,
        "upper_quartile": 7.0,
        "least": 7.0,
        "most": 7.0,
        "count": 1,
    }
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


def test_ratio_is_computed_per_round() -> None:
    # the third round was slow for both
    assert median_ratio([2.0, 2.0, 20.0], [1.0, 1.0, 10.0]) == 2.0


def test_nested_part_is_subtracted_from_the_outer_part(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)

    def spend(seconds: float) -> None:
        nonlocal now
        now += seconds

    class Worker:
        def inner(self) -> str:
            spend(2)
            return "done"

        def outer(self) -> str:
            spend(1)
            found = self.inner()
            spend(4)
            return found

    clock, worker = parts.Clock(torch.device("cpu")), Worker()
    clock.wrap(worker, {"inner": "inner", "outer": "outer"})
    values = clock.timed_iterator("data", iter([1, 2]))

    def work() -> None:
        spend(8)
        assert worker.outer() == "done"
        assert next(values) == 1
        worker.inner()

    assert clock.measure(work, "rest") == {"rest": 8, "outer": 5, "inner": 4, "data": 0}
    assert worker.outer() == "done"  # still wrapped, outside of a measurement
    assert list(values) == [2]
    assert clock.seconds["outer"] == 5


def test_peak_memory_counts_from_creation() -> None:
    memory = PeakMemory()
    taken = bytearray(64 * 2**20)
    taken[:: 2**10] = b"x" * 2**16  # touch each page
    del taken
    assert memory.bytes > 50 * 2**20


@pytest.fixture
def child(tmp_path: Path) -> Path:
    path = tmp_path / "child.py"
    path.write_text(CHILD)
    return path


def test_subjects_alternate_within_each_round(child: Path) -> None:
    told: list[tuple[str, int, int]] = []
    starts = [partial(Remote, name, (str(child),), {}) for name in ("one", "two")]
    found = measure(starts, warmup=2, rounds=3, steps=4, tell=lambda *values: told.append(values))
    assert [measured.name for measured in found] == ["one", "two"]
    for measured in found:
        assert measured.seconds == [0.5] * 3
        assert measured.parts == {"data": [0.1] * 3, "rest": [0.4] * 3}
        assert measured.facts["taken"] == 2 + 3 * 4
    assert [done for _, done, _ in told] == list(range(11))
    assert {total for *_, total in told} == {10}


def test_error_in_a_subject_names_the_subject(child: Path) -> None:
    with Remote("one", (str(child),), {"bad": True}) as remote:
        with pytest.raises(UsageError, match="one: no such thing") as usage:
            remote.ready()
        assert usage.value.details == ("take another one",)
    with (
        Remote("two", (str(child),), {"broken": True}) as remote,
        pytest.raises(RunFailed, match="two: ValueError: a fault"),
    ):
        remote.ready()
    with Remote("three", (str(child),), {}) as remote:
        remote.ready()
        with pytest.raises(RunFailed, match="three: its process ended with exit code 3"):
            remote.ask("round", 2000)


def test_records_contain_rates_and_projections(tmp_path: Path) -> None:
    projection = {
        "epochs": 2,
        "steps_per_epoch": 10,
        "steps": 20,
        "evaluations": 2,
        "images_per_evaluation": 5,
        "seconds_per_evaluated_image": 0.5,
    }
    work = {"forward": 10, "backward": 20, "bytes": 60}
    first = Measured("a", [2.0, 2.0], {"data": [0.5, 1.5]}, facts={"work": work, "projection": projection})
    second = Measured("b", [1.0, 3.0], facts={"images_per_step": 8})
    rows = records("search", [first, second], DEVICE, steps=3)
    one, other = rows
    assert one["seconds_per_step"]["median"] == 2.0
    assert one["parts"] == {"data": 1.0}
    assert one["device_can"] == {"multiply_adds_per_second": 150.0, "bytes_per_second": 400.0}
    assert one["achieved"]["multiply_adds_per_second"] == 15.0
    assert one["achieved"]["share_of_multiply_adds"] == pytest.approx(0.1)
    assert one["achieved"]["share_of_bytes"] == pytest.approx(30 / 400)
    assert one["projected"] == {"epoch_seconds": 20.0, "seconds": 40.0, "evaluation_seconds": 5.0}
    assert other["images_per_second"] == 4.0
    assert other["ratio_to_first"] == 1.0  # of the ratios 0.5 and 1.5
    assert "achieved" not in other
    assert "projected" not in other
    file = tmp_path / "new" / "results.jsonl"
    append_records(file, rows)
    append_records(file, rows[:1])
    assert [json.loads(line)["subject"] for line in file.read_text().splitlines()] == ["a", "b", "a"]
    with pytest.raises(UsageError, match="cannot be written"):
        append_records(tmp_path, rows)


def test_busy_time_of_a_gpu() -> None:
    assert covered([]) == 0
    assert covered([(0, 2), (5, 6), (1, 3), (5.5, 5.75)]) == 4  # overlaps count once
    taken: list[int] = []
    assert busy_seconds(taken.append, 2, torch.device("cpu")) is None  # other work on the machine is unknown
    assert taken == []
    busy = Measured("a", [0.5], facts={"busy_seconds_per_step": 0.25})
    assert records("search", [busy], DEVICE, steps=1)[0]["device_busy"] == 0.5


def test_parent_process_does_not_load_torch() -> None:
    code = "import sys, entrannas_cli.bench.run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
