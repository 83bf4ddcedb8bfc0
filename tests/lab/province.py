"""A province on one machine: agencies, lines, routers, hosts and recorded devices in network namespaces.

    python -m tests.lab.province up|down|status|silence AGENCY|restore AGENCY [--id ID]
    python -m tests.lab.province run [--id ID] -- COMMAND ...      runs COMMAND where the collectors stand

Needs root. All names begin with dp-ID-, all addresses are from 198.18.0.0/15 (RFC 2544), and no way leads out.
README.md beside this file says what is there and what it is there for.
"""

from __future__ import annotations

import argparse
import fcntl
import ipaddress
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from tests.lab import answering, namespaces, services
from tests.lab.capture import count_packets
from tests.lab.declared import CORE_ADDRESS, CREDENTIALS, HERE, SILENT, UNSCANNED, LabError, devices, links, networks
from tests.lab.namespaces import inside
from tests.lab.wiring import BRIDGES, Wiring, home, wire

ROOT = HERE.parent.parent
STATES = Path("/run/dophu-lab")
KEEP = ROOT / ".lab" / "keep"
"""What must stay the same from one lab to the next: host keys and the agent's id."""

CUT_OFF = "table inet cut {}\ndelete table inet cut\n"
CUT = (
    CUT_OFF
    + """
table inet cut {
  chain inward { type filter hook prerouting priority -400; iifname { "wan0", "inet0" } drop; }
  chain outward { type filter hook postrouting priority 400; oifname { "wan0", "inet0" } drop; }
}
"""
)


class Province:
    """The lab, up while the block runs; `kept` labs stay until `down` is called for their id.

    `core` is the namespace in which Dophu runs, `core_address` where the agencies' machines reach it.
    """

    core_address = CORE_ADDRESS

    def __init__(self, lab: str | None = None, *, kept: bool = False, keep: Path = KEEP, lifetime: int = 3600) -> None:
        """`lifetime` (seconds) ends the lab's processes even when its owner was killed."""
        self.lab = lab or secrets.token_hex(3)
        if not self.lab.isalnum() or len(self.lab) > 12:
            raise LabError(f"a lab's id is at most 12 letters and digits, not {self.lab!r}")
        self.prefix = f"dp-{self.lab}-"
        self.state = STATES / self.lab
        self.kept, self.keep, self.lifetime = kept, keep, lifetime
        self.wiring: Wiring = wire(self.prefix)
        self.core = self.wiring.core
        self.started: list[subprocess.Popen[bytes]] = []
        self.lock: IO[str] | None = None

    @property
    def credentials(self) -> dict[str, tuple[str, dict[str, str]]]:
        """As `declared.CREDENTIALS`; that of the codec names the certificate which the codec shows."""
        from tests.lab.certificates import certificate, public_part

        told = {name: (kind, dict(secret)) for name, (kind, secret) in CREDENTIALS.items()}
        codec = next(device for device in devices() if "xapi" in device.services)
        told["lab-codec"][1]["ca"] = public_part(certificate(self.keep, codec))
        return told

    def __enter__(self) -> Province:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def command(self, *argv: str) -> list[str]:
        """The argument list that runs `argv` where the collectors stand."""
        return inside(self.core, *argv)

    def run(self, *argv: str, timeout: float = 30, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `argv` where the collectors stand, and returns how it ended."""
        return subprocess.run(
            self.command(*argv), input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )

    def up(self) -> None:
        """Builds the lab and returns when every machine has answered; afterwards `SILENT` has its line cut."""
        if reason := namespaces.why_none():
            raise LabError(f"no namespaces can be made here: {reason}")
        sweep()
        self.hold()
        try:
            self.build()
            self.wait()
            self.silence(SILENT)
            self.watch(UNSCANNED)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Ends everything that runs in the lab's namespaces and removes every trace; also what another process left."""
        namespaces.delete(self.wiring.namespaces)
        for process in self.started:
            process.wait(timeout=10)
        self.started.clear()
        shutil.rmtree(self.state, ignore_errors=True)
        if STATES.is_dir() and not any(STATES.iterdir()):
            STATES.rmdir()
        if self.lock:
            self.lock.close()
            self.lock = None

    def hold(self) -> None:
        """Takes the lab's id: with a lock that ends with this process, or with a mark that it is to stay.

        The folder appears with the lock already held, so that `sweep` never sees a lab that only looks left behind.
        """
        STATES.mkdir(exist_ok=True)
        coming = Path(tempfile.mkdtemp(prefix=".", dir=STATES))
        coming.chmod(0o755)
        if self.kept:
            (coming / "kept").touch()
        lock = (coming / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            coming.rename(self.state)
        except OSError:
            lock.close()
            shutil.rmtree(coming)
            raise LabError(f"the lab {self.lab} is up already") from None
        self.lock = lock

    def build(self) -> None:
        """Makes the namespaces, wires them, and starts what runs in each."""
        for name in self.wiring.namespaces:
            names = namespaces.NAMES / name
            names.mkdir(parents=True)
            # Without these lldpd asks a name server for its own name, twice for ten seconds.
            host = name.removeprefix(self.prefix)
            services.write(names / "hosts", f"127.0.0.1 localhost\n127.0.1.1 {host}\n", 0o644)
            services.write(names / "resolv.conf", "", 0o644)
        batch = [f"netns add {name}" for name in self.wiring.namespaces] + self.wiring.pairs
        made = subprocess.run(["ip", "-batch", "-"], input="\n".join(batch), capture_output=True, text=True, timeout=30)
        if made.returncode:
            raise LabError(f"ip could not build the lab: {made.stderr.strip()}")
        for name in self.wiring.namespaces:
            self.start(name)

    def start(self, namespace: str) -> None:
        """Brings up one namespace: its addresses, then its programs."""
        host = namespace.removeprefix(self.prefix)
        where = self.state / host
        where.mkdir()
        addresses = services.write(where / "ip", "link set lo up\n" + "\n".join(self.wiring.inside[namespace]) + "\n")
        script = [
            f"hostname {host}",
            "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null",
            f"ip -batch {addresses}",
            *services.programs([device for device in devices() if home(device) == host], where, self.keep),
            "wait",
        ]
        shell = services.write(where / "start.sh", "\n".join(script) + "\n")
        with (where / "start.log").open("wb") as log:
            self.started.append(
                subprocess.Popen(
                    inside(namespace, "unshare", "--uts", "timeout", "-k", "5", str(self.lifetime), "sh", str(shell)),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=services.ENVIRONMENT,
                    start_new_session=True,
                )
            )

    def wait(self, seconds: float = 20) -> None:
        """Returns when every machine answers from the core; LabError names those that do not."""
        asked = [question for device in devices() for question in answering.questions(device, device.address)]
        if silent := self.silent(asked, seconds):
            logs = [
                f"{log.parent.name} {log.name}: {last_line(log)}"
                for log in sorted(self.state.glob("*/*.log"))
                if log.parent.name in silent
            ]
            raise LabError("\n".join([silent, *logs]))

    def silent(self, asked: list[answering.Question], seconds: float) -> str:
        """Who does not answer when asked from the core for so long, as a sentence; empty when all do."""
        command = self.command(sys.executable, "-m", "tests.lab.answering", str(seconds))
        waited = subprocess.run(
            command,
            input=json.dumps(asked),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds + 20,
            check=False,
        )
        return waited.stderr.strip() if waited.returncode else ""

    def silence(self, agency: str) -> None:
        """Cuts the agency's lines: packets vanish both ways, as on a line that is dead further out."""
        self.filter(agency, CUT)

    def restore(self, agency: str) -> None:
        """Mends the agency's lines."""
        self.filter(agency, CUT_OFF)

    def filter(self, agency: str, rules: str) -> None:
        """Gives rules to the gateway of `agency`."""
        if agency not in self.wiring.gateways:
            raise LabError(f"no agency {agency!r} in the lab; there are {', '.join(self.wiring.gateways)}")
        command = inside(self.wiring.gateways[agency], "nft", "-f", "-")
        subprocess.run(command, input=rules, capture_output=True, text=True, timeout=10, check=True)

    def watch(self, network: str) -> None:
        """Captures what passes in a network from now on."""
        declared = networks()[network]
        log = self.state / f"{network}.log"
        command = ["tcpdump", "-i", BRIDGES[declared.kind], "-n", "-U", "--immediate-mode", "-Z", "root"]
        with log.open("wb") as messages:
            self.started.append(
                subprocess.Popen(
                    inside(self.wiring.gateways[declared.agency], *command, "-w", str(self.state / f"{network}.pcap")),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=messages,
                    env=services.ENVIRONMENT,
                    start_new_session=True,
                )
            )
        end = time.monotonic() + 10
        while "listening on" not in log.read_text():
            if time.monotonic() > end:
                raise LabError(f"tcpdump does not start: {last_line(log)}")
            time.sleep(0.02)

    def captured(self, network: str = UNSCANNED) -> int:
        """How many packets from the core were seen in a watched network so far."""
        near = {ipaddress.IPv4Address(link.where) - 1 for link in links().values()}
        router = ipaddress.IPv4Network(networks()[network].where).network_address + 1
        return count_packets(self.state / f"{network}.pcap", near | {ipaddress.IPv4Address(CORE_ADDRESS)}, router)

    def report_agent(self, url: str, *, login: tuple[str, str] = ("", "")) -> str:
        """Runs the real FusionInventory agent on one machine against `url`; its log, LabError when it fails."""
        device = next(device for device in devices() if "agent" in device.services)
        agency, where = networks()[device.network].agency, self.state / home(device)
        namespace = f"{self.prefix}{home(device)}"
        return services.run_agent(namespace, device, where, keep=self.keep, url=url, tag=agency, login=login)


def last_line(log: Path) -> str:
    """The end of a log, or nothing."""
    return log.read_text(errors="replace").strip().rpartition("\n")[2]


def labs() -> list[str]:
    """The ids of the labs of this machine."""
    return sorted(path.name for path in STATES.glob("[!.]*"))


def sweep() -> None:
    """Takes down the labs whose owners were killed; those that are kept or have an owner stay."""
    for lab in labs():
        state = STATES / lab
        lock = state / "lock"
        if (state / "kept").exists():
            continue
        with lock.open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            Province(lab).down()


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["up", "down", "status", "silence", "restore", "run"])
    parser.add_argument("agency", nargs="?", help="for silence and restore")
    parser.add_argument("--id", default="lab", help="letters and digits; two labs with two ids never meet")
    own = sys.argv[1:]
    at = own.index("--") if "--" in own else len(own)
    options, command = parser.parse_args(own[:at]), own[at + 1 :]
    if (options.agency is None) == (options.action in ("silence", "restore")) or (options.action == "run") != bool(
        command
    ):
        parser.error("silence and restore take an agency, run takes -- COMMAND, the others nothing")
    province = Province(options.id, kept=True, lifetime=8 * 3600)
    if options.action == "run":
        sys.exit(subprocess.run(province.command(*command), check=False).returncode)
    if options.action == "status":
        for lab in labs():
            running = namespaces.processes(wire(f"dp-{lab}-").namespaces)
            print(f"{lab}: {len(running)} processes")
        return
    try:
        getattr(province, options.action)(*([options.agency] if options.agency else []))
    except LabError as error:
        sys.exit(str(error))
    if options.action == "up":
        print(f"up: {province.core}; python -m tests.lab.province run --id {province.lab} -- COMMAND")


if __name__ == "__main__":
    main()
