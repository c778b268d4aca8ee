"""The ``python`` format: a plain PyTorch module that computes the same as the network, and its weights.

It contains only what the network uses: the layers in use, and the nodes of a cell that reach its output.
"""

from __future__ import annotations

import io
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

import torch
from torch import nn

from ..common.text import counted, plain
from ..method.cells import TransitCell
from ..method.genotype import CellGraph, Connection
from ..method.network import DerivedNetwork
from ..method.space import CELL_NAMES, INPUT_NODES
from .content import ExportedNetwork
from .metadata import Metadata
from .source import Definitions, check_builtin, operation_code, python_text

__all__ = ["module_text", "weights_bytes"]

LINE_WIDTH = 110  # characters
CLASS_NAMES = {"normal": "NormalCell", "reduce": "ReductionCell"}


def module_text(content: ExportedNetwork, name: str) -> str:
    """Return the code of the module ``name``. Raises ``UsageError`` for operations of other packages."""
    network = content.network
    check_builtin(network.genotype.operations)
    cells = {kind: _Cell(network, kind) for kind in sorted(set(network.kinds))}
    definitions = Definitions(
        imports={
            *(("pathlib", "Path", "Path"), ("torch", "", "torch")),
            *(("torch", "Tensor", "Tensor"), ("torch", "nn", "nn")),
        }
    )
    stem = type(network.stem).__name__
    for layer in sorted({stem}.union(*(cell.layers() for cell in cells.values()))):
        definitions.take(layer)
    blocks = [
        "\n".join(
            [
                *_header(content.metadata, name),
                "",
                "from __future__ import annotations",
                "",
                *definitions.import_lines(),
                "",
                *_constants(content.metadata),
            ]
        ),
        *definitions.code.values(),
        *("\n".join(cell.lines()) for cell in cells.values()),
        "\n".join(_network_lines(content, stem, cells)),
        _FUNCTIONS,
    ]
    return "\n\n\n".join(blocks) + "\n"


def weights_bytes(content: ExportedNetwork) -> bytes:
    """Return the weights by their names in the module, for ``torch.load(..., weights_only=True)``."""
    network = content.network
    names = {"stem.": "stem.", "classifier.": "classifier."}
    for n, kind in enumerate(network.kinds):
        cell = _Cell(network, kind)
        for place in cell.inputs:
            names[f"cells.{n}.preprocess_{place}."] = f"cells.{n}.preprocess_{place}."
        for owner, operation in cell.features:
            names[f"cells.{n}.operations.{owner}.{operation}."] = f"cells.{n}.{_name(owner, operation)}."
    state = {}
    for key, value in network.state_dict().items():
        for before, here in names.items():
            if key.startswith(before):
                state[here + key.removeprefix(before)] = value
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def _name(owner: str, operation: str) -> str:
    """Return the attribute's name: ``sep_conv_3x3_0_2`` from node 0 to 2; ``sep_conv_3x3_0`` if shared by nodes."""
    return f"{operation}_{owner.replace('-', '_')}"


class _Cell:
    """One kind of cell, without the nodes that do not reach its output.

    ``features`` are the computed (owner, operation) pairs, in order; ``inputs`` the input nodes in use.
    """

    def __init__(self, network: DerivedNetwork, kind: str) -> None:
        self.kind = kind
        self.graph: CellGraph = network.genotype.cell(kind)
        self.cells = [
            cast(TransitCell, cell) for cell, k in zip(network.cells, network.kinds, strict=True) if k == kind
        ]
        self.share = network.share_features
        norms = (module for module in self.cells[0].modules() if isinstance(module, nn.BatchNorm2d))
        self.affine = next(norms).affine
        self.pool_batch_norm = network.pool_batch_norm
        used = set(self.graph.concat)
        for j in reversed(range(INPUT_NODES, INPUT_NODES + len(self.graph.nodes))):
            if j in used:
                used |= {connection.source for connection in self.graph.nodes[j - INPUT_NODES]}
        self.inputs = [node for node in range(INPUT_NODES) if node in used]
        self.nodes = [
            (j, connections) for j, connections in enumerate(self.graph.nodes, start=INPUT_NODES) if j in used
        ]
        self.uses = Counter(
            self._feature(j, connection) for j, connections in self.nodes for connection in connections
        )
        self.features = list(self.uses)
        # whether the cell before the previous one has twice the resolution: both values if the cells differ
        self.halves = {type(cell.preprocess_0).__name__ == "FactorizedReduce" for cell in self.cells}

    def _feature(self, target: int, connection: Connection) -> tuple[str, str]:
        source = connection.source
        return (f"{source}" if self.share else f"{source}-{target}", connection.operation)

    def _code(self, feature: tuple[str, str]) -> str:
        """Return the expression that builds the operation; "" for the identity."""
        owner, operation = feature
        source = int(owner.split("-")[0])
        stride = 2 if self.kind == "reduce" and source < INPUT_NODES else 1
        return operation_code(
            operation, stride=stride, affine=self.affine, pool_batch_norm=self.pool_batch_norm
        )

    def layers(self) -> set[str]:
        """Return the names of our classes that the cell uses."""
        built = {self._code(feature).split("(")[0] for feature in self.features} - {""}
        halving = {"FactorizedReduce"} if 0 in self.inputs and True in self.halves else set()
        keeping = {"ConvBlock"} if 1 in self.inputs or (0 in self.inputs and False in self.halves) else set()
        return {name for name in built | halving | keeping if "." not in name}

    def arguments(self, cell: TransitCell) -> list[str]:
        """Return the arguments that build ``cell``, in the order of :meth:`_parameters`."""
        before = [str(_channels_in(getattr(cell, f"preprocess_{place}"))) for place in self.inputs]
        channels = str(_channels_out(cell.preprocess_1))
        halved = type(cell.preprocess_0).__name__ == "FactorizedReduce"
        return [*before, channels, *([f"reduction_before={halved}"] if self._varies else [])]

    @property
    def _varies(self) -> bool:
        return 0 in self.inputs and len(self.halves) == 2

    def _parameters(self) -> list[str]:
        names = ("channels_before_previous", "channels_previous")
        return [
            *(f"{names[place]}: int" for place in self.inputs),
            "channels: int",
            *(["reduction_before: bool"] if self._varies else []),
        ]

    def lines(self) -> Iterator[str]:
        """Yield the lines of the class."""
        yield f"class {CLASS_NAMES[self.kind]}(nn.Module):"
        yield from _docstring(
            f"A {CELL_NAMES[self.kind]}: nodes 0 and 1 are its inputs, the outputs of the two previous cells.",
            f"Its output concatenates {'node' if len(self.graph.concat) == 1 else 'nodes'} "
            f"{', '.join(map(str, self.graph.concat))}: (N, {len(self.graph.concat)} x channels, H, W)"
            + (", at half the resolution of the previous cell." if self.kind == "reduce" else "."),
        )
        yield ""
        parameters = ", ".join(["self", *self._parameters()])
        head = f"    def __init__({parameters}) -> None:"
        if len(head) <= LINE_WIDTH:
            yield head
        else:
            yield from ("    def __init__(", f"        {parameters}", "    ) -> None:")
        yield "        super().__init__()"
        yield from self._preprocessing()
        for owner, operation in self.features:
            if code := self._code((owner, operation)):
                yield from _statement(f"self.{_name(owner, operation)} = ", code)
        yield ""
        yield "    def forward(self, before_previous: Tensor, previous: Tensor) -> Tensor:"
        for place in self.inputs:
            yield f"        x{place} = self.preprocess_{place}({('before_previous', 'previous')[place]})"
        yield from self._sums()
        joined = ", ".join(f"x{j}" for j in self.graph.concat)
        yield from _statement("return ", f"torch.cat([{joined}], dim=1)")

    def _preprocessing(self) -> Iterator[str]:
        halve = f"FactorizedReduce(channels_before_previous, channels, affine={self.affine})"
        keep = f"ConvBlock({{}}, channels, kernels=[(1, 1)], stride=1, affine={self.affine})"
        if self._varies:
            yield "        self.preprocess_0 = ("
            yield f"            {halve}"
            yield "            if reduction_before"
            yield f"            else {keep.format('channels_before_previous')}"
            yield "        )"
        elif 0 in self.inputs:
            code = halve if True in self.halves else keep.format("channels_before_previous")
            yield from _statement("self.preprocess_0 = ", code)
        if 1 in self.inputs:
            yield from _statement("self.preprocess_1 = ", keep.format("channels_previous"))

    def _sums(self) -> Iterator[str]:
        """Yield one line per node; a feature used by several nodes gets a line before its first use."""
        computed: set[tuple[str, str]] = set()
        for j, connections in self.nodes:
            terms = []
            for connection in connections:
                feature = self._feature(j, connection)
                name = _name(*feature)
                if not self._code(feature):
                    terms.append(f"x{connection.source}")
                elif self.uses[feature] == 1:
                    terms.append(f"self.{name}(x{connection.source})")
                else:
                    if feature not in computed:
                        yield from _statement(f"{name} = ", f"self.{name}(x{connection.source})")
                    computed.add(feature)
                    terms.append(name)
            yield from _statement(f"x{j} = ", *terms)


def _statement(start: str, *terms: str) -> Iterator[str]:
    """Yield ``start`` with the sum of ``terms``, in the body of a method, wrapped as ruff wraps it."""
    whole = " + ".join(terms)
    if len(whole) + len(start) + 8 <= LINE_WIDTH:
        yield f"        {start}{whole}"
        return
    opening, inner = (
        "(",
        [whole] if len(whole) + 12 <= LINE_WIDTH else [terms[0], *(f"+ {t}" for t in terms[1:])],
    )
    if len(terms) == 1:
        opening, arguments = whole.removesuffix(")").split("(", 1)
        opening, inner = f"{opening}(", [arguments]
    yield f"        {start}{opening}"
    yield from (f"            {line}" for line in inner)
    yield "        )"


def _channels_in(module: nn.Module) -> int:
    return next(part.in_channels for part in module.modules() if isinstance(part, nn.Conv2d))


def _channels_out(module: nn.Module) -> int:
    return [part.num_features for part in module.modules() if isinstance(part, nn.BatchNorm2d)][-1]


def _docstring(first: str, *rest: str) -> Iterator[str]:
    yield f'    """{first}'
    yield ""
    for text in rest:
        yield from textwrap.wrap(text, LINE_WIDTH, initial_indent="    ", subsequent_indent="    ")
    yield '    """'


def _header(metadata: Metadata, name: str) -> list[str]:
    """Return the module's docstring, with untrusted texts escaped so that they cannot end it."""
    source = f"Written by {metadata.written_by} from the run {metadata.run} (its {metadata.weights} weights"
    source += f", after step {metadata.step})"
    if metadata.dataset:
        source += f", for images of {metadata.dataset}"
    if metadata.test_accuracy is not None:
        source += f"; accuracy on the test part {100 * metadata.test_accuracy:.2f} %"
    channels, height, width = metadata.shape
    classes = "one class" if len(metadata.classes) == 1 else f"{len(metadata.classes)} classes"
    lines = [
        f"A network of {counted(metadata.network.cells, 'cell')} for {classes} of images, in plain PyTorch.",
        "",
        *textwrap.wrap(plain(f"{source}."), LINE_WIDTH, break_on_hyphens=False),
        "",
        f"    import {name}",
        "",
        f"    network = {name}.load()  # in eval mode; the weights are in {name}.pt beside this file",
        f"    images = torch.rand(8, {channels}, {height}, {width})  # values from 0 to 1",
        f"    logits = network({name}.normalised(images))  # (8, {len(metadata.classes)}), in the order of CLASSES",
    ]
    escaped = "\n".join(lines).replace("\\", "\\\\").replace('"', '\\"')
    return [f'"""{escaped}', '"""']


def _constants(metadata: Metadata) -> list[str]:
    return [
        *_tuple("CLASSES", map(python_text, metadata.classes)),
        *_tuple("SHAPE", map(str, metadata.shape), "of an image: channels, height, width"),
        *_tuple("MEAN", map(repr, metadata.mean), "per channel, for values from 0 to 1"),
        *_tuple("STD", map(repr, metadata.std)),
    ]


def _tuple(name: str, values: Iterable[str], comment: str = "") -> list[str]:
    """Return the lines of an assignment, as few as possible."""
    values = list(values)
    comma = "," if len(values) == 1 else ""
    line = f"{name} = ({', '.join(values)}{comma})" + (f"  # {comment}" if comment else "")
    if len(line) <= LINE_WIDTH:
        return [line]
    lines = [f"{name} = (" + (f"  # {comment}" if comment else "")]
    row = "   "
    for value in values:
        if len(row) + len(value) + 2 > LINE_WIDTH and row.strip():
            lines.append(row)
            row = "   "
        row += f" {value},"
    return [*lines, row, ")"]


def _network_lines(content: ExportedNetwork, stem: str, cells: dict[str, _Cell]) -> Iterator[str]:
    network, options = content.network, content.metadata.network
    channels, height, width = content.metadata.shape
    yield "class Network(nn.Module):"
    yield from _docstring(
        f"Normalised images (N, {channels}, {height}, {width}) → logits (N, {options.classes}).",
        "Other heights and widths work too: the average before the classifier is over all pixels.",
    )
    yield ""
    yield "    def __init__(self) -> None:"
    yield "        super().__init__()"
    yield f"        self.stem = {stem}({options.channels_in}, {options.channels})"
    yield "        self.cells = nn.ModuleList("
    yield "            ["
    for cell, kind in zip(network.cells, network.kinds, strict=True):
        arguments = ", ".join(cells[kind].arguments(cast(TransitCell, cell)))
        yield f"                {CLASS_NAMES[kind]}({arguments}),"
    yield "            ]"
    yield "        )"
    yield f"        self.classifier = nn.Linear({network.classifier.in_features}, {options.classes})"
    yield ""
    yield from _FORWARD.splitlines()


_FORWARD = """\
    def forward(self, images: Tensor) -> Tensor:
        before_previous, previous = self.stem(images)
        for cell in self.cells:
            before_previous, previous = previous, cell(before_previous, previous)
        return self.classifier(previous.mean(dim=(2, 3)))"""

_FUNCTIONS = '''\
def load(path: str | Path | None = None) -> Network:
    """Load the network in eval mode, with the weights in ``path``: by default the file beside this one."""
    if path is None:
        path = Path(__file__).with_suffix(".pt")
    network = Network()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def normalised(images: Tensor) -> Tensor:
    """Normalise images (N, C, H, W) with values from 0 to 1 for the network."""
    mean, std = (images.new_tensor(values).view(-1, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std


if __name__ == "__main__":
    with torch.no_grad():
        shares = load()(normalised(torch.rand(1, *SHAPE))).softmax(dim=1)[0]
    for share, name in sorted(zip(shares.tolist(), CLASSES, strict=True), reverse=True)[:5]:
        print(f"{share:6.1%}  {name}")'''
