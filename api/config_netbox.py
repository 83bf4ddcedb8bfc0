"""The settings of [netbox]: where the organisation's NetBox is, and what the things are called there."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inventory.netbox import Names, read_url
from inventory.refusing import meant
from inventory.words import InputError, Title

_USUAL = Names()
NO_DEVICES = ("workstation", "website")
"""What stands in no NetBox as a rule: it is neither written there nor missed."""


class CustomFields(BaseModel):
    """[netbox.fields]: the names of the custom fields."""

    model_config = ConfigDict(extra="forbid")

    code: str = _USUAL.code
    level: str = _USUAL.level
    name_en: str = _USUAL.name_en
    valid_from: str = _USUAL.valid_from
    valid_to: str = _USUAL.valid_to
    successor: str = _USUAL.successor
    scan: str = _USUAL.scan
    far_address: str = _USUAL.far_address
    asset: str = _USUAL.asset
    version: str = _USUAL.version


class NetBoxSettings(BaseModel):
    """[netbox]: from where the register and the intended devices come, and where what was found is written."""

    model_config = ConfigDict(extra="forbid")

    url: str
    credential: str
    """The name of a credential of the kind "netbox"."""
    hours: float = Field(default=24, ge=0, le=8784)
    """How often it is read while Dophu serves; 0: never by itself."""
    push: bool = False
    """Whether what was found is written at each turn as well."""
    seconds: float = Field(default=120, gt=0, le=3600)
    """How long one request may take."""
    roles: list[str] = []
    """The roles of the devices that belong into NetBox; empty: all but workstations and websites."""
    credentials: list[str] = []
    """The names of the credentials that are tried in networks that NetBox brings."""
    by_name: bool = True
    """Whether a tenant or site that is called as an agency is that agency's, where no code says so."""
    make_places: bool = True
    """Whether tenants and sites are made for agencies that NetBox does not have."""
    tag: str = _USUAL.tag
    fields: CustomFields = CustomFields()
    purpose: str = ""
    """The purpose of prefixes without a role; empty: each has to have one."""
    purposes: dict[str, str] = {}
    """The purpose by the slug of a prefix's role."""
    kinds: dict[str, str] = {}
    """The kind of a link by the slug of a circuit's type; "" for what is no link."""
    device_roles: dict[str, str] = {}
    """The role by the slug of a device's role."""

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return read_url(value)

    @field_validator("roles")
    @classmethod
    def _are_roles(cls, value: list[str]) -> list[str]:
        return [_one_of(role, _roles()) for role in value]

    @field_validator("device_roles")
    @classmethod
    def _lead_to_roles(cls, value: dict[str, str]) -> dict[str, str]:
        return {slug: _one_of(role, (*_roles(), "")) for slug, role in value.items()}

    @field_validator("purposes")
    @classmethod
    def _lead_to_purposes(cls, value: dict[str, str]) -> dict[str, str]:
        from inventory.register import PURPOSES

        return {slug: _one_of(purpose, PURPOSES) for slug, purpose in value.items()}

    @field_validator("kinds")
    @classmethod
    def _lead_to_kinds(cls, value: dict[str, str]) -> dict[str, str]:
        from inventory.register import LINK_KINDS

        return {slug: _one_of(kind, (*LINK_KINDS, "")) for slug, kind in value.items()}

    @property
    def device_kinds(self) -> frozenset[str]:
        """The roles of the devices that belong into NetBox."""
        return frozenset(self.roles or set(_roles()) - set(NO_DEVICES))

    @property
    def names(self) -> Names:
        """What the things are called there."""
        named: dict[str, str] = self.fields.model_dump()
        return Names(
            self.tag, purpose=self.purpose, purposes=self.purposes, kinds=self.kinds, roles=self.device_roles, **named
        )


def _roles() -> tuple[str, ...]:
    # Every command reads the configuration, and few have a list of roles in it.
    from inventory import vocabulary

    return vocabulary.load().keys["role"].one_of


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        near, listed = meant(value, known), ", ".join(filter(None, known))
        raise InputError(
            Title(
                f"gặp {value!r}, cần một trong {listed}{near.vi}", f"found {value!r}, expected one of {listed}{near.en}"
            )
        )
    return value
