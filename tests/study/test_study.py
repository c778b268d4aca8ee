"""The study: its plan, how it continues, and its report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_ind

from benchmarks.study.plan import Job, load_plan
from benchmarks.study.report import depth, markdown
from benchmarks.study.statistics import difference, rank_correlations, spread
from benchmarks.study.work import Study
from entrannas_cli.common.errors import UsageError
from entrannas_cli.method.genotype import CellGraph, Connection
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "benchmarks" / "study" / "study.toml"
SMALL = """
[values.both]
data.dataset = "digits"
data.crop_padding = 1
data.flip = false
data.portion = 0.2
device.threads = 1
checkpoint.minutes = 0
[values.search]
preset = "quick"
network = { cells = 3, channels = 2 }
search = { epochs = 4, batch_size = 32 }
evaluation = { every = 4, calibration_batches = 1 }
target = { cells = 3, channels = 2, image = [1, 8, 8] }
[values.train]
derived = { cells = 3, channels = 2 }
train = { preset = "quick", epochs = 2 }
[[arm]]
name = "dst"
method = "entrannas-dst"
seeds = 1
against = "published"
[[arm]]
name = "top2"
method = "entrannas"
seeds = 1
[[arm]]
name = "alike"
like = "dst"
seeds = 1
[[arm]]
name = "published"
cells = ["DARTS_V2"]
"""


def planned_jobs(text: str, **changes: Any) -> list[Job]:
    path = Path("plan.toml")
    path.write_text(text)
    return load_plan(
        path, **{"scale": "smoke", "data": None, "score": "test", "seeds": None, **changes}
    ).jobs()


def test_jobs_are_in_dependency_order() -> None:
    jobs = load_plan(PLAN, scale="full", data=Path("images.zip"), score="validation", seeds=None).jobs()
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    for job in jobs:
        assert job.needs is None or names.index(job.needs.name) < names.index(job.name)
        if job.kind == "train":
            assert "evaluation.test=false" in job.arguments  # nothing is chosen by the test part
        if job.kind != "draw":
            assert f"data.path={Path('images.zip').absolute()}" in job.arguments
    models = [job.needs.name for job in jobs if job.kind == "draw" and job.needs and job.arm.like == "dst"]
    assert models == [f"dst-s{seed % 4}" for seed in range(8)]
    assert {job.cells for job in jobs if job.arm.name == "published"} == {"DARTS_V2", "PC_DARTS_cifar"}


def test_cell_files_are_relative_to_the_plan() -> None:
    (job,) = planned_jobs('[[arm]]\nname = "mine"\ncells = ["own.json"]\n')
    assert (job.name, job.arguments[1]) == ("own-t0", str(Path("own.json").absolute()))


def test_arm_settings_win_and_seeds_are_limited() -> None:
    jobs = planned_jobs(
        '[values.search]\nnetwork.cells = 5\n[[arm]]\nname = "a"\nmethod = "entrannas"\nseeds = [3, 5, 7]\n'
        "values = { network.cells = 8 }\n",
        seeds=2,
    )
    searches = [job for job in jobs if job.kind == "search"]
    assert [job.seed for job in searches] == [3, 5]
    assert "network.cells=8" in searches[0].arguments
    assert "network.cells=5" not in searches[0].arguments


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[[arm]]\nname = "a"\nmethod = "random"\n', "arm a: seeds: set their number"),
        ('[[arm]]\nname = "a"\n', "arm a: needs a name and one of method, like or cells"),
        ('[[arm]]\nname = "a"\nmethod = "random"\nsedes = 1\n', "unknown key sedes (did you mean seeds?)"),
        ('[[arm]]\nname = "a"\nlike = "b"\nseeds = 1\n', "arm a: like: no arm b"),
        (
            '[[arm]]\nname = "a"\ncells = ["DARTS_V2"]\n[[arm]]\nname = "b"\nlike = "a"\nseeds = 1\n',
            "a has no method",
        ),
        (
            '[[arm]]\nname = "a"\nmethod = "entranas"\nseeds = 1\n',
            "no method entranas (did you mean entrannas?)",
        ),
        (
            '[[arm]]\nname = "a"\nmethod = "entrannas"\nseeds = 1\n[[arm]]\nname = "b"\nlike = "a"\nseeds = 1\n',
            "arm b: like: set derived.cells in [values.train]",
        ),
        ("", "no [[arm]]"),
    ],
)
def test_invalid_plan_is_rejected(text: str, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned_jobs(text)
    assert fault in caught.value.message


def test_needs_at_least_one_seed() -> None:
    with pytest.raises(UsageError, match="--seeds -1: at least 1"):
        planned_jobs(SMALL, seeds=-1)


def test_truncated_cost_line_is_ignored() -> None:
    study = Study(Path())
    Path("cost.jsonl").write_text('{"name": "a", "cpu": 1.5, "wall": 2}\n{"name": "a", "cp')
    assert study.costs() == {"a": {"cpu": 1.5, "wall": 2}}


def test_differences_use_welchs_test() -> None:
    a, b = [27.1, 27.4, 26.7, 28.0], [30.8, 32.5, 26.6]
    found = difference(a, b)
    assert found is not None
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))
    pooled = ((3 * spread(a)["std"] ** 2 + 2 * spread(b)["std"] ** 2) / 5) ** 0.5
    assert found["in_deviations"] == pytest.approx((27.3 - 89.9 / 3) / pooled)
    assert difference(a, b[:1]) is None
    assert difference([1.0, 1.0], [2.0, 2.0]) == {
        "difference": -1.0, "low": -1.0, "high": -1.0, "pooled_std": 0.0, "in_deviations": None
    }  # fmt: skip


def test_rank_correlation_needs_distinct_pairs() -> None:
    assert rank_correlations([(1, 2), (2, 4), (3, 3), (None, 9)])["kendall"] == pytest.approx(1 / 3)
    assert rank_correlations([(1, 2), (1, 4), (1, 3)])["kendall"] is None
    assert rank_correlations([])["n"] == 0


def test_depth_is_the_longest_path() -> None:
    chain = tuple((Connection(node + 1, "skip_connect"),) for node in range(4))
    assert depth(CellGraph(chain)) == 4
    assert depth(CellGraph(chain, concat=(3,))) == 2
    assert depth(PUBLISHED["DARTS_V2"].normal) == 2


def start_study(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.study",
            "--study",
            "study",
            "--plan",
            "plan.toml",
            *map(str, arguments),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_study_is_stopped_and_continued() -> None:
    Path("plan.toml").write_text(SMALL)
    first = start_study("--scale", "smoke", "--nice", 1)
    deadline = time.monotonic() + 600
    while not any('"step"' in file.read_text() for file in Path("study/runs").glob("*-dst-s0/metrics.jsonl")):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    search = next(run for run in list_runs(Path("study/runs")) if run.id.endswith("dst-s0"))
    priority = Path(f"/proc/{search.status().pid}/autogroup")
    assert not priority.exists() or priority.read_text().endswith(" nice 1\n")
    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=300)
    assert first.returncode == 130, told
    assert "run the same command again to resume" in told
    runs = [Run(path) for path in Path("study/runs").iterdir()]
    assert {run.status().state for run in runs} <= {"stopped", "completed", "created"}
    assert next(run for run in runs if run.id.endswith("dst-s0")).status().state == "stopped"

    second = start_study("--scale", "smoke", "--nice", 0)
    text, told = second.communicate(timeout=900)
    assert second.returncode == 0, told
    names = ["DARTS_V2-t0", "alike-s0-t0", "dst-s0", "dst-s0-t0", "top2-s0", "top2-s0-t0"]
    runs = sorted((Run(path) for path in Path("study/runs").iterdir()), key=lambda run: run.id[16:])
    assert [run.id[16:] for run in runs] == names
    assert {run.status().state for run in runs} == {"completed"}
    assert runs[2].status().attempt == 2  # resumed, not restarted
    sizes = [run.summary()["connections_normal"] for run in (runs[1], runs[3])]
    assert sum(sizes[0]) == sum(sizes[1])

    found = json.loads(Path("study/report.json").read_text())
    errors = {row["cells"]: row["error"] for row in found["rows"]}
    assert errors["dst-s0"] == runs[3].summary()["test_error"]
    assert [row["arm"] for row in found["arms"]] == ["dst", "top2", "alike", "published"]
    dst, top2 = found["searches"]
    assert (top2["edges_normal"], top2["operations_per_edge"], top2["loss_ratio"]) == ([8], 1, None)
    assert sum(sizes[1]) >= dst["edges_normal"][0]
    losses = [[row["weight_loss"] for row in runs[index].metrics("step")] for index in (2, 4)]
    ratios = [dst / top2 for dst, top2 in zip(*losses, strict=True)]  # 16 steps: at most one per window
    assert dst["loss_ratio"] == max(ratios[1:])
    assert found["rows"][0]["search_cpu_seconds"] > 0
    assert found["notes"] == []
    assert text == Path("study/report.md").read_text() == markdown(found)
    assert f"| dst | 1 | {100 * errors['dst-s0']:.2f} | published |" in text

    third = start_study("--scale", "smoke", "--nice", 0)
    again, told = third.communicate(timeout=300)
    assert told == "7 of 7 jobs are done\n"
    assert again == text
    assert len(list(Path("study/runs").iterdir())) == len(names)


def test_unknown_arm_is_rejected() -> None:
    Path("plan.toml").write_text(SMALL)
    process = start_study("--scale", "smoke", "--arms", "published,dts")
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2
    assert told == "error: --arms: no arm dts (did you mean dst?); the arms are dst, top2, alike, published\n"


def test_jobs_with_missing_inputs_are_named() -> None:
    Path("plan.toml").write_text(SMALL)
    process = start_study("--scale", "smoke", "--arms", "alike", "--nice", 0)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "missing: alike-s0: dst-s0 is missing\n" in told
