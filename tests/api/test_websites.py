"""Declared websites from the register to figures and pages, read by the real commands in a namespace of their own."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api import rounds
from api.config import Config, read_config
from api.sites import Look
from api.workspace import Workspace
from inventory import vocabulary
from inventory.goals import load_goals
from inventory.store import Store, registers, runs, snapshots, websites
from inventory.words import InputError, Observation, Register, Run, Snapshot, Status, Website, WebsiteState
from tests.api.serving import DOPHU, environment, serving
from tests.collectors.website_town import NAMES, Sites, sites
from tests.inventory.sample import NOW, REGISTER, facts

PLAN = "phu-yen-2021-2025"
KNOWN = vocabulary.load()
GOALS = load_goals(Path(__file__).parents[2] / "goals", KNOWN)
DECLARED = {
    "good": "https://good.vi-du.vn/", "expired": "https://expired.vi-du.vn/", "wrong": "https://wrong.vi-du.vn/",
    "self": "https://self.vi-du.vn/", "old": "https://old.vi-du.vn/", "four": "https://four.vi-du.vn/",
    "six": "https://six.vi-du.vn/", "plain": "http://plain.vi-du.vn/", "error": "http://error.vi-du.vn/",
    "away": "http://away.vi-du.vn/", "refused": "https://refused.vi-du.vn/", "beyond": "https://beyond.vi-du.vn/",
}  # fmt: skip


# --- declared assets --------------------------------------------------------------------------------------------------


@pytest.fixture
async def province(store: Store) -> AsyncIterator[Store]:
    await declare(store, NOW, Website("https://a.vn/", "A", "Trang A"), Website("https://b.vn/", "B"))
    yield store


async def declare(store: Store, at: datetime, *sites: Website) -> None:
    await store.write(registers.take_in, KNOWN, replace(REGISTER, websites=sites), "register", at)


async def judge(store: Store, at: datetime) -> Snapshot:
    return await store.read(snapshots.take, KNOWN, GOALS, at)


def members(snapshot: Snapshot, control: str) -> dict[str, str]:
    """The answers of a control by agency."""
    return {t.agency: f"{t.status} {t.members}" for t in snapshot.tallies if t.control == control}


def said_of(url: str, at: datetime, **values: Any) -> Run:
    asset = websites.Identity(identifiers=frozenset({("url", url)}))
    return Run("website", url, at, at, (Observation(facts("website", at, **values), asset=asset),), True)


async def test_a_declared_website_is_counted_before_anything_could_read_it(province: Store) -> None:
    snapshot = await judge(province, NOW)
    assert members(snapshot, "website_answering") == {"A": "unknown 1", "B": "unknown 1"}
    assert [(w.url, w.title, w.state) for w in snapshot.websites] == [
        ("https://a.vn/", "Trang A", "unknown"),
        ("https://b.vn/", "https://b.vn/", "unknown"),
    ]
    before = await judge(province, NOW - timedelta(seconds=1))
    assert members(before, "website_answering") == {}
    assert before.websites == ()


async def test_it_leaves_with_its_last_day_and_stays_in_what_was_before(province: Store) -> None:
    later, last = NOW + timedelta(days=3), (NOW + timedelta(days=1)).date()
    await declare(
        province, later, Website("https://a.vn/", "A", "Trang A"), Website("https://B.vn", "B", valid_to=last)
    )
    assert members(await judge(province, later), "website_answering") == {"A": "unknown 1"}
    assert members(await judge(province, later - timedelta(days=1)), "website_answering") == {
        "A": "unknown 1",
        "B": "unknown 1",
    }


async def test_days_are_kept_in_the_store_and_end_by_themselves(province: Store) -> None:
    last = (NOW + timedelta(days=5)).date()
    await declare(province, NOW, Website("https://b.vn/", "B", valid_from=date(2024, 1, 1), valid_to=last))
    register = await province.read(registers.load)
    assert [(w.url, w.valid_from, w.valid_to) for w in register.websites] == [
        ("https://a.vn/", date.min, None),
        ("https://b.vn/", date(2024, 1, 1), last),
    ]
    after = NOW + timedelta(days=6)
    await province.write(websites.confirm, KNOWN, register.websites, after)
    assert members(await judge(province, after), "website_answering") == {"A": "unknown 1"}


async def test_an_address_that_identifies_nothing_keeps_nobody_from_the_others(province: Store) -> None:
    """The register refuses it now; a former version stored it."""
    stored = replace(REGISTER, websites=(Website("https://a.vn/", "A"), Website("https://b.vn/" + "x" * 600, "B")))
    await province.write(websites.declare, KNOWN, stored.websites, NOW)
    assert members(await judge(province, NOW), "website_answering") == {"A": "unknown 1"}


async def test_one_that_begins_later_is_not_there_yet(province: Store) -> None:
    await declare(province, NOW, Website("https://c.vn/", "C", valid_from=(NOW + timedelta(days=2)).date()))
    assert "C" not in members(await judge(province, NOW), "website_answering")
    register, then = await province.read(registers.load), NOW + timedelta(days=2)
    await province.write(websites.confirm, KNOWN, register.websites, then)
    assert members(await judge(province, then), "website_answering")["C"] == "unknown 1"


async def test_what_is_declared_does_not_grow_old(province: Store) -> None:
    register = await province.read(registers.load)
    for days in range(200, 1001, 200):
        await province.write(websites.confirm, KNOWN, register.websites, NOW + timedelta(days=days))
    assert len((await judge(province, NOW + timedelta(days=1000))).websites) == 2


async def test_one_that_moves_is_the_other_agencys_at_once_and_not_before(province: Store) -> None:
    await province.write(runs.record, KNOWN, said_of("https://a.vn/", NOW, answering=True, http_status=200), NOW)
    moved = NOW + timedelta(hours=1)
    await declare(province, moved, Website("https://A.vn/", "C", "Trang A"))
    assert members(await judge(province, moved), "website_answering") == {"B": "unknown 1", "C": "met 1"}
    assert members(await judge(province, NOW), "website_answering") == {"A": "met 1", "B": "unknown 1"}


async def test_a_website_is_no_device_of_the_agencys_networks(province: Store) -> None:
    """Neither one that answers nor one of which nothing is known changes what is counted of devices."""
    lan = "agency_lan_answering"
    before = members(await judge(province, NOW), lan)
    await province.write(runs.record, KNOWN, said_of("https://a.vn/", NOW, answering=True, http_status=200), NOW)
    snapshot = await judge(province, NOW)
    assert members(snapshot, lan) == before
    assert members(snapshot, "host_no_telnet") == {}
    assert members(snapshot, "agency_website_answering")["A"] == "met 1"
    assert members(snapshot, "agency_website_answering")["B"] == "unknown 1"
    assert members(snapshot, "agency_website_answering")["C"] == "unmet 1"


ANSWERS: dict[str, tuple[dict[str, Any], Status]] = {
    "website_answering": ({"answering": True, "http_status": 200}, Status.MET),
    "website_answering, with an error": ({"answering": True, "http_status": 503}, Status.UNMET),
    "website_answering, not at all": ({"answering": False}, Status.UNMET),
    "website_certificate": (
        {"certificate_valid": True, "certificate_weak": False, "certificate_expires": NOW + timedelta(days=31)},
        Status.MET,
    ),
    "website_certificate, expires soon": (
        {"certificate_valid": True, "certificate_weak": False, "certificate_expires": NOW + timedelta(days=29)},
        Status.UNMET,
    ),
    "website_certificate, none": ({"certificate_valid": False}, Status.UNMET),
    "website_certificate, not seen": ({"answering": False}, Status.UNKNOWN),
    "website_tls": ({"tls_version": "TLSv1.3", "tls_old": False}, Status.MET),
    "website_tls, old as well": ({"tls_version": "TLSv1.3", "tls_old": True}, Status.UNMET),
    "website_tls, none": ({"tls_version": "none"}, Status.UNMET),
    "website_tls, old not asked": ({"tls_version": "TLSv1.3"}, Status.UNKNOWN),
    "website_https": ({"https_only": False}, Status.UNMET),
    "website_hsts": ({"hsts": True}, Status.MET),
    "website_ipv6": ({"answers_over_ipv6": True}, Status.MET),
    "website_ipv6, no way there of our own": ({"ipv6_published": True}, Status.UNKNOWN),
    "website_response": ({"answering": True, "response_time": 6.0}, Status.UNMET),
    "website_fresh": ({"content_at": NOW - timedelta(days=29)}, Status.MET),
    "website_fresh, old": ({"content_at": NOW - timedelta(days=31)}, Status.UNMET),
    "website_fresh, undated": ({"content_at": None}, Status.UNKNOWN),
}


async def test_controls_answer_rightly(province: Store) -> None:
    urls = {case: f"https://case-{number}.vn/" for number, case in enumerate(ANSWERS)}
    await declare(province, NOW, *(Website(url, "A") for url in urls.values()))
    for case, (values, _) in ANSWERS.items():
        await province.write(runs.record, KNOWN, said_of(urls[case], NOW, **values), NOW)
    for case, (_, expected) in ANSWERS.items():
        found = await province.read(snapshots.members, KNOWN, GOALS, case.partition(",")[0], NOW)
        assert {f.title: f.status for f in found}[urls[case]] is expected, case


# --- the settings -----------------------------------------------------------------------------------------------------


def test_settings_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "dophu.toml"
    path.write_text('[websites]\nca = ["own.pem"]\nwitnesses = ["https://vi-du.vn/"]\n')
    read = read_config(path)
    assert read.websites.ca == [tmp_path / "own.pem"]
    path.write_text('[websites]\nwitnesses = ["vi-du.vn; reboot"]\n')
    with pytest.raises(InputError, match=r"websites\.witnesses"):
        read_config(path)


async def test_an_authority_that_cannot_be_read_is_named(province: Store, tmp_path: Path) -> None:
    settings = {"ca": [tmp_path / "gone.pem"]}
    workspace = Workspace(Config(data=tmp_path, websites=settings), province)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"websites\.ca: .*gone\.pem"):
        await rounds.collect(workspace, only=["website"])
    # On schedule what the other collectors read is still judged.
    (done,) = await rounds.collect(workspace, only=["website"], due_only=True)
    assert [run.target for run in done.failed] == ["websites.ca"]


async def test_no_website_is_nothing_to_read(store: Store, tmp_path: Path) -> None:
    await store.write(registers.replace, Register())
    (done,) = await rounds.collect(Workspace(Config(data=tmp_path), store), only=["website"])
    assert (done.collector, done.targets) == ("website", 0)


# --- the whole way ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """A folder in which the websites of the town were read."""

    folder: Path
    town: Sites
    told: list[dict[str, Any]]
    """What `dophu websites` tells after the first round."""

    def dophu(self, *arguments: str, expected: int = 0) -> str:
        """A command, run where the websites are."""
        command = ["ip", "netns", "exec", self.town.namespace, str(DOPHU), *arguments]
        done = subprocess.run(
            command, env=environment(self.folder), cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == expected, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder = tmp_path_factory.mktemp("read")
    with sites(tmp_path_factory.mktemp("websites")) as town:
        # `ip netns exec` puts these in the places of the files of the same names.
        names = Path("/etc/netns") / town.namespace
        names.mkdir(parents=True)
        try:
            lines = [f"{a} {name}.vi-du.vn" for name, own in NAMES.items() for a in own]
            (names / "hosts").write_text("\n".join(lines) + "\n")
            (names / "nsswitch.conf").write_text("hosts: files\n")
            made = Read(folder, town, [])
            (folder / "dophu.toml").write_text(f'[websites]\nca = ["{town.authority}"]\n')
            _write_register(folder / "register")
            for command in ("init", "register import register", "collect --only website", "judge"):
                made.dophu(*command.split())
            made.told.extend(json.loads(made.dophu("websites", "-o", "json")))
            yield made
        finally:
            shutil.rmtree(names)


def _write_register(folder: Path) -> None:
    folder.mkdir()
    tables: dict[str, list[tuple[str, ...]]] = {
        "levels": [("code", "name_vi", "name_en", "rank"), ("province", "Cấp tỉnh", "Province", "1")],
        "agencies": [
            ("code", "name_vi", "name_en", "level", "valid_from"),
            ("SO-A", "Sở A", "Department A", "province", "2020-01-01"),
            ("SO-B", "Sở B", "Department B", "province", "2020-01-01"),
        ],
        "websites": [
            ("url", "agency", "title"),
            *((url, "SO-B" if name == "four" else "SO-A", f"Trang {name}") for name, url in DECLARED.items()),
        ],
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


def test_the_round_reads_every_website_and_says_what_it_could_not(read: Read) -> None:
    told = {w["url"]: w for w in read.told}
    assert told.keys() == set(DECLARED.values())
    states = {name: told[url]["state"] for name, url in DECLARED.items()}
    assert {name for name, state in states.items() if state == "up"} == DECLARED.keys() - {"refused", "beyond"}
    assert (states["refused"], states["beyond"]) == ("down", "unknown")
    assert {name: told[DECLARED[name]]["certificate_problems"] for name in ("good", "expired", "wrong", "self")} == {
        "good": [],
        "expired": ["expired"],
        "wrong": ["wrong_name"],
        "self": ["self_signed"],
    }
    assert told[DECLARED["expired"]]["certificate_days_left"] == -3, "two days, and what the round took"
    assert told[DECLARED["good"]]["certificate_days_left"] == 89
    assert {name: told[DECLARED[name]]["ipv6"] for name in ("four", "six")} == {"four": False, "six": True}
    assert {name: told[DECLARED[name]]["ipv4"] for name in ("four", "six")} == {"four": True, "six": False}


def test_a_certificate_that_expired_within_the_day_has_no_day_left() -> None:
    site = WebsiteState(1, "https://a.vn/", "A", "A", "up")
    left = {hours: Look((), NOW).days_left(replace(site, certificate_expires=NOW + timedelta(hours=hours)))
            for hours in (-36, -12, 12, 36)}  # fmt: skip
    assert left == {-36: -2, -12: -1, 12: 0, 36: 1}


def test_figures_and_lists_agree(read: Read) -> None:
    rows = json.loads(read.dophu("coverage", "--plan", PLAN, "-o", "json"))
    whole = {row["goal"]: row for row in rows if row["level"] == "all"}
    counts = {goal: (whole[goal]["met"], whole[goal]["unmet"], whole[goal]["unknown"]) for goal in whole}
    assert counts["portals_steady"] == (9, 2, 1)
    assert counts["websites_ipv6"] == (8, 3, 1)
    assert [w["ipv6"] for w in read.told].count(True) == 8
    listed = json.loads(read.dophu("websites", "--lack", "certificate", "-o", "json"))
    assert {w["url"] for w in listed} >= {DECLARED[name] for name in ("expired", "wrong", "self", "plain")}


def test_the_table_is_for_people(read: Read) -> None:
    told = read.dophu("websites", "--find", "trang expired")
    assert "expired" in told and "-3 d" in told and "TLSv1.3" in told
    assert "expected one of all, down" in read.dophu("websites", "--lack", "nothing", expected=2)


def test_what_is_told_over_http(read: Read) -> None:
    with serving(read.folder) as address:
        metrics = httpx2.get(f"{address}/metrics").text
        page = httpx2.get(f"{address}/websites").text
        english = httpx2.get(f"{address}/websites", params={"lang": "en", "list": "certificate", "agency": "SO-A"}).text
        listed = httpx2.get(f"{address}/api/v1/websites", params={"lack": "down"}).json()
        refusal = httpx2.get(f"{address}/api/v1/websites", params={"lack": "nothing"})
        asset = next(w["asset"] for w in read.told if "expired" in w["url"])
        shown = httpx2.get(f"{address}/assets/{asset}").text
    assert {w["url"] for w in listed["items"]} == {DECLARED["refused"], DECLARED["error"]}
    assert (listed["total"], refusal.status_code) == (2, 422)
    assert 'dophu_website_up{agency="SO-A",url="https://good.vi-du.vn/"} 1.0' in metrics
    assert page.count("<tr data-site=") == len(DECLARED)
    assert "đã hết hạn" in page and "còn 89 ngày" in page
    assert "self-signed" in english and "https://four.vi-du.vn/" not in english
    assert "đã hết hạn" in shown and "Trang expired" in shown


def test_a_second_round_reads_again_and_keeps_what_changes_little(read: Read) -> None:
    before = read.told
    told = read.dophu("collect", "--only", "website")
    assert "website" in told
    after = json.loads(read.dophu("websites", "-o", "json"))
    keys = ("url", "state", "tls_old", "https_only", "content_at", "certificate_problems")
    assert [[w[key] for key in keys] for w in after] == [[w[key] for key in keys] for w in before]
    assert datetime.fromisoformat(after[0]["observed"]) > datetime.fromisoformat(before[0]["observed"])
    assert datetime.fromisoformat(after[0]["observed"]) <= datetime.now(UTC)
