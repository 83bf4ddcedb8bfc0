"""The user of an SNMPv3 conversation, from a credential (RFC 3414, RFC 3826, RFC 7860)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Final

import gufo.snmp as gufo
from gufo.snmp.user import KeyType

from inventory.refusing import meant
from inventory.strict_yaml import nearest
from inventory.words import Credential, InputError, Title

AUTH_KEYS: Final[Mapping[str, type[gufo.BaseAuthKey]]] = {
    "MD5": gufo.Md5Key,
    "SHA": gufo.Sha1Key,
    "SHA224": gufo.Sha224Key,
    "SHA256": gufo.Sha256Key,
    "SHA384": gufo.Sha384Key,
    "SHA512": gufo.Sha512Key,
}
PRIV_KEYS: Final[Mapping[str, type[gufo.BasePrivKey]]] = {
    "DES": gufo.DesKey,
    "AES": gufo.Aes128Key,
    "AES192": gufo.Aes192Key,
    "AES256": gufo.Aes256Key,
}
#: `key_expansion` is "cisco" for agents that stretch short keys for AES-192 and AES-256 in Cisco's way.
SECRET_KEYS: Final = ("user", "auth", "auth_password", "priv", "priv_password", "key_expansion")
SHORTEST_PASSWORD = 8


@functools.lru_cache(maxsize=256)
def _master_key(auth: str, password: str) -> bytes:
    """The key of RFC 3414 section A.2: a megabyte is hashed for it, so once per user and not once per device."""
    return AUTH_KEYS[auth].get_master_key(password.encode())


def _algorithm(known: Collection[str], credential: Credential, key: str) -> str | None:
    """Which of the known algorithms the secret names under `key`; None where it names none."""
    name = credential.secret.get(key, "").upper().replace("-", "").replace("_", "")
    name = {"SHA1": "SHA", "AES128": "AES"}.get(name, name)
    if name and name not in known:
        # What stands there is not shown: it may be a password in the wrong place.
        raise InputError(
            Title(
                f"thông tin xác thực {credential.name}: {key} không phải thuật toán; cần {', '.join(known)}",
                f"credential {credential.name}: {key} is not an algorithm; expected {', '.join(known)}",
            )
        )
    return name or None


def v3_user(credential: Credential) -> gufo.User:
    """The SNMPv3 user of a credential; InputError where the secret cannot be one."""
    secret, name = credential.secret, f"credential {credential.name}"
    for key in secret:
        if key not in SECRET_KEYS:
            raise InputError(
                Title(
                    f"{name}: {key!r} không thuộc thông tin của SNMPv3{meant(key, SECRET_KEYS).vi}",
                    f"{name}: {key!r} is not part of an SNMPv3 secret{nearest(key, SECRET_KEYS)}",
                )
            )
    if not secret.get("user"):
        raise InputError(Title(f"{name}: SNMPv3 cần có user", f"{name}: an SNMPv3 secret needs a user"))
    auth, priv = _algorithm(AUTH_KEYS, credential, "auth"), _algorithm(PRIV_KEYS, credential, "priv")
    if priv and not auth:
        raise InputError(
            Title(
                f"{name}: priv cần có cả auth (RFC 3414 mục 1.4.3)",
                f"{name}: priv needs auth as well (RFC 3414 section 1.4.3)",
            )
        )
    for algorithm, key in ((auth, "auth_password"), (priv, "priv_password")):
        if algorithm and len(secret.get(key, "")) < SHORTEST_PASSWORD:
            raise InputError(
                Title(
                    f"{name}: {key} cần ít nhất {SHORTEST_PASSWORD} ký tự (RFC 3414 mục 11.2)",
                    f"{name}: {key} needs at least {SHORTEST_PASSWORD} characters (RFC 3414 section 11.2)",
                )
            )
    cisco = secret.get("key_expansion", "").lower() == "cisco"
    return gufo.User(
        secret["user"],
        auth_key=AUTH_KEYS[auth](_master_key(auth, secret["auth_password"]), key_type=KeyType.Master) if auth else None,
        priv_key=PRIV_KEYS[priv](_master_key(auth, secret["priv_password"]), key_type=KeyType.Master)
        if auth and priv
        else None,
        key_expansion=gufo.KeyExpansion.Cisco if cisco else gufo.KeyExpansion.Blumenthal,
    )


def master_keys(credential: Credential) -> tuple[str | None, bytes | None, str | None, bytes | None]:
    """The names of a credential's algorithms, and the keys before they are made an engine's own: auth, then priv.

    InputError where the secret cannot be an SNMPv3 user's.
    """
    v3_user(credential)
    secret = credential.secret
    auth, priv = _algorithm(AUTH_KEYS, credential, "auth"), _algorithm(PRIV_KEYS, credential, "priv")
    auth_key = _master_key(auth, secret["auth_password"]) if auth else None
    return auth, auth_key, priv, _master_key(auth, secret["priv_password"]) if auth and priv else None
