"""The lab where no namespaces can be made: the recorded devices and one real snmpd on 127.x, with a register to match.

198.18.a.b of the province is 127.18.a.b here. On loopback every address answers a ping and nmap finds every host up, so
each machine is declared as a network of its own, which is true however it is swept. `LEFT_OUT` says what is lacking.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.request
import zlib
from pathlib import Path
from types import TracebackType

from tests.lab import answering, services
from tests.lab.declared import CREDENTIALS, HERE, REGISTER, SILENT, Device, LabError, devices, networks, read_csv

SERVED = "may-chu-thachlam-02"
"""The machine that a real snmpd answers for, over v3. A second one would show the same hardware addresses."""

AGENT = HERE.parent / "recordings" / "agent" / "linux-notebook"
HIGH_PORT = 16161

WITHOUT_RAW = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--")

LEFT_OUT = (
    ("đường truyền: mọi địa chỉ 127.x đều trả lời ping", "lines: every 127.x address answers a ping"),
    (
        f"sự im lặng: {SILENT} được khai báo là không được quét, thay vì bị cắt đường truyền",
        f"silence: {SILENT} is declared as not to be scanned instead of having its line cut",
    ),
    (
        "dò quét cả mạng, tường lửa nftables, bắt gói tin ở mạng không được quét",
        "sweeps of whole networks, nftables filters, the capture in the network that may not be scanned",
    ),
    ("sshd, trang web, LLDP của các máy chủ", "the hosts' sshd, web pages and LLDP"),
    (
        "lần quét, cuộc gọi của điểm cầu, mức sử dụng đường truyền, bản sao lưu",
        "a scan, the calls of a room, the utilisation of lines, backups",
    ),
    ("tác tử thật: một báo cáo đã ghi được gửi thay", "a real agent: a recorded inventory is sent in its place"),
    (
        f"máy Linux: chỉ {SERVED} là snmpd thật, các máy khác trả lời từ bản ghi ngắn",
        f"Linux hosts: only {SERVED} is a real snmpd, the others answer from a short recording",
    ),
)
"""What a person is told, in Vietnamese and English."""


def moved(address: str) -> str:
    """Where an address or prefix of the province is on loopback."""
    return f"127{address.removeprefix('198')}"


def find_port() -> int:
    """161 where this process may take it, otherwise a high port, which the credentials then name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((moved("198.18.255.161"), 161))
        except PermissionError:
            return HIGH_PORT
    return 161


def can_give_up() -> bool:
    """Whether this process may start another without the right to raw sockets."""
    return subprocess.run([*WITHOUT_RAW, "true"], capture_output=True, timeout=10, check=False).returncode == 0


def can_ping() -> bool:
    """Whether this process may send a ping: root may, others only where net.ipv4.ping_group_range says so."""
    if os.geteuid() == 0:
        return True
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return False
    return True


class Loopback:
    """The lab on 127.x, up while the block runs; `register` is the folder of what is declared here."""

    core_address = "127.0.0.1"

    def __init__(self) -> None:
        self.port = find_port()
        self.state = Path()
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def register(self) -> Path:
        """The folder with this lab's register."""
        return self.state / "register"

    @property
    def credentials(self) -> dict[str, tuple[str, dict[str, str]]]:
        """As `declared.CREDENTIALS`, with the port where it is not 161."""
        port = {} if self.port == 161 else {"port": str(self.port)}
        snmp = {name: told for name, told in CREDENTIALS.items() if told[0].startswith("snmp")}
        return {name: (kind, {**secret, **port}) for name, (kind, secret) in snmp.items()}

    def __enter__(self) -> Loopback:
        self.state = Path(tempfile.mkdtemp(prefix="dophu-lab-"))
        try:
            self.declare()
            self.start()
            asked = [q for d in present() for q in answering.questions(d, moved(d.address), snmp=self.port)]
            if silent := self.silent([question for question in asked if question[1] == "udp"], 20):
                logs = [log.read_text(errors="replace")[-300:] for log in sorted(self.state.glob("*/*.log"))]
                raise LabError("\n".join([silent, *logs]))
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def down(self) -> None:
        """Ends what was started and removes its files."""
        for process in self.started:
            process.terminate()
        for process in self.started:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)
        self.started.clear()
        shutil.rmtree(self.state, ignore_errors=True)

    def command(self, *argv: str) -> list[str]:
        """The argument list that runs `argv` where the collectors stand: here.

        With raw sockets nmap says "localhost-response" of this machine's own addresses, which rightly proves nothing.
        Discovery is therefore kept from them, and nmap connects instead.
        """
        return [*WITHOUT_RAW, *argv] if "discover" in argv and can_give_up() else list(argv)

    def silent(self, asked: list[answering.Question], seconds: float) -> str:
        """Who does not answer when asked for so long, as a sentence; empty when all do."""
        names = answering.wait_for_answers(asked, seconds)
        return f"no answer from: {', '.join(names)}" if names else ""

    def declare(self) -> None:
        """Writes this lab's register: the province's, with each machine a network and no line for the silent agency."""
        self.register.mkdir()
        for path in REGISTER.glob("*.csv"):
            rows = read_csv(path)
            header = list(rows[0])
            if path.stem == "networks":
                rows = [row for network in rows for row in split(network)]
                rows = [{**r, "credentials": r["credentials"].replace(" lab-codec", "")} for r in rows]
            elif path.stem == "links":
                rows = [{**r, "address": "" if r["agency"] == SILENT else moved(r["address"])} for r in rows]
            elif path.stem == "websites":
                continue
            with (self.register / path.name).open("w", encoding="utf-8", newline="") as text:
                writer = csv.DictWriter(text, header)
                writer.writeheader()
                writer.writerows(rows)

    def start(self) -> None:
        """Starts the agents that answer from recordings, one for each credential, and the real snmpd."""
        for credential in sorted({device.snmp for device in present() if device.name != SERVED}):
            where = self.state / credential
            where.mkdir()
            here = {moved(d.address): d for d in present() if d.snmp == credential and d.name != SERVED}
            self.shell(services.configure_recorded(here, where, self.port, recording=record))
        (served,) = (device for device in present() if device.name == SERVED)
        where = self.state / SERVED
        where.mkdir()
        self.shell(services.configure_snmpd(served, where, f"udp:{moved(served.address)}:{self.port}", 72))

    def shell(self, command: str) -> None:
        """Starts a command that `services` has written for the background of a shell."""
        script = f"exec env {command.removesuffix('&')}"
        self.started.append(
            subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, env=services.ENVIRONMENT, close_fds=True)
        )

    def report_agent(self, url: str) -> str:
        """Sends a recorded inventory to `url` as a FusionInventory agent does: a question first, both compressed."""
        for name in ("prolog.xml", "inventory.xml"):
            body = zlib.compress((AGENT / name).read_bytes())
            request = urllib.request.Request(url, body, {"Content-Type": "application/x-compress-zlib"})
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                answer.read()
        return f"sent {AGENT.name}"


def present() -> list[Device]:
    """The machines of this lab: those of agencies that are not silent, that may be scanned and that speak SNMP.

    What is recorded answers v1 and v2c only, so of v3 there is the one machine that is served.
    """
    scanned = {row["code"] for row in read_csv(REGISTER / "networks.csv") if row["scan"] == "yes"}
    return [
        dataclasses.replace(device, snmp="lab-v2c") if device.snmp == "lab-v3" and device.name != SERVED else device
        for device in devices()
        if device.snmp and device.network in scanned and networks()[device.network].agency != SILENT
    ]


def split(network: dict[str, str]) -> list[dict[str, str]]:
    """A declared network as one for each machine in it; what may not be scanned or is silent stays whole, unscanned."""
    here = [device for device in present() if device.network == network["code"]]
    if not here:
        return [{**network, "prefix": moved(network["prefix"]), "scan": "no"}]
    return [{**network, "code": f"{network['code']}-{d.name}", "prefix": f"{moved(d.address)}/32"} for d in here]


def record(device: Device) -> str:
    """The recording of a recorded device; for a Linux machine what its system group (RFC 3418) says."""
    if device.kind == "recorded":
        return services.read_recording(device)
    system = {
        "1.1.0": f"4|Linux {device.name} 6.1.0-26-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.112-1 x86_64",
        "1.2.0": "6|1.3.6.1.4.1.8072.3.2.10",
        "1.3.0": "67|360000",
        "1.4.0": "4|noc@example.invalid",
        "1.5.0": f"4|{device.name}",
        "1.6.0": f"4|{device.location}",
        "1.7.0": f"2|{6 if device.kind == 'gateway' else 72}",
    }
    return "".join(f"1.3.6.1.2.1.{oid}|{value}\n" for oid, value in system.items())
