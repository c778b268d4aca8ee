"""The command tree. Each command is thin: parse, call the module that does the work, print."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from .. import __version__

__all__ = ["COMMANDS", "app"]

# Modules of this package, in the order of `--help`. Each has a function of its name, or an `app`.
COMMANDS = (
    *("search", "train", "evaluate", "rank", "resume", "stop", "dashboard", "watch", "compare", "genotype"),
    *("plot", "report", "export", "doctor", "runs", "spaces", "data", "bench"),
)


class LazyCommands(TyperGroup):
    """A group that imports the module of a command on first use, so that a command loads no other."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command; None if there is none of this name."""
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            module = import_module(f"{__package__}.{cmd_name}")
            parent = typer.Typer(rich_markup_mode=None)
            if hasattr(module, "app"):
                parent.add_typer(module.app, name=cmd_name)
            else:
                parent.command(cmd_name)(getattr(module, cmd_name))
            self.commands |= get_group(parent).commands
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=LazyCommands,
    name="entrannas",
    help="Differentiable architecture search with EnTranNAS: search, watch, derive, train, compare.",
    no_args_is_help=True,
    rich_markup_mode=None,  # importing Rich's help takes 80 ms, as much as everything else
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"entrannas {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; also accepted after a command.")
    ] = False,
) -> None:
    pass
