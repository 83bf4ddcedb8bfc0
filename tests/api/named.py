"""Which words the code and the templates name, found by reading both: the tests compare them with the catalogues."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

import api

HERE = Path(api.__file__).parent
_CALLS = {"word": 0, "Problem": 1, "_working": 0}
"""Functions that are told the name of a word, and in which of their arguments."""
_HOLDERS = ("word", "problem")
"""Variables that hold the name of a word."""


def named_words() -> Iterator[tuple[str, str]]:
    """The file and the name of each word; of "gaps:…", with its end computed, the family "gaps:"."""
    for path in sorted(HERE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield from ((path.name, name) for name in _in_code(node))
    for path in sorted((HERE / "templates").glob("*.html")):
        for call in Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                yield from ((path.name, name) for name in _in_template(call.args[0]))


def _in_template(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Const(value=str(text)):
            yield text
        case nodes.CondExpr():
            yield from _in_template(node.expr1)
            if node.expr2:
                yield from _in_template(node.expr2)
        case nodes.Concat():
            yield from _in_template(node.nodes[0])
        case nodes.Add():
            yield from _in_template(node.left)


def _in_code(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ListComp(generators=[turn]) | ast.GeneratorExp(generators=[turn]):
            yield from _in_turn(node, turn.target, turn.iter)
        case ast.For(target=target, iter=over):
            yield from _in_turn(node, target, over)
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            for target, value in zip(targets, values, strict=True):
                yield from _texts(value) if isinstance(target, ast.Name) and target.id in _HOLDERS else ()
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _HOLDERS:
            yield from _texts(value)
        case ast.Call(func=ast.Name(id="heads"), args=given):
            yield from (f"head:{text}" for one in given for text in _texts(one))
        case _:
            if (told := _told(node)) is not None:
                yield from _texts(told)


def _in_turn(node: ast.AST, target: ast.expr, over: ast.expr) -> Iterator[str]:
    """The texts that a loop goes through, where one of its variables names a word."""
    variables = {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
    told = [_told(one) for one in ast.walk(node)]
    if isinstance(over, ast.Tuple) and any(isinstance(one, ast.Name) and one.id in variables for one in told):
        yield from (one.value for one in ast.walk(over) if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _told(node: ast.AST) -> ast.expr | None:
    """What names the word: in `words[…]`, `WORDS[language][…]`, `words.get(…)`, `… in words`, `self.word(…)`."""
    match node:
        case ast.Subscript(value=of, slice=what) if _is_words(of):
            return what
        case ast.Call(func=ast.Attribute(value=of, attr="get"), args=[what, *_]) if _is_words(of):
            return what
        case ast.Compare(left=what, ops=[ast.In()], comparators=[of]) if _is_words(of):
            return what
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given) if name in _CALLS:
            return given[_CALLS[name]] if len(given) > _CALLS[name] else None
    return None


def _is_words(node: ast.expr) -> bool:
    """Whether it is the words of one language: `words`, or `WORDS[…]`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "WORDS"
    return isinstance(node, ast.Name) and node.id == "words"


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
