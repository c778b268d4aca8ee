"""``entrannas export``: the network of a run as a file for other programs."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import AsJson, RunArgument, RunsDirOption, print_json, resolve_run

if TYPE_CHECKING:
    from ..export.write import ExportResult

__all__ = ["export"]


class ExportFormat(StrEnum):
    """The exported formats."""

    checkpoint = "checkpoint"
    onnx = "onnx"
    torch = "torch"
    python = "python"


class Weights(StrEnum):
    """The weights of a training."""

    last = "last"
    best = "best"


def export(
    run: RunArgument,
    form: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="checkpoint: weights, genotype and everything needed to rebuild the network (.safetensors); "
            "onnx: for ONNX runtimes (.onnx); torch: a torch.export program (.pt2); python: a module that "
            "needs only torch (.py, with its weights in .pt).",
            show_default="from the suffix of --output",
        ),
    ] = None,
    output: Annotated[
        str | None,  # a Path would lose the trailing slash of a folder
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="The file to write, or a folder for it.",
            show_default="named after the run, in the working directory",
        ),
    ] = None,
    weights: Annotated[
        Weights, typer.Option("--weights", help="The weights after the last step, or the best on validation.")
    ] = Weights.last,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=1,
            max=65536,
            metavar="N",
            help="A fixed batch size, for onnx and torch.",
            show_default="any",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    runs_dir: RunsDirOption = None,
    as_json: AsJson = False,
) -> None:
    """Export the network of a run for other programs.

    For a training its network, for a search the derived network with inherited weights.

    The file is loaded back and must give the same outputs as the run's network. Prints its path.
    """
    from ..common.errors import UsageError
    from ..common.text import safe
    from ..export.target import choose_target, require_onnx

    chosen = resolve_run(run, runs_dir)
    if output is not None and output.endswith("/") and not os.path.isdir(output):  # noqa: PTH112 (never raises)
        raise UsageError(f"--output {safe(output)}: no such folder: create it first")
    path = None if output is None else Path(output)
    target = choose_target(None if form is None else form.value, path, chosen.id)
    target.check(force=force)
    if batch is not None and target.format not in ("onnx", "torch"):
        raise UsageError(f"--batch: a {target.format} export takes any number of images: leave it out")
    if target.format == "onnx":
        require_onnx()
    from ..engine.load_network import load_trained
    from ..export.write import export_trained

    written = export_trained(load_trained(chosen, weights.value), target, batch=batch, force=force)
    if as_json:
        print_json(written.to_dict())
    else:
        _report(written)


def _report(written: ExportResult) -> None:
    """Print the paths on stdout, and on stderr their contents, the check and how to load them."""
    from ..common.numbers import bytes_text
    from ..common.text import choices, safe
    from ..export.target import load_hint

    metadata = written.content.metadata
    for path in reversed(written.sizes):
        print(safe(str(path)))
    size = bytes_text(sum(written.sizes.values()))
    batches = choices([str(check.batch) for check in written.checks], last="and")
    exact = "exactly" if not written.difference else f"to {written.difference:.1e}"
    print(
        f"{size}: the {metadata.weights} weights of {metadata.run}, after step {metadata.step}\n"
        f"checked: loaded back, it gives the logits of the run's network {exact}, "
        f"for {batches} random image{'s' * (batches != '1')}\n"
        f"load it: {load_hint(written.target)}",
        file=sys.stderr,
    )
