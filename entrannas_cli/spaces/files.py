"""Search spaces as TOML files, built-in ones and users' own. Never loads torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import tomli_w

from ..common.errors import UsageError
from ..common.files import file_error, read_toml
from ..common.text import choices, did_you_mean, looks_like_path, plain, shown
from ..method.operations import ENTRY_POINT_GROUP, get_operation, operation_names
from ..method.space import SearchSpace

__all__ = [
    "OperationFacts",
    "SpaceError",
    "SpaceProblem",
    "check_space",
    "describe_operations",
    "load_space",
    "space_from_table",
    "space_names",
    "space_path",
    "space_to_toml",
]

MAX_NODES = 16
MAX_OPERATIONS = 1000
NODES = SearchSpace(name="", operations=()).nodes
KEYS = ("name", "description", "source", "nodes", "operations")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # becomes part of folder names


@dataclass(frozen=True)
class SpaceProblem:
    """What is wrong with one key of a search space file."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


class SpaceError(ValueError):
    """A table that is not a search space. ``problems`` lists everything wrong with it."""

    def __init__(self, problems: Sequence[SpaceProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class OperationFacts:
    """An operation of a space. ``package`` is the package that provides it, None for this one.

    ``label`` and ``parametric`` (whether it has weights) are None for another package's operation, which would
    have to be loaded to find out.
    """

    name: str
    label: str | None
    parametric: bool | None
    package: str | None = None


def _folder() -> Path:
    """Return the folder of built-in spaces: inside an installed package, next to it in a source tree."""
    package = Path(__file__).resolve().parents[1]
    return next(
        (f for f in (package / "searchspaces", package.parent / "searchspaces") if f.is_dir()), package
    )


def space_names() -> tuple[str, ...]:
    """Return the names of the built-in spaces, ``standard`` first."""
    return tuple(sorted((file.stem for file in _folder().glob("*.toml")), key=lambda n: (n != "standard", n)))


def space_path(name_or_path: str) -> Path:
    """Return the file of a space, given by name or path.

    Raises ``UsageError`` for an unknown name.
    """
    names = space_names()
    if name_or_path in names:
        return _folder() / f"{name_or_path}.toml"
    if looks_like_path(name_or_path):
        return Path(name_or_path)
    raise UsageError(
        f"no search space {plain(name_or_path) or '(empty name)'}{did_you_mean(name_or_path, names)}: use one of "
        f"{choices(names, last='and')}, or the path of a .toml file"
    )


def load_space(name_or_path: str | Path) -> SearchSpace:
    """Return a search space by name or from a file.

    Raises ``UsageError`` that lists everything wrong with the file.
    """
    path = space_path(name_or_path) if isinstance(name_or_path, str) else name_or_path
    try:
        return space_from_table(read_toml(path, file_error, follow_links=True), name=path.stem)
    except SpaceError as error:
        found = [str(problem) for problem in error.problems]
    where = plain(str(path))
    if len(found) == 1:
        raise UsageError(f"{where}: not a search space: {found[0]}")
    raise UsageError(f"{where}: not a search space, {len(found)} errors:", found)


def check_space(path: str | Path) -> tuple[SpaceProblem, ...]:
    """Return everything that is wrong with a search space file.

    Raises ``UsageError`` if it cannot be read as TOML.
    """
    file = space_path(path) if isinstance(path, str) else path
    try:
        space_from_table(read_toml(file, file_error, follow_links=True), name=file.stem)
    except SpaceError as error:
        return error.problems
    return ()


def space_to_toml(space: SearchSpace) -> str:
    """Return the text of a file that :func:`load_space` reads back as ``space``."""
    return tomli_w.dumps(
        {
            "name": space.name,
            "description": space.description,
            "source": space.source,
            "nodes": space.nodes,
            "operations": list(space.operations),
        }
    )


def space_from_table(table: Mapping[str, Any], *, name: str = "", any_operation: bool = False) -> SearchSpace:
    """Return the space that a TOML table describes; ``name`` is used if the table has none.

    ``any_operation`` also accepts operations that aren't installed here, to look at runs made elsewhere.
    Raises :class:`SpaceError` with everything wrong with the table.
    """
    problems = [
        SpaceProblem(
            plain(key), f"unknown key{did_you_mean(key, KEYS)}; the keys are {choices(KEYS, last='and')}"
        )
        for key in table
        if key not in KEYS
    ]
    name = table.get("name", name)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        problems.append(
            SpaceProblem(
                "name", f"must be letters, digits, '.', '_' or '-', at most 64 of them, not {shown(name)}"
            )
        )
    texts = {key: table.get(key, "") for key in ("description", "source")}
    problems += [
        SpaceProblem(key, f"must be a string in quotes, not {shown(text)}")
        for key, text in texts.items()
        if not isinstance(text, str)
    ]
    nodes = table.get("nodes", NODES)
    if type(nodes) is not int or not 1 <= nodes <= MAX_NODES:
        problems.append(
            SpaceProblem("nodes", f"must be a whole number from 1 to {MAX_NODES}, not {shown(nodes)}")
        )
    operations = table.get("operations", [])
    problems += _operation_problems(operations, any_operation)
    if problems:
        raise SpaceError(problems)
    return SearchSpace(name=name, operations=tuple(operations), nodes=nodes, **texts)


def _operation_problems(operations: object, any_operation: bool) -> list[SpaceProblem]:
    known = operation_names()
    allowed = f"available: {', '.join(known)}"
    if not isinstance(operations, list):
        text = f'must be a list of names, such as ["{known[0]}", "{known[1]}"], not {shown(operations)}; {allowed}'
        return [SpaceProblem("operations", text)]
    if not operations:
        return [SpaceProblem("operations", f"at least one is needed; {allowed}")]
    if len(operations) > MAX_OPERATIONS:
        return [SpaceProblem("operations", f"at most {MAX_OPERATIONS:,}, not {len(operations):,}")]
    problems = []
    seen: set[str] = set()
    for n, operation in enumerate(operations):
        key = f"operations[{n}]"
        if not isinstance(operation, str):
            problems.append(SpaceProblem(key, f"must be a name in quotes, not {shown(operation)}; {allowed}"))
            continue
        if operation in seen:
            problems.append(SpaceProblem(key, f"{shown(operation)} is listed twice"))
        elif operation not in known and not any_operation:
            problems.append(
                SpaceProblem(
                    key, f"unknown operation {shown(operation)}{did_you_mean(operation, known)}; {allowed}"
                )
            )
        seen.add(operation)
    return problems


def describe_operations(space: SearchSpace) -> list[OperationFacts]:
    """Return what is known of each operation of ``space`` without loading other packages."""
    plugins = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    facts = []
    for name in space.operations:
        if name in plugins:
            package = plugins[name].dist
            facts.append(OperationFacts(name, None, None, package.name if package else plugins[name].module))
        else:
            operation = get_operation(name)
            facts.append(OperationFacts(name, operation.label, operation.parametric))
    return facts
