"""Concludes an asset's role from its open ports and what answers on them, and says nothing where that is not clear."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.transports.nmap_xml import Service

#: nmap's device types that mean one role, whatever else the device does.
_BY_DEVICE = {
    "printer": "printer",
    "print server": "printer",
    "router": "router",
    "broadband router": "router",
    "switch": "switch",
    "firewall": "firewall",
    "webcam": "camera",
    "VoIP phone": "voip",
    "VoIP adapter": "voip",
    "PBX": "voip",
    "WAP": "wireless",
    "power-device": "power",
    "storage-misc": "storage",
    "load balancer": "loadbalancer",
    "remote management": "management",
}
_CAMERAS = ("camera", "webcam", "hikvision", "dahua", "ip cam", "axis ")
#: Video infrastructure and voice gateways speak H.323 and SIP too, and are no room's endpoint.
_NO_ENDPOINTS = ("mcu", "gatekeeper", "gateway", "cisco ios", "asterisk", "cucm", "expressway")
_DISTRIBUTIONS = ("debian", "ubuntu", "red hat", "centos", "rocky", "alma", "suse", "oracle linux")
_SERVERS = (
    *("apache", "nginx", "lighttpd", "tomcat", "jetty", "iis", "node.js", "haproxy", "gunicorn", "uvicorn"),
    *("postfix", "exim", "sendmail", "dovecot", "zimbra", "exchange"),
    *("mysql", "mariadb", "postgresql", "oracle", "sql server", "redis", "mongodb"),
    *("bind", "dnsmasq", "unbound", "openldap", "samba", "vsftpd", "proftpd"),
)
#: Ports on which somebody serves others: with one of them open, a Windows machine is not clearly a workstation.
_SERVING = frozenset({21, 25, 53, 80, 88, 110, 143, 389, 443, 636, 1433, 3306, 5432, 8000, 8080, 8443})
_DIRECTORY = frozenset({88, 389})


def conclude(services: Sequence[Service]) -> str | None:
    """The role (a value of the vocabulary) that the open TCP `services` of one host make clear, else None."""
    ports = {service.port for service in services}
    said = " ".join(f"{s.product} {s.version} {s.extra}" for s in services).lower()
    devices = {_BY_DEVICE[service.device] for service in services if service.device in _BY_DEVICE}
    if 554 in ports:
        # nmap calls video recorders storage; what a recorder of cameras is, no role says.
        devices.discard("storage")
    if devices:
        # A router that prints is no router and no printer to us: two answers are none.
        return devices.pop() if len(devices) == 1 else None
    if 9100 in ports and ports & {515, 631}:
        return "printer"
    if 1720 in ports and ports & {5060, 5061} and not any(word in said for word in _NO_ENDPOINTS):
        return "vc_endpoint"
    if 554 in ports and any(word in said for word in _CAMERAS):
        return "camera"
    if "windows" in said or any(service.system.startswith("Windows") for service in services):
        return _conclude_windows(ports, said)
    return _conclude_linux(services)


def _conclude_windows(ports: set[int], said: str) -> str | None:
    # A domain controller is told by Kerberos and LDAP together; workstations have neither.
    if "windows server" in said or "sql server" in said or ports >= _DIRECTORY:
        return "server"
    if ports & {445, 3389} and not ports & _SERVING:
        return "workstation"
    return None


def _conclude_linux(services: Sequence[Service]) -> str | None:
    shell = any(
        s.name == "ssh" and any(d in f"{s.version} {s.extra}".lower() for d in _DISTRIBUTIONS) for s in services
    )
    serving = any(s.port != 22 and any(name in s.product.lower() for name in _SERVERS) for s in services)
    return "server" if shell and serving else None
