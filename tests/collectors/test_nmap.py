"""nmap discovery: what its XML says, what never reaches its command line, and sweeps of small real networks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest

from collectors import load_collectors, nmap, role, runner
from collectors.transports import nmap as transport
from collectors.transports import nmap_xml
from collectors.transports.nmap_xml import Document, Host, NmapError, Service
from inventory.words import InputError, Network, Observation, Proof, Run, Target
from tests.collectors.netns import Town, inside, run, town

RECORDINGS = Path(__file__).parent.parent / "recordings" / "nmap"

pytestmark = pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap (apt-get install nmap)")


# --- the XML --------------------------------------------------------------------------------------------------------


def read(content: bytes, size: int = 4096) -> tuple[dict[str, Host], Document]:
    document = Document()
    hosts = [h for at in range(0, len(content), size) for h in document.feed(content[at : at + size])]
    return {str(host.address): host for host in hosts}, document


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_sweep_is_read_in_pieces_of_any_size(size: int) -> None:
    hosts, document = read((RECORDINGS / "sweep.xml").read_bytes(), size)
    assert [(a, h.reason, h.mac) for a, h in hosts.items()] == [
        ("198.18.77.1", "localhost-response", None),
        ("198.18.77.10", "arp-response", "00:1b:54:aa:bb:01"),
        ("198.18.77.20", "arp-response", "3c:d9:2b:00:00:02"),
    ]
    assert document.succeeded
    assert document.looked_at == 30


def test_services_are_read_with_product_version_and_system() -> None:
    hosts, _ = read((RECORDINGS / "services.xml").read_bytes())
    assert hosts["198.18.77.20"].services == ()
    assert hosts["198.18.77.10"].services == (
        Service(22, "ssh", "OpenSSH", "9.2p1 Debian 2+deb12u10", "protocol 2.0", system="Linux"),
        Service(80, "http", "SimpleHTTPServer", "0.6", "Python 3.11.2"),
    )


def test_what_a_device_says_is_one_bounded_line_and_closed_ports_are_no_services() -> None:
    hosts, _ = read((RECORDINGS / "office.xml").read_bytes())
    (service,) = hosts["198.18.78.19"].services
    assert service.product.startswith('<b>évil</b> & "x" AAAA')
    assert len(service.product) == nmap_xml.LONGEST_TEXT
    assert service.version == "1 2"
    assert [service.port for service in hosts["198.18.78.17"].services] == [22, 80, 5432]
    assert hosts["198.18.78.18"].timed_out
    assert not hosts["198.18.78.17"].timed_out


@pytest.mark.parametrize("name", ["sweep.xml", "services.xml", "office.xml"])
def test_a_document_that_breaks_off_anywhere_keeps_its_whole_hosts_and_did_not_succeed(name: str) -> None:
    content = (RECORDINGS / name).read_bytes()
    everything, _ = read(content)
    counts = []
    for cut in range(0, content.index(b"<runstats>"), 97):
        hosts, document = read(content[:cut])
        assert not document.succeeded
        assert hosts == {address: everything[address] for address in list(everything)[: len(hosts)]}
        counts.append(len(hosts))
    assert counts == sorted(counts)
    assert counts[-1] >= len(everything) - 1


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><nmaprun><host>&c;</host></nmaprun>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a SYSTEM "file:///etc/passwd">]><nmaprun>&a;</nmaprun>"""
UP = b"""<nmaprun><host><status state="up" reason="x"/>"""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01\xffgarbage", "broken"),
        (b"Starting Nmap 7.93", "broken"),
        (b"<html><body>proxy error</body></html>", "found <html>"),
        (LAUGHS, "broken: EntitiesForbidden"),
        (OUTSIDE, "broken: EntitiesForbidden"),
        (b"<nmaprun><host></nmaprun>", "broken"),
        (UP + b"</host></nmaprun>", "cannot be read"),
        (UP + b"""<address addr="10.0.0.1; rm" addrtype="ipv4"/></host></nmaprun>""", "cannot be read"),
        (
            UP + b"""<address addr="10.0.0.1" addrtype="ipv4"/><address addr="zz" addrtype="mac"/></host>""",
            "cannot be read",
        ),
        (
            UP
            + b"""<address addr="10.0.0.1" addrtype="ipv4"/><ports><port protocol="tcp" portid="x"/></ports></host>""",
            "cannot be read",
        ),
        (b"<nmaprun><host>" + b"<a>" * 100_000, "nested too deep"),
        (b"<nmaprun><host>" + b"x" * (nmap_xml.LARGEST_HOST + 70_000), "more than 1048576 bytes"),
    ],
)
def test_what_is_not_nmaps_xml_is_a_clear_error(content: bytes, said: str) -> None:
    with pytest.raises(NmapError, match=said) as caught:
        read(content)
    assert len(str(caught.value)) < 300


def test_hosts_before_the_rubbish_count() -> None:
    content = (RECORDINGS / "sweep.xml").read_bytes().replace(b"<runstats>", b"<runstats <<")
    document = Document()
    hosts = []
    with pytest.raises(NmapError):
        hosts.extend(document.feed(content))
    # A generator hands over what it has before it raises.
    document, hosts = Document(), []
    with contextlib.suppress(NmapError):
        for host in document.feed(content):
            hosts.append(str(host.address))
    assert hosts == ["198.18.77.1", "198.18.77.10", "198.18.77.20"]


def test_memory_stays_flat_however_many_hosts_there_are() -> None:
    def peak(hosts: int) -> int:
        document = Document()
        list(document.feed(b"<nmaprun>"))
        gc.collect()
        tracemalloc.start()
        for n in range(0, hosts, 100):
            block = b"".join(
                b'<host><status state="up" reason="echo-reply"/><address addr="%s" addrtype="ipv4"/></host>\n'
                % str(IPv4Address(0xC6120000 + i)).encode()
                for i in range(n, n + 100)
            )
            assert sum(1 for _ in document.feed(block)) == 100
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(2000) < peak(200) * 1.5


# --- the role -------------------------------------------------------------------------------------------------------


def test_a_role_is_concluded_where_it_is_clear_and_only_there() -> None:
    hosts, _ = read((RECORDINGS / "office.xml").read_bytes())
    roles = {int(address.rsplit(".", 1)[1]): role.conclude(host.services) for address, host in hosts.items()}
    assert roles == {
        10: "printer",
        11: "camera",
        12: "camera",
        13: "vc_endpoint",
        14: "workstation",
        15: "server",
        16: None,  # Windows with a web server: either
        17: "server",
        18: None,
        19: None,
    }


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([], None),
        ([Service(22, "ssh", "OpenSSH", "9.2p1 Debian 2", system="Linux")], None),
        ([Service(80, "http", "nginx")], None),
        ([Service(631, "ipp", "CUPS", "2.4")], None),
        ([Service(554, "rtsp")], None),
        ([Service(1720, "h323q931", "Cisco IOS"), Service(5060, "sip", "Cisco IOS")], None),
        ([Service(1720, "h323q931")], None),
        ([Service(80, "http", device="printer"), Service(23, "telnet", device="router")], None),
        ([Service(80, "http", device="firewall")], "firewall"),
        ([Service(80, "http", device="storage-misc"), Service(554, "rtsp")], None),
        ([Service(88, "kerberos-sec", "Microsoft Windows Kerberos"), Service(389, "ldap"), Service(445)], "server"),
    ],
)
def test_what_is_not_clear_has_no_role(services: list[Service], expected: str | None) -> None:
    assert role.conclude(services) == expected


# --- the command line -----------------------------------------------------------------------------------------------

RATE: dict[str, transport.OptionValue] = {"--max-rate": 10}
HERE = [ip_address("127.0.0.1")]


def test_the_argument_list_holds_allowed_options_and_parsed_addresses() -> None:
    argv = transport.arguments(RATE | {"-sn": None, "-PS": (22, 80), "-p": (1, 2), "--host-timeout": 9}, HERE)
    assert " ".join(argv) == (
        "-n --no-stylesheet -oX - --max-rate 10 -sn -PS22,80 -p 1,2 --host-timeout 9s -- 127.0.0.1"
    )
    assert transport.arguments(RATE, [ip_address("fd00::1")])[0] == "-6"


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        (RATE, ["127.0.0.1"]),
        (RATE, ["127.0.0.1 --script=x -oN /tmp/x"]),
        (RATE, ["--script=x"]),
        (RATE, [IPv6Address("fe80::1%eth0 --script=x")]),
        (RATE, [ip_network("127.0.0.0/30")]),
        (RATE, [ip_address("127.0.0.1"), ip_address("::1")]),
        (RATE, []),
        (RATE, HERE * (transport.MOST_ADDRESSES + 1)),
        ({}, HERE),
        (RATE | {"--script": "x"}, HERE),
        (RATE | {"-iL": "/etc/passwd"}, HERE),
        (RATE | {"-oN": None}, HERE),
        (RATE | {"-sn -oN /tmp/x": None}, HERE),
        (RATE | {"-sn": 1}, HERE),
        (RATE | {"-p": "22 -oN /tmp/x"}, HERE),
        (RATE | {"-p": ("22 -oN /tmp/x",)}, HERE),
        (RATE | {"-p": (0,)}, HERE),
        (RATE | {"-p": (True,)}, HERE),
        (RATE | {"-p": ()}, HERE),
        ({"--max-rate": "10 -oN /tmp/x"}, HERE),
        ({"--max-rate": -1}, HERE),
        ({"--max-rate": None}, HERE),
    ],
)
def test_nothing_else_reaches_nmap(options: object, addresses: object) -> None:
    with pytest.raises(InputError, match=r"^nmap: "):
        transport.arguments(options, addresses)  # type: ignore[arg-type]


def test_an_option_with_a_typing_mistake_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match=r"--max-rat'.*\(--max-rate\?\)"):
        transport.arguments(RATE | {"--max-rat": 1}, HERE)


def network(prefix: str, scan: bool = True) -> Network:
    return Network("SYT-LAN", "SYT", ip_network(prefix), "LAN", scan=scan)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("198.18.77.0/24", network=network("198.18.77.0/24", scan=False)), "SYT-LAN may not be scanned"),
        (Target("198.18.77.0/24"), "found no network"),
        (Target("198.18.78.0/24", network=network("198.18.77.0/24")), "expected its prefix 198.18.77.0/24"),
        (Target("198.18.77.0/25", network=network("198.18.77.0/24")), "expected its prefix"),
        (Target("198.18.77.0/24 --script=x", network=network("198.18.77.0/24")), "expected its prefix"),
        (Target("-oN/tmp/x", network=network("198.18.77.0/24")), "expected its prefix"),
        (Target("10.0.0.0/8", network=network("10.0.0.0/8")), "too large to sweep, expected /16"),
        (Target("fd00::/64", network=network("fd00::/64")), "too large to sweep, expected /120"),
    ],
)
async def test_a_network_is_refused_before_anything_runs(
    target: Target, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")  # nothing could run
    with pytest.raises(InputError, match=said):
        await nmap.collect(target)


async def test_without_nmap_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    done = await nmap.collect(Target("127.0.0.0/30", network=network("127.0.0.0/30")))
    assert done.error is not None
    assert done.error.startswith("read 0 of 2 addresses: nmap cannot be started: No such file")
    assert (done.complete, done.observations) == (False, ())


def test_the_folder_is_the_registry() -> None:
    assert load_collectors()["nmap"].collect is nmap.collect  # type: ignore[comparison-overlap]


# --- real networks --------------------------------------------------------------------------------------------------

SILENT = "198.18.90.0/28"
REJECTED = "198.18.91.0/27"
PROXIED = "198.18.93.0/27"
UNSENT = "198.18.92.0/30"
OWN_FIREWALL = f"""
table inet fw {{
  chain out {{
    type filter hook output priority 0;
    ip daddr {UNSENT} drop
  }}
}}
"""
FIREWALL = f"""
table inet fw {{
  chain early {{
    type filter hook prerouting priority -300;
    ip daddr {SILENT} drop
    ip daddr {{ {REJECTED}, {PROXIED} }} meta l4proto icmp drop
  }}
  chain proxy {{
    type nat hook prerouting priority -100;
    ip daddr {PROXIED} meta l4proto tcp redirect to :22
  }}
  chain onward {{
    type filter hook forward priority 0;
    ip daddr {REJECTED} meta l4proto tcp reject with tcp reset
  }}
}}
"""


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, str, str]]:
    """A segment 198.18.64.0/20 of three hosts and us (.64.1), and behind the first host three networks."""
    with town() as made:
        core, one, two, three = (made.add(name) for name in ("core", "h1", "h2", "h3"))
        run("ip", "-n", core, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", core, "link", "set", "br0", "up")
        for number, (host, mac) in enumerate(
            [(one, "00:1b:54:aa:bb:01"), (two, "3c:d9:2b:00:00:02"), (three, "00:1b:54:aa:bb:03")]
        ):
            made.join(core, f"c{number}", host, "e0", mac)
            run("ip", "-n", core, "link", "set", f"c{number}", "master", "br0")
        made.address(core, "br0", "198.18.64.1/20", "fd00:77::1/120")
        made.address(one, "e0", "198.18.64.10/20", "fd00:77::10/120")
        made.address(two, "e0", "198.18.64.70/20", "198.18.64.140/20")
        made.address(three, "e0", "198.18.64.200/20")
        for behind in (SILENT, REJECTED, PROXIED, UNSENT):
            run("ip", "-n", core, "route", "add", behind, "via", "198.18.64.10")
        run("ip", "netns", "exec", one, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.e0.send_redirects=0")
        made.nft(one, FIREWALL)
        # A reject needs a way on, though nobody is there.
        run("ip", "-n", one, "route", "add", REJECTED, "via", "198.18.64.70")
        made.nft(core, OWN_FIREWALL)
        key = tmp_path_factory.mktemp("sshd") / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        Path("/run/sshd").mkdir(exist_ok=True)
        made.start(one, "/usr/sbin/sshd", "-D", "-f", "/dev/null", "-h", str(key), "-o", "PidFile=none")
        with inside(core):
            _wait_for_port("198.18.64.10", 22)
        yield made, core, one


def _wait_for_port(address: str, port: int) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return


async def discover(core: str, prefix: str, **more: float) -> Run:
    with inside(core):
        return await nmap.collect(Target(prefix, network=network(prefix)), **more)


def by_address(done: Run) -> dict[str, Observation]:
    return {o.asset.address: o for o in done.observations if o.asset and o.asset.address}


def values(observation: Observation) -> dict[str, object]:
    return {f"{fact.key} {fact.item}".strip(): fact.value for fact in observation.facts}


def nmaps(argument: str = "nmap") -> list[int]:
    """The nmap processes that this process started and that have this argument."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            argv = (entry / "cmdline").read_bytes().split(b"\0")
            if parent == os.getpid() and argv[0] == b"nmap" and argument.encode() in argv:
                found.append(int(entry.name))
    return found


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.02)


async def test_a_network_is_swept_and_its_services_read(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], "198.18.64.0/24")
    assert (done.error, done.complete) == (None, True)
    assert (done.collector, done.agency, done.network) == ("nmap", "SYT", "SYT-LAN")
    seen = by_address(done)
    assert list(seen) == [f"198.18.64.{n}" for n in (1, 10, 70, 140, 200)]
    one = seen["198.18.64.10"]
    assert one.asset is not None
    assert one.asset.identifiers == {("mac", "00:1b:54:aa:bb:01")}
    assert (one.asset.network, one.asset.agency) == ("SYT-LAN", "SYT")
    told = values(one)
    assert told["answering"] is True
    assert told["address"] == "198.18.64.10"
    assert told["vendor"] == "Cisco Systems, Inc"
    ssh = told["service tcp/22"]
    assert isinstance(ssh, dict)
    assert (ssh["name"], ssh["product"]) == ("ssh", "OpenSSH")
    proofs = {fact.key: fact.proof for fact in one.facts}
    assert proofs["vendor"] is Proof.INFERRED
    assert proofs["service"] is Proof.MEASURED
    assert all(done.started <= fact.observed_at <= done.finished for o in done.observations for fact in o.facts)
    # One MAC at two addresses may be a router answering for others: it identifies nothing, nor says who made them.
    for address in ("198.18.64.70", "198.18.64.140"):
        asset = seen[address].asset
        assert asset is not None
        assert asset.identifiers == frozenset()
        assert "vendor" not in values(seen[address])


async def test_an_ipv6_network_is_swept(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], "fd00:77::/120")
    assert (done.error, done.complete) == (None, True)
    assert list(by_address(done)) == ["fd00:77::1", "fd00:77::10"]
    assert "service tcp/22" in values(by_address(done)["fd00:77::10"])


async def test_a_wholly_silent_network_says_nothing(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], SILENT)
    assert (done.complete, done.observations) == (False, ())
    assert done.error == "none of 14 addresses answered: that says nothing of what is there"


async def test_a_network_without_a_way_to_it_is_not_read(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], "203.0.113.0/28")
    assert (done.complete, done.observations) == (False, ())
    assert done.error == "read 0 of 14 addresses: no route to 203.0.113.1: Network is unreachable"


async def test_packets_that_cannot_be_sent_are_no_silence(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], UNSENT)
    assert (done.complete, done.observations) == (False, ())
    assert done.error is not None
    assert done.error.startswith("read 0 of 2 addresses: nmap could not send its packets: sendto in ")
    assert "Operation not permitted" in done.error


async def test_a_firewall_that_refuses_for_everybody_makes_no_hosts(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], REJECTED)
    assert (done.complete, done.observations) == (False, ())
    assert done.error is not None
    assert "30 of 30 addresses answer as one: something on the way answers for them" in done.error


async def test_a_proxy_that_takes_every_connection_is_no_crowd_of_hosts(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], PROXIED)
    assert done.error is not None
    assert "30 of 30 addresses answer as one: something on the way answers for them" in done.error
    assert (done.complete, done.observations) == (False, ())


UNPRIVILEGED = """
import asyncio, json, sys
from ipaddress import ip_network
from collectors import nmap
from inventory.words import Network, Target
network = Network("SYT-LAN", "SYT", ip_network(sys.argv[1]), "LAN", scan=True)
run = asyncio.run(nmap.collect(Target(sys.argv[1], network=network)))
print(json.dumps([nmap.raw_allowed(), run.error, run.complete, [o.asset.address for o in run.observations],
    [f.item for o in run.observations for f in o.facts if f.key == "service"]]))
"""


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("198.18.64.0/27", [False, None, True, ["198.18.64.1", "198.18.64.10"], ["tcp/22"]]),
        (
            "203.0.113.0/30",
            [False, "read 0 of 2 addresses: no route to 203.0.113.1: Network is unreachable", False, [], []],
        ),
    ],
)
def test_without_the_right_to_raw_sockets_it_knocks_by_tcp(
    lan: tuple[Town, str, str], prefix: str, expected: list[object]
) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (apt-get install util-linux)")
    dropped = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    with inside(lan[1]):
        done = run(*dropped, sys.executable, "-c", UNPRIVILEGED, prefix)
    assert json.loads(done) == expected


async def test_nothing_of_our_environment_reaches_nmap(
    lan: tuple[Town, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOPHU_TEST_SECRET", "s3cr3t-in-the-environment")
    reading = asyncio.create_task(discover(lan[1], "198.18.65.0/26"))
    await until(nmaps)
    (process, *_) = nmaps()
    environment = (Path("/proc") / str(process) / "environ").read_bytes()
    reading.cancel()
    await reading
    assert b"s3cr3t" not in environment
    assert b"PATH=" in environment


# --- broken off -----------------------------------------------------------------------------------------------------


async def test_a_killed_nmap_costs_its_own_piece_only(lan: tuple[Town, str, str]) -> None:
    reading = asyncio.create_task(discover(lan[1], "198.18.64.0/24"))
    await until(lambda: nmaps("198.18.64.200"))
    os.kill(nmaps("198.18.64.200")[0], 9)
    done = await reading
    assert list(by_address(done)) == [f"198.18.64.{n}" for n in (1, 10, 70, 140)]
    assert done.error == "read 192 of 254 addresses: nmap was ended by signal 9"
    assert done.complete is False
    assert "service tcp/22" in values(by_address(done)["198.18.64.10"])


@pytest.mark.parametrize("way", ["cancelled", "stopped"])
async def test_a_sweep_broken_off_half_way_keeps_what_it_saw(lan: tuple[Town, str, str], way: str) -> None:
    target = Target("198.18.64.0/21", network=network("198.18.64.0/21"))
    stop = asyncio.Event()

    async def collect(target: Target) -> Run:
        return (await nmap.scan_network(target, nmap.DISCOVERY, rate=4000))[0]

    async def read_by_runner() -> Run:
        (done,) = [one async for one in runner.run("nmap", collect, [target], stop=stop)]
        return done

    with inside(lan[1]):
        reading = asyncio.create_task(collect(target) if way == "cancelled" else read_by_runner())
        # The eighth piece begins when four have been swept: the first four, in one of which our hosts are.
        await until(lambda: nmaps("198.18.71.10"))
        if way == "cancelled":
            reading.cancel()
        else:
            stop.set()
        done = await reading
    assert done.complete is False
    assert done.error is not None
    told = re.fullmatch(
        r"read (\d+) of 2046 addresses: broken off; services of 0 of (\d+) hosts were read: broken off", done.error
    )
    assert told, done.error
    assert 4 * 256 - 1 <= int(told[1]) < 2046
    seen = by_address(done)
    assert 1 <= len(seen) == int(told[2])
    assert set(seen) <= {f"198.18.64.{n}" for n in (1, 10, 70, 140, 200)}
    assert all(values(o)["answering"] is True for o in done.observations)
    assert nmaps() == []


async def test_a_sweep_ends_when_its_budget_does(lan: tuple[Town, str, str]) -> None:
    done = await discover(lan[1], "198.18.64.0/20", budget_seconds=0.3)
    assert done.complete is False
    assert done.error is not None
    assert re.match(r"read \d+ of 4094 addresses: the 0\.3 s allowed were over", done.error)
    assert nmaps() == []


async def test_the_runners_deadline_takes_what_was_seen(lan: tuple[Town, str, str]) -> None:
    target = Target("198.18.64.0/20", network=network("198.18.64.0/20"))
    with inside(lan[1]):
        (done,) = [one async for one in runner.run("nmap", nmap.collect, [target], deadline=0.3)]
    assert done.error is not None
    assert re.match(r"read \d+ of 4094 addresses: broken off", done.error)
    assert nmaps() == []


async def test_when_the_consumer_stops_no_nmap_is_left(lan: tuple[Town, str, str]) -> None:
    async def consume() -> None:
        async for _ in runner.run("nmap", nmap.collect, [Target("198.18.64.0/20", network=network("198.18.64.0/20"))]):
            pass

    with inside(lan[1]):
        consumer = asyncio.create_task(consume())
        await until(nmaps)
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
    assert nmaps() == []


# --- a network that may not be scanned ------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def capture(namespace: str, device: str) -> AsyncIterator[list[bytes]]:
    """Every IPv4 and ARP frame that the device of a namespace sees meanwhile."""
    frames: list[bytes] = []
    with inside(namespace):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.bind((device, 0))
    tap.setblocking(False)
    loop = asyncio.get_running_loop()
    loop.add_reader(tap, lambda: frames.append(tap.recv(2048)))
    try:
        yield frames
        await asyncio.sleep(0)
    finally:
        loop.remove_reader(tap)
        with contextlib.suppress(BlockingIOError):
            while True:
                frames.append(tap.recv(2048))
        frames[:] = [frame for frame in frames if frame[12:14] in (b"\x08\x00", b"\x08\x06")]
        tap.close()


async def test_a_network_that_may_not_be_scanned_sees_no_packet(lan: tuple[Town, str, str]) -> None:
    _, core, host = lan
    asked = {}
    for allowed in (False, True):
        target = Target("198.18.64.8/29", network=network("198.18.64.8/29", scan=allowed))
        async with capture(host, "e0") as frames:
            with inside(core):
                (done,) = [one async for one in runner.run("nmap", nmap.collect, [target])]
        asked[allowed] = (len(frames), done)
    packets, done = asked[False]
    assert packets == 0
    assert done.error == "network SYT-LAN may not be scanned: scan is no in the register"
    # The same capture sees the same network when it may be scanned.
    packets, done = asked[True]
    assert packets > 5
    assert done.complete
    assert "198.18.64.10" in by_address(done)


def test_no_process_is_left_behind() -> None:
    left = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    assert "nmap" not in left.stdout
