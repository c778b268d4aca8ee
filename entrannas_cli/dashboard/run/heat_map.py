"""The architecture parameters of a cell kind as a heat map: one row per edge, one column per operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.style import Style
from rich.text import Text

from ...common.numbers import number
from ...common.text import safe
from ...figures.cell_layout import look
from ...method.space import INPUT_NODES

__all__ = ["edge_names", "heat_map", "shade", "usable"]

RAMP = ((18, 22, 48), (38, 70, 120), (30, 125, 130), (90, 180, 90), (252, 226, 60))  # dark to bright
MAX_CELLS = 64  # rows or columns at most; our spaces have 14 and 12
MOST_COLUMN, LEAST_COLUMN = 9, 2


def usable(value: Any) -> list[list[float]] | None:
    """Return the weights of a metrics row (edges x operations, each from 0 to 1); None for anything else."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CELLS:
        return None
    rows = []
    for row in value:
        if not isinstance(row, list) or not 0 < len(row) <= MAX_CELLS:
            return None
        numbers = [number(element) for element in row]
        if any(item is None or not 0 <= item <= 1 for item in numbers):
            return None
        rows.append([item for item in numbers if item is not None])
    return rows if len({len(row) for row in rows}) == 1 else None


def edge_names(count: int) -> list[str]:
    """Return ``0→2``, ``1→2``, ``0→3`` ...: the edges in the order of the metrics, by target, then by source."""
    names: list[str] = []
    target = INPUT_NODES
    while len(names) < count:
        names += [f"{source}→{target}" for source in range(target)]
        target += 1
    return names[:count]


def shade(share: float) -> Style:
    """Return a style for a share from 0 to 1: a background colour, and a legible text colour."""
    place = share**0.5 * (len(RAMP) - 1)  # most shares are small: the root sets them apart
    low = min(int(place), len(RAMP) - 2)
    background = [round(a + (b - a) * (place - low)) for a, b in zip(RAMP[low], RAMP[low + 1], strict=True)]
    is_light = 0.3 * background[0] + 0.59 * background[1] + 0.11 * background[2] > 110
    text = "#000000" if is_light else "#ffffff"
    return Style.parse(f"{text} on #{''.join(f'{item:02x}' for item in background)}")


def heat_map(title: str, weights: Sequence[Sequence[float]], operations: Sequence[str], width: int) -> Text:
    """Return the heat map. Digits are tenths and ``>`` marks an edge's largest, so it reads without colours."""
    count = len(weights[0])
    names = edge_names(len(weights))
    labels = [safe(look(name).label) for name in operations] if len(operations) == count else []
    labels = labels or [str(n) for n in range(count)]
    edge_room = max(map(len, names)) + 1
    column = min(MOST_COLUMN, max(LEAST_COLUMN, (width - edge_room) // count), max(map(len, labels)) + 1)
    column = max(column, LEAST_COLUMN)
    text = Text(no_wrap=True)
    text.append(f"{title}\n", "bold")
    heading = max(1, -(-max(map(len, labels)) // (column - 1)))  # long labels wrap
    for line in range(heading):
        text.append(" " * edge_room)
        text.append(
            "".join(label[line * (column - 1) : (line + 1) * (column - 1)].ljust(column) for label in labels)
        )
        text.append("\n")
    for name, row in zip(names, weights, strict=True):
        text.append(name.ljust(edge_room))
        largest = max(row)
        for share in row:
            mark = ">" if share == largest else " "
            text.append(f"{mark}{min(int(share * 10), 9)}".ljust(column), shade(share))
        text.append("\n")
    text.right_crop(1)
    return text
