"""``entrannas genotype``: show, draw, compare, import and sample cells."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .arguments import AsJson, RunsDirOption, print_json
from .genotype_arguments import GenotypeArgument, print_written, resolve_genotype
from .genotype_history import history
from .genotype_sources import import_, random

__all__ = ["app"]


class GenotypeForm(StrEnum):
    """The formats of ``genotype show``."""

    text = "text"
    json = "json"
    darts = "darts"
    dot = "dot"


class CellKinds(StrEnum):
    """The cells that ``genotype draw`` draws."""

    both = "both"
    normal = "normal"
    reduce = "reduce"


def show(
    genotype: GenotypeArgument,
    form: Annotated[
        GenotypeForm,
        typer.Option("--format", "-f", help="A text diagram, JSON, DARTS' format, or Graphviz DOT."),
    ] = GenotypeForm.text,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Show the normal and the reduction cell of a genotype."""
    from ..common.errors import UsageError
    from ..method.genotype import GenotypeError

    found = resolve_genotype(genotype, runs_dir)
    if as_json and form is GenotypeForm.text:
        form = GenotypeForm.json
    if as_json and form is not GenotypeForm.json:
        raise UsageError(f"--json and --format {form.value}: choose one of them")
    if form is GenotypeForm.json:
        print(found.genotype.to_json(), end="")
    elif form is GenotypeForm.darts:
        try:
            print(found.genotype.to_darts())
        except GenotypeError as error:
            raise UsageError(
                f"{found.origin}: DARTS' format cannot represent these cells: use --format json",
                error.problems,
            ) from None
    elif form is GenotypeForm.dot:
        from ..render.dot import genotype_dot

        print(genotype_dot(found.genotype, found.title), end="")
    else:
        from ..render.cell_text import print_genotype

        print_genotype(found.genotype, found.title)


def draw(
    genotype: GenotypeArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write: .svg, .png, .pdf, or .gv for Graphviz."
        ),
    ],
    kind: Annotated[CellKinds, typer.Option("--kind", "-k", help="Which cells to draw.")] = CellKinds.both,
    dpi: Annotated[
        int, typer.Option("--dpi", min=10, max=1200, help="Resolution of a .png in dots per inch.")
    ] = 150,
    runs_dir: RunsDirOption = None,
) -> None:
    """Draw the cells into a file."""
    from ..figures.figure_file import FIGURE_SUFFIXES
    from ..method.space import CELL_KINDS
    from ..render.output_file import check_output, write_output

    suffix = check_output(output, (*FIGURE_SUFFIXES, ".gv", ".dot"))
    found = resolve_genotype(genotype, runs_dir)
    kinds = CELL_KINDS if kind is CellKinds.both else (kind.value,)
    if suffix in FIGURE_SUFFIXES:
        from ..figures.cell_figure import genotype_figure
        from ..figures.figure_file import figure_bytes

        write_output(output, figure_bytes(genotype_figure(found.genotype, found.title, kinds), suffix, dpi))
    else:
        from ..render.dot import genotype_dot

        write_output(output, genotype_dot(found.genotype, found.title, kinds))
    print_written(output)


def diff(
    before: GenotypeArgument,
    after: GenotypeArgument,
    as_json: AsJson = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Show the changes between two genotypes, one per line."""
    from ..common.errors import UsageError
    from ..figures.cell_changes import difference_dict
    from ..render.cell_diff import print_difference
    from ..store.find_genotype import STANDARD_INPUT

    if before == after == STANDARD_INPUT:
        raise UsageError("standard input cannot be read twice: give a file for one of the two")
    first, second = resolve_genotype(before, runs_dir), resolve_genotype(after, runs_dir)
    if as_json:
        print_json(difference_dict(first, second))
    else:
        print_difference(first, second)


def list_(as_json: AsJson = False) -> None:
    """List the bundled published cells."""
    from ..spaces.published import PUBLISHED

    if as_json:
        print_json([{"name": name, "genotype": genotype.to_dict()} for name, genotype in PUBLISHED.items()])
        return
    from ..render.cell_text import published_table
    from ..render.terminal import console_for

    console_for().print(published_table(PUBLISHED))


app = typer.Typer(
    help="Show, draw, compare and import cells: derived, published or random.", no_args_is_help=True
)
for command in (show, draw, diff, history):  # the order of `--help`
    app.command()(command)
app.command("import")(import_)
app.command()(random)
app.command("list")(list_)
