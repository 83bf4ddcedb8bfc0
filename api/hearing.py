"""Receives traps without serving anything else, and prints each on a line once it is stored."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from api.commanding import print_json, say, word
from api.speaking import clean
from api.trapping import trapping
from api.workspace import Workspace
from collectors.transports.snmp_trap_senders import check_listener
from collectors.transports.snmp_traps import bind
from inventory.store.events import Notice


def open_listener(text: str) -> socket.socket:
    """The UDP socket of a text such as "0.0.0.0:162".

    Raises:
        InputError: it is no address and port. OSError: the address is taken, or may not be used.
    """
    return bind(*check_listener(text))


async def hear(workspace: Workspace, where: str, output: str) -> None:
    """Receive on an address until the workspace says stop; what was dropped is told on standard error.

    Raises:
        InputError: `where` is no address and port. OSError: it is taken. StoreError: the register could not be read.
    """

    def tell(notices: Sequence[Notice]) -> None:
        try:
            for notice in notices:
                if output == "json":
                    print_json(notice_object(notice), indent=None)
                else:
                    print(notice_line(notice), flush=True)
        except BrokenPipeError:
            # Nobody reads on, as in `dophu traps | head`; what came is stored all the same.
            workspace.stop.set()
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    with open_listener(where) as bound:
        async with trapping(workspace, bound) as running:
            running.heard = tell
            say(word("cli:traps_on", address=running.address))
            await workspace.stop.wait()
    receiver = running.receiver
    dropped = "".join(
        word("cli:traps_dropped", number=number, reason=reason) for reason, number in sorted(receiver.dropped.items())
    )
    say(word("cli:traps_done", received=receiver.received, stored=sum(receiver.stored.values())) + dropped)


def notice_object(notice: Notice) -> dict[str, Any]:
    """What came as JSON tells it: `facts` are those that follow from it, `agent` whom the sender speaks for."""
    told, sender = notice.event, notice.sender
    return {
        "at": told.at, "kind": told.kind, "severity": str(told.severity), "agency": sender.agency,
        "network": sender.network, "address": sender.address, "agent": notice.agent, "item": told.item,
        "row": notice.row, "detail": told.detail, "facts": {fact.key: fact.value for fact in notice.facts},
    }  # fmt: skip


def notice_line(notice: Notice) -> str:
    """What came on one line: time in UTC, sender, agency, kind, and what it is about."""
    told, sender = notice.event, notice.sender
    item = told.item or (f"#{notice.row[1]}" if notice.row else "")
    facts = ", ".join(f"{fact.key}={fact.value}" for fact in notice.facts)
    parts = (sender.address, sender.agency, told.kind, item, told.detail, facts)
    said = " · ".join(" ".join(str(clean(part)).split()) for part in parts if part)
    return f"{told.at:%Y-%m-%d %H:%M:%S}\t{said}"
