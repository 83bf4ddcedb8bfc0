"""Says what a device is from what it answers: vendor, role, model, version, serial, with the knowledge in vendors/."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from collectors.reading.origins import Origin
from collectors.reading.roles import Evidence, decide_role
from collectors.reading.standard import STANDARD, SYS_DESCR, SYS_NAME, SYS_OBJECT_ID, SYSTEM_GROUP, Portrait
from collectors.reading.text import as_lines, as_number, as_statement
from collectors.transports.snmp import ABSENT, Absent, Answer, SnmpAnswerError, SnmpTimeout
from collectors.vendors import ENTITY, Banner, Knowledge, Read, System, Vendor, below, load_vendors
from collectors.vendors.knowledge import enterprise_of
from collectors.vendors.names import AGENTS, SYSTEMS

_ENTITY_ROW = "1.3.6.1.2.1.47.1.1.1.1"
_CHASSIS, _STACK = 3, 11
#: Words for what a device is, which begin the sysDescr of any maker's.
_THINGS = re.compile(
    r"(?:(?:access|ap|appliance|bridge|camera|card|console|controller|device|ethernet|fibre|channel|firewall|gateway|hub|ip"
    r"|kvm|lan|library|manager|management|media|modem|module|network|phone|point|port|power|print|printer|rack|radio|router"
    r"|routing|security|sensor|serial|server|smart|snmp|storage|switch|system|tape|telephony|unit|ups|voip|vpn|web|wi-?fi"
    r"|wireless)[\W_]*)+",
    re.IGNORECASE,
)
_LONGEST = 600
"""Characters of a sysDescr that are looked at; RFC 3418 allows 255, and patterns take their time on longer ones."""

Listed = tuple[str, str | None]
"""Title and usual role of a maker, by its enterprise number."""


class Device(Protocol):
    """What identification asks: a device over SNMP, or something in its place."""

    async def get_many(self, oids: Iterable[str]) -> Mapping[str, Answer | Absent]:
        """The value of each object."""
        ...

    async def first(self, column: str, *, rows: int = 3) -> list[tuple[str, Answer]]:
        """The first few rows of a column."""
        ...


class Identification:
    """Draws the portrait of one device; what was made out before a SnmpTimeout stays in `portrait`."""

    def __init__(
        self,
        device: Device,
        knowledge: Knowledge | None = None,
        answers: Mapping[str, Answer | Absent] | None = None,
    ) -> None:
        """`answers` are what the device was asked before."""
        self.device = device
        self.knowledge = knowledge or load_vendors()
        self.portrait = Portrait()
        self._asked = set(answers or ())
        self._keep(answers or {})
        self.systems: list[System] = []
        """What was recognised: the vendor's system first, then those that hold for any."""
        self._chassis: list[str] | None = None
        self._untold = False
        """Whether ENTITY-MIB's rows cannot be told apart, so that none stands for the whole."""

    async def run(self) -> Portrait:
        """Asks for the system group, recognises the system, reads what its vendor's file says."""
        await self._get((*SYSTEM_GROUP, *STANDARD))
        object_id, descr = self.portrait.text(SYS_OBJECT_ID) or "", self._descr()
        vendor, system = await self._recognise(object_id, descr)
        possible = self.knowledge.fitting(object_id, descr).general
        await self._get([oid for s in possible for oid in s.present])
        general = [s for s in possible if self._is_present(s)]
        systems = [system, *general] if system else general
        self.systems += systems
        asked = [read.at for s in systems for read in s.reads if read.source == "oid"]
        await self._get([*asked, *(oid for s in systems for rule in s.roles for oid in (*rule.says, *rule.unless))])
        listed = self.knowledge.vendor_of(object_id)
        maker = self._maker(vendor, system, listed, object_id, descr)
        if system:
            await self._read(system, object_id, descr)
            if system.os:
                self.portrait.keep("os_name", system.os, self._why_system(system, object_id, descr))
        if maker:
            self.portrait.keep("vendor", *maker)
        known, modelled = ("vendor" in self.portrait.fields), ("model" in self.portrait.fields)
        for one in general:
            await self._read(one, object_id, descr)
        self._tidy(known, modelled)
        evidence = Evidence(self.portrait, object_id, descr, self._parts())
        self.portrait.decide(decide_role(evidence, vendor, system, general, listed))
        return self.portrait

    def _maker(
        self, vendor: Vendor | None, system: System | None, listed: Listed | None, object_id: str, descr: str
    ) -> tuple[str, Origin] | None:
        """The maker's name, and what told it: the vendor's file, the number's list, or the words of sysDescr."""
        maker: tuple[str, Origin] | None = None
        number = enterprise_of(object_id)
        if vendor:
            by = ("vendor", SYS_OBJECT_ID, object_id) if object_id else ("words", SYS_DESCR, descr)
            maker = vendor.title, Origin(by[0], vendor.file, system.os or "" if system else "", by[1], raw=by[2])
        elif listed:
            file = "enterprises.csv" if number in self.knowledge.enterprises else "numbers.tsv"
            maker = listed[0], Origin("number", f"vendors/{file}", at=SYS_OBJECT_ID, raw=object_id)
        if system is None and (maker is None or number in AGENTS) and (told := self.knowledge.named_in(descr)):
            maker = told, Origin("words", at=SYS_DESCR, raw=descr)
        return maker

    def _tidy(self, known: bool, modelled: bool) -> None:
        """Writes the maker and the model as people do, where the device's own words are all there is."""
        fields = self.portrait.fields
        if not known and (told := fields.get("vendor")):
            # As the device writes it: "Acme Networks, Inc."
            fields["vendor"] = self.knowledge.names.known(told)
        if not modelled and (model := fields.get("model")):
            fields["model"] = self.knowledge.names.leave_out(fields.get("vendor", ""), model)

    def _why_system(self, system: System, object_id: str, descr: str) -> Origin:
        """How a system was recognised: by an object of its own, by words, or by the sysObjectID."""
        os, at = system.os or "", next((oid for oid in system.present if oid in self.portrait.answers), "")
        if at:
            rule = system.says.pattern if system.says else ""
            return Origin("system", system.file, os, at, rule, self.portrait.text(at) or "")
        if system.descr and (matched := system.descr.search(descr)):
            return Origin("system", system.file, os, SYS_DESCR, system.descr.pattern, matched[0])
        return Origin("system", system.file, os, SYS_OBJECT_ID, raw=object_id)

    def _parts(self) -> str:
        """What the model and the chassis are called."""
        rows = [f"{_ENTITY_ROW}.{ENTITY[column]}.{row}" for row in self._chassis or () for column in ("descr", "name")]
        return " ".join(filter(None, [self.portrait.fields.get("model"), *map(self.portrait.words, rows)]))

    def _descr(self) -> str:
        return as_lines(self.portrait.answers.get(SYS_DESCR))[:_LONGEST]

    async def _get(self, oids: Iterable[str]) -> None:
        """Adds to the answers; an object that is answered with an error is noted and left out."""
        wanted = [oid for oid in dict.fromkeys(oids) if oid not in self._asked]
        self._asked.update(wanted)
        try:
            answers = await self.device.get_many(wanted) if wanted else {}
        except SnmpTimeout as error:
            self._keep(error.read)
            raise
        except SnmpAnswerError as error:
            self.portrait.problems.append(str(error))
            answers = error.read
        self._keep(answers)

    def _keep(self, answers: Mapping[str, Answer | Absent]) -> None:
        self.portrait.answers |= {k: v for k, v in answers.items() if v is not ABSENT}

    async def _recognise(self, object_id: str, descr: str) -> tuple[Vendor | None, System | None]:
        """The system that fits best: between vendors the one with more proof, within one vendor the first."""
        fitting = self.knowledge.fitting(object_id, descr)
        named, own, candidates = fitting.named, fitting.own, fitting.systems
        await self._get([oid for _, systems in candidates for system in systems for oid in system.present])
        best: tuple[tuple[int, ...], Vendor, System] | None = None
        for vendor, systems in candidates:
            system = next(filter(self._is_present, systems), None)
            if system is None:
                continue
            # Who knows words or objects of an agent that another vendor made knows more than the agent's vendor.
            guest = vendor not in own and system.descr is not None and (named is None or named in SYSTEMS)
            proof = (
                bool(system.present),
                guest,
                vendor in own,
                below(object_id, system.objects),
                system.descr is not None,
            )
            if best is None or proof > best[0]:
                best = (proof, vendor, system)
        if best:
            return best[1], best[2]
        if own:
            return own[0], None
        return self._by_first_words(descr) if not object_id and named is None else (None, None)

    def _by_first_words(self, descr: str) -> tuple[Vendor | None, System | None]:
        """The one vendor of all whose own systems a sysDescr begins with."""
        found = [
            (vendor, system)
            for vendor in self.knowledge.vendors
            for system in vendor.systems
            if system.objects and system.descr and not system.present
            if (matched := system.descr.search(descr))
            and not descr[: matched.start()].strip(' "')
            and not _THINGS.fullmatch(matched[0])
        ]
        return found[0] if len({vendor.id for vendor, _ in found}) == 1 else (None, None)

    def _is_present(self, system: System) -> bool:
        if not system.present:
            return True
        values = [text for oid in system.present if (text := self.portrait.text(oid)) is not None]
        return any(system.says is None or system.says.search(value) for value in values)

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _read(self, system: System, object_id: str, descr: str) -> None:
        """Fills the fields that are still empty."""
        if system.descr:
            self._take(system, Read("descr", pattern=system.descr), SYS_DESCR, descr)
        if system.says:
            for oid in system.present:
                self._take(system, Read("oid", pattern=system.says), oid, self.portrait.text(oid))
        for read in system.reads:
            wanted = {read.gives, *(read.pattern.groupindex if read.pattern else ())} - {None}
            if wanted <= self.portrait.fields.keys():
                continue
            for at, text in await self._values(read, object_id, descr):
                self._take(system, read, at, text)

    async def _values(self, read: Read, object_id: str, descr: str) -> list[tuple[str, str | None]]:
        """What stands in a place, with the OID of each object."""
        match read.source:
            case "oid" if self._untold and below(read.at, (_ENTITY_ROW,)):
                return []
            case "oid":
                return [(read.at, as_statement(self.portrait.answers.get(read.at)))]
            case "column":
                return [(f"{read.at}.{row}", as_statement(value)) for row, value in await self._first(read.at, 5)]
            case "entity":
                return [await self._of_chassis(read.at)]
            case "descr":
                return [(SYS_DESCR, descr)]
            case "name":
                return [(SYS_NAME, self.portrait.words(SYS_NAME))]
            case "object":
                return [(SYS_OBJECT_ID, read.values.get(object_id))]
        return [("", read.at)]

    def _take(self, system: System, read: Read, at: str, text: str | None) -> None:
        """Keeps what a place says, for fields that nothing said before."""
        if not text:
            return
        found: dict[str, str | None] = {}
        if read.pattern:
            matched = read.pattern.search(text)
            if not matched:
                return
            found = dict(matched.groupdict())
            if read.gives:
                found.setdefault(read.gives, next((g for g in matched.groups() if g is not None), matched[0]))
        elif read.gives:
            found[read.gives] = text
        rule = read.pattern.pattern if read.pattern else ""
        raw = self.portrait.text(at) or "" if read.source == "object" else text
        for name, value in found.items():
            if name not in self.portrait.fields and value and (told := as_statement(read.tell(value).encode())):
                self.portrait.keep(name, told, Origin(read.source, system.file, system.os or "", at, rule, raw))

    async def _first(self, column: str, rows: int) -> list[tuple[str, Answer]]:
        try:
            return await self.device.first(column, rows=rows)
        except SnmpAnswerError as error:
            self.portrait.problems.append(str(error))
            return []

    async def _of_chassis(self, column: str) -> tuple[str, str | None]:
        """What ENTITY-MIB says of the device as a whole, and where: of the first chassis that says it."""
        if self._chassis is None:
            self._chassis = await self._find_chassis()
        for row in self._chassis:
            await self._get([f"{_ENTITY_ROW}.{number}.{row}" for number in ENTITY.values()])
            at = f"{_ENTITY_ROW}.{ENTITY[column]}.{row}"
            value = self.portrait.answers.get(at)
            if isinstance(value, bytes) and (told := as_statement(value)):
                return at, told
        return "", None

    async def _find_chassis(self) -> list[str]:
        """The rows that stand for the whole: the first two chassis, else the stack, else the first row."""
        failures = len(self.portrait.problems)
        classes = [(index, as_number(value)) for index, value in await self._first(f"{_ENTITY_ROW}.5", 25)]
        if len(self.portrait.problems) > failures or any((kind or 0) < 0 for _, kind in classes):
            # Which row is the whole cannot be told: the first may be a power supply, with a serial number of its own.
            self._untold = True
            return []
        ranked = [i for i, kind in classes if kind == _CHASSIS] or [i for i, kind in classes if kind == _STACK]
        # Small devices often give only one row, of any class, or no class at all.
        classes = classes or [(index, None) for index, _ in await self._first(f"{_ENTITY_ROW}.{ENTITY['model']}", 1)]
        return ranked[:2] or [index for index, _ in classes[:1]]


@dataclass(frozen=True, slots=True)
class Described:
    """What a server's own words say."""

    fields: Mapping[str, str]
    role: str | None
    origin: Origin


def identify_banner(text: str, banners: Iterable[Banner], kind: str) -> Described | None:
    """The fields and the role that a server's own words give it: of the first pattern that fits.

    `kind` is that of the Origin.
    """
    for banner in banners:
        if matched := banner.pattern.search(text):
            found = {k: v.strip() for k, v in matched.groupdict().items() if v and v.strip()}
            if banner.vendor:
                found.setdefault("vendor", banner.vendor)
            return Described(found, banner.role, Origin(kind, banner.file, rule=banner.pattern.pattern, raw=text))
    return None
