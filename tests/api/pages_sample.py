"""A small province put into a store as collectors would: three rounds of runs, each judged, and one agency gone silent.

Of the agencies one is met, one is unmet (read to the end, no firewall), one silent since the first round (unknown).
Names that devices give themselves hold all that a page must not take at its word.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from api import rounds
from api.config import Config
from api.workspace import Workspace
from inventory.store import Store, registers, runs
from inventory.vocabulary import load
from inventory.words import (
    Agency,
    DeclaredCount,
    Fact,
    Identity,
    Level,
    Link,
    Network,
    Observation,
    Proof,
    Register,
    Run,
    Title,
    Value,
    Website,
)

PLAN = "vinh-phuc-2020"
HOSTILE = """<script>document.title='taken'</script>"'><img src=x onerror=alert(1)> & \u202egnp.exe"""

SINCE = date(2019, 1, 1)
LEVELS = (
    Level("whole", Title("Toàn tỉnh", "The whole province"), 0),
    Level("province", Title("Cấp tỉnh", "Province"), 1),
    Level("district", Title("Cấp huyện", "District"), 2),
    Level("commune", Title("Cấp xã", "Commune"), 3),
)
AGENCIES = (
    Agency("ubnd-tinh", Title("UBND tỉnh Vĩnh Phúc", "People's Committee of Vĩnh Phúc"), "whole", None, SINCE),
    Agency("so-yt", Title("Sở Y tế", "Department of Health"), "province", "ubnd-tinh", SINCE),
    Agency("so-tc", Title("Sở Tài chính", "Department of Finance"), "province", "ubnd-tinh", SINCE),
    Agency(
        "so-tttt",
        Title("Sở Thông tin và Truyền thông", "Department of Information and Communications"),
        "province",
        "ubnd-tinh",
        SINCE,
        date(2025, 2, 28),
        "so-khcn",
    ),
    Agency(
        "so-khcn",
        Title("Sở Khoa học và Công nghệ", "Department of Science and Technology"),
        "province",
        "ubnd-tinh",
        SINCE,
    ),
    Agency("tp-vinh-yen", Title("UBND thành phố Vĩnh Yên", "Vĩnh Yên City"), "district", "ubnd-tinh", SINCE),
    Agency("huyen-tam-dao", Title("UBND huyện Tam Đảo", "Tam Đảo District"), "district", "ubnd-tinh", SINCE),
    Agency("xa-dao-tru", Title("UBND xã Đạo Trù", "Đạo Trù Commune"), "commune", "huyen-tam-dao", SINCE),
    Agency("xa-ho-son", Title("UBND xã Hồ Sơn", "Hồ Sơn Commune"), "commune", "huyen-tam-dao", SINCE),
)
SILENT = "huyen-tam-dao"

#: What is found at each agency: role and name of every device.
DEVICES: dict[str, tuple[tuple[str, str], ...]] = {
    "so-yt": (("firewall", "fw-soyte"), ("switch", "sw-soyte"), ("workstation", "pc-tiepdan-01"),
              ("vc_endpoint", "Hội trường tầng 2")),
    "so-tc": (("switch", HOSTILE), ("server", "may-chu-ngan-sach"), ("printer", "")),
    "so-khcn": (("firewall", "fw-khcn"), ("switch", "sw-khcn"), ("server", "Ma\u0301y chu\u0309 NFD")),
    "tp-vinh-yen": (("firewall", "fw-vinhyen"), ("switch", "sw-vinhyen"), ("server", "sv-motcua")),
    "huyen-tam-dao": (("firewall", "fw-tamdao"), ("switch", "sw-tamdao"), ("workstation", "pc-vanthu")),
    "xa-dao-tru": (("switch", "sw-daotru"), ("workstation", "pc-daotru")),
    "xa-ho-son": (("workstation", "pc-hoson"), ("printer", "in-hoson")),
}  # fmt: skip
LINES_DOWN = {"xa-ho-son"}


def register() -> Register:
    """What is declared."""
    codes = list(DEVICES)
    return Register(
        levels=LEVELS,
        agencies=AGENCIES,
        networks=tuple(
            Network(f"{code}-lan", code, ip_network(f"10.{n}.0.0/24"), "lan", True, (), SINCE)
            for n, code in enumerate(codes, 1)
        ),
        links=tuple(
            Link(f"{code}-mtslcd", code, "mtslcd", f"10.200.0.{n}", "Nhà mạng A", 20.0, SINCE)
            for n, code in enumerate(codes, 1)
        ),
        counts=(
            DeclaredCount("so-yt", "officials", 1258, date(2026, 1, 31), "Báo cáo 87/BC-SYT"),
            DeclaredCount("so-yt", "vc_endpoints", 1, date(2026, 1, 31), "Báo cáo 87/BC-SYT"),
            DeclaredCount("huyen-tam-dao", "vc_endpoints", 2, date(2026, 1, 31), "Báo cáo 12/BC-UBND"),
        ),
        websites=(
            Website("https://soyte.example.vn/", "so-yt", "Trang thông tin điện tử Sở Y tế"),
            Website("javascript:alert(1)", "so-tc", HOSTILE),
        ),
    )


def _device(code: str, number: int, role: str, name: str, at: datetime, version: str) -> list[Observation]:
    agency = list(DEVICES).index(code) + 1
    address = f"10.{agency}.0.{number}"
    mac = f"3C:52:82:00:{agency:02X}:{number:02X}"
    swept = Observation(
        (Fact("answering", True, "nmap", at), Fact("role", "other", "nmap", at, Proof.INFERRED),
         Fact("service", {"name": "ssh", "product": "OpenSSH", "version": "9.2p1"}, "nmap", at, item="tcp/22")),
        asset=Identity(frozenset({("mac", mac)}), address, f"{code}-lan", code),
    )  # fmt: skip
    said: dict[str, Value] = {"role": role, "vendor": "Hãng mẫu", "model": f"M-{number}00", "version": version,
                              "serial": f"SN{agency:02d}{number:02d}AB", "uptime": 1_036_800.0}  # fmt: skip
    if name:
        said["sysname"] = name
    ports: list[tuple[str, Value]] = [
        (f"ge-0/0/{p}", {"index": p, "alias": name, "admin": "up", "oper": "up" if p < 3 else "down", "speed": 10**9})
        for p in range(1, 5)
    ]
    read = Observation(
        tuple(Fact(k, v, "snmp", at) for k, v in said.items())
        + tuple(Fact("interface", row, "snmp", at, item=port) for port, row in ports if role == "switch"),
        asset=Identity(frozenset({("serial", str(said["serial"])), ("mac", mac)}), address, f"{code}-lan", code),
    )  # fmt: skip
    return [swept, read]


def _round(at: datetime, version: str, agencies: Iterable[str]) -> Iterable[Run]:
    for code in agencies:
        swept, read = [], []
        for number, (role, name) in enumerate(DEVICES[code], 1):
            one, other = _device(code, number, role, name, at, version)
            swept.append(one)
            read.append(other)
        yield Run("nmap", f"{code}-lan", at, at, tuple(swept), True, None, code, f"{code}-lan")
        yield Run("snmp", f"{code}-lan 10.0", at, at, tuple(read), True, None, code)
        up = code not in LINES_DOWN
        line = (Fact("link_answering", up, "icmp", at), Fact("loss", 0.0 if up else 1.0, "icmp", at))
        trip = (Fact("round_trip", 0.0123, "icmp", at),) if up else ()
        yield Run(
            "icmp", f"{code}-mtslcd", at, at, (Observation(line + trip, link=f"{code}-mtslcd"),), True, None, code
        )


def _report(at: datetime, known: frozenset[tuple[str, str]]) -> Run:
    values: dict[str, Value] = {"sysname": "PC-TIEPDAN", "memory": 8.0 * 2**30, "antivirus_enabled": None}
    told = [Fact(key, value, "agent", at, Proof.AGENT) for key, value in values.items()]
    told.append(Fact("software", {"version": "24.2.7"}, "agent", at, Proof.AGENT, "LibreOffice"))
    seen = Observation(tuple(told), asset=Identity(known, agency="so-yt"))
    return Run("agent", "pc-tiepdan-01", at, at, (seen,), True, None, "so-yt")


def catch_up(at: datetime) -> Iterable[Run]:
    """What the silent agency's poller delivers once its line is up again."""
    return _round(at, "7.2.1", [SILENT])


async def fill(store: Store, folder: Path, now: datetime | None = None) -> tuple[Workspace, date]:
    """Put the province into an empty store; the workspace, and the day (in Vietnam) before the silence."""
    now = now or datetime.now(UTC)
    workspace = Workspace(Config(data=folder, plans=[PLAN]), store)
    vocabulary, declared = load(), register()
    await store.write(registers.replace, declared)
    await store.write(registers.record_declared, vocabulary, declared, now)
    everyone, spoken = list(DEVICES), [code for code in DEVICES if code != SILENT]
    # At 10:00 in Vietnam, so that the end of that day is within the 26 hours for which an answer is good.
    first = (now - timedelta(days=15)).replace(hour=3, minute=0, second=0, microsecond=0)
    for at, version, agencies in (
        (first, "7.2.1", everyone),
        (now - timedelta(days=5), "7.2.1", spoken),
        (now - timedelta(hours=1), "7.4.0", spoken),
    ):
        for run in _round(at, version, agencies):
            await store.write(runs.record, vocabulary, run, now)
        await rounds.judge(workspace, at + timedelta(minutes=5))
    # The agent is known by itself first; its later report, with the network card, shows that the sweep saw it too.
    agent = ("agent_id", "pc-tiepdan-01-2026-01-01-00-00-00")
    for at, known in ((first, {agent}), (now - timedelta(minutes=40), {agent, ("mac", "3C:52:82:00:01:03")})):
        await store.write(runs.record, vocabulary, _report(at, frozenset(known)), now)
    failed = Run("snmp", f"{SILENT}-lan 10.5.0.1", now, now, (), False, "no answer within 10 s", SILENT)
    await store.write(runs.note, failed)
    await rounds.judge(workspace, now)
    return workspace, first.date()
