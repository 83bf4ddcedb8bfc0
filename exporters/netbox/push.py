"""One push into NetBox, from what everything hangs on to what hangs on everything: tags first, cables last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_interface, ip_network

from exporters.netbox import cabling
from exporters.netbox.cabling import Joint
from exporters.netbox.wanted import (
    PRIMARY,
    UNKNOWN,
    Content,
    addresses_of,
    clean,
    mac_of,
    name_of,
    names_of,
    serial_of,
    slug_of,
    told_last,
    type_of,
)
from exporters.netbox.writing import Failure, Pushed, Want, Wire, Writer
from inventory.netbox import FoundDevice, FoundInterface, NetBoxError, Record, place_name
from inventory.text import fold

_DEVICE = ("name", "serial", "asset_tag", "role", "device_type", "status", "tenant", "site", "platform", "primary_ip",
           "primary_ip4", "primary_ip6", "tags", "display_url", "custom_fields")  # fmt: skip
_INTERFACE = ("name", "device", "type", "enabled", "speed", "description", "mac_address", "tags", "cable", "link_peers")
_ADDRESS = ("address", "vrf", "assigned_object_type", "assigned_object_id", "assigned_object", "tags")
LISTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "tags": ("extras/tags", ("slug",)),
    "fields": ("extras/custom-fields", ("name", "object_types")),
    "manufacturers": ("dcim/manufacturers", ("name", "slug")),
    "types": ("dcim/device-types", ("manufacturer", "model", "slug", "part_number")),
    "roles": ("dcim/device-roles", ("name", "slug")),
    "platforms": ("dcim/platforms", ("name", "slug")),
    "groups": ("tenancy/tenant-groups", ("name", "slug", "parent", "tags", "custom_fields")),
    "tenants": ("tenancy/tenants", ("name", "slug", "group", "tags", "custom_fields")),
    "sites": ("dcim/sites", ("name", "slug", "tenant", "tags")),
    "prefixes": ("ipam/prefixes", ("prefix", "vrf", "tenant", "scope_type", "scope_id")),
    "vrfs": ("ipam/vrfs", ("name", "tenant", "tags")),
    "devices": ("dcim/devices", _DEVICE),
}
"""What a push has to know first: by name the kind and the fields."""
_TAG = {"name": "Dophu", "color": "0a7f5a", "description": "Made and kept by Dophu"}
_COLOR = "607d8b"


def push(
    wire: Wire, lists: Mapping[str, Sequence[Record]], content: Content, *, dry: bool = False,
    advance: Callable[[str, int], None] = lambda kind, number: None, stopped: Callable[[], bool] = lambda: False,
) -> Pushed:  # fmt: skip
    """Write what was found; a second time nothing is sent. Nothing is deleted, and only what has Dophu's tag changes.

    Args:
        lists: `LISTS`, as NetBox has them now.
        dry: nothing is sent; what would be is told.
        advance: hears of every request that was taken: the kind and the number of objects.
        stopped: asked before every request.

    Raises:
        NetBoxError: NetBox takes no tag: without it nothing can be told apart.
    """
    going = _Push(Writer(wire, dry, advance, stopped), lists, content)
    going.make_marks()
    going.make_kinds()
    going.make_places()
    going.make_devices()
    pushed = going.writer.pushed
    steps = (("dcim/interfaces", going.make_interfaces), ("ipam/ip-addresses", going.make_addresses),
             ("dcim/cables", going.make_cables))  # fmt: skip
    for kind, make in steps:
        try:
            make()
        except NetBoxError as error:
            # What was written until here is to be told all the same.
            pushed.failures.append(Failure(kind, (), str(error)))
            pushed.broken_off = True
            break
    return pushed


@dataclass
class _Push:
    writer: Writer
    lists: Mapping[str, Sequence[Record]]
    content: Content
    tag: int = 0
    fields: set[tuple[str, str]] = field(default_factory=set)
    """The custom fields that there are: the type of object, and the name."""
    manufacturers: dict[str, Want] = field(default_factory=dict)
    types: dict[tuple[str, str], Want] = field(default_factory=dict)
    roles: dict[str, Want] = field(default_factory=dict)
    platforms: dict[str, Want] = field(default_factory=dict)
    tenants: dict[str, Want] = field(default_factory=dict)
    sites: dict[str, Want] = field(default_factory=dict)
    devices: dict[int, Want] = field(default_factory=dict)
    """By asset: those that are Dophu's own and are there."""
    interfaces: dict[tuple[int, str], Want] = field(default_factory=dict)
    """By asset and name."""

    # --- what everything hangs on ---------------------------------------------------------------------------------

    def make_marks(self) -> None:
        """The tag by which Dophu knows what is its own, and the custom fields that it writes."""
        names = self.content.names
        there = next((t for t in self.lists["tags"] if t.get("slug") == names.tag), None)
        tag = Want("extras/tags", names.tag, first={"slug": names.tag, **_TAG}, record=there)
        self.writer.settle([tag])
        if tag.id is None:
            failed = self.writer.pushed.failures
            raise NetBoxError(f"the tag {names.tag!r} cannot be made: {failed[-1].why if failed else 'stopped'}")
        self.tag = tag.id
        self.fields = {(of, str(f.get("name"))) for f in self.lists["fields"] for f_of in [f.get("object_types")]
                       for of in (f_of or ())}  # fmt: skip
        wanted = (
            ("dcim.device", names.asset, "integer", "Dophu: asset"),
            ("dcim.device", names.version, "text", "Software version"),
            ("tenancy.tenant", names.code, "text", "Agency code"),
            ("tenancy.tenant", names.level, "text", "Agency level"),
        )
        known = {str(f.get("name")) for f in self.lists["fields"]}
        # One that is there for other objects is somebody else's: it stays as it is, and is not written.
        missing = [
            Want("extras/custom-fields", name, first={"name": name, "type": kind, "label": label, "object_types": [of]})
            for of, name, kind, label in wanted
            if name and name not in known
        ]
        self.writer.settle(missing)
        self.fields |= {(of, name) for of, name, _, _ in wanted for w in missing if w.name == name and w.made}

    def _customs(self, of: str, values: Mapping[str, object]) -> dict[str, object]:
        kept = {name: value for name, value in values.items() if (of, name) in self.fields}
        return {"custom_fields": kept} if kept else {}

    def make_kinds(self) -> None:
        """Manufacturers, types, roles and platforms."""
        devices = self.content.devices
        for vendor in sorted({d.vendor or UNKNOWN for d in devices}):
            self.manufacturers[vendor] = self._named("dcim/manufacturers", "manufacturers", vendor)
        by_role = {role: slug for slug, role in self.content.names.roles.items()}
        for role in sorted({d.role for d in devices}):
            slug = by_role.get(role, role.replace("_", "-"))
            more = {"color": _COLOR, "vm_role": False}
            self.roles[role] = self._named("dcim/device-roles", "roles", _title(role), slug, more)
        for system in sorted({d.system for d in devices if d.system}):
            self.platforms[system] = self._named("dcim/platforms", "platforms", system)
        for wants in (self.manufacturers, self.roles, self.platforms):
            self._settle_once(wants.values())
        for vendor, model in sorted({(d.vendor or UNKNOWN, d.model or UNKNOWN) for d in devices}):
            if (made := self.manufacturers[vendor]).id is not None:
                self.types[vendor, model] = self._type(made, model)
        self._settle_once(self.types.values())

    def _type(self, manufacturer: Want, model: str) -> Want:
        name, slug = clean(model, 100), slug_of(f"{manufacturer.name} {model}")
        there = next(
            (
                t
                for t in self.lists["types"]
                if _id(t.get("manufacturer")) == manufacturer.id
                and fold(name) in (fold(str(t.get("model"))), fold(str(t.get("part_number") or "")))
            ),
            None,
        )
        first = {"manufacturer": manufacturer.id, "model": name, "slug": slug, "tags": [self.tag]}
        return Want("dcim/device-types", f"{manufacturer.name} {name}", first=first, record=there,
                    shown={"manufacturer": manufacturer.title, "tags": self.content.names.tag})  # fmt: skip

    def _named(
        self, kind: str, listed: str, name: str, slug: str = "", more: Mapping[str, object] | None = None
    ) -> Want:
        """One that NetBox knows by its name or slug."""
        name, slug = clean(name, 100), slug or slug_of(name)
        rows = self.lists[listed]
        there = next((r for r in rows if r.get("slug") == slug), None)
        there = there or next((r for r in rows if fold(str(r.get("name"))) == fold(name)), None)
        first = {"name": name, "slug": slug, "tags": [self.tag], **(more or {})}
        return Want(kind, name, first=first, record=there, shown={"tags": self.content.names.tag})

    def _settle_once(self, wants: Iterable[Want]) -> None:
        """Settle those that would be the same object once: two makers whose names differ by a sign have one slug."""
        first: dict[object, Want] = {}
        again: list[tuple[Want, Want]] = []
        for want in wants:
            slug = want.first.get("slug")
            if slug in first:
                again.append((want, first[slug]))
            else:
                first[slug] = want
        self.writer.settle(list(first.values()))
        for want, other in again:
            want.record = other.record

    # --- places ---------------------------------------------------------------------------------------------------

    def make_places(self) -> None:
        """The sites and tenants of the agencies that have devices, and the tenants and groups of those above them."""
        own = {d.agency for d in self.content.devices}
        codes = sorted(own | {above for code in own for above in self._above(code)})
        parents = {a.parent for code in codes if (a := self.content.agencies[code]).parent in self.content.agencies}
        groups = {code: self._group(code) for code in sorted(p for p in parents if p is not None)}
        tenants = {code: self._tenant(code) for code in codes}
        # A group is made only for a tenant that is made: where those of others are is their concern.
        needed = {self.content.agencies[code].parent for code, want in tenants.items() if want.record is None}
        if self.content.make_places:
            self._settle_once([want for code, want in groups.items() if code in needed])
        for code, want in tenants.items():
            group = groups.get(self.content.agencies[code].parent or "")
            if group is not None and group.id is not None:
                want.first = {**want.first, "group": group.id}
                want.shown = {**want.shown, "group": group.title}
        self.tenants = tenants
        self._settle_places(self.tenants, "tenancy/tenants")
        for code in sorted(own & self.tenants.keys()):
            self.sites[code] = self._site(code, self.tenants[code])
        self._settle_places(self.sites, "dcim/sites")

    def _above(self, code: str) -> list[str]:
        """The agencies above one, from the innermost outwards."""
        found: list[str] = []
        while (parent := self.content.agencies[code].parent) in self.content.agencies and parent not in found:
            found.append(str(parent))
            code = str(parent)
        return found

    def _group(self, code: str) -> Want:
        """The group of tenants that belong to an agency: it has the name of that agency's tenant."""
        there = self._called("groups", code)
        first: dict[str, object] = {"slug": slug_of(code), "tags": [self.tag]}
        return self._place("tenancy/tenant-groups", code, first, there, {"tags": self.content.names.tag})

    def _place(
        self, kind: str, code: str, first: Mapping[str, object], there: Record | None, shown: Mapping[str, str]
    ) -> Want:
        """A place of an agency. It is renamed with the agency, unless somebody else has given it its name."""
        name = self._name(code)
        titles = {*self.content.titles.get(code, ()), self.content.agencies[code].title.vi}
        given = {called for title in titles for called in (place_name(title), place_name(title, code))}
        own = there is not None and self._is_own(there) and str(there.get("name")) in given
        return Want(kind, name, {"name": name}, first, there, own, shown)

    def _name(self, code: str) -> str:
        """What an agency is called there; with its code where another one has the same name."""
        title = self.content.agencies[code].title.vi
        return place_name(title, code if self._alike[fold(place_name(title))] > 1 else "")

    @cached_property
    def _alike(self) -> Mapping[str, int]:
        """How many agencies have one name."""
        return Counter(fold(place_name(a.title.vi)) for a in self.content.agencies.values())

    def _called(self, listed: str, code: str) -> Record | None:
        """What is called as an agency, or has the slug that Dophu gives it, and is no other agency's by its code."""
        others = {number for other, number in self.content.tenants.items() if other != code}
        rows = [
            r for r in self.lists[listed]
            if ((r.get("custom_fields") or {}).get(self.content.names.code) or code) == code
            and not (listed == "tenants" and r["id"] in others)
        ]  # fmt: skip
        # A slug is the agency's alone; one name may be that of several.
        there = next((r for r in rows if r.get("slug") == slug_of(code)), None)
        title = place_name(self.content.agencies[code].title.vi)
        if there is not None or self._name(code) != title:
            return there
        return next((r for r in rows if fold(str(r.get("name"))) == fold(title)), None)

    def _settle_places(self, places: dict[str, Want], kind: str) -> None:
        if not self.content.make_places:
            for code in [code for code, want in places.items() if want.record is None]:
                self.writer.leave(kind, places.pop(code).name, "no_place")
        self._settle_once(places.values())
        for code in [code for code, want in places.items() if want.record is None]:
            del places[code]

    def _tenant(self, code: str) -> Want:
        agency, names = self.content.agencies[code], self.content.names
        number = self.content.tenants.get(code)
        there = next((t for t in self.lists["tenants"] if t["id"] == number), None)
        if there is None and self.content.by_name:
            there = self._called("tenants", code)
        first: dict[str, object] = {"slug": slug_of(code), "tags": [self.tag]}
        first |= self._customs("tenancy.tenant", {names.code: code, names.level: agency.level})
        return self._place("tenancy/tenants", code, first, there, {"tags": names.tag})

    def _site(self, code: str, tenant: Want) -> Want:
        own = sorted((s for s in self.lists["sites"] if _id(s.get("tenant")) == tenant.id), key=lambda s: int(s["id"]))
        there = own[0] if own else None
        if there is None and self.content.by_name:
            there = self._called("sites", code)
            if there is not None and _id(there.get("tenant")) not in (None, tenant.id):
                there = None
        first = {"slug": slug_of(code), "tenant": tenant.id, "status": "active", "tags": [self.tag]}
        shown = {"tenant": tenant.title, "tags": self.content.names.tag}
        return self._place("dcim/sites", code, first, there, shown)

    # --- devices --------------------------------------------------------------------------------------------------

    def make_devices(self) -> None:
        """The devices; one that is there without Dophu's tag is somebody's, and left alone with all that is on it."""
        by_asset = {self.content.matched[r["id"]]: r for r in self.lists["devices"] if r["id"] in self.content.matched}
        names = names_of(self.content.devices)
        wants = []
        for device in self.content.devices:
            there, name = by_asset.get(device.asset), names[device.asset]
            if there is not None and not self._is_own(there):
                self.writer.leave("dcim/devices", name, "not_own")
                continue
            kind = self.types.get((device.vendor or UNKNOWN, device.model or UNKNOWN))
            role = self.roles[device.role]
            if device.agency not in self.sites or kind is None or kind.id is None or role.id is None:
                self.writer.leave("dcim/devices", name, "waits")
                continue
            self.devices[device.asset] = want = self._device(device, name, there, kind, role)
            wants.append(want)
        self.writer.settle(wants)
        self.devices = {asset: want for asset, want in self.devices.items() if want.record is not None}

    def _device(self, device: FoundDevice, name: str, there: Record | None, kind: Want, role: Want) -> Want:
        tenant, site = self.tenants[device.agency], self.sites[device.agency]
        names = self.content.names
        values: dict[str, object] = {"name": name, "role": role.id, "tenant": tenant.id}
        first: dict[str, object] = {"device_type": kind.id, "site": site.id, "status": "active", "tags": [self.tag]}
        if device.serial:
            values["serial"] = serial_of(device.serial)
        if device.vendor and device.model:
            values["device_type"] = kind.id
        if device.system and (platform := self.platforms.get(device.system)) is not None and platform.id is not None:
            values["platform"] = platform.id
        if there is not None and not self._is_at(there, tenant):
            values["site"] = site.id
        customs = {names.asset: device.asset} | ({names.version: clean(device.version)} if device.version else {})
        values |= self._customs("dcim.device", customs)
        shown = {"role": role.title, "tenant": tenant.title, "device_type": kind.name, "site": site.title,
                 "platform": device.system, "tags": names.tag}  # fmt: skip
        return Want("dcim/devices", name, values, first, there, own=there is not None, shown=shown)

    def _is_at(self, there: Record, tenant: Want) -> bool:
        """Whether a device stands at some site of its agency: which of several, a person knows better."""
        number = _id(there.get("site"))
        site = next((s for s in self.lists["sites"] if s["id"] == number), None)
        return site is not None and _id(site.get("tenant")) in (None, tenant.id)

    def _is_own(self, record: Record) -> bool:
        return _has_tag(record, self.content.names.tag)

    # --- interfaces -----------------------------------------------------------------------------------------------

    def make_interfaces(self) -> None:
        """The interfaces of Dophu's devices, and their hardware addresses."""
        there = self._listed("dcim/interfaces", _INTERFACE)
        by_name = {(_id(r.get("device")), str(r.get("name"))): r for r in there}
        wants, macs = [], []
        for device in self.content.devices:
            if (owner := self.devices.get(device.asset)) is None:
                continue
            for one in self._ports(device):
                name = name_of(one.name)
                if not name or (device.asset, name) in self.interfaces:
                    continue
                want = self._interface(owner, one, name, by_name.get((owner.id, name)))
                self.interfaces[device.asset, name] = want
                wants.append(want)
                if one.mac and (want.record is None or want.own):
                    macs.append((want, mac_of(one.mac)))
        self.writer.settle(wants)
        self._make_macs([(w, mac) for w, mac in macs if w.record is not None])

    def _listed(self, kind: str, fields: Sequence[str]) -> list[Record]:
        """The objects on Dophu's devices; what a dry run would make has none."""
        numbers = [w.id for w in self.devices.values() if w.id is not None and w.id > 0]
        return self.writer.wire.list_of(kind, fields, "device_id", numbers) if numbers else []

    def _ports(self, device: FoundDevice) -> list[FoundInterface]:
        networks = {n.code: n for n in self.content.networks}
        named = {i.name for i in device.interfaces}
        loose = {name for _, name, _ in addresses_of(device, networks) if name not in named}
        return [*device.interfaces, *(FoundInterface(n, "virtual", None, None, None, "") for n in sorted(loose))]

    def _interface(self, owner: Want, one: FoundInterface, name: str, there: Record | None) -> Want:
        kind = type_of(one)
        values: dict[str, object] = {"enabled": one.enabled} if one.enabled is not None else {}
        if one.speed:
            values["speed"] = one.speed // 1000
        if description := clean(one.description):
            values["description"] = description
        first: dict[str, object] = {"device": owner.id, "name": name, "type": kind, "tags": [self.tag]}
        if name == PRIMARY and one.kind == "virtual":
            first["description"] = "Holds the address of which the interface is not known"
        own = there is not None and self._is_own(there)
        if there is not None and owner.made and not own:
            # The device's type brought it along when Dophu made the device.
            own, values["tags"] = True, [self.tag]
        if own and there is not None and _choice(there.get("type")) == "other" != kind:
            values["type"] = kind
        shown = {"device": owner.name, "tags": self.content.names.tag} | ({"mac": mac_of(one.mac)} if one.mac else {})
        return Want("dcim/interfaces", f"{owner.name} {name}", values, first, there, own, shown, owner.name)

    def _make_macs(self, wanted: Sequence[tuple[Want, str]]) -> None:
        """Hardware addresses are objects of their own, and one of them is the interface's first."""
        different = [(w, mac) for w, mac in wanted if (w.record or {}).get("mac_address") != mac]
        numbers = [w.id for w, _ in different if not w.made and w.id is not None]
        there = self.writer.wire.list_of(
            "dcim/mac-addresses", ("mac_address", "assigned_object_id"), "interface_id", numbers
        ) if numbers else []  # fmt: skip
        known = {(r.get("assigned_object_id"), r.get("mac_address")): r for r in there}
        wants = []
        for interface, mac in different:
            first = {"mac_address": mac, "assigned_object_type": "dcim.interface", "assigned_object_id": interface.id,
                     "tags": [self.tag]}  # fmt: skip
            shown = {"assigned_object_id": interface.name, "tags": self.content.names.tag}
            there_is = known.get((interface.id, mac))
            wants.append(
                Want(
                    "dcim/mac-addresses",
                    f"{interface.name} {mac}",
                    first=first,
                    record=there_is,
                    shown=shown,
                    of=interface.of,
                    quiet=True,
                )
            )
        self.writer.settle(wants)
        changed = []
        for (interface, mac), made in zip(different, wants, strict=True):
            if made.id is not None:
                values: dict[str, object] = {"primary_mac_address": made.id}
                changed.append(
                    Want(interface.kind, interface.name, values, record=interface.record, own=True,
                         shown={"primary_mac_address": mac}, of=interface.of, quiet=interface.made)
                )  # fmt: skip
        self.writer.settle(changed)

    # --- addresses ------------------------------------------------------------------------------------------------

    def make_addresses(self) -> None:
        """The addresses of Dophu's devices, each on its interface, and which of them is the primary one."""
        networks = {n.code: n for n in self.content.networks}
        wanted = [
            (device, text, self.interfaces.get((device.asset, name_of(port))), primary)
            for device in self.content.devices
            if device.asset in self.devices
            for text, port, primary in addresses_of(device, networks)
        ]
        placed = [(d, text, port, primary) for d, text, port, primary in wanted if port is not None and port.id]
        there = self._listed("ipam/ip-addresses", _ADDRESS)
        held, moved = self._held(there, {(port.id, _host(text)): device for device, text, port, _ in placed})
        last = told_last([(device, text) for device, text, _, _ in placed])
        # Two may say that they have one address, as a cluster does: it stays where it is while both are heard of.
        placed.sort(
            key=lambda p: (p[0].asset not in last[p[0].agency, _host(p[1])], (p[2].id, _host(p[1])) not in held)
        )
        vrfs = self._vrfs([(d, text) for d, text, port, _ in placed if (port.id, _host(text)) not in held])
        known = self._known_addresses([r for r in there if r not in moved.values()], vrfs)
        wants: list[tuple[FoundDevice, Want]] = []
        primaries: list[tuple[FoundDevice, Want]] = []
        used: set[tuple[int | None, str]] = set()
        for device, text, port, primary in placed:
            name, here = f"{port.name} {text}", (port.id, _host(text))
            record = held.get(here)
            if record is None and (device.agency, text) not in vrfs:
                self.writer.leave("ipam/ip-addresses", name, "waits")
                continue
            place = _place(record) if record is not None else (vrfs[device.agency, text], _host(text))
            if place in used:
                self.writer.leave("ipam/ip-addresses", name, "address_twice")
                continue
            used.add(place)
            want = self._address(device, text, port, place[0], record or known.get(place) or moved.get(here))
            if want is None:
                self.writer.leave("ipam/ip-addresses", name, "address_not_own")
                continue
            wants.append((device, want))
            if primary:
                primaries.append((device, want))
        before = {asset: owner.record for asset, owner in self.devices.items()}
        self._free_primaries(wants, primaries)
        self.writer.settle([want for _, want in wants])
        self._set_primaries(primaries, before)

    def _held(
        self, there: Sequence[Record], ports: Mapping[tuple[int | None, str], FoundDevice]
    ) -> tuple[dict[tuple[int | None, str], Record], dict[tuple[int | None, str], Record]]:
        """The addresses that are on their port already, by port and address; apart from them those of devices that
        moved: they are on their port, and in the VRF of another agency."""
        tag = self.content.names.tag
        owners = {v["id"]: _id(v.get("tenant")) for v in self.lists["vrfs"] if _has_tag(v, tag)}
        held: dict[tuple[int | None, str], Record] = {}
        moved: dict[tuple[int | None, str], Record] = {}
        for record in there:
            here = (record.get("assigned_object_id"), _place(record)[1])
            device, owner = ports.get(here), owners.get(_id(record.get("vrf")) or 0)
            is_away = device is not None and owner not in (None, self.tenants[device.agency].id)
            (moved if is_away and self._is_own(record) else held)[here] = record
        return held, moved

    def _free_primaries(
        self, wants: Sequence[tuple[FoundDevice, Want]], primaries: Sequence[tuple[FoundDevice, Want]]
    ) -> None:
        """Take addresses that go to another device from that whose primary ones they are: NetBox does not move them."""
        goes_to = {want.id: device.asset for device, want in wants if want.record is not None and want.own}
        again = {(device.asset, ip_interface(str(want.values["address"])).version) for device, want in primaries}
        freed = []
        for asset, owner in self.devices.items():
            for version in (4, 6):
                name = f"primary_ip{version}"
                if goes_to.get(_id((owner.record or {}).get(name)), asset) != asset:
                    want = Want("dcim/devices", owner.name, {name: None}, record=owner.record, own=True, of=owner.name,
                                quiet=(asset, version) in again)  # fmt: skip
                    freed.append((owner, want))
        self.writer.settle([want for _, want in freed])
        for owner, want in freed:
            if want.record is not None and not self.writer.dry:
                owner.record = {**(owner.record or {}), **{name: want.record.get(name) for name in want.values}}

    def _known_addresses(
        self, there: Sequence[Record], vrfs: Mapping[tuple[str, str], int | None]
    ) -> dict[tuple[int | None, str], Record]:
        """The addresses that NetBox has, those that are not on Dophu's devices too, by VRF and address."""
        known = {_place(r): r for r in there}
        hosts = {_host(text) for (_, text), vrf in vrfs.items() if (vrf, _host(text)) not in known}
        found = self.writer.wire.list_of("ipam/ip-addresses", _ADDRESS, "address", sorted(hosts)) if hosts else []
        return known | {_place(r): r for r in found}

    def _address(
        self, device: FoundDevice, text: str, interface: Want, vrf: int | None, there: Record | None
    ) -> Want | None:
        """None for an address that somebody else has given to something else."""
        own = there is not None and self._is_own(there)
        held = there is not None and there.get("assigned_object_id") == interface.id
        if there is not None and not own and not held:
            return None
        values: dict[str, object] = {"address": text, "assigned_object_type": "dcim.interface",
                                     "assigned_object_id": interface.id}  # fmt: skip
        first: dict[str, object] = {"status": "active", "tags": [self.tag]} | ({"vrf": vrf} if vrf else {})
        if own and there is not None and _id(there.get("vrf")) != vrf:
            values["vrf"] = vrf
        shown = {"assigned_object_id": interface.name, "tags": self.content.names.tag, "vrf": device.agency}
        if not vrf:
            del shown["vrf"]
        return Want("ipam/ip-addresses", f"{interface.name} {text}", values, first, there, own, shown, interface.of)

    def _set_primaries(
        self, primaries: Sequence[tuple[FoundDevice, Want]], before: Mapping[int, Record | None]
    ) -> None:
        wants = []
        for device, address in primaries:
            owner = self.devices[device.asset]
            if address.id is None:
                continue
            text = str(address.values["address"])
            values: dict[str, object] = {f"primary_ip{ip_interface(text).version}": address.id}
            same = _id((owner.record or {}).get(next(iter(values)))) == address.id
            wants.append(Want("dcim/devices", owner.name, values, record=owner.record, own=True, of=owner.name,
                              shown=dict.fromkeys(values, text), quiet=owner.made or same,
                              was=before.get(device.asset)))  # fmt: skip
        self.writer.settle(wants)

    def _vrfs(self, addresses: Sequence[tuple[FoundDevice, str]]) -> dict[tuple[str, str], int | None]:
        """The VRF of each address of an agency: that of its prefix in NetBox; else one of the agency's own where the
        same address may be another agency's, for NetBox has an address once in each VRF."""
        held: dict[str, set[str]] = {}
        for device, text in addresses:
            held.setdefault(_host(text), set()).add(device.agency)
        found: dict[tuple[str, str], int | None] = {}
        own: dict[str, Want] = {}
        waiting: list[tuple[str, str]] = []
        for device, text in addresses:
            key = (device.agency, text)
            if key in found or key in waiting:
                continue
            known, vrf = self._vrf_of_prefix(device.agency, text)
            if known:
                found[key] = vrf
            elif len(held[_host(text)]) > 1 or self._is_shared(device.agency, text):
                own.setdefault(device.agency, self._own_vrf(device.agency))
                waiting.append(key)
            else:
                found[key] = None
        self.writer.settle(list(own.values()))
        # Without its VRF an address has no place.
        return found | {key: own[key[0]].id for key in waiting if own[key[0]].id is not None}

    def _vrf_of_prefix(self, agency: str, text: str) -> tuple[bool, int | None]:
        where, tenant = ip_interface(text).ip, self.tenants[agency].id
        sites = {s["id"] for s in self.lists["sites"] if _id(s.get("tenant")) == tenant}
        within = [
            (ip_network(str(p["prefix"])).prefixlen, _id(p.get("vrf")))
            for p in self.lists["prefixes"]
            if (_id(p.get("tenant")) == tenant or (p.get("scope_type") == "dcim.site" and p.get("scope_id") in sites))
            and where in ip_network(str(p["prefix"]))
        ]
        return bool(within), max(within, key=lambda w: w[0])[1] if within else None

    def _is_shared(self, agency: str, text: str) -> bool:
        where = ip_interface(text).ip
        return any(n.agency != agency and where in n.prefix for n in self.content.networks)

    def _own_vrf(self, agency: str) -> Want:
        tenant, name = self.tenants[agency], clean(agency, 100)
        there = next((v for v in self.lists["vrfs"]
                      if v.get("name") == name and _id(v.get("tenant")) in (None, tenant.id)), None)  # fmt: skip
        first = {"name": name, "tenant": tenant.id, "tags": [self.tag],
                 "description": "Addresses that other agencies have as well"}  # fmt: skip
        return Want("ipam/vrfs", name, first=first, record=there,
                    shown={"tenant": tenant.title, "tags": self.content.names.tag})  # fmt: skip

    # --- cables ---------------------------------------------------------------------------------------------------

    def make_cables(self) -> None:
        """The cables between ports of Dophu's devices; a port that has somebody's in NetBox keeps it."""
        joints: list[Joint] = []
        for cable in self.content.cables:
            one, other = (self.interfaces.get((asset, name_of(port)))
                          for asset, port in ((cable.asset, cable.port), (cable.other, cable.other_port)))  # fmt: skip
            if one is not None and other is not None and one.id is not None and other.id is not None:
                joints.append(Joint(one, other))
            elif cable.asset in self.devices and cable.other in self.devices:
                names = self.devices[cable.asset].name, self.devices[cable.other].name
                text = f"{names[0]} {cable.port} — {names[1]} {cable.other_port}"
                self.writer.leave("dcim/cables", text, "not_a_port")
        todo, left, there = cabling.sort_out(joints)
        self.writer.pushed.unchanged += there
        numbers = sorted({number for joint in todo for number in joint.cables})
        wire = self.writer.wire
        rows = wire.list_of("dcim/cables", cabling.CABLE, "id", numbers) if numbers else []
        cables = {int(row["id"]): row for row in rows}
        joined, kept = cabling.plan(todo, cables, self.content.names.tag)
        for joint, why in [*left, *((joint, "other_cable") for joint in kept)]:
            self.writer.leave("dcim/cables", joint.name, why)
        self._join(joined, cables)

    def _join(self, joined: Sequence[Joint], cables: Mapping[int, Record]) -> None:
        """Take Dophu's cables out of the ports that others go to, then lead each to its own."""
        loose = {
            int(record["id"]): Want("dcim/cables", str(record.get("display") or f"#{record['id']}"), values,
                                    record=record, own=True, quiet=led)
            for record, values, led in cabling.loosen(joined, cables)
        }  # fmt: skip
        self.writer.settle(list(loose.values()))
        wants = []
        for joint in joined:
            ends, tags = cabling.ends(joint), self.content.names.tag
            shown = cabling.names_of_ends(joint) | {"tags": tags}
            if joint.cable is None:
                first = ends | {"status": "connected", "tags": [self.tag]}
                wants.append(Want("dcim/cables", joint.name, first=first, shown=shown))
                continue
            freed = loose.get(int(joint.cable["id"]))
            record = freed.record if freed is not None else joint.cable
            was = joint.cable
            wants.append(Want("dcim/cables", joint.name, ends, record=record, own=True, shown=shown, was=was))
        self.writer.settle(wants)


def _title(role: str) -> str:
    return role.replace("_", " ").capitalize()


def _id(value: object) -> int | None:
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _has_tag(record: Record, tag: str) -> bool:
    return any(t.get("slug") == tag for t in record.get("tags") or ())


def _choice(value: object) -> object:
    return value.get("value") if isinstance(value, Mapping) else value


def _host(text: str) -> str:
    return str(ip_interface(text).ip)


def _place(record: Record) -> tuple[int | None, str]:
    """The VRF and the address by which NetBox has it once."""
    return _id(record.get("vrf")), str(ip_address(str(record.get("address")).partition("/")[0]))
