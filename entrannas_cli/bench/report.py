"""The measurements, as records for JSON and as lines of a results file. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common.errors import UsageError
from ..common.files import reason_of
from ..common.text import safe
from ..store.jsonl import JsonLinesWriter
from .measure import Measured
from .spread import median_ratio, spread

__all__ = ["FORMAT", "append_records", "device_can", "records"]

FORMAT = "entrannas-bench"
VERSION = 1


def records(kind: str, found: Sequence[Measured], device: Measured, *, steps: int) -> list[dict[str, Any]]:
    """Return one record per subject, in the order of ``found``; ``device`` has the rates of the same rounds.

    Times are seconds, sizes bytes; docs/performance.md describes the keys.
    """
    can = device_can(device)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        {
            "format": FORMAT,
            "version": VERSION,
            "time": now,
            "kind": kind,
            "subject": measured.name,
            "rounds": len(measured.seconds),
            "steps_per_round": steps,
            **_times(measured),
            "ratio_to_first": median_ratio(measured.seconds, found[0].seconds),
            **_achieved(measured, can),
            "device_can": can,
            **_projected(measured),
            **measured.facts,
            **device.facts,
        }
        for measured in found
    ]


def device_can(device: Measured) -> dict[str, float]:
    """Return multiply-adds and bytes per second, as medians of the rounds."""
    return {
        f"{what}_per_second": spread([answer[what] for answer in device.answers]).median
        for what in ("multiply_adds", "bytes")
    }


def _times(measured: Measured) -> dict[str, Any]:
    step = spread(measured.seconds)
    times: dict[str, Any] = {
        "seconds_per_step": step.as_dict(),
        "parts": {part: spread(seconds).median for part, seconds in measured.parts.items()},
    }
    if images := measured.facts.get("images_per_step"):
        times["images_per_second"] = images / step.median
    if (busy := measured.facts.get("busy_seconds_per_step")) is not None:
        times["device_busy"] = busy / step.median
    return times


def _achieved(measured: Measured, can: Mapping[str, float]) -> dict[str, Any]:
    work = measured.facts.get("work")
    if work is None:
        return {}
    seconds = spread(measured.seconds).median
    rates = {
        "multiply_adds": (work["forward"] + work["backward"]) / seconds,
        "bytes": work["bytes"] / seconds,
    }
    return {
        "achieved": {
            **{f"{what}_per_second": rate for what, rate in rates.items()},
            **{f"share_of_{what}": rate / can[f"{what}_per_second"] for what, rate in rates.items()},
        }
    }


def _projected(measured: Measured) -> dict[str, Any]:
    """Return the projected seconds of an epoch, of all epochs, and of the evaluations."""
    projection = measured.facts.get("projection")
    if projection is None:
        return {}
    seconds = spread(measured.seconds).median
    evaluations = (
        projection.get("evaluations", 0)
        * projection.get("images_per_evaluation", 0)
        * projection.get("seconds_per_evaluated_image", 0.0)
    )
    return {
        "projected": {
            "epoch_seconds": seconds * projection["steps_per_epoch"],
            "seconds": seconds * projection["steps"],
            "evaluation_seconds": evaluations,
        }
    }


def append_records(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append the records to the file, one line each. Raises ``UsageError`` if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = JsonLinesWriter(path)
        try:
            for row in rows:
                writer.append(row)
        finally:
            writer.close()
    except OSError as error:
        raise UsageError(f"{safe(str(path))}: cannot be written: {reason_of(error)}") from None
