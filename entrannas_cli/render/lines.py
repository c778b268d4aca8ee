"""A run in single lines: its start, an epoch, its end."""

from __future__ import annotations

from ..common.numbers import duration, number, percent
from ..common.text import counted, safe
from ..engine.observer import Row, Started
from ..metrics import METRICS
from .progress import RunProgress

__all__ = ["NOUNS", "end_line", "epoch_line", "run_description", "start_line"]

NOUNS = {"search": "search", "train": "training", "rank": "ranking"}


def run_description(facts: Started) -> str:
    """Return what runs, like ``entrannas-dst, standard space, digits, CPU (2 threads)``."""
    return ", ".join(safe(part) for part in facts.what)


def start_line(facts: Started) -> str:
    """Return the line for the start of an attempt."""
    length = ""
    if facts.epochs:
        length = f", {counted(facts.epochs, 'epoch')} of {counted(facts.steps_per_epoch, 'step')}"
    resumed = f", resuming after step {facts.step} (attempt {facts.attempt})" if facts.attempt > 1 else ""
    return f"{NOUNS.get(facts.kind, 'run')} {safe(facts.id)}: {run_description(facts)}{length}{resumed}"


def epoch_line(row: Row, progress: RunProgress) -> str:
    """Return the line for an epoch, without the values that its row lacks."""
    total = progress.facts.epochs if progress.facts else 0
    epoch = number(row.get("epoch"))
    shown = "?" if epoch is None else f"{epoch:.0f}"
    parts = [f"epoch {shown:>{len(str(total))}}/{total}" if total else f"epoch {shown}"]
    for key in (
        *("weight_loss", "architecture_loss", "accuracy", "supernet_accuracy", "derived_accuracy", "gap"),
        *("validation_loss", "validation_accuracy"),
    ):
        if number(row.get(key)) is not None:
            parts.append(f"{METRICS[key].short} {METRICS[key].write(row[key])}")
    sparsity = _sparsity(row)
    if sparsity:
        parts.append(f"sparsity {sparsity}")
    seconds, evaluation = number(row.get("seconds")), number(row.get("evaluation_seconds"))
    if seconds is not None:
        parts.append(duration(seconds + (evaluation or 0.0)))
    if progress.remaining is not None and total and progress.step < progress.steps:
        parts.append(f"eta {duration(progress.remaining)}")
    return "  ".join(parts)


def _sparsity(row: Row) -> str:
    kinds = (("n", row.get("sparsity_normal")), ("r", row.get("sparsity_reduce")))
    return " ".join(f"{kind} {percent(share, 0)}" for kind, share in kinds if number(share) is not None)


def end_line(progress: RunProgress) -> str:
    """Return the line for the end of an attempt."""
    where = f" after epoch {progress.epoch}, step {progress.step}" if progress.step else ""
    noun = NOUNS.get(progress.facts.kind, "run") if progress.facts else "run"
    return f"{noun} {safe(progress.state)}{where}, in {duration(progress.elapsed)}"
