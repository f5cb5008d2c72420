"""Faults of Python: one operator, constant, condition or statement of a module changed at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "argmin": "argmax", "argmax": "argmin"}


@dataclass(frozen=True)
class Fault:
    """A module with one fault.

    Attributes
    ----------
    path : Path
        The module, from the root of the repository.
    line : int
        Where the fault is.
    before, after : str
        What is there, and what takes its place.
    source : str
        The whole module with the fault.
    """

    path: Path
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  →  {self.after}"


def faults_of(path: Path, source: str) -> Iterator[Fault]:
    """All faults of a module, one after the other."""
    tree = ast.parse(source)
    for parent, field, place, node in list(_statements_and_expressions(tree)):
        for other in _changed(node):
            held = getattr(parent, field)
            before = ast.unparse(node)
            _put(parent, field, place, other)
            after = ast.unparse(other)
            if after != before:
                yield Fault(path, node.lineno, _short(before), _short(after), ast.unparse(tree))
            if place is None:
                setattr(parent, field, held)
            else:
                held[place] = node


def _put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:90]}…"


def _statements_and_expressions(
    node: ast.AST,
) -> Iterator[tuple[ast.AST, str, int | None, ast.stmt | ast.expr]]:
    """What can be changed, and where it hangs: no annotation, decorator, docstring, message or import."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Raise | ast.Assert):
        return
    skipped = {
        "annotation",
        "returns",
        "decorator_list",
        "bases",
        "keywords" if isinstance(node, ast.ClassDef) else "",
    }
    for field, value in ast.iter_fields(node):
        if field in skipped:
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.stmt | ast.expr) and not _says_nothing(child):
                yield node, field, place, child
            if isinstance(child, ast.AST) and not _says_nothing(child):
                yield from _statements_and_expressions(child)


def _says_nothing(node: ast.AST) -> bool:
    """Whether a node is a docstring or only for the checker of types."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _changed(node: ast.stmt | ast.expr) -> Iterator[ast.stmt | ast.expr]:
    other = copy.deepcopy(node)
    match other:
        case ast.Compare(ops=[operator, *_]) if type(operator) in COMPARISONS:
            other.ops[0] = COMPARISONS[type(operator)]()
            yield other
        case ast.BinOp(op=operator) if type(operator) in OPERATORS and not _is_text(other):
            other.op = OPERATORS[type(operator)]()
            yield other
        case ast.BoolOp():
            other.op = ast.Or() if isinstance(other.op, ast.And) else ast.And()
            yield other
            yield copy.deepcopy(node.values[0])  # type: ignore[union-attr]
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield other.operand
        case ast.Constant(value=bool()):
            other.value = not other.value
            yield other
        case ast.Constant(value=int()):
            other.value += 1
            yield other
        case ast.Constant(value=float()):
            other.value = other.value * 1.5 + 0.25
            yield other
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            other.func = ast.Name(NAMES[name], ast.Load())
            yield other
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in NAMES:
            other.func = ast.Attribute(value, NAMES[name], ast.Load())
            yield other
        case ast.IfExp():
            yield other.body
            yield other.orelse
        case ast.If() | ast.While():
            other.test = ast.Constant(False)
            yield other
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            yield ast.copy_location(ast.Pass(), node)
        case ast.Slice(lower=None, upper=ast.expr()):
            other.upper = ast.BinOp(other.upper, ast.Sub(), ast.Constant(1))
            yield ast.copy_location(other, node)


def _is_text(node: ast.BinOp) -> bool:
    """Whether an operator joins texts or types."""
    text = ast.unparse(node)
    return "'" in text or '"' in text or " | None" in text or "isinstance" in text
