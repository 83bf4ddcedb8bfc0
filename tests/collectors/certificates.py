"""Certificates as websites have them, good and bad, made for a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make(
    name: str,
    issuer: Signed | None = None,
    *,
    authority: bool = False,
    names: Sequence[str] = (),
    addresses: Sequence[str] = (),
    begins: datetime | None = None,
    expires: datetime | None = None,
    key: Key | None = None,
) -> Signed:
    """A certificate of a name, by `issuer` or by itself; valid from yesterday for 90 days unless told otherwise."""
    now = datetime.now(UTC)
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(expires or now + 90 * DAY)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    if not authority:
        known: list[x509.GeneralName] = [x509.DNSName(n) for n in names or (name,)]
        known += [x509.IPAddress(ip_address(a)) for a in addresses]
        made = made.add_extension(x509.SubjectAlternativeName(known), critical=False)
    return Signed(made.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def save(folder: Path, name: str, *chain: Signed) -> None:
    """Write NAME.pem, the first of the chain and those that vouch for it, and NAME.key."""
    (folder / f"{name}.pem").write_bytes(b"".join(each.pem for each in chain))
    (folder / f"{name}.key").write_bytes(chain[0].key_pem)
