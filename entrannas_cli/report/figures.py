"""Curves and cells of a report, as SVG in the page's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ..common.errors import UsageError
from ..common.files import BrokenRun
from ..common.text import safe
from ..figures.curves_figure import Panel, draw_panel
from ..figures.gather_curves import gather
from ..figures.style import line_look, plot_style
from ..method.genotype import Genotype
from ..render.cell_text import genotype_picture
from ..store.overview import Overview
from ..store.run import Run
from .inline import inline_svg, swatch

__all__ = ["cell_sections", "curve_panels"]

CURVES = (
    "loss",
    "accuracy",
    "validation_accuracy",
    "supernet_accuracy",
    "derived_accuracy",
    "sparsity",
    "connections",
    "gap",
)
MAX_POINTS = 240  # per line: about one every two pixels
PANEL = (4.4, 2.9)  # inches
MAX_DRAWN_CHARS = 1_500_000  # characters of SVG for all cells; further ones are shown as text only
MAX_NAMED = 24  # lines listed in the text alternative of a panel
MAX_LABELS = 3  # labels in a heading


def curve_panels(runs: Sequence[Overview], notes: list[str]) -> tuple[list[Any], list[Any]]:
    """Return (legend, panels): (label, sample, anchor) per line, and (caption, picture) per metric.

    All panels share the legend, so that each picture can be small.
    """
    from ..figures.figure_file import figure_bytes

    try:
        curves = gather([Run(run.path) for run in runs], axis="epoch", points=MAX_POINTS, overview=CURVES)
    except UsageError as error:
        notes.append(f"no curves: {error.message}")
        return [], []
    look_of = {line.label: line.look for panel in curves.panels for line in panel.lines}
    legend = [
        (label, swatch(line_look(look)), f"run-{look}")
        for label, look in sorted(look_of.items(), key=lambda item: item[1])
    ]
    panels = []
    for number, panel in enumerate(curves.panels):
        with plot_style():
            from matplotlib.figure import Figure

            figure = Figure(figsize=PANEL, layout="constrained", facecolor="none")
            axes = figure.add_subplot()
            axes.set_facecolor("none")
            draw_panel(axes, panel, "epoch")
            axes.set_ylabel("")  # the caption says it
            picture = figure_bytes(figure, ".svg")
        panels.append((panel.metric.title, inline_svg(picture, f"curve-{number}-", _described(panel))))
    return legend, panels


def _described(panel: Panel) -> str:
    ends = [f"{line.label} {line.course.y[-1]:.4g}" for line in panel.lines[:MAX_NAMED]]  # type: ignore[union-attr]
    more = len(panel.lines) - len(ends)
    if more:
        ends.append(f"and {more} more")
    return f"{panel.metric.title} over epochs. Last values: {', '.join(ends)}"


def cell_sections(
    runs: Sequence[Overview], labels: Sequence[str], notes: list[str]
) -> list[Mapping[str, Any]]:
    """Return each distinct genotype: ``heading`` (the runs that have it), ``picture`` or None, and ``text``."""
    owners: dict[Genotype, list[int]] = {}
    for n, run in enumerate(runs):
        try:
            genotype = Run(run.path).genotype()
        except BrokenRun as error:
            notes.append(f"{labels[n]}: no cells: {safe(error.reason)}")
            continue
        if genotype is not None:
            owners.setdefault(genotype, []).append(n)
    sections: list[Mapping[str, Any]] = []
    remaining_chars = MAX_DRAWN_CHARS
    for number, (genotype, indices) in enumerate(owners.items()):
        names = [labels[n] for n in indices]
        more = len(names) - MAX_LABELS
        heading = ", ".join(names[:MAX_LABELS]) + (f" and {more} more" if more > 0 else "")
        picture = _cell_picture(genotype, number, heading) if remaining_chars > 0 else None
        remaining_chars -= len(picture or "")
        sections.append(
            {"heading": heading, "picture": picture, "text": genotype_picture(genotype, 100).plain}
        )
    return sections


def _cell_picture(genotype: Genotype, number: int, heading: str) -> Markup | None:
    from ..figures.cell_figure import genotype_figure
    from ..figures.figure_file import figure_bytes

    try:
        with plot_style():
            picture = figure_bytes(genotype_figure(genotype, key=number == 0), ".svg")
    except UsageError:  # too large for a picture
        return None
    return inline_svg(picture, f"cell-{number}-", f"The cells of {heading}, also as text below")
