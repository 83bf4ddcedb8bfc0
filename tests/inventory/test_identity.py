"""Identity: the same device seen by several sources is one asset, and what many devices share identifies none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from inventory.identity import KINDS, normalise
from inventory.store import Store, assets
from inventory.store.tables import asset, identifier, merge
from inventory.words import Identity, InputError
from tests.inventory.sample import NOW

SERIAL, OTHER = "FGT60FTK20004711", "FGT60FTK20009999"
MAC, MAC2 = "00:1b:21:3c:4d:5e", "00:1b:21:aa:bb:cc"
UUID, UUID2 = "4c4c4544-0042-3510-8051-b7c04f564332", "4c4c4544-0042-3510-8051-b7c04f999999"


def seen(address: str | None = None, network: str = "net-a", **by: str) -> Identity:
    return Identity(frozenset(by.items()), address, network if address else None, "A")


async def find(store: Store, *identities: Identity) -> list[int]:
    """The root of the asset that each observation is about, once all were recorded."""
    numbers = [await store.write(assets.resolve, one, NOW + timedelta(minutes=i)) for i, one in enumerate(identities)]
    roots = dict(await store.read(lambda c: c.execute(select(asset.c.id, asset.c.root)).all()))
    return [roots[n] for n in numbers]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("serial", "To be filled by O.E.M."), ("serial", "System Serial Number"), ("serial", "0000000000"),
        ("serial", "Not Specified"), ("serial", "123456789"), ("serial", "N/A"), ("serial", "xxxxxxx"), ("serial", ""),
        ("serial", "Default string"), ("serial", "1234"), ("uuid", "00000000-0000-0000-0000-000000000000"),
        ("uuid", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"), ("uuid", "03000200-0400-0500-0006-000700080009"),
        ("uuid", "not a uuid"), ("mac", "00:00:00:00:00:00"), ("mac", "ff:ff:ff:ff:ff:ff"),
        ("mac", "00:00:5e:00:01:05"),
        ("mac", "00:00:0c:07:ac:01"), ("mac", "02:42:ac:11:00:02"), ("mac", "da:a1:19:00:11:22"), ("mac", "1b:21"),
        ("chassis_mac", "01:00:5e:00:00:fb"), ("engine_id", "80"), ("engine_id", "8000000000000000000000"),
        ("agent_id", " "),
    ],
)  # fmt: skip
def test_placeholders_and_what_many_share_identify_nothing(kind: str, value: str) -> None:
    assert normalise(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "one", "same"),
    [
        ("serial", "FGT-60F 123", " fgt60f123\0"), ("mac", "00:1B:21:3C:4D:5E", "001b.213c.4d5e"),
        ("uuid", UUID, "{" + UUID.upper() + "}"), ("engine_id", "80 00 1f 88 04 61 62 63", "0x80001f8804616263"[2:]),
        ("url", "https://a.example.vn/", "HTTPS://a.example.vn"),
    ],
)  # fmt: skip
def test_one_identifier_written_in_two_ways_is_one(kind: str, one: str, same: str) -> None:
    assert normalise(kind, one) == normalise(kind, same) is not None


@given(st.sampled_from(KINDS), st.text(max_size=80))
def test_whatever_a_device_says_is_taken_or_left(kind: str, value: str) -> None:
    plain = normalise(kind, value)
    assert plain is None or normalise(kind, plain) == plain


async def test_an_address_counts_only_inside_its_network(store: Store) -> None:
    a, b, again = await find(store, seen("192.168.1.10"), seen("192.168.1.10", "net-b"), seen("192.168.1.10"))
    assert a == again != b


async def test_an_address_alone_becomes_the_device_that_later_says_who_it_is(store: Store) -> None:
    first, named, later = await find(
        store, seen("192.168.1.1"), seen("192.168.1.1", serial=SERIAL), seen(serial=SERIAL)
    )
    assert first == named == later


async def test_an_address_that_changed_hands_is_another_device(store: Store) -> None:
    old, new, old_again = await find(
        store, seen("192.168.1.1", serial=SERIAL), seen("192.168.1.1", serial=OTHER), seen("192.168.1.9", serial=SERIAL)
    )
    assert old == old_again != new
    a, b = await find(store, seen("192.168.1.40", mac=MAC), seen("192.168.1.40", mac=MAC2))
    assert a != b


async def test_a_late_delivery_does_not_take_an_address_back(store: Store) -> None:
    new = await store.write(assets.resolve, seen("192.168.1.1", serial=OTHER), NOW)
    await store.write(assets.resolve, seen("192.168.1.1", serial=SERIAL), NOW - timedelta(days=1))
    assert await store.write(assets.resolve, seen("192.168.1.1"), NOW) == new


async def test_what_two_sources_know_apart_is_joined_by_what_a_third_knows_of_both(store: Store) -> None:
    by_snmp, by_agent, both = await find(
        store,
        seen("192.168.1.5", serial=SERIAL),
        seen(mac=MAC, agent_id="pc-5-2026-01-01"),
        seen(serial=SERIAL, mac=MAC),
    )
    assert by_snmp == by_agent == both


async def test_a_merge_keeps_both_and_can_be_undone(store: Store) -> None:
    one, two, three = [await store.write(assets.resolve, seen(serial=s), NOW) for s in (SERIAL, OTHER, "PF2ABCDE")]
    first = await store.write(assets.join, two, one, "by hand", NOW)
    second = await store.write(assets.join, three, two, "by hand", NOW)
    assert first and second
    assert await find(store, seen(serial=SERIAL), seen(serial=OTHER), seen(serial="PF2ABCDE")) == [one, one, one]
    assert await store.write(assets.join, three, one, "again", NOW) is None
    await store.write(assets.undo, first, NOW)
    assert await find(store, seen(serial=SERIAL), seen(serial=OTHER)) == [one, two]
    await store.write(assets.undo, second, NOW)
    assert await find(store, seen(serial="PF2ABCDE"), seen(serial=OTHER)) == [three, two]
    with pytest.raises(InputError, match=f"found merge {first}, expected the id of a merge that is not undone"):
        await store.write(assets.undo, first, NOW)
    with pytest.raises(InputError, match="found asset 999, expected the id of a known asset"):
        await store.write(assets.join, 999, one, "by hand", NOW)


async def test_two_machines_with_two_serials_are_two_whatever_they_share(store: Store) -> None:
    a, b = await find(store, seen(serial=SERIAL, uuid=UUID), seen(serial=OTHER, uuid=UUID))
    assert a != b
    # From then on the UUID of the cloned disk identifies nothing.
    shared = await store.read(lambda c: c.scalars(select(identifier.c.shared).where(identifier.c.kind == "uuid")).all())
    assert list(shared) == [True]
    (alone,) = await find(store, seen("192.168.1.77", uuid=UUID))
    assert alone not in (a, b)


async def test_clones_of_a_virtual_machine_are_told_apart_by_their_cards(store: Store) -> None:
    a, b, a_again = await find(
        store,
        seen("192.168.1.20", engine_id="80001f8804abcdef12", mac=MAC),
        seen("192.168.1.21", engine_id="80001f8804abcdef12", mac=MAC2),
        seen("192.168.1.20", mac=MAC),
    )
    assert a == a_again != b


async def test_a_changed_mainboard_is_still_the_machine_with_its_serial(store: Store) -> None:
    a, b = await find(store, seen(serial=SERIAL, uuid=UUID), seen(serial=SERIAL, uuid=UUID2))
    assert a == b


async def test_a_network_adapter_that_went_to_another_machine_joins_nothing(store: Store) -> None:
    a, b, a_again = await find(store, seen(serial=SERIAL, mac=MAC), seen(serial=OTHER, mac=MAC), seen(serial=SERIAL))
    assert a == a_again != b


async def test_an_observation_that_identifies_nothing_is_refused(store: Store) -> None:
    nobody = Identity(frozenset({("serial", "None"), ("mac", "00:00:00:00:00:00")}), "192.168.1.1", None)
    with pytest.raises(InputError, match="no identifier that identifies, and no address inside a network"):
        await store.write(assets.resolve, nobody, NOW)
    with pytest.raises(InputError, match="identifier kind 'name': expected one of serial, uuid"):
        await store.write(assets.resolve, seen(name="PC-1"), NOW)
    assert await store.read(lambda c: c.execute(select(asset)).all()) == []


async def test_a_merge_that_was_undone_is_not_made_again_by_the_next_reading(store: Store) -> None:
    by_snmp, by_agent, both = await find(
        store, seen("192.168.1.5", serial=SERIAL), seen(mac=MAC), seen(serial=SERIAL, mac=MAC)
    )
    assert by_snmp == by_agent == both
    (made,) = await store.read(lambda c: list(c.scalars(select(merge.c.id))))
    await store.write(assets.undo, made, NOW)
    one, again, other = await find(store, seen(serial=SERIAL), seen(serial=SERIAL, mac=MAC), seen(mac=MAC))
    assert one == again != other
    # By hand it still can be.
    await store.write(assets.join, other, one, "by hand", NOW)
    assert len(set(await find(store, seen(serial=SERIAL), seen(mac=MAC)))) == 1


async def test_an_undone_merge_holds_for_what_the_two_were_merged_with_since(store: Store) -> None:
    one, two, three = [
        await store.write(assets.resolve, i, NOW) for i in (seen(serial=SERIAL), seen(mac=MAC), seen(mac=MAC2))
    ]
    first = await store.write(assets.join, two, one, "by hand", NOW)
    await store.write(assets.undo, first, NOW)
    await store.write(assets.join, two, three, "by hand", NOW)
    (found,) = await find(store, seen(serial=SERIAL, mac=MAC))
    assert [found, *await find(store, seen(mac=MAC), seen(mac=MAC2))] == [one, three, three]
