"""The lines above the tabs: the run's id, state, progress and settings."""

from __future__ import annotations

from textual.content import Content

from ...common.text import safe, shortened
from ...monitor.run_metrics import MAX_STEP, RunMetrics
from ...store.find_run import short_id
from ...store.notes import NOTHING
from ...store.overview import Overview
from ..themes import STATE_STYLES
from .time_left import left_text

__all__ = ["bar", "head_text"]

BAR = 20  # columns
WIDE = 100  # columns from which the bar is longer


def bar(share: float, width: int) -> tuple[str, str]:
    """Return the done and the open part of a progress bar of ``width`` columns."""
    done = round(min(max(share, 0.0), 1.0) * width)
    return "━" * done, "─" * (width - done)


def head_text(run: Overview, metrics: RunMetrics, width: int, *, gone: bool, readonly: bool) -> Content:
    """Return three lines, plus one for tags and note, and one for each problem."""
    status = run.status
    state = status.state + "?" * status.stale
    first: list[str | tuple[str, str]] = [(safe(run.id, limit=max(width - 30, 20)), "bold")]
    first.append(f"  {safe(status.kind)}  ")
    if gone:
        first.append(("this run is gone: its folder no longer exists", "bold $error"))
    else:
        first.append((state, STATE_STYLES.get(status.state, "")))
        first += [f", attempt {status.attempt}"] if status.attempt > 1 else []
    if readonly:
        first.append(("  read-only", "bold $warning"))
    lines = [first]
    if not gone:
        # while it runs, the last row is newer than the status, which is written only now and then
        row = (metrics.last("step") or metrics.last("epoch")) if status.state == "running" else {}
        step, epoch = row.get("step", status.step), row.get("epoch")
        epoch = epoch if type(epoch) is int and 0 <= epoch <= MAX_STEP else status.epoch
        share = step / status.steps if status.steps else epoch / status.epochs if status.epochs else 0.0
        done, rest = bar(share, BAR * (2 if width >= WIDE else 1))
        lines.append(
            [
                f"epoch {epoch} of {status.epochs or '?'}  ",
                (done, "$primary"),
                (rest, "$quiet"),
                f"  step {step} of {status.steps or '?'}  ",
                (left_text(metrics, status), "$accent"),
            ]
        )
    settings = [safe(run.text(key)) for key in ("method", "space", "dataset")]
    settings.insert(0, safe(short_id(run.text("cells"))))
    settings += [f"seed {safe(run.text('seed'))}"] if run.text("seed") else []
    settings += [safe(run.text("device"))]
    lines.append([(" · ".join(text for text in settings if text), "$quiet")])
    if run.notes != NOTHING:
        note = safe(next(iter(run.notes.note.strip().splitlines()), ""))
        lines.append([(" ".join(map(safe, run.notes.tags)), "$accent"), "  " * bool(run.notes.tags)])
        lines[-1].append((shortened(note, max(width - 2, 1)), "italic"))
    for problem in dict.fromkeys(safe(text) for text in (status.reason, *run.problems) if text):
        lines.append([(problem, "$warning" if status.state == "stopped" else "$error")])
    return Content("\n").join(Content.assemble(*line) for line in lines)
