"""Makers' names: of enterprise numbers that no file knows, and in the words of devices without a sysObjectID."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.reading.identify import Identification
from collectors.reading.standard import SYS_DESCR, SYS_OBJECT_ID
from collectors.vendors import load_vendors
from tests.collectors.test_snmp_vendors import Said, write


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "NxNetworks"),
        # The last line of the registry, and one with letters that are not ASCII.
        (62331, "Watermark Auto Group"),
        (30021, "Mühlbauer"),
        # Of the maker of an agent that others build in, nothing follows.
        (99, None),
        (4_000_000, None),
    ],
)
def test_every_registered_number_has_a_name(number: int, name: str | None) -> None:
    found = load_vendors().vendor_of(f"1.3.6.1.4.1.{number}.1.2")
    assert (found and found[0]) == name


def test_a_vendor_file_and_our_own_list_come_before_the_registry() -> None:
    knowledge = load_vendors()
    assert knowledge.vendor_of("1.3.6.1.4.1.9.1.1") == ("Cisco", None)
    assert knowledge.vendor_of("1.3.6.1.4.1.13742.6") == ("Raritan", "power")
    assert knowledge.vendor_of("1.3.6.1.4.1.36153.1") == ("InHand", "router")


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("Ruckus Wireless ZD1200", "Ruckus"),
        ('"HP ETHERNET MULTI-ENVIRONMENT,ROM A.03.15', "HP"),
        ("Acme Widgets, Inc. M-300 v2", "Acme Widgets"),
        ("SSR 2000 - Cabletron Systems, Inc. Firmware Version: 2.2.0.1", "Cabletron"),
        ("Ethernet Routing Switch 2526T HW:04 BN:10 (c) Avaya Networks", "Avaya"),
        ("MAS 1.0 (Intel X86) Copyright (c) 1998-2006 Huawei Technologies Co., Ltd on SUSE LINUX 9.0", "Huawei"),
        ("Room controller 7, manufactured by Acme Widgets GmbH", "Acme Widgets"),
        ("Vendor: Teltonika, Model: X", "Teltonika"),
        ("Access point of RUCKUS", "Ruckus"),
        # Words that are names as well, and what stands for the parts inside.
        ("Box with Intel(R) Core(TM) i7, extreme edition", None),
        ("8-port switch with delta symbol", None),
        ("Hewlettish box", None),
        ("", None),
    ],
)
def test_the_maker_is_found_where_a_text_names_it(text: str, maker: str | None) -> None:
    assert load_vendors().named_in(text) == maker


async def test_words_that_only_tell_systems_apart_make_no_maker(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("title: One\nenterprises: [91]\nsystems: [{descr: 'switch|^Onebox'}]\n")
    (tmp_path / "two.yaml").write_text(
        "title: Two\nenterprises: [92]\nsystems: [{descr: 'switch'}, {object: any, descr: 'tw\\d'}]\n"
    )
    knowledge = load_vendors(write(tmp_path, "title: Acme\nenterprises: [90]\n"))

    async def vendor(descr: bytes) -> str | None:
        return (await Identification(Said({SYS_DESCR: descr}), knowledge).run()).fields.get("vendor")

    assert await vendor(b"switch 24") is None
    assert await vendor(b"a switch") is None
    assert await vendor(b"Acme switch 24") == "Acme"
    assert await vendor(b"Onebox 24") == "One"
    assert await vendor(b"a tw7 switch") == "Two"
    portrait = await Identification(
        Said({SYS_OBJECT_ID: "1.3.6.1.4.1.91.1", SYS_DESCR: b"Acme switch"}), knowledge
    ).run()
    assert portrait.fields["vendor"] == "One"
