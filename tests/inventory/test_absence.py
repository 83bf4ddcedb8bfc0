"""What silence says: of assets that nobody saw answer, and of tables that became empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from inventory import vocabulary
from inventory.store import Store, facts, runs
from inventory.words import Fact, Identity, Observation
from tests.inventory.sample import NOW, device, reading, sweep
from tests.inventory.sample import facts as said

KNOWN = vocabulary.load()
LATER = NOW + timedelta(hours=1)


def in_arp(host: int) -> Observation:
    """A device that a router knows by ARP, and of which nobody knows whether it answers."""
    identity = Identity(frozenset({("mac", f"00:1b:21:00:00:{host:02x}")}), f"192.168.1.{host}", "net-a", "A", True)
    return Observation(said("snmp", NOW, seen_in_arp=NOW), asset=identity)


async def answering(store: Store, at: datetime) -> dict[str, object]:
    everything = await store.read(runs.addresses)
    found: dict[str, object] = {}
    for root, _, address in everything:
        taken = facts.take(KNOWN, (await store.read(facts.read, KNOWN, "asset", [root], at))[root], at)
        found[address] = taken["answering"].value if "answering" in taken else None
    return found


async def test_a_whole_sweep_says_of_what_is_only_in_arp_that_it_does_not_answer(store: Store) -> None:
    await store.write(runs.record, KNOWN, reading("A", in_arp(7)), NOW)
    assert await answering(store, NOW) == {"192.168.1.7": None}
    await store.write(runs.record, KNOWN, sweep("A", device("A", 1, LATER), at=LATER, complete=False), LATER)
    assert (await answering(store, LATER))["192.168.1.7"] is None, "a sweep broken off says nothing"
    for at in (LATER, LATER + timedelta(days=5)):
        await store.write(runs.record, KNOWN, sweep("A", device("A", 1, at), at=at), at)
        assert (await answering(store, at))["192.168.1.7"] is False


async def test_what_a_whole_sweep_passed_over_does_not_answer(store: Store) -> None:
    await store.write(runs.record, KNOWN, sweep("A", device("A", 1)), NOW)
    await store.write(runs.record, KNOWN, reading("A", in_arp(7)), NOW)
    assert (await answering(store, NOW))["192.168.1.7"] is False


async def test_hearsay_makes_no_second_asset_of_who_was_seen_at_the_address(store: Store) -> None:
    own = Identity(frozenset({("mac", "70:6b:b9:11:22:01")}), "192.168.1.7", "net-a", "A")
    seen = Observation(said("snmp", NOW, answering=True), asset=own)
    await store.write(runs.record, KNOWN, reading("A", seen), NOW)
    await store.write(runs.record, KNOWN, reading("A", in_arp(7)), NOW)
    assert await answering(store, NOW) == {"192.168.1.7": True}
    assert len(await store.read(runs.last_stated, "snmp", "seen_in_arp")) == 1
    # Days later, with another card at the address, it is another machine.
    later = NOW + timedelta(days=3)
    heard = in_arp(7)
    heard = replace(heard, facts=tuple(replace(f, observed_at=later) for f in heard.facts))
    await store.write(runs.record, KNOWN, reading("A", heard, at=later), later)
    assert len(await store.read(runs.last_stated, "snmp", "seen_in_arp")) == 2


async def test_a_sweep_says_nothing_of_what_only_others_saw_answer(store: Store) -> None:
    await store.write(runs.record, KNOWN, reading("A", device("A", 9, source="snmp")), NOW)
    await store.write(runs.record, KNOWN, sweep("A", device("A", 1, LATER), at=LATER), LATER)
    assert (await answering(store, LATER))["192.168.1.9"] is True


async def test_an_emptied_table_has_no_rows(store: Store) -> None:
    row = Fact("guest", {"state": "running"}, "snmp", NOW, item="may-ao-1")
    before = device("A", 1, source="snmp")
    before = replace(before, facts=(*before.facts, row), tables_read=frozenset({"guest"}))
    await store.write(runs.record, KNOWN, reading("A", before), NOW)

    async def guests(at: datetime) -> list[str]:
        ((root, _, _),) = await store.read(runs.addresses)
        known = (await store.read(facts.read, KNOWN, "asset", [root], at))[root]
        return [f.item for f in facts.table_rows(KNOWN, known, "guest", at)]

    assert await guests(NOW) == ["may-ao-1"]
    unread = device("A", 1, LATER, source="snmp")
    await store.write(runs.record, KNOWN, reading("A", unread, at=LATER), LATER)
    assert await guests(LATER) == ["may-ao-1"], "not looked is not gone"
    await store.write(
        runs.record, KNOWN, reading("A", replace(unread, tables_read=frozenset({"guest"})), at=LATER), LATER
    )
    assert await guests(LATER) == []
    assert await guests(NOW) == ["may-ao-1"], "the day before is judged as it was"
