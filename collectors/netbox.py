"""Reads from NetBox what the organisation intends: agencies, networks, links, and the devices that should be there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from ipaddress import ip_address, ip_network

from inventory import vocabulary
from inventory.netbox import Names, Record, Thing, Told, ToldAgency, ToldDevice, ToldLevel, ToldLink, ToldNetwork
from inventory.periods import ZONE
from inventory.register import LINK_KINDS, PURPOSES
from inventory.register.netbox import code_of
from inventory.register.problems import Problem, one_of, quoted
from inventory.strict_yaml import closest
from inventory.text import fold, nfc
from inventory.words import Title

__all__ = ["DEVICES", "KINDS", "read_devices", "read_register"]

_DATES = ("created", "last_updated", "custom_fields")
KINDS: Mapping[str, tuple[str, Sequence[str]]] = {
    "groups": ("tenancy/tenant-groups", ("name", "slug", "parent", "tags", *_DATES)),
    "tenants": ("tenancy/tenants", ("name", "slug", "group", "tags", *_DATES)),
    "sites": ("dcim/sites", ("name", "slug", "tenant")),
    "prefixes": ("ipam/prefixes", ("prefix", "status", "role", "tenant", "scope_type", "scope_id", "tags", *_DATES)),
    "circuits": ("circuits/circuits", ("cid", "provider", "type", "status", "tenant", "commit_rate", "install_date",
                                       "termination_date", *_DATES)),
}  # fmt: skip
"""What is read for the register: by name the kind and the fields."""
DEVICES: Mapping[str, tuple[str, Sequence[str]]] = {
    "devices": ("dcim/devices", ("name", "serial", "asset_tag", "role", "device_type", "status", "tenant", "site",
                                 "primary_ip", "tags", "display_url", "custom_fields")),
}  # fmt: skip

_LIVE = ("active", "failed")
"""The states of a device that is said to be on the network; planned, staged, offline and stored ones are not."""
_LINES = ("active", "deprovisioning")
_DEEPEST = 30
_LONGEST = 200
_PURPOSES = {"data_center": "data_centre", "datacenter": "data_centre", "dc": "data_centre", "ttdl": "data_centre",
             "trung_tam_du_lieu": "data_centre"}  # fmt: skip
_LINK_WORDS = {"internet": "internet", "ftth": "internet", "mtslcd": "mtslcd", "tslcd": "mtslcd", "cpnet": "mtslcd",
               "wan": "wan", "mpls": "wan", "metronet": "wan"}  # fmt: skip
_ROLE_WORDS = {"ap": "wireless", "wifi": "wireless", "wlc": "wireless", "ups": "power", "pdu": "power",
               "fw": "firewall", "utm": "firewall", "sw": "switch", "rtr": "router", "nas": "storage", "san": "storage",
               "esxi": "hypervisor", "phone": "voip", "pbx": "voip", "codec": "vc_endpoint"}  # fmt: skip


Lists = Mapping[str, Sequence[Record]]


def read_register(lists: Lists, names: Names) -> Told:
    """All that NetBox declares: tenants, prefixes and circuits for the register, and its devices.

    Args:
        lists: `KINDS` and `DEVICES`, as NetBox has them now.
    """
    reading = _Reading(names, lists)
    reading.read_agencies()
    reading.read_networks()
    reading.read_links()
    reading.read_devices()
    return reading.told


def read_devices(lists: Lists, names: Names) -> Told:
    """NetBox's devices, and the agencies by which they are placed.

    Args:
        lists: the groups, tenants and sites of `KINDS`, and `DEVICES`.
    """
    reading = _Reading(names, lists)
    reading.read_agencies()
    reading.read_devices()
    return reading.told


@dataclass
class _Reading:
    """One reading of NetBox on its way."""

    names: Names
    lists: Lists
    told: Told = field(default_factory=Told)
    tenants: dict[int, str] = field(default_factory=dict)
    """The code of the agency by the tenant's id."""
    levels: dict[int, str] = field(default_factory=dict)
    """The code of the level by the id of the group of tenants that is one."""

    def __post_init__(self) -> None:
        names = self.names
        self.told.columns = {
            "code": names.code, "level": names.level, "parent": "group", "valid_from": names.valid_from,
            "valid_to": names.valid_to, "successor": names.successor, "agency": "tenant", "purpose": "role",
            "kind": "type", "contracted_mbps": "commit_rate", "address": names.far_address,
        }  # fmt: skip

    def read_agencies(self) -> None:
        """Groups with a code and tenants with one; the nearest group above that stands for an agency is the parent."""
        groups = {row["id"]: row for row in self.lists["groups"]}
        codes = {n: self._code(row, _thing("tenant group", row)) for n, row in groups.items()}
        self._read_levels(groups, codes)
        tenants = [(row, _thing("tenant", row)) for row in self.lists["tenants"]]
        own = {row["id"]: self._code(row, thing) for row, thing in tenants}
        # A group that is named as a tenant is what belongs to that tenant.
        by_name = {fold(thing.name): own[row["id"]] for row, thing in tenants if own[row["id"]]}
        stands = {n: codes[n] or by_name.get(fold(_text(row.get("name"))), "") for n, row in groups.items()}
        named = set(own.values())
        for number, row in groups.items():
            # A group with the code of a tenant is that agency once more.
            if codes[number] and codes[number] not in named:
                parent = next((stands[g] for g in _above(groups, row.get("parent")) if stands[g]), None)
                level = self._level_above(groups, row.get("parent"))
                self._add_agency(row, _thing("tenant group", row), codes[number], parent, level)
        for row, thing in tenants:
            if not (code := own[row["id"]]):
                self.told.left_out.append((thing, "no_code"))
                continue
            self.tenants[row["id"]] = code
            above = (stands[g] for g in _above(groups, row.get("group")))
            level = self._level_above(groups, row.get("group"))
            self._add_agency(row, thing, code, next((c for c in above if c and c != code), None), level)

    def _read_levels(self, groups: Mapping[int, Record], codes: Mapping[int, str]) -> None:
        """Groups with the code of a level and none of an agency; what lies in one is of that level."""
        for number, row in groups.items():
            thing = _thing("tenant group", row)
            if codes[number] or not (level := self._custom(row, thing, self.names.level)):
                continue
            self.levels[number] = level
            depth = sum(1 for _ in _above(groups, row.get("parent")))
            name_en = self._custom(row, thing, self.names.name_en) or None
            self.told.levels.append(ToldLevel(thing, level, _text(row.get("name")), name_en, depth))

    def _level_above(self, groups: Mapping[int, Record], start: object) -> str:
        return next((self.levels[n] for n in _above(groups, start) if n in self.levels), "")

    def _code(self, row: Record, thing: Thing) -> str:
        code = self._custom(row, thing, self.names.code)
        if " " in code:
            self._note(thing, self.names.code, code, Title("một mã không có dấu cách", "a code without spaces"))
        return code

    def _add_agency(self, row: Record, thing: Thing, code: str, parent: str | None, above: str) -> None:
        names = self.names
        level = self._custom(row, thing, names.level) or above
        if not level:
            self._note(thing, names.level, "", Title("mã của một cấp", "the code of a level"))
        self.told.agencies.append(
            ToldAgency(
                thing, code, _text(row.get("name")), self._custom(row, thing, names.name_en) or None, level, parent,
                _day(row.get("last_updated")), _day(row.get("created")), self._date(row, thing, names.valid_from),
                self._date(row, thing, names.valid_to), self._custom(row, thing, names.successor) or None,
                names.valid_to in _customs(row), names.tag in _tags(row),
            )
        )  # fmt: skip

    def read_networks(self) -> None:
        """Prefixes of agencies; containers of others are ranges that nobody has."""
        for row in self.lists["prefixes"]:
            thing = _thing("prefix", row, "prefix")
            agency = self._agency(row)
            why = "container" if _value(row, "status") == "container" else "" if agency else "no_agency"
            if why or agency is None:
                self.told.left_out.append((thing, why))
                continue
            try:
                prefix = str(ip_network(_text(row.get("prefix"))))
            except ValueError:
                expected = Title("dải địa chỉ như 10.1.2.0/24", "an address range such as 10.1.2.0/24")
                self._note(thing, "prefix", _text(row.get("prefix")), expected)
                continue
            self.told.networks.append(
                ToldNetwork(
                    thing, self._code(row, thing) or None, agency, prefix, self._purpose(row, thing),
                    self._may_scan(row, thing), _day(row.get("created")),
                )
            )  # fmt: skip

    def _purpose(self, row: Record, thing: Thing) -> str:
        role = row.get("role")
        slug = _text(role.get("slug")) if isinstance(role, Mapping) else ""
        if not slug and self.names.purpose:
            return self.names.purpose
        plain = fold(slug).replace("-", "_")
        purpose = self.names.purposes.get(slug) or _PURPOSES.get(plain, plain)
        if purpose not in PURPOSES:
            self._note(thing, "role", slug, one_of(PURPOSES), closest(purpose, PURPOSES))
        return purpose

    def _may_scan(self, row: Record, thing: Thing) -> bool:
        value = _customs(row).get(self.names.scan)
        if value is not None and not isinstance(value, bool):
            self._note(thing, self.names.scan, _text(value), Title("có hoặc không", "true or false"))
        return value is True or self.names.scan in _tags(row)

    def read_links(self) -> None:
        """Circuits of agencies that are in use, or that ended on a known day."""
        for row in self.lists["circuits"]:
            thing = _thing("circuit", row, "cid")
            agency, ended = self._agency(row), self._day_of(row, thing, "termination_date")
            why = "" if agency else "no_agency"
            if _value(row, "status") not in _LINES and ended is None:
                why = "status"
            kind = "" if why else self._kind(row, thing)
            if why or agency is None or not kind:
                self.told.left_out.append((thing, why or "not_a_link"))
                continue
            rate = row.get("commit_rate")
            mbps = rate / 1000 if isinstance(rate, int) and not isinstance(rate, bool) and rate > 0 else None
            self.told.links.append(
                ToldLink(
                    thing, self._code(row, thing) or code_of(thing.name), agency, kind, self._far_address(row, thing),
                    _name(row.get("provider")), mbps, _day(row.get("created")),
                    self._day_of(row, thing, "install_date"), ended,
                )
            )  # fmt: skip

    def _kind(self, row: Record, thing: Thing) -> str:
        """The kind of a link; empty where the settings say that a type of circuit is none."""
        told = row.get("type")
        slug = _text(told.get("slug")) if isinstance(told, Mapping) else ""
        if slug in self.names.kinds:
            return self.names.kinds[slug]
        kind = next((_LINK_WORDS[word] for word in _words(slug) if word in _LINK_WORDS), None)
        if kind is None:
            self._note(thing, "type", slug, one_of(LINK_KINDS))
        return kind or "wan"

    def _far_address(self, row: Record, thing: Thing) -> str | None:
        value = _customs(row).get(self.names.far_address)
        text = _text(value.get("address") if isinstance(value, Mapping) else value).partition("/")[0]
        if text and _parsed(text) is None:
            self._note(thing, self.names.far_address, text, Title("một địa chỉ IP", "an IP address"))
        return text or None

    def read_devices(self) -> None:
        """Devices, each with what identifies it."""
        sites = {row["id"]: self._agency(row) for row in self.lists["sites"]}
        for row in self.lists["devices"]:
            thing = _thing("device", row)
            kind, customs = row.get("device_type"), _customs(row)
            asset = customs.get(self.names.asset)
            primary = row.get("primary_ip")
            address = _text(primary.get("address")).partition("/")[0] if isinstance(primary, Mapping) else ""
            self.told.devices.append(
                ToldDevice(
                    thing,
                    self._agency(row) or sites.get(_id(row.get("site")) or 0),
                    asset if isinstance(asset, int) and not isinstance(asset, bool) else None,
                    self.names.tag in _tags(row),
                    _parsed(address),
                    _text(row.get("serial")),
                    _text(row.get("asset_tag")),
                    self._role(row.get("role")),
                    _name(kind.get("manufacturer")) if isinstance(kind, Mapping) else "",
                    _text(kind.get("model")) if isinstance(kind, Mapping) else "",
                    _text(row.get("display_url")),
                    _value(row, "status") in _LIVE,
                )
            )

    def _role(self, told: object) -> str | None:
        slug = _text(told.get("slug")) if isinstance(told, Mapping) else ""
        if slug in self.names.roles:
            return self.names.roles[slug] or None
        known = vocabulary.load().keys["role"].one_of
        whole = fold(slug).replace("-", "_")
        if whole in known:
            return whole
        # The last word tells: a "core-switch" is a switch.
        words = [_ROLE_WORDS.get(word, word) for word in reversed(_words(slug))]
        return next((word for word in words if word in known), None)

    # --- what several have ----------------------------------------------------------------------------------------

    def _agency(self, row: Record) -> str | None:
        """The agency of an object: its tenant's, else that of the site in which it is."""
        if (tenant := _id(row.get("tenant"))) is not None:
            return self.tenants.get(tenant)
        if row.get("scope_type") != "dcim.site":
            return None
        site = next((s for s in self.lists["sites"] if s["id"] == row.get("scope_id")), None)
        return self.tenants.get(_id(site.get("tenant")) or 0) if site is not None else None

    def _custom(self, row: Record, thing: Thing, name: str) -> str:
        value = _customs(row).get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._note(thing, name, str(value), Title("chữ", "text"))
            return ""
        return _text(value)

    def _date(self, row: Record, thing: Thing, name: str) -> date | None:
        return self._read_date(thing, name, self._custom(row, thing, name))

    def _day_of(self, row: Record, thing: Thing, name: str) -> date | None:
        return self._read_date(thing, name, _text(row.get(name)))

    def _read_date(self, thing: Thing, name: str, text: str) -> date | None:
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._note(thing, name, text, Title("ngày dạng 2025-07-01", "a day such as 2025-07-01"))
            return None

    def _note(self, thing: Thing, name: str, found: str, expected: Title, near: str | None = None) -> None:
        told = quoted(found) if found else Title("ô trống", "nothing")
        # What could not be read is not missing besides.
        if not any((p.sheet, p.column) == (str(thing), name) for p in self.told.problems):
            self.told.problems.append(Problem(str(thing), None, name, told, expected, near))


def _above(groups: Mapping[int, Record], start: object) -> Iterator[int]:
    """A group and those above it, from the innermost outwards."""
    number = _id(start)
    for _ in range(_DEEPEST):
        if number is None or number not in groups:
            return
        yield number
        number = _id(groups[number].get("parent"))


def _thing(kind: str, row: Record, name: str = "name") -> Thing:
    return Thing(kind, row["id"], _text(row.get(name)) or "?")


def _id(value: object) -> int | None:
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _name(value: object) -> str:
    return _text(value.get("name")) if isinstance(value, Mapping) else ""


def _value(row: Record, name: str) -> str:
    value = row.get(name)
    return _text(value.get("value") if isinstance(value, Mapping) else value)


def _customs(row: Record) -> Mapping[str, object]:
    value = row.get("custom_fields")
    return value if isinstance(value, Mapping) else {}


def _tags(row: Record) -> set[str]:
    tags = row.get("tags")
    return {_text(tag.get("slug")) for tag in tags if isinstance(tag, Mapping)} if isinstance(tags, list) else set()


def _text(value: object) -> str:
    """A text in normal form, without what cannot be seen; empty for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return nfc("".join(c if c.isprintable() else " " if c.isspace() else "" for c in str(value)))[:_LONGEST]


def _day(value: object) -> date:
    """The day in Vietnam of a time that NetBox tells; today where it tells none."""
    try:
        at = datetime.fromisoformat(str(value))
        return at.astimezone(ZONE).date() if at.tzinfo else at.date()
    except (ValueError, OverflowError):
        return datetime.now(ZONE).date()


def _words(slug: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", fold(slug))


def _parsed(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None
