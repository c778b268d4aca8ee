"""The tab with the architecture parameters, the operation counts of the cells, and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from ...common.numbers import metric, number, percent
from ...common.text import safe, texts
from ...figures.cell_layout import kind_title
from ..cached_static import CachedStatic
from .heat_map import heat_map, usable
from .side_by_side import SideBySide
from .tab import RunState

__all__ = ["ArchitectureTab"]

KINDS = ("normal", "reduce")
BARS = 20  # columns of the longest bar
MOST_OPERATIONS = 40


class ArchitectureTab(VerticalScroll, can_focus=False):
    """Shows values from the last epoch's row and from the summary."""

    def compose(self) -> ComposeResult:
        yield CachedStatic(id="warnings")
        yield SideBySide(id="heat")
        yield SideBySide(id="counts")

    def show(self, state: RunState) -> None:
        """Draw what has changed."""
        row = state.metrics.last("epoch")
        run = state.facts.overview
        summary: Mapping[str, Any] = {} if run is None else run.summary
        warnings = texts(summary.get("warnings"))
        maps = {kind: found for kind in KINDS if (found := usable(row.get(f"weights_{kind}")))}
        step, epoch = row.get("step"), row.get("epoch")
        operations = state.facts.operations
        head = self.query_one("#warnings", CachedStatic)
        head.show(
            (warnings, step, bool(maps), state.is_training),
            lambda: _head(warnings, step, epoch, bool(maps), training=state.is_training),
        )
        self.query_one("#heat", SideBySide).show(
            (step, list(maps.values()), operations),
            lambda width: [
                heat_map(f"{kind_title(kind)}{_about(kind, row)}", maps[kind], operations, width)
                for kind in maps
            ],
        )
        counts = [(kind, _counts(row, summary, kind)) for kind in KINDS]
        self.query_one("#counts", SideBySide).show(
            counts, lambda width: [_counts_text(kind, found, width) for kind, found in counts if found]
        )


def _head(warnings: list[str], step: Any, epoch: Any, any_map: bool, *, training: bool) -> Content:
    parts: list[str | tuple[str, str]] = [(f"! {safe(text)}\n", "bold $warning") for text in warnings]
    if any_map:
        parts.append(
            f"operation probabilities per edge after step {step}, epoch {safe(epoch)}: "
            "digits are tenths, > marks the largest of an edge\n"
        )
    elif training:
        parts.append(("a training run has no architecture parameters\n", "$quiet"))
    else:
        parts.append(("no architecture parameters yet: they appear at the end of an epoch\n", "$quiet"))
    return Content.assemble(*parts)


def _about(kind: str, row: Mapping[str, Any]) -> str:
    parts = []
    if (sparsity := number(row.get(f"sparsity_{kind}"))) is not None:
        parts.append(f"sparsity {percent(sparsity)}")
    if (entropy := number(row.get(f"entropy_{kind}"))) is not None:
        parts.append(f"entropy {metric(entropy)}")
    return "".join(f" · {part}" for part in parts)


def _counts(row: Mapping[str, Any], summary: Mapping[str, Any], kind: str) -> dict[str, int]:
    key = f"operations_{kind}"
    found = row.get(key, summary.get(key))
    if not isinstance(found, dict):
        return {}
    valid = {name: count for name, count in found.items() if type(count) is int and 0 <= count < 10**6}
    ordered = sorted(valid.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:MOST_OPERATIONS])


def _counts_text(kind: str, counts: Mapping[str, int], width: int) -> Text:
    text = Text(no_wrap=True)
    text.append(f"operations in the {kind_title(kind)}\n", "bold")
    names = {name: safe(name, limit=max(width // 2, 8)) for name in counts}
    name_width = max(map(len, names.values()))
    largest = max(max(counts.values()), 1)
    scale = min(BARS, max(width - name_width - 8, 4)) / max(largest, 5)
    for name, count in counts.items():
        text.append(f"{names[name]:{name_width}}  {count:3} ")
        text.append("■" * max(round(count * scale), count > 0), "cyan")
        text.append("\n")
    text.right_crop(1)
    return text
