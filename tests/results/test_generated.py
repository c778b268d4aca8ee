"""Generated run directories match those of real searches."""

from __future__ import annotations

import json
from pathlib import Path

from entrannas_cli.results.columns import COLUMNS
from entrannas_cli.results.table import result_frame
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.overview import overview
from entrannas_cli.store.session import RunSession

from ..search.runs import SMALL, write_space
from ..search.runs import in_process as entrannas
from .generated import START, make_runs, search_run, train_run


def keys(path: Path) -> set[str]:
    return set(json.loads(path.read_text()))


GPU_ONLY = {"gpu_days"}


def test_generated_runs_match_real_ones(tmp_path: Path) -> None:
    write_space(Path())
    entrannas("search", *SMALL, "--epochs", "1", "--set", "data.portion=0.2", "--quiet")
    entrannas("train", "latest", "--epochs", "1", "--cells", "3", "--channels", "4", "--quiet")
    training, search = list_runs(tmp_path / "work" / "runs")
    made_search = search_run(tmp_path / "made")
    made_training = train_run(tmp_path / "made", made_search)
    for real, made in ((search, made_search), (training, made_training)):
        assert keys(real.path / "status.json") == keys(made.path / "status.json")
        assert keys(real.path / "summary.json") == keys(made.path / "summary.json") - GPU_ONLY
        summary = made.summary()
        for key, value in real.summary().items():
            assert type(summary[key]) is type(value), key
        known = real.config()
        for section, values in made.config().items():
            if isinstance(values, dict):
                assert set(values) <= set(known[section]), section
            else:
                assert type(values) is type(known[section]), section
    assert set(training.summary()["search"]) == set(made_training.summary()["search"]) - GPU_ONLY
    # and they result in the same columns
    made_row, real_row = (
        {key for key in COLUMNS if frame[key].notna().all()} - {"search_gpu_days", "train_gpu_days"}
        for frame in (result_frame([made_search, made_training]), result_frame([search, training]))
    )
    assert made_row == real_row


def test_every_state_matches_that_of_a_session(tmp_path: Path) -> None:
    """Compare the status and the common part of the summary, for searches and trainings."""
    for kind, make in (("search", search_run), ("train", train_run)):
        real = create_run(
            tmp_path / f"real-{kind}", space="standard", method="darts", seed=1, kind=kind, now=START
        )
        made = make(tmp_path / f"created-{kind}", seed=1, state="created")
        assert keys(real.path / "status.json") == keys(made.path / "status.json")
        assert keys(real.path / "summary.json") <= keys(made.path / "summary.json")
        for state in ("completed", "stopped", "failed"):
            with RunSession(real, epochs=50, steps=4900) as session:
                session.set_progress(50, 4900)
                session.finish(state, "why")
            made = make(tmp_path / f"{state}-{kind}", seed=1, state=state)
            ours, theirs = made.status(), real.status()
            assert (ours.state, ours.kind) == (theirs.state, theirs.kind) == (state, kind)
            assert bool(ours.ended) == bool(theirs.ended)
            assert keys(real.path / "summary.json") <= keys(made.path / "summary.json")


def test_generates_the_requested_number_in_all_states(tmp_path: Path) -> None:
    runs = make_runs(tmp_path / "runs", 81, broken=2)
    assert len({run.id for run in runs}) == 81
    assert len(list((tmp_path / "runs").iterdir())) == 83
    seen = [overview(run) for run in runs]
    assert {one.status.state for one in seen} == {"completed", "running", "stopped", "failed", "created"}
    assert {one.status.kind for one in seen} == {"search", "train"}
    assert not any(one.problems for one in seen)
