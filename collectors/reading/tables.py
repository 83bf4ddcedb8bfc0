"""What was read of a device's tables, and the walks that read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from collectors.reading.ports import is_port
from collectors.transports.snmp import Answer, SnmpAnswerError, SnmpClient, SnmpError
from inventory.words import Value

Row = dict[str, object]
Rows = dict[str, Row]
Columns = dict[str, dict[str, Answer]]
"""Columns by a name of ours, their values by index."""

_CARDS = ("ethernet", "wireless")
"""Interfaces whose hardware address is the card's own; of bridges and tunnels it is made up or another's."""


@dataclass(slots=True)
class Tables:
    """What was read of a device's tables; `problems` names what was not."""

    rows: dict[str, Rows] = field(default_factory=dict)
    """By key of the vocabulary, then by the row's item. Interfaces are named as the device does, neighbours by local
    port and remote id."""
    read: set[str] = field(default_factory=set)
    """The keys whose tables were read to the end, so that their rows can be counted and a missing row is gone."""
    values: dict[str, Value] = field(default_factory=dict)
    """Single facts beyond identity, by key."""
    problems: list[str] = field(default_factory=list)

    @property
    def interfaces(self) -> Rows:
        return self.rows.get("interface", {})

    @property
    def neighbours(self) -> Rows:
        return self.rows.get("neighbour", {})

    @property
    def ports(self) -> int:
        """How many interfaces are ports of their own."""
        return sum(is_port(name, row) for name, row in self.interfaces.items())

    @property
    def up(self) -> int:
        """How many of those work."""
        return sum(row.get("oper") == "up" and is_port(name, row) for name, row in self.interfaces.items())

    @property
    def states(self) -> bool:
        """Whether the device says of any interface if it works."""
        return any("oper" in row for row in self.interfaces.values())

    def count(self, kind: str) -> int:
        """How many interfaces are of one type."""
        return sum(row.get("type") == kind for row in self.interfaces.values())

    @property
    def names(self) -> dict[str, str]:
        """The interfaces' names by index."""
        return {str(row["index"]): name for name, row in self.interfaces.items()}

    @property
    def macs(self) -> list[str]:
        """The hardware addresses of the network cards."""
        macs = [row.get("mac") for row in self.interfaces.values() if row.get("type") in _CARDS]
        return list(dict.fromkeys(str(mac) for mac in macs if mac))


class Walks:
    """Walks of one open conversation; what cannot be read is a problem of `tables`, and the next walk goes on."""

    def __init__(self, client: SnmpClient, tables: Tables) -> None:
        self.client = client
        self.tables = tables

    async def column(self, oid: str) -> tuple[dict[str, Answer], bool]:
        """A column's rows, and whether they are all of them."""
        try:
            return await self.client.walk(oid), True
        except SnmpAnswerError as error:
            self.tables.problems.append(str(error))
            return error.read, False

    async def columns(
        self, wanted: Mapping[str, str], found: Columns, known: Iterable[str] = (), numbers: Collection[str] = ()
    ) -> set[str]:
        """Adds the columns that are wanted, OIDs by name, to `found`; the names of those that were read to their end.

        The fullest column comes first: it tells how many rows to ask for of the others, unless their indexes are
        `known` from a column that was read before; `numbers` are the names of those that hold numbers. Where an
        SnmpTimeout ends it, what had come in before is in `found`.
        """
        read: dict[str, dict[str, Answer]] = {}
        partial: Collection[str] = ()
        try:
            read = await self.client.walk_many(
                wanted.values(), known=known, numbers=[oid for name, oid in wanted.items() if name in numbers]
            )
        except SnmpError as error:
            read, partial = error.read, error.partial
            if not isinstance(error, SnmpAnswerError):
                raise
            self.tables.problems.append(str(error))
        finally:
            found |= {name: read.get(oid, {}) for name, oid in wanted.items()}
        return {name for name, oid in wanted.items() if oid in read and oid not in partial}
