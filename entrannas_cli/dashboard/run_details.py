"""The pane beside the table, with details of the run under the cursor."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from ..common.files import BrokenRun
from ..common.numbers import count_text, duration, metric, percent
from ..common.text import counted, safe, texts
from ..figures.cell_layout import kind_title
from ..method.genotype import Genotype
from ..metrics import METRICS
from ..render.cell_text import cell_short
from ..store.find_run import short_id
from ..store.overview import Overview, next_command
from ..store.run import Run
from .background import in_background
from .preview_charts import PreviewCharts
from .themes import STATE_STYLES

__all__ = ["RunDetails", "facts_text"]

CURSOR_REST_S = 0.08  # seconds the cursor must rest before files are read
Part = str | tuple[str, str]


def facts_text(run: Overview) -> Content:
    """Return one line per fact: what the run is, how it is doing, and the command to run next."""
    status = run.status
    state = status.state + "?" * status.stale
    lines: list[list[Part]] = [[(safe(run.id), "bold")], [(state, STATE_STYLES.get(status.state, ""))]]
    if status.attempt > 1:
        lines[-1].append(f", attempt {status.attempt}")
    if status.stale:
        silent = f", no heartbeat from {safe(status.host)} for {duration(status.heartbeat_age)}"
        lines[-1].append((silent, "$warning"))
    if run.notes.tags:
        lines.append([(safe(" ".join(run.notes.tags)), "$accent")])
    problems = dict.fromkeys(safe(text) for text in (status.reason, *run.problems) if text)
    lines += [[(problem, "$error" if status.state != "stopped" else "$warning")] for problem in problems]
    parts = [safe(status.kind), safe(short_id(run.text("cells")))]
    parts += [safe(run.text(key)) for key in ("space", "method", "dataset")]
    parts += [f"seed {safe(run.text('seed'))}"] if run.text("seed") else []
    lines.append([" · ".join(text for text in parts if text)])
    lines += [[(f"{label:12}", "$quiet"), value] for label, value in _figures(run)]
    lines += [[(safe(text), "$warning")] for text in texts(run.summary.get("warnings"))]
    lines += [[(safe(line), "italic")] for line in run.notes.note.splitlines()]
    return Content("\n").join(Content.assemble(*line) for line in lines)


def _figures(run: Overview) -> list[tuple[str, str]]:
    status = run.status
    figures = []
    if status.epochs or status.steps:
        figures.append(
            (
                "progress",
                f"epoch {status.epoch} of {status.epochs or '?'}, step {status.step} of {status.steps or '?'}",
            )
        )
    losses = [
        f"{metric(value)} {METRICS[key].line}"
        for key in ("weight_loss", "architecture_loss", "validation_loss")
        if (value := run.number(key)) is not None
    ]
    accuracies = [
        f"{percent(value)} {'test' if key == 'test_accuracy' else METRICS[key].line}"
        for key in ("test_accuracy", "validation_accuracy", "supernet_accuracy", "derived_accuracy")
        if (value := run.number(key)) is not None
    ]
    if not accuracies and run.accuracy is not None:
        accuracies = [percent(run.accuracy)]
    sparsities = [
        f"{percent(value)} {METRICS[key].line}"
        for key in ("sparsity_normal", "sparsity_reduce")
        if (value := run.number(key)) is not None
    ]
    figures += [("loss", ", ".join(losses))] if losses else []
    figures += [("accuracy", ", ".join(accuracies))] if accuracies else []
    figures += [("gap", f"{100 * run.gap:+.2f} %")] if run.gap is not None else []
    figures += [("sparsity", ", ".join(sparsities))] if sparsities else []
    if (parameters := run.number("parameters")) is not None:
        figures.append(("parameters", count_text(parameters)))
    if command := next_command(Run(run.path), status):
        figures.append(("next", safe(command)))
    return figures


@dataclass(frozen=True)
class _Cells:
    """The cells of a run, or why there are none."""

    id: str
    genotype: Genotype | None
    problem: str = ""


def _read_cells(run: Run) -> _Cells:
    try:
        return _Cells(run.id, run.genotype())
    except BrokenRun as error:
        return _Cells(run.id, None, error.reason)


class RunDetails(VerticalScroll, can_focus=True):
    """Shows the facts at once, and the cells, which are read from a file, once the cursor rests."""

    BINDINGS = [("j", "scroll_down", ""), ("k", "scroll_up", "")]  # noqa: RUF012 (Textual's way)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="-nothing")
        self._run: Overview | None = None
        self._cells: _Cells | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="facts")
        yield PreviewCharts(id="curves")
        yield Static(id="cells")

    def show(self, run: Overview | None) -> None:
        """Show ``run``; nothing for None."""
        is_other = run is None or self._run is None or run.id != self._run.id
        self._run = run
        self.set_class(run is None, "-nothing")  # hides the empty charts
        self.query_one("#facts", Static).update("" if run is None else facts_text(run))
        if is_other:
            self._cells = None
            self.query_one(PreviewCharts).show(None)
            self.query_one("#cells", Static).update("")
            self.scroll_home(animate=False)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(CURSOR_REST_S, self._read) if run is not None else None

    def _read(self) -> None:
        if self._run is not None:
            self.query_one(PreviewCharts).show(self._run)
            run = Run(self._run.path)
            in_background(self.app, lambda: _read_cells(run), self._take)

    def _take(self, cells: _Cells) -> None:
        if self._run is not None and cells.id == self._run.id and cells != self._cells and self.is_attached:
            self._cells = cells
            self._draw()

    def on_resize(self) -> None:
        """Redraw the cells, whose short form depends on the width."""
        self._draw()

    def _draw(self) -> None:
        widget = self.query_one("#cells", Static)
        if self._cells is None:
            return
        if self._cells.genotype is None:
            widget.update(Content.styled(self._cells.problem, "$error"))
            return
        width = max(widget.content_size.width or self.size.width - 2, 12)
        parts: list[Part] = []
        for kind, cell in self._cells.genotype.cells:
            count = sum(len(node) for node in cell.nodes)
            parts.append((f"{kind_title(kind)}, {counted(count, 'connection')}\n", "bold $primary"))
            parts += [f"{line}\n" for line in cell_short(cell, width)]
        widget.update(Content.assemble(*parts).rstrip())
