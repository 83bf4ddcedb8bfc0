"""The snmpEngineIDs of SNMPv3 devices by address, kept in this process: one exchange less at each conversation."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST: Final = 65_536
"""Addresses remembered, those asked last; some 10 MB when full."""


class Engines:
    """Engine ids by address and port."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, address: str, port: int) -> bytes | None:
        """The engine id that the device had last."""
        return self._kept.get((address, port))

    def keep(self, address: str, port: int, engine_id: bytes) -> None:
        """Remembers what a device that was authenticated said of itself."""
        self._kept[address, port] = engine_id
        self._kept.move_to_end((address, port))
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, address: str, port: int) -> None:
        """For a device that is another now, or may be."""
        self._kept.pop((address, port), None)


ENGINES: Final = Engines()
