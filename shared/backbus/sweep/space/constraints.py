"""Constraints between parameters: a small language of comparisons, read by Python's grammar and never executed by it.

Names of parameters (``fast``, ``execution.commission.bps``), numbers, texts, ``true`` and ``false``; ``+ - * / // %``;
comparisons, also chained; ``and``, ``or``, ``not``; ``in`` and ``not in`` a list; ``abs``, ``min``, ``max``. Evaluated
for whole columns at once. What stands behind ``and`` or ``or`` is looked at only where it matters.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import JobError
from backbus.job.sweep import name_of, path_of

FIELD = "sweep.constraints"
_LONGEST = 2000
_DEEPEST = 50
_LARGEST = 1e300

Values = NDArray[Any]
Truth = NDArray[np.bool_]

_ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", np.add),
    ast.Sub: ("-", np.subtract),
    ast.Mult: ("*", np.multiply),
    ast.Div: ("/", np.divide),
    ast.FloorDiv: ("//", np.floor_divide),
    ast.Mod: ("%", np.remainder),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False}
_FUNCTIONS = ("abs", "min", "max")
_SPEAKS = "there are names, numbers, texts, + - * / // %, comparisons, and, or, not, in, abs(), min(), max()"


class _Unfit(Exception):
    """Some values cannot be used in this way."""


_UNFIT = (_Unfit, FloatingPointError)


class Constraint:
    """A condition that every point fulfils; ``names`` are the fields that it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _parsed(text)
        self.names = frozenset(_names(self._tree))

    def holds(self, columns: Mapping[str, Values]) -> Truth:
        """Whether it holds, for each row of these columns by field; raises JobError naming values that do not fit."""
        known = {name: operand(columns[name]) for name in sorted(self.names)}
        rows = len(next(iter(known.values()))) if known else 1
        try:
            return self._evaluated(known, rows)
        except _UNFIT:
            pass
        row = self._first_unfit(known, rows)
        shown = ", ".join(f"{name_of(name)} = {columns[name][row : row + 1].tolist()[0]!r}" for name in sorted(known))
        try:
            self._evaluated({name: values[row : row + 1] for name, values in known.items()}, 1)
        except _UNFIT as error:
            at = f" for {shown}" if shown else ""
            guard = (
                "" if isinstance(error, _Unfit) else "; where that can be, ask first, as fast != 0 and slow / fast > 2"
            )
            raise JobError(f"{self.text!r} cannot be told{at}: {error}{guard}", field=FIELD) from None
        raise AssertionError(self.text)

    def _first_unfit(self, columns: Mapping[str, Values], rows: int) -> int:
        """Number of the first row that cannot be evaluated, by halving: what fails for some rows fails with more."""
        fits, fails = 0, rows
        while fails - fits > 1:
            middle = (fits + fails) // 2
            try:
                self._evaluated({name: values[:middle] for name, values in columns.items()}, middle)
                fits = middle
            except _UNFIT:
                fails = middle
        return fails - 1

    def _evaluated(self, columns: Mapping[str, Values], rows: int) -> Truth:
        with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
            return _truth(_evaluate(self._tree, columns, rows), "a constraint")


def operand(values: Values) -> Values:
    """A column as constraints compute with it: numbers as float64, truth values, or objects."""
    if values.dtype in (np.object_, np.bool_):
        if len(values) and all(type(value) in (int, float) for value in values):
            return values.astype(np.float64)
        return values
    return values.astype(np.float64)


def _parsed(text: str) -> ast.expr:
    if not text.strip() or len(text) > _LONGEST:
        raise JobError(f"write a condition such as fast < slow, of at most {_LONGEST} characters", field=FIELD)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise JobError(f"{text!r} is no condition: {message}", field=FIELD) from None
    _check(tree, text, 0)
    return tree


def _check(node: ast.expr, text: str, depth: int) -> None:
    """Refuse everything that is not of the language."""
    if depth > _DEEPEST:
        raise JobError(f"{text!r} is nested too deeply; write several constraints", field=FIELD)
    match node:
        case ast.Constant(value=int() | float() as number) if not abs(number) < _LARGEST:
            raise JobError(f"{text!r} has a number that is too large; {_LARGEST:g} is the most", field=FIELD)
        case ast.Constant(value=bool() | int() | float() | str()) | ast.Name():
            return
        case ast.Attribute() if _dotted(node) is not None:
            return
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            parts = [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=inner):
            parts = [inner]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARISONS or isinstance(op, ast.In | ast.NotIn) for op in ops
        ):
            for op, other in zip(ops, others, strict=True):
                if isinstance(op, ast.In | ast.NotIn) != isinstance(other, ast.List | ast.Tuple):
                    raise JobError(f"{text!r}: in is followed by a list, such as fast in [5, 10]", field=FIELD)
            parts = [left]
            for other in others:
                parts += other.elts if isinstance(other, ast.List | ast.Tuple) else [other]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            if (name == "abs" and len(args) != 1) or (name != "abs" and len(args) < 2):
                wanted = "one value" if name == "abs" else "two values or more"
                raise JobError(f"{text!r}: {name}() takes {wanted}", field=FIELD)
            parts = args
        case _:
            raise JobError(f"{text!r}: {ast.unparse(node)!r} is not understood; {_SPEAKS}", field=FIELD)
    for part in parts:
        _check(part, text, depth + 1)


def _dotted(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = _dotted(value)
            return None if before is None else f"{before}.{name}"
    return None


def _names(tree: ast.expr) -> set[str]:
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {
        path_of(name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner | called
        if (name := _dotted(node)) is not None and name not in _CONSTANTS
    }


def _evaluate(node: ast.expr, columns: Mapping[str, Values], rows: int) -> Values:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return _constant(value, rows)
        case ast.Name() | ast.Attribute():
            name = _dotted(node) or ""
            return _constant(_CONSTANTS[name], rows) if name in _CONSTANTS else columns[path_of(name)]
        case ast.BinOp(left=left, op=op, right=right):
            sign, function = _ARITHMETIC[type(op)]
            found = [_numbers(_evaluate(part, columns, rows), sign) for part in (left, right)]
            return np.asarray(function(*found))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return ~_truth(_evaluate(inner, columns, rows), "not")
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_numbers(_evaluate(inner, columns, rows), "-")
        case ast.UnaryOp(operand=inner):
            return _numbers(_evaluate(inner, columns, rows), "+")
        case ast.Call(func=ast.Name(id="abs"), args=[only]):
            return np.abs(_numbers(_evaluate(only, columns, rows), "abs()"))
        case ast.Call(func=ast.Name(id=name), args=args):
            numbers = [_numbers(_evaluate(part, columns, rows), f"{name}()") for part in args]
            return np.asarray((np.minimum if name == "min" else np.maximum).reduce(numbers))
        case ast.BoolOp(op=ast.And(), values=parts):
            return _in_turn(parts, columns, rows, until=False)
        case ast.BoolOp(values=parts):
            return _in_turn(parts, columns, rows, until=True)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compared(left, ops, others, columns, rows)
    raise AssertionError(ast.dump(node))


def _in_turn(parts: list[ast.expr], columns: Mapping[str, Values], rows: int, until: bool) -> Truth:
    """``and`` (until false) and ``or`` (until true): each part only for the rows that are not decided yet."""
    found = np.full(rows, not until)
    open_rows = np.arange(rows)
    for part in parts:
        left = {name: values[open_rows] for name, values in columns.items()}
        decided = _truth(_evaluate(part, left, len(open_rows)), "and, or") == until
        found[open_rows[decided]] = until
        open_rows = open_rows[~decided]
    return found


def _compared(
    left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], columns: Mapping[str, Values], rows: int
) -> Truth:
    found = np.ones(rows, dtype=np.bool_)
    before = _evaluate(left, columns, rows)
    for op, other in zip(ops, others, strict=True):
        if isinstance(other, ast.List | ast.Tuple):
            any_of = np.zeros(rows, dtype=np.bool_)
            for each in other.elts:
                any_of |= _pairwise(operator.eq, "==", before, _evaluate(each, columns, rows))
            found &= any_of if isinstance(op, ast.In) else ~any_of
        else:
            sign, function = _COMPARISONS[type(op)]
            after = _evaluate(other, columns, rows)
            found &= _pairwise(function, sign, before, after)
            before = after
    return found


def _pairwise(function: Callable[[Any, Any], Any], sign: str, one: Values, other: Values) -> Truth:
    if np.object_ not in (one.dtype, other.dtype):
        return np.asarray(function(one, other), dtype=np.bool_)
    try:
        found = np.frompyfunc(function, 2, 1)(one, other)
    except TypeError:
        raise _Unfit(f"{sign} does not compare such values") from None
    return np.asarray(found, dtype=np.bool_)


def _constant(value: bool | float | str, rows: int) -> Values:
    if isinstance(value, str):
        made = np.empty(rows, dtype=np.object_)
        made[:] = value
        return made
    return np.full(rows, value, dtype=np.bool_ if isinstance(value, bool) else np.float64)


def _numbers(values: Values, sign: str) -> Values:
    if values.dtype == np.float64:
        return values
    if values.dtype == np.object_ and all(type(value) in (int, float) for value in values):
        return values.astype(np.float64)
    raise _Unfit(f"{sign} wants numbers")


def _truth(values: Values, who: str) -> Truth:
    if values.dtype != np.bool_:
        raise _Unfit(f"{who} wants conditions, which are true or false, such as fast < slow")
    return values
