"""Every change that may be made to a file's functions, one at a time: comparisons, operators, constants, statements.

A change is made in the syntax tree and not in the text, and is named by the statement that it is in, as Python writes
it: neither the length of a line nor its number means anything. What stands outside functions is left alone, and so are
annotations, defaults, decorators, assertions, log lines and what is raised.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RULES = frozenset(("step", "part", "loop", "body", "verb"))
"""Decorators of rules, and what a rule of several texts is made with: functions that are weighed in full."""
OTHERS_WEIGH = 0.4
"""What is no rule decides less of a result: a handler, a table, a report."""
QUIET = frozenset(("__repr__", "__str__"))
LOGS = frozenset(("log", "_log", "logger"))

NO_CODE = frozenset(["annotation", "decorator_list", "args", "returns", "format_spec", "pattern", "type_params"])
"""Fields of nodes in which nothing is changed; ``args`` are those of a definition."""

BOUNDS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
SIDES = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
EQUALS = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
SIBLINGS = {"min": "max", "minimum": "maximum", "floor": "ceil", "any": "all"}
SIBLINGS |= {other: one for one, other in SIBLINGS.items()}
DROPPED = frozenset(("abs", "sqrt"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Edit:
    """A part of a tree, and what stands there instead."""

    node: Any
    name: str
    new: Any
    index: int | None = None
    old: Any = field(init=False)

    def __post_init__(self) -> None:
        self.old = self._get()

    def _get(self) -> Any:
        value = getattr(self.node, self.name)
        return value if self.index is None else value[self.index]

    def _set(self, value: Any) -> None:
        if self.index is None:
            setattr(self.node, self.name, value)
        else:
            getattr(self.node, self.name)[self.index] = value

    def make(self) -> None:
        """Change the tree."""
        new = self.new
        if isinstance(new, ast.AST) and isinstance(self.old, ast.AST) and hasattr(self.old, "lineno"):
            ast.fix_missing_locations(ast.copy_location(new, self.old))
        self._set(new)

    def undo(self) -> None:
        """Leave the tree as it was."""
        self._set(self.old)


@dataclass(frozen=True)
class Change:
    """One change of one file: a mutant."""

    file: str
    """Relative to the repository."""
    function: str
    original: str
    mutated: str
    which: int
    """1, or more for the later ones of several that read the same."""
    kind: str
    weight: float
    """How much of the rules it stands for."""
    statement: int
    """Its place among the statements of the file's functions."""
    edit: Edit = field(compare=False, repr=False)

    @property
    def name(self) -> tuple[str, str, str, str, int]:
        """What it is, wherever its lines have moved to."""
        return self.file, self.function, self.original, self.mutated, self.which


def functions_of(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function]]:
    """Functions and methods of a module with their qualified names; those within functions belong to these."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.ClassDef):
            yield from functions_of(child, f"{within}{child.name}.")
        elif isinstance(child, Function):
            yield within + child.name, child


def statements_of(tree: ast.AST) -> list[ast.stmt]:
    """All statements of a module's functions, always in the same order; docstrings are none."""
    return [statement for _, function in functions_of(tree) for statement in _within(function)]


def _within(node: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt) and not _is_text(child):
            yield child
        yield from _within(child)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def changes_of(root: Path, path: Path) -> tuple[ast.Module, list[Change]]:
    """A file's tree, and all changes that can be made to it."""
    tree = ast.parse(path.read_bytes(), str(path))
    number = {id(statement): n for n, statement in enumerate(statements_of(tree))}
    found: list[Change] = []
    rules = _given_to_rules(tree)
    for name, function in functions_of(tree):
        decorators = {_last_name(decorator) for decorator in function.decorator_list}
        if function.name in QUIET or "overload" in decorators:
            continue
        finder = _Finder(function)
        edits = list(finder.edits())
        weight = len(list(_within(function))) * (1.0 if decorators & RULES or name in rules else OTHERS_WEIGH)
        kinds = Counter(kind for kind, _, _ in edits)
        alike: Counter[tuple[str, str]] = Counter()
        for kind, owner, edit in edits:
            original = text_of(owner)
            edit.make()
            mutated = text_of(edit.new if owner is edit.old else owner)
            edit.undo()
            if original == mutated:
                continue
            alike[original, mutated] += 1
            found.append(
                Change(
                    path.relative_to(root).as_posix(), name, original, mutated, alike[original, mutated], kind,
                    weight / len(kinds) / kinds[kind], number[id(finder.matches.get(id(owner), owner))], edit,
                )
            )  # fmt: skip
    return tree, found


def _given_to_rules(tree: ast.Module) -> set[str]:
    """Functions that a rule is made of by a call, as ``first = verb(_first_slot, _first_of_list)``."""
    calls = [s.value for s in tree.body if isinstance(s, ast.Assign) and isinstance(s.value, ast.Call)]
    return {_last_name(given) for call in calls if _last_name(call) in RULES for given in call.args}


def text_of(owner: Any) -> str:
    """A statement on one line, of a compound one what stands before its colon."""
    shown = copy.copy(owner)
    if hasattr(shown, "cases"):
        shown.cases = []
    if not hasattr(shown, "body"):
        return " ".join(ast.unparse(shown).split("\n"))
    shown.body = [ast.Pass()]
    for name in ("orelse", "finalbody", "handlers"):
        if hasattr(shown, name):
            setattr(shown, name, [])
    return " ".join(ast.unparse(shown).split("\n")[:-1])


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _first_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


Found = tuple[str, Any, Edit]
"""Kind, the statement (or case) that it is in, and how it is made."""


class _Finder:
    """The changes of one function."""

    def __init__(self, function: Function) -> None:
        self._function = function
        arguments = function.args
        self._known = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        """Names that have a value by now: what gives them another can be left out."""
        self.matches: dict[int, ast.AST] = {}
        """By the id of each case, the statement that it is a case of."""

    def edits(self) -> Iterator[Found]:
        yield from self._block(self._function, "body")

    def _block(self, node: Any, name: str) -> Iterator[Found]:
        for index, statement in enumerate(getattr(node, name)):
            if not isinstance(statement, ast.Raise | ast.Assert) and not _is_text(statement):
                yield from self._statement(node, name, index, statement)

    def _statement(self, node: Any, name: str, index: int, statement: ast.stmt) -> Iterator[Found]:
        if isinstance(statement, ast.Expr) and _first_name(statement.value) in LOGS:
            return
        if self._can_go(statement):
            yield "removed", statement, Edit(node, name, ast.Pass(), index)
        if isinstance(statement, ast.Continue | ast.Break):
            other = ast.Break() if isinstance(statement, ast.Continue) else ast.Continue()
            yield "jump", statement, Edit(node, name, other, index)
        if isinstance(statement, ast.AugAssign) and type(statement.op) in ARITHMETIC:
            yield "arithmetic", statement, Edit(statement, "op", ARITHMETIC[type(statement.op)]())
        if isinstance(statement, ast.Return) and statement.value is not None:
            yield from self._returned(statement, statement.value)
        yield from self._parts(statement, statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.For):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            self._known |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}

    def _can_go(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Expr):
            return isinstance(statement.value, ast.Call)
        if isinstance(statement, ast.AugAssign):
            return True
        if not isinstance(statement, ast.Assign):
            return False
        if all(isinstance(target, ast.Name) and target.id in self._known for target in statement.targets):
            return True
        return self._function.name != "__init__" and all(
            isinstance(target, ast.Attribute | ast.Subscript) for target in statement.targets
        )

    def _returned(self, statement: ast.Return, value: ast.expr) -> Iterator[Found]:
        new: ast.expr
        match getattr(self._function.returns, "id", ""):
            case "bool" if not isinstance(value, ast.Constant):
                new = ast.UnaryOp(ast.Not(), value)
            case "float" if not isinstance(value, ast.Constant):
                new = ast.UnaryOp(ast.USub(), value)
            case "int" if not isinstance(value, ast.Constant):
                new = ast.BinOp(value, ast.Add(), ast.Constant(1))
            case _:
                return
        yield "returned", statement, Edit(statement, "value", new)

    def _parts(self, node: Any, owner: Any) -> Iterator[Found]:
        """Changes within a node that belongs to ``owner``."""
        for name, value in ast.iter_fields(node):
            if name in NO_CODE and not (name == "args" and isinstance(node, ast.Call)):
                continue
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield from self._block(node, name)
            elif isinstance(value, list):
                for index, child in enumerate(value):
                    if isinstance(child, ast.match_case):
                        self.matches[id(child)] = owner
                        yield from self._parts(child, child)
                    elif isinstance(child, ast.AST):
                        yield from self._part(node, name, index, child, owner)
            elif isinstance(value, ast.AST):
                yield from self._part(node, name, None, value, owner)

    def _part(self, node: Any, name: str, index: int | None, part: Any, owner: Any) -> Iterator[Found]:
        for kind, new in _instead(part):
            yield kind, owner, Edit(node, name, new, index)
        if name in ("test", "guard", "ifs"):
            if not isinstance(node, ast.While):
                yield "forced", owner, Edit(node, name, ast.Constant(True), index)
            yield "forced", owner, Edit(node, name, ast.Constant(False), index)
        yield from self._parts(part, owner)


def _instead(part: Any) -> Iterator[tuple[str, Any]]:
    """What may stand in the place of an expression."""
    new: Any
    match part:
        case ast.Compare():
            for at, operator in enumerate(part.ops):
                for kind, table in (("bound", BOUNDS), ("side", SIDES), ("equal", EQUALS)):
                    if type(operator) in table:
                        new = copy.copy(part)
                        new.ops = [*part.ops[:at], table[type(operator)](), *part.ops[at + 1 :]]
                        yield kind, new
        case ast.BoolOp():
            other = ast.Or if isinstance(part.op, ast.And) else ast.And
            for at in range(1, len(part.values)):
                sides = [_joined(part.op, values) for values in (part.values[:at], part.values[at:])]
                yield "and or", ast.BoolOp(other(), sides)
            for at in range(len(part.values)):
                yield "left out", _joined(part.op, [*part.values[:at], *part.values[at + 1 :]])
        case ast.BinOp() if type(part.op) in ARITHMETIC and not _is_for_nothing(part):
            yield "arithmetic", ast.BinOp(part.left, ARITHMETIC[type(part.op)](), part.right)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "sign", part.operand
        case ast.Constant(value=bool()):
            yield "constant", ast.Constant(not part.value)
        case ast.Constant(value=int(number)):
            for other_number in (number + 1, number - 1)[: 2 if number > 0 else 1]:
                yield "constant", ast.Constant(other_number)
        case ast.Constant(value=float(size)):
            for other_size in (0.0, 2.0 * size) if size else (1.0,):
                yield "constant", ast.Constant(other_size)
        case ast.Call(func=ast.Name() | ast.Attribute()):
            called = _last_name(part.func)
            if called in SIBLINGS:
                new = copy.copy(part)
                new.func = copy.copy(part.func)
                setattr(new.func, "id" if isinstance(new.func, ast.Name) else "attr", SIBLINGS[called])
                yield "min max", new
            if called in DROPPED and len(part.args) == 1:
                yield "call", part.args[0]


def _joined(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(operator, values)


def _is_for_nothing(node: ast.BinOp) -> bool:
    """Whether other arithmetic makes no sense, as of texts, or the same, as of ``x + 0.0``."""
    sides = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
    text = any(isinstance(side, ast.JoinedStr) for side in (node.left, node.right))
    nothing = isinstance(node.right, ast.Constant) and not node.right.value
    return text or nothing or any(isinstance(side, str) for side in sides)
