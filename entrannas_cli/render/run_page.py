"""The page that `entrannas runs show` prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from ..common.numbers import bytes_text, count_text, duration, metric, number, percent
from ..common.text import safe, texts
from ..figures.cell_layout import kind_title
from ..method.genotype import Genotype
from ..metrics import METRICS
from ..store.messages import local_time
from .cell_text import cell_short
from .run_list import STATE_STYLES
from .summary import ranking_table
from .terminal import ascii_only, console_for

__all__ = ["print_run", "run_page"]


def print_run(facts: Mapping[str, Any]) -> None:
    """Print all about a run; ``facts`` come from :func:`entrannas_cli.store.overview.describe`."""
    console = console_for()
    for part in run_page(facts, console.width, ascii_only(sys.stdout)):
        if isinstance(part, Text):
            console.print(part, soft_wrap=True)
        else:
            console.print(part)


def run_page(
    facts: Mapping[str, Any], width: int = 80, ascii_only: bool = False, *, heading: bool = True
) -> Iterator[RenderableType]:
    """Yield the lines of the page, and its table; with ``heading``, the id comes first."""
    if heading:
        yield Text(safe(facts["id"]), "bold")
    for title, lines in (
        ("", _state_lines(facts)),
        ("configuration", _configuration_lines(facts)),
        ("last step", _metric_lines(facts["last_step"], _STEP_KEYS)),
        ("last epoch", _metric_lines(facts["last_epoch"], _EPOCH_KEYS)),
        (
            "result",
            [
                (label, write(facts[key]))
                for key, (label, write) in _RESULT_LABELS.items()
                if facts.get(key) is not None
            ],
        ),
        ("cells", _cell_lines(facts["genotype"], width, ascii_only)),
        ("files", [(safe(name), bytes_text(size)) for name, size in facts["files"].items()]),
    ):
        if not lines:
            continue
        if title:
            yield Text(f"\n{title}", "bold")
        indent, room = ("  ", max(len(label) for label, _ in lines) + 2)
        for label, value in lines:
            style = STATE_STYLES.get(value.split(" ", 1)[0], "") if label == "state" else ""
            yield Text.assemble(indent, (f"{label:{room}}", "dim"), (value, style))
    if facts.get("ranking"):
        yield Text("\nranking", "bold")
        yield ranking_table(facts)
    if facts["next"]:
        yield Text.assemble("\nnext: ", (safe(facts["next"]), "bold"))


def _state_lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    state = safe(facts["state"])
    if facts["attempt"] > 1:
        state += f" (attempt {facts['attempt']})"
    lines = [("state", state)]
    if facts["reason"]:
        lines.append(("reason", safe(facts["reason"])))
    if facts["tags"]:
        lines.append(("tags", safe(", ".join(facts["tags"]))))
    lines += [("note" * (not n), safe(line)) for n, line in enumerate(facts["note"].splitlines())]
    lines += [("problem", safe(problem)) for problem in facts["problems"] if problem != facts["reason"]]
    lines += [("warning", safe(text)) for text in texts(facts.get("warnings"))]
    if facts["epochs"] or facts["steps"]:
        epoch, step = (_progress(facts[key], facts[f"{key}s"]) for key in ("epoch", "step"))
        lines.append(("progress", f"epoch {epoch}, step {step}"))
    for key in ("created", "started", "ended"):
        if facts[key]:
            lines.append((key, local_time(facts[key])))
    if facts["created"]:
        lines.append(("age", duration(facts["age"])))
    if facts["pid"]:
        where = f"process {facts['pid']} on {safe(facts['host'])}"
        if facts["state"] == "running":
            where += f", last heartbeat {duration(facts['heartbeat_age'])} ago"
        lines.append(("where", where))
    lines.append(("path", safe(facts["path"])))
    return lines


def _progress(done: int, total: int) -> str:
    return f"{done} of {total}" if total else str(done)


_CONFIG_KEYS = (
    "space",
    "method",
    "preset",
    "seed",
    "data.dataset",
    "data.portion",
    "network.cells",
    "network.channels",
    "architecture.derivation",
    "architecture.sparsity_weight",
    "derived.cells",
    "derived.channels",
    "rank.top",
    "search.epochs",
    "search.batch_size",
    "train.preset",
    "train.epochs",
    "train.batch_size",
    "train.learning_rate",
    "device.device",
)


def _configuration_lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = []
    for key in _CONFIG_KEYS:
        value: Any = facts["config"]
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str | int | float):
            lines.append((key, safe(value, limit=60)))
    environment = facts["environment"]
    device = environment.get("device") if isinstance(environment, Mapping) else None
    if isinstance(device, str) and device:
        lines.append(("ran on", safe(device, limit=60)))
    return lines


def _plain_number(value: Any) -> str:
    found = number(value)
    return "–" if found is None else f"{found:.6g}"


_STEP_KEYS = (
    *("step", "epoch", "weight_loss", "architecture_loss", "accuracy", "learning_rate", "drop_path"),
    *("temperature", "sparsity_normal", "sparsity_reduce", "images_per_second", "memory_mb"),
)
_EPOCH_KEYS = (
    *(
        "epoch",
        "weight_loss",
        "architecture_loss",
        "accuracy",
        "supernet_accuracy",
        "derived_accuracy",
        "gap",
    ),
    *("validation_loss", "validation_accuracy", "genotype_changes", "seconds"),
)
_RESULT_LABELS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "origin": ("cells", safe),
    "test_error": ("test error", percent),
    "best_test_error": ("test error of the best weights", percent),
    "best_validation_accuracy": ("best held-out accuracy", percent),
    "kendall_tau": ("Kendall's tau", metric),
    "target": ("network", safe),
    "network": ("network", safe),
    "parameters": ("parameters", count_text),
    "multiply_adds": ("multiply-adds", count_text),
    "search_seconds": ("search time", duration),
    "train_seconds": ("training time", duration),
    "evaluation_seconds": ("evaluation time", duration),
    "gpu_days": ("GPU-days", metric),
    "memory_estimate_mb": ("estimated memory (MiB)", _plain_number),
}


def _metric_lines(row: Mapping[str, Any] | None, keys: Sequence[str]) -> list[tuple[str, str]]:
    metrics = [METRICS[key] for key in keys if (row or {}).get(key) is not None]
    return [(entry.label, entry.write((row or {})[entry.key])) for entry in metrics]


def _cell_lines(data: Mapping[str, Any] | None, width: int, ascii_only: bool) -> list[tuple[str, str]]:
    if data is None:
        return []
    return [
        (kind_title(kind) if not n else "", line)
        for kind, cell in Genotype.from_dict(data).cells
        for n, line in enumerate(cell_short(cell, max(width - 20, 30), ascii_only))
    ]
