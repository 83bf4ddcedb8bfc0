"""Asks video and voice devices whether they answer by SIP and H.323, and codecs for their state and calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collectors import facts
from collectors.bounds import read_host
from collectors.codecs import Status, poly, xapi
from collectors.reading.sip_words import LONGEST, read_words
from collectors.transports import sip
from collectors.transports.codec import PORT as HTTPS_PORT
from collectors.transports.codec import CodecError
from collectors.transports.h323 import RAS_PORT, SETUP_PORT, H323State, ask_h323
from collectors.transports.sip import SipAnswer, SipError, ask_options
from collectors.vendors import load_vendors
from inventory.words import Credential, Fact, Identity, InputError, Observation, Proof, Run, Target, Value

COLLECTOR = "vc"
SECONDS = 2.0
"""For the answer over one transport."""

CODECS: Mapping[str, Callable[[str, int, Credential, datetime], Awaitable[Status]]] = {
    xapi.KIND: xapi.read,
    poly.KIND: poly.read,
}
"""How a codec is read, by the kind of the credential."""

_IDENTITY = ("vendor", "model", "version", "role")
_GENERAL = "vendors/_any.yaml"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the protocols are spoken; a Target names no more than one port."""

    options: int = sip.PORT
    options_tls: int = sip.TLS_PORT
    setup: int = SETUP_PORT
    ras: int = RAS_PORT


async def collect(target: Target, *, ports: Ports = Ports(), seconds: float = SECONDS) -> Run:
    """Ask one device: OPTIONS over UDP, TCP and TLS, the H.323 set-up port and RAS, and its own API where it may be.

    Facts are `sip_answering` and `h323_answering`, maker, model, version and role by what it calls itself, and what a
    codec's API says, with the history of its calls. That a protocol does not answer is a fact only where it did before
    (`target.affirmed`), and only once its questions were put and waited for to the end. `answering` is true where
    anything came, and never false: a room that answers echoes and no protocol is there, and who probes knows whether
    the way to it is open.

    Nobody is called: `collectors.transports.h323` says what is sent.

    Raises InputError for an address that is not of the network, or a network that may not be scanned.
    """
    if target.network is None:
        raise InputError(f"{target.label}: found no network, expected one of the register")
    read_host(target)
    load_vendors()  # before any time is measured
    started = datetime.now(UTC)
    reading = _Reading(target)
    try:
        await asyncio.gather(
            reading.ask_sip(ports, seconds), reading.ask_h323(ports, seconds), reading.ask_codec(target.credentials)
        )
    except asyncio.CancelledError:
        # Who cancels a collector takes what it saw (collectors.runner); the task itself ends here.
        if task := asyncio.current_task():
            task.uncancel()
        reading.problems.append("broken off before all was asked")
    observation = reading.observe()
    return Run(
        collector=COLLECTOR,
        target=target.label,
        started=started,
        finished=datetime.now(UTC),
        observations=(observation,) if observation else (),
        complete=observation is not None and not reading.problems,
        error="; ".join([*reading.problems, *([] if observation else reading.silences)]) or None,
        agency=target.agency or (target.network.agency if target.network else None),
    )


@dataclass
class _Reading:
    """What came of the questions to one device."""

    target: Target
    answer: SipAnswer | None = None
    h323: H323State = field(default_factory=lambda: H323State(None, None, None))
    codec: Status | None = None
    problems: list[str] = field(default_factory=list)
    silences: list[str] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    """The keys of the protocols whose questions were all put and waited for to the end, and brought no answer."""

    async def ask_sip(self, ports: Ports, seconds: float) -> None:
        """Over UDP, then TCP, then TLS."""
        failed = False
        for transports, port in ((sip.PLAIN, ports.options), (("tls",), ports.options_tls)):
            try:
                self.answer = await ask_options(self.target.address, port, seconds, transports)
            except SipError as error:
                self.silences.append(f"SIP, port {port}: {error}")
                failed |= error.failed
            else:
                return
        if not failed:
            self.unanswered.add("sip_answering")

    async def ask_h323(self, ports: Ports, seconds: float) -> None:
        """At both ports at once."""
        self.h323 = await ask_h323(self.target.address, seconds, ports.setup, ports.ras)
        if not self.h323.speaks:
            self.silences.append(f"H.323: {self.h323.words or 'no answer'}")
            if not self.h323.failed:
                self.unanswered.add("h323_answering")

    async def ask_codec(self, credentials: tuple[Credential, ...]) -> None:
        """By the API of each maker for which there is a credential, until one answers."""
        failures = []
        for credential in credentials:
            port = int(credential.secret.get("port", HTTPS_PORT))
            try:
                self.codec = await CODECS[credential.kind](self.target.address, port, credential, datetime.now(UTC))
            except (CodecError, InputError) as error:
                failures.append(str(error))
            else:
                self.problems += self.codec.problems
                return
        self.problems += failures

    def observe(self) -> Observation | None:
        """All that is said of the device; None where nothing is."""
        now = datetime.now(UTC)
        told = [
            *facts(COLLECTOR, now, {"sip_answering": self._told("sip_answering", self.answer is not None)}),
            *facts(COLLECTOR, now, {"h323_answering": self._told("h323_answering", bool(self.h323.speaks))}),
        ]
        if self.answer or self.codec or self.h323.speaks or self.h323.open:
            told += facts(COLLECTOR, now, {"answering": True})
        own = self.codec.values if self.codec else {}
        told += facts(COLLECTOR, now, own)
        told += self._facts_of_words(own, now)
        history = self.codec.history if self.codec else None
        if history is not None:
            told += facts(COLLECTOR, now, {"call_history_read": now})
        if not told:
            return None
        network = self.target.network
        where = Identity(
            frozenset({("serial", str(own["serial"]))} if own.get("serial") else ()),
            self.target.address,
            network.code if network else None,
            network.agency if network else self.target.agency,
        )
        return Observation(tuple(told), asset=where, history=history)

    def _told(self, key: str, answered: bool) -> bool | None:
        """Whether a protocol answers; None where its silence says nothing."""
        return True if answered else False if key in self.unanswered & self.target.affirmed else None

    def _facts_of_words(self, own: Mapping[str, Value], now: datetime) -> list[Fact]:
        """What the header says, apart from what the device's own API says better.

        It is concluded from words, and stands behind what the device tells over SNMP, in whatever form it does that.
        """
        if self.answer is None or not self.answer.software:
            return []
        words = "".join(c if c.isprintable() else " " for c in self.answer.software[:LONGEST])
        told = read_words(words, load_vendors())
        concluded = {key: told.values[key] for key in _IDENTITY if key in told.values and key not in own}
        if self.target.role_known:
            concluded.pop("role", None)
        if self.h323.speaks and "role" in concluded and told.origins["role"].file == _GENERAL:
            # What speaks SIP is a phone by the general rules; one that speaks H.323 as well may be a meeting room.
            del concluded["role"]
        said = facts(COLLECTOR, now, {"sip_software": words})
        return [*said, *facts(COLLECTOR, now, concluded, proof=Proof.INFERRED)]
