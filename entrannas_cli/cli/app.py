"""The command tree. Each command is a thin surface: parse, call the module that does the work, print."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import (
    bench,
    compare,
    dashboard,
    data,
    doctor,
    export,
    genotype,
    lifecycle,
    plot,
    rank,
    report,
    runs,
    search,
    spaces,
    train,
    watch,
)

__all__ = ["app"]

app = typer.Typer(
    name="entrannas",
    help="Differentiable architecture search with EnTranNAS: search, watch, derive, train, compare.",
    no_args_is_help=True,
    rich_markup_mode=None,  # Rich's pages take 80 ms to import, which is as much as all the rest
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for module in (
    search,
    train,
    rank,
    lifecycle,
    dashboard,
    watch,
    compare,
    genotype,
    plot,
    report,
    export,
    doctor,
):
    module.register(app)
app.add_typer(runs.app, name="runs")
app.add_typer(spaces.app, name="spaces")
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"entrannas {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; works after a command too.")
    ] = False,
) -> None:
    pass
