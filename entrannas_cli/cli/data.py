"""``entrannas data``: list the data sets, and download CIFAR."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from .arguments import AsJson, print_json

__all__ = ["app", "progress_on_stderr"]

app = typer.Typer(help="List data sets, download one.", no_args_is_help=True)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="The folder for downloaded files.",
        show_default="the user's cache folder",
    ),
]


@app.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the data sets and where they are."""
    from ..data.availability import CIFAR, DATASETS, cifar_found

    folders = {name: cifar_found(name, data_dir or "") for name in CIFAR}
    if as_json:
        print_json(
            [
                {
                    "name": dataset.name,
                    "text": dataset.text,
                    "classes": dataset.classes or None,
                    "train_images": dataset.train_images or None,
                    "test_images": dataset.test_images or None,
                    "shape": list(dataset.shape) or None,
                    "found": None
                    if dataset.name == "folder"
                    else dataset.name not in CIFAR or folders[dataset.name] is not None,
                    "path": str(folder) if (folder := folders.get(dataset.name)) else None,
                }
                for dataset in DATASETS
            ]
        )
        return
    from rich.table import Table
    from rich.text import Text

    from ..common.text import safe
    from ..render.terminal import console_for

    table = Table(box=None, pad_edge=False)
    for header in ("data set", "images", "classes", "description"):
        table.add_column(header, justify="right" if header in ("images", "classes") else "left")
    for dataset in DATASETS:
        text = Text(dataset.text)
        if dataset.name in CIFAR:
            folder = folders[dataset.name]
            where = f"in {safe(str(folder))}" if folder else f"missing: entrannas data prepare {dataset.name}"
            text.append(f"; {where}", style="" if folder else "yellow")
        counts = (dataset.train_images + dataset.test_images, dataset.classes)
        table.add_row(dataset.name, *(f"{count:,}" if count else "–" for count in counts), text)
    console_for().print(table)


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(metavar="NAME", help="cifar10 or cifar100.", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Download a data set unless it is already there.

    Prints the folder that contains it.
    """
    from ..common.errors import UsageError
    from ..data.availability import CIFAR, dataset_facts

    dataset_facts(name)
    if name not in CIFAR:
        raise UsageError(f"{name} needs no preparation", [f"only {' and '.join(CIFAR)} are downloaded"])
    from ..data.cifar import fetch_cifar

    with progress_on_stderr() as progress:
        print(fetch_cifar(name, data_dir or "", progress))


@contextmanager
def progress_on_stderr() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function ``(text, done, of)`` that shows the progress of long work.

    It draws a bar in a terminal; elsewhere it prints a line when something begins. ``of`` is 0 if unknown.
    """
    import sys

    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from ..render.terminal import console_for, is_live

    if not is_live(sys.stderr):
        begun: set[str] = set()

        def line(text: str, done: int, of: int) -> None:
            if text not in begun:
                begun.add(text)
                print(f"{text} ...", file=sys.stderr)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console_for(sys.stderr), transient=True) as bars:
        tasks: dict[str, object] = {}

        def bar(text: str, done: int, of: int) -> None:
            if text not in tasks:
                tasks[text] = bars.add_task(text, total=of or None)
            bars.update(tasks[text], completed=done)  # type: ignore[arg-type]

        yield bar
