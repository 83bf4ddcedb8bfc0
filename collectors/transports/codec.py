"""Speaks HTTPS with one video-conference device that is verified or pinned, bounded in time and size."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from collectors.transports import pinned
from collectors.transports.pinned import PinError
from inventory.words import Credential

if TYPE_CHECKING:
    import httpx2

PORT = 443
SECONDS = 15.0
"""For one answer: a codec in a call takes its time."""
LARGEST = 4 << 20
"""Bytes of one answer: a status has some 200 KB, 500 calls as much."""


class CodecError(OSError):
    """The device was not read; the text names what was asked and holds no secret."""


class CodecSession:
    """A conversation with one device; cookies that it sets are sent back to it."""

    def __init__(self, host: str, port: int, credential: Credential, *, basic: bool = False) -> None:
        """`credential` holds user and password, and certificates or ca; `basic` sends them with each request."""
        self.where = pinned.place(host, port)
        self._host, self._port, self._credential, self._basic = host, port, credential, basic
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        import httpx2  # costs 0.2 s to import

        try:
            context = await pinned.verification(self._host, self._port, self._credential)
        except PinError as error:
            raise CodecError(str(error)) from None
        secret = self._credential.secret
        pair = base64.b64encode(f"{secret['user']}:{secret['password']}".encode()).decode()
        # Redirects are not followed: what is sent goes to the device that was verified and nowhere else.
        self._client = httpx2.AsyncClient(
            base_url=f"https://{self.where}",
            verify=context,
            timeout=SECONDS,
            trust_env=False,
            headers={"authorization": f"Basic {pair}"} if self._basic else {},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def get(self, path: str) -> bytes:
        """The body of an answer with the status 200; CodecError for any other."""
        return await self._ask("GET", path, None, "")

    async def post(self, path: str, body: bytes, kind: str) -> bytes:
        """As `get`, with a body of this content type."""
        return await self._ask("POST", path, body, kind)

    async def leave(self, path: str, body: bytes, kind: str) -> None:
        """Say goodbye; whether it is heard does not matter."""
        with suppress(CodecError):
            await self._ask("POST", path, body, kind)

    async def _ask(self, method: str, path: str, body: bytes | None, kind: str) -> bytes:
        import httpx2

        if self._client is None:
            raise CodecError(f"{self.where}: the session is not open")
        received = bytearray()
        named = path.partition("?")[0]
        headers = {"content-type": kind} if kind else {}
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._client.stream(method, path, content=body, headers=headers) as answer,
            ):
                async for part in answer.aiter_bytes():
                    received += part
                    if len(received) > LARGEST:
                        raise CodecError(f"{self.where}{named}: more than {LARGEST >> 20} MB")
        except TimeoutError:
            raise CodecError(f"{self.where}{named}: no whole answer within {SECONDS:g} s") from None
        except (httpx2.HTTPError, OSError) as error:
            if isinstance(error, CodecError):
                raise
            raise CodecError(await self._unreached(error)) from None
        if answer.status_code in (401, 403):
            raise CodecError(f"{self.where}{named} refuses credential {self._credential.name}")
        if answer.status_code != 200:
            raise CodecError(f"{self.where}{named}: found status {answer.status_code}, expected 200")
        return bytes(received)

    async def _unreached(self, error: Exception) -> str:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return f"{self.where}: {error or type(error).__name__}"
        try:
            shown, _ = await pinned.certificate(self._host, self._port)
        except PinError as failure:
            return str(failure)
        return (
            f"{pinned.tell_unknown(self.where, shown)} Compare it at the device, then: "
            f"{pinned.command(self._credential, self.where, shown)}"
        )
