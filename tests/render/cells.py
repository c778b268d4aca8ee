"""Random cells, and a parser for text pictures that is independent of the code that draws them."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.operations import get_operation, operation_names

ParsedLine = tuple[int, int, str, bool]  # source, target, name as written, whether it has weights

OPERATIONS = operation_names()
BRANCHES = {"┝": True, "┕": True, "├": False, "└": False}  # whether it has weights


@st.composite
def cells(
    draw: st.DrawFn, operations: tuple[str, ...] = OPERATIONS, most_nodes: int = 6, densest: int = 20
) -> CellGraph:
    """Draw a cell with any number of connections per node and any non-empty set of output nodes."""
    nodes = []
    count = draw(st.integers(1, most_nodes))
    for node in range(2, 2 + count):
        connection = st.builds(Connection, st.integers(0, node - 1), st.sampled_from(operations))
        nodes.append(tuple(draw(st.sets(connection, min_size=1, max_size=densest))))
    concat = draw(st.sets(st.integers(2, count + 1), min_size=1))
    return CellGraph(tuple(nodes), tuple(concat))


def genotypes(**limits: int) -> st.SearchStrategy[Genotype]:
    """Draw both cells independently, of the same or different sizes."""
    return st.builds(Genotype, cells(**limits), cells(**limits))  # type: ignore[arg-type]


def read_picture(picture: str) -> list[ParsedLine]:
    """Parse each line of a rail picture or of a list."""
    lines = picture.split("\n")
    if any("┌" in line for line in lines):
        return _read_rails(lines)
    found = []
    for line in filter(None, lines):
        match = re.fullmatch(r" *(\d+) ([━╌])\2 (\S+) \2*► +(\d+)", line)
        assert match, line
        found.append((int(match[1]), int(match[4]), match[3], match[2] == "━"))
    return found


def _read_rails(lines: list[str]) -> list[ParsedLine]:
    stations = {
        match.start(): int(match[1])
        for line in lines
        for match in re.finditer(r"(?<=[ ►])│ +(\d+) +│|^│ (0) +│", line)
        if match[1]
    }
    stations[0] = 0
    rail_offset = len(f"│ {max(stations.values())} │") // 2
    rails = {left + rail_offset: number for left, number in stations.items()}
    found = []
    for line in lines:
        if "►│" not in line:
            continue
        end = line.index("►│")
        ((start, branch),) = ((n, c) for n, c in enumerate(line[:end]) if c in BRANCHES)
        between = line[start + 1 : end]
        (name,) = re.findall(r"[^━╌│ ]+", between)
        parametric = BRANCHES[branch]
        rest = set(between.replace(name, "")) - {" ", "│"}
        assert rest <= {"━" if parametric else "╌"}, line
        found.append((rails[start], stations[end + 1], name, parametric))
    return found


def expected(kind: str, cell: CellGraph, *, full: bool) -> list[ParsedLine]:
    """Return what :func:`read_picture` must find, in order."""
    found = []
    for target, connection in cell.connections:
        operation = get_operation(connection.operation)
        halves = kind == "reduce" and connection.source < 2 and connection.operation == "skip_connect"
        name = operation.name if full else operation.label
        found.append((connection.source, target, name, operation.parametric or halves))
    return found
