"""What `make demo` runs: the lab's province, measured by the real command line from an empty folder to served figures.

    python -m tests.lab.demo [--oneshot] [--fresh] [--port 8080] [--loopback]

The data stays in .lab/demo (or .lab/demo-loopback) for the next run, unless --fresh. All that was started is ended when
this ends, however it ends. Exit status 0 only when every step was well.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import IO, Any

from tests.lab import eoffice, namespaces
from tests.lab.certificates import certificate, public_part
from tests.lab.declared import REGISTER, UNSCANNED, LabError, devices, networks
from tests.lab.loopback import LEFT_OUT, Loopback, can_ping
from tests.lab.province import ROOT, Province

PLAN = "vinh-phuc-2020"
#: All that are measured; the first is that of the first page.
PLANS = [PLAN, *("phu-yen-2021-2025", "lao-cai-2018", "hau-giang-2015", "phu-tho-2014")]
SCANNED, BACKED_UP = "so-khcn-lan", "may-chu-khcn-01"
RATE_SECONDS = 32
"""Two readings of a counter lie so far apart that Dophu makes a rate of them: 30 s, and a little."""
SETTINGS = """[websites]
ca = ["{authority}"]

[[backups.folders]]
path = "{backups}"
pattern = "{{system}}-{{date}}.tar.zst"
agency = "so-khcn"
"""
DOPHU = ROOT / ".venv" / "bin" / "dophu"
AGENTS_PORT = 8480

Lab = Province | Loopback


@dataclass(slots=True)
class Demo:
    """One run: the lab, the folder with Dophu's data, and what the steps leave for the next."""

    lab: Lab
    folder: Path
    register: Path = REGISTER
    credentials: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    read: float = 0
    """When the devices had been read, by the monotonic clock."""

    def steps(self) -> list[tuple[str, str, Callable[[], None]]]:
        """What is done, in order: in Vietnamese, in English, and the step."""
        return [
            ("Tạo thư mục dữ liệu", "Make the data folder", lambda: self.dophu("init")),
            (
                "Nhập sổ đăng ký: cơ quan, mạng, đường truyền",
                "Import the register: agencies, networks, links",
                lambda: self.dophu("register", "import", os.path.relpath(self.register, ROOT)),
            ),
            ("Cất thông tin truy cập thiết bị", "Store the credentials of devices", self.add_credentials),
            (
                "Dò tìm thiết bị trong các mạng được phép quét",
                "Discover what is in the networks that may be scanned",
                lambda: self.dophu("discover", seconds=600),
            ),
            ("Đọc thiết bị và đường truyền", "Read devices and lines", self.collect),
            ("Nhận báo cáo của tác tử trên máy trạm", "Take the report of a workstation's agent", self.take_report),
            (
                "Nhận số liệu của hệ thống quản lý văn bản, và bản khai báo",
                "Take what the document system counted, and what people declare",
                self.take_counts,
            ),
            *(self.of_province() if isinstance(self.lab, Province) else ()),
            ("Đánh giá các tiêu chí", "Judge the controls", lambda: self.dophu("judge")),
            ("Độ phủ của kế hoạch", "The plan's coverage", lambda: self.dophu("coverage", "--plan", PLAN)),
            ("Mạng không được quét", "The network that may not be scanned", self.check_capture),
        ]

    def of_province(self) -> list[tuple[str, str, Callable[[], None]]]:
        """What is done besides where the lab has networks, websites and a codec of its own."""
        return [
            (
                f"Quét an toàn thông tin mạng {SCANNED}",
                f"Scan {SCANNED} for what is not secure",
                lambda: self.dophu("scan", "run", "security", "--network", SCANNED, seconds=300),
            ),
            ("Đọc lần thứ hai: lưu lượng, cuộc gọi", "Read a second time: traffic and calls", self.collect_again),
        ]

    def run(self) -> None:
        """Takes every step; LabError at the first that fails."""
        self.settle()
        steps = self.steps()
        for number, (vietnamese, english, step) in enumerate(steps, 1):
            say(f"[{number}/{len(steps)}] {vietnamese} / {english}")
            step()

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment with this demo's data and configuration in place of any other."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DOPHU_")}
        language = {key: value for key, value in os.environ.items() if key == "DOPHU_LANGUAGE"}
        here = self.folder.relative_to(ROOT)
        own = {
            "DOPHU_DATA": str(here / "data"),
            "DOPHU_CONFIG": str(here / "dophu.toml"),
            "DOPHU_PLANS": json.dumps(PLANS),
        }
        return {**kept, **language, **own}

    def dophu(self, *argv: str, seconds: float = 120, stdin: str | None = None) -> None:
        """Runs one command where the collectors stand and shows what it prints; LabError when it fails."""
        shown = f"dophu {' '.join(argv)}"
        print(f"    $ {shown}", file=sys.stderr)
        try:
            done = subprocess.run(
                self.lab.command(str(DOPHU), *argv),
                input=stdin,
                text=True,
                timeout=seconds,
                env=self.environment,
                cwd=ROOT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"`{shown}` was not done within {seconds:.0f} seconds") from None
        if done.returncode:
            raise LabError(f"`{shown}` ended with status {done.returncode}")

    def settle(self) -> None:
        """Writes the settings that the province needs: whom its websites are vouched for by, and where backups lie.

        The backups are files that say nothing, of the nights before today; of one server there is none.
        """
        if not isinstance(self.lab, Province):
            return
        authority = self.folder / "ca.pem"
        secured = next(device for device in devices() if "https" in device.services)
        authority.write_text(public_part(certificate(self.lab.keep, secured)))
        backups = self.folder / "backups"
        backups.mkdir(exist_ok=True)
        now = datetime.now(UTC)
        for nights in (1, 2, 3):
            made = backups / f"{BACKED_UP}-{now - timedelta(days=nights):%Y-%m-%d}.tar.zst"
            made.write_bytes(bytes(200_000 + nights))
            os.utime(made, 2 * ((now - timedelta(days=nights)).timestamp(),))
        settings = self.folder / "dophu.toml"
        settings.write_text(SETTINGS.format(authority=authority, backups=backups), encoding="utf-8")

    def collect_again(self) -> None:
        """Reads again once the counters of the first reading are half a minute old: a rate needs two readings."""
        left = self.read + RATE_SECONDS - time.monotonic()
        if left > 0:
            print(f"    chờ {left:.0f} giây / waiting {left:.0f} s", file=sys.stderr)
            time.sleep(left)
        self.dophu("collect", "--only", "vc", "--only", "snmp", seconds=600)

    def collect(self) -> None:
        """Reads with every collector, or without ICMP where an ordinary user may not ping."""
        if isinstance(self.lab, Loopback) and not can_ping():
            print("    không có / left out: ping (net.ipv4.ping_group_range)", file=sys.stderr)
            self.dophu("collect", "--only", "snmp", seconds=600)
        else:
            self.dophu("collect", seconds=600)
        self.read = time.monotonic()

    def add_credentials(self) -> None:
        """Gives each credential on standard input, never as an argument."""
        for name, (kind, secret) in self.credentials.items():
            self.dophu("credential", "add", name, "--kind", kind, stdin=json.dumps(secret))

    def take_report(self) -> None:
        """Serves for as long as the agent reports; the agency's token is made once and kept."""
        kept = self.folder / "agent-token"
        if not kept.exists():
            agency = next(networks()[d.network].agency for d in devices() if "agent" in d.services)
            made = self.tell(f"dophu token add {agency}", str(DOPHU), "token", "add", agency)
            kept.touch(mode=0o600)
            kept.write_text(made.strip())
        with self.serving():
            log = self.lab.report_agent(f"http://{self.lab.core_address}:{AGENTS_PORT}/agents/{kept.read_text()}")
        print("\n".join(f"    {line}" for line in log.strip().splitlines()), file=sys.stderr)

    def take_counts(self) -> None:
        """Serves for as long as the lab's document system sends, then imports what was written down."""
        argv = ["token", "add", "--facts", "--note", "eoffice"]
        token = self.tell("dophu token add --facts", str(DOPHU), *argv)
        with self.serving():
            where = f"http://{self.lab.core_address}:{AGENTS_PORT}"
            answer = self.tell("the document system", sys.executable, "-m", "tests.lab.eoffice", where, stdin=token)
        print(f"    {answer.strip()}", file=sys.stderr)
        now = datetime.now(UTC)
        for name, text in (("ke-khai.csv", eoffice.declared(now)), ("chi-tieu.csv", eoffice.goals(now))):
            (self.folder / name).write_text(text, encoding="utf-8")
            self.dophu("import", "counts", os.path.relpath(self.folder / name, ROOT))

    def tell(self, what: str, *argv: str, stdin: str | None = None) -> str:
        """What a command prints that runs where the collectors stand; LabError when it fails."""
        done = subprocess.run(
            self.lab.command(*argv), input=stdin, stdout=subprocess.PIPE, text=True, timeout=60, env=self.environment,
            cwd=ROOT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise LabError(f"{what} ended with status {done.returncode}")
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A `dophu serve` that the province's machines reach, without rounds of its own."""
        argv = ["serve", "--host", self.lab.core_address, "--port", str(AGENTS_PORT), "--no-rounds"]
        environment = {**self.environment, "DOPHU_API_TOKEN": secrets.token_urlsafe(24)}
        with (self.folder / "serve.log").open("w+", encoding="utf-8") as log:
            server = subprocess.Popen(
                self.lab.command(str(DOPHU), *argv),
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
            try:
                patience = time.monotonic() + 30
                while self.lab.silent([("dophu serve", "tcp", self.lab.core_address, AGENTS_PORT, "")], 1):
                    if server.poll() is not None or time.monotonic() > patience:
                        log.seek(0)
                        raise LabError(f"dophu serve does not answer: {log.read().strip()[-500:]}")
                yield
            finally:
                end(server)

    def check_capture(self) -> None:
        """Says how many packets the core has sent into the network that may not be scanned; LabError when any."""
        if not isinstance(self.lab, Province):
            print("    không có bắt gói tin ở đây / no capture here", file=sys.stderr)
            return
        seen = self.lab.captured()
        print(f"    {UNSCANNED}: {seen} gói tin / packets", file=sys.stderr)
        if seen:
            raise LabError(f"{seen} packets went into {UNSCANNED}, which may not be scanned")

    def serve(self, port: int) -> None:
        """Serves the pages to this machine's own loopback until told to end; the rounds go on in the lab.

        The socket is opened out here and accepted on in the core, so nothing joins the two networks.
        """
        with open_port(port) as listening:
            where = f"http://127.0.0.1:{listening.getsockname()[1]}/"
            say(f"{where}  (Ctrl-C để dừng / to stop)")
            argv = self.lab.command(str(DOPHU), "serve", "--fd", str(listening.fileno()))
            server = subprocess.Popen(
                argv, env=self.environment, cwd=ROOT, pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL
            )
            try:
                status = server.wait()
            except KeyboardInterrupt:
                return
            finally:
                end(server)
            raise LabError(f"dophu serve ended with status {status}")


def say(text: str) -> None:
    """A line for the person, apart from the results on standard output."""
    print(f"\n{text}", file=sys.stderr, flush=True)


def end(process: subprocess.Popen[Any]) -> None:
    """Asks a process to end, and after ten seconds makes it."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)


def open_port(port: int) -> socket.socket:
    """A listening socket on loopback: `port`, or any that is free when it is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.bind(("127.0.0.1", 0))
    listening.listen(100)
    return listening


def hold(folder: Path) -> IO[str]:
    """Takes the data folder for this run alone."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder.parent / f"{folder.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LabError(f"another demo is running on {folder.relative_to(ROOT)}") from None
    return lock


MARK = "# Made by make demo: plain `dophu` commands in this folder look at the lab. Delete it to use your own data."


def show_to_plain_commands(folder: Path) -> None:
    """Lets `dophu` without options, run in the project's folder, find the demo's data; a person's own file is left."""
    settings = ROOT / "dophu.toml"
    if settings.exists() and not settings.read_text(encoding="utf-8").startswith(MARK):
        print("    dophu.toml không đổi / is left as it is", file=sys.stderr)
        return
    settings.write_text(
        f'{MARK}\ndata = "{(folder / "data").relative_to(ROOT)}"\nplans = {json.dumps(PLANS)}\n', encoding="utf-8"
    )


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Ends the demo as Ctrl-C does, so that everything is taken down."""
    raise KeyboardInterrupt


def choose(loopback: bool) -> tuple[Lab, Path]:
    """The lab that can be had here, with the folder for its data; says which, and what it leaves out."""
    reason = "--loopback" if loopback else namespaces.why_none()
    if reason is None:
        say("Tỉnh mẫu trong các không gian mạng riêng / A province in network namespaces")
        return Province(lifetime=24 * 3600), ROOT / ".lab" / "demo"
    say(f"Tỉnh mẫu trên 127.x / A province on 127.x ({reason})")
    for vietnamese, english in LEFT_OUT:
        print(f"    không có / left out: {vietnamese} / {english}", file=sys.stderr)
    return Loopback(), ROOT / ".lab" / "demo-loopback"


def main() -> int:
    """Runs the demo; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oneshot", action="store_true", help="end after the figures")
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--loopback", action="store_true", help="use the lab on 127.x")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    started = time.monotonic()
    try:
        lab, folder = choose(options.loopback)
        with hold(folder):
            if options.fresh:
                shutil.rmtree(folder)
                folder.mkdir()
            (folder / "dophu.toml").touch()
            show_to_plain_commands(folder)
            with lab:
                demo = Demo(lab, folder, credentials=lab.credentials)
                if isinstance(lab, Loopback):
                    demo.register = lab.register
                demo.run()
                say(f"Xong sau {time.monotonic() - started:.0f} giây / Done in {time.monotonic() - started:.0f} s")
                if not options.oneshot:
                    demo.serve(options.port)
    except LabError as error:
        say(f"Dừng / Stopped: {error}")
        return 1
    except KeyboardInterrupt:
        say("Dừng theo yêu cầu / Stopped as asked")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
