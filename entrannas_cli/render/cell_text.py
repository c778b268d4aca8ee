"""Cells on a terminal: as a picture made of text, as a table, and in short form."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..common.text import counted, safe, shortened
from ..figures.cell_layout import (
    INPUT_NAMES,
    OUTPUT_NAME,
    CellLayout,
    OperationLook,
    kind_title,
    lay_out,
    look,
)
from ..method.genotype import CellGraph, Genotype
from ..method.operations import has_weights
from ..method.space import INPUT_NODES
from .rails import ASCII, UNICODE, Glyphs, draw_rails, fitting_names, rail_style
from .terminal import ascii_only, console_for

__all__ = [
    "cell_picture",
    "cell_short",
    "cell_table",
    "genotype_picture",
    "genotype_tables",
    "print_genotype",
    "published_table",
]

TABLE_GAP = 4
MIN_WIDTH = 16  # the narrowest picture; below, lines are cut off


def cell_picture(kind: str, cell: CellGraph, width: int = 80, ascii_only: bool = False) -> Text:
    """Draw one cell in lines of at most ``width`` columns, each connection on a line of its own.

    Each node has a rail; if that many rails, or such long names, don't fit, connections become a plain list.
    """
    glyphs = ASCII if ascii_only else UNICODE
    layout = lay_out(kind, cell)
    return _picture(layout, _names([layout], width, glyphs), width, glyphs)


def genotype_picture(genotype: Genotype, width: int = 80, ascii_only: bool = False) -> Text:
    """Draw both cells alike, with a key to signs and names, in lines of at most ``width`` columns."""
    glyphs = ASCII if ascii_only else UNICODE
    layouts = [lay_out(kind, cell) for kind, cell in genotype.cells]
    names = _names(layouts, width, glyphs)
    picture = Text(no_wrap=True)
    for layout in layouts:
        heading = f"{kind_title(layout.kind)}: {counted(len(layout.edges), 'connection')}"
        heading = heading if len(heading) <= width else kind_title(layout.kind)[:width]
        picture.append(heading, "bold")
        picture.append("\n\n").append(_picture(layout, names, width, glyphs)).append("\n\n")
    return picture.append(_key(layouts, names, width, glyphs))


def _names(layouts: list[CellLayout], width: int, glyphs: Glyphs) -> dict[str, str] | None:
    nodes = max(len(layout.nodes) for layout in layouts)
    return fitting_names(_operations(layouts), nodes, width, glyphs)


def _operations(layouts: list[CellLayout]) -> list[OperationLook]:
    return list(dict.fromkeys(edge.operation for layout in layouts for edge in layout.edges))


def _picture(layout: CellLayout, names: Mapping[str, str] | None, width: int, glyphs: Glyphs) -> Text:
    return (
        _connection_list(layout, width, glyphs) if names is None else draw_rails(layout, width, names, glyphs)
    )


def _connection_list(layout: CellLayout, width: int, glyphs: Glyphs) -> Text:
    """Return one line per connection: ``0 ━━ sep_conv_3x3 ━━► 2``."""
    digits = len(str(len(layout.nodes) - 1))
    room = width - 2 * digits - len(" ━━  ━► ")
    longest = max(len(safe(edge.operation.name)) for edge in layout.edges)
    full = longest <= max(room, MIN_WIDTH - len("0 ━━  ━► 2"))
    text, previous = Text(no_wrap=True), None
    for edge in layout.edges:
        line = glyphs.line(edge.parametric)
        name = safe(edge.operation.name if full else edge.operation.label)
        name = shortened(name, max(room, 1), glyphs.ellipsis)
        fill = line * (min(longest, room) - len(name) + 1)
        if previous is not None:
            text.append("\n" if previous == edge.target else "\n\n")
        previous, style = edge.target, rail_style(edge.source)
        start, end = f"{edge.source:{digits}} ", f"{fill}{glyphs.arrow} {edge.target:{digits}}"
        row = Text.assemble((start + line * 2, style), f" {name} ", (end, style), no_wrap=True)
        row.truncate(width)
        text.append(row)
    return text


def _key(layouts: list[CellLayout], names: Mapping[str, str] | None, width: int, glyphs: Glyphs) -> Text:
    operations = sorted(_operations(layouts), key=lambda o: (not o.known, not o.parametric, o.name))
    entries = [
        f"{glyphs.solid * 2} with weights",
        f"{glyphs.dashed * 2} without",
        f"0 and 1: the two previous cells, {' and '.join(INPUT_NAMES)}",
    ]
    if names is None:
        entries += [_output_entry(layout) for layout in layouts]
    else:
        entries.append(f"{OUTPUT_NAME}: the nodes that lead there, concatenated")
        entries += [
            f"{names[o.name]}: {safe(o.name)}"
            for o in operations
            if names[o.name] != safe(o.name) and o.known
        ]
    for operation in operations:
        if not operation.known:
            full = safe(operation.name)
            short = names[operation.name] if names else full
            entries.append(f"{short}: {full + ', ' if short != full else ''}unknown to this installation")
    return Text(_join_entries(entries, width, glyphs), "dim", no_wrap=True)


def _output_entry(layout: CellLayout) -> str:
    nodes = ", ".join(str(node.number) for node in layout.outputs)
    return f"output of the {kind_title(layout.kind)}: nodes {nodes}"


def _join_entries(entries: list[str], width: int, glyphs: Glyphs) -> str:
    """Join ``entries`` three spaces apart, without breaking any that fits on a line."""
    lines = [""]
    for entry in entries:
        if lines[-1] and len(lines[-1]) + 3 + len(entry) > width:
            lines.append("")
        lines[-1] += ("   " if lines[-1] else "") + entry
    return "\n".join(_cut(line, width, glyphs) for line in lines)


def _cut(line: str, width: int, glyphs: Glyphs) -> str:
    return shortened(line, width, glyphs.ellipsis)


def cell_table(kind: str, cell: CellGraph) -> Table:
    """Return one row per connection: node, source, operation, whether it has weights (``?`` if unknown)."""
    table = Table(
        title=kind_title(kind),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("node", justify="right")
    for heading in ("source", "operation", "weights"):
        table.add_column(heading, overflow="fold")
    for n, connections in enumerate(cell.nodes, INPUT_NODES):
        for c, connection in enumerate(connections):
            operation = look(connection.operation)
            parametric = has_weights(kind, connection.source, operation)
            weights = ("yes" if parametric else "no") if operation.known else "?"
            table.add_row(
                "" if c else str(n),
                Text(_source_name(connection.source)),
                Text(safe(operation.name)),
                weights,
                end_section=c == len(connections) - 1 and n - INPUT_NODES < len(cell.nodes) - 1,
            )
    return table


def genotype_tables(genotype: Genotype, width: int = 80) -> RenderableType:
    """Return the tables of both cells, side by side if they fit ``width``."""
    tables = [cell_table(kind, cell) for kind, cell in genotype.cells]
    longest = max(cell_len(safe(name)) for name in genotype.operations)
    if 2 * (longest + 26) + TABLE_GAP > width:
        return Group(tables[0], "", tables[1])
    grid = Table.grid(padding=(0, TABLE_GAP, 0, 0))
    grid.add_row(*tables)
    return grid


def _source_name(source: int) -> str:
    return f"{source} {INPUT_NAMES[source]}" if source < INPUT_NODES else str(source)


def cell_short(cell: CellGraph, width: int = 0, ascii_only: bool = False) -> list[str]:
    """Return one line per node: ``2 ← 0 sep3, 1 skip``; several operations of one source: ``0 sep3+max``.

    What doesn't fit ``width`` columns (if given) is replaced with the node's number of connections.
    """
    glyphs = ASCII if ascii_only else UNICODE
    arrow = "<-" if ascii_only else "←"
    labels = {name: safe(look(name).label, limit=24) for name in {c.operation for _, c in cell.connections}}
    digits = len(str(INPUT_NODES + len(cell.nodes) - 1))
    lines = []
    for node, connections in enumerate(cell.nodes, INPUT_NODES):
        head = f"{node:{digits}} {arrow} "
        parts = [
            ("+" if n and connections[n - 1].source == c.source else f"{', ' * bool(n)}{c.source} ")
            + labels[c.operation]
            for n, c in enumerate(connections)
        ]
        line = head + "".join(parts)
        if width and cell_len(line) > width:
            tail = f" {glyphs.ellipsis} {len(connections)} in all"
            kept = len(parts)
            while kept and cell_len(head + "".join(parts[:kept]) + tail) > width:
                kept -= 1
            line = head + ("".join(parts[:kept]) + tail if kept else counted(len(connections), "connection"))
        lines.append(_cut(line, width, glyphs) if width else line)
    return lines


def print_genotype(genotype: Genotype, origin: str) -> None:
    """Print a picture of both cells, as wide as the terminal allows, below their ``origin``."""
    console = console_for()
    console.print(Text(safe(origin), "bold"), "", soft_wrap=True, sep="\n")
    picture = genotype_picture(genotype, console.width, ascii_only(console.file))
    console.print(picture, soft_wrap=True)


def published_table(genotypes: Mapping[str, Genotype]) -> Table:
    """Return one row per genotype: its name and both cells in short form."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for heading in ("name", "normal cell", "reduction cell"):
        table.add_column(heading)
    for n, (name, genotype) in enumerate(genotypes.items(), 1):
        cells = [Text("\n".join(cell_short(cell))) for _, cell in genotype.cells]
        table.add_row(name, *cells, end_section=n < len(genotypes))
    return table
