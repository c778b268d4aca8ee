"""``entrannas spaces``: list, show and check search spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..common.text import counted
from .arguments import AsJson, print_json

__all__ = ["app"]

app = typer.Typer(help="List, show and check search spaces.", no_args_is_help=True)

Space = Annotated[
    str, typer.Argument(metavar="NAME", help="A name from `spaces list`, or the path of a .toml file.")
]


@app.command("list")
def list_spaces(as_json: AsJson = False) -> None:
    """List the built-in search spaces."""
    from ..spaces.files import load_space, space_names, space_path

    spaces = [(load_space(name), space_path(name)) for name in space_names()]
    if as_json:
        print_json([_space_dict(space, path) for space, path in spaces])
        return
    from rich.table import Table
    from rich.text import Text

    from ..common.text import safe
    from ..render.terminal import console_for

    table = Table(box=None, pad_edge=False)
    for header, justify in (
        ("space", "left"),
        ("operations", "right"),
        ("nodes", "right"),
        ("connections", "right"),
    ):
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    table.add_column("description")
    for space, _ in spaces:
        counts = (len(space.operations), space.nodes, space.connections)
        table.add_row(safe(space.name), *map(str, counts), Text(safe(space.description)))
    console_for().print(table)


@app.command()
def show(name: Space, as_json: AsJson = False) -> None:
    """Show a search space: operations, nodes, edges, connections."""
    from ..spaces.files import describe_operations, load_space, space_path

    path = space_path(name)
    space = load_space(path)
    operations = describe_operations(space)
    if as_json:
        listed = [
            {"name": o.name, "label": o.label, "weights": o.parametric, "package": o.package}
            for o in operations
        ]
        print_json({**_space_dict(space, path), "operations": listed})
        return
    from rich.table import Table
    from rich.text import Text

    from ..common.text import safe
    from ..render.terminal import console_for

    console = console_for()
    console.print(Text(safe(space.name), style="bold"))
    for text in (space.description, f"Source: {space.source}" if space.source else ""):
        if text:
            console.print(Text(safe(text)))
    table = Table(box=None, pad_edge=False)
    for header in ("operation", "label", "weights"):
        table.add_column(header)
    for operation in operations:
        if operation.package is not None:
            row = ("", f"(from the package {operation.package})")
        else:
            row = (operation.label or "", "yes" if operation.parametric else "no")
        table.add_row(*(Text(safe(cell)) for cell in (operation.name, *row)))
    console.print()
    console.print(table)
    console.print(
        f"\n{counted(space.nodes, 'node')}, {counted(len(space.edges), 'edge')}, "
        f"{counted(space.connections, 'candidate connection')} in each of the two cell kinds\n{safe(path)}"
    )


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .toml file of a search space.")],
    as_json: AsJson = False,
) -> None:
    """Check a search-space file.

    Lists all errors and exits with 2 if there are any.
    """
    from ..common.errors import UsageError
    from ..spaces.files import check_space, load_space

    if not as_json:
        space = load_space(file)
        print(f"OK: {space.name}, {counted(space.connections, 'candidate connection')} in each cell kind")
        return
    try:
        problems = [{"key": problem.key, "problem": problem.text} for problem in check_space(file)]
    except UsageError as error:
        problems = [{"key": "", "problem": error.message}]
    connections = None if problems else load_space(file).connections
    print_json({"file": str(file), "ok": not problems, "connections": connections, "problems": problems})
    if problems:
        raise typer.Exit(2)


def _space_dict(space: Any, path: Path) -> dict[str, Any]:
    return {
        "name": space.name,
        "description": space.description,
        "source": space.source,
        "nodes": space.nodes,
        "edges": len(space.edges),
        "connections": space.connections,
        "operations": list(space.operations),
        "path": str(path),
    }
