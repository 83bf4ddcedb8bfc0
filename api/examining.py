"""The doctor: what is missing or misconfigured, and the command that mends it."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from api.config import Config
from api.workspace import Workspace, open_workspace, tell_version
from collectors.transports.icmp import NotPermittedError, privileged
from inventory.periods import ZONE
from inventory.secrets import KeyRing
from inventory.store import keys, registers, runs
from inventory.words import CollectorState, InputError, Register, StoreError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    check: str
    ok: bool
    found: str
    mend: str = ""


async def examine(config: Config) -> list[Check]:
    """Look at everything; nothing is changed."""
    checks = [*_programs(), *_files(config), _token(config)]
    async with open_workspace(config) as workspace:
        checks.append(_goals(workspace))
        database = await _database(workspace)
        checks.append(database)
        if not database.ok:
            return [*checks, *_key(config, {})]
        register = await workspace.store.read(registers.load)
        sealed = await workspace.store.read(keys.credentials)
        checks += [*_key(config, sealed), *_register(register), *_credentials(register, config, set(sealed))]
        checks += await _influx(workspace)
        checks += _collectors(await workspace.store.read(runs.collector_states, datetime.now(UTC)))
    return checks


async def _database(workspace: Workspace) -> Check:
    file = workspace.config.database_file
    if file is not None and not file.exists():
        return Check("database", False, f"{file} does not exist", "dophu init")
    try:
        current, needed = await workspace.store.version()
    except StoreError as error:
        mend = (
            "start the database server, or correct `database` in the configuration"
            if file is None
            else f"give yourself the right to write {file} and its folder, or restore it from a backup"
        )
        return Check("database", False, str(error), mend)
    if wrong := tell_version(current, needed):
        return Check("database", False, *wrong)
    return Check("database", True, f"tables of version {current}")


def _programs() -> Iterator[Check]:
    path = shutil.which("nmap")
    yield Check("nmap", path is not None, path or "not installed", "apt-get install nmap")
    mend = "sysctl -w net.ipv4.ping_group_range='0 2147483647', or give the program CAP_NET_RAW"
    try:
        raw = privileged()
    except NotPermittedError as error:
        yield Check("right to ping", False, str(error), mend)
        return
    # Without raw sockets everything is measured but the routers on the way.
    yield Check("right to ping", True, "raw ICMP sockets" if raw else "unprivileged ICMP sockets: no routers learned")


def _files(config: Config) -> Iterator[Check]:
    there = config.data.is_dir()
    yield Check("data folder", there, str(config.data) if there else f"{config.data} does not exist", "dophu init")
    if there:
        free = shutil.disk_usage(config.data).free
        yield Check(
            "free space", free > 500_000_000, f"{free // 1_000_000} MB", "make room on the disk of the data folder"
        )


def _token(config: Config) -> Check:
    try:
        found = "set" if config.token else "none: the server answers on loopback only"
    except InputError as error:
        return Check("API token", False, str(error), "correct api_token or api_token_file in the configuration")
    return Check("API token", True, found)


def _key(config: Config, sealed: Mapping[str, tuple[str, str]]) -> Iterator[Check]:
    """Whether the key is there, and opens each stored credential."""
    path = config.keys
    try:
        ring = KeyRing.load(path)
    except InputError as error:
        yield Check("key", False, str(error), _mend_key(path, bool(sealed)))
        return
    yield Check("key", True, str(path))
    shut = []
    for name, (_, text) in sealed.items():
        try:
            ring.open(text, name)
        except InputError:
            shut.append(name)
    if shut:
        yield Check(
            "sealed credentials",
            False,
            f"do not open with {path}: {', '.join(shut)}",
            f"restore {path} from its copy, or dophu credential add {shut[0]}",
        )


def _mend_key(path: Path, needed: bool) -> str:
    """What mends a key file that cannot be read; `needed` says whether credentials are sealed with it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"restore {path} from its copy: stored credentials need it" if needed else "dophu init"
    except OSError:
        return f"run as the owner of {path.parent}"
    if status.st_uid not in (os.geteuid(), 0):
        return f"run as the owner of {path}, or chown {os.geteuid()} {path}"
    if status.st_mode & 0o077:
        return f"chmod 600 {path}"
    if not os.access(path, os.R_OK):
        return f"run as the owner of {path}"
    return f"restore {path} from its copy"


def _goals(workspace: Workspace) -> Check:
    try:
        goals = workspace.goals
    except InputError as error:
        return Check("goals", False, str(error), f"correct the files under {workspace.config.goals}")
    return Check("goals", True, f"{len(goals.plans)} plans, {len(goals.controls)} controls")


def _register(register: Register) -> Iterator[Check]:
    today = datetime.now(ZONE).date()
    agencies = [a for a in register.agencies if a.valid_on(today)]
    command = "dophu register template FILE.xlsx, fill it in, dophu register import FILE.xlsx"
    yield Check("register", bool(agencies), f"{len(agencies)} agencies valid today", command)
    networks = [n for n in register.networks if n.valid_on(today)]
    bare = sorted({a.code for a in agencies} - {n.agency for n in networks})
    if agencies:
        found = f"{len(bare)} agencies without a network: {', '.join(bare[:10])}" if bare else "every agency has one"
        yield Check("networks", not bare, found, "add their networks to the register: without one, they stay unknown")
    doubled = [str(p) for p, n in Counter(n.prefix for n in networks if n.scan).items() if n > 1]
    if doubled:
        found = f"the same range at several agencies: {', '.join(doubled[:5])}"
        yield Check(
            "overlap", False, found, "from one place only one of them can be read: set scan to no for the others"
        )


def _credentials(register: Register, config: Config, known: set[str]) -> Iterator[Check]:
    named = {name for n in register.networks for name in n.credentials}
    if config.netbox is not None:
        named |= {config.netbox.credential, *config.netbox.credentials}
    missing = sorted(named - known)
    found = f"not stored: {', '.join(missing)}" if missing else f"{len(named)} named, all stored"
    yield Check("credentials", not missing, found, f"dophu credential add {missing[0]}" if missing else "")


async def _influx(workspace: Workspace) -> list[Check]:
    """Whether points can be written to InfluxDB, and were; nothing where none is set. The server is not asked."""
    wanted = workspace.config.influxdb
    if wanted is None:
        return []
    from api.influx import open_delivery  # its client is large

    try:
        delivery = await open_delivery(workspace)
    except InputError as error:
        mend = "correct [influxdb] in the configuration"
        if wanted.credential:
            mend += f", or dophu credential add {wanted.credential} --kind influxdb"
        return [Check("InfluxDB", False, str(error), mend)]
    delivery.close()
    tally, waiting = delivery.spool.tally(), delivery.spool.waiting()
    found = f"{wanted.url}, {len(waiting)} snapshots wait, {tally.dropped_snapshots} dropped"
    if waiting and tally.last_error:
        return [Check("InfluxDB", False, f"{found}; last error: {tally.last_error}", "dophu influx push")]
    if wanted.credential and wanted.url.startswith("http:") and not _is_here(wanted.url):
        return [Check("InfluxDB", False, f"{found}; the token goes there unencrypted", "use an address of https://")]
    return [Check("InfluxDB", True, found)]


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _collectors(states: tuple[CollectorState, ...]) -> Iterator[Check]:
    now = datetime.now(UTC)
    if not states:
        yield Check("rounds", False, "nothing was read yet", "dophu discover, then dophu collect; or dophu serve")
    for state in states:
        late = now - state.last_run > timedelta(days=2)
        found = f"last run {state.last_run:%Y-%m-%d %H:%M} UTC, {state.failed} of {state.targets} targets failed"
        yield Check(f"collector {state.collector}", not late, found, "dophu serve, or dophu discover and collect")
