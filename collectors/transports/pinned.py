"""Verifies who a server is before a password is sent to it: by a pinned certificate, or by an authority."""

from __future__ import annotations

import asyncio
import hashlib
import ssl

from inventory.refusing import why
from inventory.words import Credential, InputError, Title, ToldError

GREETING_SECONDS = 15.0
"""Until a server shows its certificate."""


class PinError(ToldError, OSError):
    """The server does not show what was pinned, or nothing; the text names it and holds no secret."""


def place(host: str, port: int) -> str:
    """How a server is named among the pinned certificates."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def certificate(host: str, port: int) -> tuple[str, str]:
    """The SHA-256 fingerprint of the certificate that a server shows, and the certificate in PEM; nothing is sent.

    Raises:
        PinError: nobody answers there, or not by TLS.
    """
    try:
        pem = await asyncio.to_thread(ssl.get_server_certificate, (host, port), timeout=GREETING_SECONDS)
    except OSError as error:
        reason = why(error) if str(error) else Title("không có câu trả lời", "no answer")
        where = place(host, port)
        raise PinError(Title(f"{where}: {reason.vi}", f"{where}: {reason.en}")) from None
    return f"SHA256:{hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()}", pem


async def verification(host: str, port: int, credential: Credential) -> ssl.SSLContext:
    """How the server is to be verified: it shows the pinned certificate, else `ca` or an authority vouches for it.

    Raises:
        PinError: it shows another certificate than the pinned one. InputError: `ca` is no certificate.
    """
    secret, where = credential.secret, place(host, port)
    pinned = {words[1] for line in secret.get("certificates", "").splitlines()
              if len(words := line.split()) == 2 and words[0] == where}  # fmt: skip
    if pinned:
        shown, pem = await certificate(host, port)
        if shown not in pinned:
            known = ", ".join(sorted(pinned))
            raise PinError(
                Title(
                    f"{where} đưa ra chứng thư {shown}, đã ghim {known}: chứng thư đã được gia hạn, hoặc đây là "
                    "máy khác; chưa gửi gì cho nó",
                    f"{where} shows the certificate {shown}, pinned is {known}: it was renewed, or it is another "
                    "machine; nothing was sent to it",
                )
            )
        # Only a server that holds the key of this very certificate passes; its name no longer matters.
        context = ssl.create_default_context(cadata=pem)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # Devices sign certificates of their own with what was usual when they were made.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
    try:
        return ssl.create_default_context(cadata=secret.get("ca"))
    except (ssl.SSLError, ValueError):
        raise InputError(
            Title(
                f"thông tin xác thực {credential.name}, ca: cần chứng thư ở dạng PEM",
                f"credential {credential.name}, ca: expected certificates in PEM",
            )
        ) from None


def tell_unknown(where: str, shown: str) -> Title:
    """That a server's certificate is not known, and what it shows."""
    return Title(
        f"{where} đưa ra chứng thư không có tổ chức chứng thực nào bảo đảm, {shown}; chưa gửi gì cho nó.",
        f"{where} shows a certificate that no authority vouches for, {shown}; nothing was sent to it.",
    )


def command(credential: Credential, where: str, shown: str) -> str:
    """What pins it."""
    return f"dophu credential pin {credential.name} {where} --fingerprint {shown}"
