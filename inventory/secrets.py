"""Secrets at rest: texts sealed with a ring of keys from one file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inventory.owning import hand_over
from inventory.refusing import cannot
from inventory.words import InputError, Title

__all__ = ["KeyRing"]

FORMAT = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12
LARGEST_KEY_FILE = 1 << 20


class KeyRing:
    """The keys of one key file: the newest seals, every one opens.

    A sealed text reads `v1:key id:nonce:ciphertext` (AES-256-GCM, NIST SP 800-38D, 96-bit random nonce; the last two
    in URL-safe base64). What it belongs to, such as the name of a credential's row, is bound in as associated data: a
    ciphertext copied to another row does not open.
    """

    def __init__(self, path: Path, keys: Mapping[str, bytes]) -> None:
        """The ring of `keys` by id, oldest first, that `path` holds; `load` and `create` make it."""
        self._path = path
        self._keys = dict(keys)

    def __repr__(self) -> str:
        return f"KeyRing({str(self._path)!r}, {len(self._keys)} keys)"

    @classmethod
    def create(cls, path: Path) -> KeyRing:
        """A new key file at `path`, mode 0600, with one key; an InputError where a file is already there."""
        ring = cls(path, {_new_key_id({}): secrets.token_bytes(KEY_BYTES)})
        part = _write_beside(path, ring._keys)
        try:
            # A link fails where the name exists, so of two processes that start together one creates the file.
            os.link(part, path)
        except FileExistsError as error:
            raise InputError(
                Title(
                    f"tệp khóa {path}: đã có tệp, cần chưa có: khóa không bao giờ bị ghi đè",
                    f"key file {path}: found a file, expected none: keys are never overwritten",
                )
            ) from error
        finally:
            part.unlink()
        _flush_folder(path.parent)
        return ring

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """The keys in the file at `path`; an InputError when it is missing, readable by others, or not a key file."""
        try:
            with path.open("rb") as file:
                _check_owner(path, os.fstat(file.fileno()))
                text = file.read(LARGEST_KEY_FILE)
        except FileNotFoundError as error:
            raise InputError(
                Title(
                    f"tệp khóa {path}: không có, cần tệp đã niêm phong các bí mật được lưu; hãy khôi phục nó "
                    "từ bản sao lưu",
                    f"key file {path}: found nothing, expected the file that sealed the stored secrets; "
                    "restore it from a backup",
                )
            ) from error
        except OSError as error:
            raise cannot(Title(f"tệp khóa {path}", f"key file {path}"), error) from error
        return cls(path, _parse_keys(path, text))

    @classmethod
    def load_or_create(cls, path: Path) -> KeyRing:
        """The ring at `path`, made on first use."""
        if not path.exists():
            try:
                return cls.create(path)
            except InputError:
                # Another process was faster; what it wrote is complete.
                return cls.load(path)
        return cls.load(path)

    def add_key(self) -> str:
        """Add a new key, which seals from now on, and return its id; what older keys sealed still opens."""
        # Read again first: another process may have added a key since, and writing must not lose it.
        keys = dict(KeyRing.load(self._path)._keys)
        key_id = _new_key_id(keys)
        keys[key_id] = secrets.token_bytes(KEY_BYTES)
        part = _write_beside(self._path, keys)
        part.replace(self._path)
        _flush_folder(self._path.parent)
        self._keys = keys
        return key_id

    def seal(self, text: str, bound_to: str) -> str:
        """The text, sealed with the newest key and bound to `bound_to`, which opening it has to name again."""
        key_id = next(reversed(self._keys))
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[key_id]).encrypt(nonce, text.encode(), _bound(key_id, bound_to))
        return ":".join((FORMAT, key_id, _encode(nonce), _encode(sealed)))

    def open(self, sealed: str, bound_to: str) -> str:
        """The text that `seal` was given; an InputError, free of it, when the key, the row or the bytes differ."""
        where = f"secret of {bound_to!r}"
        parts = sealed.split(":")
        if len(parts) != 4 or parts[0] != FORMAT:
            raise InputError(
                Title(
                    f"bí mật của {bound_to!r}: gặp nội dung khác, cần văn bản niêm phong {FORMAT}:key:nonce:ciphertext",
                    f"{where}: found something else, expected a sealed text {FORMAT}:key:nonce:ciphertext",
                )
            )
        key_id = parts[1]
        if key_id not in self._keys:
            raise InputError(
                Title(
                    f"bí mật của {bound_to!r}: niêm phong bằng khóa mà {self._path} không có; cần một trong "
                    f"{', '.join(self._keys)}",
                    f"{where}: sealed with a key that {self._path} does not hold; expected one of "
                    f"{', '.join(self._keys)}",
                )
            )
        try:
            nonce, ciphertext = _decode(parts[2]), _decode(parts[3])
            return AESGCM(self._keys[key_id]).decrypt(nonce, ciphertext, _bound(key_id, bound_to)).decode()
        except (InvalidTag, ValueError) as error:
            raise InputError(
                Title(
                    f"bí mật của {bound_to!r}: không mở được bằng khóa {key_id}: đã bị thay đổi, được niêm "
                    "phong cho dòng khác, hoặc bằng khóa khác cùng tên",
                    f"{where}: does not open with key {key_id}: it was changed, sealed for another row, "
                    "or sealed with another key of that name",
                )
            ) from error


def _bound(key_id: str, bound_to: str) -> bytes:
    return f"{FORMAT}:{key_id}:{bound_to}".encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"-_", validate=True)


def _new_key_id(keys: Mapping[str, bytes]) -> str:
    """A short name that says in which order keys came, and is not shared by two rings."""
    return f"k{len(keys) + 1}-{secrets.token_hex(4)}"


def _check_owner(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            Title(
                f"tệp khóa {path}: không phải tệp thường", f"key file {path}: found something that is no regular file"
            )
        )
    # systemd hands a service its credentials by an access list, which shows as rights of the group.
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    handed = credentials is not None and path.parent == Path(credentials)
    if status.st_mode & (0o037 if handed else 0o077):
        raise InputError(
            Title(
                f"tệp khóa {path}: gặp quyền {stat.S_IMODE(status.st_mode):04o}, cần 0600: người khác đọc "
                f"được khóa; hãy chạy: chmod 600 {path}",
                f"key file {path}: found mode {stat.S_IMODE(status.st_mode):04o}, expected 0600: "
                f"others can read the keys; run: chmod 600 {path}",
            )
        )
    # What root made beside the service's data is the service's, and root has to open it again.
    trusted = {0, os.geteuid(), *([path.parent.stat().st_uid] if os.geteuid() == 0 else [])}
    if status.st_uid not in trusted:
        raise InputError(
            Title(
                f"tệp khóa {path}: gặp chủ sở hữu {status.st_uid}, cần {os.geteuid()} là người chạy chương trình này",
                f"key file {path}: found owner {status.st_uid}, expected {os.geteuid()}, who runs this",
            )
        )


def _parse_keys(path: Path, text: bytes) -> dict[str, bytes]:
    """The keys by id, oldest first. Nothing of the file is ever put into an error."""
    wrong = InputError(f"key file {path}: expected a key file as dophu writes it, found something else or a part of it")
    try:
        document = json.loads(text)
        keys = {str(entry["id"]): base64.b64decode(entry["key"], validate=True) for entry in document["keys"]}
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        # The parser's error quotes what it read, so it is not chained.
        raise wrong from None
    if not keys or len(keys) != len(document["keys"]) or any(":" in key_id for key_id in keys):
        raise wrong
    if any(len(key) != KEY_BYTES for key in keys.values()):
        raise wrong
    return keys


def _write_beside(path: Path, keys: Mapping[str, bytes]) -> Path:
    """A complete key file on disk beside `path`, for the caller to give its name in one step."""
    entries = [{"id": key_id, "key": base64.b64encode(key).decode()} for key_id, key in keys.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        # The umask may have taken bits from the mode that was asked for.
        os.fchmod(file.fileno(), 0o600)
        json.dump({"keys": entries}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    hand_over(part)
    return part


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
