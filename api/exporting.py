"""What is exported of the inventory: a table of assets, an inventory for Ansible, targets for nmap."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from api.listing import filter_assets
from api.sheets import Sheet, csv_text, workbook
from api.wording import WORDS, clock
from api.workspace import Workspace
from exporters.ansible import Host, write_inventory
from exporters.nmap import ListedTarget, write_targets
from inventory.refusing import amiss, an_agency
from inventory.store import Connection, assets
from inventory.store.discovery import Surroundings, surroundings
from inventory.words import InputError, Network

__all__ = ["ansible", "inventory", "nmap"]

_COLUMNS = ("address", "role", "vendor", "model", "version", "serial", "sysname", "os_name", "answering")
"""The facts in the table, after who has the asset and where."""


async def inventory(workspace: Workspace, agencies: Collection[str], form: str, language: str) -> bytes:
    """Every asset with its main facts, as "csv" or "xlsx".

    Raises:
        InputError: an agency is not in the register.
    """
    at = datetime.now(UTC)
    around, rows = await workspace.store.read(_read, workspace, agencies, at)
    words, titles = WORDS[language], workspace.vocabulary.keys
    header = ["ID", words["export:agency"], words["export:agency_name"], words["export:level"], words["export:network"],
              *(titles[key].title.in_language(language) for key in _COLUMNS)]  # fmt: skip
    table = [_line(around, row, language) for row in rows]
    if form == "csv":
        return csv_text(header, table).encode()
    above = (words["export:inventory"], words["export:as_of"].format(at=clock(at, language), n=len(table)))
    return workbook([Sheet(words["export:inventory"], above, header, table)])


def _line(around: Surroundings, row: dict[str, Any], language: str) -> list[object]:
    words, place = WORDS[language], around.places.get(row["agency"] or "")
    told = dict(row) | {
        "role": words[f"role:{row['role']}"] if row["role"] else None,
        "answering": None if row["answering"] is None else words["true" if row["answering"] else "false"],
    }
    name = place.agency.title.in_language(language) if place else None
    return [row["id"], row["agency"], name, place.level if place else None, row["network"],
            *(told[key] for key in _COLUMNS)]  # fmt: skip


async def ansible(workspace: Workspace, agencies: Collection[str], form: str) -> bytes:
    """What answers now, has an address and is no website, as an inventory for Ansible ("yaml" or "json").

    Raises:
        InputError: an agency is not in the register.
    """
    around, rows = await workspace.store.read(_read, workspace, agencies, datetime.now(UTC))
    return write_inventory([*_hosts(around, rows)], form).encode()


def _hosts(around: Surroundings, rows: Sequence[dict[str, Any]]) -> Iterator[Host]:
    for row in rows:
        place = around.places.get(row["agency"] or "")
        if place is None or not row["answering"] or not row["address"] or row["role"] == "website":
            continue
        name, role, vendor, model, system, network = (
            str(row[key] or "") for key in ("sysname", "role", "vendor", "model", "os_name", "network")
        )
        yield Host(row["id"], name, row["address"], place.agency.code, place.level, role or "unknown", vendor, model,
                   system, network)  # fmt: skip


async def nmap(workspace: Workspace, agencies: Collection[str], *, hosts: bool, version: int = 4) -> bytes:
    """Lines for `nmap -iL`: the networks that the register allows to scan today, or the known addresses in them.

    Args:
        hosts: single addresses where somebody is known to be.
        version: of IP; nmap takes one at a time.

    Raises:
        InputError: an agency is not in the register.
    """
    around, rows = await workspace.store.read(_read, workspace, agencies, datetime.now(UTC))
    allowed = [
        n for n in around.networks.values()
        if n.scan and n.prefix.version == version and (not agencies or n.agency in agencies)
    ]  # fmt: skip
    allowed.sort(key=lambda n: (n.agency, n.prefix.network_address.packed, n.prefix.prefixlen))
    targets = (
        ListedTarget(target, network.agency, network.code)
        for network in allowed
        for target in (_known_in(network, rows) if hosts else [str(network.prefix)])
    )
    return write_targets(targets).encode()


def _known_in(network: Network, rows: Sequence[dict[str, Any]]) -> list[str]:
    # Addresses are told by the network: what a device says to be its own may lie anywhere.
    known = {ip_address(row["address"]) for row in rows if row["network"] == network.code and row["address"]}
    return [str(one) for one in sorted(a for a in known if a.version == network.prefix.version and a in network.prefix)]


def _read(
    connection: Connection, workspace: Workspace, agencies: Collection[str], at: datetime
) -> tuple[Surroundings, list[dict[str, Any]]]:
    around = surroundings(connection, at)
    for code in agencies:
        if code not in around.agencies:
            raise InputError(amiss("--agency", f"{code!r}", an_agency(code, around.agencies)))
    rows = filter_assets(assets.listing(connection, workspace.vocabulary, at))
    return around, [row for row in rows if not agencies or row["agency"] in agencies]
