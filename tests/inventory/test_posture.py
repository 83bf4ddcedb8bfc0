"""What follows from a machine's system: the end of its support, how far it is patched, and what is to be reviewed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from inventory.posture import builds, kev, lifecycle
from inventory.posture.derive import References, derive
from inventory.store import Store, facts, references, runs
from inventory.vocabulary import load
from inventory.words import Fact, Identity, InputError, Observation, Proof, Run, Value
from tests.inventory.sample import NOW, device, reading
from tests.inventory.test_judge import KNOWN, bring, declare

DATA = Path(__file__).parents[3] / "shared" / "data"
OWN = References(lifecycle.own_table(), builds.own_table())


# --- the end of support ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "build", "edition", "version", "expected"),
    [
        # Windows by build and edition
        ("Microsoft Windows 10 Pro", "19045.3086", "Pro", "22H2", ("2025-10-14", True)),
        ("Microsoft Windows 10 Enterprise LTSC", "19044.4291", "Enterprise LTSC", "21H2", ("2027-01-12", True)),
        ("Microsoft Windows 10 Enterprise 2016 LTSB", "14393.1", "Enterprise 2016 LTSB", None, ("2026-10-13", True)),
        ("Microsoft Windows 10 Enterprise", "19044.1", "Enterprise", None, ("2024-06-11", True)),
        ("Microsoft Windows 11 Professionnel", "22631.1", "Professionnel", None, ("2025-11-11", True)),
        ("Microsoft Windows 11 Home Single Language", "26100.1", "Home Single Language", None, ("2026-10-13", True)),
        ("Windows 11 IoT Enterprise LTSC", "26100.1", "IoT Enterprise LTSC", None, ("2034-10-10", True)),
        ("Microsoft Windows 11", "22631.1", "EnterpriseS", None, ("2025-11-11", False)),
        ("Microsoft Windows 10", "17763.1", "EnterpriseS", None, ("2029-01-09", True)),
        # The edition is not known: the earliest day of those that it may be.
        ("Microsoft Windows 11", "22631.1", None, None, ("2025-11-11", False)),
        ("Microsoft Windows 10", "17763.1", None, None, ("2020-11-10", False)),
        # By the name alone, where it says all
        ("Microsoft Windows 7 Professional", "7601", None, None, ("2020-01-14", True)),
        ("Microsoft Windows 7 Professional", None, None, None, ("2020-01-14", False)),
        ("Microsoft Windows XP Professional", None, "Professional", None, ("2014-04-08", True)),
        ("Microsoft Windows 10 Pro", None, "Pro", None, None),
        ("Microsoft Windows Server 2012 R2 Standard", "9600", "Standard", None, ("2023-10-10", True)),
        ("Microsoft® Windows Server® 2008 Standard", "6003", None, None, ("2020-01-14", True)),
        ("Microsoft Windows Server 2019 Standard", "17763.5576", "Standard", "1809", ("2029-01-09", True)),
        ("Microsoft Windows Server Standard", "17763.5576", "Standard", "1809", ("2020-11-10", False)),
        ("Microsoft Windows Server 2025 Datacenter", "26100.32522", "Datacenter", None, ("2034-11-14", True)),
        ("Microsoft Hyper-V Server 2019", "17763.1", None, None, ("2029-01-09", True)),
        ("Microsoft Windows 12 Pro", "31000.1", "Pro", None, None),
        # Others by the release in their name, or in the version beside it
        ("Debian GNU/Linux 12 (bookworm)", "6.1.0-18-amd64", None, "12.11", ("2028-06-30", True)),
        ("Ubuntu 24.04.1 LTS", "6.8.0", None, "24.04", ("2029-05-31", True)),
        ("CentOS Linux 7 (Core)", None, None, None, ("2024-06-30", True)),
        ("CentOS Stream 9", None, None, None, ("2027-05-31", True)),
        ("Red Hat Enterprise Linux 8.6 (Ootpa)", None, None, None, ("2029-05-31", True)),
        ("Rocky Linux 9.2 (Blue Onyx)", None, None, None, ("2032-05-31", True)),
        ("AlmaLinux 8.10 (Cerulean Leopard)", None, None, None, ("2029-05-31", True)),
        ("Oracle Linux Server 8.9", None, None, None, ("2029-07-31", True)),
        ("SUSE Linux Enterprise Server 15 SP4", None, None, None, ("2023-12-31", True)),
        ("VMware ESXi", None, None, "7.0.3", ("2025-10-02", True)),
        ("FortiGate FortiOS", None, None, "v7.2.6,build1575,230926 (GA.F)", ("2026-09-30", True)),
        ("Cisco IOS-XE", None, None, "CAT9K_LITE_IOSXE 16.12.4", ("2023-07-31", True)),
        ("Cisco IOS-XE", None, None, "03.07.05E", None),
        ("Cisco IOS", None, None, "15.2(2)E", None),
        ("Oracle Linux Server 10", None, None, None, None),
        ("FortiSwitch", None, None, "7.2.6", None),
        ("", None, None, None, None),
    ],
)
def test_the_end_of_support(
    name: str, build: str | None, edition: str | None, version: str | None, expected: tuple[str, bool] | None
) -> None:
    found = lifecycle.support(lifecycle.own_table(), name, build, edition, version)
    assert (None if found is None else (found.ends.isoformat(), found.sure)) == expected


# --- Windows' monthly releases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "day", "server", "through", "behind"),
    [
        ("19045.3086", "2023-07-10", False, "2023-06-13", 0),
        ("19045.3086", "2023-07-11", False, "2023-06-13", 1),
        # A preview (3155, of 27 June) is in the next monthly release: it counts as the one before.
        ("19045.3155", "2023-07-30", False, "2023-06-13", 1),
        ("19045.3086", "2026-03-11", False, "2023-06-13", 33),
        # Older than the table, and newer than it.
        ("19045.100", "2022-12-20", False, None, 2),
        ("19045.9999", "2026-03-11", False, "2026-03-10", 0),
        # The table is too old to know what came since; what the machine has is known all the same.
        ("20348.4893", "2026-11-26", True, "2026-03-10", None),
        ("19045.3086", "2026-11-26", False, "2023-06-13", None),
        # One build, two series
        ("26100.8037", "2026-03-11", False, "2026-03-10", 0),
        ("26100.32370", "2026-03-11", True, "2026-02-10", 1),
    ],
)
def test_how_far_a_windows_is_patched(
    build: str, day: str, server: bool, through: str | None, behind: int | None
) -> None:
    found = builds.patches(builds.own_table(), build, date.fromisoformat(day), server=server)
    assert found is not None
    assert (found.through, found.behind) == (None if through is None else date.fromisoformat(through), behind)


@pytest.mark.parametrize("build", ["19045", "7601", "99999.1", "6.1.0-18-amd64", "19045.x", ""])
def test_a_build_without_revision_or_row_says_nothing(build: str) -> None:
    assert builds.patches(builds.own_table(), build, date(2026, 3, 11), server=False) is None


HEAD = "build,of,revision,day,kb,kind"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.csv: found 'nothing', expected the header build,of"),
        ("build,ubr\n1,2", "x.csv: found 'build,ubr', expected the header build,of,revision,day,kb,kind"),
        (HEAD, "x.csv: found no monthly release"),
        (f"{HEAD}\n19045,,1,2026-03-10,KB5000001", "x.csv, line 2: found 5 fields, expected 6"),
        (
            f"# a remark\n{HEAD}\n\n19045,,1,10/03/2026,KB5000001,B",
            "x.csv, line 4, day: found '10/03/2026', expected a day",
        ),
        (f"{HEAD}\n19045,phone,1,2026-03-10,KB5000001,B", "x.csv, line 2, of: found 'phone', expected client, server"),
        (f"{HEAD}\n19045,,1,2026-03-10,KB5000001,D", "x.csv, line 2, kind: found 'D', expected one of B, C, OOB"),
        (f"{HEAD}\n19045,,one,2026-03-10,KB5000001,B", "x.csv, line 2, revision: found 'one', expected a number"),
        (f"{HEAD}\n19045,,1,2026-03-10,5000001,B", "x.csv, line 2, kb: found '5000001', expected KB and its number"),
        (f"{HEAD}\n" + "19045,,1,2026-03-10,KB5000001,B\n" * 2, "x.csv: the release 19045.1 stands twice"),
    ],
)
def test_a_table_of_builds_that_is_none(text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        builds.read_table(text.splitlines(), "x.csv")
    assert str(caught.value).startswith(told)


# --- dumps of endoflife.date and CISA's catalogue --------------------------------------------------------------------


def test_the_forms_of_a_dump() -> None:
    row = {"eol": "2026-06-10", "latest": "12.5"}
    forms: list[object] = [
        {"products": {"ubuntu": {"releases": [{"releaseCycle": "12", **row}]}}},
        {"ubuntu": [{"cycle": "12", **row}]},
        {"result": [{"name": "ubuntu", "releases": [{"name": "12", "eolFrom": "2026-06-10", "isEol": True}]}]},
    ]
    expected = lifecycle.Release("ubuntu", "12", "", "", date(2026, 6, 10))
    for form in forms:
        assert lifecycle.read_dump(form) == {"ubuntu": (expected,)}


def test_what_a_dump_says_of_windows_and_debian() -> None:
    document = {
        "windows": [{"cycle": "11-24h2-e-lts", "eol": "2029-10-09", "latest": "10.0.26100"}],
        "windows-server": [{"cycle": "2022", "eol": "2031-10-14", "latest": "10.0.20348"}],
        "debian": [{"cycle": "12", "eol": "2026-07-11", "eoes": "2028-06-30"}],
        "proxmox-ve": [{"cycle": "9", "eol": False}],
    }
    assert [r for releases in lifecycle.read_dump(document).values() for r in releases] == [
        lifecycle.Release("windows", "11-24h2", "lts", "26100", date(2029, 10, 9)),
        lifecycle.Release("windows-server", "2022", "lts", "20348", date(2031, 10, 14)),
        lifecycle.Release("debian", "12", "", "", date(2028, 6, 30)),
        lifecycle.Release("proxmox-ve", "9", "", "", None),
    ]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "expected a dump of endoflife.date"),
        ({}, "expected a dump of endoflife.date"),
        ({"products": {}}, "found no release of any product"),
        ({"products": {"debian": []}}, "debian: found no releases"),
        ({"debian": ["12"]}, "debian: found no list of releases"),
        ({"debian": [{"eol": "2026-06-10"}]}, "debian: release 1: found no name"),
        ({"debian": [{"cycle": "12", "eol": "soon"}]}, "debian: release 12: eol: found 'soon', expected a day"),
        ({"debian": [{"cycle": "12", "eol": 7}]}, "debian: release 12: eol: found 7, expected a day, true or false"),
        ({"result": [{"releases": []}]}, "result: expected a list of products"),
    ],
)
def test_a_dump_that_is_none(document: object, told: str) -> None:
    with pytest.raises(InputError) as caught:
        lifecycle.read_dump(document)
    assert str(caught.value).startswith(told)


def test_the_table_of_our_own_agrees_with_a_snapshot_of_endoflife_date() -> None:
    path = DATA / "endoflife.json"
    if not path.exists():
        pytest.skip("the snapshot of endoflife.date is not at hand")
    dump = lifecycle.read_dump(json.loads(path.read_text(encoding="utf-8")))
    for product, releases in lifecycle.own_table().items():
        listed = {(r.name, r.edition): r for r in dump[product]}
        ours = [r for r in releases if (r.name, r.edition) in listed]
        assert ours == [listed[r.name, r.edition] for r in ours] and len(ours) >= len(releases) - 1


def entry(**change: object) -> dict[str, object]:
    good = {
        "cveID": "CVE-2025-0001", "vendorProject": "RARLAB", "product": "WinRAR", "dateAdded": "2025-08-25",
        "knownRansomwareCampaignUse": "Unknown",
    }  # fmt: skip
    return good | change


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "found no vulnerabilities"),
        ({"vulnerabilities": []}, "found no vulnerabilities"),
        ({"vulnerabilities": [entry(), 7]}, "vulnerability 2: found no object"),
        ({"vulnerabilities": [entry(product=None)]}, "vulnerability 1: product: found None, expected text"),
        ({"vulnerabilities": [entry(cveID="MS17-010")]}, "vulnerability 1: cveID: found 'MS17-010'"),
    ],
)
def test_a_catalogue_that_is_none(document: object, told: str) -> None:
    with pytest.raises(InputError) as caught:
        kev.read_catalogue(document)
    assert str(caught.value).startswith(told)


# --- facts -----------------------------------------------------------------------------------------------------------

CATALOGUE = kev.by_title(
    kev.read_catalogue(
        {
            "vulnerabilities": [
                entry(),
                entry(cveID="CVE-2025-0002", knownRansomwareCampaignUse="Known"),
                entry(cveID="CVE-2025-0003", vendorProject="Fortinet", product="FortiOS"),
                entry(cveID="CVE-2025-0004", vendorProject="Microsoft", product="Windows"),
                entry(cveID="CVE-2025-0005", vendorProject="7-Zip", product="7-Zip"),
            ]
        }
    )
)


def program(name: str, version: str = "") -> Fact:
    return Fact("software", {"version": version}, "agent", NOW, Proof.AGENT, name)


def of(*said: Fact, **values: Value) -> dict[str, Fact]:
    """What follows from these facts and from these values."""
    stated = [Fact(key, value, "agent", NOW, Proof.AGENT) for key, value in values.items()]
    observed = Observation((*stated, *said), asset=Identity())
    derived = derive(observed, replace(OWN, kev=CATALOGUE))
    return {fact.item or fact.key: fact for fact in derived.facts[len(observed.facts) :]}


def test_what_follows_is_the_word_of_the_same_source_at_the_same_time() -> None:
    found = of(os_name="Microsoft Windows 10 Pro", os_build="19045.3086", os_edition="Pro")
    assert {fact.source for fact in found.values()} == {"agent"}
    assert {(fact.observed_at, fact.proof) for fact in found.values()} == {(NOW, Proof.AGENT)}
    # The last day is one of support, in Vietnam.
    assert found["os_support_ends"].value == datetime(2025, 10, 14, 17, tzinfo=UTC)
    assert found["patched_through"].value == datetime(2023, 6, 13, tzinfo=UTC)
    assert found["releases_behind"].value == 33
    for fact in found.values():
        load().keys[fact.key].check(fact.value)


def test_a_day_taken_because_the_edition_is_unknown_is_inferred() -> None:
    assert of(os_name="Microsoft Windows 11", os_build="22631.6783")["os_support_ends"].proof is Proof.INFERRED


def test_a_system_that_the_table_does_not_have_is_stated_unknown() -> None:
    found = of(os_name="Haiku R1", os_build="1")
    assert {key: fact.value for key, fact in found.items()} == {"os_support_ends": None}


def test_what_the_source_states_itself_is_left() -> None:
    ends = datetime(2030, 1, 1, tzinfo=UTC)
    assert "os_support_ends" not in of(os_name="Debian GNU/Linux 12", os_support_ends=ends)


def test_products_of_the_catalogue_are_to_be_reviewed() -> None:
    found = of(
        program("WinRAR 6.02 (64-bit)", "6.02.0"), program("7-Zip (19.00)", "19.00"), program("Notes on WinRAR"),
        os_name="Microsoft Windows 10 Pro", role="workstation",
    )  # fmt: skip
    assert found["kev_products"].value == 2
    assert found["WinRAR"].value == {
        "version": "6.02.0", "software": "WinRAR 6.02 (64-bit)", "vulnerabilities": 2, "ransomware": True,
    }  # fmt: skip
    assert found["7-Zip"].key == "kev_product"
    assert of(program("UniKey"), role="workstation")["kev_products"].value == 0


def test_nobody_looked_where_there_is_no_list_of_programs_or_no_catalogue() -> None:
    assert "kev_products" not in of(role="workstation", model="OptiPlex 3070", vendor="Dell")
    observed = Observation((program("WinRAR"),), asset=Identity())
    assert derive(observed, OWN) == observed


def test_a_device_of_the_catalogue() -> None:
    found = of(
        role="firewall", vendor="Fortinet", model="FortiGate 100F", os_name="FortiGate FortiOS", version="v7.2.6"
    )
    assert found["kev_products"].value == 1 and found["FortiOS"].value == {
        "version": "v7.2.6", "software": "FortiGate FortiOS", "vulnerabilities": 1, "ransomware": False,
    }  # fmt: skip


# --- in the store ----------------------------------------------------------------------------------------------------


async def values_of(store: Store, at: datetime) -> dict[str, Value]:
    found = await store.read(facts.read, KNOWN, "asset", [1], at)
    return {f.item or f.key: f.value for f in facts.take(KNOWN, found[1], at).values()}


async def test_whatever_source_names_a_system_its_end_is_known(store: Store) -> None:
    await declare(store)
    firewall = device("A", 1, role="firewall", model="FortiGate 100F", os_name="FortiGate FortiOS", version="v7.2.6")
    recorded = await store.write(runs.record, KNOWN, reading("A", firewall), NOW)
    assert (await values_of(store, NOW))["os_support_ends"] == datetime(2026, 9, 30, 17, tzinfo=UTC)
    # The same again changes nothing.
    assert recorded.new > 0
    again = await store.write(runs.record, KNOWN, reading("A", firewall), NOW)
    assert again.new == 0


async def test_the_table_that_was_imported_last_counts_and_the_former_ones_are_kept(store: Store) -> None:
    await declare(store)
    machine = {"role": "server", "os_name": "Debian GNU/Linux 12 (bookworm)"}
    await bring(store, reading("A", device("A", 1, **machine)))
    for number, ends in enumerate((date(2027, 1, 1), date(2029, 1, 1)), start=1):
        rows = (lifecycle.Release("debian", "12", "", "", ends),)
        day = references.dated_of(date(2026, 1, number))
        await store.write(references.keep, "lifecycle", rows, day, f"dump-{number}.json", NOW)
    later = NOW + timedelta(days=1)
    await bring(store, Run("snmp", "A", later, later, (device("A", 1, later, **machine),), True, None, "A"))
    assert (await values_of(store, NOW))["os_support_ends"] == datetime(2028, 6, 30, 17, tzinfo=UTC)
    assert (await values_of(store, later))["os_support_ends"] == datetime(2029, 1, 1, 17, tzinfo=UTC)
    kept = await store.read(references.listing)
    assert [(k.kind, k.origin, k.dated.day) for k in kept] == [
        ("lifecycle", "dump-2.json", 2),
        ("lifecycle", "dump-1.json", 1),
    ]
    # A product that the import does not have stays as it was.
    loaded = await store.read(references.load)
    assert loaded.lifecycle["ubuntu"] == lifecycle.own_table()["ubuntu"]
