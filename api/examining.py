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
from inventory.words import CollectorState, InputError, Register, StoreError, Title

_NOTHING_TO_MEND = Title("", "")
_INIT = Title.same("dophu init")
_CALLED = {
    "API token": "token của API", "credentials": "thông tin xác thực", "data folder": "thư mục dữ liệu",
    "database": "cơ sở dữ liệu", "free space": "chỗ trống trên đĩa", "goals": "chỉ tiêu", "key": "khóa",
    "networks": "mạng", "overlap": "dải mạng trùng nhau", "register": "sổ đăng ký", "right to ping": "quyền ping",
    "rounds": "các vòng thu thập", "sealed credentials": "thông tin xác thực đã niêm phong",
}  # fmt: skip
"""What is looked at, in Vietnamese."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    check: str
    ok: bool
    found: Title
    mend: Title = _NOTHING_TO_MEND

    @property
    def title(self) -> Title:
        """What was looked at, as people call it."""
        collector = self.check.removeprefix("collector ")
        called = _CALLED.get(self.check, self.check if collector == self.check else f"bộ thu thập {collector}")
        return Title(called, self.check)


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


def _no(path: Path) -> Title:
    return Title(f"không có {path}", f"{path} does not exist")


async def _database(workspace: Workspace) -> Check:
    file = workspace.config.database_file
    if file is not None and not file.exists():
        return Check("database", False, _no(file), _INIT)
    try:
        current, needed = await workspace.store.version()
    except StoreError as error:
        server = Title(
            "khởi động máy chủ cơ sở dữ liệu, hoặc sửa `database` trong cấu hình",
            "start the database server, or correct `database` in the configuration",
        )
        own = Title(
            f"tự cấp quyền ghi {file} và thư mục của nó, hoặc khôi phục từ bản sao lưu",
            f"give yourself the right to write {file} and its folder, or restore it from a backup",
        )
        return Check("database", False, error.told, server if file is None else own)
    if wrong := tell_version(current, needed):
        return Check("database", False, *wrong)
    return Check("database", True, Title(f"các bảng phiên bản {current}", f"tables of version {current}"))


def _programs() -> Iterator[Check]:
    path, missing = shutil.which("nmap"), Title("chưa cài", "not installed")
    yield Check("nmap", path is not None, Title.same(path) if path else missing, Title.same("apt-get install nmap"))
    command = "sysctl -w net.ipv4.ping_group_range='0 2147483647'"
    mend = Title(f"{command}, hoặc cấp cho chương trình CAP_NET_RAW", f"{command}, or give the program CAP_NET_RAW")
    try:
        raw = privileged()
    except NotPermittedError as error:
        yield Check("right to ping", False, Title.same(str(error)), mend)
        return
    # Without raw sockets everything is measured but the routers on the way.
    full = Title("socket ICMP đầy đủ quyền", "raw ICMP sockets")
    plain = Title(
        "socket ICMP không đặc quyền: không biết được các bộ định tuyến trên đường",
        "unprivileged ICMP sockets: no routers learned",
    )
    yield Check("right to ping", True, full if raw else plain)


def _files(config: Config) -> Iterator[Check]:
    there = config.data.is_dir()
    yield Check("data folder", there, Title.same(str(config.data)) if there else _no(config.data), _INIT)
    if there:
        free = shutil.disk_usage(config.data).free
        mend = Title("dọn chỗ trên đĩa của thư mục dữ liệu", "make room on the disk of the data folder")
        yield Check("free space", free > 500_000_000, Title.same(f"{free // 1_000_000} MB"), mend)


def _token(config: Config) -> Check:
    try:
        found = (
            Title("đã đặt", "set")
            if config.token
            else Title("chưa có: máy chủ chỉ trả lời trên loopback", "none: the server answers on loopback only")
        )
    except InputError as error:
        mend = Title(
            "sửa api_token hoặc api_token_file trong cấu hình",
            "correct api_token or api_token_file in the configuration",
        )
        return Check("API token", False, error.told, mend)
    return Check("API token", True, found)


def _key(config: Config, sealed: Mapping[str, tuple[str, str]]) -> Iterator[Check]:
    """Whether the key is there, and opens each stored credential."""
    path = config.keys
    try:
        ring = KeyRing.load(path)
    except InputError as error:
        yield Check("key", False, error.told, _mend_key(path, bool(sealed)))
        return
    yield Check("key", True, Title.same(str(path)))
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
            Title(f"không mở được bằng {path}: {', '.join(shut)}", f"do not open with {path}: {', '.join(shut)}"),
            Title(
                f"khôi phục {path} từ bản sao của nó, hoặc dophu credential add {shut[0]}",
                f"restore {path} from its copy, or dophu credential add {shut[0]}",
            ),
        )


def _mend_key(path: Path, needed: bool) -> Title:
    """What mends a key file that cannot be read; `needed` says whether credentials are sealed with it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        kept = Title(
            f"khôi phục {path} từ bản sao của nó: thông tin xác thực đã lưu cần đến nó",
            f"restore {path} from its copy: stored credentials need it",
        )
        return kept if needed else _INIT
    except OSError:
        return _run_as_owner(path.parent)
    if status.st_uid not in (os.geteuid(), 0):
        own, command = _run_as_owner(path), f"chown {os.geteuid()} {path}"
        return Title(f"{own.vi}, hoặc {command}", f"{own.en}, or {command}")
    if status.st_mode & 0o077:
        return Title.same(f"chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return _run_as_owner(path)
    return Title(f"khôi phục {path} từ bản sao của nó", f"restore {path} from its copy")


def _run_as_owner(path: Path) -> Title:
    return Title(f"chạy bằng tài khoản sở hữu {path}", f"run as the owner of {path}")


def _goals(workspace: Workspace) -> Check:
    try:
        goals = workspace.goals
    except InputError as error:
        folder = workspace.config.goals
        mend = Title(f"sửa các tệp trong {folder}", f"correct the files under {folder}")
        return Check("goals", False, error.told, mend)
    plans, controls = len(goals.plans), len(goals.controls)
    return Check("goals", True, Title(f"{plans} kế hoạch, {controls} tiêu chí", f"{plans} plans, {controls} controls"))


def _register(register: Register) -> Iterator[Check]:
    today = datetime.now(ZONE).date()
    agencies = [a for a in register.agencies if a.valid_on(today)]
    mend = Title(
        "dophu register template FILE.xlsx, điền vào, dophu register import FILE.xlsx",
        "dophu register template FILE.xlsx, fill it in, dophu register import FILE.xlsx",
    )
    count = len(agencies)
    valid = Title(f"{count} cơ quan có hiệu lực hôm nay", f"{count} agencies valid today")
    yield Check("register", bool(agencies), valid, mend)
    networks = [n for n in register.networks if n.valid_on(today)]
    bare = sorted({a.code for a in agencies} - {n.agency for n in networks})
    if agencies:
        some = ", ".join(bare[:10])
        found = (
            Title(f"{len(bare)} cơ quan chưa có mạng: {some}", f"{len(bare)} agencies without a network: {some}")
            if bare
            else Title("cơ quan nào cũng có", "every agency has one")
        )
        mend = Title(
            "thêm mạng của họ vào sổ đăng ký: không có mạng thì vẫn là chưa rõ",
            "add their networks to the register: without one, they stay unknown",
        )
        yield Check("networks", not bare, found, mend)
    doubled = [str(p) for p, n in Counter(n.prefix for n in networks if n.scan).items() if n > 1]
    if doubled:
        ranges = ", ".join(doubled[:5])
        found = Title(f"nhiều cơ quan dùng cùng một dải: {ranges}", f"the same range at several agencies: {ranges}")
        mend = Title(
            "từ một nơi chỉ đọc được một trong số đó: đặt scan là no cho các mạng còn lại",
            "from one place only one of them can be read: set scan to no for the others",
        )
        yield Check("overlap", False, found, mend)


def _credentials(register: Register, config: Config, known: set[str]) -> Iterator[Check]:
    named = {name for n in register.networks for name in n.credentials}
    if config.netbox is not None:
        named |= {config.netbox.credential, *config.netbox.credentials}
    missing = sorted(named - known)
    if missing:
        lost = ", ".join(missing)
        mend = Title.same(f"dophu credential add {missing[0]}")
        yield Check("credentials", False, Title(f"chưa lưu: {lost}", f"not stored: {lost}"), mend)
    else:
        stored = Title(f"nêu tên {len(named)}, đã lưu đủ", f"{len(named)} named, all stored")
        yield Check("credentials", True, stored)


async def _influx(workspace: Workspace) -> list[Check]:
    """Whether points can be written to InfluxDB, and were; nothing where none is set. The server is not asked."""
    wanted = workspace.config.influxdb
    if wanted is None:
        return []
    from api.influx import open_delivery  # its client is large

    try:
        delivery = await open_delivery(workspace)
    except InputError as error:
        command = f"dophu credential add {wanted.credential} --kind influxdb"
        ends = (f", hoặc {command}", f", or {command}") if wanted.credential else ("", "")
        mend = Title(f"sửa [influxdb] trong cấu hình{ends[0]}", f"correct [influxdb] in the configuration{ends[1]}")
        return [Check("InfluxDB", False, error.told, mend)]
    delivery.close()
    tally, waiting = delivery.spool.tally(), delivery.spool.waiting()
    wait, lost = len(waiting), tally.dropped_snapshots
    found = Title(
        f"{wanted.url}, {wait} lần tính đang chờ, {lost} đã bỏ", f"{wanted.url}, {wait} snapshots wait, {lost} dropped"
    )
    if waiting and tally.last_error:
        failing = Title(f"{found.vi}; lỗi gần nhất: {tally.last_error}", f"{found.en}; last error: {tally.last_error}")
        return [Check("InfluxDB", False, failing, Title.same("dophu influx push"))]
    if wanted.credential and wanted.url.startswith("http:") and not _is_here(wanted.url):
        bare = Title(f"{found.vi}; token được gửi không mã hóa", f"{found.en}; the token goes there unencrypted")
        return [Check("InfluxDB", False, bare, Title("dùng địa chỉ https://", "use an address of https://"))]
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
        mend = Title(
            "dophu discover, rồi dophu collect; hoặc dophu serve",
            "dophu discover, then dophu collect; or dophu serve",
        )
        yield Check("rounds", False, Title("chưa đọc gì", "nothing was read yet"), mend)
    for state in states:
        late = now - state.last_run > timedelta(days=2)
        last = f"{state.last_run:%Y-%m-%d %H:%M} UTC"
        found = Title(
            f"lần chạy gần nhất {last}, {state.failed} trong {state.targets} đích bị lỗi",
            f"last run {last}, {state.failed} of {state.targets} targets failed",
        )
        mend = Title("dophu serve, hoặc dophu discover và collect", "dophu serve, or dophu discover and collect")
        yield Check(f"collector {state.collector}", not late, found, mend)
