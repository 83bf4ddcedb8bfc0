"""What every command works with: the configuration, the open store, the vocabulary, the goals and the credentials."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from api.config import Config
from inventory import vocabulary
from inventory.goals import Goals, load_goals, set_parameters
from inventory.refusing import meant
from inventory.secrets import KeyRing
from inventory.store import Store, keys
from inventory.vocabulary import Vocabulary
from inventory.words import Credential, InputError, StoreError, Title

if TYPE_CHECKING:
    from api.probing import Watch

#: What a credential of each kind must hold, and what it may.
CREDENTIAL_KINDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "snmp-v1": (frozenset({"community"}), frozenset({"port"})),
    "snmp-v2c": (frozenset({"community"}), frozenset({"port"})),
    "snmp-v3": (
        frozenset({"user"}),
        frozenset({"auth", "auth_password", "priv", "priv_password", "key_expansion", "port"}),
    ),
    "exporter": (frozenset(), frozenset({"port", "scheme", "path", "user", "password", "token", "ca"})),
    "ssh": (frozenset({"user"}), frozenset({"password", "key", "passphrase", "port", "host_keys"})),
    "netbox": (frozenset({"token"}), frozenset({"ca"})),
    "ksc": (frozenset({"user", "password"}), frozenset({"domain", "port", "ca", "certificates"})),
    "xapi": (frozenset({"user", "password"}), frozenset({"port", "ca", "certificates"})),
    "poly": (frozenset({"user", "password"}), frozenset({"port", "ca", "certificates"})),
    "influxdb": (frozenset({"token"}), frozenset()),
}

#: Where a credential holds what was pinned, by its kind.
PINNED: Mapping[str, str] = {
    "ssh": "host_keys",
    "ksc": "certificates",
    "xapi": "certificates",
    "poly": "certificates",
}


@dataclass
class Workspace:
    """One open Dophu."""

    config: Config
    store: Store
    vocabulary: Vocabulary = field(default_factory=vocabulary.load)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to end a round early: what was seen until then is kept."""
    lines: list[Watch] = field(default_factory=list)
    """What the quick rounds know of the lines, one thing at most; shared by the workspaces of jobs."""

    @cached_property
    def all_goals(self) -> Goals:
        """Every control and plan of the folder, with the thresholds of the settings.

        Raises:
            InputError: with everything that is wrong in the folder.
        """
        return set_parameters(load_goals(self.config.goals, self.vocabulary), self.config.parameters)

    @cached_property
    def goals(self) -> Goals:
        """The controls and plans that hold here, read at first use.

        Raises:
            InputError: with everything that is wrong in the folder.
        """
        goals, wanted = self.all_goals, self.config.plans
        if unknown := [plan for plan in wanted if plan not in goals.plans]:
            near = meant(unknown[0], goals.plans)
            raise InputError(
                Title(
                    f"plans: không có kế hoạch {unknown[0]!r}{near.vi}",
                    f"plans: unknown plan {unknown[0]!r}{near.en}",
                )
            )
        return goals.only(wanted) if wanted else goals

    async def check_version(self) -> None:
        """Raise StoreError unless the database is there and has the tables that this Dophu works with."""
        file = self.config.database_file
        if file is not None and not file.exists():
            # Opening it would make an empty one.
            raise StoreError(
                Title(f"chưa có cơ sở dữ liệu {file}: chạy dophu init", f"there is no database {file}: run dophu init")
            )
        if wrong := tell_version(*await self.store.version()):
            found, mend = wrong
            run = ("chạy ", "run ") if mend.en == "dophu init" else ("", "")
            raise StoreError(Title(f"{found.vi}: {run[0]}{mend.vi}", f"{found.en}: {run[1]}{mend.en}"))

    async def add_credential(self, name: str, kind: str, secret: Mapping[str, object]) -> None:
        """Seal a credential and store it under its name, in place of one of the same name.

        Raises:
            InputError: an unknown kind, a field missing, unknown or not text; the values are never repeated.
        """
        if kind not in CREDENTIAL_KINDS:
            raise InputError(
                Title(
                    f"gặp loại {kind!r}, cần một trong {', '.join(CREDENTIAL_KINDS)}",
                    f"found the kind {kind!r}, expected one of {', '.join(CREDENTIAL_KINDS)}",
                )
            )
        needed, optional = CREDENTIAL_KINDS[kind]
        if missing := needed - secret.keys():
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: thiếu {', '.join(sorted(missing))}",
                    f"credential {name}: {', '.join(sorted(missing))} is missing",
                )
            )
        if unknown := secret.keys() - needed - optional:
            known = ", ".join(sorted(needed | optional))
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: gặp trường {sorted(unknown)[0]!r}, cần {known}",
                    f"credential {name}: found the field {sorted(unknown)[0]!r}, expected {known}",
                )
            )
        if any(not isinstance(v, str) or not v for v in secret.values()):
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: mọi trường cần là văn bản không rỗng",
                    f"credential {name}: expected every field to be text that is not empty",
                )
            )
        if not str(secret.get("port", "161")).isdecimal() or not 0 < int(str(secret.get("port", "161"))) < 65536:
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: port cần là số từ 1 đến 65535, dạng văn bản",
                    f"credential {name}: expected the port to be a number from 1 to 65535, as text",
                )
            )
        if kind == "exporter" and secret.get("scheme", "http") not in ("http", "https"):
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: scheme cần là http hoặc https",
                    f"credential {name}: expected scheme to be http or https",
                )
            )
        if kind == "exporter" and not str(secret.get("path", "/")).startswith("/"):
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: path cần bắt đầu bằng /",
                    f"credential {name}: expected path to begin with /",
                )
            )
        if kind == "ssh" and not secret.keys() & {"password", "key"}:
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: thiếu password hoặc key",
                    f"credential {name}: password or key is missing",
                )
            )
        token = str(secret.get("token", ""))
        if kind == "influxdb" and (not token.isascii() or not token.isprintable() or " " in token):
            raise InputError(
                Title(
                    f"thông tin xác thực {name}: token cần là chữ, số và dấu ASCII",
                    f"credential {name}: expected token to be letters, digits and signs of ASCII",
                )
            )
        if not name or name != "".join(name.split()) or not name.isprintable():
            raise InputError(
                Title(
                    f"gặp tên {name!r}, cần tên không có khoảng trắng và ký tự điều khiển",
                    f"found the name {name!r}, expected one without spaces and control characters",
                )
            )
        ring = KeyRing.load(self.config.keys)
        await self.store.write(keys.put_credential, name, kind, ring.seal(json.dumps(dict(secret)), name))

    async def open_credentials(self, names: Iterable[str]) -> dict[str, Credential]:
        """The named credentials, opened; names that are not stored are absent.

        Raises:
            InputError: the key is missing or is not the one that sealed them.
        """
        rows = await self.store.read(keys.credentials)
        wanted = {name: rows[name] for name in names if name in rows}
        if not wanted:
            return {}
        ring = KeyRing.load(self.config.keys)
        return {
            name: Credential(name, kind, json.loads(ring.open(sealed, name))) for name, (kind, sealed) in wanted.items()
        }

    async def pin(self, name: str, place: str, fingerprint: str) -> None:
        """Add the fingerprint of a machine's host key or certificate to a credential, in place of its former one.

        Raises:
            InputError: there is no such credential of a kind that pins.
        """
        credential = (await self.open_credentials([name])).get(name)
        if credential is None or credential.kind not in PINNED:
            raise InputError(
                Title(
                    f"không có thông tin xác thực {name!r} loại {' hoặc '.join(PINNED)}; xem dophu credential list",
                    f"found no credential {name!r} of the kind {' or '.join(PINNED)}; see dophu credential list",
                )
            )
        field_name = PINNED[credential.kind]
        lines = [line for line in credential.secret.get(field_name, "").splitlines() if line.split()[:1] != [place]]
        pinned = "\n".join([*lines, f"{place} {fingerprint}"])
        await self.add_credential(name, credential.kind, dict(credential.secret) | {field_name: pinned})

    async def issue_token(self, purpose: str, agency: str | None, note: str = "") -> str:
        """Make a token, keep its hash, and return it: it cannot be shown again.

        Raises:
            InputError: the agency is not in the register.
        """
        token = secrets.token_urlsafe(32)
        await self.store.write(keys.put_token, _hash(token), purpose, agency, note, datetime.now(UTC))
        return token

    async def agency_of_token(self, token: str) -> str | None:
        """The agency whose agents report with this token, or None."""
        return await self.store.read(keys.agency_of_token, _hash(token), "agent")

    async def system_of_token(self, token: str) -> tuple[str | None, str] | None:
        """The agency (None: all) of which a system may tell with this token, and the system's name; None for others."""
        return await self.store.read(keys.system_of_token, _hash(token))


def tell_version(current: str | None, needed: str) -> tuple[Title, Title] | None:
    """What is wrong with tables of version `current`, and what mends it; None where nothing is."""
    if current == needed:
        return None
    if current is None:
        return Title("cơ sở dữ liệu chưa có bảng", "the database has no tables yet"), Title.same("dophu init")
    # Versions are numbers of four digits.
    newer = Title("hãy cài Dophu mới hơn", "install a newer Dophu")
    found = Title(
        f"cơ sở dữ liệu ở phiên bản {current}, cần {needed}",
        f"the database is of version {current}, expected {needed}",
    )
    return found, Title.same("dophu init") if current < needed else newer


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@asynccontextmanager
async def open_workspace(config: Config) -> AsyncIterator[Workspace]:
    """Open the store of a configuration and close it at the end; nothing is read or made yet."""
    workspace = Workspace(config, Store.open(config.database_url))
    try:
        yield workspace
    finally:
        await workspace.store.close()
