"""NetBox both ways: 100 agencies and 100 devices pulled, and pushed again unchanged, beside pynetbox's bare listing.

The listing is what pynetbox takes to list the same kinds of objects of the same NetBox, one after the other, with
nothing done with them; all are told as the best of several rounds.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pynetbox

from api import netbox
from api.config import Config
from api.config_netbox import NetBoxSettings
from api.workspace import Workspace, open_workspace
from collectors.netbox import DEVICES, KINDS
from exporters.netbox import LISTS
from inventory import vocabulary
from inventory.secrets import KeyRing
from inventory.store import registers, runs
from inventory.words import Agency, Link, Network, Register, Run, Title
from tests import netbox_sample
from tests.netbox import TOKEN_V2, NetBox, install, missing
from tests.netbox import netbox as run_netbox

AGENCIES = 100
ROUNDS = 5
LIMITS = {"pull / listing": 3.0, "unchanged push / listing": 2.0, "writes": 0}
PULLED = [kind for kind, _ in {**KINDS, **DEVICES}.values()]
WRITTEN = [*(kind for kind, _ in LISTS.values()), "dcim/interfaces", "ipam/ip-addresses"]


def register() -> Register:
    codes = [f"A{n:03}" for n in range(AGENCIES)]
    return Register(
        levels=netbox_sample.LEVELS,
        agencies=tuple(Agency(code, Title(f"Cơ quan {code}", code), "tinh") for code in codes),
        networks=tuple(
            Network(f"{code}-LAN", code, ip_network(f"10.7.{n}.0/24"), "lan") for n, code in enumerate(codes)
        ),
        links=tuple(Link(f"L-{code}", code, "mtslcd") for code in codes),
    )


def found(at: datetime) -> Run:
    """A switch in each agency, with its interfaces and addresses."""
    told = []
    for n in range(AGENCIES):
        one = netbox_sample.device(f"A{n:03}", 1, f"sw-{n:03}", "switch", serial=f"FOC2233{n:04}", at=at, ports=2,
                                   net=f"10.7.{n}", vendor="Cisco", model="C2960X", version="15.2(7)E3")  # fmt: skip
        told.append(one)
    return Run("snmp", "bench", at, at, tuple(told), True, None)


async def _prepare(workspace: Workspace, running: NetBox) -> None:
    """Fill the store, push it into an empty NetBox, and give the agencies their prefixes and circuits there."""
    now, known = datetime.now(UTC), vocabulary.load()
    await workspace.store.write(registers.replace, register())
    await workspace.store.write(runs.record, known, found(now), now)
    done = await netbox.push(workspace)
    if done["failures"]:
        raise RuntimeError(f"NetBox did not take all of it: {done['failures'][0]}")
    told = pynetbox.api(running.url, token=TOKEN_V2)
    lan = told.ipam.roles.create(name="LAN", slug="lan").id
    provider = told.circuits.providers.create(name="VNPT", slug="vnpt").id
    kind = told.circuits.circuit_types.create(name="TSLCD", slug="tslcd").id
    tenants = list(told.tenancy.tenants.all())
    told.ipam.prefixes.create(
        [{"prefix": f"10.7.{n}.0/24", "tenant": t.id, "role": lan} for n, t in enumerate(tenants)]
    )
    told.circuits.circuits.create(
        [{"cid": f"L-{t.custom_fields['agency_code']}", "provider": provider, "type": kind, "status": "active",
          "tenant": t.id, "commit_rate": 50_000} for t in tenants]
    )  # fmt: skip


async def _took(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _list(running: NetBox, kinds: Iterable[str]) -> float:
    told = pynetbox.api(running.url, token=TOKEN_V2)
    began = time.perf_counter()
    for kind in kinds:
        app, name = kind.split("/")
        list(getattr(getattr(told, app), name).all())
    return time.perf_counter() - began


async def measure(running: NetBox, folder: Path) -> dict[str, float]:
    settings = NetBoxSettings(url=running.url, credential="nb")
    config = Config(data=folder).model_copy(update={"netbox": settings})
    KeyRing.create(config.keys)
    async with open_workspace(config) as workspace:
        await workspace.store.migrate()
        await workspace.add_credential("nb", "netbox", {"token": TOKEN_V2})
        first = await _took(lambda: _prepare(workspace, running))
        await netbox.pull(workspace)
        times: dict[str, list[float]] = {"listing_pulled": [], "pull": [], "listing_written": [], "push": []}
        writes = 0
        for _ in range(ROUNDS):
            times["listing_pulled"].append(_list(running, PULLED))
            times["pull"].append(await _took(lambda: netbox.pull(workspace)))
            times["listing_written"].append(_list(running, WRITTEN))
            began = time.perf_counter()
            writes += (await netbox.push(workspace))["writes"]
            times["push"].append(time.perf_counter() - began)
    best = {name: min(each) for name, each in times.items()}
    return {
        "first_push_seconds": round(first, 1),
        **{f"{name}_seconds": round(seconds, 3) for name, seconds in best.items()},
        "pull / listing": round(best["pull"] / best["listing_pulled"], 2),
        "unchanged push / listing": round(best["push"] / best["listing_written"], 2),
        "writes": writes,
    }


def main() -> None:
    """Print the times and the ratios beside their limits."""
    if (why := missing() or install()) is not None:
        print(f"netbox: {why}")
        return
    with run_netbox() as running, tempfile.TemporaryDirectory(prefix="dophu-bench-") as folder:
        figures = asyncio.run(measure(running, Path(folder)))
    print(f"NetBox with {AGENCIES} agencies and {AGENCIES} devices, best of {ROUNDS}")
    for name, value in figures.items():
        limit = LIMITS.get(name)
        told = "" if limit is None else f"  (limit {limit:g}: {'ok' if value <= limit else 'MISSED'})"
        print(f"  {name}: {value}{told}")
    print(json.dumps({"bench": "netbox"} | figures))


if __name__ == "__main__":
    main()
