"""Which cables a push makes, and which of Dophu's own it leads to other ports, since a port has one cable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporters.netbox.wanted import NO_PORTS
from exporters.netbox.writing import Want
from inventory.netbox import Record

__all__ = ["CABLE", "Joint", "cable_of", "loosen", "plan", "sort_out"]

CABLE = ("a_terminations", "b_terminations", "tags")
"""The fields of a cable that are looked at."""
_ENDS = ("a_terminations", "b_terminations")
_PORT = "dcim.interface"


@dataclass(slots=True, eq=False)
class Joint:
    """Two ports that are joined on the network."""

    one: Want
    other: Want
    cable: Record | None = None
    """The cable of Dophu's that is led here; None for a new one."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.one.name} — {self.other.name}"

    @property
    def ports(self) -> tuple[int, int]:
        """Their numbers in NetBox."""
        return self.one.id or 0, self.other.id or 0

    @property
    def cables(self) -> list[int]:
        """The cables that are in these ports in NetBox."""
        found = (cable_of(self.one), cable_of(self.other))
        return list(dict.fromkeys(number for number in found if number is not None))


def sort_out(joints: Sequence[Joint]) -> tuple[list[Joint], list[tuple[Joint, str]], int]:
    """Those for which something is to be done, those that are left with the reason, and how many are there already."""
    there = {j for j in joints if _peers(j.one) == {j.other.id}}
    used = {port for joint in there for port in joint.ports}
    todo: list[Joint] = []
    left: list[tuple[Joint, str]] = []
    for joint in joints:
        if joint in there:
            continue
        if used & set(joint.ports):
            left.append((joint, "other_cable"))
        elif any(_type(end) in NO_PORTS for end in (joint.one, joint.other)):
            left.append((joint, "not_a_port"))
        else:
            used |= set(joint.ports)
            todo.append(joint)
    return todo, left, len(there)


def plan(joints: Sequence[Joint], cables: Mapping[int, Record], tag: str) -> tuple[list[Joint], list[Joint]]:
    """Those that are joined, each with the cable of Dophu's that is led there, and those that have somebody's cable."""
    kept = {j for j in joints if not all(_may_move(cables.get(number), tag) for number in j.cables)}
    joined = [j for j in joints if j not in kept]
    taken: set[int] = set()
    for joint in joined:
        number = next((n for n in joint.cables if n not in taken), None)
        if number is not None:
            taken.add(number)
            joint.cable = cables[number]
    return joined, [j for j in joints if j in kept]


def loosen(joined: Sequence[Joint], cables: Mapping[int, Record]) -> Iterator[tuple[Record, dict[str, object], bool]]:
    """The cables that are in the way of another: each with the ends that it keeps, and whether it is led elsewhere."""
    home = {int(j.cable["id"]): j for j in joined if j.cable is not None}
    wanted = {port: j for j in joined for port in j.ports}
    for number in dict.fromkeys(n for j in joined for n in j.cables):
        mine, record = home.get(number), cables[number]
        kept = {end: [t for t in _ports(record, end) if wanted.get(t, mine) is mine] for end in _ENDS}
        if any(len(kept[end]) < len(_ports(record, end)) for end in _ENDS):
            yield record, {end: _terminations(ports) for end, ports in kept.items()}, mine is not None


def ends(joint: Joint) -> dict[str, object]:
    """The two ends as NetBox takes them; a cable that is there keeps its side at the port that it keeps."""
    a, b = joint.ports
    if joint.cable is not None and (b in _ports(joint.cable, _ENDS[0]) or a in _ports(joint.cable, _ENDS[1])):
        a, b = b, a
    return {_ENDS[0]: _terminations([a]), _ENDS[1]: _terminations([b])}


def names_of_ends(joint: Joint) -> dict[str, str]:
    """How a person reads `ends`."""
    names = {joint.ports[0]: joint.one.name, joint.ports[1]: joint.other.name}
    return {end: names[rows[0]["object_id"]] for end, rows in ends(joint).items() if isinstance(rows, list)}


def cable_of(port: Want) -> int | None:
    """The number of the cable in a port."""
    cable = (port.record or {}).get("cable")
    number = cable.get("id") if isinstance(cable, Mapping) else cable
    return number if isinstance(number, int) else None


def _may_move(cable: Record | None, tag: str) -> bool:
    """Whether it is Dophu's, and as Dophu makes them: a port at either end, or none any more."""
    if cable is None or not any(t.get("slug") == tag for t in cable.get("tags") or ()):
        return False
    told = [cable.get(end) or [] for end in _ENDS]
    return all(len(rows) <= 1 and all(row.get("object_type") == _PORT for row in rows) for rows in told)


def _ports(cable: Record, end: str) -> list[int]:
    return [int(row["object_id"]) for row in cable.get(end) or ()]


def _terminations(ports: Sequence[int]) -> list[dict[str, object]]:
    return [{"object_type": _PORT, "object_id": port} for port in ports]


def _peers(port: Want) -> set[int]:
    peers = (port.record or {}).get("link_peers")
    return {int(p["id"]) for p in peers if isinstance(p, Mapping) and "id" in p} if isinstance(peers, list) else set()


def _type(port: Want) -> object:
    record = port.record or {}
    if "type" not in record:
        return port.first.get("type")
    value = record["type"]
    return value.get("value") if isinstance(value, Mapping) else value
