"""The states of lines after a round of probes: up, degraded, down, or unknown because the way to them is cut. Pure.

A line's silence counts only where the way to it is known to be open: where the line that it goes through, the nearest
router that it shares with others, our own gateway or at least our own loopback answers. Otherwise our own line is down,
and not two hundred communes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collectors import facts
from collectors.quality import Quality, Window, measure
from collectors.transports.echo import Trips
from collectors.transports.icmp import IPAddress
from collectors.transports.knock import Door
from inventory.words import Observation

__all__ = ["COLLECTOR", "Heard", "Limits", "Line", "State", "judge_lines", "observe"]

COLLECTOR = "icmp"
"""The source of the facts on lines and hosts."""
SILENT, UNSENT, LOOPBACK = "silent", "unsent", "loopback"
VIA, HOP, GATEWAY, BEHIND, TCP, ICMP = "via", "hop", "gateway", "behind", "tcp", "icmp"
LOSS, DELAY = "loss", "delay"


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on a line that answers is degraded."""

    loss: float = 0.05
    """The share (0-1) of lost requests above which it is."""
    p95: float = 0.2
    """Seconds that 95 % of the round trips may take."""
    least: int = 20
    """Requests below which a loss says nothing: one lost of five would be 20 %."""


@dataclass(frozen=True, slots=True)
class Line:
    """A declared line, as it is probed."""

    code: str
    address: IPAddress | None
    port: int | None = None
    """A TCP port at its far end that is knocked at where it answers no echo."""
    via: str | None = None
    """The line that our probes go through."""
    hops: tuple[IPAddress, ...] = ()
    """The routers on the way that were learned, the farthest first; used where no `via` is declared."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a line: `state` up, degraded or down, None for unknown; and why, as a word and what it is about.

    Words: icmp, tcp PORT, behind LINE (something beyond it answers); loss, delay; silent; via LINE, hop ADDRESS,
    gateway ADDRESS (what is in between does not answer); unsent TEXT, loopback (the probe itself did not work).
    """

    state: str | None
    reason: str
    quality: Quality | None = None

    @property
    def answering(self) -> bool | None:
        """Whether it answers; None where that is unknown."""
        return None if self.state is None else self.state != "down"

    @property
    def failed(self) -> bool:
        """Whether the probe itself failed, so that nothing may be said."""
        return self.reason.split(" ")[0] in (UNSENT, LOOPBACK)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back in one round."""

    echoes: Mapping[IPAddress, Trips]
    knocks: Mapping[Door, Trips] = field(default_factory=dict)
    gateways: Mapping[IPAddress, IPAddress | None] = field(default_factory=dict)
    """By address, the gateway through which we reach it; None where it is our neighbour."""
    loopback: Mapping[int, bool] = field(default_factory=dict)
    """By IP version, whether our own loopback answers."""
    answered_before: Collection[IPAddress] = ()
    """The addresses that ever gave an echo: only of those a router's silence says something."""
    not_permitted: str = ""
    """Why no echoes could be sent at all."""

    def trips_of(self, line: Line) -> Trips | None:
        """What is taken for a line: its echoes, or its knocks where only those were answered."""
        if line.address is None:
            return None
        echoes = self.echoes.get(line.address)
        knocks = self.knocks.get((line.address, line.port)) if line.port else None
        return knocks if knocks is not None and (echoes is None or not echoes.answered) else echoes

    def answers(self, line: Line) -> bool:
        """Whether a line answered."""
        trips = self.trips_of(line)
        return trips is not None and trips.answered

    def by_tcp(self, line: Line) -> bool:
        """Whether a line answered a knock and no echo."""
        echoes = self.echoes.get(line.address) if line.address else None
        return self.answers(line) and (echoes is None or not echoes.answered)


def judge_lines(
    lines: Mapping[str, Line], heard: Heard, windows: Mapping[str, Window] | None = None
) -> dict[str, State]:
    """The state of every line that has an address or lies between others and us.

    Args:
        windows: the rounds of the last minutes, this one among them, by the code of the line: what loss and delay are
            judged over. Without them, this round alone.
    """
    return _Round(lines, heard, windows or {}).judge()


class _Round:
    """One round while it is judged."""

    def __init__(self, lines: Mapping[str, Line], heard: Heard, windows: Mapping[str, Window]) -> None:
        self.lines, self.heard, self.windows = lines, heard, windows
        self.up = {code for code, line in lines.items() if heard.answers(line)}
        self.behind: dict[str, str] = {}
        for code in sorted(self.up):
            for above in self._above(code):
                self.behind.setdefault(above, code)
        self.shared: dict[IPAddress, set[str]] = {}
        for code, line in lines.items():
            for hop in line.hops:
                self.shared.setdefault(hop, set()).add(code)
        self.through: dict[IPAddress, bool] = {}
        for code, line in lines.items():
            if line.address is not None and (gateway := heard.gateways.get(line.address)) is not None:
                self.through[gateway] = self.through.get(gateway, False) or code in self.up

    def _above(self, code: str) -> list[str]:
        """The lines that a line goes through, the nearest first; each once, whatever is declared."""
        found: list[str] = []
        via = self.lines[code].via
        while via is not None and via in self.lines and via not in found and via != code:
            found.append(via)
            via = self.lines[via].via
        return found

    def judge(self) -> dict[str, State]:
        return {code: self._state(line) for code, line in self.lines.items() if line.address is not None}

    def _state(self, line: Line) -> State:
        trips = self.heard.trips_of(line)
        if line.code in self.up and trips is not None:
            return self._quality(line, trips)
        if line.code in self.behind:
            return State("up", f"{BEHIND} {self.behind[line.code]}")
        if trips is None or not trips.sent:
            why = trips.unsent if trips is not None and trips.unsent else self.heard.not_permitted
            return State(None, f"{UNSENT} {why or 'nothing was sent'}")
        if reason := self._cut(line):
            # Nobody was asked by echoes, so nobody in between was silent.
            unsent = self.heard.not_permitted
            return State(None, f"{UNSENT} {unsent}" if unsent else reason)
        return State("down", SILENT, Quality(trips.sent, 1.0))

    def _quality(self, line: Line, trips: Trips) -> State:
        window = self.windows.get(line.code)
        quality = (window.measure() if window is not None else None) or measure([trips]) or Quality(0, 0.0)
        wrong = []
        if quality.sent >= line.limits.least and quality.loss > line.limits.loss:
            wrong.append(LOSS)
        if quality.p95 is not None and quality.p95 > line.limits.p95:
            wrong.append(DELAY)
        if wrong:
            return State("degraded", " ".join(wrong), quality)
        return State("up", f"{TCP} {line.port}" if self.heard.by_tcp(line) else ICMP, quality)

    def _cut(self, line: Line) -> str:
        """What in between does not answer, so that a line's silence says nothing; empty where the way is open."""
        above, silent = self._above(line.code), ""
        for via in above:
            if via in self.up or via in self.behind:
                return silent
            if self.lines[via].address is not None:
                # Of several that are silent the one nearest to us is the cause.
                silent = f"{VIA} {via}"
        first = next((via for via in reversed(above) if self.lines[via].address is not None), line.code)
        return self._cut_before(self.lines[first]) or silent

    def _cut_before(self, line: Line) -> str:
        """The same of a line that no declared line is in front of: learned routers, our gateway, our loopback."""
        address = line.address
        if address is None:
            return ""
        for hop in line.hops:
            others = self.shared[hop] - {line.code}
            if not others or hop == address:
                continue
            if others & self.up or self._echoes(hop):
                return ""
            if hop in self.heard.answered_before:
                return f"{HOP} {hop}"
        gateway = self.heard.gateways.get(address)
        if gateway is not None and not self._is_shy(gateway, address):
            if self.through[gateway] or self._echoes(gateway):
                return ""
            trips = self.heard.echoes.get(gateway)
            return f"{UNSENT} {trips.unsent}" if trips is not None and trips.unsent else f"{GATEWAY} {gateway}"
        return "" if self.heard.loopback.get(address.version, True) else LOOPBACK

    def _is_shy(self, gateway: IPAddress, address: IPAddress) -> bool:
        """Whether a gateway never answers, and nobody else than this address is asked through it.

        That it lets through and gives no echo was seen when the address answered. Of several that are all silent at
        once our own line is the likelier cause, whether its gateway gives echoes or not.
        """
        others = (own for own, its in self.heard.gateways.items() if its == gateway and own != address)
        answered = self.heard.answered_before
        return gateway not in answered and address in answered and not any(others)

    def _echoes(self, address: IPAddress) -> bool:
        trips = self.heard.echoes.get(address)
        return trips is not None and trips.answered


def observe(code: str, state: State, at: datetime) -> Observation | None:
    """What a state says of its line; nothing where the probe itself failed.

    What cannot be known is stated as unknown: what was known before does not hold on.
    """
    if state.failed:
        return None
    quality = state.quality
    said = {
        "link_answering": state.answering,
        "link_state": state.state,
        "link_reason": state.reason,
        "loss": None if quality is None else round(quality.loss, 4),
        "round_trip": _seconds(quality.median if quality else None),
        "round_trip_p95": _seconds(quality.p95 if quality else None),
        "round_trip_p99": _seconds(quality.p99 if quality else None),
        "jitter": _seconds(quality.jitter if quality else None),
    }
    return Observation(facts(COLLECTOR, at, said, keep_none=True), link=code)


def _seconds(value: float | None) -> float | None:
    """To the microsecond."""
    return None if value is None else round(value, 6)
