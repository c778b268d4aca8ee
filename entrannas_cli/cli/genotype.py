"""``entrannas genotype``: show, draw, compare, import and sample cells."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import AsJson, RunArgument, RunsDirOption, complete_genotype, print_json, resolve_run

if TYPE_CHECKING:
    from ..store.find_genotype import NamedGenotype
    from ..store.run import DerivedCells, Run

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


GENOTYPE_HELP = (
    "A run (id, prefix of an id, path, `latest`), a file with a genotype in JSON or DARTS' format (`-`: standard "
    "input), or a name from `genotype list`. Append `@POINT` to pick one of several: RUN@first, RUN@STEP, "
    "FILE@NUMBER, FILE@NAME."
)
GenotypeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN|FILE|NAME", help=GENOTYPE_HELP, autocompletion=complete_genotype, show_default=False
    ),
]

app = typer.Typer(
    help="Show, draw, compare and import cells: derived, published or random.",
    no_args_is_help=True,
)


def _find(reference: str, flag: Path | None) -> NamedGenotype:
    """Return the genotype, and print its notes on stderr. Raises ``UsageError``."""
    from ..config.project import runs_dir as locate
    from ..store.find_genotype import find_genotype

    found = find_genotype(reference, locate(flag))
    _note(found.notes)
    return found


def _note(notes: tuple[str, ...]) -> None:
    import sys

    from ..common.text import safe

    for note in notes[:20]:
        print(f"note: {safe(note)}", file=sys.stderr)
    if len(notes) > 20:
        print(f"note: ... and {len(notes) - 20} more", file=sys.stderr)


def _written(path: Path) -> None:
    import sys

    from ..common.text import safe

    print(f"wrote {safe(str(path))}", file=sys.stderr)


@app.command()
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

    found = _find(genotype, runs_dir)
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


@app.command()
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
    found = _find(genotype, runs_dir)
    kinds = CELL_KINDS if kind is CellKinds.both else (kind.value,)
    if suffix in FIGURE_SUFFIXES:
        from ..figures.cell_figure import genotype_figure
        from ..figures.figure_file import figure_bytes

        write_output(output, figure_bytes(genotype_figure(found.genotype, found.title, kinds), suffix, dpi))
    else:
        from ..render.dot import genotype_dot

        write_output(output, genotype_dot(found.genotype, found.title, kinds))
    _written(output)


@app.command()
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
    first, second = _find(before, runs_dir), _find(after, runs_dir)
    if as_json:
        print_json(difference_dict(first, second))
    else:
        print_difference(first, second)


@app.command()
def history(
    run: RunArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write: an animation (.gif), or a picture with panels (.svg, .png, .pdf).",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option(
            "--frames",
            "-n",
            min=1,
            metavar="N",
            help="At most N states, evenly spaced, including the first and the last.",
            show_default="all when piped or played, 24 in a terminal, 40 in a .gif, 6 panels",
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", min=1, metavar="N", help="Only the last N changes.", show_default=False),
    ] = None,
    film: Annotated[bool, typer.Option("--play", help="Play an animation in the terminal.")] = False,
    as_json: AsJson = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Show how the cells changed during a search.

    As a table, an animation in the terminal or in a file, or panels of a picture.
    """
    import sys

    from ..common.errors import UsageError
    from ..common.text import safe

    asked = [name for name, given in (("--output", output), ("--play", film), ("--json", as_json)) if given]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)}: choose one of them")
    if output is not None:
        from ..figures.figure_file import FIGURE_SUFFIXES
        from ..render.output_file import check_output

        check_output(output, (".gif", *FIGURE_SUFFIXES))
    if film:
        import os

        from ..render.terminal import why_plain

        if reason := why_plain(sys.stdout, os.environ):
            raise UsageError(
                f"--play needs an interactive terminal ({reason}): --output FILE.gif works without one"
            )
    found = resolve_run(run, runs_dir)
    entries = _history(found)
    entries = entries[-last:] if last else entries
    origin = f"run {safe(found.id)}"
    if output is not None:
        _draw_history(entries, origin, output, pictures)
    elif as_json:
        from ..figures.cell_changes import choose_evenly, frames, history_rows

        print_json(history_rows(frames(choose_evenly(entries, pictures or len(entries)))))
    elif film:
        from ..render.history import play

        play(entries, origin, pictures)
    else:
        from ..render.history import print_history

        print_history(entries, origin, pictures)


def _history(run: Run) -> list[DerivedCells]:
    from ..common.errors import UsageError
    from ..common.text import safe

    status = run.status()
    entries = run.genotypes() if status.kind == "search" else []
    if entries:
        return entries
    reason = "only a search has one" if status.kind != "search" else f"state: {status.state}"
    raise UsageError(f"run {safe(run.id)} has no history of cells ({reason})")


def _draw_history(entries: list[DerivedCells], origin: str, output: Path, limit: int | None) -> None:
    from ..figures.cell_changes import choose_evenly, frames
    from ..figures.figure_file import figure_bytes
    from ..figures.history_figure import MAX_PANELS, MAX_PICTURES, history_animation, history_figure
    from ..render.output_file import write_output

    suffix = output.suffix.lower()
    shown = frames(choose_evenly(entries, limit or (MAX_PICTURES if suffix == ".gif" else MAX_PANELS)))
    title = f"{origin}: {len(shown)} of {len(entries)} states of the cells"
    if suffix == ".gif":
        write_output(output, history_animation(shown, title))
    else:
        write_output(output, figure_bytes(history_figure(shown, title), suffix))
    _written(output)


@app.command("import")
def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A genotypes.py, a log, or any text with Genotype(normal=[...], ...) in it; `-`: standard input.",
            show_default=False,
        ),
    ],
    choice: Annotated[
        str,
        typer.Option(
            "--take",
            "-t",
            metavar="N|NAME",
            help="Which one to import: its number from --list, or the name it is assigned to.",
            show_default="the last",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file.", show_default="standard output"
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", "-l", help="List all genotypes in the file instead.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --list: as JSON, genotypes included.")
    ] = False,
) -> None:
    """Convert a genotype printed by another project to our JSON.

    Reads the output of DARTS, PC-DARTS, P-DARTS and ISTA-NAS, also within a log.

    The text is parsed, never executed.
    """
    import sys

    from ..common.errors import UsageError
    from ..common.text import safe
    from ..store.find_genotype import STANDARD_INPUT, read_listed, take

    if listed and (choice or output):
        raise UsageError("--list lists all genotypes: leave out --take and --output")
    if output is not None:
        from ..render.output_file import check_output

        check_output(output, (".json",))
    found, name = read_listed(file)
    if listed:
        from ..render.found_list import found_dicts, print_found

        if as_json:
            print_json(found_dicts(found))
        else:
            print_found(found)
        return
    origin = name if file == STANDARD_INPUT else f"file {safe(name)}"
    chosen = take(found, choice, name, origin)
    if len(found) > 1:
        print(f"importing {safe(chosen.point)} of {safe(name)}", file=sys.stderr)
    _note((*chosen.notes, *_unknown(chosen)))
    if output is None:
        print(chosen.genotype.to_json(), end="")
        return
    from ..render.output_file import write_output

    write_output(output, chosen.genotype.to_json())
    _written(output)


def _unknown(found: NamedGenotype) -> list[str]:
    """Return a note for each operation that can be shown here, but not trained."""
    from ..figures.cell_layout import look

    return [
        f"the operation {name} is not installed: the cells can be shown, but not trained"
        for name in sorted(found.genotype.operations)
        if not look(name).known
    ]


@app.command()
def random(
    like: Annotated[
        str | None,
        typer.Option(
            "--like",
            metavar="RUN|FILE|NAME",
            help="Match these cells: the same number of connections per cell kind, and multiply-adds within "
            "--tolerance.",
            autocompletion=complete_genotype,
            show_default="two connections per node, as top2 derives",
        ),
    ] = None,
    space: Annotated[str, typer.Option("--space", "-s", help="A space's name or a .toml file.")] = "standard",
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same cells.")] = 0,
    tolerance: Annotated[
        float, typer.Option(min=0.001, max=1, help="Largest relative difference in multiply-adds.")
    ] = 0.05,
    cells: Annotated[
        int, typer.Option(min=3, max=1000, help="Cells of the network whose multiply-adds are counted.")
    ] = 20,
    channels: Annotated[int, typer.Option(min=2, max=4096, help="Channels of its first cell.")] = 36,
    image_size: Annotated[int, typer.Option(min=4, max=4096, help="Side of its images in pixels.")] = 32,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file.", show_default="standard output"
        ),
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Draw random cells, as JSON: the baseline for a search.

    With --like they match the size of other cells, for a fair comparison.
    """
    from ..method.random_search import draw_genotype
    from ..spaces.files import load_space

    if output is not None:
        from ..render.output_file import check_output

        check_output(output, (".json",))
    chosen = load_space(space)
    if like is None:
        drawn = draw_genotype(chosen, seed)
    else:
        from ..common.errors import UsageError
        from ..method.complexity import derived_complexity
        from ..method.genotype import Genotype, GenotypeError
        from ..method.random_search import draw_like

        def multiply_adds(genotype: Genotype) -> int:
            image = (3, image_size, image_size)
            return derived_complexity(
                genotype, image=image, classes=10, channels=channels, cells=cells, stem="cifar"
            )[1]

        found = _find(like, runs_dir)
        try:
            drawn = draw_like(found.genotype, chosen, seed, multiply_adds, tolerance=tolerance)
        except GenotypeError as error:
            raise UsageError(f"--like: {found.title}: not cells of this space", error.problems) from None
        except ValueError as error:
            raise UsageError(f"--like: {found.title}: {error}: raise --tolerance") from None
    if output is None:
        print(drawn.to_json(), end="")
        return
    from ..render.output_file import write_output

    write_output(output, drawn.to_json())
    _written(output)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the bundled published cells."""
    from ..spaces.published import PUBLISHED

    if as_json:
        print_json([{"name": name, "genotype": genotype.to_dict()} for name, genotype in PUBLISHED.items()])
        return
    from ..render.cell_text import published_table
    from ..render.terminal import console_for

    console_for().print(published_table(PUBLISHED))
