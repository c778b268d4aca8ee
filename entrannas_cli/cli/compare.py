"""``entrannas compare``: runs side by side, as tables for people, programs and papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..results.serialize import SUFFIXES, TableForm, serialized
from .arguments import AsJson, RunsDirOption, complete_run, print_json

if TYPE_CHECKING:
    from ..results.formats import TextTable
    from ..results.select_runs import Selection

__all__ = ["compare"]


STANDARD_OUTPUT = Path("-")


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]",
            help="Ids, unique prefixes of ids, names, paths, folders of runs, or patterns such as 'runs/2026*' and "
            "'*dst*'. Default: all runs.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        TableForm | None,
        typer.Option(
            "--format",
            "-f",
            help="table; markdown; latex (with booktabs); csv and json, with full precision.",
            show_default="by --output's suffix; table in a terminal, csv when piped",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file, replacing it.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            "-c",
            metavar="KEY,...",
            help="Columns to show; `+KEY,...` adds to the default ones. A KEY is one of --list-columns, a "
            "configuration key such as network.channels, or a key of summary.json.",
            show_default="the most useful ones; all in csv and json",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            "-s",
            metavar="KEY,...",
            help="Sort by these columns, ascending; `-KEY`: descending. Missing values come last.",
            show_default="the lowest test error first, then the newest run",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            "-w",
            metavar="CONDITION",
            help="Only runs with KEY=VALUE; also != < <= > >= (quote them for the shell). KEY= matches "
            "a missing value. Can be repeated; all conditions must hold.",
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            "-g",
            metavar="KEY,...",
            help="One row per group, such as method,space: mean ± standard deviation, best, count. Values of "
            "a search (cost, sparsity, gap) count once per search, however many trainings use its cells.",
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Add published results, with their sources.")
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Show the configuration values that differ instead, one column per run."),
    ] = False,
    list_columns: Annotated[
        bool, typer.Option("--list-columns", help="Print the column keys with their meaning and exit.")
    ] = False,
    as_json: AsJson = False,
    runs_dir: RunsDirOption = None,
) -> None:
    """Compare runs in a table, one row each.

    Shows errors, sizes, costs and the consistency gap of searches and trainings.

    Errors, accuracies, sparsity and gap are in %, parameters in millions.
    In CSV, a leading apostrophe keeps spreadsheets from taking text for a formula.
    Unreadable runs are reported and left out.
    """
    import sys

    from ..common.errors import UsageError
    from ..common.text import counted, safe
    from ..config.project import runs_dir as locate
    from ..results.comparison import ComparisonRequest, compare_runs, split_keys
    from ..results.select_runs import select_runs

    form = _choose_form(form, output, as_json)
    if list_columns:
        _list_columns(as_json=as_json)
        return
    if diff and (columns or sort or group_by or published):
        raise UsageError(
            "--diff compares configurations: it takes no --columns, --sort, --group-by or --published"
        )
    folder = locate(runs_dir)
    selection = select_runs(runs or [], folder)
    for problem in selection.problems:
        print(f"left out: {problem}", file=sys.stderr)
    if diff:
        _print_differences(selection, where or [], form, output, folder)
        return
    request = ComparisonRequest(
        columns=split_keys(columns, "--columns"),
        sort=split_keys(sort, "--sort"),
        where=where or [],
        group_by=split_keys(group_by, "--group-by"),
        published=published,
    )
    comparison = compare_runs(selection, request)
    for hint in comparison.hints:
        print(hint, file=sys.stderr)
    if not selection.overviews:
        print(f"no run in {safe(str(folder))}: `entrannas search` creates one", file=sys.stderr)
    elif not len(comparison.frame) and not comparison.hints:
        print(f"no run of {counted(len(selection.overviews), 'run')} matches all conditions", file=sys.stderr)
    if form is TableForm.table:
        ids = [overview.id for overview in selection.overviews]
        _print_table(comparison.table(), output, _known_ids(folder, ids), keep=comparison.asked)
    else:
        _write(serialized(form, comparison.frame, comparison.table, comparison.data_keys), output)


def _choose_form(form: TableForm | None, output: Path | None, as_json: bool) -> TableForm:
    import sys

    from ..common.errors import UsageError
    from ..render.output_file import check_output
    from ..render.terminal import is_live

    if as_json and form not in (None, TableForm.json):
        raise UsageError(f"--json and --format {form}: choose one of them")
    if as_json or form is not None:
        return form or TableForm.json
    if output is not None and output != STANDARD_OUTPUT:
        return SUFFIXES[check_output(output, tuple(SUFFIXES))]
    return TableForm.table if is_live(sys.stdout) else TableForm.csv


def _known_ids(folder: Path, ids: Sequence[str]) -> list[str]:
    """Return all ids among which a shortened one must be unique."""
    from ..store.find_run import list_runs

    return list(dict.fromkeys([*ids, *(run.id for run in list_runs(folder))]))


def _print_table(table: TextTable, output: Path | None, ids: Sequence[str], *, keep: bool) -> None:
    import sys

    from ..render.results import fitted, plain_results, print_results
    from ..render.terminal import console_for

    if output is not None:
        _write(plain_results(fitted(table, None).table), output)
        return
    if not table.rows:
        return
    console = console_for()
    shown = fitted(table, console.width, ids=ids, keep=keep)
    print_results(console, shown.table)
    if shown.left_out:
        print(
            f"no room for {', '.join(shown.left_out)}: choose columns with --columns KEY,...",
            file=sys.stderr,
        )


def _print_differences(
    selection: Selection, where: Sequence[str], form: TableForm, output: Path | None, folder: Path
) -> None:
    import sys

    from ..common.errors import UsageError
    from ..common.text import counted, safe
    from ..render.results import fitted_differences, plain_results, print_results
    from ..render.terminal import console_for
    from ..results.comparison import selected
    from ..results.differences import configurations, differing
    from ..results.formats import text_table

    kept = selected(selection, where)
    configs, problems = configurations(kept)
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    if len(configs) < 2:
        raise UsageError(f"--diff needs at least two runs to compare, not {len(configs)}")
    kinds = {
        safe(name): overview.status.kind for overview in kept for name in (overview.id, str(overview.path))
    }
    frame = differing(configs, kinds)
    if not len(frame):
        print(f"the configurations of these {counted(len(configs), 'run')} are the same", file=sys.stderr)
    if form is not TableForm.table:
        _write(serialized(form, frame, lambda: text_table(frame)), output)
        return
    table = text_table(frame)
    if output is not None:
        _write(plain_results(table), output)
    elif table.rows:
        console = console_for()
        shown = fitted_differences(table, console.width, ids=_known_ids(folder, list(configs)))
        print_results(console, shown.table)
        if shown.left_out:
            print(
                f"no room for {counted(len(shown.left_out), 'run')} of {len(configs)}: "
                "show all with --format csv or --output",
                file=sys.stderr,
            )


def _list_columns(*, as_json: bool) -> None:
    if as_json:
        from ..results.columns import COLUMNS

        fields = ("key", "heading", "unit", "about", "kind", "usual")
        print_json([{name: getattr(column, name) for name in fields} for column in COLUMNS.values()])
        return
    from ..render.results import print_columns

    print_columns()


def _write(text: str, output: Path | None) -> None:
    """Print ``text``, or write it to a file, which is replaced only once all of it is written."""
    import sys

    from ..common.text import safe
    from ..render.output_file import write_output

    if output is None or output == STANDARD_OUTPUT:
        print(text, end="")
    else:
        write_output(output, text)
        print(f"wrote {safe(str(output))}", file=sys.stderr)
