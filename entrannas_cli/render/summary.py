"""The end of a search on stdout: its cells, what they cost, and what to type next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ..method.genotype import Genotype
from ..store.run import CONFIG_FILE, Run
from ..store.wording import reference_to
from ..wording import number, plain, texts
from .cell_text import genotype_picture, genotype_tables
from .terminal import ascii_only, console_for
from .text import count_text, duration, percent, safe

__all__ = ["cost_text", "print_result", "print_summary", "summary_facts"]


def print_summary(run: Run) -> None:
    """The result of ``run`` on stdout. Raises ``BrokenRun`` for files that are damaged."""
    summary, reference = run.summary(), reference_to(run)
    seed = number(summary.get("seed"))
    config = plain(shlex.quote(os.path.relpath(run.path / CONFIG_FILE)))
    commands = [
        ("keep the cells as a file", f"entrannas genotype show {reference} --json > cells.json"),
        ("all about this run", f"entrannas runs show {reference}"),
    ]
    if seed is not None:
        commands.append(
            ("search again, from another seed", f"entrannas search --config {config} --seed {seed + 1:.0f}")
        )
    print_result(summary, run.genotype(), commands)


def print_result(
    summary: Mapping[str, Any], genotype: Genotype | None, commands: Sequence[tuple[str, str]]
) -> None:
    """Both cells as pictures and tables, the run's figures and warnings, and the next (purpose, command)s.

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
    for label, value in summary_facts(summary):
        facts.add_row(label, Text(value))
    console.print(facts)
    for warning in texts(summary.get("warnings")):
        console.print(Text.assemble(("warning: ", "bold yellow"), safe(warning)))
    console.print(Text("\nnext", "bold"))
    for purpose, command in commands:
        console.print(Text.assemble((f"  {purpose}\n", "dim"), f"    {command}"), soft_wrap=True)


def summary_facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, text) of what the summary tells: the derived network, cost, accuracies, sparsity, topology."""
    parameters, multiply_adds = summary.get("parameters"), summary.get("multiply_adds")
    size = [
        f"{count_text(value)} {what}"
        for value, what in ((parameters, "parameters"), (multiply_adds, "multiply-adds"))
        if number(value) is not None
    ]
    target = summary.get("target")
    facts = [
        ("network", ", ".join(size) + (f" ({safe(target)})" if isinstance(target, str) and size else "")),
        ("search cost", cost_text(summary)),
        ("accuracy", _accuracies(summary)),
        ("consistency gap", _gap(summary)),
        ("sparsity", _by_kind(summary, "sparsity", _share)),
        ("connections", _by_kind(summary, "connections", _counts)),
    ]
    return [(label, text) for label, text in facts if text]


def cost_text(summary: Mapping[str, Any]) -> str:
    """GPU-days where the search ran on CUDA, otherwise its time on the device; empty if unknown."""
    seconds, evaluation = number(summary.get("search_seconds")), number(summary.get("evaluation_seconds"))
    if seconds is None:
        return ""
    device = summary.get("device")
    days = number(summary.get("gpu_days"))
    text = f"{duration(seconds)}{f' on {safe(device)}' if isinstance(device, str) and device else ''}"
    text = text if days is None else f"{days:.2g} GPU-days ({text})"
    return f"{text}, and {duration(evaluation)} for evaluations" if evaluation else text


def _accuracies(summary: Mapping[str, Any]) -> str:
    pairs = (("super-net", "supernet_accuracy"), ("derived network", "derived_accuracy"))
    known = [
        f"{label} {percent(summary[key])}" for label, key in pairs if number(summary.get(key)) is not None
    ]
    return ", ".join(known) + (" (inherited weights, architecture half)" if known else "")


def _gap(summary: Mapping[str, Any]) -> str:
    gap = number(summary.get("gap"))
    return "" if gap is None else f"{percent(gap)} (super-net less derived network)"


def _by_kind(summary: Mapping[str, Any], key: str, write: Callable[[object], str]) -> str:
    kinds = (("normal", "normal"), ("reduction", "reduce"))
    texts = [(label, write(summary.get(f"{key}_{kind}"))) for label, kind in kinds]
    return ", ".join(f"{label} {text}" for label, text in texts if text)


def _share(value: object) -> str:
    return "" if number(value) is None else percent(value)


def _counts(value: object) -> str:
    """``2+3+1+4 = 10``: the nodes' numbers of connections."""
    if not isinstance(value, list) or not value or not all(type(count) is int for count in value):
        return ""
    return f"{'+'.join(map(str, value))} = {sum(value)}"
