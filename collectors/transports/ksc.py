"""Asks the Administration Server of Kaspersky Security Center by its OpenAPI: lists of hosts and groups, read only.

The calls, attributes and forms of values are those of the maker's "KSC Open API" (13 to 16): HTTPS and JSON on port
13299, one method for each address, a session for each login.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from collectors.transports import pinned
from collectors.transports.pinned import PinError, place
from inventory.words import Credential, Title, ToldError

if TYPE_CHECKING:
    import httpx2

PORT = 13_299
KIND = "ksc"
"""The kind of its credentials."""
SECONDS = 60.0
"""For one answer: a server with thousands of hosts needs some of them to find them."""
LARGEST = 64 << 20
"""Bytes of one answer."""
AT_ONCE = 500
"""Rows of one answer."""
MOST_ROWS = 500_000
_LIFE = 3600

Row = Mapping[str, object]
"""Attributes of a host or group by name; values are text, numbers, yes or no, aware times, lists, or None."""


class KscError(ToldError, OSError):
    """The server was not read; the text names it and holds no secret."""


async def certificate(host: str, port: int) -> tuple[str, str]:
    """As `pinned.certificate`, failing with KscError."""
    try:
        return await pinned.certificate(host, port)
    except PinError as error:
        raise KscError(error.told) from None


class AdministrationServer:
    """A session on one server; as an async context manager it logs in and out."""

    def __init__(self, host: str, port: int, credential: Credential) -> None:
        """`credential` is of the kind "ksc": user and password, domain for an account of one, ca or certificates."""
        self.where = place(host, port)
        self._host, self._port, self._credential = host, port, credential
        self._client: httpx2.AsyncClient | None = None
        self._session = ""

    async def __aenter__(self) -> Self:
        import httpx2  # costs 0.2 s to import

        self._client = httpx2.AsyncClient(
            base_url=f"https://{self.where}/api/v1.0/",
            verify=await self._context(),
            timeout=SECONDS,
            trust_env=False,
        )
        try:
            login = await self._post("Session.StartSession", {}, {"authorization": self._authorization()})
            session = login.get("PxgRetVal")
            if not isinstance(session, str) or not session:
                raise KscError(
                    Title(
                        f"{self.where}: câu trả lời cho đăng nhập không có phiên",
                        f"{self.where}: found no session in the answer to the login",
                    )
                )
            self._session = session
        except BaseException:
            await self._client.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is None:
            return
        try:
            if kind is None:
                # Sessions are few; one that was broken off ends by itself.
                await self._call("Session.EndSession", {})
        except KscError:
            pass
        finally:
            await self._client.aclose()

    def hosts(self, attributes: Sequence[str]) -> AsyncIterator[Row]:
        """The managed hosts with these attributes. KscError where the list is not whole."""
        # Devices that were only discovered stand among the unassigned: no console manages them.
        return self._find("HostGroup.FindHosts", "(KLHST_WKS_FROM_UNASSIGNED=0)", attributes)

    async def groups(self) -> dict[int, str]:
        """By number the path of each administration group, such as "Sở Y tế/Văn phòng"."""
        names: dict[int, tuple[str, int]] = {}
        async for row in self._find("HostGroup.FindGroups", "", ("id", "name", "parentId")):
            number, name, parent = row.get("id"), row.get("name"), row.get("parentId")
            if isinstance(number, int) and isinstance(name, str):
                names[number] = (name, parent if isinstance(parent, int) else -1)
        return {number: _path(names, number) for number in names}

    async def _find(self, method: str, query: str, attributes: Sequence[str]) -> AsyncIterator[Row]:
        asked = {
            "wstrFilter": query,
            "vecFieldsToReturn": list(attributes),
            "vecFieldsToOrder": [],
            "pParams": {"KLGRP_FIND_FROM_CUR_VS_ONLY": True},
            "lMaxLifeTime": _LIFE,
        }
        accessor = (await self._call(method, asked)).get("strAccessor")
        if not isinstance(accessor, str) or not accessor:
            raise KscError(
                Title(
                    f"{self.where}: {method}: câu trả lời không có accessor",
                    f"{self.where}: {method}: found no accessor in the answer",
                )
            )
        named = {"strAccessor": accessor}
        total = (await self._call("ChunkAccessor.GetItemsCount", named)).get("PxgRetVal")
        if not isinstance(total, int) or not 0 <= total <= MOST_ROWS:
            raise KscError(
                Title(
                    f"{self.where}: {method}: gặp {total!r} dòng, cần số không quá {MOST_ROWS:,}",
                    f"{self.where}: {method}: found {total!r} rows, expected a number up to {MOST_ROWS:,}",
                )
            )
        read = 0
        while read < total:
            part = await self._call("ChunkAccessor.GetItemsChunk", named | {"nStart": read, "nCount": AT_ONCE})
            rows = _plain(part.get("pChunk"))
            listed = rows.get("KLCSP_ITERATOR_ARRAY") if isinstance(rows, dict) else None
            if not isinstance(listed, list) or not listed or not all(isinstance(row, dict) for row in listed):
                # Whoever is not in the list counts as unprotected: half a list is none.
                raise KscError(
                    Title(
                        f"{self.where}: {method}: danh sách dừng ở {read:,} trong {total:,} dòng",
                        f"{self.where}: {method}: the list broke off after {read:,} of {total:,} rows",
                    )
                )
            for row in listed[: total - read]:
                yield row
            read += len(listed)
        await self._call("ChunkAccessor.Release", named)

    async def _call(self, method: str, asked: Mapping[str, object]) -> dict[str, Any]:
        return await self._post(method, asked, {"x-ksc-session": self._session})

    async def _post(self, method: str, asked: Mapping[str, object], headers: Mapping[str, str]) -> dict[str, Any]:
        import httpx2

        if self._client is None:
            raise KscError(Title(f"{self.where}: chưa mở phiên", f"{self.where}: the session is not open"))
        body = bytearray()
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._client.stream("POST", method, json=dict(asked), headers=headers) as answer,
            ):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise KscError(
                            Title(
                                f"{self.where}: {method}: hơn {LARGEST >> 20} MB",
                                f"{self.where}: {method}: more than {LARGEST >> 20} MB",
                            )
                        )
        except TimeoutError:
            raise KscError(
                Title(
                    f"{self.where}: {method}: không có câu trả lời đầy đủ trong {SECONDS:g} giây",
                    f"{self.where}: {method}: no whole answer within {SECONDS:g} s",
                )
            ) from None
        except (httpx2.HTTPError, OSError) as error:
            if isinstance(error, KscError):
                raise
            raise KscError(await self._unreached(error)) from None
        if answer.status_code == 401:
            if "KSCMFA" in answer.headers.get("www-authenticate", ""):
                raise KscError(
                    Title(
                        f"{self.where} đòi mã dùng một lần: cần một tài khoản riêng để đọc, được miễn mã này",
                        f"{self.where} asks for a one-time code: expected an account of its own for reading, "
                        "exempt from it",
                    )
                )
            raise KscError(
                Title(
                    f"{self.where} từ chối thông tin xác thực {self._credential.name}",
                    f"{self.where} refuses credential {self._credential.name}",
                )
            )
        if answer.status_code != 200:
            raise KscError(
                Title(
                    f"{self.where}: {method}: gặp trạng thái {answer.status_code}, cần 200",
                    f"{self.where}: {method}: found status {answer.status_code}, expected 200",
                )
            )
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise KscError(
                Title(
                    f"{self.where}: {method}: câu trả lời không phải đối tượng JSON",
                    f"{self.where}: {method}: found no JSON object in the answer",
                )
            )
        if fault := found.get("PxgError"):
            text = fault.get("message") if isinstance(fault, dict) else fault
            raise KscError(f"{self.where}: {method}: {str(text)[:200]}")
        return found

    async def _unreached(self, error: Exception) -> Title:
        """Why there was no answer; for a certificate that nobody vouches for, how to pin it."""
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return Title.same(f"{self.where}: {error or type(error).__name__}")
        shown, _ = await certificate(self._host, self._port)
        unknown, pin = pinned.tell_unknown(self.where, shown), pinned.command(self._credential, self.where, shown)
        return Title(
            f"{unknown.vi} Hãy đối chiếu với klserver.cer tại máy chủ, rồi: {pin}",
            f"{unknown.en} Compare it with klserver.cer at the server, then: {pin}",
        )

    async def _context(self) -> ssl.SSLContext:
        """How its certificate is verified: it is the pinned one itself, else `ca` or an authority vouches for it."""
        try:
            return await pinned.verification(self._host, self._port, self._credential)
        except PinError as error:
            raise KscError(error.told) from None

    def _authorization(self) -> str:
        secret = self._credential.secret
        parts = {"user": secret["user"], "pass": secret["password"]}
        if "domain" in secret:
            parts["domain"] = secret["domain"]
        told = ", ".join(f'{name}="{base64.b64encode(text.encode()).decode()}"' for name, text in parts.items())
        return f'KSCBasic {told}, internal="{0 if "domain" in secret else 1}"'


def _path(names: Mapping[int, tuple[str, int]], number: int) -> str:
    """The names from the outermost group to this one; a ring among them ends it."""
    parts: list[str] = []
    seen: set[int] = set()
    while number in names and number not in seen:
        seen.add(number)
        name, number = names[number]
        parts.append(name)
    return "/".join(reversed(parts))


def _plain(value: object) -> object:
    """A value without the wrapping that names its type: {"type": "datetime", "value": "2026-11-25T08:30:00Z"}."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"type", "value"}:
        inner = value["value"]
        if value["type"] == "datetime":
            return _time(inner)
        return _plain(inner)
    return {name: _plain(each) for name, each in value.items()}


def _time(text: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
