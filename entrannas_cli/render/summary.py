"""The end of a run on stdout: its result, what it cost, and what to type next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ..common.numbers import count_text, duration, hundredths, number, percent
from ..common.text import safe, texts
from ..method.genotype import Genotype
from ..store.find_run import short_id
from ..store.messages import reference_to
from ..store.run import CONFIG_FILE, Run
from .cell_text import genotype_picture, genotype_tables
from .terminal import ascii_only, console_for

__all__ = ["cost_text", "print_result", "print_summary", "ranking_table", "summary_fields"]


def print_summary(run: Run) -> None:
    """Print the result of ``run`` to stdout. Raises ``BrokenRun`` for damaged files."""
    {"train": _print_training, "rank": _print_ranking}.get(run.status().kind, _print_search)(run)


def _print_search(run: Run) -> None:
    summary, reference = run.summary(), reference_to(run)
    seed = number(summary.get("seed"))
    config = safe(shlex.quote(os.path.relpath(run.path / CONFIG_FILE)))
    commands = [
        ("train the network built from these cells", f"entrannas train {reference}"),
        ("draw the cells", f"entrannas genotype draw {reference} --output cells.svg"),
        ("show this run", f"entrannas runs show {reference}"),
    ]
    if seed is not None:
        commands.append(
            ("search again with another seed", f"entrannas search --config {config} --seed {seed + 1:.0f}")
        )
    print_result(summary, run.genotype(), commands)


def _print_training(run: Run) -> None:
    reference = reference_to(run)
    commands = [
        ("compare it with other runs", "entrannas compare"),
        ("write a report", f"entrannas report {reference} --output report.html"),
        ("export the network", f"entrannas export {reference} --format python"),
    ]
    print_result(run.summary(), None, commands)


def _print_ranking(run: Run) -> None:
    summary, reference = run.summary(), reference_to(run)
    console = console_for()
    console.print(ranking_table(summary))
    print_result(summary, None, [("train the best cells", f"entrannas train {reference}")])


def ranking_table(summary: Mapping[str, Any]) -> Table:
    """Return a table of the trained cells of a ranking, best first."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    several = len(texts(summary.get("searches"))) > 1
    heads = ("", "search", "epoch", "trained %", "inherited %", "sparsity n / r %", "connections", "param.")
    for head in heads:
        if head != "search" or several:
            left = head in ("search", "connections")
            table.add_column(head, justify="left" if left else "right", no_wrap=not left, overflow="fold")
    rows = summary.get("ranking")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        sparsity = [hundredths(row.get(f"sparsity_{kind}")) for kind in ("normal", "reduce")]
        cells = [
            safe(row.get("rank")),
            *([safe(short_id(str(row.get("search"))))] if several else []),
            f"{safe(row.get('epoch'))}{' (last)' if row.get('is_last') is True else ''}",
            hundredths(row.get("accuracy")) if row.get("state") == "completed" else safe(row.get("state")),
            hundredths(row.get("inherited_accuracy")),
            " / ".join(sparsity),
            "  ".join(_topology(row.get(f"connections_{kind}")) for kind in ("normal", "reduce")),
            count_text(row.get("parameters")),
        ]
        table.add_row(*map(Text, cells))
    return table


def _topology(counts: object) -> str:
    return "+".join(map(safe, counts)) if isinstance(counts, list) else "–"


def print_result(
    summary: Mapping[str, Any], genotype: Genotype | None, commands: Sequence[tuple[str, str]]
) -> None:
    """Print both cells as pictures and tables, the run's results and warnings, and the next (purpose, command)s.

    What ``summary`` lacks is left out.
    """
    console = console_for()
    if genotype is not None:
        picture = genotype_picture(genotype, console.width, ascii_only(console.file))
        console.print(picture, soft_wrap=True)
        console.print()
        console.print(genotype_tables(genotype, console.width))
        console.print()
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, value in summary_fields(summary):
        facts.add_row(label, Text(value))
    console.print(facts)
    for warning in texts(summary.get("warnings")):
        console.print(Text.assemble(("warning: ", "bold yellow"), safe(warning)))
    console.print(Text("\nnext", "bold"))
    for purpose, command in commands:
        console.print(Text.assemble((f"  {purpose}\n", "dim"), f"    {command}"), soft_wrap=True)


def summary_fields(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (label, text) pairs: the derived network, cost, accuracies, sparsity, topology."""
    parameters, multiply_adds = summary.get("parameters"), summary.get("multiply_adds")
    size = [
        f"{count_text(value)} {what}"
        for value, what in ((parameters, "parameters"), (multiply_adds, "multiply-adds"))
        if number(value) is not None
    ]
    target = summary.get("target") or summary.get("network")
    facts = [
        ("cells", _origin(summary)),
        ("network", ", ".join(size) + (f" ({safe(target)})" if isinstance(target, str) and size else "")),
        ("search cost", cost_text(summary)),
        ("training", cost_text(summary, "train_seconds")),
        ("test error", _test_error(summary)),
        ("held out", _held_out_accuracy(summary)),
        ("rank correlation", _rank_correlation(summary)),
        ("accuracy", _accuracies(summary)),
        ("consistency gap", _gap(summary)),
        ("sparsity", _by_kind(summary, "sparsity", _share)),
        ("connections", _by_kind(summary, "connections", _counts)),
    ]
    return [(label, text) for label, text in facts if text]


def cost_text(summary: Mapping[str, Any], key: str = "search_seconds") -> str:
    """Return GPU-days if the run was on CUDA, otherwise its time on the device; empty if unknown.

    ``key`` names the seconds spent on steps.
    """
    seconds, evaluation = number(summary.get(key)), number(summary.get("evaluation_seconds"))
    if seconds is None:
        return ""
    device = summary.get("device")
    days = number(summary.get("gpu_days"))
    text = f"{duration(seconds)}{f' on {safe(device)}' if isinstance(device, str) and device else ''}"
    text = text if days is None else f"{days:.2g} GPU-days ({text})"
    return f"{text}, plus {duration(evaluation)} for evaluations" if evaluation else text


def _origin(summary: Mapping[str, Any]) -> str:
    origin = summary.get("origin")
    return safe(origin) if isinstance(origin, str) else ""


def _test_error(summary: Mapping[str, Any]) -> str:
    error, best = number(summary.get("test_error")), number(summary.get("best_test_error"))
    if error is None:
        return ""
    text = f"{percent(error, 2)} (weights of the last epoch)"
    return text if best is None else f"{text}, {percent(best, 2)} (best weights on held-out images)"


def _held_out_accuracy(summary: Mapping[str, Any]) -> str:
    accuracy, best = (number(summary.get(key)) for key in ("validation_accuracy", "best_validation_accuracy"))
    if accuracy is None:
        return ""
    text = f"accuracy {percent(accuracy)}"
    return (
        text if best is None else f"{text}, best {percent(best)} in epoch {safe(summary.get('best_epoch'))}"
    )


def _rank_correlation(summary: Mapping[str, Any]) -> str:
    """Return Kendall's tau between the accuracy after training and with inherited weights."""
    if "kendall_tau" not in summary:
        return ""
    tau, p, cells = (number(summary.get(f"kendall_{key}")) for key in ("tau", "p", "cells"))
    if tau is None:
        return "Kendall's tau is unavailable: too few cells have both accuracies"
    chance = "" if p is None else f", p = {p:.2g}"
    return f"Kendall's tau {tau:+.2f} between trained and inherited ({cells or 0:.0f} cells{chance})"


def _accuracies(summary: Mapping[str, Any]) -> str:
    pairs = (("super-net", "supernet_accuracy"), ("derived network", "derived_accuracy"))
    known = [
        f"{label} {percent(summary[key])}" for label, key in pairs if number(summary.get(key)) is not None
    ]
    return ", ".join(known) + (" (inherited weights, architecture half)" if known else "")


def _gap(summary: Mapping[str, Any]) -> str:
    gap = number(summary.get("gap"))
    return "" if gap is None else f"{percent(gap)} (super-net minus derived network)"


def _by_kind(summary: Mapping[str, Any], key: str, write: Callable[[object], str]) -> str:
    kinds = (("normal", "normal"), ("reduction", "reduce"))
    texts = [(label, write(summary.get(f"{key}_{kind}"))) for label, kind in kinds]
    return ", ".join(f"{label} {text}" for label, text in texts if text)


def _share(value: object) -> str:
    return "" if number(value) is None else percent(value)


def _counts(value: object) -> str:
    """Return ``2+3+1+4 = 10``: the connections of each node and of the cell."""
    if not isinstance(value, list) or not value or not all(type(count) is int for count in value):
        return ""
    return f"{'+'.join(map(str, value))} = {sum(value)}"
