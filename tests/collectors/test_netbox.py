"""What NetBox's objects declare, read from lists as its API tells them, and the wire to it."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collectors.netbox import DEVICES, KINDS, read_register
from collectors.transports.netbox import Wire
from inventory.netbox import LostError, Names, NetBoxError, Told, read_url
from inventory.words import Credential, InputError

AT = {"created": "2025-06-30T18:00:00Z", "last_updated": "2026-03-01T02:00:00+07:00"}


def told(names: Names | None = None, **lists: list[dict[str, Any]]) -> Told:
    whole = {
        name: [row | {"id": n} | AT for n, row in enumerate(lists.get(name, ()), 1)] for name in (*KINDS, *DEVICES)
    }
    return read_register(whole, names or Names())


def tenant(code: str | None, name: str = "A", level: object = "tinh", **more: object) -> dict[str, Any]:
    return {"name": name, "custom_fields": {"agency_code": code, "agency_level": level}} | more


def with_prefix(**more: object) -> dict[str, list[dict[str, Any]]]:
    prefix: dict[str, Any] = {"prefix": "10.1.0.0/24", "tenant": {"id": 1}, "role": {"slug": "lan"}}
    return {"tenants": [tenant("A")], "prefixes": [prefix | more]}


def with_circuit(**more: object) -> dict[str, list[dict[str, Any]]]:
    circuit: dict[str, Any] = {"cid": "1", "tenant": {"id": 1}, "status": "active", "type": {"slug": "internet"}}
    return {"tenants": [tenant("A")], "circuits": [circuit | more]}


def test_the_group_that_stands_for_an_agency_is_the_parent() -> None:
    groups = [
        {"name": "Khối sở", "parent": None, "custom_fields": {}},
        {"name": "Sở Y tế", "parent": {"id": 1}, "custom_fields": {}},
        {"name": "Huyện", "parent": None, "custom_fields": {"agency_code": "H-1", "agency_level": "huyen"}},
    ]
    tenants = [
        tenant("SO-YTE", "Sở Y tế", group={"id": 1}),
        tenant("BV-1", "Bệnh viện", group={"id": 2}),
        tenant("XA-1", "Xã", group={"id": 3}),
    ]
    found = told(groups=groups, tenants=tenants)
    assert {a.code: a.parent for a in found.agencies} == {"H-1": None, "SO-YTE": None, "BV-1": "SO-YTE", "XA-1": "H-1"}
    # Days are days in Vietnam.
    assert {(a.created, a.changed) for a in found.agencies} == {(date(2025, 7, 1), date(2026, 3, 1))}
    assert found.problems == []


def test_a_group_with_a_level_and_no_code_is_that_level_and_what_lies_in_it_is_of_it() -> None:
    groups = [
        {"name": "Cấp tỉnh", "parent": None, "custom_fields": {"agency_level": "tinh", "name_en": "Province"}},
        {"name": "Cấp xã", "parent": {"id": 1}, "custom_fields": {"agency_level": "xa"}},
        {"name": "Huyện", "parent": {"id": 1}, "custom_fields": {"agency_code": "H-1", "agency_level": "huyen"}},
        {"name": "Cụm", "parent": {"id": 2}, "custom_fields": {}},
    ]
    tenants = [
        tenant("SO-YTE", level=None, group={"id": 1}),
        tenant("XA-1", level=None, group={"id": 4}),
        tenant("XA-2", level="phuong", group={"id": 2}),
        tenant("BV-1", level=None, group={"id": 3}),
    ]
    found = told(groups=groups, tenants=tenants)
    assert [(v.code, v.name, v.name_en, v.depth) for v in found.levels] == [
        ("tinh", "Cấp tỉnh", "Province", 0), ("xa", "Cấp xã", None, 1),
    ]  # fmt: skip
    assert {a.code: a.level for a in found.agencies} == {
        "H-1": "huyen", "SO-YTE": "tinh", "XA-1": "xa", "XA-2": "phuong", "BV-1": "tinh",
    }  # fmt: skip
    assert found.problems == []


def test_a_group_that_is_its_own_parent_ends() -> None:
    groups = [{"name": "A", "parent": {"id": 2}}, {"name": "B", "parent": {"id": 1}}]
    [agency] = told(groups=groups, tenants=[tenant("T", "T", group={"id": 1})]).agencies
    assert agency.parent is None


@pytest.mark.parametrize(
    ("lists", "problem"),
    [
        ({"tenants": [tenant("A B")]}, "tenant “A” (id 1) agency_code “A B”"),
        ({"tenants": [tenant("A", level=["tinh"])]}, "tenant “A” (id 1) agency_level “['tinh']”"),
        ({"tenants": [tenant("A", level=None)]}, "tenant “A” (id 1) agency_level nothing"),
        (with_prefix(role={"slug": "lann"}), "prefix “10.1.0.0/24” (id 1) role “lann”"),
        (with_prefix(prefix=None), "prefix “?” (id 1) prefix nothing"),
        (with_circuit(type={"slug": "fibre"}), "circuit “1” (id 1) type “fibre”"),
        (with_circuit(install_date="soon"), "circuit “1” (id 1) install_date “soon”"),
        (with_circuit(custom_fields={"far_address": "there"}), "circuit “1” (id 1) far_address “there”"),
    ],
)
def test_what_cannot_be_read_is_named(lists: dict[str, list[dict[str, Any]]], problem: str) -> None:
    [found] = told(**lists).problems
    assert f"{found.sheet} {found.column} {found.found.en}" == problem


def test_objects_with_missing_fields_and_odd_names_are_read() -> None:
    rows = [
        {},
        {"name": None, "status": {"value": "active"}},
        {"name": "a\u200b\u202e\x07 “b”\n🔌", "status": "active"},
    ]
    found = told(devices=rows, tenants=[{}], prefixes=[{}], circuits=[{}], sites=[{}], groups=[{}])
    assert [(d.thing.name, d.live) for d in found.devices] == [("?", False), ("?", True), ("a “b” 🔌", True)]
    assert {(thing.kind, why) for thing, why in found.left_out} == {
        ("tenant", "no_code"),
        ("prefix", "no_agency"),
        ("circuit", "status"),
    }


@pytest.mark.parametrize(
    ("slug", "role"),
    [("switch", "switch"), ("core-switch", "switch"), ("edge-fw", "firewall"), ("vc-endpoint", "vc_endpoint"),
     ("ap", "wireless"), ("thing", None), ("kho", "storage")],
)  # fmt: skip
def test_roles_are_known_by_their_words_or_the_settings(slug: str, role: str | None) -> None:
    device = {"name": "d", "status": "active", "role": {"slug": slug}}
    [found] = told(Names(roles={"kho": "storage"}), devices=[device]).devices
    assert found.role == role


def test_circuits_have_their_rate_kind_and_days() -> None:
    circuit = {
        "cid": "VNPT 01", "tenant": {"id": 1}, "status": {"value": "decommissioned"}, "type": {"slug": "mpls-l3"},
        "commit_rate": 2_500, "install_date": "2024-01-02", "termination_date": "2025-12-31",
        "provider": {"name": "VNPT"}, "custom_fields": {"far_address": {"address": "10.0.0.1/30"}},
    }  # fmt: skip
    [link] = told(tenants=[tenant("A")], circuits=[circuit]).links
    assert (link.code, link.kind, link.contracted_mbps, link.address) == ("VNPT-01", "wan", 2.5, "10.0.0.1")
    assert (link.installed, link.ended) == (date(2024, 1, 2), date(2025, 12, 31))


@pytest.mark.parametrize(
    "text", ["netbox", "ftp://a", "http://", "https://u:p@a", "https://a/?x=1", "http://a:x", "http://a b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected an address such as"):
        read_url(text)


def test_an_address_is_taken_with_or_without_its_end() -> None:
    assert {read_url(f"https://a.vn/nb{end}") for end in ("", "/", "/api", "/api/")} == {"https://a.vn/nb"}


# --- the wire ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A TLS server of our own that says it is NetBox: its address, and its certificate, for which nobody vouches."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(private + pem.encode())

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            version = "4.7.3" if self.headers["Authorization"] == "Bearer nbt_a.b" else "3.7.8"
            body = f'{{"netbox-version": "{version}"}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://localhost:{server.server_port}", pem
    server.shutdown()
    server.server_close()
    thread.join(10)


def credential(**secret: str) -> Credential:
    return Credential("nb", "netbox", {"token": "nbt_a.b"} | secret)


def test_a_certificate_is_verified_against_the_authority_of_the_credential(secure: tuple[str, str]) -> None:
    url, pem = secure
    with Wire(url, credential(), 5) as wire, pytest.raises(NetBoxError, match="its certificate is not trusted"):
        wire.greet()
    with Wire(url, credential(ca=pem), 5) as wire:
        assert wire.greet() == "4.7.3"
    old = pytest.raises(NetBoxError, match=r"found NetBox 3\.7\.8, expected 4\.2 or newer")
    with Wire(url, credential(ca=pem, token="0" * 40), 5) as wire, old:
        wire.greet()
    with pytest.raises(InputError, match="credential nb, ca: expected certificates in PEM"):
        Wire(url, credential(ca="no"), 5)


def test_nobody_at_the_address_is_told() -> None:
    with Wire("http://127.0.0.1:9", credential(), 5) as wire, pytest.raises(NetBoxError, match="Connection refused"):
        wire.greet()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"])
def test_a_server_that_drips_its_answer_does_not_hold_the_wire(head: bytes) -> None:
    """A server of our own that sends a byte now and then, of the head or of the body, and never an end."""
    ended = threading.Event()

    class Dripping(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with contextlib.suppress(OSError):
                self.request.sendall(head)
                while not ended.wait(0.02):
                    self.request.sendall(b"x")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            begun = time.monotonic()
            told = pytest.raises(LostError, match=r"within 0\.3 s|timed out")
            with Wire(f"http://127.0.0.1:{server.server_address[1]}", credential(), 0.3) as wire, told:
                wire.greet()
            # Far from what the whole would have taken: three minutes, or for ever.
            assert time.monotonic() - begun < 10
        finally:
            ended.set()
            server.shutdown()
            thread.join(10)
