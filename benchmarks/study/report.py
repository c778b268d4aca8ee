"""The results of a study: from its run directories to tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from entrannas_cli.common.numbers import number
from entrannas_cli.method.genotype import CellGraph, Genotype
from entrannas_cli.method.operations import get_operation, has_weights
from entrannas_cli.method.space import CELL_KINDS, INPUT_NODES
from entrannas_cli.store.run import Run

from .plan import Arm, Plan
from .statistics import difference, rank_correlations, spread
from .work import Study

__all__ = ["markdown", "results"]

Row = dict[str, Any]
# what is known before a training, by key
SIGNS = {
    "derived_accuracy": "accuracy of the derived network with inherited weights",
    "supernet_accuracy": "accuracy of the super-net",
    "gap": "gap between the two",
    "entropy_normal": "entropy of p, normal cell",
    "entropy_reduce": "entropy of p, reduction cell",
    "depth_normal": "depth of the normal cell",
    "depth_reduce": "depth of the reduction cell",
    "skip_share": "skip connections in the normal cell",
    "free_share": "connections without parameters",
    "input_share": "connections that read an input of the cell, normal cell",
    "connections": "connections",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
}
APART = ("seed", "data.path", "device.", "checkpoint.", "evaluation.")  # keys that don't change the budget


def results(study: Study, plan: Plan, score: str) -> dict[str, Any]:
    """Return rows, arms, rank correlations and notes; errors and accuracies are fractions from 0 to 1."""
    runs, costs = study.runs(), study.costs()
    rows: list[Row] = []
    trainings: list[Run] = []
    for arm in plan.arms:
        for job in (job for job in plan.jobs() if job.arm == arm and job.kind == "train"):
            run = runs.get(job.name)
            if run is None or run.status().state != "completed":
                continue
            search = runs.get(job.cells) if arm.searched else None
            row = {"arm": arm.name, "cells": job.cells, "training_seed": job.training_seed, "run": run.id}
            row |= _trained(run, score) | (_searched(search) if search else {})
            row["search_cpu_seconds"] = costs.get(job.cells, {}).get("cpu") if search else None
            row["train_cpu_seconds"] = costs.get(job.name, {}).get("cpu")
            rows.append(row)
            trainings.append(run)
    cells = _by_cells(rows)
    searched = [row for row in cells if any(arm.name == row["arm"] and arm.searched for arm in plan.arms)]
    return {
        "score": score,
        "arms": [_arm(arm, cells) for arm in plan.arms if any(row["arm"] == arm.name for row in cells)],
        "inherited": _inherited(plan, searched),
        "signs": {
            key: {"all cells": _sign(cells, key), "searches": _sign(searched, key)}
            for key in SIGNS
            if any(row.get(key) is not None for row in cells)
        },
        "searches": _searches(plan, runs),
        "training_noise": _noise(rows),
        "notes": _notes(rows, trainings, score),
        "rows": rows,
    }


def _trained(run: Run, score: str) -> Row:
    summary, genotype = run.summary(), run.genotype()
    accuracy = number(summary.get("validation_accuracy"))
    held_out = None if accuracy is None else 1 - accuracy
    return {
        "error": held_out if score == "validation" else number(summary.get("test_error")),
        "parameters": summary.get("parameters"),
        "multiply_adds": summary.get("multiply_adds"),
        **(_shape(genotype) if genotype else {}),
    }


def _shape(genotype: Genotype) -> Row:
    normal = genotype.normal.connections
    every = [(kind, connection) for kind, cell in genotype.cells for _, connection in cell.connections]
    return {
        "connections_normal": len(normal),
        "connections_reduce": len(genotype.reduce.connections),
        "connections": len(every),
        "depth_normal": depth(genotype.normal),
        "depth_reduce": depth(genotype.reduce),
        "skip_share": fmean(c.operation == "skip_connect" for _, c in normal),
        "free_share": fmean(not has_weights(kind, c.source, get_operation(c.operation)) for kind, c in every),
        "input_share": fmean(c.source < INPUT_NODES for _, c in normal),
    }


def depth(cell: CellGraph) -> int:
    """Return the number of connections on the longest path from a cell input to its output."""
    longest = [0] * INPUT_NODES
    for node in cell.nodes:
        longest.append(1 + max(longest[connection.source] for connection in node))
    return max(longest[node] for node in cell.concat)


def _searched(run: Run) -> Row:
    last = (run.metrics("epoch") or [{}])[-1]
    summary = run.summary()
    found = {key: number(summary.get(key)) for key in ("derived_accuracy", "supernet_accuracy", "gap")}
    found |= {key: number(last.get(key)) for key in ("entropy_normal", "entropy_reduce")}
    return {**found, "warnings": summary.get("warnings")}


def _by_cells(rows: Iterable[Row]) -> list[Row]:
    """Return one row per genotype, with the mean error over its trainings."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["error"] is not None:
            grouped[row["cells"]].append(row)
    return [{**same[0], "error": fmean(row["error"] for row in same)} for same in grouped.values()]


def _arm(arm: Arm, cells: Sequence[Row]) -> Row:
    mine = [row for row in cells if row["arm"] == arm.name]
    others = [row["error"] for row in cells if row["arm"] == arm.against]
    errors = [row["error"] for row in mine]
    means = [
        *("parameters", "multiply_adds", "connections_normal", "connections_reduce"),
        *("depth_normal", "derived_accuracy", "gap", "search_cpu_seconds"),
    ]
    return {
        "arm": arm.name,
        "error": spread(errors),
        "against": arm.against or None,
        "difference": difference(errors, others),
        **{key: _mean(row.get(key) for row in mine) for key in means},
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _inherited(plan: Plan, searched: Sequence[Row]) -> dict[str, Row]:
    """Return the rank correlation of inherited and trained accuracy, over all searches and within each arm."""
    groups = {"all searches": searched}
    groups |= {
        arm.name: [row for row in searched if row["arm"] == arm.name] for arm in plan.arms if arm.searched
    }
    return {
        name: rank_correlations([(row.get("derived_accuracy"), 1 - row["error"]) for row in group])
        for name, group in groups.items()
        if group
    }


def _searches(plan: Plan, runs: Mapping[str, Run]) -> list[Row]:
    """Return how the searches of each arm ended; compare DST with top-2 searches of the same values."""
    ended: dict[str, dict[int, Run]] = defaultdict(dict)
    for job in plan.jobs():
        run = runs.get(job.name)
        if job.kind == "search" and job.arm.searched and run and run.status().state == "completed":
            ended[job.arm.name][job.seed] = run
    top2 = {(arm.space, repr(arm.values)): arm.name for arm in plan.arms if arm.method == "entrannas"}
    rows = []
    for arm in (arm for arm in plan.arms if arm.name in ended):
        beside = "" if arm.method == "entrannas" else top2.get((arm.space, repr(arm.values)), "")
        others = ended.get(beside, {})
        cells = [genotype.cells for run in ended[arm.name].values() if (genotype := run.genotype())]
        edges = [
            {kind: len({(node, c.source) for node, c in cell.connections}) for kind, cell in pair}
            for pair in cells
        ]
        connections = sum(len(cell.connections) for pair in cells for _, cell in pair)
        ratios = [_loss_ratio(run, others[seed]) for seed, run in ended[arm.name].items() if seed in others]
        rows.append(
            {
                "arm": arm.name,
                "n": len(ended[arm.name]),
                **{f"edges_{kind}": [counts[kind] for counts in edges] for kind in CELL_KINDS},
                "operations_per_edge": connections / sum(sum(counts.values()) for counts in edges),
                "gap": _mean(number(run.summary().get("gap")) for run in ended[arm.name].values()),
                "loss_ratio": max(ratios, default=None),
            }
        )
    return rows


def _loss_ratio(run: Run, other: Run) -> float:
    """Return the largest ratio of two searches' losses, averaged over twentieths, after the first tenth."""
    losses = [[float(row["weight_loss"]) for row in each.metrics("step")] for each in (run, other)]
    ends = [min(map(len, losses)) * part // 20 for part in range(2, 21)]
    first, second = ([fmean(loss[a:b]) for a, b in pairwise(ends) if a < b] for loss in losses)
    return max(one / another for one, another in zip(first, second, strict=True))


def _sign(cells: Sequence[Row], key: str) -> Row:
    """Return the rank correlation of a value known before the training with the error after it."""
    return rank_correlations([(row.get(key), row["error"]) for row in cells])


def _noise(rows: Sequence[Row]) -> float | None:
    """Return the pooled standard deviation between trainings of the same cells, or None if all have one."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["error"] is not None:
            grouped[row["cells"]].append(row["error"])
    several = [errors for errors in grouped.values() if len(errors) > 1]
    squares = sum((error - fmean(errors)) ** 2 for errors in several for error in errors)
    return (squares / sum(len(errors) - 1 for errors in several)) ** 0.5 if several else None


def _notes(rows: Sequence[Row], trainings: Sequence[Run], score: str) -> list[str]:
    notes = []
    if unscored := sum(row["error"] is None for row in rows):
        notes.append(f"{unscored} trainings without a {score} error are left out")
    values: dict[str, set[str]] = defaultdict(set)
    for run in trainings:
        for key, value in _flat(run.config()):
            if not key.startswith(APART):
                values[key].add(str(value))
    notes += [
        f"the trainings differ in {key}: {', '.join(sorted(found))}"
        for key, found in sorted(values.items())
        if len(found) > 1
    ]
    return notes


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


# as Markdown


def markdown(found: Mapping[str, Any]) -> str:
    """Format the tables, with errors in percent."""
    score = found["score"]
    parts = [
        _table(
            ("arm", "cells", f"{score} error %", "against", "difference, points (95 %)", "in deviations"),
            [_errors(row) for row in found["arms"]],
        ),
        _table(
            (
                "arm",
                "M parameters",
                "M multiply-adds",
                "connections",
                "depth",
                "derived accuracy %",
                "gap, points",
                "search, CPU s",
            ),
            [_sizes(row) for row in found["arms"]],
        ),
        "How the searches ended. Loss: the super-net's, as the largest ratio to that of the top-2 search\n"
        "of the same seed after the first tenth of the steps.\n\n"
        + _table(
            ("arm", "n", "edges, normal", "edges, reduction", "operations per edge", "gap, points", "loss"),
            [
                (
                    row["arm"],
                    row["n"],
                    *(", ".join(map(str, row[f"edges_{kind}"])) for kind in CELL_KINDS),
                    _text(row["operations_per_edge"]),
                    _text(row["gap"], 100, digits=1),
                    _text(row["loss_ratio"]),
                )
                for row in found["searches"]
            ],
        ),
        "Inherited against trained accuracy:\n\n"
        + _table(
            ("searches", "n", "Kendall's tau", "p", "Spearman's rho"),
            [
                (name, row["n"], _text(row["kendall"]), _text(row["p"]), _text(row["spearman"]))
                for name, row in found["inherited"].items()
            ],
        ),
        "Values known before a training against its error (Kendall's tau, p, n):\n\n"
        + _table(
            ("sign", "all cells", "searches"),
            [
                (SIGNS[key], *(_correlation(row[group]) for group in ("all cells", "searches")))
                for key, row in found["signs"].items()
            ],
        ),
    ]
    if found["training_noise"] is not None:
        parts.append(f"Between trainings of the same cells: {_text(found['training_noise'], 100)} points.")
    parts += [f"Note: {note}." for note in found["notes"]]
    return "\n\n".join(parts) + "\n"


def _errors(row: Row) -> tuple[object, ...]:
    error, comparison = row["error"], row["difference"]
    spread_text = f" ± {_text(error['std'], 100)}" if error["std"] is not None else ""
    interval = "–"
    if comparison:
        low, middle, high = (_text(comparison[key], 100, sign=True) for key in ("low", "difference", "high"))
        interval = f"{middle} ({low} to {high})"
    return (
        row["arm"],
        error["n"],
        f"{_text(error['mean'], 100)}{spread_text}",
        row["against"] or "–",
        interval,
        _text(comparison["in_deviations"], sign=True) if comparison else "–",
    )


def _sizes(row: Row) -> tuple[object, ...]:
    connections = [_text(row[f"connections_{kind}"], digits=1) for kind in ("normal", "reduce")]
    return (
        row["arm"],
        _text(row["parameters"], 1e-6, digits=3),
        _text(row["multiply_adds"], 1e-6),
        " + ".join(connections),
        _text(row["depth_normal"], digits=1),
        _text(row["derived_accuracy"], 100, digits=1),
        _text(row["gap"], 100, digits=1),
        _text(row["search_cpu_seconds"], digits=0),
    )


def _correlation(row: Row) -> str:
    if row["kendall"] is None:
        return "–"
    return f"{_text(row['kendall'], sign=True)}, {_text(row['p'], digits=3)}, {row['n']}"


def _text(value: float | None, scale: float = 1, *, digits: int = 2, sign: bool = False) -> str:
    return "–" if value is None else f"{value * scale:{'+' if sign else ''}.{digits}f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
