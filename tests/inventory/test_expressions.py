"""Expressions mean the same on both databases, and what cannot be asked safely is refused when it is read."""

from __future__ import annotations

import sys
from datetime import timedelta

import psycopg
import pytest

from inventory import vocabulary
from inventory.expressions import parse
from inventory.store import Store, snapshots
from inventory.words import Control, InputError, Status
from tests.inventory.sample import NOW, device, reading
from tests.inventory.test_judge import KNOWN, TITLE, bring, declare, goals

ASSETS = vocabulary.load().columns("assets")
AGENCIES = vocabulary.load().columns("agencies")
MET, UNMET, UNKNOWN = Status.MET, Status.UNMET, Status.UNKNOWN


SAME = [
    # LIKE tells small from capital letters, and \ takes a wildcard for what it is.
    ("vendor like 'cisco%'", UNMET), ("lower(vendor) like 'cisco%'", MET), ("vendor not like 'cisco%'", MET),
    ("not vendor like 'Cisco%'", UNMET), ("vendor like 'C_sco [50\\%?*]'", MET), ("vendor like '%50%'", MET),
    ("vendor like '%\\_%'", UNMET), ("model like 'a%'", UNKNOWN), ("model not like 'a%'", UNKNOWN),
    ("(vendor not like 'cisco%') = true", MET), ("location like '%Vĩnh__ên'", MET),
    ("location like 'Vĩnh __ên'", UNMET),
    # Numbers: halves, zeros and bytes.
    ("interfaces_up / interface_count > 0.5", UNKNOWN), ("interface_count / interfaces_up < 0.5", MET),
    ("interfaces_up > 3/2 and interfaces_up < 5/2", MET), ("memory >= 8 * 1024 * 1024 * 1024", MET),
    ("memory >= 8 * 1024 * 1024 * 1024 + 1", UNMET), ("interfaces_up in (2, 3)", MET), ("abs(-interfaces_up) = 2", MET),
    ("boot_time > 1000 * 60 * 60 * 24 * 365 * 30", MET),
    # Comparisons inside comparisons
    ("answering = snmp_public = antivirus_installed", MET), ("snmp_public = (interfaces_up > 5)", MET),
    ("snmp_public = interfaces_up > 5", MET), ("snmp_public = vendor in ('x')", MET),
    ("answering = not snmp_public", MET), ("snmp_public = vendor like 'x'", MET), ("interfaces_up > 5 = false", MET),
    ("answering in (interfaces_up > 1, snmp_public)", MET), ("snmp_public = interfaces_up between 3 and 4", MET),
    ("not snmp_public = answering", MET), ("snmp_public < answering", MET),
    # Ages, at the instant that is judged.
    ("days_since(boot_time) = 30.5", MET), ("days_since(boot_time) < 30.4", UNMET),
    ("days_until(boot_time) < -30", MET),
    ("days_until(licence_expires) >= 2", MET), ("days_until(licence_expires) > days_since(boot_time)", UNMET),
    ("not days_since(boot_time) <= 30", MET), ("days_since(boot_time) / 2 between 15 and 16", MET),
    ("days_since(signatures_at) <= 7", UNKNOWN), ("DAYS_SINCE(boot_time) in (30.5, 1)", MET),
    # Three values
    ("antivirus_enabled or answering", MET), ("antivirus_enabled and answering", UNKNOWN),
    ("antivirus_enabled and snmp_public", UNMET), ("not antivirus_enabled", UNKNOWN),
    ("interfaces_up in (3, uptime)", UNKNOWN), ("interfaces_up not in (2, uptime)", UNMET),
    ("not (antivirus_enabled or not answering)", UNKNOWN),
    # Texts are compared letter by letter, whatever the database's own order is.
    ("vendor < 'a'", MET), ("sysname > 'Z'", MET), ("sysname > 'đ'", UNMET), ("agency < 'a'", MET),
    ("level > 'COMMUNE'", MET),
    ("answering -- a remark ':x' */", MET), ("answering /* ? :y */ and 1 = 1", MET), ("sysname <> 'a:b %s %(x)s'", MET),
]  # fmt: skip


async def test_an_expression_has_one_answer_on_both_databases(store: Store) -> None:
    await declare(store)
    said = device(
        "A", 1, vendor="Cisco [50%?*]", sysname="abc", location="Vĩnh Yên", interface_count=0, interfaces_up=2,
        memory=8.0 * 1024**3, snmp_public=False, antivirus_installed=False,
        boot_time=NOW - timedelta(days=30, hours=12), licence_expires=NOW + timedelta(days=2),
    )  # fmt: skip
    await bring(store, reading("A", said))
    asked = {f"odd_{n}": Control(f"odd_{n}", TITLE, "assets", meets) for n, (meets, _) in enumerate(SAME)}
    snapshot = await store.read(snapshots.take, KNOWN, goals(*asked.values()), NOW)
    answers = {asked[t.control].meets: t.status for t in snapshot.tallies}
    assert answers == dict(SAME)


async def test_an_age_is_taken_at_the_instant_that_is_judged(store: Store) -> None:
    await declare(store)
    said = device("A", 1, os_support_ends=NOW + timedelta(days=3), last_report=NOW)
    await bring(store, reading("A", said))
    supported = Control("supported", TITLE, "assets", "days_until(os_support_ends) > 0 and days_since(last_report) < 5")
    for days, expected in ((0, MET), (2.9, MET), (3.1, UNMET), (2, MET)):
        rows = await store.read(snapshots.members, KNOWN, goals(supported), "supported", NOW + timedelta(days=days))
        assert [f.status for f in rows] == [expected], days


async def test_the_order_of_letters_is_not_that_of_the_databases_language(postgresql_server: str) -> None:
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE dophu_icu TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'vi'"
        )
    store = Store.open(postgresql_server.rsplit("/", 1)[0] + "/dophu_icu")
    await store.migrate()
    await declare(store)
    await bring(store, reading("A", device("A", 1, vendor="ĐIỆN")))
    for meets in ("agency < 'a'", "level > 'Z'", "vendor > 'e'", "lower(vendor) <> 'điện'"):
        control = Control("odd", TITLE, "assets", meets)
        rows = await store.read(snapshots.members, KNOWN, goals(control), "odd", NOW)
        assert [f.status for f in rows] == [MET], meets
    await store.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vendor like '50\\'", r"expected a character after the last \\"),
        ("vendor like sysname", "expected LIKE with a text in quotes"),
        ("vendor in ()", "expected IN with a list"),
        ("days_since(vendor) > 1", r"found 'DAYS_SINCE\(vendor\)', expected days_since of one column that is a time"),
        ("days_since(boot_tme) > 1", "unknown column 'boot_tme'; did you mean 'boot_time'"),
        ("days_until(boot_time, 1) > 1", "expected days_until of one column that is a time"),
        ("days_since() > 1", "expected days_since of one column that is a time"),
        ("days_since(boot_time + 1) > 1", "expected days_since of one column that is a time"),
        ("days_since(boot_time)", "expected a condition that is true or false"),
        ("days_since(boot_time) = 'a'", "found the text"),
        ("days(boot_time) > 1", "'days' is not allowed in .*; allowed are lower, abs, days_since, days_until"),
        ("memory > 1e400", "found the number 1e400, expected a smaller one"),
        ("memory > most", "expected a smaller one"),
        ("memory between symmetric 5 and 1", "expected BETWEEN with the smaller value first"),
        ("vendor = 'a\0'", "expected text without NUL"),
        ("vendor = 'a\ud800'", "expected text without NUL and halves of characters"),
        ("not " * 200 + "answering", "expected (at most 20|one SQL expression)"),
        ("not " * 21 + "answering", "expected at most 20"),
        ("-" + " -" * 300 + "memory > 1", "expected at most 20"),
        ("memory > 1" + "+1" * 900, "expected at most 20 brackets, NOT or functions in one another and 100 parts"),
        (" or ".join(["1=1"] * 200) + " or answering", "expected at most 20"),
        ("(" * 900 + "answering" + ")" * 900, "expected one SQL expression"),
        ("abs(" * 30 + "memory" + ")" * 30 + " > 1", "expected at most 20"),
    ],
)
def test_what_could_fail_only_when_it_is_judged_is_refused_when_it_is_read(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse(text, ASSETS, {"most": 10**400})


def test_what_was_read_can_be_read_again_where_the_stack_is_fuller() -> None:
    deep = ["(" * 19 + "answering" + ")" * 19, "not " * 19 + "answering", " and ".join(["answering"] * 99)]

    def dig(levels: int) -> None:
        if levels:
            return dig(levels - 1)
        for text in deep:
            parse(text, ASSETS).sql("sqlite", NOW)
        return None

    dig(sys.getrecursionlimit() // 3)


@pytest.mark.parametrize(
    "text",
    [
        "firewalls_answering in (1, 2)", "firewalls_answering between 1 and 2", "firewalls_answering + 1 > 2",
        "firewalls_answering >= hosts_answering", "-firewalls_answering < 0", "abs(firewalls_answering) > 1",
        "true in (hosts_answering > 1, firewalls_answering in (1))", "firewalls_answering >= officials / 10",
    ],
)  # fmt: skip
def test_a_count_is_compared_with_a_number_and_nothing_else(text: str) -> None:
    with pytest.raises(InputError, match=r"expected the count .* to be compared with a number"):
        parse(text, AGENCIES)
