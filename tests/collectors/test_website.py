"""Websites on a real nginx and on hostile servers: what each shows, and what our own side's silence must not say."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors import runner, website
from collectors.reading import freshness
from collectors.transports import tls
from collectors.transports.http import LARGEST_BODY, Limits
from collectors.transports.names import ResolverError
from inventory.urls import Url, follow, read_url, same_site
from inventory.vocabulary import load
from inventory.words import InputError, Run, Target
from tests.collectors.certificates import make, save
from tests.collectors.netns import inside
from tests.collectors.website_town import Sites, sites

QUICK = Limits(connect=0.4, header=1.0, body=1.0)
GOOD = "https://good.vi-du.vn/"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(tmp_path_factory.mktemp("websites")) as made:
        yield made


def asking(town: Sites, *witnesses: str) -> website.Asking:
    return website.Asking(town.trust, witnesses, town.resolve, QUICK)


async def collect_all(town: Sites, *urls: str, how: website.Asking | None = None, long: bool = True) -> dict[str, Run]:
    """By the runner, as everywhere: what the collector raises is the Run's error."""
    how = how or asking(town, GOOD)
    with inside(town.namespace):
        targets = [Target(url, long=long) for url in urls]
        return {r.target: r async for r in runner.run("website", lambda t: website.collect(t, how), targets)}


async def read(town: Sites, url: str, **more: Any) -> dict[str, Any]:
    """What was stated of one website."""
    (done,) = (await collect_all(town, url, **more)).values()
    assert done.error is None, done.error
    (observation,) = done.observations
    assert observation.asset is not None
    assert observation.asset.identifiers == {("url", url)}
    assert observation.asset.agency is None  # the register says whose it is
    return {fact.key: fact.value for fact in observation.facts}


async def test_a_site_as_it_should_be(town: Sites) -> None:
    said = await read(town, GOOD)
    wanted = {
        "answering": True, "http_status": 200, "content_type": "text/html", "https_only": True, "hsts": True,
        "certificate_valid": True, "certificate_problem": None, "certificate_weak": False, "tls_version": "TLSv1.3",
        "certificate_issuer": "Between", "tls_old": False, "ipv4_published": True, "answers_over_ipv4": True,
        "ipv6_published": True, "answers_over_ipv6": True, "leads_to": None, "website_problem": None,
        "content_dated_by": "feed", "content_at": town.published, "certificate_key": "EC 256, SHA256",
    }  # fmt: skip
    assert {key: said[key] for key in wanted} == wanted
    assert said["certificate_names"].startswith("good.vi-du.vn, www.good.vi-du.vn")
    assert timedelta(days=89) < said["certificate_expires"] - datetime.now(UTC) < timedelta(days=91)
    assert 0 < said["first_byte_time"] <= said["response_time"] < 5


@pytest.mark.parametrize(
    ("name", "problem"),
    [("expired", "expired"), ("future", "not_yet_valid"), ("wrong", "wrong_name"), ("self", "self_signed"),
     ("unknown", "unknown_issuer"), ("chain", "unknown_issuer")],
)  # fmt: skip
async def test_bad_certificates_are_told_apart(town: Sites, name: str, problem: str) -> None:
    said = await read(town, f"https://{name}.vi-du.vn/")
    assert (said["certificate_valid"], said["certificate_problem"]) == (False, problem)
    assert problem in load().keys["certificate_problem"].says
    assert (said["answering"], said["http_status"], said["tls_version"]) == (True, 200, "TLSv1.3")


async def test_a_weak_key_is_no_matter_of_validity(town: Sites) -> None:
    said = await read(town, "https://weak.vi-du.vn/")
    assert (said["certificate_valid"], said["certificate_weak"], said["certificate_key"]) == (
        True,
        True,
        "RSA 1024, SHA256",
    )


async def test_an_authority_of_ones_own_is_trusted_by_the_setting_alone(town: Sites) -> None:
    stranger = website.Asking(tls.trust(), (), town.resolve, QUICK)
    said = await read(town, "https://four.vi-du.vn/", how=stranger)
    assert (said["certificate_valid"], said["certificate_problem"]) == (False, "unknown_issuer")
    with pytest.raises(InputError, match=r"websites.ca: .*none.pem"):
        tls.trust([town.folder / "none.pem"])
    with pytest.raises(InputError, match=r"websites.ca: .*expected certificates"):
        tls.trust([town.folder / "nginx.conf"])


async def test_without_any_authority_an_unknown_issuer_says_nothing(
    town: Sites, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    bare = website.Asking(tls.trust(), (), town.resolve, QUICK)
    said = await read(town, GOOD, how=bare)
    assert not {"certificate_valid", "certificate_problem"} & said.keys()
    assert said["certificate_issuer"] == "Between"
    said = await read(town, "https://expired.vi-du.vn/", how=bare)
    assert (said["certificate_valid"], said["certificate_problem"]) == (False, "expired unknown_issuer")


@pytest.mark.parametrize(("name", "version", "old"), [("old", "TLSv1.1", True), ("mixed", "TLSv1.3", True)])
async def test_old_tls(town: Sites, name: str, version: str, old: bool) -> None:
    said = await read(town, f"https://{name}.vi-du.vn/")
    assert (said["tls_version"], said["tls_old"], said["certificate_valid"]) == (version, old, True)


async def test_sites_with_one_ip_version(town: Sites) -> None:
    keys = ("ipv4_published", "answers_over_ipv4", "ipv6_published", "answers_over_ipv6", "answering")
    four = await read(town, "https://four.vi-du.vn/")
    six = await read(town, "https://six.vi-du.vn/")
    assert [four[key] for key in keys] == [True, True, False, False, True]
    assert [six[key] for key in keys] == [False, False, True, True, True]


async def test_an_address_that_is_published_and_not_served_over_ipv6(town: Sites) -> None:
    async def resolve(host: str, version: int) -> tuple[str, ...]:
        return ("127.0.0.1",) if version == 4 else ("::1",)

    # Nobody listens on ::1 on this port, and it says so itself.
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with serving(town, answer) as port:
        said = await read(
            town, f"http://broken.vn:{port}/", how=website.Asking(town.trust, (), resolve, QUICK), long=False
        )
    assert (said["answering"], said["ipv6_published"], said["answers_over_ipv6"]) == (True, True, False)
    assert (said["website_problem"], said["website_detail"]) == (
        "refused",
        f"IPv6: ::1 port {port}: Connection refused",
    )


async def test_plain_http_has_no_certificate(town: Sites) -> None:
    said = await read(town, "http://plain.vi-du.vn/")
    assert (said["https_only"], said["certificate_valid"], said["certificate_problem"]) == (False, False, "none")
    assert (said["tls_version"], said["http_status"], said["hsts"]) == ("none", 200, False)


async def test_http_that_sends_on_to_https(town: Sites) -> None:
    said = await read(town, "http://good.vi-du.vn/")
    assert (said["https_only"], said["certificate_valid"], said["hsts"]) == (True, True, True)
    assert said["leads_to"] is None  # www. is the same site


async def test_another_host_is_told_and_not_asked(town: Sites) -> None:
    asked: list[str] = []

    async def resolve(host: str, version: int) -> tuple[str, ...]:
        asked.append(host)
        return await town.resolve(host, version)

    said = await read(town, "http://away.vi-du.vn/", how=website.Asking(town.trust, (), resolve, QUICK))
    assert (said["answering"], said["http_status"], said["leads_to"]) == (True, 302, "https://elsewhere.vn/x")
    assert said["content_at"] is None
    assert set(asked) == {"away.vi-du.vn"}


async def test_errors_are_answers(town: Sites) -> None:
    said = await read(town, "http://error.vi-du.vn/")
    assert (said["answering"], said["http_status"], said["content_at"]) == (True, 503, None)


async def test_a_circle_is_no_page(town: Sites) -> None:
    said = await read(town, "http://circle.vi-du.vn/")
    assert said["answering"] is False
    # Where the machine is busy one of its two addresses may also be silent for once.
    assert "circle" in str(said["website_problem"]).split()
    assert "sends on in a circle: http://circle.vi-du.vn/" in said["website_detail"]


async def test_a_short_round_leaves_out_what_changes_little(town: Sites) -> None:
    said = await read(town, GOOD, long=False)
    assert not {"tls_old", "content_at", "https_only", "long_tables_read"} & said.keys()
    assert said["certificate_valid"] is True


# --- silence ---------------------------------------------------------------------------------------------------------


async def test_silence_is_an_answer_where_our_own_side_works(town: Sites) -> None:
    said = await read(town, "https://silent.vi-du.vn/")
    assert said["answering"] is False
    assert "certificate_valid" not in said
    assert said["http_status"] is None


async def test_silence_says_nothing_where_nobody_else_is_reached(town: Sites) -> None:
    how = asking(town, "https://silent.vi-du.vn/")
    runs = await collect_all(town, "https://silent.vi-du.vn/", how=how)
    (done,) = runs.values()
    assert not done.observations
    assert "no other website was reached over IPv4: it may be our own line" in str(done.error)


async def test_many_silent_addresses_say_no_more_than_one(town: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the time for all is over before each was tried."""

    async def resolve(host: str, version: int) -> tuple[str, ...]:
        return ("127.0.0.9",) * 3 if version == 4 else ()

    monkeypatch.setattr(website, "_SECONDS", 0.6)
    how = website.Asking(town.trust, ("https://silent.vi-du.vn/",), resolve, QUICK)
    (done,) = (await collect_all(town, "https://many.vi-du.vn/", how=how)).values()
    assert not done.observations
    assert "no page within 0.6 s; and no other website was reached" in str(done.error)


async def test_what_one_address_says_goes_before_the_silence_of_another(town: Sites) -> None:
    async def resolve(host: str, version: int) -> tuple[str, ...]:
        return ("127.0.0.8", "127.0.0.9") if version == 4 else ()

    said = await read(town, "https://two.vi-du.vn/", how=website.Asking(town.trust, (), resolve, QUICK))
    assert (said["answering"], said["website_problem"]) == (False, "refused")


async def test_who_tarries_at_old_tls_is_read_all_the_same(town: Sites) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(town.folder / "good.pem", town.folder / "good.key")
    inner: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(4096)
        # The record of a ClientHello that offers TLS 1.3 has the extension supported_versions (RFC 8446 section 4.2.1).
        if b"\x00\x2b" not in hello:
            await drip(writer, b"", b"")
        await relay(reader, writer, hello)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: bytes) -> None:
        there, thither = await asyncio.open_connection("127.0.0.1", 443)
        thither.write(hello)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65_536):
                    sink.write(data)
                    await sink.drain()

        back = asyncio.create_task(pump(there, writer))
        inner.add(back)
        await pump(reader, thither)
        thither.close()
        await back

    async with serving(town, one) as port:
        with inside(town.namespace):
            said = await read(town, f"https://four.vi-du.vn:{port}/")
    assert (said["answering"], said["certificate_valid"]) == (True, True)
    assert "tls_old" not in said


async def test_no_route_says_nothing(town: Sites) -> None:
    (done,) = (await collect_all(town, "https://beyond.vi-du.vn/")).values()
    assert not done.observations
    assert "Network is unreachable" in str(done.error)
    said = await read(town, "https://broken6.vi-du.vn/")
    assert "answers_over_ipv6" not in said  # published, and we have no way there
    assert (said["answering"], said["ipv6_published"]) == (True, True)


async def test_a_name_without_addresses_is_no_site_and_a_dead_resolver_says_nothing(town: Sites) -> None:
    said = await read(town, "https://nowhere.vi-du.vn/")
    assert (said["answering"], said["website_problem"]) == (False, "no_address")

    async def dead(host: str, version: int) -> tuple[str, ...]:
        raise ResolverError(f"the resolver does not answer for {host}")

    how = website.Asking(town.trust, (GOOD,), dead, QUICK)
    (done,) = (await collect_all(town, GOOD, how=how)).values()
    assert not done.observations
    assert "the resolver does not answer" in str(done.error)


async def test_who_refuses_is_not_there(town: Sites) -> None:
    said = await read(town, "https://refused.vi-du.vn/", how=asking(town))
    assert said["answering"] is False
    assert said["website_problem"] == "refused"
    assert said["website_detail"] == "IPv4: 127.0.0.8 port 443: Connection refused"


# --- hostile servers -------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def serving(town: Sites, serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of the test's own in the namespace, on 127.0.0.1; yields its port."""
    busy: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = busy[writer] = asyncio.Event()
        try:
            with contextlib.suppress(OSError):
                await serve(reader, writer)
                await writer.drain()
        finally:
            writer.close()
            ended.set()

    with inside(town.namespace):
        server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer, ended in busy.items():
            # What is still written to is told so, and ends.
            writer.transport.abort()
            await ended.wait()


async def test_a_page_whose_character_set_is_none_and_whose_address_is_not_escaped(town: Sites) -> None:
    """Whoever sends on writes the address as people read it; the page says that it is in Python's "undefined"."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).split()[1])
        await reader.readuntil(b"\r\n\r\n")
        head = b"200 OK\r\nContent-Type: text/html; charset=undefined\r\nContent-Length: 10"
        if asked[-1] == b"/":
            head = b"302 Found\r\nContent-Length: 0\r\nLocation: " + "/tin tức".encode()
        writer.write(b"HTTP/1.1 " + head + b"\r\n\r\n" + (b"27/11/2020" if asked[-1] != b"/" else b""))

    async with serving(town, serve) as port:
        said = await read(town, f"http://plain.vi-du.vn:{port}/")
    assert (said["http_status"], said["content_at"]) == (200, datetime(2020, 11, 26, 17, tzinfo=UTC))
    assert asked[:2] == [b"/", b"/tin%20t%E1%BB%A9c"]


async def flood(writer: asyncio.StreamWriter, head: bytes, part: bytes) -> None:
    writer.write(head)
    while True:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)


async def drip(writer: asyncio.StreamWriter, head: bytes, part: bytes) -> None:
    writer.write(head)
    while True:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.05)


HOSTILE: dict[str, tuple[Serve, bool, str, str]] = {
    "a header that never ends": (
        lambda r, w: drip(w, b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
        False,
        "the header does not end",
        "endless",
    ),
    "a header without end, quickly": (
        lambda r, w: flood(w, b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 9000 + b"\r\n"),
        False,
        "no HTTP answer",
        "no_http",
    ),
    "a tar-pit": (lambda r, w: drip(w, b"", b""), False, "the header does not end", "endless"),
    "early answers without end": (
        lambda r, w: flood(w, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        False,
        "came before an answer",
        "broken_off",
    ),
    "no HTTP": (lambda r, w: drip(w, b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b""), False, "no HTTP answer", "no_http"),
    "it hangs up": (lambda r, w: asyncio.sleep(0), False, "no HTTP answer|broken off", "no_http|broken_off"),
    "garbage for TLS": (lambda r, w: flood(w, b"\x16\x03\x01\xff\xff", b"\x00" * 900), True, "TLS:", "no_tls"),
    "no TLS at all": (lambda r, w: drip(w, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""), True, "TLS:", "no_tls"),
    "TLS that never begins": (lambda r, w: drip(w, b"", b""), True, "TLS does not begin", "no_tls"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_servers_are_bounded_and_have_no_page(town: Sites, name: str) -> None:
    serve, secure, why, code = HOSTILE[name]
    async with serving(town, serve) as port:
        said = await read(town, f"{'https' if secure else 'http'}://127.0.0.1:{port}/", long=False)
    assert said["answering"] is False
    assert said["website_problem"] in code.split("|")
    assert any(each in said["website_detail"] for each in why.split("|")), said["website_detail"]
    assert said["website_problem"] in load().keys["website_problem"].says
    assert said.get("certificate_problem", "none") == "none"
    assert ("certificate_valid" in said) == secure


async def test_ten_gigabytes_are_cut(town: Sites) -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\nContent-Type: text/html\r\n\r\n")
        while True:
            writer.write(b"2026-01-05 " * 6000)
            sent += 66_000
            await writer.drain()

    async with serving(town, pour) as port:
        said = await read(town, f"http://127.0.0.1:{port}/")
    assert (said["answering"], said["http_status"], said["content_dated_by"]) == (True, 200, "page")
    assert sent < 40 * LARGEST_BODY


async def test_a_body_that_drips_is_an_answer_that_takes_long(town: Sites) -> None:
    async with serving(town, lambda r, w: drip(w, b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as port:
        said = await read(town, f"http://127.0.0.1:{port}/", long=False)
    assert (said["answering"], said["http_status"]) == (True, 200)
    assert said["response_time"] >= QUICK.body > said["first_byte_time"]


async def test_a_certificate_without_an_end_and_with_hostile_names(town: Sites) -> None:
    names = ["*.vi-du.vn", *(f"n{n}.vn" for n in range(400))]
    absurd = make("<b>\u202e\n" + "x" * 50, names=names, expires=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    save(town.folder, "absurd", absurd)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(town.folder / "absurd.pem", town.folder / "absurd.key")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(town, answer, context) as port:
        said = await read(town, f"https://127.0.0.1:{port}/", long=False)
    assert said["certificate_valid"] is False
    assert said["certificate_problem"].split() == ["absurd_dates", "self_signed", "wrong_name"]
    assert said["certificate_expires"] is None
    assert said["certificate_issuer"].isprintable()
    assert said["certificate_names"].endswith("(+381)")
    assert len(said["certificate_names"]) <= 300


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["https://$(reboot).vn/", "https://a;b.vn/", "https://a`id`.vn/", "https://10.0.0.256/", "https:///x",
     "https://-a.vn/", "https://a..vn/", "https://a.vn:0/", "https://u:p@a.vn/", "ftp://a.vn/", "https://a.vn/ b",
     "https://a.vn/\r\nX: y", "https://" + "a" * 64 + ".vn/", "https://a.vn/" + "x" * 500, "https://[::1/", "a.vn"],
)  # fmt: skip
async def test_what_is_no_address_is_never_asked(town: Sites, url: str) -> None:
    with pytest.raises(InputError, match="expected an address such as"):
        await website.collect(Target(url), asking(town))


def test_names_in_letters_of_all_languages_become_ascii() -> None:
    url = read_url("https://Sở-Y-Tế.Ví-Dụ.vn:8443/Tin tức?q=ấ&x=%20".replace(" ", "%20"))
    assert url.host == "xn--s-y-t-n54bw0e.xn--v-d-8ma6503c.vn" or url.host.startswith("xn--")
    assert url.authority.endswith(".vn:8443")
    assert url.target == "/Tin%20t%E1%BB%A9c?q=%E1%BA%A5&x=%20"
    assert str(read_url("https://[2001:db8::1]")) == "https://[2001:db8::1]/"


def test_what_is_the_same_site() -> None:
    site = read_url("https://www.vi-du.vn/")
    assert same_site(site, read_url("http://vi-du.vn/x"))
    assert not same_site(site, read_url("https://vi-du.vn:22/"))
    assert not same_site(site, read_url("https://so.vi-du.vn/"))
    assert follow(site, "/a?b") == Url("https", "www.vi-du.vn", 443, "/a?b")
    moved = follow(site, " /tin tức/a b?q=c d ")
    assert moved is not None and moved.target == "/tin%20t%E1%BB%A9c/a%20b?q=c%20d"
    for nowhere in ("javascript:alert(1)", "//[", "http://a b/", "https://u:p@vi-du.vn/"):
        assert follow(site, nowhere) is None


# --- freshness -------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)
PAGES = {
    "Đăng ngày 27/11/2026": "2026-11-26T17:00",
    "27-11-2026 và 03.02.2025": "2026-11-26T17:00",
    "ng&agrave;y 5 th&aacute;ng 9 năm 2026": "2026-09-04T17:00",
    '<time datetime="2026-11-27T08:30:00+07:00">': "2026-11-27T01:30",
    "2026-11-27 08:30": "2026-11-27T01:30",
    # What a portal shows in its head, and the same words around a day that is over.
    "Thứ Bảy, 28/11/2026": None,
    "Thứ bảy, ngày 28 tháng 11 năm 2026": None,
    "Thứ  Sáu,\n ngày 27/11/2026": "2026-11-26T17:00",
    # Announced, impossible, and no dates.
    "Họp ngày 30/11/2026": None,
    "31/02/2026, 2026-13-45": None,
    "style.css?v=2026-11-27 a/b/2026-11-27.png 127.11.2026 1/27/11/2026": None,
    "": None,
}


@pytest.mark.parametrize("text", PAGES)
def test_dates_in_pages(text: str) -> None:
    found = freshness.read_page(text, NOW)
    expected = PAGES[text]
    assert (found and found.at) == (datetime.fromisoformat(expected + "+00:00") if expected else None)


def test_last_modified_is_taken_unless_it_is_the_time_of_the_request() -> None:
    asked = {"date": "Sat, 28 Nov 2026 05:00:00 GMT"}
    made = freshness.read_modified(asked | {"last-modified": "Fri, 27 Nov 2026 05:00:00 GMT"}, NOW)
    assert made == freshness.Dated(datetime(2026, 11, 27, 5, tzinfo=UTC), "last_modified")
    assert freshness.read_modified(asked | {"last-modified": "Sat, 28 Nov 2026 04:59:00 GMT"}, NOW) is None
    assert freshness.read_modified({"last-modified": "yesterday"}, NOW) is None


def test_feeds_and_sitemaps() -> None:
    atom = "<feed><updated>2026-11-28T04:59:30Z</updated><entry><updated>2026-11-20T00:00:00Z</updated></entry></feed>"
    assert freshness.read_list(atom, NOW) == datetime(2026, 11, 20, tzinfo=UTC)
    sitemap = "<urlset><url><lastmod>2026-11-01</lastmod></url><url><lastmod>2027-01-01</lastmod></url></urlset>"
    assert freshness.read_list(sitemap, NOW) == datetime(2026, 10, 31, 17, tzinfo=UTC)
    assert freshness.read_list("<rss></rss>", NOW) is None
    assert freshness.find_feed("<LINK type='application/atom+xml' href='/a?x=1&amp;y'>") == "/a?x=1&y"
    assert freshness.find_feed('<link rel="stylesheet" href="/a.css">') is None


@pytest.mark.parametrize("text", ["<link " * 80_000, "thứ hai" + " " * 500_000, "<updated>" + " " * 500_000 + "x",
                                  "1/1/" * 120_000, "&" * 500_000, "ngày 1 tháng " * 40_000])  # fmt: skip
def test_pages_that_were_made_to_be_slow_are_not(text: str) -> None:
    async def all_of_it() -> None:
        freshness.read_page(text, NOW)
        freshness.read_list(text, NOW)
        freshness.find_feed(text)

    started = datetime.now(UTC)
    asyncio.run(all_of_it())
    assert datetime.now(UTC) - started < timedelta(seconds=3)


def test_a_page_is_read_in_its_own_letters() -> None:
    assert freshness.read_text("ngày".encode("utf-16"), "text/html; charset=utf-16") == "ngày"
    for named in ('"no-such"', "idna", "undefined", "hex", "punycode"):
        assert "ng" in freshness.read_text("ngày".encode(), f"text/html; charset={named}"), named
    assert freshness.read_text("ngày".encode(), "text/html; charset=undefined") == "ngày"
