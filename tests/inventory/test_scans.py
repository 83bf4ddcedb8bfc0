"""When networks were last scanned, as the store tells the snapshot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from inventory.store import Store, scans
from inventory.words import Network, ScanState

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LAN, DMZ, GONE = (
    Network(code, agency, ip_network(prefix), "lan", scan=True)
    for code, agency, prefix in (
        ("yte-lan", "so-yte", "198.18.64.0/24"),
        ("yte-dmz", "so-yte", "198.18.65.0/24"),
        ("cu-lan", "so-cu", "198.18.66.0/24"),
    )
)


def parts(*networks: Network) -> dict[str, scans.Part]:
    return {n.code: scans.Part(str(n.prefix), 254) for n in networks}


def owner(name: str, *gone: str) -> scans.Owner:
    return scans.Owner(name, lambda other: other in gone)


async def scanned(
    store: Store, at: datetime, profile: str, *complete: Network, partly: tuple[Network, ...] = ()
) -> None:
    everywhere = [*complete, *partly]
    number = (await store.write(scans.begin, profile, parts(*everywhere), owner("one"), at, again=True)).number or 0
    for network in everywhere:
        await store.write(scans.end_network, number, network.code, at, network in complete, None)
    await store.write(scans.end, number, at, True)


async def test_the_last_scan_to_its_end_counts_of_each_network_by_each_profile(store: Store) -> None:
    await scanned(store, NOW - 9 * DAY, "security", LAN, DMZ, GONE)
    await scanned(store, NOW - 2 * DAY, "security", LAN, partly=(DMZ,))
    await scanned(store, NOW - DAY, "sweep", LAN)
    # A network that left the register is nobody's to scan.
    assert await store.read(scans.last_complete, [LAN, DMZ], NOW) == (
        ScanState("yte-dmz", "so-yte", "security", NOW - 9 * DAY),
        ScanState("yte-lan", "so-yte", "security", NOW - 2 * DAY),
        ScanState("yte-lan", "so-yte", "sweep", NOW - DAY),
    )
    assert await store.read(scans.last_complete, [LAN], NOW - 3 * DAY) == (
        ScanState("yte-lan", "so-yte", "security", NOW - 9 * DAY),
    )


async def test_a_network_is_scanned_by_one_at_a_time_until_it_ends_or_is_known_to_be_gone(store: Store) -> None:
    first = await store.write(scans.begin, "sweep", parts(LAN), owner("one"), NOW)
    beside = await store.write(scans.begin, "sweep", parts(LAN, DMZ), owner("two"), NOW)
    assert (beside.resumed, dict(beside.busy)) == (False, {"yte-lan": first.number})
    assert [n.network for n in await store.read(scans.networks, beside.number or 0)] == ["yte-dmz"]
    await store.write(scans.end, beside.number or 0, NOW, True)
    await store.write(scans.renew, first.number or 0, NOW + scans.LEASE / 2)
    nothing = await store.write(scans.begin, "services", parts(LAN), owner("two"), NOW + scans.LEASE)
    assert nothing.number is None
    # Its process is gone, or says nothing for as long as a lease: another takes the network.
    for other, at in ((owner("two", "one"), NOW + scans.LEASE), (owner("three"), NOW + 2 * scans.LEASE)):
        taken = await store.write(scans.begin, "services", parts(LAN), other, at, again=True)
        assert taken.number is not None and not taken.busy
        await store.write(scans.end, taken.number, at, True)


async def test_what_was_begun_for_another_reason_or_on_anothers_word_is_never_taken_up(store: Store) -> None:
    async def begin(by: str, reason: str) -> scans.Begun:
        begun: scans.Begun = await store.write(
            scans.begin, "sweep", parts(DMZ), owner("one"), NOW, asked_by=by, reason=reason
        )
        await store.write(scans.end, begun.number or 0, NOW, False)
        return begun

    first = await begin("Lê Bình", "điều tra")
    assert (await begin("Lê Bình", "điều tra")).number == first.number
    assert not (await begin("Lê Bình", "kiểm tra lại")).resumed
    assert not (await begin("Trần An", "kiểm tra lại")).resumed


async def test_a_scan_whose_process_is_gone_is_cancelled_at_once(store: Store) -> None:
    first = await store.write(scans.begin, "sweep", parts(LAN), owner("one"), NOW)
    number = first.number or 0
    await store.write(scans.cancel, number, owner("two"), NOW)
    assert await store.read(scans.state, number) == scans.CANCELLING
    await store.write(scans.cancel, number, owner("two", "one"), NOW)
    assert await store.read(scans.state, number) == scans.CANCELLED


async def test_a_network_of_another_prefix_is_another_and_a_scan_between_hides_none(store: Store) -> None:
    first = await store.write(scans.begin, "sweep", parts(LAN, DMZ), owner("one"), NOW)
    await store.write(scans.end, first.number or 0, NOW, False)
    other = await store.write(scans.begin, "sweep", parts(LAN), owner("one"), NOW + DAY)
    await store.write(scans.end, other.number or 0, NOW + DAY, True)
    moved = parts(LAN, DMZ) | {"yte-dmz": scans.Part("198.18.65.0/25", 126)}
    assert not (await store.write(scans.begin, "sweep", moved, owner("one"), NOW + DAY)).resumed
    await store.write(scans.end, 3, NOW + DAY, True)
    again = await store.write(scans.begin, "sweep", parts(LAN, DMZ), owner("one"), NOW + DAY)
    assert (again.number, again.resumed) == (first.number, True)
