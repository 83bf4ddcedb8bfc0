"""Vendors' files are read strictly: every word of theirs, misspelt, is refused with its line and the nearest word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collectors.vendors import load_vendors
from collectors.vendors.patterns import is_endless
from inventory.words import InputError

WHOLE = r"""
title: Acme
enterprises: [99999]
role: other
systems:
  - os: AcmeOS
    object: [1.3.6.1.4.1.99999.1]
    descr: 'AcmeOS (?P<version>\S+)'
    present: [1.3.6.1.4.1.99999.2.0]
    says: '(?P<model>\S+)'
    role: switch
    roles:
      - role: firewall
        object: [1.3.6.1.4.1.99999.1.7]
        descr: a
        model: b
        name: c
        version: d
        says: {1.3.6.1.2.1.4.1.0: '^1$'}
        unless: {1.3.6.1.2.1.1.7.0: '^72$'}
    read:
      - oid: 1.3.6.1.4.1.99999.3.0
        as: serial
      - column: 1.3.6.1.4.1.99999.4
        pattern: 'M-(\d+)'
        as: model
        told: 'M {}'
      - entity: serial
        as: serial
        values: {'1': one}
      - name: '^(?P<serial>S\d+)'
      - text: M
        as: model
    values:
      - oid: 1.3.6.1.4.1.99999.5.0
        as: sessions
        times: 2
        unknown: '^0$'
        divide: 1.3.6.1.4.1.99999.6.0
      - column: 1.3.6.1.4.1.99999.7
        take: sum
        as: sessions
      - oid: 1.3.6.1.4.1.99999.8.0
        as: on_battery
        when: '^1$'
    tables:
      - as: sensor
        columns: {name: 1.3.6.1.4.1.99999.9.1, value: 1.3.6.1.4.1.99999.9.2, _by: 1.3.6.1.4.1.99999.9.3}
        fixed: {unit: V}
        times: {value: 2}
        words: {name: {'1': one}}
        forms: {name: mac}
        where: {value: '^[1-9]'}
        multiply: {value: _by}
        divide: {value: _by}
        long: true
sip:
  - pattern: 'Acme/(?P<version>\S+)'
    role: voip
http:
  - pattern: Acme
"""
LINES = WHOLE.splitlines()
KEYS = [
    pytest.param(number, found[1], id=f"{number}-{found[1]}")
    for number, line in enumerate(LINES, 1)
    if (found := re.match(r"[ -]*([a-z]+):", line))
]


def load(folder: Path, text: str) -> str:
    """What the file is refused with; empty where it is read."""
    (folder / "acme.yaml").write_text(text, "utf-8")
    try:
        load_vendors(folder)
    except InputError as error:
        return str(error)
    return ""


def test_the_file_with_every_word_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, WHOLE) == ""


@pytest.mark.parametrize(("number", "key"), KEYS)
def test_a_misspelt_word_is_refused_with_its_line_and_the_nearest(tmp_path: Path, number: int, key: str) -> None:
    lines = LINES.copy()
    lines[number - 1] = lines[number - 1].replace(f"{key}:", f"{key}{key[-1]}:", 1)
    refused = load(tmp_path, "\n".join(lines)).splitlines()
    wanted = [line for line in refused if line.startswith(f"acme.yaml, line {number}: ")]
    assert any(f"unknown key '{key}{key[-1]}'" in line and "did you mean" in line for line in wanted)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("role: firewall", "role: fierwall", "found 'fierwall'"),
        ("role: voip", "role: phone", "found 'phone'"),
        ("99999.3.0", "99999.03.0", "expected an OID"),
        ("99999.4\n", "99999.4.\n", "expected an OID"),
        ("[1.3.6.1.4.1.99999.2.0]", "[.1.3.6.1.4.1.99999.2.0]", "expected an OID"),
        ("{1.3.6.1.2.1.4.1.0:", "{ipForwarding.0:", "expected an OID"),
        ("'M-(\\d+)'", "'M-(\\d+'", "not a regular expression"),
        ("'AcmeOS (?P<version>\\S+)'", "'AcmeOS (?P<version>(\\w+-?)*)$'", "which may take for ever"),
        ("'^(?P<serial>S\\d+)'", "'(?P<seral>S)'", "the group 'seral'"),
        ("descr: a", "descr: '(?P<model>a)'", "the group 'model'"),
        ("entity: serial", "entity: serail", "did you mean 'serial'"),
        ("take: sum", "take: summ", "did you mean 'sum'"),
        ("forms: {name: mac}", "forms: {name: macc}", "did you mean 'mac'"),
        ("title: Acme\n", "title: Acme\ntitle: Acme\n", "title"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert WHOLE.count(old) == 1
    number = WHOLE[: WHOLE.index(old)].count("\n") + 1
    refused = load(tmp_path, WHOLE.replace(old, new)).splitlines()
    assert any(re.match(rf"acme\.yaml, line ({number}|{number + 1}): ", line) and problem in line for line in refused)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "acme.yaml: found an empty file"),
        ("- a\n", "acme.yaml, line 1: found a list"),
        ("Acme\n", "acme.yaml, line 1: found 'Acme'"),
        ("title: [\n", "acme.yaml, line 2: not readable as YAML"),
        ("title: Acme\n", "acme.yaml, line 1: missing enterprises"),
        (WHOLE.replace("[99999]", "[Acme]"), "acme.yaml, line 3: enterprises[1]: found 'Acme', expected a number"),
        ("title: Acme\nenterprises: [5]\nsystems: 5\n", "acme.yaml, line 3: systems: found the number 5"),
        (WHOLE.replace("long: true", "long: ja"), "found 'ja', expected true or false"),
        (WHOLE.replace("as: sensor", "as: sensr"), "did you mean 'sensor'"),
        (WHOLE.replace("multiply: {value: _by}", "multiply: {value: _buy}"), "did you mean '_by'"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in load(tmp_path, text)


def test_a_number_has_one_owner(tmp_path: Path) -> None:
    (tmp_path / "aaa.yaml").write_text("title: Aaa\nenterprises:\n  - 7\n", "utf-8")
    refused = load(tmp_path, "title: Acme\nenterprises:\n  - 5\n  - 7\n")
    assert refused == (
        "acme.yaml, line 4: enterprises[2]: found 7, which aaa.yaml names as well; a number has one owner"
    )


@pytest.mark.parametrize(
    ("pattern", "endless"),
    [
        (r"(a+)+", True),
        (r"^(\S+ ?)*$", True),
        (r"(?:[a-z]+|\d)*x", True),
        (r"(?=((?:b*)c?)*)d", True),
        (r"((a+)?)*", True),
        (r"(?: \w+)*", False),
        (r"(?:\d+\.)+\d", False),
        (r"(?:.*?[ ,])?x", False),
        (r"(a{1,3}b?){2,}", False),
        (r"\w+\s+\w+.*", False),
    ],
)
def test_a_repeat_of_repeats_is_told_from_one_with_something_between(pattern: str, endless: bool) -> None:
    assert is_endless(pattern) == endless
