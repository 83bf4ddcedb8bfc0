"""Asks the system's resolver for a name's addresses, and tells "it has none" from "nobody could be asked"."""

from __future__ import annotations

import asyncio
import functools
import socket
from concurrent.futures import ThreadPoolExecutor

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
MOST = 3
"""Addresses of one name that are tried."""
_NONE = (socket.EAI_NONAME, socket.EAI_NODATA)
_THREADS = 16


class ResolverError(OSError):
    """Our own resolver gave no answer, which says nothing of the name."""


@functools.cache
def _threads() -> ThreadPoolExecutor:
    # A resolver that is slow must not keep those waiting who use the loop's own threads.
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="names")


async def look_up(host: str, version: int, seconds: float = 8.0) -> tuple[str, ...]:
    """The addresses of one IP version that a name has, at most `MOST`; none where the resolver states that.

    Raises:
        ResolverError: the resolver did not answer, or not within `seconds`.
    """
    loop = asyncio.get_running_loop()
    asking = functools.partial(socket.getaddrinfo, host, None, FAMILIES[version], socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(seconds):
            found = await loop.run_in_executor(_threads(), asking)
    except socket.gaierror as error:
        if error.errno in _NONE:
            return ()
        raise ResolverError(f"the resolver does not answer for {host}: {error.strerror}") from None
    except TimeoutError:
        raise ResolverError(f"the resolver does not answer for {host} within {seconds:g} s") from None
    except UnicodeError:
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))[:MOST]
