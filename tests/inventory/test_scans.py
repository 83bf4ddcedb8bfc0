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


async def scanned(
    store: Store, at: datetime, profile: str, *complete: Network, partly: tuple[Network, ...] = ()
) -> None:
    everywhere = [*complete, *partly]
    number = await store.write(scans.begin, profile, everywhere, {n.code: 254 for n in everywhere}, at)
    for network in everywhere:
        await store.write(scans.end_network, number, network.code, at, network in complete, None)


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
