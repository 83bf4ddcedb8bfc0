"""Reads one page of metrics in Prometheus' text format over HTTP, bounded in time, size and number."""

from __future__ import annotations

import asyncio
import base64
import math
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory.words import Credential, InputError, Title

if TYPE_CHECKING:
    import httpx2

LARGEST = 16 << 20
"""Bytes of a page: a node_exporter of a server with hundreds of disks has half a megabyte."""
MOST_SAMPLES = 50_000
"""Samples of the metrics that are wanted."""
_TYPES = ("text/plain", "application/openmetrics-text")


class ScrapeError(Exception):
    """There was no page of metrics; the text names the address and what came instead, and no secret."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric with its labels; always a finite number."""

    labels: Mapping[str, str]
    value: float


Metrics = Mapping[str, tuple[Sample, ...]]
"""Samples by the metric's name."""


async def scrape(address: str, port: int, credential: Credential, wanted: Iterable[str], seconds: float) -> Metrics:
    """The samples of the metrics whose name begins with one of `wanted`.

    Redirects are not followed: a scan goes where the register says and nowhere else. Over HTTPS the certificate is
    verified, against `ca` (PEM) of the credential where it has one.

    Args:
        credential: of the kind "exporter"; optional are scheme (http, https), path, user and password, token, ca.
        seconds: for all of it.

    Raises:
        ScrapeError: no answer, another status than 200, or a page that is none of metrics, or too long.
        InputError: `ca` of the credential is no certificate.
    """
    import httpx2  # costs 0.2 s to import, and most runs are SNMP

    secret = credential.secret
    host = f"[{address}]" if ":" in address else address
    where = f"{secret.get('scheme', 'http')}://{host}:{port}{secret.get('path', '/metrics')}"
    client = httpx2.AsyncClient(
        verify=_verification(credential), timeout=seconds, trust_env=False, headers=_headers(secret)
    )
    try:
        async with asyncio.timeout(seconds), client, client.stream("GET", where) as response:
            text = await _body(response, where)
    except TimeoutError:
        raise ScrapeError(f"{where}: no whole answer within {seconds:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, LookupError) as error:
        raise ScrapeError(f"{where}: {error or type(error).__name__}") from None
    try:
        return read_metrics(text, wanted)
    except ValueError as error:
        raise ScrapeError(f"{where}: {error}") from None


def _verification(credential: Credential) -> ssl.SSLContext | bool:
    if credential.secret.get("scheme", "http") != "https":
        return False
    if "ca" not in credential.secret:
        return True
    try:
        return ssl.create_default_context(cadata=credential.secret["ca"])
    except (ssl.SSLError, ValueError):
        raise InputError(
            Title(
                f"thông tin xác thực {credential.name}, ca: cần chứng thư ở dạng PEM",
                f"credential {credential.name}, ca: expected certificates in PEM",
            )
        ) from None


def _headers(secret: Mapping[str, str]) -> dict[str, str]:
    told = {"accept": "text/plain;version=0.0.4"}
    if "token" in secret:
        told["authorization"] = f"Bearer {secret['token']}"
    elif "user" in secret:
        pair = f"{secret['user']}:{secret.get('password', '')}".encode()
        told["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return told


async def _body(response: httpx2.Response, where: str) -> str:
    if response.status_code != 200:
        raise ScrapeError(f"{where}: found status {response.status_code}, expected 200")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise ScrapeError(f"{where}: found {kind[:80] or 'no content type'}, expected metrics ({', '.join(_TYPES)})")
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LARGEST:
            raise ScrapeError(f"{where}: more than {LARGEST >> 20} MB")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ScrapeError(f"{where}: found no UTF-8 at byte {error.start:,}") from None


def read_metrics(text: str, wanted: Iterable[str]) -> Metrics:
    """The samples of a page whose metric's name begins with one of `wanted`; those that are no number are left out.

    Raises:
        ValueError: a line of these is no sample, or there are more than MOST_SAMPLES.
    """
    from prometheus_client.parser import text_string_to_metric_families

    prefixes = tuple(wanted)
    # What is not wanted is not parsed: a line of another program's textfile that is wrong spoils nothing.
    lines = [line for line in text.splitlines() if line.startswith(prefixes)]
    if len(lines) > MOST_SAMPLES:
        raise ValueError(
            f"found {len(lines):,} samples of the metrics that are read, expected at most {MOST_SAMPLES:,}"
        )
    found: dict[str, list[Sample]] = {}
    for line in lines:
        try:
            for family in text_string_to_metric_families(line + "\n"):
                for sample in family.samples:
                    if math.isfinite(sample.value):
                        found.setdefault(sample.name, []).append(Sample(sample.labels, float(sample.value)))
        except (ValueError, IndexError, KeyError, AttributeError) as error:
            raise ValueError(f"found the line {line[:120]!r}, expected a sample: {error}") from None
    return {name: tuple(samples) for name, samples in found.items()}
