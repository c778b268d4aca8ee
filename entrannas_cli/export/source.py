"""The code of our layers as text, for a module that does not depend on this package.

It is extracted from the source, so that it cannot differ from what was trained: the classes from
``method/layers.py`` and ``method/network.py``, the construction of an operation from its builder in
``method/operations.py``.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

from ..common.errors import UsageError
from ..common.text import plain
from ..method import layers, network, operations

__all__ = ["Definitions", "check_builtin", "operation_code", "python_text"]

Import = tuple[str, str, str]  # module, name in it ("" for the module itself), name here


def check_builtin(names: Iterable[str]) -> None:
    """Raise ``UsageError`` if operations come from another package, because their code is not ours to copy."""
    foreign = [
        name
        for name in sorted(names)
        if operations.get_operation(name).build.__module__ != operations.__name__
    ]
    if foreign:
        raise UsageError(
            f"--format python cannot include {', '.join(map(plain, foreign))}: the code is in another package",
            ["use --format checkpoint, onnx or torch"],
        )


def operation_code(name: str, *, stride: int, affine: bool, pool_batch_norm: bool) -> str:
    """Return the expression that builds operation ``name`` for ``channels`` channels; "" for the identity.

    For example ``SeparableConv(channels, kernel=3, stride=1, affine=True)``.
    """
    operation = operations.get_operation(name)
    builder = ast.parse(textwrap.dedent(inspect.getsource(operation.build))).body[0]
    assert isinstance(builder, ast.FunctionDef)
    parameters = [argument.arg for argument in builder.args.args]
    values: dict[str, ast.expr] = dict(
        zip(parameters, (ast.Name("channels"), ast.Constant(stride), ast.Constant(affine)), strict=True)
    )
    for statement in builder.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "torch.nn":
            values |= {a.name: ast.Attribute(ast.Name("nn"), a.name) for a in statement.names}
    returned = builder.body[-1]
    assert isinstance(returned, ast.Return)
    assert returned.value is not None
    call = _Substitution(values).visit(returned.value)
    assert isinstance(call, ast.Call)
    function = ast.unparse(call.func)
    if function == "nn.Identity":
        return ""
    if not operation.pooling:
        return _call_text(function, call.args)
    pool = ast.unparse(call)
    return f"nn.Sequential({pool}, nn.BatchNorm2d(channels, affine={affine}))" if pool_batch_norm else pool


class _Substitution(ast.NodeTransformer):
    """Substitutes values for names, and resolves the conditional expressions that depend on them."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        match self.visit(node.test):
            case ast.Compare(ast.Constant(left), [ast.Eq()], [ast.Constant(right)]):
                chosen: ast.expr = self.visit(node.body if left == right else node.orelse)
                return chosen
        raise ValueError(f"cannot evaluate {ast.unparse(node.test)}")


def _call_text(name: str, arguments: Iterable[ast.expr]) -> str:
    """Return a call of our class ``name``, with numbers, lists and all later arguments by keyword."""
    parameters = list(inspect.signature(getattr(layers, name)).parameters)
    written: list[str] = []
    by_keyword = False
    for parameter, argument in zip(parameters, arguments, strict=True):
        match argument:
            case ast.Constant(str(text)):
                code = python_text(text)
            case _:
                code = ast.unparse(argument)
                by_keyword = by_keyword or not isinstance(argument, ast.Name)
        written.append(f"{parameter}={code}" if by_keyword else code)
    return f"{name}({', '.join(written)})"


def python_text(text: str) -> str:
    """Return a Python string literal, double-quoted if possible, with invisible characters escaped."""
    literal = repr(text)
    if literal.startswith("'") and '"' not in literal:
        return f'"{literal[1:-1]}"'
    return literal


@dataclass
class Definitions:
    """Code extracted from our modules with its dependencies: ``code`` by name, and the imports."""

    code: dict[str, str] = field(default_factory=dict)
    imports: set[Import] = field(default_factory=set)

    def take(self, name: str) -> None:
        """Add the class or function ``name``, preceded by everything it uses."""
        module = next(module for module in (layers, network) if name in _defined(module))
        self._take(module, name)

    def _take(self, module: ModuleType, name: str) -> None:
        if name in self.code:
            return
        for used in sorted(_names_in(_defined(module)[name])):
            if used in _defined(module) and used != name:
                self._take(module, used)
            elif used in _imported(module):
                self.imports.add(_imported(module)[used])
        self.code[name] = inspect.getsource(getattr(module, name)).rstrip()

    def import_lines(self) -> list[str]:
        """Return the imports as sorted by ruff, with an empty line after the standard library."""
        blocks = []
        for standard in (True, False):
            chosen = [i for i in self.imports if (i[0].split(".")[0] in sys.stdlib_module_names) is standard]
            modules = sorted(f"import {module}" for module, name, _ in chosen if not name)
            named: dict[str, list[str]] = {}
            for module, name, here in sorted(chosen, key=lambda i: (not i[1][:1].isupper(), i[1])):
                if name:
                    named.setdefault(module, []).append(name if name == here else f"{name} as {here}")
            blocks.append(
                modules + [f"from {module} import {', '.join(named[module])}" for module in sorted(named)]
            )
        return [*blocks[0], *([""] if all(blocks) else []), *blocks[1]]


def _names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


@cache
def _defined(module: ModuleType) -> dict[str, ast.stmt]:
    return {
        node.name: node for node in _tree(module).body if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }


@cache
def _imported(module: ModuleType) -> dict[str, Import]:
    """Return the absolute imports of ``module`` by the names that they bind."""
    found: dict[str, Import] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name: (a.name, "", a.asname or a.name) for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {a.asname or a.name: (node.module, a.name, a.asname or a.name) for a in node.names}
    return found
