"""``entrannas genotype import`` and ``random``: genotypes from other projects, and random ones, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import RunsDirOption, complete_genotype, print_json
from .genotype_arguments import JsonOutputOption, check_json_output, print_notes, resolve_genotype, write_json

if TYPE_CHECKING:
    from ..store.find_genotype import NamedGenotype

__all__ = ["import_", "random"]


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
    output: JsonOutputOption = None,
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
    check_json_output(output)
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
    print_notes((*chosen.notes, *_untrainable_notes(chosen)))
    write_json(chosen.genotype, output)


def _untrainable_notes(found: NamedGenotype) -> list[str]:
    """Return a note for each operation that can be shown here, but not trained."""
    from ..figures.cell_layout import look

    return [
        f"the operation {name} is not installed: the cells can be shown, but not trained"
        for name in sorted(found.genotype.operations)
        if not look(name).known
    ]


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
    output: JsonOutputOption = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Draw random cells, as JSON: the baseline for a search.

    With --like they match the size of other cells, for a fair comparison.
    """
    from ..method.random_search import draw_genotype
    from ..spaces.files import load_space

    check_json_output(output)
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

        found = resolve_genotype(like, runs_dir)
        try:
            drawn = draw_like(found.genotype, chosen, seed, multiply_adds, tolerance=tolerance)
        except GenotypeError as error:
            raise UsageError(f"--like: {found.title}: not cells of this space", error.problems) from None
        except ValueError as error:
            raise UsageError(f"--like: {found.title}: {error}: raise --tolerance") from None
    write_json(drawn, output)
