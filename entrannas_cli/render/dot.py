"""A genotype as a Graphviz graph: ``entrannas genotype show RUN --format dot | dot -Tsvg``."""

from __future__ import annotations

from collections.abc import Sequence

from ..common.text import safe
from ..figures.cell_layout import OUTPUT_NAME, CellLayout, kind_title, lay_out
from ..method.genotype import Genotype
from ..method.space import CELL_KINDS

__all__ = ["genotype_dot"]


def genotype_dot(genotype: Genotype, title: str = "", kinds: Sequence[str] = CELL_KINDS) -> str:
    """Return the cells of ``kinds`` as clusters of one graph; operations without weights have dashed lines."""
    clusters = "\n".join(_cluster(lay_out(kind, genotype.cell(kind))) for kind in kinds)
    heading = f"  label={_quoted(title)}\n  labelloc=t\n" if title else ""
    return (
        "digraph genotype {\n"
        "  rankdir=LR\n"
        '  fontname="Helvetica"\n'
        f"{heading}"
        '  node [shape=box, style="rounded,filled", fillcolor="#e8eef7", fontname="Helvetica"]\n'
        '  edge [fontname="Helvetica", fontsize=11]\n'
        f"{clusters}\n"
        "}\n"
    )


def _cluster(layout: CellLayout) -> str:
    def identity(number: int) -> str:
        return f"{layout.kind}_{number}"

    lines = [f"label={_quoted(kind_title(layout.kind))}"]
    for node in layout.nodes:
        label = f"{node.number}: {node.name}" if node.name else str(node.number)
        fill = ', fillcolor="#e3f1e0"' if node.is_input else ""
        lines.append(f"{identity(node.number)} [label={_quoted(label)}{fill}]")
    lines.append(f'{layout.kind}_output [label={_quoted(OUTPUT_NAME)}, fillcolor="#f8efd4"]')
    layers: dict[int, list[str]] = {}
    for node in layout.nodes:
        layers.setdefault(node.layer, []).append(identity(node.number))
    lines += [f"{{ rank=same; {'; '.join(members)} }}" for _, members in sorted(layers.items())]
    for edge in layout.edges:
        style = "solid, penwidth=2" if edge.parametric else "dashed"
        label = _quoted(edge.operation.name)
        lines.append(f"{identity(edge.source)} -> {identity(edge.target)} [label={label}, style={style}]")
    lines += [f'{identity(node.number)} -> {layout.kind}_output [color="#999999"]' for node in layout.outputs]
    body = "\n".join(f"    {line}" for line in lines)
    return f"  subgraph cluster_{layout.kind} {{\n{body}\n  }}"


def _quoted(text: str) -> str:
    r"""Quote ``text`` so that Graphviz shows it verbatim, without escapes (``\N``) or entities (``&amp;``)."""
    shown = safe(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'
