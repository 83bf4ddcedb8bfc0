"""Runs fixed, read-only commands on one machine over SSH, whose host key must be the one that was pinned."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from inventory.refusing import why
from inventory.words import Credential, InputError, Title, ToldError

if TYPE_CHECKING:
    import asyncssh

LARGEST = 4 << 20
"""Bytes of one command's output that are read."""
SECONDS = 30.0
"""For one command."""
LOGIN_SECONDS = 15.0
_BEGIN = "dophu-begin-7f3a"
"""What a login shell prints of its own accord stands before this line."""


class SshError(ToldError, OSError):
    """The machine was not read; the text names it and holds no secret."""


class HostKeyError(SshError):
    """The host key is not the one that was pinned, or none was."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    text: str
    status: int | None
    """Its exit status; None where it was ended by us or by a signal."""
    whole: bool = True
    """Whether it ended by itself, within its time and size."""

    @property
    def succeeded(self) -> bool:
        return self.whole and self.status == 0


def fingerprints(known: str) -> Mapping[str, frozenset[str]]:
    """The pinned keys: SHA-256 fingerprints by host, of lines such as "10.1.0.5:22 SHA256:…".

    Raises:
        InputError: naming the line.
    """
    found: dict[str, frozenset[str]] = {}
    for number, line in enumerate(known.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or not words[1].startswith("SHA256:"):
            raise InputError(
                Title(
                    f"host_keys, dòng {number}: gặp {line[:80]!r}, cần như 10.1.0.5:22 SHA256:…",
                    f"host_keys, line {number}: found {line[:80]!r}, expected such as 10.1.0.5:22 SHA256:…",
                )
            )
        found[words[0]] = found.get(words[0], frozenset()) | {words[1]}
    return found


def place(address: str, port: int) -> str:
    """How a machine is named among the pinned keys."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


async def host_key(address: str, port: int) -> str:
    """The SHA-256 fingerprint of the key that a machine shows; nothing is sent to it.

    Raises:
        SshError: there is no SSH server.
    """
    import asyncssh

    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            key = await asyncssh.get_server_host_key(address, port, config=[])
    except TimeoutError:
        where = place(address, port)
        raise SshError(
            Title(
                f"{where}: không có câu trả lời trong {LOGIN_SECONDS:g} giây",
                f"{where}: no answer within {LOGIN_SECONDS:g} s",
            )
        ) from None
    except (OSError, asyncssh.Error) as error:
        reason = why(error) if isinstance(error, OSError) else Title.same(str(error))
        where = place(address, port)
        raise SshError(Title(f"{where}: {reason.vi}", f"{where}: {reason.en}")) from None
    if key is None:
        where = place(address, port)
        raise SshError(Title(f"{where} không đưa ra khóa máy chủ", f"{where} shows no host key"))
    return key.get_fingerprint("sha256")


class Shell:
    """An open connection; as an async context manager it logs in and out."""

    def __init__(self, address: str, port: int, credential: Credential) -> None:
        """`credential` is of the kind "ssh": user, and password or key (with passphrase), and host_keys.

        Raises:
            InputError: it has no user, or neither of both, or its host_keys cannot be read.
        """
        secret = credential.secret
        if not secret.get("user") or not (secret.get("password") or secret.get("key")):
            raise InputError(
                Title(
                    f"thông tin xác thực {credential.name}: cần user, và password hoặc key",
                    f"credential {credential.name}: expected a user, and a password or a key",
                )
            )
        self.where = place(address, port)
        self._address, self._port, self._secret, self._name = address, port, secret, credential.name
        self._pinned = fingerprints(secret.get("host_keys", "")).get(self.where, frozenset())
        self._connection: asyncssh.SSHClientConnection | None = None

    async def __aenter__(self) -> Self:
        import asyncssh

        if not self._pinned:
            shown = await host_key(self._address, self._port)
            pin = f"dophu credential pin {self._name} {self.where} --fingerprint {shown}"
            raise HostKeyError(
                Title(
                    f"{self.where}: chưa ghim khóa máy chủ; máy đưa ra {shown}. Hãy đối chiếu tại chính máy đó, rồi: "
                    f"{pin}",
                    f"{self.where}: no host key is pinned; it shows {shown}. Compare it at the machine, then: {pin}",
                )
            )
        pinned, shown_keys = self._pinned, list[str]()

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
                shown_keys.append(key.get_fingerprint("sha256"))
                return shown_keys[-1] in pinned

        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                self._connection = await asyncssh.connect(
                    self._address, self._port, client_factory=Client, **self._options()
                )
        except TimeoutError:
            raise SshError(
                Title(
                    f"{self.where}: không đăng nhập được trong {LOGIN_SECONDS:g} giây",
                    f"{self.where}: no login within {LOGIN_SECONDS:g} s",
                )
            ) from None
        except asyncssh.HostKeyNotVerifiable:
            shown = ", ".join(shown_keys) or "another"
            known = ", ".join(sorted(pinned))
            raise HostKeyError(
                Title(
                    f"{self.where} đưa ra khóa máy chủ {shown}, đã ghim {known}: máy đã được cài lại, hoặc đây là máy "
                    "khác; chưa gửi gì cho nó",
                    f"{self.where} shows the host key {shown}, pinned is {known}: it was installed anew, or it is "
                    "another machine; nothing was sent to it",
                )
            ) from None
        except asyncssh.PermissionDenied:
            raise SshError(
                Title(
                    f"{self.where} từ chối thông tin xác thực {self._name}",
                    f"{self.where} refuses credential {self._name}",
                )
            ) from None
        except (OSError, asyncssh.Error) as error:
            raise SshError(f"{self.where}: {error}") from None
        return self

    def _options(self) -> dict[str, Any]:
        import asyncssh

        secret = self._secret
        keys: list[asyncssh.SSHKey] | None = None
        if secret.get("key"):
            try:
                keys = [asyncssh.import_private_key(secret["key"], secret.get("passphrase"))]
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
                raise InputError(
                    Title(
                        f"thông tin xác thực {self._name}, key: cần khóa riêng ở dạng PEM",
                        f"credential {self._name}, key: expected a private key in PEM",
                    )
                ) from None
        return {
            # The keys are compared in `validate_host_public_key`, and nothing of the account that runs Dophu is used.
            "known_hosts": ([], [], []),
            "config": [],
            "agent_path": None,
            "agent_forwarding": False,
            "x509_trusted_certs": None,
            "username": secret["user"],
            "client_keys": keys,
            "password": secret.get("password"),
            "preferred_auth": ("publickey", "password", "keyboard-interactive")
            if keys
            else ("password", "keyboard-interactive"),
            "gss_host": None,
            "login_timeout": LOGIN_SECONDS,
        }

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.abort()

    async def run(self, command: str) -> Said:
        """What one command prints. SshError where the connection broke.

        Args:
            command: one of ours, never text from elsewhere: the machine's shell reads it.
        """
        import asyncssh

        if self._connection is None:
            raise SshError(f"{self.where}: the connection is not open")
        read = bytearray()
        try:
            process = await self._connection.create_process(
                f"echo {_BEGIN}; LC_ALL=C; export LC_ALL; {command}",
                stdin=asyncssh.DEVNULL,
                stderr=asyncssh.DEVNULL,
                encoding=None,
            )
            whole = await _read(process.stdout, read)
            if whole:
                await process.wait_closed()
            else:
                process.terminate()
                process.close()
        except (OSError, asyncssh.Error) as error:
            raise SshError(f"{self.where}: {error or type(error).__name__}") from None
        text = read.decode("utf-8", "replace")
        _, begun, own = text.partition(f"{_BEGIN}\n")
        return Said(own if begun else "", process.exit_status if whole else None, whole and bool(begun))


async def _read(stream: asyncssh.SSHReader[bytes], into: bytearray) -> bool:
    """Reads to the end; False where that takes too long or is too much."""
    try:
        async with asyncio.timeout(SECONDS):
            while part := await stream.read(65_536):
                into += part
                if len(into) > LARGEST:
                    return False
    except TimeoutError:
        return False
    return True
