"""The settings of [backup], and the configuration as a backup keeps it: without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_SECRET = frozenset({"api_token", "password", "secret", "token", "community"})


class OwnBackups(BaseModel):
    """[backup]: where backups are put while Dophu serves, and how many of them stay."""

    model_config = ConfigDict(extra="forbid")

    folder: Path
    """A folder that is there; best on another disk or machine."""
    keep: int = Field(default=14, ge=1, le=10_000)
    """The newest so many of its own backups stay; what else lies there is left alone."""
    hours: float = Field(default=24, ge=0, le=8784)
    """How often; 0: only as a schedule says."""


def without_secrets(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a configuration file without tokens and passwords, that in the database's address among them."""
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if name in _SECRET:
            continue
        if isinstance(value, dict):
            kept[name] = without_secrets(value)
        elif isinstance(value, list):
            kept[name] = [without_secrets(one) if isinstance(one, dict) else one for one in value]
        else:
            kept[name] = _without_password(value) if isinstance(value, str) else value
    return kept


def _without_password(text: str) -> str:
    """An address without its password, in the user's part or among the parameters; any other text as it is."""
    scheme, found, rest = text.partition("://")
    if not found:
        return text
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        user, _, host = authority.rpartition("@")
        authority = f"{user.partition(':')[0]}@{host}"
    before, mark, query = path.partition("?")
    kept = "&".join(part for part in query.split("&") if not part.lower().startswith(("password=", "sslpassword=")))
    return f"{scheme}://{authority}{slash}{before}{mark if kept else ''}{kept}"
