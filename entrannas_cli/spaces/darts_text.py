"""Genotypes as DARTS and its descendants print them, found in source files, logs and notes.

The form is that of Python's named tuples, ``Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6),
reduce=…, reduce_concat=…)``, as in the files ``genotypes.py`` and the logs of DARTS, PC-DARTS, P-DARTS and
ISTA-NAS: from Python 2 (``u'…'``, lists for ranges) or 3, with NumPy integers (``np.int64(0)``), over several
lines, surrounded by anything; with two connections per node in one list, or one list per node.

The parser knows literals only. Nothing is evaluated, and its time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..method.genotype import MAX_NODES, CellGraph, Connection, Genotype, GenotypeError
from ..method.space import CELL_KINDS, INPUT_NODES

__all__ = ["EXPECTED", "FoundGenotype", "has_genotype", "read_genotypes"]

EXPECTED = "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), reduce=..., ...)"
FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
RECURRENT = ("recurrent", "concat")
NO_OPERATION = "none"  # the zero operation: the same as no connection
OTHER_NAMES = {"conv_7x1_1x7": "conv_1x7_7x1"}  # the same layers: 1x7, then 7x1
MAX_DEPTH = 6  # nested brackets
MAX_TOKENS = 50_000  # per genotype

_START = re.compile(r"Genotype[ \t]{0,8}\(")  # also right after a line that was cut by a kill
_NAME = re.compile(r"([A-Za-z_]\w{0,63})[ \t]{0,8}=[ \t]{0,8}\Z")
_ALIAS = re.compile(
    r"^([A-Za-z_]\w{0,63})[ \t]{0,8}=[ \t]{0,8}([A-Za-z_]\w{0,63})[ \t\r]{0,8}(?:#[^\n]{0,200})?$",
    re.MULTILINE,
)
_PLACE = re.compile(r"\bepoch|skip-connect", re.IGNORECASE)
_SKIPPED = re.compile(r"(?:[ \t\r\n\f]+|\\\r?\n|#[^\n]*)+")
_TOKEN = re.compile(
    # strings have no brackets: if a line was cut inside one, another genotype may follow
    r"(?P<text>[uUbBrR]{0,2}(?:'[^'\\\n()\[\]]{0,100}'|\"[^\"\\\n()\[\]]{0,100}\"))"
    r"|(?P<number>-?[0-9]{1,9}[lL]?(?![\w.]))"
    r"|(?P<name>[A-Za-z_][\w.]{0,63})"
    r"|(?P<sign>[()\[\],=])"
)


@dataclass(frozen=True)
class FoundGenotype:
    """The genotype found at ``line`` (from 1), or the ``problems`` with it.

    ``name`` is what it is assigned to, ``place`` the line before it about an epoch or the like; both may be empty.
    ``notes`` list what was changed while reading. ``aliases`` are further names assigned to it later.
    """

    line: int
    name: str
    place: str
    genotype: Genotype | None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def has_genotype(text: str) -> bool:
    """Return whether ``text`` has anything for :func:`read_genotypes` to read."""
    return _START.search(text) is not None


def read_genotypes(text: str) -> list[FoundGenotype]:
    """Return all genotypes in ``text``, in order, without those commented out.

    Never raises.
    """
    found: list[FoundGenotype] = []
    line, counted_to, position = 1, 0, 0
    while match := _START.search(text, position):
        start = match.start()
        before = text[max(start - 200, counted_to) : start].rpartition("\n")[2]
        line += text.count("\n", counted_to, start)
        parser = _Parser(text, match.end())
        fields: dict[str, Any] = {}
        problems: tuple[str, ...] = ()
        try:
            fields = parser.fields()
        except _ParseError as error:
            problems = (str(error),)
        if not before.lstrip().startswith("#"):
            name = _NAME.search(before)
            label = name[1] if name and name[1].lower() != "genotype" else ""
            place = _last_place(text[max(counted_to, start - 4000) : start])
            found.append(_found_genotype(line, label, place, fields, problems))
        counted_to, position = start, max(parser.position, match.end())
    aliases: dict[str, list[str]] = {}
    for alias in _ALIAS.finditer(text):
        aliases.setdefault(alias[2], []).append(alias[1])
    return [
        replace(item, aliases=tuple(aliases.get(item.name, ()))) if item.name in aliases else item
        for item in found
    ]


def _last_place(text: str) -> str:
    for line in reversed(text.split("\n")[:-1]):
        if _PLACE.search(line) and not _START.search(line):
            return line.strip()[:80]
    return ""


def _found_genotype(
    line: int, name: str, place: str, fields: dict[str, Any], problems: tuple[str, ...]
) -> FoundGenotype:
    if problems:
        return FoundGenotype(line, name, place, None, problems)
    try:
        genotype, notes = _genotype(fields)
    except GenotypeError as error:
        return FoundGenotype(line, name, place, None, error.problems)
    return FoundGenotype(line, name, place, genotype, notes=tuple(notes))


class _ParseError(ValueError):
    """The text is not a genotype; the message says where."""


class _Parser:
    """Parses the arguments of ``Genotype(``; ``position`` is how far it has read."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self._tokens = self._split()
        self._kind, self._token = "", ""
        self._tokens_left = MAX_TOKENS
        self._next()

    def fields(self) -> dict[str, Any]:
        """Return the fields by name; those without one are named by position.

        Raises ``_Fault``.
        """
        fields: dict[str, Any] = {}
        while self._token != ")":
            if self._kind == "name" and self._token in (*FIELDS, *RECURRENT):
                name = self._take()
                self._expect("=")
            elif len(fields) < len(FIELDS):
                name = FIELDS[len(fields)]
            else:
                raise _ParseError("more than four fields")
            if name in fields:
                raise _ParseError(f"{name} is given twice")
            fields[name] = self._value(0)
            if self._token != ")":
                self._expect(",")
        return fields

    def _split(self) -> Iterator[tuple[str, str]]:
        while True:
            if skipped := _SKIPPED.match(self.text, self.position):
                self.position = skipped.end()
            match = _TOKEN.match(self.text, self.position)
            if match is None:
                break
            yield str(match.lastgroup), match[0]
            self.position = match.end()
        while True:
            yield "", ""

    def _next(self) -> None:
        self._tokens_left -= 1
        if not self._tokens_left:
            raise _ParseError("longer than any genotype")
        self._kind, self._token = next(self._tokens)

    def _take(self) -> str:
        token = self._token
        self._next()
        return token

    def _expect(self, sign: str) -> None:
        if self._token != sign:
            raise self._unexpected(f'"{sign}"')
        self._next()

    def _unexpected(self, expected: str) -> _ParseError:
        if not self._kind:
            rest = self.text[self.position : self.position + 20].split("\n")[0]
            where = f"found {rest!r}" if rest else "the text ends"
        else:
            where = f"found {self._token[:40]!r}"
        return _ParseError(f"malformed Genotype(...): expected {expected}, {where}")

    def _value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _ParseError(f"brackets nested deeper than {MAX_DEPTH}")
        kind, token = self._kind, self._token
        if kind == "text":
            self._next()
            return token[token.index(token[-1]) + 1 : -1]
        if kind == "number":
            self._next()
            return int(token.rstrip("lL"))
        if token in ("[", "("):
            self._next()
            return self._items({"[": "]", "(": ")"}[token], depth)
        if kind == "name" and token.rpartition(".")[2] in _CALLS:
            self._next()
            self._expect("(")
            return _call_value(token, self._items(")", depth))
        raise self._unexpected("a list, a string or a number")

    def _items(self, end: str, depth: int) -> list[Any]:
        items = []
        while self._token != end:
            items.append(self._value(depth + 1))
            if self._token != end:
                self._expect(",")
        self._next()
        return items


_INTEGERS = ("int", "long", "int8", "int16", "int32", "int64", "uint8", "intp")
_CALLS = ("range", "xrange", "list", "tuple", "str", "str_", *_INTEGERS)


def _call_value(name: str, arguments: list[Any]) -> Any:
    """Return the value of one of the few calls that printed genotypes contain."""
    match name.rpartition(".")[2], arguments:
        case "range" | "xrange", [*numbers] if 0 < len(numbers) <= 3 and all(map(_is_integer, numbers)):
            if len(numbers) == 3 and not numbers[2]:
                raise _ParseError("a range with step 0")
            span = range(*numbers)
            if len(span) > MAX_NODES:
                raise _ParseError(f"a range of {len(span)} nodes, at most {MAX_NODES} are read")
            return list(span)
        case "list" | "tuple", [list(items)]:
            return items
        case "str" | "str_", [str(text)]:
            return text
        case kind, [int(number)] if kind in _INTEGERS:
            return number
    raise _ParseError(f"{name}(...) isn't a list, a range or a number")


def _is_integer(value: object) -> bool:
    return isinstance(value, int)


def _genotype(fields: dict[str, Any]) -> tuple[Genotype, list[str]]:
    if RECURRENT[0] in fields:
        raise GenotypeError(["a recurrent cell: only genotypes of a normal and a reduction cell can be read"])
    problems = [f"{name} is missing" for name in FIELDS if name not in fields]
    notes: list[str] = []
    cells: dict[str, CellGraph] = {}
    for kind in CELL_KINDS:
        if kind in fields and f"{kind}_concat" in fields:
            try:
                cells[kind] = _cell(kind, fields[kind], fields[f"{kind}_concat"], notes)
            except GenotypeError as error:
                problems += [f"{kind} cell: {problem}" for problem in error.problems]
    if problems:
        raise GenotypeError(problems)
    return Genotype(**cells), notes


def _cell(kind: str, value: Any, concat: Any, notes: list[str]) -> CellGraph:
    if not isinstance(value, list):
        raise GenotypeError([f"expected a list of ('operation', source) pairs, found {_shown(value)}"])
    if not isinstance(concat, list) or not all(map(_is_integer, concat)):
        raise GenotypeError([f"concat: expected a list of node numbers, found {_shown(concat)}"])
    if len(concat) > MAX_NODES:
        raise GenotypeError([f"concat: {len(concat)} nodes, at most {MAX_NODES} are read"])
    nodes = _nodes(value)
    if len(nodes) > MAX_NODES:
        raise GenotypeError([f"{len(nodes)} nodes, at most {MAX_NODES} are read"])
    kept: list[tuple[Connection, ...]] = []
    problems = []
    for number, pairs in enumerate(nodes, INPUT_NODES):
        connections = []
        for operation, source in pairs:
            if operation == NO_OPERATION:
                notes.append(f'{kind} cell: node {number}: "none" from node {source} is left out')
                continue
            if operation in OTHER_NAMES:
                our_name = OTHER_NAMES[operation]
                notes.append(f"{kind} cell: node {number}: {operation} is called {our_name} here")
                operation = our_name
            connections.append(Connection(source, operation))
        if pairs and not connections:
            problems.append(f'node {number} has only the operation "none", so it has no input')
        kept.append(tuple(connections))
    if problems:
        raise GenotypeError(problems)
    return CellGraph(tuple(kept), tuple(concat))


def _nodes(items: Sequence[Any]) -> list[list[tuple[str, int]]]:
    """Return the pairs of each node: one list per node, or every two pairs of a flat list."""
    if items and all(isinstance(item, list) and not _is_pair(item) for item in items):
        return [[_pair(entry) for entry in item] for item in items]
    pairs = [_pair(item) for item in items]
    if len(pairs) % 2:
        raise GenotypeError(
            [f"{len(pairs)} connections in one list: expected two per node, or one list per node"]
        )
    return [pairs[n : n + 2] for n in range(0, len(pairs), 2)]


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and list(map(type, item)) == [str, int]


def _pair(item: Any) -> tuple[str, int]:
    if not _is_pair(item):
        raise GenotypeError([f"expected ('operation', source), found {_shown(item)}"])
    return item[0], item[1]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
