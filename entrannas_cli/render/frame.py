"""One frame of the live view: a run's progress in as many lines as the terminal has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.text import Text

from ..charts.text_curve import curve
from ..common import numbers
from ..common.numbers import bytes_text, count_text, duration, number, percent
from ..common.text import safe, shortened
from ..figures.cell_layout import kind_title, lay_out
from ..method.space import CELL_KINDS
from ..metrics import LIVE_SEARCH, LIVE_TRAIN, METRICS, Metric
from .cell_text import cell_picture, cell_short
from .lines import run_description
from .progress import RunProgress

__all__ = ["draw_frame"]

TWO_COLUMNS = 60  # from this width on, curves and cells are side by side
THREE_COLUMNS = 126
CURVE_ROWS = (2, 14)  # minimum and maximum height of a curve
LABEL = 6  # columns for the numbers beside a curve
GAP = 2
PICTURE_WIDTH = 64  # columns for the drawing of a cell
ROWS_BESIDE_PICTURES = 22  # header, values, two rows of small curves, messages
MIN_NOTES = 2  # lines for messages; more where there is room
MIB = 2**20


_STYLES = (("cyan", "magenta", "yellow"), ("green", "blue", "red"))


def _is_search(progress: RunProgress) -> bool:
    return progress.facts is None or progress.facts.kind == "search"


def draw_frame(progress: RunProgress, width: int, height: int, ascii_only: bool = False) -> list[Text]:
    """Draw at most ``height`` lines of at most ``width`` columns; with little room, the most important stay.

    From the top: what runs, how far it is, the latest values, curves, the current cells, messages.
    """
    title, subject, bar = (
        _title(progress, width),
        _subject(progress, width),
        _bar(progress, width, ascii_only),
    )
    values = _values(progress, width)
    header = [title, subject, bar] if height > 3 + len(values) else [bar, title]
    room = height - len(header) - len(values)
    if room < 2:
        return [*header, *values][:height]
    notes = _notes(progress, width, min(MIN_NOTES, room), ascii_only)
    room -= len(notes)
    cells = _cells(progress, width, height, ascii_only)
    cells = [Text(), *cells] if cells and len(cells) < room else []
    room -= len(cells)
    curves = _curves(progress, width, room - 1, ascii_only)
    curves = [Text(), *curves] if curves else []
    room -= len(curves)
    if room:
        notes = _notes(progress, width, len(notes) + room, ascii_only)
    return [*header, *values, *curves, *cells, *notes]


# parts


def _title(progress: RunProgress, width: int) -> Text:
    facts = progress.facts
    name = safe(facts.id) if facts else ""
    state = safe(progress.state) + (f", attempt {facts.attempt}" if facts and facts.attempt > 1 else "")
    style = "bold green" if progress.state == "running" else "bold"
    program = Text("entrannas ", "dim") if len("entrannas ") + cell_len(name) <= width else Text()
    return _sides(program + Text(name, "bold"), Text(state, style), width)


def _subject(progress: RunProgress, width: int) -> Text:
    return _clipped(Text(run_description(progress.facts) if progress.facts else ""), width)


def _bar(progress: RunProgress, width: int, ascii_only: bool) -> Text:
    total = progress.facts.epochs if progress.facts else 0
    epoch = f"epoch {progress.epoch}/{total}"
    times = f"{duration(progress.elapsed)}  eta {duration(progress.remaining)}"
    step = f"step {progress.step}/{progress.steps}"
    share = percent(progress.share, 0)
    full, half, empty = ("#", "#", "-") if ascii_only else ("━", "╸", "─")
    for right in (
        f"{share}  {step}  {times}",
        f"{share}  {times}",
        f"{share}  eta {duration(progress.remaining)}",
    ):
        room = width - len(epoch) - len(right) - 4
        if room >= 8:
            break
    else:
        return _clipped(Text(f"{epoch} {share}"), width)
    halves = round(progress.share * 2 * room)
    done = full * (halves // 2) + half * (halves % 2)
    rest = empty * (room - len(done))
    return Text.assemble((epoch, "bold"), "  ", (done, "green"), (rest, "dim"), "  ", right)


def _values(progress: RunProgress, width: int) -> list[Text]:
    """Return the latest values, in as many lines as they need: of the last step and the last evaluation."""
    latest, epoch = progress.latest, progress.last_epoch
    memory = number(latest("memory_mb"))
    speed = [
        ("img/s", count_text(latest("images_per_second"))),
        ("memory", bytes_text(memory * MIB if memory is not None else None)),
    ]
    if not _is_search(progress):
        step = _labelled(("weight_loss", "accuracy", "learning_rate", "drop_path"), latest)
        evaluated = _labelled(("validation_loss", "validation_accuracy"), epoch.get)
        return [*_flowed(step, width), *_flowed([*evaluated, *speed], width)]
    step = _labelled(("weight_loss", "architecture_loss", "accuracy"), latest)
    step += [("sparsity", _both_kinds(progress, "sparsity")), *_labelled(("temperature",), latest)]
    accuracies = [METRICS[key] for key in ("supernet_accuracy", "derived_accuracy", "gap")]
    evaluated = [(one.line, one.write(epoch.get(one.key))) for one in accuracies]
    return [*_flowed(step, width), *_flowed([*evaluated, *speed], width)]


def _labelled(keys: Sequence[str], value: Callable[[str], object]) -> list[tuple[str, str]]:
    return [(METRICS[key].short or METRICS[key].label, METRICS[key].write(value(key))) for key in keys]


def _both_kinds(progress: RunProgress, name: str) -> str:
    shares = [number(progress.latest(f"{name}_{kind}")) for kind in CELL_KINDS]
    return "–" if None in shares else " / ".join(f"{100 * (share or 0):.0f}" for share in shares) + " %"


def _flowed(entries: Sequence[tuple[str, str]], width: int) -> list[Text]:
    lines = [Text()]
    for label, value in entries:
        entry = Text.assemble((f"{label} ", "dim"), (value, "bold"))
        between = 3 if lines[-1] else 0
        if between and lines[-1].cell_len + between + entry.cell_len > width:
            lines.append(Text())
            between = 0
        lines[-1].append(" " * between).append(entry)
    return [_clipped(line, width) for line in lines]


def _curves(progress: RunProgress, width: int, room: int, ascii_only: bool) -> list[Text]:
    """Return a grid of curves in at most ``room`` lines; nothing if not even one row of them fits."""
    across = 3 if width >= THREE_COLUMNS else 2 if width >= TWO_COLUMNS else 1
    grid = LIVE_SEARCH if _is_search(progress) else LIVE_TRAIN
    plots = [
        list(zip(keys, styles, strict=True))[:across] for keys, styles in zip(grid, _STYLES, strict=True)
    ]
    height = min(room // len(plots) - 1, CURVE_ROWS[1])
    if height < CURVE_ROWS[0]:
        plots = plots[:1]
        height = min(room - 1, CURVE_ROWS[1])
        if height < CURVE_ROWS[0]:
            return []
    column_width = (width - GAP * (across - 1)) // across
    lines = []
    for row in plots:
        drawn = [
            _curve(METRICS[key], style, progress, column_width, height, ascii_only) for key, style in row
        ]
        lines += [_beside(parts, column_width) for parts in zip(*drawn, strict=True)]
    return lines


def _curve(
    metric: Metric, style: str, progress: RunProgress, width: int, height: int, ascii_only: bool
) -> list[Text]:
    series = progress.curves[metric.key]
    span = (0.0, 1.0) if metric.key.startswith("sparsity") else series.span
    name = f"{metric.label}, per epoch" if metric.rows == "epoch" else metric.label
    last = "" if series.last is None else metric.write(series.last)
    title = _sides(Text(name, "dim"), Text(last, "bold"), width)
    labels = [""] * height
    if span is not None and series.points:
        labels[0], labels[-1] = _axis_label(metric, span[1]), _axis_label(metric, span[0])
        if labels[0] == labels[-1] and span[0] == span[1]:
            labels = [labels[0] if row == height // 2 else "" for row in range(height)]
    rail = "|" if ascii_only else "│"
    rows = curve(series, width - LABEL - 2, height, span=span, ascii_only=ascii_only)
    return [
        title,
        *(
            Text.assemble((f"{label[:LABEL]:>{LABEL}} {rail}", "dim"), (row, style))
            for label, row in zip(labels, rows, strict=True)
        ),
    ]


def _axis_label(metric: Metric, value: float) -> str:
    """Return a short label, as there is little room beside a curve."""
    if metric.share:
        return percent(value, 1 if metric.key in ("gap", "drop_path") else 0)
    return numbers.metric(value, 2 if metric.unit == "nats" else 3)


def _cells(progress: RunProgress, width: int, height: int, ascii_only: bool) -> list[Text]:
    """Return the current cells: drawn if the terminal is large, otherwise in short form."""
    if progress.genotype is None:
        return []
    across = 2 if width >= TWO_COLUMNS else 1
    column_width = (width - GAP * (across - 1)) // across
    cells = progress.genotype.cells
    tallest = max(lay_out(kind, cell).output_row for kind, cell in cells) + 3
    pictures = across == 2 and column_width >= PICTURE_WIDTH and tallest + ROWS_BESIDE_PICTURES <= height
    columns = []
    for kind, cell in cells:
        heading = Text(f"{kind_title(kind)}: {len(cell.connections)} connections", "dim")
        if pictures:
            columns.append([heading, *cell_picture(kind, cell, column_width, ascii_only).split("\n")])
        else:
            columns.append([heading, *map(Text, cell_short(cell, column_width, ascii_only))])
    if across == 1:
        return [_clipped(line, width) for lines in columns for line in lines]
    filled = [lines + [Text()] * (max(map(len, columns)) - len(lines)) for lines in columns]
    return [_beside(parts, column_width) for parts in zip(*filled, strict=True)]


def _notes(progress: RunProgress, width: int, count: int, ascii_only: bool) -> list[Text]:
    """Return the last messages that fit ``count`` lines; warnings take precedence."""
    ellipsis = ".." if ascii_only else "…"
    ordered = sorted(progress.notes, key=lambda note: note[0] == "warning")
    lines: list[Text] = []
    for level, text in reversed(ordered):
        mark, style = ("! ", "bold yellow") if level == "warning" else ("", "")
        wrapped = _wrapped(mark + safe(text), width, ellipsis)
        if len(lines) + len(wrapped) > count:
            if not lines and count:
                kept = wrapped[:count]
                kept[-1] = shortened(kept[-1], width - len(ellipsis), ellipsis) + ellipsis
                lines = [Text(line, style) for line in kept]
            break
        lines = [*(Text(line, style) for line in wrapped), *lines]
    return lines


# text


def _wrapped(text: str, width: int, ellipsis: str) -> list[str]:
    """Break ``text`` between words into lines of at most ``width`` columns."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > width:
            lines.append("")
        lines[-1] = shortened(f"{lines[-1]} {word}" if lines[-1] else word, width, ellipsis)
    return lines


def _sides(left: Text, right: Text, width: int) -> Text:
    """Put ``left`` and ``right`` at the ends of a line; drop ``right`` if there is no room."""
    room = width - left.cell_len - right.cell_len
    return left + Text(" " * room) + right if room >= 1 else _clipped(left, width)


def _beside(parts: Sequence[Text], width: int) -> Text:
    """Join ``parts`` as columns, each ``width`` wide."""
    line = Text()
    for n, part in enumerate(parts):
        part = _clipped(part.copy(), width)
        line.append(part)
        if n < len(parts) - 1:
            line.append(" " * (width - part.cell_len + GAP))
    return line


def _clipped(line: Text, width: int) -> Text:
    line.truncate(max(width, 0))
    return line
