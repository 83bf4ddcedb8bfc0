"""Names of operating systems, as agents and devices write them, as the products and editions of the lifecycle table."""

from __future__ import annotations

import re

from inventory.text import fold

#: The product that a name means, and where in the name its release stands; the first that fits.
_PRODUCTS = tuple(
    (product, re.compile(pattern))
    for product, pattern in (
        ("debian", r"debian(?: gnu/linux)? (\d+)"),
        ("ubuntu", r"ubuntu (?:server )?(\d+\.\d+)"),
        ("centos-stream", r"centos stream (?:release )?(\d+)"),
        ("centos", r"centos(?: linux)?(?: release)? (\d+)"),
        ("rhel", r"red hat enterprise linux(?: \w+)?(?: release)? (\d+)"),
        ("rocky-linux", r"rocky(?: linux)?(?: release)? (\d+)"),
        ("almalinux", r"alma ?linux(?: release)? (\d+)"),
        ("oracle-linux", r"oracle linux(?: server)?(?: release)? (\d+)"),
        ("sles", r"suse linux enterprise (?:server|desktop)[ a-z]* (\d+(?: sp ?\d+|\.\d+)?)"),
        ("opensuse", r"opensuse(?: leap)? (\d+\.\d+)"),
        ("fedora", r"fedora(?: linux)?(?: release)? (\d+)"),
        ("linuxmint", r"linux ?mint (\d+(?:\.\d+)?)"),
        ("amazon-linux", r"amazon linux(?: ami)? (\d{4}\.\d\d|\d+)"),
        ("vmware-esxi", r"(?:vmware )?esxi?\b(?: server)? ?(\d+\.\d+)?"),
        ("proxmox-ve", r"proxmox(?: ve| virtual environment)? (\d+)"),
        ("fortios", r"(?:fortigate )?fortios ?v?(\d+\.\d+)?"),
        ("cisco-ios-xe", r"cisco ios[ -]xe ?(\d+\.\d+)?"),
        ("freebsd", r"freebsd (\d+\.\d+)"),
    )
)
_VERSIONS = (re.compile(r"\d+\.\d+"), re.compile(r"\d+"))
_PACKED = re.compile(r"(\d+)(?: sp ?|\.)?(\d+)?")
_YEAR = re.compile(r"server (?:standard |datacenter )?(20\d\d)( r2)?")
_NAMED = re.compile(r"windows (?:\(?tm\)? )?(vista|xp|7|8\.1|8|2000)\b")
#: Systems of one name whose releases the table tells apart only by service packs that no longer matter.
_BY_NAME = {"vista": "6-sp2", "xp": "5-sp3", "7": "7-sp1", "8.1": "8.1", "8": "8"}


def product_of(os_name: str, version: str | None) -> tuple[str, str] | None:
    """The product and its release, such as ("debian", "12"); None where the name is of no product of the table.

    Where the name holds no release, the version that the source gave beside it does.
    """
    name = fold(os_name)
    for product, pattern in _PRODUCTS:
        if found := pattern.search(name):
            release = found[1] or _first_number(version or "")
            return None if release is None else (product, _service_pack(release) if product == "sles" else release)
    return None


def is_windows(os_name: str) -> bool:
    """Whether the name is of a Windows; CE and the like are none."""
    return re.search(r"windows(?! (ce|mobile|phone|embedded))|hyper-v server", fold(os_name)) is not None


def is_server(os_name: str) -> bool:
    """Whether the name of a Windows is that of one for servers."""
    return "server" in fold(os_name)


def server_release(os_name: str) -> str | None:
    """The year of a Windows Server as the table writes it, such as "2012-r2"; None for one without (half-yearly)."""
    found = _YEAR.search(fold(os_name).replace("®", ""))
    return None if found is None else found[1] + ("-r2" if found[2] else "")


def client_release(os_name: str) -> str | None:
    """The release of a Windows of which the name alone says all, such as Windows 7."""
    found = _NAMED.search(fold(os_name).replace("®", ""))
    return None if found is None else _BY_NAME.get(found[1])


def edition_of(os_name: str, os_edition: str | None) -> str | None:
    """The class of a Windows for workstations by which its support ends: w, e, lts or iot; None where none is named.

    Takes the words of Windows' name in the languages that occur, and the registry's EditionID (EnterpriseS is LTSC).
    """
    words = fold(f"{os_edition or ''} {os_name}").replace("®", "")
    if re.search(r"\bltsc\b|\bltsb\b|enterprisesn?\b", words):
        return "iot" if "iot" in words else "lts"
    if re.search(r"enterprise|entreprise|education(?!\w)", words) and "pro education" not in words:
        return "iot" if "iot" in words else "e"
    if re.search(r"\bpro(fessional|fessionnel|fesional)?\b|\bhome\b|\bfamille\b|\bcore\w*|\bprofessional\w*", words):
        return "w"
    return None


def _first_number(version: str) -> str | None:
    """The release in a version such as "v7.2.6,build1575" or "CAT9K_LITE_IOSXE 16.12.4"."""
    found = next((match for pattern in _VERSIONS if (match := pattern.search(version))), None)
    return found[0] if found else None


def _service_pack(release: str) -> str:
    """SUSE's "15 SP4" as the table's 15.4; without a service pack it is the first release."""
    found = _PACKED.fullmatch(release)
    return f"{found[1]}.{found[2] or 0}" if found else release
