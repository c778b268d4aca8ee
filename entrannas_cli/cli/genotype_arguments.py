"""The arguments and messages shared by the `entrannas genotype` commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import complete_genotype

if TYPE_CHECKING:
    from ..method.genotype import Genotype
    from ..store.find_genotype import NamedGenotype

__all__ = [
    "GenotypeArgument",
    "JsonOutputOption",
    "check_json_output",
    "print_notes",
    "print_written",
    "resolve_genotype",
    "write_json",
]

MAX_NOTES = 20

GENOTYPE_HELP = (
    "A run (id, prefix of an id, name, path, `latest`), a file with a genotype in JSON or DARTS' format (`-`: "
    "standard input), or a name from `genotype list`. Append `@POINT` to pick one of several: RUN@first, RUN@STEP, "
    "FILE@NUMBER, FILE@NAME."
)
GenotypeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN|FILE|NAME", help=GENOTYPE_HELP, autocompletion=complete_genotype, show_default=False
    ),
]
JsonOutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write to this file.", show_default="standard output"
    ),
]


def resolve_genotype(reference: str, flag: Path | None) -> NamedGenotype:
    """Return the genotype, and print its notes on stderr. Raises ``UsageError``."""
    from ..config.project import runs_dir
    from ..store.find_genotype import find_genotype

    found = find_genotype(reference, runs_dir(flag))
    print_notes(found.notes)
    return found


def print_notes(notes: tuple[str, ...]) -> None:
    """Print the first notes on stderr, and how many more there are."""
    from ..common.text import safe

    for note in notes[:MAX_NOTES]:
        print(f"note: {safe(note)}", file=sys.stderr)
    if len(notes) > MAX_NOTES:
        print(f"note: ... and {len(notes) - MAX_NOTES} more", file=sys.stderr)


def print_written(path: Path) -> None:
    """Print on stderr that ``path`` was written."""
    from ..common.text import safe

    print(f"wrote {safe(str(path))}", file=sys.stderr)


def check_json_output(output: Path | None) -> None:
    """Raise ``UsageError`` unless ``output`` is None or a .json file that can be written."""
    from ..render.output_file import check_output

    if output is not None:
        check_output(output, (".json",))


def write_json(genotype: Genotype, output: Path | None) -> None:
    """Write the genotype as JSON to ``output``, by default to stdout. Raises ``UsageError``."""
    from ..render.output_file import write_output

    if output is None:
        print(genotype.to_json(), end="")
    else:
        write_output(output, genotype.to_json())
        print_written(output)
