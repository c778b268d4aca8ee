"""Arguments that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..store.run import Run

__all__ = [
    "AsJson",
    "RunArgument",
    "RunsArgument",
    "RunsDirOption",
    "SelectionArgument",
    "complete_genotype",
    "complete_run",
    "print_json",
    "resolve_run",
]

RUN_HELP = "An id, a unique prefix of one, a name, a path, or `latest`."


def complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the run ids that start with ``incomplete``, newest first, for the shell; never raise."""
    from ..common.errors import EntrannasError
    from ..config.project import runs_dir
    from ..store.create import LATEST
    from ..store.find_run import list_runs

    given = ctx.params.get("runs_dir")
    try:
        ids = [run.id for run in list_runs(runs_dir(Path(given) if given else None))]
    except EntrannasError:
        return []
    return [name for name in [*ids, LATEST] if name.startswith(incomplete) and name.isprintable()]


def complete_genotype(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the published names and run ids that start with ``incomplete``, for the shell."""
    from ..spaces.published import PUBLISHED

    named = [name for name in PUBLISHED if name.lower().startswith(incomplete.lower())]
    return [*named, *complete_run(ctx, incomplete)]


RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=complete_run, show_default=False)
]
RunsArgument = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help=RUN_HELP, autocompletion=complete_run, show_default=False),
]
SelectionArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="Ids, unique prefixes of ids, names, paths, `latest`, patterns such as '*dst*', or a folder of runs.",
        autocompletion=complete_run,
        show_default=False,
    ),
]
RunsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir",
        metavar="DIR",
        help="The folder for runs.",
        show_default="ENTRANNAS_RUNS_DIR, runs_dir in entrannas.toml, or ./runs",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def resolve_run(reference: str, flag: Path | None) -> Run:
    """Return the run that the user means, of those in ``--runs-dir``. Raises ``UsageError``."""
    from ..config.project import runs_dir
    from ..store.find_run import find_run

    return find_run(reference, runs_dir(flag))


def print_json(value: Mapping[str, Any] | list[dict[str, Any]]) -> None:
    """Print strict JSON on stdout, with non-finite numbers as null."""
    from ..common.atomic import dump_json

    print(dump_json(value, indent=2))
