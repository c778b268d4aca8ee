"""``entrannas plot``: curves of runs as a picture."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .arguments import RunsDirOption, SelectionArgument

__all__ = ["plot"]


class Axis(StrEnum):
    """The x axis of the curves."""

    step = "step"
    epoch = "epoch"
    time = "time"


def plot(
    runs: SelectionArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write: .svg, .png or .pdf.",
            show_default=False,
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            metavar="NAMES",
            help="Metrics, one panel each: loss, sparsity, gap, accuracy, connections, entropy, temperature, "
            "learning_rate, or any other number in metrics.jsonl. Comma-separated, or repeated.",
            show_default="loss, validation_accuracy, sparsity and gap, if the runs have them",
        ),
    ] = None,
    axis: Annotated[
        Axis,
        typer.Option(
            "--x",
            help="step; epoch: one point per epoch; time: the time that a process worked on the run.",
        ),
    ] = Axis.step,
    smooth: Annotated[
        int,
        typer.Option(
            "--smooth",
            min=1,
            metavar="N",
            help="Draw moving averages of about N points; for up to 8 runs also the points themselves.",
        ),
    ] = 1,
    log: Annotated[bool, typer.Option("--log", help="Use a logarithmic y axis.")] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            "-g",
            metavar="KEY,...",
            help="One line per group of runs with the same values of these keys, such as method,space or "
            "data.dataset: the mean with a band of one standard deviation, as far as all runs reach.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="A title above the panels.", show_default=False)
    ] = "",
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Width and height in inches, such as 7x3.",
            show_default="fits the panels",
        ),
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Plot the metrics of runs as curves, into a picture.

    Draws loss, accuracy, sparsity, the consistency gap or any other metric.

    Lines differ in colour, dashes and markers. Unfinished runs are drawn up to their last step.
    """
    from ..common.text import safe
    from ..config.project import runs_dir as locate
    from ..figures.curves_figure import curves_image, parse_size
    from ..figures.figure_file import FIGURE_SUFFIXES
    from ..figures.gather_curves import gather
    from ..figures.plotted_metrics import parse_metrics
    from ..figures.run_groups import group_names
    from ..render.output_file import check_output, write_output
    from ..results.comparison import split_keys
    from ..results.select_runs import select_runs

    suffix = check_output(output, FIGURE_SUFFIXES)
    metrics = parse_metrics(metric or [])
    inches = None if size is None else parse_size(size)
    keys = split_keys(group_by, "--group-by") or None
    selection = select_runs(runs, locate(runs_dir))
    for problem in selection.problems:
        print(f"left out: {problem}", file=sys.stderr)
    curves = gather(
        selection.runs,
        metrics,
        axis.value,
        smooth=smooth,
        groups=None if keys is None else group_names(selection.overviews, keys),
        log=log,
    )
    for note in curves.notes:
        print(note, file=sys.stderr)
    write_output(
        output, curves_image(curves.panels, suffix, axis.value, log=log, title=safe(title), size=inches)
    )
    print(safe(output))
