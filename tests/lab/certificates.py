"""The certificates of the lab's machines, which vouch for themselves and stay the same from one lab to the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.collectors.certificates import make
from tests.lab import services
from tests.lab.declared import Device


def certificate(keep: Path, device: Device) -> Path:
    """The machine's certificate for its address and the key, in one PEM file; it vouches for itself, and is made once.

    One that is valid for less than a month is made anew.
    """
    file = keep / f"{device.name}.pem"
    if file.exists() and _read(file).not_valid_after_utc > datetime.now(UTC) + timedelta(days=30):
        return file
    made = make(device.name, addresses=[device.address])
    keep.mkdir(parents=True, exist_ok=True)
    return services.write(file, (made.pem + made.key_pem).decode())


def _read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def public_part(file: Path) -> str:
    """The certificate in a PEM file, without the key."""
    return _read(file).public_bytes(Encoding.PEM).decode()
