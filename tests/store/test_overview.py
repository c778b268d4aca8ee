"""Records of runs for lists and for `runs show`, whatever is in their directories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrannas_cli.common.atomic import dump_json
from entrannas_cli.common.files import BrokenRun
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.overview import describe, overview
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import Status, write_status

CONFIG = 'space = "standard"\nmethod = "darts"\nseed = 4\n[data]\ndataset = "digits"\n'
SPACE = 'name = "tiny"\nnodes = 2\noperations = ["skip_connect", "someone_elses_operation"]\n'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(
        tmp_path / "runs",
        space="tiny",
        method="darts",
        seed=4,
        files={"config.toml": CONFIG, "space.toml": SPACE},
    )


def test_columns_are_available_from_the_start(run: Run) -> None:
    seen = overview(run)
    assert [seen.text(key) for key in ("space", "method", "dataset", "seed")] == [
        "tiny",
        "darts",
        "digits",
        "4",
    ]
    assert (seen.loss, seen.accuracy, seen.sparsity, seen.gap) == (None, None, None, None)
    assert seen.status.state == "created"
    assert seen.age < 60
    assert seen.problems == ()


def test_columns_come_from_the_summary(run: Run) -> None:
    with RunSession(run) as session:
        session.update_summary(
            {"weight_loss": 0.5, "accuracy": 0.7, "sparsity_normal": 0.8, "sparsity_reduce": 0.6}
        )
        seen = overview(run)
        assert (seen.loss, seen.accuracy, seen.gap) == (0.5, 0.7, None)
        assert seen.sparsity == pytest.approx(0.7)
        session.update_summary({"supernet_accuracy": 0.65, "gap": -0.01})
        seen = overview(run)
        assert (seen.accuracy, seen.gap) == (0.65, -0.01)
        session.finish("completed")
    facts = json.loads(dump_json(overview(run).to_dict()))
    assert facts["state"] == "completed"
    assert facts["path"] == str(run.path)
    assert facts["weight_loss"] == 0.5


def test_summary_of_a_killed_run_does_not_hide_its_state(run: Run) -> None:
    write_status(run.path, Status(state="running", host=os.uname().nodename, pid=2**22 - 3))
    (run.path / "summary.json").write_text('{"state": "running", "epoch": 3}')
    assert overview(run).to_dict()["state"] == "lost"


def test_space_of_a_run_is_read_without_its_operations(run: Run) -> None:
    assert run.space().operations == ("skip_connect", "someone_elses_operation")
    (run.path / "space.toml").write_text('operations = "x"')
    with pytest.raises(BrokenRun, match="operations"):
        run.space()


def test_details_of_a_run(run: Run) -> None:
    genotype = PUBLISHED["DARTS_V2"]
    with RunSession(run, epochs=1) as session:
        session.write_environment({"device": "cpu"})
        for step in range(1, 4):
            session.write_step({"step": step, "epoch": 1})
        session.write_epoch({"step": 3, "epoch": 1, "gap": 0.5})
        session.write_genotype(3, 1, genotype)
        session.save_checkpoint(3, lambda path: path.write_bytes(b"x" * 100))
        assert describe(run)["next"] == f"entrannas stop {run.path}"
        session.finish("stopped")
    facts = describe(run)
    assert facts["config"]["data"] == {"dataset": "digits"}
    assert facts["environment"] == {"device": "cpu"}
    assert (facts["last_step"]["step"], facts["last_epoch"]["gap"]) == (3, 0.5)
    assert facts["genotype"] == genotype.to_dict()
    assert facts["checkpoints"] == ["checkpoints/step-00000003.pt"]
    assert facts["files"]["checkpoints/step-00000003.pt"] == 100
    assert facts["next"] == f"entrannas resume {run.path}"
    assert facts["problems"] == []
    dump_json(facts)


def test_last_rows_of_a_long_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrannas_cli.store.overview.TAIL_BYTES", 500)
    rows = [{"kind": "epoch", "step": 1, "gap": 0.5}, *({"kind": "step", "step": n} for n in range(1, 100))]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = describe(run)
    assert (facts["last_step"]["step"], facts["last_epoch"]["gap"]) == (99, 0.5)


# damaged directories

DAMAGE: dict[str, Any] = {
    "empty": b"",
    "binary": bytes(range(256)) * 10,
    "half": b'{"state": "running", "pid": 1',
    "list": b"[1, 2, 3]",
    "deep": b"[" * 100_000,
    "nested": b'{"state": "running", "genotype": ' + b"[" * 900 + b"]" * 900 + b"}",
    "wrong types": b'{"state": 5, "step": [], "gap": {}, "warnings": 3, "format": "x", "seed": null, "config": 1}',
    "escapes": b'{"state": "running\\u001b[31m", "method": "\\u001b]0;x\\u0007", "space": "[red]x"}',
    "huge": b'{"step": 1' + b"0" * 400 + b', "gap": 1' + b"0" * 400 + b', "weight_loss": 1e999}',
    "long number": b"seed = " + b"9" * 5000,
    "longer number": b"seed = 0x" + b"f" * 5000,
    "link outside": Path("/dev/zero"),
    "circle": Path("circle"),
    "pipe": None,
    "folder": ...,
}
FILES = (
    "status.json",
    "summary.json",
    "config.toml",
    "environment.json",
    "metrics.jsonl",
    "genotypes.jsonl",
    "genotype.json",
    "space.toml",
    "notes.json",
    "checkpoints",
)


def apply_damage(path: Path, how: Any) -> None:
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    if isinstance(how, bytes):
        path.write_bytes(how)
    elif isinstance(how, Path):
        path.symlink_to(path if how.name == "circle" else how)
    elif how is None:
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("how", DAMAGE, ids=str)
def test_damage_is_named(run: Run, how: str) -> None:
    for name in FILES:
        target = create_run(run.path.parent, space="standard", method="darts", seed=9)
        write_status(target.path, Status(state="stopped", attempt=1))
        apply_damage(target.path / name, DAMAGE[how])
        seen = overview(target)
        facts = describe(target)
        for text in (*seen.problems, *facts["problems"], seen.status.reason):
            assert text.isprintable()
        json.loads(dump_json(seen.to_dict()))
        json.loads(dump_json(facts))
        if name == "status.json":
            assert seen.status.state == "broken"
            assert seen.problems[0].startswith("status.json: ")
            assert facts["next"] == ""
        target.metrics()
        target.genotypes()
        target.checkpoints()
    assert overview(run).problems == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(FILES[:9]), st.binary(max_size=200)))
def test_any_bytes_in_any_file_are_tolerated(run: Run, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (run.path / name).write_bytes(content)
    json.loads(dump_json(describe(run)))


def test_error_that_nobody_foresaw_concerns_one_run_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    other = create_run(run.path.parent, space="standard", method="darts", seed=9)
    read = Run.summary

    def summary(self: Run) -> dict[str, Any]:
        if self == other:
            raise RecursionError("maximum recursion depth exceeded")
        return read(self)

    monkeypatch.setattr(Run, "summary", summary)
    assert overview(run).problems == ()
    assert overview(other).status.state == "broken"
    assert overview(other).problems == ("RecursionError: maximum recursion depth exceeded",)


def test_directories_that_are_not_runs(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "notes"
    folder.mkdir(parents=True)
    assert overview(Run(folder)).problems == ("not a run directory",)
    (folder / "config.toml").write_text("")
    assert overview(Run(folder)).problems == ("status.json: no such file",)
    assert overview(Run(tmp_path / "gone")).status.state == "broken"


def test_thousand_runs_are_listed_quickly(tmp_path: Path) -> None:
    """Only the small files are read, so a run's size doesn't matter."""
    runs = tmp_path / "runs"
    status = Status(state="running", host=os.uname().nodename, pid=os.getpid())
    for number in range(1000):
        path = runs / f"20261124-{number:06d}-standard-darts-s0"
        path.mkdir(parents=True)
        write_status(path, status, durable=False)
        (path / "config.toml").write_text(CONFIG)
        (path / "summary.json").write_text(
            json.dumps({"space": "standard", "method": "darts", "seed": 0, "dataset": "x"})
        )
    with (runs / "20261124-000000-standard-darts-s0" / "metrics.jsonl").open("wb") as file:
        file.truncate(2**40)
    begun = time.process_time()
    assert len([overview(run) for run in list_runs(runs)]) == 1000
    assert time.process_time() - begun < 1.5


def test_reading_runs_imports_no_heavy_packages() -> None:
    code = (
        "import sys, entrannas_cli.store.session, entrannas_cli.store.overview, entrannas_cli.store.stop, "
        "entrannas_cli.cli.runs, entrannas_cli.cli.stop, entrannas_cli.cli.arguments\n"
        "print(*{'torch', 'torchvision', 'numpy', 'pandas', 'pydantic', 'textual', 'sklearn', 'rich.table'} "
        "& set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
