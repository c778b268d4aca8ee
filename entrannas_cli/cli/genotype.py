"""``entrannas genotype``: cells as pictures and in the forms that other programs read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .arguments import AsJson, RunsDirOption, complete_run, print_json

__all__ = ["register"]


class Form(StrEnum):
    """What ``genotype show`` prints."""

    text = "text"
    json = "json"
    darts = "darts"
    dot = "dot"


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    from ..method.published import PUBLISHED

    return [
        *(name for name in PUBLISHED if name.lower().startswith(incomplete.lower())),
        *complete_run(ctx, incomplete),
    ]


app = typer.Typer(help="Derived and published cells: show one, list the bundled ones.", no_args_is_help=True)


def register(app_: typer.Typer) -> None:
    """Adds the commands."""
    app_.add_typer(app, name="genotype")


@app.command()
def show(
    genotype: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE|NAME",
            help="A run (id, its beginning, path, `latest`), a file with a genotype in JSON or DARTS' form "
            "(`-`: standard input), or a name from `genotype list`.",
            autocompletion=_complete,
            show_default=False,
        ),
    ],
    form: Annotated[
        Form,
        typer.Option("--format", "-f", help="A picture made of text, JSON, DARTS' form, or Graphviz DOT."),
    ] = Form.text,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Show the normal and the reduction cell of a genotype."""
    from ..config.location import runs_dir as locate
    from ..errors import UsageError
    from ..genotypes import find_genotype
    from ..method.genotype import GenotypeError

    found = find_genotype(genotype, locate(runs_dir))
    if as_json and form is Form.text:
        form = Form.json
    if as_json and form is not Form.json:
        raise UsageError(f"--json and --format {form.value}: choose one of them")
    if form is Form.json:
        print(found.genotype.to_json(), end="")
    elif form is Form.darts:
        try:
            print(found.genotype.to_darts())
        except GenotypeError as error:
            raise UsageError(
                f"{found.origin}: DARTS' form can't hold these cells (use --format json)", error.problems
            ) from None
    elif form is Form.dot:
        from ..render.dot import genotype_dot

        print(genotype_dot(found.genotype), end="")
    else:
        from ..render.cell_text import print_genotype

        print_genotype(found.genotype, found.origin)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the published cells that come with entrannas."""
    from ..method.published import PUBLISHED

    if as_json:
        print_json([{"name": name, "genotype": genotype.to_dict()} for name, genotype in PUBLISHED.items()])
        return
    from ..render.cell_text import published_table
    from ..render.terminal import console_for

    console_for().print(published_table(PUBLISHED))
