"""Rows, conditions, order, groups and differences."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame, isna

from entrannas_cli.common.errors import UsageError
from entrannas_cli.results.columns import COLUMNS, Column
from entrannas_cli.results.differences import configurations, differing
from entrannas_cli.results.published import published_rows
from entrannas_cli.results.table import filtered, grouped, ordered, result_frame
from entrannas_cli.store.run import Run

from .generated import GPU, START, make_runs, search_run, train_run


def configuration_differences(runs: list[Run]) -> DataFrame:
    return differing(configurations(runs)[0])


def row(frame: DataFrame, number: int = 0) -> dict[str, Any]:
    return {str(key): None if isna(value) else value for key, value in frame.iloc[number].to_dict().items()}


# rows


def test_training_row_has_the_numbers_a_paper_reports(tmp_path: Path) -> None:
    search = search_run(
        tmp_path,
        seed=2,
        gap=0.0125,
        sparsity_normal=0.75,
        sparsity_reduce=0.5,
        gpu_days=0.0625,
        search_seconds=5400.0,
    )
    training = train_run(
        tmp_path,
        search,
        seed=7,
        test_error=0.0276,
        parameters=3_349_342,
        multiply_adds=528_000_000,
        connections_normal=[2, 3, 1, 4],
        connections_reduce=[1, 1, 2, 2],
    )
    expected = {
        "run": training.id,
        "kind": "train",
        "state": "completed",
        "space": "standard",
        "method": "entrannas-dst",
        "cells": search.id,
        "search_run": search.id,
        "dataset": "cifar10",
        "seed": 7,
        "epochs": 600,
        "test_error": 2.76,
        "parameters": 3.349342,
        "multiply_adds": 528.0,
        "search_gpu_days": 0.0625,
        "search_seconds": 5400.0,
        "search_device": GPU,
        "topology": "2+3+1+4/1+1+2+2",
        "sparsity": 62.5,
        "gap": 1.25,
        "created": "2026-11-24T12:15:00Z",
        "network": "20 cells, 36 channels",
        "source": None,
    }
    assert expected.items() <= row(result_frame([training])).items()


def test_search_row_has_its_cost_and_no_test_error(tmp_path: Path) -> None:
    search = search_run(tmp_path, gpu_days=0.06, gap=-0.02)
    seen = row(result_frame([search]))
    assert (seen["search_gpu_days"], seen["gap"], seen["search_run"]) == (0.06, -2.0, search.id)
    assert seen["cells"] is seen["test_error"] is seen["train_seconds"] is seen["train_gpu_days"] is None


def test_training_of_published_cells_has_no_search(tmp_path: Path) -> None:
    seen = row(result_frame([train_run(tmp_path)]))
    assert seen["cells"] == "DARTS_V2"
    for key in ("space", "method", "search_gpu_days", "search_device", "sparsity", "gap", "search_run"):
        assert seen[key] is None, key


def test_damaged_values_are_missing(tmp_path: Path) -> None:
    run = train_run(tmp_path)
    damage = {"test_error": "low", "seed": 2**70, "search": ["x"], "parameters": 10**400, "space": "\x1b[31m"}
    damage |= {"connections_normal": [True, {}], "dataset": {"a": 1}}
    path = run.path / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    seen = row(result_frame([run]))
    for key in ("test_error", "seed", "parameters", "topology", "dataset", "search_device", "gap"):
        assert seen[key] is None, key
    assert seen["space"] == "\\x1b[31m"


def test_columns_from_configuration_and_summary_keys(tmp_path: Path) -> None:
    search, training = search_run(tmp_path, channels=24), train_run(tmp_path)
    keys = ["network.channels", "architecture.betas", "network.share_features", "best_epoch", "warnings"]
    keys += ["operations_normal.skip_connect", "preset", "data.path"]
    frame = result_frame([search, training], keys=keys)
    assert [row(frame, n)["network.channels"] for n in (0, 1)] == [24, None]
    assert row(frame)["architecture.betas"] == "[0.5, 0.999]"
    assert row(frame)["network.share_features"] is True
    assert row(frame)["operations_normal.skip_connect"] == 2
    assert row(frame)["warnings"] == "[]"
    assert row(frame, 1)["best_epoch"] == 590
    assert row(frame, 1)["preset"] == "cifar"
    assert filtered(frame, ["network.channels>16"])[0]["run"].tolist() == [search.id]
    assert filtered(frame, ["network.share_features=true"])[0]["run"].tolist() == [search.id]
    (training.path / "config.toml").write_text("[")
    assert isna(result_frame([search, training], keys=["network.channels"])["network.channels"][1])


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("tset_error", "did you mean test_error?"),
        ("network.chanels", "did you mean network.channels?"),
        ("best_epohc", "did you mean best_epoch?"),
        ("zzz", "--list-columns"),
    ],
)
def test_unknown_key_is_rejected_with_a_hint(tmp_path: Path, key: str, hint: str) -> None:
    runs = [search_run(tmp_path), train_run(tmp_path)]
    with pytest.raises(UsageError) as caught:
        result_frame(runs, keys=[key])
    assert hint in str(caught.value)


def test_configurations_are_read_only_when_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = make_runs(tmp_path, 6)
    read: list[Path] = []
    config = Run.config

    def noted(run: Run) -> dict[str, Any]:
        read.append(run.path)
        return config(run)

    monkeypatch.setattr(Run, "config", noted)
    result_frame(runs, keys=["updated", "preset"])
    states = [run.status().state for run in runs]
    assert len(read) <= states.count("created")  # created runs have no summary yet
    result_frame(runs, keys=["data.dataset", "data.portion"])
    assert len(set(read)) == 6


# conditions


@pytest.fixture
def frame(tmp_path: Path) -> DataFrame:
    """Create three trainings with errors of 2.5, 2.75 and 3 %, and two searches."""
    search = search_run(tmp_path, seed=1, gap=-0.01)
    other = search_run(tmp_path, method="darts", space="extended", created=START + 60, gap=0.03)
    runs = [search, other]
    for number, error in enumerate((0.025, 0.0275, 0.03)):
        runs.append(
            train_run(
                tmp_path,
                other if number == 2 else search,
                seed=number,
                test_error=error,
                created=START + 7200 + 60 * number,
            )
        )
    return result_frame(runs, published=True)


@pytest.mark.parametrize(
    ("conditions", "runs"),
    [
        (["kind=train"], 3),
        (["kind!=train"], 2),
        (["test_error<3"], 2),
        (["test_error<=3"], 3),
        (["test_error > 2.5"], 2),
        (["test_error>=2.5", "test_error<2.75"], 1),
        (["test_error=2.75"], 1),
        (["test_error==2.750"], 1),
        (["test_error!=2.75"], 2),
        (["test_error="], 2),
        (["test_error!="], 3),
        (["seed=1"], 2),
        (["seed=1.0"], 2),
        (["method=darts", "kind=search"], 1),
        (["gap<-0.5"], 3),
        (["created>=2026-11-24T12:16"], 2),
        (["created<2026-11-25"], 5),
        ([f"search_device={GPU}"], 5),
    ],
)
def test_conditions_filter_rows(frame: DataFrame, conditions: list[str], runs: int) -> None:
    kept, hints = filtered(frame, conditions)
    assert (kept["state"] != "published").sum() == runs
    assert hints == ()


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("test_error<low", '"low" is not a number'),
        ("test_error<nan", '"nan" is not a number'),
        ("test_error>", "> needs a value after it"),
        ("method<darts", "method is not a number: only = and != compare it"),
        ("created<yesterday", "a time looks like 2026-11-24"),
        ("test_error", 'condition "test_error": expected'),
        ("=3", "expected a column"),
        ("", "expected a column"),
        ("test_eror<3", "did you mean test_error?"),
        ("test_error<\x1b[31m", r"\x1b[31m"),
    ],
)
def test_invalid_conditions_are_rejected(frame: DataFrame, condition: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        filtered(frame, [condition])
    assert says in str(caught.value)


def test_published_rows_are_filtered_by_the_values_they_have(frame: DataFrame) -> None:
    def published(*conditions: str) -> int:
        return int((filtered(frame, conditions)[0]["state"] == "published").sum())

    everything = len(published_rows())
    assert published("seed=0", "state=completed", "kind=train") == everything
    assert published("dataset=imagenet") == 5
    assert published("test_error<2.5") == 2
    assert published("method=DrNAS") == 2


def test_condition_without_a_match_lists_existing_values(frame: DataFrame) -> None:
    kept, (hint,) = filtered(frame, ["method=drats"])
    assert "the runs have darts and entrannas-dst (did you mean darts?)" in hint
    assert (kept["state"] != "published").sum() == 0
    assert filtered(frame, ["seed=9"])[1] == ('no run matches "seed=9"',)


def test_empty_table() -> None:
    empty = result_frame([])
    assert len(empty) == 0
    kept, hints = filtered(empty, ["test_error<3"])
    assert list(kept.columns) == list(COLUMNS)
    assert hints == ()
    assert len(ordered(empty)) == len(grouped(empty, ["method"])) == 0


# order


def test_lowest_error_is_first_then_the_newest(frame: DataFrame) -> None:
    own = filtered(frame, ["kind!="])[0]
    own = ordered(own[own["state"] != "published"])
    assert own["test_error"].tolist()[:3] == [2.5, 2.75, 3.0]
    assert own["method"].tolist()[3:] == ["darts", "entrannas-dst"]


def test_sort_keys(frame: DataFrame) -> None:
    own = frame[frame["state"] != "published"]
    assert ordered(own, ["-test_error"])["test_error"].tolist()[:3] == [3.0, 2.75, 2.5]
    assert isna(ordered(own, ["-test_error"])["test_error"].tolist()[-1])
    twice = ordered(own, ["method", "-seed"])
    assert list(zip(twice["method"], twice["seed"], strict=True)) == [
        ("darts", 2),
        ("darts", 0),
        ("entrannas-dst", 1),
        ("entrannas-dst", 1),
        ("entrannas-dst", 0),
    ]
    with pytest.raises(UsageError, match="did you mean method"):
        ordered(own, ["methd"])


# groups


def test_groups_have_mean_deviation_best_and_count(frame: DataFrame) -> None:
    groups = ordered(grouped(frame[frame["state"] != "published"], ["method", "space"]))
    first, second = row(groups, 0), row(groups, 1)
    assert (first["method"], first["space"], first["runs"]) == ("entrannas-dst", "standard", 3)
    assert first["test_error_mean"] == pytest.approx(2.625)
    assert first["test_error_std"] == pytest.approx(statistics.stdev([2.5, 2.75]))
    assert (first["test_error_best"], first["test_error_count"]) == (2.5, 2)
    assert (second["test_error_mean"], second["test_error_std"], second["test_error_count"]) == (3.0, None, 1)
    assert first["validation_accuracy_best"] > first["validation_accuracy_mean"]
    assert "source" not in groups.columns


def test_values_of_a_search_count_once_per_search(tmp_path: Path) -> None:
    one = search_run(tmp_path, seed=0, gap=0.01)
    two = search_run(tmp_path, seed=1, gap=-0.03, created=START + 60)
    trainings = [
        train_run(tmp_path, one, seed=n, created=START + 7200 + n, test_error=0.02 + n / 1000)
        for n in range(3)
    ]
    for runs, gaps in (
        ([one, two, *trainings], [1.0, -3.0]),
        (trainings, [1.0]),
        ([*trainings, two], [1.0, -3.0]),
    ):
        (seen,) = [row(grouped(result_frame(runs), ["method"]), n) for n in range(1)]
        assert seen["gap_count"] == len(gaps)
        assert seen["gap_mean"] == pytest.approx(statistics.mean(gaps))
        assert seen["gap_best"] == 1.0  # the value closest to zero
        assert seen["test_error_count"] == 3
    copy = search_run(
        tmp_path / "elsewhere", seed=0, gap=0.05
    )  # another search of the same second, with the same id
    assert copy.id == one.id
    assert row(grouped(result_frame([one, copy]), ["method"]))["gap_count"] == 2


def test_network_columns_prefer_the_trained_network(tmp_path: Path) -> None:
    search = search_run(tmp_path, parameters=5_000_000)
    trained = train_run(tmp_path, search, parameters=1_000_000)
    both = row(grouped(result_frame([search, trained]), ["method"]))
    assert (both["runs"], both["parameters_mean"], both["parameters_count"]) == (2, 1.0, 1)
    alone = row(grouped(result_frame([search]), ["method"]))
    assert (alone["parameters_mean"], alone["parameters_count"]) == (5.0, 1)


def test_damaged_numbers_have_no_mean(tmp_path: Path) -> None:
    runs = [train_run(tmp_path, seed=n, test_error=value) for n, value in enumerate((1e306, -1e306))]
    seen = row(grouped(result_frame(runs), ["dataset"], ["test_error"]))
    assert (seen["test_error_std"], seen["test_error_count"]) == (None, 2)


def test_groups_by_any_key_and_by_missing_values(tmp_path: Path) -> None:
    runs = [search_run(tmp_path, channels=c, created=START + n) for n, c in enumerate((16, 16, 24))]
    runs.append(train_run(tmp_path, test_error=0.02))
    seen = grouped(
        result_frame(runs, keys=["network.channels"]), ["network.channels"], ["test_error", "seed"]
    )
    assert [row(seen, n)["network.channels"] for n in range(3)] == [16, 24, None]
    assert [row(seen, n)["runs"] for n in range(3)] == [2, 1, 1]
    assert row(seen, 2)["test_error_mean"] == 2.0
    assert "gap_mean" not in seen.columns
    assert "seed_best" not in seen.columns
    with pytest.raises(UsageError, match='column "state": not a number'):
        grouped(result_frame(runs), ["method"], ["state"])


def test_published_rows_appear_beside_groups(frame: DataFrame) -> None:
    groups = grouped(frame, ["method"])
    (drnas,) = [
        r
        for r in (row(groups, n) for n in range(len(groups)))
        if r["method"] == "DrNAS" and r["parameters_mean"] == 4.1
    ]
    assert (drnas["test_error_mean"], drnas["test_error_std"]) == (2.46, 0.03)
    assert drnas["source"] == "Chen et al., ICLR 2021"
    assert drnas["runs"] is drnas["test_error_best"] is drnas["test_error_count"] is None
    assert "run" not in groups.columns  # the method says it
    assert "DrNAS" in grouped(frame, ["space"])["run"].dropna().tolist()


VALUES = st.lists(st.floats(0, 100), min_size=1, max_size=6)


@given(VALUES)
def test_statistics_are_those_of_a_sample(values: list[float]) -> None:
    records = [
        {"state": "completed", "kind": "train", "search_run": None, "method": "m", "test_error": value}
        for value in values
    ]
    seen = row(grouped(DataFrame(records), ["method"], ["test_error"]))
    assert seen["test_error_mean"] == pytest.approx(statistics.fmean(values))
    expected = statistics.stdev(values) if len(values) > 1 else None
    assert seen["test_error_std"] == (None if expected is None else pytest.approx(expected, abs=1e-9))
    assert (seen["test_error_best"], seen["test_error_count"]) == (min(values), len(values))


# published


def test_published_rows_are_marked_and_have_a_source() -> None:
    rows = published_rows()
    assert len(rows) == 22
    assert all(r["state"] == r["kind"] == "published" and r["source"] for r in rows)
    assert all(r.keys() == COLUMNS.keys() for r in rows)
    by_name = {(r["run"], r["dataset"], r["search_gpu_days"]): r for r in rows}
    darts = by_name["DARTS-2nd", "cifar10", 1.0]
    assert (darts["test_error"], darts["test_error_std"], darts["parameters"]) == (2.76, 0.09, 3.3)
    assert by_name["EnTranNAS", "cifar10", 0.06]["test_error"] is None
    assert by_name["EnTranNAS", "cifar10", 0.07]["test_error"] == 2.22
    assert by_name["EnTranNAS", "cifar10", 0.07]["space"] != "extended"  # a different space from ours
    assert by_name["EnTranNAS-DST", "imagenet", 2.1]["multiply_adds"] == 594
    assert by_name["DARTS-2nd", "imagenet", None]["parameters"] == 4.7


# number formats


@pytest.mark.parametrize(
    ("key", "value", "spread", "text"),
    [
        ("test_error", 2.7649, None, "2.76"),
        ("test_error", 2.7649, 0.0949, "2.76 ± 0.09"),
        ("test_error", 0.001, None, "0.00"),
        ("gap", -0.25, None, "-0.25"),
        ("parameters", 3.349342, None, "3.35"),
        ("parameters", 0.0312, None, "0.031"),
        ("multiply_adds", 528.4, None, "528"),
        ("multiply_adds", 0.62, None, "0.62"),
        ("search_gpu_days", 0.06, None, "0.06"),
        ("search_gpu_days", 0.00123, 0.0004, "0.0012 ± 0.0004"),
        ("search_gpu_days", 1.5, None, "1.50"),
        ("search_seconds", 5432.1, None, "5432"),
        ("seed", 3, None, "3"),
        ("seed", None, None, "–"),
        ("method", None, None, "–"),
        ("method", "darts", None, "darts"),
        ("test_error", float("nan"), None, "–"),
    ],
)
def test_column_number_formats(key: str, value: object, spread: object, text: str) -> None:
    assert COLUMNS[key].text(value, spread) == text


def test_text_of_custom_columns() -> None:
    further = Column(key="x", heading="x", about="", kind="number")
    assert further.text(0.025) == "0.025"
    assert further.text(1e-9, 1e-10) == "1e-09 ± 1e-10"
    assert Column(key="x", heading="x", about="", kind="flag").text(True) == "true"


# differences


def test_only_differing_keys_are_listed(tmp_path: Path) -> None:
    one = search_run(tmp_path, seed=0)
    two = search_run(tmp_path, seed=1, method="darts", channels=24)
    frame = configuration_differences([one, two])
    assert frame.columns.tolist() == ["key", one.id, two.id]
    assert frame.set_index("key").T.to_dict("list") == {
        "method": ["entrannas-dst", "darts"],
        "seed": [0, 1],
        "network.channels": [16, 24],
        "network.share_features": [True, False],
    }
    assert len(configuration_differences([one, one])) == 0


def test_missing_key_counts_as_a_difference(tmp_path: Path) -> None:
    search, training = search_run(tmp_path), train_run(tmp_path)
    frame = configuration_differences([search, training]).set_index("key")
    assert frame[search.id].isna()["derived.channels"]
    assert frame.loc["derived.channels", training.id] == 36
    assert "data.dataset" not in frame.index


def test_one_and_true_differ(tmp_path: Path) -> None:
    one, two = search_run(tmp_path / "a"), search_run(tmp_path / "b")
    (one.path / "config.toml").write_text("a = 1\nb = 1\nc = [1, 2]\n")
    (two.path / "config.toml").write_text("a = true\nb = 1.0\nc = [1, 2]\n")
    frame = configuration_differences([one, two])
    assert frame["key"].tolist() == ["a"]
    assert frame.columns.tolist()[1:] == [str(one.path), str(two.path)]  # the same id twice


def test_unreadable_configurations_are_named(tmp_path: Path) -> None:
    one, two = search_run(tmp_path), search_run(tmp_path, seed=1)
    (one.path / "config.toml").write_text("[")
    configs, (problem,) = configurations([one, two])
    assert list(configs) == [two.id]
    assert problem.startswith(f"{one.id}: config.toml: not valid TOML")
