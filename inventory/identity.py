"""What identifies an asset and what does not, and which known asset an observation is about. Pure.

Serial, hardware UUID, SNMP engine id, chassis MAC and agent id identify; an IP address never does on its own, because
every agency has a 192.168.1.0/24: it counts only inside its network. Placeholders ("To be filled by O.E.M.", zeros),
UUIDs and engine ids of cloned disks, and randomised or shared MACs identify nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from inventory.text import storable

#: The kinds of identifier, the most telling first.
KINDS = ("serial", "uuid", "chassis_mac", "engine_id", "agent_id", "mac", "asset_tag", "url")

#: Two machines that both state one of these, with nothing in common, are certainly two: whatever else they share.
TELLING = ("serial", "uuid")

#: What the clone of a disk or virtual machine brings along: with other network cards it is another machine.
COPIED = ("uuid", "engine_id", "agent_id")

Identifiers = Mapping[str, Collection[str]]

_PLACEHOLDER = re.compile(
    r"to ?be ?filled|o\.?e\.?m|default|system ?serial|serial ?number|chassis|not ?(specified|available|applicable|set)"
    r"|none|unknown|invalid|empty|n/?a|null|private|asset ?tag|base ?board|x{4,}|test|vmware.?virtual",
    re.IGNORECASE,
)
_LONGEST = 500
_BLANK = " \t\r\n\0"
_SEQUENCE = "0123456789012345678901234567890"
# Mainboards that left the factory with the maker's sample value, seen on thousands of machines.
_SAMPLE_UUIDS = {
    "03000200040005000006000700080009",
    "000102030405060708090A0B0C0D0E0F",
    "12345678123456781234567890ABCDEF",
}
# MACs that several machines have at once: VRRP, HSRP, GLBP, CARP, FortiGate clusters, multicast, VMware's host
# adapters, WAN miniports.
_SHARED_MACS = (
    "00005E0001",
    "00005E0002",
    "00000C07AC",
    "00000C9FF",
    "0007B400",
    "00090F09",
    "01005E",
    "333300",
    "005056C0000",
    "20415353",
)


def normalise(kind: str, value: str) -> str | None:
    """The identifier's canonical text, or None when it identifies nothing."""
    text = storable(value).strip(_BLANK)
    if len(text) > _LONGEST:
        return None
    if kind == "url":
        return text.rstrip("/").lower() or None
    if kind in ("agent_id", "asset_tag"):
        return text or None
    plain = re.sub(r"[^0-9A-Za-z]", "", text).upper()
    if kind in ("mac", "chassis_mac"):
        return _mac(plain)
    if kind == "uuid":
        known = len(plain) == 32 and len(set(plain)) > 4 and plain not in _SAMPLE_UUIDS
        return plain if known and not plain.startswith("FFFFFFFF") and not plain.startswith("00000000") else None
    if kind == "engine_id":
        # RFC 3411: 5 to 32 octets, not all zero or all 255.
        return plain if 10 <= len(plain) <= 64 and not set(plain[8:]) <= {"0"} and set(plain) != {"F"} else None
    if len(plain) < 5 or len(set(plain)) < 3 or plain in _SEQUENCE or _PLACEHOLDER.search(text):
        return None
    return plain


def _mac(plain: str) -> str | None:
    if len(plain) != 12 or not re.fullmatch(r"[0-9A-F]{12}", plain) or len(set(plain)) < 3:
        return None
    # The second-lowest bit of the first octet says "locally administered": randomised by phones, invented by
    # hypervisors and containers. The lowest says multicast.
    if int(plain[:2], 16) & 0b11 or plain.startswith(_SHARED_MACS):
        return None
    return plain


@dataclass(slots=True)
class Known:
    """An asset that shares something with an observation."""

    asset: int
    identifiers: dict[str, set[str]] = field(default_factory=dict)
    """All its identifiers by kind, those marked as shared left out."""
    by_address: bool = False
    """It was last seen at the observation's address in the same network."""


@dataclass(frozen=True, slots=True)
class Match:
    """What an observation means for identity."""

    asset: int | None
    """The asset it is about; None for one never seen before."""
    absorbed: tuple[int, ...] = ()
    """Other assets that turn out to be the same one."""
    reason: str = ""
    shared: frozenset[tuple[str, str]] = frozenset()
    """Identifiers found on two machines that are certainly not the same."""


def match(stated: Identifiers, known: Collection[Known]) -> Match:
    """Decide which known asset an observation is about.

    Args:
        stated: the observation's identifiers by kind, normalised.
        known: every asset that has one of them, and the one last seen at the same address of the same network.
    """
    shared: set[tuple[str, str]] = set()
    same: list[tuple[int, str, Known]] = []
    for asset in known:
        common = _common(stated, asset.identifiers)
        if not common:
            continue
        if _are_two(stated, asset.identifiers, common[0][0]):
            shared |= set(common)
            continue
        same.append((KINDS.index(common[0][0]), common[0][0], asset))
    same.sort(key=lambda row: (row[0], row[2].asset))
    if same:
        first = same[0][2]
        merged = [k for _, _, k in same[1:] if not contradicts(first.identifiers, k.identifiers)]
        reason = f"same {same[0][1]}"
        return Match(first.asset, tuple(k.asset for k in merged), reason, frozenset(shared))
    for asset in known:
        if (
            asset.by_address
            and not contradicts(stated, asset.identifiers)
            and not _estranged(stated, asset.identifiers)
        ):
            return Match(asset.asset, (), "same address in the same network", frozenset(shared))
    return Match(None, (), "", frozenset(shared))


def contradicts(one: Identifiers, other: Identifiers) -> bool:
    """Whether both state a serial or a hardware UUID, with nothing in common."""
    return any(_differ(one, other, (kind,)) for kind in TELLING)


def _are_two(one: Identifiers, other: Identifiers, best: str) -> bool:
    """Whether two that share an identifier (the best of them of kind `best`) are two machines all the same."""
    # A serial in common beats a differing UUID (a mainboard was changed); nothing beats two serials.
    if _differ(one, other, ("serial",)) or (best != "serial" and _differ(one, other, ("uuid",))):
        return True
    return best in COPIED and _differ(one, other, ("chassis_mac", "mac"))


def _differ(one: Identifiers, other: Identifiers, kinds: tuple[str, ...]) -> bool:
    first, second = ({v for kind in kinds for v in side.get(kind, ())} for side in (one, other))
    return bool(first and second and not first & second)


def _estranged(one: Identifiers, other: Identifiers) -> bool:
    """Whether the two state the same kinds of identifier with nothing in common: an address that changed hands."""
    return any(_differ(one, other, (kind,)) for kind in KINDS)


def _common(one: Identifiers, other: Identifiers) -> list[tuple[str, str]]:
    return [(kind, value) for kind in KINDS for value in sorted(set(one.get(kind, ())) & set(other.get(kind, ())))]
