"""What a TLS server shows: the handshake's version and certificate, and what is wrong with that certificate."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import NameOID

from inventory.text import storable
from inventory.words import InputError, Title

#: Of OpenSSL's X509_V_ERR_* codes (x509_vfy.h) those that are told apart; the others are "untrusted".
_PROBLEMS = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "unknown_issuer",
    2: "unknown_issuer",
    20: "unknown_issuer",
    21: "unknown_issuer",
    62: "wrong_name",
    64: "wrong_name",
}
_WEAK_HASHES = ("md5", "sha1")
_SMALLEST_RSA, _SMALLEST_EC = 2048, 224
"""Bits; NIST SP 800-131A revision 2 allows nothing smaller for signatures."""
_LAST_YEAR = 9000
"""Certificates without an end say 31 December 9999 (RFC 5280 section 4.1.2.5)."""
_NAMES, _LONGEST = 20, 200
# SSL_OP_LEGACY_SERVER_CONNECT: servers from before RFC 5746 are looked at as well.
_LEGACY = 0x4
_WEAKEST = "DEFAULT:@SECLEVEL=0"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate; times are those that it states."""

    begins: datetime
    expires: datetime
    issuer: str
    names: tuple[str, ...]
    key: str
    """The kind and bits of its key and the hash of its signature, such as "RSA 2048, SHA256"."""
    weak: bool
    """Whether key or signature can be forged with today's means."""
    own: bool
    """Whether it names itself as its issuer."""

    @property
    def absurd(self) -> bool:
        """Whether its times cannot be meant."""
        return self.expires <= self.begins or self.begins.year < 1970 or self.expires.year > _LAST_YEAR


@dataclass(frozen=True, slots=True)
class Shown:
    """What one handshake showed."""

    version: str
    """Such as "TLSv1.3"."""
    certificate: Certificate | None
    """None where it cannot be read."""
    problems: tuple[str, ...] = ()
    """What is wrong with the certificate, in the words of the key certificate_problem; empty where it is valid."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How servers are looked at: one context that verifies them, one that does not, one that knows old TLS alone."""

    verifying: ssl.SSLContext = field(repr=False)
    open: ssl.SSLContext = field(repr=False)
    old: ssl.SSLContext = field(repr=False)
    anchors: bool = True
    """Whether any authority is trusted at all: without one an unknown issuer says nothing."""


def trust(files: Sequence[Path] = ()) -> Trust:
    """The system's trusted authorities, and those of PEM files besides; takes 20 ms, so make it once a round.

    Raises:
        InputError: a file cannot be read or holds no certificate.
    """
    verifying = _context()
    verifying.load_default_certs()
    # An authority of one's own may be one that another has signed.
    verifying.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for path in files:
        try:
            verifying.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                Title(
                    f"websites.ca: {path}: {error.strerror or error}, cần chứng thư (PEM)",
                    f"websites.ca: {path}: found {error.strerror or error}, expected certificates (PEM)",
                )
            ) from None
    anything, old = _context(), _context()
    for context in (anything, old):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _set_versions(old, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    return Trust(verifying, anything, old, bool(files) or _has_authorities())


def _has_authorities() -> bool:
    """Whether the system has a store of trusted authorities (Debian's package ca-certificates)."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _context() -> ssl.SSLContext:
    """A context that agrees to whatever a server has: it is to be looked at, and nothing secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_versions(context, ssl.TLSVersion.TLSv1, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    context.set_ciphers(_WEAKEST)
    context.options |= _LEGACY
    return context


def _set_versions(context: ssl.SSLContext, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> None:
    with warnings.catch_warnings():
        # Python warns of old versions; whether servers still speak them is the question.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = oldest, newest


def show(link: ssl.SSLObject, refusal: ssl.SSLCertVerificationError | None, host: str, now: datetime) -> Shown:
    """What a finished handshake showed, with `refusal` that of an earlier one that verified."""
    version = link.version() or ""
    try:
        certificate = read_certificate(link.getpeercert(binary_form=True) or b"")
    except (ValueError, UnsupportedAlgorithm):
        return Shown(version, None, ("unreadable",))
    return Shown(version, certificate, find_problems(certificate, refusal, host, now))


def find_problems(
    certificate: Certificate, refusal: ssl.SSLCertVerificationError | None, host: str, now: datetime
) -> tuple[str, ...]:
    """All that is wrong with a certificate: verifying ends at the first problem, people want to know each."""
    found: list[str] = []
    if certificate.absurd:
        found.append("absurd_dates")
    elif now > certificate.expires:
        found.append("expired")
    if now < certificate.begins and not certificate.absurd:
        found.append("not_yet_valid")
    if refusal is not None:
        said = _PROBLEMS.get(refusal.verify_code, "untrusted")
        if said in ("expired", "not_yet_valid") and said not in found:
            # Not its own time is over, but that of one which vouches for it.
            said = "absurd_dates" if certificate.absurd else "chain_expired"
        found.append(said)
        if not any(_covers(name, host) for name in certificate.names):
            found.append("wrong_name")
        if certificate.own and "unknown_issuer" not in found:
            found.append("self_signed")
    if certificate.weak:
        found.append("weak")
    return tuple(dict.fromkeys(found))


def _covers(name: str, host: str) -> bool:
    """Whether a name of a certificate is that of the host; a star stands for one label (RFC 6125 section 6.4.3)."""
    name = name.lower()
    return name == host or (name.startswith("*.") and "." in host and name[2:] == host.partition(".")[2])


def read_certificate(der: bytes) -> Certificate:
    """What a certificate says of itself.

    Raises:
        ValueError: it is none, or one that breaks the rules of its form; UnsupportedAlgorithm: of an unknown kind.
    """
    read = x509.load_der_x509_certificate(der)
    key, weak = _read_key(read)
    return Certificate(
        read.not_valid_before_utc.astimezone(UTC),
        read.not_valid_after_utc.astimezone(UTC),
        _name(read.issuer),
        _names(read),
        key,
        weak,
        read.issuer == read.subject,
    )


def _read_key(read: x509.Certificate) -> tuple[str, bool]:
    hashed = read.signature_hash_algorithm
    public = read.public_key()
    weak = hashed is not None and hashed.name in _WEAK_HASHES
    match public:
        case rsa.RSAPublicKey():
            kind, weak = f"RSA {public.key_size}", weak or public.key_size < _SMALLEST_RSA
        case ec.EllipticCurvePublicKey():
            kind, weak = f"EC {public.key_size}", weak or public.key_size < _SMALLEST_EC
        case dsa.DSAPublicKey():
            kind, weak = f"DSA {public.key_size}", True
        case _:
            kind = type(public).__name__.removeprefix("_").removesuffix("PublicKey")
    return kind + (f", {hashed.name.upper()}" if hashed is not None else ""), weak


def _name(name: x509.Name) -> str:
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        said = [_text(str(each.value)) for each in name.get_attributes_for_oid(oid)]
        if said:
            return said[0]
    return _text(name.rfc4514_string())


def _names(read: x509.Certificate) -> tuple[str, ...]:
    try:
        said = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    names = [*said.get_values_for_type(x509.DNSName), *map(str, said.get_values_for_type(x509.IPAddress))]
    return tuple(_text(name) for name in names[:1000])


def _text(said: str) -> str:
    """What a stranger wrote, short and printable."""
    return storable("".join(c if c.isprintable() else " " for c in said[:_LONGEST])).strip()


def join_names(names: Sequence[str]) -> str:
    """The names of a certificate on a line, the first of many."""
    more = f" (+{len(names) - _NAMES})" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more
