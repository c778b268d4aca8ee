"""The records of ``entrannas bench`` on a terminal: one table, with a column per subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ..common.numbers import bytes_text, count_text, duration, percent
from ..common.text import counted, safe
from .terminal import ascii_only, console_for

__all__ = ["print_records"]

Record = Mapping[str, Any]


def print_records(records: Sequence[Record]) -> None:
    """Print the records to stdout: a table, then notes on the settings and the machine."""
    console = console_for()
    plain = ascii_only(console.file)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for record in records:
        table.add_column(safe(record["subject"]), justify="right")
    for label, cell in _rows(records).items():
        cells = [cell(record) for record in records]
        if any(cells):
            style = "dim" if label.startswith("  ") else ""
            texts = [text or "–" for text in cells]
            texts = [text.replace("–", "-") for text in texts] if plain else texts
            table.add_row(Text(label, style), *(Text(text, style) for text in texts))
    console.print(table)
    console.print()
    for line in _notes(records):
        console.print(Text(line, "dim"), soft_wrap=True)


def _rows(records: Sequence[Record]) -> dict[str, Callable[[Record], str]]:
    def field(*path: str, form: Callable[[Any], str]) -> Callable[[Record], str]:
        def cell(record: Record) -> str:
            value: Any = record
            for name in path:
                value = value.get(name) if isinstance(value, Mapping) else None
            return "" if value is None else form(value)

        return cell

    rows: dict[str, Callable[[Record], str]] = {
        "cells": field("cells", form=safe),
        "sparsity (normal, reduction)": _sparsity,
        "step": field("seconds_per_step", "median", form=_milliseconds),
        "  interquartile range": _quartiles,
    }
    for part in dict.fromkeys(part for record in records for part in record["parts"]):
        if len(records[0]["parts"]) > 1:
            rows[f"  {part}"] = field("parts", part, form=_milliseconds)
    rows |= {
        "time relative to the first": field("ratio_to_first", form=lambda value: f"{value:.2f}"),
        "images per second": field("images_per_second", form=count_text),
        "GPU busy": field("device_busy", form=percent),
        "peak memory above imports": field("peak_memory_bytes", form=bytes_text),
        "checkpoint": field("checkpoint", "seconds", form=_milliseconds),
        "multiply-adds": _multiply_adds,
        "  forward": field("work", "forward", form=count_text),
        "  gradients": field("work", "backward", form=count_text),
        "multiply-adds per second": field("achieved", "multiply_adds_per_second", form=count_text),
        "  share of a matrix product's rate": field("achieved", "share_of_multiply_adds", form=percent),
        "read and written": field("work", "bytes", form=bytes_text),
        "  per second": field("achieved", "bytes_per_second", form=bytes_text),
        "  share of a copy's rate": field("achieved", "share_of_bytes", form=percent),
        "one epoch": field("projected", "epoch_seconds", form=duration),
        "all epochs": field("projected", "seconds", form=duration),
        "  plus evaluations": lambda record: (
            duration(seconds) if (seconds := record.get("projected", {}).get("evaluation_seconds")) else ""
        ),
    }
    return rows


def _milliseconds(seconds: float) -> str:
    milliseconds = 1000 * seconds
    return f"{milliseconds:,.{0 if milliseconds >= 100 else 1 if milliseconds >= 1 else 3}f} ms"


def _quartiles(record: Record) -> str:
    step = record["seconds_per_step"]
    return (
        ""
        if step["count"] < 2
        else "–".join(
            (_milliseconds(step["lower_quartile"]).removesuffix(" ms"), _milliseconds(step["upper_quartile"]))
        )
    )


def _sparsity(record: Record) -> str:
    shares = [record.get(f"sparsity_{kind}") for kind in ("normal", "reduce")]
    return "" if not any(shares) else ", ".join(percent(share, 0) for share in shares)


def _multiply_adds(record: Record) -> str:
    work = record.get("work")
    return "" if work is None else count_text(work["forward"] + work["backward"])


def _notes(records: Sequence[Record]) -> list[str]:
    first = records[0]
    settings, device, versions, can = (
        first[name] for name in ("settings", "device", "versions", "device_can")
    )
    shape = " x ".join(str(side) for side in settings["image"])
    size = (
        f", {settings['network_cells']} cells, {settings['channels']} channels"
        if "network_cells" in settings
        else ""
    )
    lines = [
        f"batch {settings['batch_size']}, images {shape}{size}; {settings['precision']}, "
        f"{settings['memory_format']}; {counted(first['rounds'], 'round')}, side by side",
        f"{safe(device['name'])}, {safe(device['processor'])}; torch {safe(versions['torch'])}; measured peak: "
        f"{count_text(can['multiply_adds_per_second'])} multiply-adds and "
        f"{bytes_text(can['bytes_per_second'])} per second",
    ]
    if paths := settings.get("fast_paths"):
        every = settings.get("derive_every")
        cadence = "" if every is None else f"; architecture.derive_every = {safe(every)}"
        lines.append(f"fast paths: {safe(paths)}{cadence}")
    if projection := first.get("projection"):
        lines.append(
            f"epochs: {projection['epochs']} of {projection['steps_per_epoch']} steps, if all cost as much as these"
            + (
                "; a search by sparsification gets cheaper over time"
                if any("dst" in r["subject"] for r in records)
                else ""
            )
        )
    return lines
