"""Events as they are told: by the command line, the API and the pages, in both languages; old ones are forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from api import jobs, rounds
from api.config import Config
from api.workspace import Workspace
from inventory import vocabulary
from inventory.periods import ZONE
from inventory.store import Store, events, facts
from inventory.store.events import Notice, Wanted
from inventory.words import Event, Fact, Identity, InputError, Observation, Run
from tests.api.pages_sample import HOSTILE, fill
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu

NOW = datetime.now(UTC).replace(microsecond=0)
VOCABULARY = vocabulary.load()
FIREWALL = Identity(address="10.1.0.1", network="so-yt-lan", agency="so-yt")
SWITCH = Identity(address="10.2.0.1", network="so-tc-lan", agency="so-tc")


def notice(kind: str, ago: timedelta, sender: Identity, item: str = "", detail: str = "", *told: Fact) -> Notice:
    event = Event(kind, NOW - ago, VOCABULARY.events[kind].severity, "traps", item, detail)
    return Notice(event, sender, told)


#: The newest first: two hours, a day, nine days ago.
HAPPENED = (
    notice("link_down", timedelta(hours=2), SWITCH, "ge-0/0/1", HOSTILE),
    notice("on_battery", timedelta(days=1), FIREWALL),
    notice("cold_start", timedelta(days=9), FIREWALL),
)


@dataclass(frozen=True)
class Site:
    address: str
    folder: Path
    store: Store
    firewall: int


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The sample province with three events, served."""
    (tmp_path / "data").mkdir()
    async with opened(tmp_path / "data") as store:
        workspace, _ = await fill(store, tmp_path / "data", NOW)
        for one in reversed(HAPPENED):
            await store.write(events.record, VOCABULARY, [one], NOW)
        # Repeated within three minutes it is the same one.
        await store.write(
            events.record, VOCABULARY, [notice("on_battery", timedelta(days=1, minutes=-1), FIREWALL)], NOW
        )
        (_, told), *_ = (await store.read(events.read, Wanted(kind="on_battery")))[0]
        assert told.asset is not None
        async with served(workspace) as address:
            yield Site(address, tmp_path, store, told.asset)


async def get(site: Site, path: str, status: int = 200, **query: object) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=site.address, timeout=30) as client:
        answer = await client.get(path, params={k: str(v) for k, v in query.items()})
    assert answer.status_code == status, answer.text
    return answer


def rows_of(page: str) -> list[str]:
    return re.findall(r'data-event="([^"]+)"', page)


ASKED = [
    ({}, ["link_down", "on_battery", "cold_start"]),
    ({"agency": "so-yt"}, ["on_battery", "cold_start"]),
    ({"kind": "link_down"}, ["link_down"]),
    ({"asset": "firewall"}, ["on_battery", "cold_start"]),
    ({"since": (NOW - timedelta(days=3)).astimezone(ZONE).date().isoformat()}, ["link_down", "on_battery"]),
    ({"agency": "so-yt", "kind": "cold_start"}, ["cold_start"]),
    ({"agency": "so-khcn"}, []),
]


@pytest.mark.parametrize(("asked", "kinds"), ASKED)
async def test_command_api_and_page_tell_the_same_events(
    site: Site, asked: dict[str, object], kinds: list[str]
) -> None:
    asked = {k: site.firewall if v == "firewall" else v for k, v in asked.items()}
    page = (await get(site, "/api/v1/events", **asked)).json()
    assert ([e["kind"] for e in page["items"]], page["total"]) == (kinds, len(kinds))
    assert rows_of((await get(site, "/events", **asked)).text) == kinds
    options = [part for name, value in asked.items() for part in (f"--{name}", str(value))]
    done = dophu(site.folder, "events", *options, "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [{**e, "at": w(e["at"]), "last": w(e["last"])} for e in page["items"]]


def w(iso: str) -> str:
    """A time as the command line writes it."""
    return str(datetime.fromisoformat(iso))


async def test_an_event_is_told_with_its_asset_and_its_repetitions(site: Site) -> None:
    (told,) = (await get(site, "/api/v1/events", kind="on_battery")).json()["items"]
    assert {k: told[k] for k in ("severity", "agency", "asset", "asset_name", "source", "times")} == {
        "severity": "critical", "agency": "so-yt", "asset": site.firewall, "asset_name": "fw-soyte",
        "source": "traps", "times": 2,
    }  # fmt: skip
    assert datetime.fromisoformat(told["last"]) - datetime.fromisoformat(told["at"]) == timedelta(minutes=1)


async def test_lists_are_cut_where_it_is_asked_and_say_so(site: Site) -> None:
    first = (await get(site, "/api/v1/events", limit=1, offset=1)).json()
    assert ([e["kind"] for e in first["items"]], first["total"]) == (["on_battery"], 3)
    done = dophu(site.folder, "events", "--limit", "2")
    assert done.stdout.startswith("at (UTC)  ") and len(done.stdout.splitlines()) == 3
    assert done.stderr == "the newest 2 of 3; --limit shows more\n"
    # What a device says cannot turn the terminal's text around.
    assert "\u202e" not in done.stdout and "\ufffdgnp.exe" in done.stdout
    assert (await get(site, "/events", page=99)).text.count("data-event") == 3


async def test_wrong_questions_are_told_what_was_expected(site: Site) -> None:
    for query, said in (
        ({"kind": "on_batery"}, "found the kind 'on_batery', expected one of link_down, "),
        ({"since": "soon"}, "found the time 'soon'"),
        ({"since": "2999-01-01"}, "in the future"),
        ({"asset": 0}, "greater than or equal to 1"),
        ({"asset": 2**63}, "less than"),
    ):
        assert said in (await get(site, "/api/v1/events", 422, **query)).text, query
    done = dophu(site.folder, "events", "--kind", "on_batery")
    assert done.returncode == 2 and "found the kind 'on_batery'" in done.stderr
    assert "“soon” không phải là ngày" in (await get(site, "/events", 422, since="soon")).text
    for odd in ({"kind": "x"}, {"asset": "9" * 40}, {"asset": "²"}, {"page": "-1"}):
        assert len(rows_of((await get(site, "/events", **odd)).text)) == 3
    assert rows_of((await get(site, "/events", agency="\"'><script>")).text) == []


async def test_the_pages_tell_events_in_both_languages(site: Site) -> None:
    vi, en = [(await get(site, "/events", lang=language)).text for language in ("vi", "en")]
    assert ["Chuyển sang chạy ắc quy" in vi, "On battery" in en, "2 lần" in vi, "2 times" in en] == [True] * 4
    assert '<a href="/events" aria-current="page">Sự kiện</a>' in vi
    assert "<script>" not in vi and "&lt;script&gt;" in vi
    asset = (await get(site, f"/assets/{site.firewall}")).text
    assert rows_of(asset) == ["on_battery", "cold_start"]
    # As of a day only what had happened by then.
    before = (NOW - timedelta(days=4)).astimezone(ZONE).date().isoformat()
    assert rows_of((await get(site, f"/assets/{site.firewall}", as_of=before)).text) == ["cold_start"]
    assert rows_of((await get(site, "/events", as_of=before)).text) == ["cold_start"]


async def test_an_assets_page_shows_the_newest_and_leads_to_all(site: Site) -> None:
    for number in range(12):
        told = notice("link_up", timedelta(minutes=30 - number), FIREWALL, f"port{number}")
        await site.store.write(events.record, VOCABULARY, [told], NOW)
    page = (await get(site, f"/assets/{site.firewall}")).text
    assert rows_of(page) == ["link_up"] * 10 and "Sự kiện (14)" in page
    assert f'href="/events?asset={site.firewall}"' in page
    whole = (await get(site, "/events", asset=site.firewall)).text
    assert len(rows_of(whole)) == 14 and "fw-soyte" in whole


async def test_old_events_are_forgotten_with_old_runs(site: Site) -> None:
    old = NOW - events.KEEP - timedelta(days=1)
    kept = Event("alarm", old, VOCABULARY.events["alarm"].severity, "traps")
    await site.store.write(events.record, VOCABULARY, [Notice(kept, FIREWALL)], old)
    await jobs.forget_old(Workspace(None, site.store), datetime.now(UTC))  # type: ignore[arg-type]
    found, _ = await site.store.read(events.read, Wanted())
    assert [event.kind for _, event in found] == ["link_down", "on_battery", "cold_start"]


async def test_nothing_of_a_batch_is_stored_where_one_of_it_is_wrong(site: Site) -> None:
    fact = Fact("on_battery", True, "traps", NOW)
    right = notice("on_mains", timedelta(0), SWITCH, "", "", fact)
    unknown = Event("no_such_kind", NOW, right.event.severity, "traps")
    with pytest.raises(InputError, match="event 'no_such_kind': expected one of link_down"):
        await site.store.write(events.record, VOCABULARY, [right, Notice(unknown, SWITCH)], NOW)
    assert (await site.store.read(events.read, Wanted(kind="on_mains")))[1] == 0
    (number,) = {e.asset for _, e in (await site.store.read(events.read, Wanted(agency="so-tc")))[0]}
    said = await site.store.read(facts.read, VOCABULARY, "asset", [number], NOW)
    assert "on_battery" not in {f.key for f in said[number]}


async def test_what_a_round_reads_begins_and_ends_an_event_by_the_thresholds_of_the_settings(site: Site) -> None:
    config = Config(data=site.folder, parameters={"room_temperature": {"highest": 24}}, plans=["vinh-phuc-2020"])
    workspace, done = Workspace(config, site.store), rounds.Round("snmp")
    identity = Identity(frozenset({("serial", "PHONG-MAY-77")}), agency="so-yt")
    # Rounds are recorded by the clock, which is of now.
    for minutes, warmth in ((30, 23.0), (20, 24.5), (10, 25.0), (1, 20.0)):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        told = (Fact("role", "sensor", "snmp", at), Fact("temperature", warmth, "snmp", at))
        run = Run("snmp", "room", at, at, (Observation(told, identity),), True, agency="so-yt")
        await rounds.record_run(workspace, done, run)
    assert (done.complete, done.failed) == (4, [])
    found, _ = await site.store.read(events.read, Wanted(agency="so-yt"))
    seen = [(event.kind, event.source, event.detail) for _, event in found if event.source == "snmp"]
    assert seen == [("temperature_ok", "snmp", "20.0 °C"), ("temperature_high", "snmp", "24.5 °C > 24.0 °C")]
