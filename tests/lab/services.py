"""How the lab's machines are set up: the files and commands that start snmpd, lldpd, sshd and a web page on one."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.lab.declared import CORE_ADDRESS, CREDENTIALS, HERE, RECORDINGS, Device, LabError, vary
from tests.lab.namespaces import inside

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
}
"""What the lab's processes are given: none of the caller's proxies, tokens or paths."""

FILTER = f"""
table inet lab {{
  chain forwarding {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "wan0" ip saddr {{ {CORE_ADDRESS}, 198.18.0.0/24 }} accept
    iifname {{ "lan0", "dc0" }} oifname "wan0" ip daddr {CORE_ADDRESS} accept
  }}
}}
"""
"""A gateway lets the core in and its own machines out to the core; agencies do not reach each other."""

ROUTING = (
    "echo 1 >/proc/sys/net/ipv4/ip_forward",
    "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit",
    "for _ in /proc/sys/net/ipv4/neigh/*/retrans_time_ms; do echo 200 >$_; done",
)
"""A gateway forwards, and says "host unreachable" after 0.6 s instead of 3 s, so that sweeps of the lab are quick."""


def programs(devices: list[Device], where: Path, keep: Path) -> list[str]:
    """The shell commands that start what runs in the namespace of these devices; `keep` holds their host keys."""
    if devices and devices[0].kind == "recorded":
        codecs = [configure_codec(device, where, keep) for device in devices if "xapi" in device.services]
        return [configure_recorded({device.address: device for device in devices}, where), *codecs]
    commands: list[str] = []
    for device in devices:
        gateway = device.kind == "gateway"
        if gateway:
            rules = write(where / "filter.nft", FILTER)
            commands += [*ROUTING, f"nft -f {quote(rules)}"]
        if device.snmp:
            # sysServices says what a device works on (RFC 3418): 2 and 4 are bridge and router, 8 and 64 are hosts.
            listen, layers = ("udp:161", 6) if gateway else (f"udp:{device.address}:161", 72)
            commands.append(configure_snmpd(device, where, listen, layers))
        if "lldp" in device.services:
            commands.append(configure_lldpd(where))
        if "ssh" in device.services:
            commands.append("mkdir -p /run/sshd")  # where sshd drops its rights; a package without systemd lacks it
            commands.append(configure_sshd(where, device.address, host_key(keep, device)))
        if "http" in device.services:
            commands.append(configure_http(device, where, device.address))
        if "https" in device.services:
            commands.append(configure_https(device, where, keep))
    return commands


def host_key(keep: Path, device: Device) -> Path:
    """The machine's SSH host key, made once."""
    key = keep / f"{device.name}.key"
    if not key.exists():
        keep.mkdir(parents=True, exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", device.name, "-f", str(key)]
        subprocess.run(command, timeout=10, check=True, capture_output=True)
    return key


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """Writes a file that only its owner may read, unless `mode` says otherwise."""
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def configure_snmpd(device: Device, where: Path, listen: str, services: int) -> str:
    """The shell command that runs snmpd for `device` on `listen`; `services` is its sysServices (RFC 3418).

    The engine ID is derived from the name, so that a lab which comes up again holds the same devices.
    """
    kind, secret = CREDENTIALS[device.snmp]
    lines = [
        f"agentaddress {listen}",
        f"sysName {device.name}",
        f"sysLocation {device.location}",
        "sysContact noc@example.invalid",
        f"sysServices {services}",
        f"engineID {device.name}",
        "master agentx",
        f"agentXSocket {where}/agentx",
    ]
    if kind == "snmp-v2c":
        lines.append(f"rocommunity {secret['community']}")
    else:
        lines.append(
            f'createUser {secret["user"]} {secret["auth"]} "{secret["auth_password"]}"'
            f' {secret["priv"]} "{secret["priv_password"]}"'
        )
        lines.append(f"rouser {secret['user']} priv")
    config = write(where / "snmpd.conf", "\n".join(lines) + "\n")
    state = where / "snmpd"
    state.mkdir()
    return (
        f"SNMP_PERSISTENT_DIR={quote(state)} MIBS= /usr/sbin/snmpd -f -Lo -C -c {quote(config)} -I -smux"
        f" >{quote(where / 'snmpd.log')} 2>&1 &"
    )


def configure_lldpd(where: Path) -> str:
    """The shell command that runs lldpd beside snmpd and sends every few seconds instead of every thirty."""
    config = write(where / "lldpd.conf", "configure lldp tx-interval 5\n", 0o644)
    command = f"/usr/sbin/lldpd -d -u {quote(where / 'lldpd')} -O {quote(config)} -x -X {quote(where / 'agentx')}"
    # lldpd gives up on an agentx socket that is not there yet.
    wait = f"for _ in $(seq 200); do [ -S {quote(where / 'agentx')} ] && break; sleep 0.02; done"
    return f"( {wait}; exec {command} ) >{quote(where / 'lldpd.log')} 2>&1 &"


def configure_sshd(where: Path, address: str, key: Path, port: int = 22) -> str:
    """The shell command that runs sshd with the host key `key`; nobody can log in."""
    options = f"-o PidFile=none -o ListenAddress={address} -o Port={port} -o UsePAM=no -o PasswordAuthentication=no"
    log = quote(where / "sshd.log")
    return f"/usr/sbin/sshd -D -e -f /dev/null -h {quote(key)} {options} -o AuthorizedKeysFile=none >{log} 2>&1 &"


def configure_http(device: Device, where: Path, address: str, port: int = 80) -> str:
    """The shell command that serves one page."""
    pages = where / "www"
    pages.mkdir()
    write(pages / "index.html", f"<!doctype html><meta charset=utf-8><title>{device.name}</title>\n", 0o644)
    return (
        f"{quote(sys.executable)} -m http.server {port} --bind {address} --directory {quote(pages)}"
        f" >{quote(where / 'http.log')} 2>&1 &"
    )


def configure_https(device: Device, where: Path, keep: Path) -> str:
    """The shell command that serves the page of `configure_http` over TLS too."""
    return configure_secured(device, where, keep, {"GET /": where / "www" / "index.html"})


def configure_secured(
    device: Device, where: Path, keep: Path, answers: Mapping[str, Path], login: Path | None = None
) -> str:
    """The shell command that answers these requests with these files over TLS, with the machine's own certificate."""
    from tests.lab.certificates import certificate  # the lab on 127.x runs without the library behind it

    command = [sys.executable, str(HERE / "secured.py"), "--listen", f"{device.address}:443"]
    command += ["--certificate", str(certificate(keep, device))]
    command += ["--login-file", str(login)] if login else []
    for request, file in answers.items():
        command += ["--answer", f"{request}={file}"]
    return f"{shlex.join(command)} >{quote(where / f'{device.name}.https.log')} 2>&1 &"


SPOKEN = (
    ("ce9.15.3.25 12a3b4c5d6e", "ce9.15.16.5 3f6ca8a"),
    ("9.15.3.25", "9.15.16.5"),
    ("FOC2145P0XY", "A1AV25F99999"),
    ("Cisco Webex Room Kit", "Cisco TelePresence SX20"),
    ("Room Kit", "SX20"),
)
"""What the recorded answers of an API say, and what the recorded endpoint says of itself over SNMP."""


def configure_codec(device: Device, where: Path, keep: Path) -> str:
    """The shell command that answers xAPI for a recorded endpoint."""
    _, login = CREDENTIALS["lab-codec"]
    answers = {}
    for request, name in (("GET /status.xml", "status"), ("POST /putxml", "history")):
        said = vary((RECORDINGS.parent / "vc" / f"room_kit.{name}.xml").read_text("utf-8"), SPOKEN)
        answers[request] = write(where / f"{device.name}.{name}.xml", said)
    words = write(where / f"{device.name}.login", f"{login['user']}:{login['password']}")
    return configure_secured(device, where, keep, answers, words)


def read_recording(device: Device) -> str:
    """What a recorded device says: its recording, varied so that no two devices are the same one."""
    return vary((RECORDINGS / f"{device.source}.snmprec").read_text("utf-8"), device.replace)


def configure_recorded(
    devices: Mapping[str, Device], where: Path, port: int = 161, *, recording: Callable[[Device], str] = read_recording
) -> str:
    """The shell command of one SNMP agent for several recorded devices, given by the address each listens on."""
    communities = {device.snmp for device in devices.values()}
    if len(communities) != 1:
        raise ValueError(f"recorded devices of one network must share a credential, found {sorted(communities)}")
    community = write(where / "community", CREDENTIALS[communities.pop()][1]["community"])
    command = [sys.executable, str(HERE / "snmp_agent.py"), "--community-file", str(community)]
    for address, device in devices.items():
        varied = write(where / f"{device.name}.snmprec", recording(device))
        command += ["--listen", f"{address}:{port}={varied}"]
    return f"{shlex.join(command)} >{quote(where / 'snmp_agent.log')} 2>&1 &"


AGENT_STATE = Path("/var/lib/fusioninventory-agent")
"""Where version 2.6 keeps its id; it has no option for another place, so the lab mounts its own folder there."""


def run_agent(
    namespace: str, device: Device, where: Path, *, keep: Path, url: str, tag: str, login: tuple[str, str]
) -> str:
    """Runs the real FusionInventory agent once as `device`, at most 60 s; its log, or LabError with the log's end.

    It reports neither environment variables nor processes nor users: they would be those of this very machine.
    """
    state = keep / "agent"
    state.mkdir(parents=True, exist_ok=True)
    lines = ["logger = stderr", "no-httpd = 1", "backend-collect-timeout = 20", f"server = {url}", f"tag = {tag}"]
    lines += [f"{key} = {value}" for key, value in zip(("user", "password"), login, strict=True) if value]
    lines += ["no-task = wakeonlan,deploy,collect,esx,netdiscovery,netinventory"]
    lines += ["no-category = environment,process,local_user,local_group"]
    config = write(where / "agent.cfg", "\n".join(lines) + "\n")
    agent = f"fusioninventory-agent --conf-file={quote(config)} --force"
    script = f"hostname {device.name} && mount --bind {quote(state)} {AGENT_STATE} && exec timeout -k 5 60 {agent}"
    command = inside(namespace, "unshare", "--uts", "sh", "-c", script)
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=80, check=False)
    log = (done.stdout + done.stderr).replace(url, "the server")  # the address may hold a token
    if done.returncode or "[error]" in log:
        raise LabError(f"the agent on {device.name} ended with status {done.returncode}: {log.strip()[-500:]}")
    return log


def quote(path: Path | str) -> str:
    """A path as one word of the shell."""
    return shlex.quote(str(path))
