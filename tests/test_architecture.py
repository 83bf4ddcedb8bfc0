"""The import rules, and what every module and data file of the packages has to keep."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("inventory", "collectors", "exporters", "dashboards", "api")

MAY_IMPORT = {
    "inventory": set(),
    "collectors": {"inventory"},
    "exporters": {"inventory"},
    "dashboards": {"inventory"},
    "api": {"inventory", "collectors", "exporters", "dashboards", "goals"},
}
"""What a package may import of the others."""

#: What collectors, exporters and dashboards may know of the inventory: its words, never its store.
WORDS_ONLY = ("inventory.store", "inventory.migrations")


def modules(package: str) -> list[Path]:
    return sorted(p for p in (ROOT / package).rglob("*.py") if "versions" not in p.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_before_it_on_the_path_of_the_data(package: str) -> None:
    for path in modules(package):
        for name in imports(path):
            top = name.split(".")[0]
            if top in PACKAGES and top != package:
                assert top in MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", ["collectors", "exporters", "dashboards"])
def test_those_who_read_and_tell_know_the_words_and_never_the_store(package: str) -> None:
    for path in modules(package):
        found = [name for name in imports(path) if name.startswith(WORDS_ONLY)]
        assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_the_store_is_the_only_sql() -> None:
    for package in PACKAGES:
        for path in modules(package):
            inside = path.is_relative_to(ROOT / "inventory" / "store") or path.is_relative_to(
                ROOT / "inventory/migrations"
            )
            found = [n for n in imports(path) if n.split(".")[0] in ("sqlalchemy", "sqlite3", "psycopg", "aiosqlite")]
            assert inside or not found, f"{path.relative_to(ROOT)} imports {found}"


CATCHES_ALL = {
    "collectors/runner.py": "the one place where every failure becomes a value",
    "api/serving.py": "a scheduled job that nobody awaits must neither end unseen nor be hidden: it is logged",
    "api/scheduling.py": "what a job raises becomes the outcome of its turn, and is logged with its traceback",
    "inventory/store/__init__.py": "what one of several that share a transaction raises goes to the one who asked",
    "api/intake.py": "whatever recording raises is answered 503, so that the agent keeps its inventory",
    "collectors/transports/snmp_traps.py": "a hostile datagram may raise anything: it is dropped, counted, and logged",
    "collectors/transports/snmp_wire.py": "the codec's panics pass every other except; all else is raised again",
}


def test_one_place_catches_everything() -> None:
    for package in PACKAGES:
        for path in modules(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ExceptHandler) and _catches_all(node):
                    assert str(path.relative_to(ROOT)) in CATCHES_ALL, f"{path.relative_to(ROOT)}:{node.lineno}"


def _catches_all(node: ast.ExceptHandler) -> bool:
    """Whether a handler takes every exception without ending in a bare `raise`."""
    wide = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
    last = node.body[-1]
    return wide and not (isinstance(last, ast.Raise) and last.exc is None)


def test_every_module_opens_with_one_sentence() -> None:
    for package in PACKAGES:
        for path in modules(package):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            first = text.split("\n\n")[0].replace("\n", " ")
            assert first.endswith((".", ":")), f"{path.relative_to(ROOT)} opens with {first!r}"


def test_no_path_of_a_machine_stands_in_the_project() -> None:
    machine = re.compile(r"(?<![\w.])/(work|root|farm)/")
    for pattern in ("**/*.py", "**/*.md", "**/*.yaml", "**/*.toml", "Makefile", "deploy/**/*.*"):
        for path in ROOT.glob(pattern):
            if not {".venv", ".tools", ".lab", ".git"} & set(path.parts) and path != Path(__file__):
                assert not machine.search(path.read_text(encoding="utf-8")), path.relative_to(ROOT)


def test_vietnamese_text_is_in_normal_form_c() -> None:
    for pattern in (
        "api/**/*.py",
        "goals/**/*.yaml",
        "inventory/**/*.yaml",
        "dashboards/*.py",
        "api/templates/*",
        "*.md",
    ):
        for path in ROOT.glob(pattern):
            text = path.read_text(encoding="utf-8")
            assert unicodedata.is_normalized("NFC", text), path.relative_to(ROOT)
