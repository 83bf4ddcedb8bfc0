"""Which credentials a device took and which it did not, remembered in this process so that few are tried.

A credential is remembered by its name and a hash of its secret that means nothing outside this process: one that was
put right under the same name is a new one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from inventory.words import Credential

MOST: Final = 65_536
"""Devices remembered, those asked last."""
LASTS: Final = 86_400.0
"""Seconds for which a device is believed to take what it took, and to refuse what it refused."""

Named = tuple[str, int]


def _named(credential: Credential) -> Named:
    return credential.name, hash((credential.kind, *sorted(credential.secret.items())))


class _Device:
    """What one device did: the credential that it took, and by credential when it refused it or was silent on it."""

    __slots__ = ("refused", "silent", "took", "until")

    def __init__(self) -> None:
        self.took: Named | None = None
        self.until = 0.0
        self.refused: dict[Named, float] = {}
        self.silent: frozenset[Named] = frozenset()


class Credentials:
    """The order in which the credentials of a network are tried at a device, from what it did before."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._devices: OrderedDict[tuple[str, int], _Device] = OrderedDict()

    def __len__(self) -> int:
        return len(self._devices)

    def in_order(self, address: str, port: int, credentials: Iterable[Credential]) -> list[Credential]:
        """What to try: the one that it took before all others, and none that it refused within a day.

        A day after the first choice was made the given order counts again: the device may take an earlier one now.
        """
        device = self._devices.get((address, port))
        offered = list(credentials)
        if device is None:
            return offered
        now = self._clock()
        allowed = [c for c in offered if device.refused.get(_named(c), now) <= now]
        if device.until <= now:
            return allowed
        return sorted(allowed, key=lambda credential: _named(credential) != device.took)

    def took(self, address: str, port: int, credential: Credential, silent: Iterable[Credential] = ()) -> None:
        """The device answered to `credential`, and before that was silent on others, though awake."""
        device = self._device(address, port)
        named, now = _named(credential), self._clock()
        if device.took != named or device.until <= now:
            device.took, device.until = named, now + LASTS
            device.silent = frozenset(map(_named, silent))
        device.refused.pop(named, None)

    def refused(self, address: str, port: int, credential: Credential) -> None:
        """The device said no: it is not asked with this one again for a day, lest it lock the user out."""
        self._device(address, port).refused[_named(credential)] = self._clock() + LASTS

    def were_silent(self, address: str, port: int, credentials: Iterable[Credential]) -> list[Credential]:
        """Those that the device did not answer to within a day while it answered to the one that it took."""
        device = self._devices.get((address, port))
        if device is None or device.until <= self._clock():
            return []
        return [credential for credential in credentials if _named(credential) in device.silent]

    def forget(self, address: str, port: int) -> None:
        """For an address that another device has now."""
        self._devices.pop((address, port), None)

    def _device(self, address: str, port: int) -> _Device:
        device = self._devices.setdefault((address, port), _Device())
        self._devices.move_to_end((address, port))
        if len(self._devices) > self._most:
            self._devices.popitem(last=False)
        return device


CREDENTIALS: Final = Credentials()
