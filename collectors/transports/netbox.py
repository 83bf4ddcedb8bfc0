"""The wire to NetBox's REST API: lists, bulk writes, and what went wrong, in bounded time and size."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inventory.netbox import LostError, NetBoxError, Record, RefusedError, read_url
from inventory.text import nfc
from inventory.words import Credential, InputError, Title

KIND = "netbox"
"""The kind of its credentials: `token` (v1, or v2 as nbt_KEY.SECRET), and `ca` (PEM) where its authority is its own."""
OLDEST = (4, 2)
"""The first NetBox whose interfaces have MAC addresses as objects."""
BULK = 100
"""Objects of one write."""
PAGE = 500
MOST_OBJECTS = 200_000
"""Of one kind, in one list."""
LARGEST_ANSWER = 64 << 20
CONNECT_SECONDS = 10.0
AT_ONCE = 4
"""Lists that are asked for at the same time."""
STATUS = "status"
_SHOWN = 300
_MOST_ERRORS = 5


class Wire:
    """One NetBox, opened with a token; to be closed.

    A call takes at most `seconds`. Kinds of objects are named as in the API's paths: "dcim/devices".
    """

    def __init__(self, url: str, credential: Credential, seconds: float) -> None:
        """Nothing is sent yet.

        Raises:
            InputError: the address or the certificates of the credential cannot be used.
        """
        # Both are slow to import, and few commands speak to NetBox.
        import pynetbox  # type: ignore[import-untyped]

        self.url = read_url(url)
        self._token = credential.secret["token"]
        self._api = pynetbox.api(self.url, token=self._token)
        self._api.http_session = _session(credential, seconds)
        self.version = ""
        self.writes = 0
        """Requests sent that were to change something."""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.http_session.close()

    def greet(self) -> str:
        """Ask who answers; NetBox's version.

        Raises:
            NetBoxError: nobody, another product, a NetBox that is too old, or one that refuses the token.
        """
        told = self._call(STATUS, "get")
        version = told.get("netbox-version") if isinstance(told, dict) else None
        if not isinstance(version, str):
            raise NetBoxError(f"{self.url}: found an answer without netbox-version, expected NetBox")
        self.version = _short(version)
        numbers = [int(n) for n in self.version.split(".")[:2] if n.isdecimal()]
        if tuple(numbers) < OLDEST:
            raise NetBoxError(
                f"{self.url}: found NetBox {self.version}, expected {'.'.join(map(str, OLDEST))} or newer"
            )
        return self.version

    def read(self, kind: str, fields: Sequence[str] = (), **filters: object) -> list[Record]:
        """Every object of a kind that fits the filters, with only these fields where any are named.

        Raises:
            NetBoxError: it was not read to its end.
        """
        named = {"fields": ",".join(("id", *fields))} if fields else {}
        rows: dict[int, Record] = {}
        told, total = 0, 1
        while told < total:
            # The address of the next page that NetBox tells is not followed: behind a proxy it may lead elsewhere.
            page, total = self._call(kind, "list", named | filters, at=told)
            for row in page:
                if not isinstance(row, dict) or not isinstance(row.get("id"), int):
                    raise NetBoxError(f"{kind}: found a row without an id, expected NetBox's objects")
                rows[row["id"]] = row
            if total > MOST_OBJECTS:
                raise NetBoxError(f"{kind}: found {total:,} objects, expected at most {MOST_OBJECTS:,}")
            if not page and told < total:
                raise NetBoxError(f"{kind}: found {told} objects and then none, expected {total}")
            told += len(page)
        return list(rows.values())

    def list_all(self, wanted: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, list[Record]]:
        """Several lists, some at once: by name the kind and the fields of each.

        Raises:
            NetBoxError: one of them was not read to its end.
        """
        with ThreadPoolExecutor(AT_ONCE, "dophu-netbox") as threads:
            asked = {name: threads.submit(self.read, kind, fields) for name, (kind, fields) in wanted.items()}
            return {name: each.result() for name, each in asked.items()}

    def list_of(self, kind: str, fields: Sequence[str], by: str, values: Sequence[object]) -> list[Record]:
        """The objects of which the filter `by` has one of many values, asked for in portions, some at once.

        Raises:
            NetBoxError: one of them was not read to its end.
        """
        portions = [list(values[at : at + BULK]) for at in range(0, len(values), BULK)]
        with ThreadPoolExecutor(AT_ONCE, "dophu-netbox") as threads:
            asked = [threads.submit(self.read, kind, fields, **{by: portion}) for portion in portions]
            return [row for each in asked for row in each.result()]

    def create(self, kind: str, rows: Sequence[Mapping[str, object]]) -> list[Record]:
        """Make objects, at most `BULK`, all or none; as they are now, in the same order.

        Raises:
            RefusedError: NetBox does not take one of them. LostError: it did not answer: they may be there or not.
            NetBoxError: another refusal.
        """
        return self._write(kind, "post", rows)

    def update(self, kind: str, rows: Sequence[Mapping[str, object]]) -> list[Record]:
        """Change objects, at most `BULK`, all or none; each row has its id and the fields to change.

        Raises:
            RefusedError, LostError, NetBoxError: as for `create`.
        """
        return self._write(kind, "patch", rows)

    def _write(self, kind: str, verb: str, rows: Sequence[Mapping[str, object]]) -> list[Record]:
        self.writes += 1
        answer = self._call(kind, verb, rows=[dict(row) for row in rows])
        if not isinstance(answer, list) or len(answer) != len(rows) or not all(isinstance(r, dict) for r in answer):
            raise LostError(f"{kind}: found an answer that does not tell of {len(rows)} objects")
        return answer

    def _call(
        self, kind: str, verb: str, filters: Mapping[str, object] | None = None, rows: object = None, at: int = 0
    ) -> Any:
        """One request; of a list the page that begins `at`, and how many objects it has in all."""
        import requests
        from pynetbox.core.query import (  # type: ignore[import-untyped]
            AllocationError,
            ContentError,
            Request,
            RequestError,
        )

        path = "" if kind == STATUS else f"{kind}/"
        asked = Request(
            f"{self._api.base_url}/{path}", self._api.http_session, filters=dict(filters or {}), token=self._token,
            limit=PAGE if verb == "list" else None, offset=at if verb == "list" else None,
        )  # fmt: skip
        try:
            match verb:
                case "list":
                    return list(asked.get()), int(asked.count)
                case "get":
                    return asked.get_status()
                case _:
                    return getattr(asked, verb)(rows)
        except NetBoxError:
            raise
        except (RequestError, AllocationError) as error:
            raise _refusal(kind, verb, error.req) from None
        except (ContentError, json.JSONDecodeError, requests.exceptions.JSONDecodeError):
            raise NetBoxError(f"{self.url}: {kind}: found an answer that is no JSON, expected NetBox") from None
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
            raise NetBoxError(f"{self.url}: {kind}: found JSON of another form, expected NetBox's lists") from None
        except requests.exceptions.SSLError as error:
            raise NetBoxError(f"{self.url}: its certificate is not trusted: {_short(_innermost(error))}") from None
        except (requests.exceptions.RequestException, TimeoutError, OSError) as error:
            raise LostError(f"{self.url}: {kind}: {_short(_innermost(error))}") from None


def _refusal(kind: str, verb: str, answer: Any) -> NetBoxError:
    """What a status says, with what NetBox says of the rows that it refuses."""
    status = int(answer.status_code)
    told = _tell(answer)
    asked = "view" if verb in ("list", "get") else {"post": "add", "patch": "change"}[verb]
    if status in (401, 403):
        wanted = f"the right “{asked}” on {kind}" if kind != STATUS else "a valid token"
        return NetBoxError(f"NetBox refuses the token ({status}): {told}; expected {wanted}")
    if status == 404:
        return NetBoxError(f"{kind}: found status 404 at {_short(answer.url)}, expected NetBox's API there")
    if status >= 500 or status == 429:
        return LostError(f"{kind}: NetBox answers {status}: {told}")
    return RefusedError(f"{kind}: NetBox answers {status}: {told}", _rows_refused(answer))


def _tell(answer: Any) -> str:
    try:
        body = answer.json()
    except ValueError:
        kind = answer.headers.get("Content-Type", "nothing").partition(";")[0]
        return f"{_short(answer.reason or 'no reason')} ({_short(kind)})"
    if isinstance(body, dict) and isinstance(body.get("errors"), list):
        errors = [row.get("errors") for row in body["errors"][:_MOST_ERRORS] if isinstance(row, dict)]
        return "; ".join(dict.fromkeys(filter(None, map(_flat, errors)))) or _flat(body.get("detail"))
    return _flat(body)


def _rows_refused(answer: Any) -> dict[int, str]:
    """By their place among those sent, what is wrong with the rows that NetBox names."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    if isinstance(body, list):  # before 4.6
        return {at: _flat(row) for at, row in enumerate(body) if row}
    errors = body.get("errors") if isinstance(body, dict) else None
    return {
        row["index"]: _flat(row.get("errors"))
        for row in (errors if isinstance(errors, list) else [])
        if isinstance(row, dict) and isinstance(row.get("index"), int)
    }


def _flat(body: object, depth: int = 0) -> str:
    """NetBox's word on an error as one line: "site: Related object not found"."""
    if isinstance(body, dict) and depth < 3:
        said = [(k, _flat(v, depth + 1)) for k, v in list(body.items())[:_MOST_ERRORS]]
        return _short("; ".join(v if k in ("detail", "__all__", "non_field_errors") else f"{k}: {v}" for k, v in said))
    if isinstance(body, list) and depth < 3:
        return _short(" ".join(filter(None, (_flat(v, depth + 1) for v in body[:_MOST_ERRORS]))))
    return _short(str(body))


def _short(text: str) -> str:
    plain = nfc("".join(c if c.isprintable() else " " for c in text[: 4 * _SHOWN]))
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "…"


def _innermost(error: BaseException) -> str:
    """The last cause of an error of requests, which wraps those of urllib3, which wraps those of the system."""
    inner: object = error
    for _ in range(4):
        args = getattr(inner, "args", ())
        inner = (
            getattr(inner, "reason", None) or (args[0] if args and isinstance(args[0], Exception) else None) or inner
        )
    return re.sub(r"HTTPS?Connection(Pool)?\([^)]*\): ", "", str(inner)) or type(error).__name__


def _session(credential: Credential, seconds: float) -> Any:
    """A session of requests that follows nobody elsewhere, reads no settings of the machine, and ends in time."""
    import requests
    from requests.adapters import HTTPAdapter

    from collectors.transports.deadline import POOLS

    try:
        context = ssl.create_default_context(cadata=credential.secret.get("ca"))
    except (ssl.SSLError, ValueError):
        raise InputError(
            Title(
                f"thông tin xác thực {credential.name}, ca: cần chứng thư ở dạng PEM",
                f"credential {credential.name}, ca: expected certificates in PEM",
            )
        ) from None

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs, ssl_context=context)
            self.poolmanager.pool_classes_by_scheme = POOLS

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            """The context verifies; requests would put its own authorities in their place."""

        def send(self, request: Any, **kwargs: Any) -> Any:  # type: ignore[override]
            until = time.monotonic() + seconds
            answer = super().send(
                request, **(kwargs | {"timeout": (min(CONNECT_SECONDS, seconds), seconds), "stream": True})
            )
            answer._content = _read(answer, until, seconds)
            if answer.is_redirect:
                to, url = _short(answer.headers["Location"]), str(request.url).partition("?")[0]
                raise NetBoxError(f"{url}: sends on to {to}: write that address into netbox.url")
            return answer

    session = requests.Session()
    # Settings of the machine would name proxies, other authorities, and logins in place of the token.
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter(pool_maxsize=AT_ONCE))
    return session


def _read(answer: Any, until: float, seconds: float) -> bytes:
    """The whole body; the clock is looked at after every part as it comes, for a server may drip them."""
    from urllib3.exceptions import HTTPError

    parts, size = [], 0
    try:
        while part := answer.raw.read1(1 << 16, decode_content=True):
            size += len(part)
            if size > LARGEST_ANSWER:
                raise NetBoxError(
                    f"found an answer of more than {LARGEST_ANSWER >> 20} MB, which is more than Dophu takes"
                )
            if time.monotonic() > until:
                raise TimeoutError(f"no whole answer within {seconds:g} s")
            parts.append(part)
    except (NetBoxError, TimeoutError):
        answer.close()
        raise
    except HTTPError as error:
        answer.close()
        raise ConnectionError(_innermost(error)) from None
    return b"".join(parts)
