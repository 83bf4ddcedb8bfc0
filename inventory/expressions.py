"""The expressions of controls: SQL boolean expressions over documented columns, checked and written for each database.

Three-valued logic is SQL's own: a column without a fresh fact is NULL, and what rests on it is NULL, which is unknown.
What could turn an unknown into a yes or no (IS NULL, COALESCE) is therefore not part of the language. A count over an
agency is a pair of bounds, and a comparison with it is true or false only when both bounds agree.

`days_since(column)` and `days_until(column)` are the age of a time in days, with fractions, and how far it lies ahead:
taken at the instant that is judged, never at the one at which somebody asks.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlglot
from sqlglot import exp

from inventory.vocabulary import instant
from inventory.words import InputError

_ALLOWED: tuple[type[exp.Expr], ...] = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In,
    exp.Like, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Literal, exp.Boolean, exp.Column, exp.Identifier,
    exp.Lower, exp.Abs,
)  # fmt: skip
_AGES = ("days_since", "days_until")
_FUNCTIONS = ("lower", "abs", *_AGES)
_DAY = 24 * 60 * 60 * 1000.0
"""Milliseconds, in which the store keeps every time."""
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=",
}  # fmt: skip
_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "=", "<>": "<>"}
_CONDITIONS = (*_COMPARISONS, exp.Between, exp.In, exp.Like, exp.And, exp.Or, exp.Not)
_NESTING = (exp.Paren, exp.Not, exp.Neg, exp.Lower, exp.Abs)
_MAX_LENGTH = 2000
_MAX_NESTED = 20
_MAX_JOINED = 100


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression, ready to be written in a database's own dialect."""

    tree: exp.Expr
    columns: tuple[str, ...]
    """The columns that it names, in order of appearance: they are its evidence."""

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The conditions that all have to hold for it to hold, in order of appearance."""
        nodes = list(self.tree.flatten()) if isinstance(self.tree, exp.And) else [self.tree]
        return tuple(Expression(node, tuple(c for c in self.columns if _names(node, c))) for node in nodes)

    def sql(self, dialect: str, at: datetime) -> str:
        """The expression for "sqlite" or "postgresql", over columns of the same names.

        A count column `c` is read from two columns, `c__low` and `c__high` (NULL where there is no upper bound).

        Args:
            at: the instant that is judged, from which `days_since` and `days_until` count.
        """
        tree = self.tree.transform(lambda node: _with_age(node, instant(at)))
        if dialect == "sqlite":
            return tree.transform(_with_glob).sql(dialect=dialect, comments=False)
        return tree.sql(dialect="postgres", comments=False)


def parse(text: str, columns: Mapping[str, str], parameters: Mapping[str, float | str] | None = None) -> Expression:
    """Check one boolean expression.

    Args:
        text: the expression, such as "antivirus_enabled and antivirus_up_to_date".
        columns: the names that it may use, and their types (see `Vocabulary.columns`).
        parameters: named thresholds that stand for a number or text.

    Raises:
        InputError: more than one expression, an unknown column (with the nearest name), a function that is not
            allowed, a count that is used otherwise than compared with a number, or a value that is no condition.
    """
    return _parse(text, tuple(columns.items()), tuple((parameters or {}).items()))


@functools.lru_cache(maxsize=1000)
def _parse(text: str, typed: tuple[tuple[str, str], ...], given: tuple[tuple[str, float | str], ...]) -> Expression:
    """Every judgement asks for the same ones; to parse them again takes longer than to answer some."""
    columns, parameters = dict(typed), dict(given)
    if len(text) > _MAX_LENGTH:
        raise InputError(f"found {len(text)} characters, expected an expression of at most {_MAX_LENGTH}")
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise InputError(f"found {text!r}, expected text without NUL and halves of characters")
    try:
        trees = sqlglot.parse(f"SELECT {text}", read="postgres")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise InputError(f"found {text!r}, expected one SQL expression: {str(error).splitlines()[0]}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Select) or len(trees[0].expressions) != 1:
        raise InputError(f"found {text!r}, expected one expression, not several or a statement")
    if extra := [k for k, v in trees[0].args.items() if v and k not in ("expressions", "kind")]:
        raise InputError(f"found {text!r}, expected one expression without {extra[0].upper().strip('_')}")
    root: exp.Expr = trees[0].expressions[0]
    _check(root, text, columns, parameters)
    root = root.transform(lambda node: _with_parameters(node, parameters))
    names = tuple(dict.fromkeys(c.name for c in root.find_all(exp.Column)))
    if not names:
        raise InputError(f"found {text!r}, expected an expression that names at least one column")
    if _type(root, columns) != "condition":
        raise InputError(f"found {text!r}, expected a condition that is true or false")
    root = root.transform(lambda node: _bound(node, text, columns))
    left = [c.name for c in root.find_all(exp.Column) if columns.get(c.name) == "count"]
    if left:
        raise InputError(f"found {text!r}, expected the count {left[0]} to be compared with a number")
    return Expression(_made_explicit(root), names)


def _check(root: exp.Expr, text: str, columns: Mapping[str, str], parameters: Mapping[str, object]) -> None:
    for node in root.walk():
        _check_depth(node)
        if isinstance(node, exp.Column):
            if node.table or (node.name not in columns and node.name not in parameters):
                raise InputError(f"unknown column {node.sql()!r}{_nearest(node.name, [*columns, *parameters])}")
            if columns.get(node.name) == "table":
                raise InputError(f"column {node.name!r} is a table and cannot be compared")
        elif _is_age(node):
            _check_age(node, columns)
        elif not isinstance(node, _ALLOWED):
            if isinstance(node, exp.Func):
                name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
                allowed = ", ".join(_FUNCTIONS)
                raise InputError(f"function {name.lower()!r} is not allowed in {text!r}; allowed are {allowed}")
            raise InputError(f"{type(node).__name__.upper()} is not allowed in {text!r}")
        elif isinstance(node, exp.Like):
            pattern = node.expression
            if not isinstance(pattern, exp.Literal) or not pattern.is_string:
                raise InputError(f"found {node.sql()!r}, expected LIKE with a text in quotes")
            if re.search(r"(?<!\\)(\\\\)*\\\Z", pattern.name):
                raise InputError(f"found {node.sql()!r}, expected a character after the last \\")
        elif node.args.get("symmetric"):
            raise InputError(f"found {node.sql()!r}, expected BETWEEN with the smaller value first")
        elif isinstance(node, exp.In) and not node.expressions:
            raise InputError(f"found {node.sql()!r}, expected IN with a list such as ('router', 'switch')")


def _names(node: exp.Expr, column: str) -> bool:
    return any(c.name in (column, f"{column}__low", f"{column}__high") for c in node.find_all(exp.Column))


def _is_age(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in _AGES


def _check_age(node: exp.Expr, columns: Mapping[str, str]) -> None:
    of = node.expressions
    if len(of) != 1 or not isinstance(of[0], exp.Column) or columns.get(of[0].name, "time") != "time":
        raise InputError(f"found {node.sql()!r}, expected {node.name.lower()} of one column that is a time")


def _check_depth(node: exp.Expr) -> None:
    """Refuse what is nested so deep that reading or writing it again could fail where the stack is fuller."""
    nested = joined = 0
    above = node.parent
    while above is not None:
        joined += 1
        nested += isinstance(above, _NESTING)
        above = above.parent
    if nested > _MAX_NESTED or joined > _MAX_JOINED:
        raise InputError(
            f"found an expression nested {nested} deep and {joined} long, expected at most {_MAX_NESTED} brackets, "
            f"NOT or functions in one another and {_MAX_JOINED} parts in a row"
        )


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"


def _with_parameters(node: exp.Expr, parameters: Mapping[str, float | str]) -> exp.Expr:
    if isinstance(node, exp.Column) and node.name in parameters:
        value = parameters[node.name]
        return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)
    return node


_GROUPS = {
    "bool": "condition",
    "int": "number",
    "number": "number",
    "time": "number",
    "count": "number",
    "text": "text",
}


def _type(node: exp.Expr | None, columns: Mapping[str, str]) -> str:
    """ "condition", "number" or "text"; PostgreSQL refuses what mixes them, SQLite silently answers wrong."""
    sides = [s for s in (node.this, node.args.get("expression")) if isinstance(s, exp.Expr)] if node else []
    match node:
        case exp.Column():
            return _GROUPS[columns[node.name]]
        case exp.Literal():
            if not node.is_string and not math.isfinite(float(node.name)):
                raise InputError(f"found the number {node.name:.20}, expected a smaller one")
            return "text" if node.is_string else "number"
        case exp.Boolean():
            return "condition"
        case exp.Paren():
            return _type(node.this, columns)
        case exp.And() | exp.Or() | exp.Not():
            return _same(sides, "condition", columns)
        case exp.In():
            return _same([node.this, *node.expressions], None, columns)
        case exp.Between():
            return _same([node.this, node.args["low"], node.args["high"]], None, columns)
        case exp.Like():
            _same(sides, "text", columns)
        case exp.Lower():
            _same(sides, "text", columns)
            return "text"
        case exp.Anonymous():
            return "number"
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            return _same(sides, None, columns)
        case _:
            _same(sides, "number", columns)
            return "number"
    return "condition"


def _same(sides: list[exp.Expr], expected: str | None, columns: Mapping[str, str]) -> str:
    for side in sides:
        found = _type(side, columns)
        expected = expected or found
        if found != expected:
            raise InputError(f"found the {found} {side.sql()!r}, expected a {expected}")
    return "condition"


def _bound(node: exp.Expr, text: str, columns: Mapping[str, str]) -> exp.Expr:
    """Write a comparison with a count over its two bounds: known only when both agree."""
    operator = _COMPARISONS.get(type(node))
    if operator is None:
        return node
    left, right = node.this, node.expression
    if _is_count(right, columns):
        left, right, operator = right, left, _FLIPPED[operator]
    if not _is_count(left, columns):
        return node
    if not isinstance(right, exp.Literal) or right.is_string:
        raise InputError(f"found {text!r}, expected the count {left.name} to be compared with a number")
    low, high, n = f"{left.name}__low", f"{left.name}__high", right.sql()
    true, false = {
        ">=": (f"{low} >= {n}", f"{high} < {n}"),
        ">": (f"{low} > {n}", f"{high} <= {n}"),
        "<=": (f"{high} <= {n}", f"{low} > {n}"),
        "<": (f"{high} < {n}", f"{low} >= {n}"),
        "=": (f"{low} = {n} AND {high} = {n}", f"{low} > {n} OR {high} < {n}"),
        "<>": (f"{low} > {n} OR {high} < {n}", f"{low} = {n} AND {high} = {n}"),
    }[operator]
    return sqlglot.parse_one(f"(CASE WHEN {true} THEN TRUE WHEN {false} THEN FALSE END)", read="postgres")


def _is_count(node: exp.Expr | None, columns: Mapping[str, str]) -> bool:
    return isinstance(node, exp.Column) and columns.get(node.name) == "count"


def _made_explicit(root: exp.Expr) -> exp.Expr:
    """The tree with everything written out in which databases differ.

    Comparisons bind otherwise in each of them, so those inside others get brackets. Whole numbers in arithmetic are
    numbers with a point: PostgreSQL's overflow at 2^31, and half of 1 would be 0. Dividing by zero is unknown, where
    PostgreSQL would give up every figure.
    """
    for node in reversed(list(root.walk())):
        if isinstance(node, exp.Literal) and not node.is_string and not set(".eE") & set(node.name):
            node.set("this", f"{node.name}.0")
        elif isinstance(node, exp.Div):
            node.set("expression", exp.Nullif(this=node.expression, expression=exp.Literal.number("0.0")))
        elif isinstance(node, _CONDITIONS) and isinstance(node.parent, (*_COMPARISONS, exp.In, exp.Between)):
            node.replace(exp.Paren(this=node.copy()))
    return root


def _with_age(node: exp.Expr, at: int) -> exp.Expr:
    """The age of a time, or how far it lies ahead, as arithmetic with the instant that is judged."""
    if not _is_age(node):
        return node
    now, time = exp.Literal.number(f"{at}.0"), node.expressions[0].copy()
    first, second = (now, time) if node.name.lower() == "days_since" else (time, now)
    days = exp.Div(this=exp.Paren(this=exp.Sub(this=first, expression=second)), expression=exp.Literal.number(_DAY))
    return exp.Paren(this=days)


def _with_glob(node: exp.Expr) -> exp.Expr:
    """LIKE as SQLite's GLOB, which tells small from capital letters as LIKE does in PostgreSQL."""
    if not isinstance(node, exp.Like):
        return node
    pattern = re.sub(r"\\(.)|([%_])|(.)", _glob_part, node.expression.name, flags=re.DOTALL)
    glob = exp.Glob(this=node.this.copy(), expression=exp.Literal.string(pattern))
    return exp.Not(this=glob) if node.args.get("negate") else glob


def _glob_part(part: re.Match[str]) -> str:
    if part[2]:
        return "*" if part[2] == "%" else "?"
    plain = part[1] or part[3]
    return f"[{plain}]" if plain in "*?[" else plain
