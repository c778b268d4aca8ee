"""The summary printed when a run has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrannas_cli.render.summary import cost_text, print_result, print_summary, summary_fields
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

SUMMARY = {
    "state": "completed",
    "seed": 3,
    "device": "CPU (2 threads)",
    "parameters": 3_349_342,
    "multiply_adds": 528_000_000,
    "target": "20 cells, 36 channels, 3x32x32",
    "search_seconds": 81.0,
    "evaluation_seconds": 4.0,
    "supernet_accuracy": 0.927,
    "derived_accuracy": 0.908,
    "gap": 0.019,
    "sparsity_normal": 0.91,
    "sparsity_reduce": 0.82,
    "connections_normal": [2, 3, 1, 4],
    "connections_reduce": [1, 2, 2, 2],
    "warnings": ["skip connections take over the normal cell"],
}


def test_summary_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(SUMMARY, PUBLISHED["PC_DARTS_cifar"], [("show this run", "entrannas runs show latest")])
    shown = capsys.readouterr().out
    joined = " ".join(shown.split())
    for part in (
        "normal cell: 8 connections",
        "┝━━ sep3 ━►│",
        "3 0 c{k-2} sep_conv_3x3 yes",
        "3.35 M parameters, 528 M multiply-adds (20 cells, 36 channels, 3x32x32)",
        "1m21s on CPU (2 threads), plus 4.0 s for evaluations",
        "super-net 92.7 %, derived network 90.8 %",
        "consistency gap 1.9 %",
        "normal 91.0 %, reduction 82.0 %",
        "normal 2+3+1+4 = 10, reduction 1+2+2+2 = 7",
        "warning: skip connections take over the normal cell",
        "show this run entrannas runs show latest",
    ):
        assert part in joined, part
    assert max(map(len, shown.splitlines())) <= 80


def test_missing_values_are_omitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert summary_fields({}) == []
    print_result({}, None, [])
    assert "network" not in capsys.readouterr().out
    damaged = dict.fromkeys(SUMMARY, "x") | {"gap": float("nan"), "warnings": 7, "connections_normal": [None]}
    assert summary_fields(damaged) == []


def test_cost_is_in_gpu_days_on_a_gpu() -> None:
    assert (
        cost_text({"search_seconds": 5184, "gpu_days": 0.06, "device": "H100"})
        == "0.06 GPU-days (1h26m on H100)"
    )
    assert cost_text({"search_seconds": 5184, "device": "CPU"}) == "1h26m on CPU"


def test_text_of_a_run_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = SUMMARY | {"target": "\x1b[2J", "device": "[red]x[/red]", "warnings": ["\x1b]0;t\x07"]}
    print_result(hostile, None, [])
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07"} & set(shown)
    assert "[red]x[/red]" in shown


def test_next_commands_name_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(tmp_path / "my runs", space="standard", method="entrannas", seed=3)
    with RunSession(run) as session:
        session.begin_attempt(1)
        session.write_genotype(0, 0, PUBLISHED["DARTS_V2"])
        session.update_summary(SUMMARY)
        session.finish("completed")
    print_summary(run)
    shown = capsys.readouterr().out
    assert f"entrannas train '{run.path}'" in shown
    assert f"entrannas search --config '../my runs/{run.id}/config.toml' --seed 4" in shown


def _finish_run(run: Run, facts: dict[str, object]) -> str:
    with RunSession(run) as session:
        session.begin_attempt(1)
        session.update_summary(facts)
        session.finish("completed")
    return run.id


def test_training_summary_shows_its_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(tmp_path, kind="train", space="", method="", seed=0, label="train-DARTS_V2-s0")
    _finish_run(
        run,
        {
            "origin": "published cells DARTS_V2",
            "network": "20 cells, 36 channels",
            "parameters": 3_349_342,
            "test_error": 0.0276,
            "best_test_error": 0.0281,
            "validation_accuracy": 0.96,
            "best_validation_accuracy": 0.97,
            "best_epoch": 590,
            "train_seconds": 7200.0,
            "gpu_days": 1 / 12,
            "device": "a GPU",
        },
    )
    print_summary(run)
    shown = " ".join(capsys.readouterr().out.split())
    for part in (
        "cells published cells DARTS_V2",
        "3.35 M parameters (20 cells, 36 channels)",
        "training 0.083 GPU-days (2h00m on a GPU)",
        "test error 2.76 % (weights of the last epoch), 2.81 % (best weights on held-out images)",
        "accuracy 96.0 %, best 97.0 % in epoch 590",
        f"entrannas export {run.path}",
    ):
        assert part in shown, part


def test_ranking_summary_shows_its_table_and_correlation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(tmp_path, kind="rank", space="standard", method="entrannas", seed=0, name="r")
    row = {
        "rank": 1,
        "search": "s",
        "epoch": 7,
        "is_last": True,
        "accuracy": 0.91,
        "inherited_accuracy": 0.83,
        "sparsity_normal": 0.9,
        "sparsity_reduce": None,
        "connections_normal": [2, 2],
        "connections_reduce": [1, 3],
        "parameters": 66_546,
        "state": "completed",
    }
    failed = row | {"rank": 2, "accuracy": None, "state": "failed", "is_last": False}
    _finish_run(
        run, {"ranking": [row, failed, "damaged"], "kendall_tau": -0.5, "kendall_p": 0.31, "kendall_cells": 4}
    )
    print_summary(run)
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 7 (last) 91.0 83.0 90.0 / – 2+2 1+3 66.5 k" in shown
    assert "2 7 failed" in shown
    assert "Kendall's tau -0.50 between trained and inherited (4 cells, p = 0.31)" in shown
