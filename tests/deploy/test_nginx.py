"""A real nginx with the example's configuration in front of a real `dophu serve`: agents, pages, token, /metrics."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.serving import serving
from tests.api.test_cli import dophu
from tests.collectors.certificates import make
from tests.postgresql import free_port

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "nginx" / "dophu.conf"
NGINX = "/usr/sbin/nginx"
TOKEN = "api-token-of-the-test"
BODY = (ROOT / "tests/recordings/agent/linux-notebook/inventory.xml").read_bytes()
REGISTER = {
    "levels": "code,name_vi,name_en,rank,part\nprovince,Cấp tỉnh,Province,1,no\n",
    "agencies": "code,name_vi,level,parent,valid_from\nso-a,Sở A,province,,2015-01-01\n",
}


@contextlib.contextmanager
def fronted(folder: Path, behind: str) -> Iterator[tuple[int, int]]:
    """The example's nginx with other ports and a certificate of the test; its ports of HTTP and HTTPS."""
    plain, secure = free_port(), free_port()
    signed = make("dophu.example.vn", names=["dophu.example.vn"])
    (folder / "cert.pem").write_bytes(signed.pem)
    (folder / "key.pem").write_bytes(signed.key_pem)
    text = EXAMPLE.read_text()
    for old, new in (
        ("127.0.0.1:8080", behind.removeprefix("http://")), ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"),
        ("/etc/dophu/tls/fullchain.pem", str(folder / "cert.pem")),
        ("/etc/dophu/tls/key.pem", str(folder / "key.pem")),
        # Loopback is who is let in; here it stands for everybody else, and 127.0.0.9 for Prometheus.
        ("allow 127.0.0.1;", "allow 127.0.0.9;"), ("        allow ::1;\n", ""),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    text = re.sub(r".*listen \[::\].*\n", "", text)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\nhttp {{ access_log {folder}/access.log;\n"
        + "".join(f"{of}_temp_path {folder}/{of};\n" for of in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + text + "}\n"
    )  # fmt: skip
    command = [NGINX, "-p", folder, "-c", folder / "nginx.conf"]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=30, check=False)
    assert tested.returncode == 0 and "warn" not in tested.stderr, tested.stderr
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 15
            while not _listens(secure):
                assert process.poll() is None and time.monotonic() < until, "nginx did not come up"
                time.sleep(0.02)
            yield plain, secure
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not here (Debian: apt-get install nginx-light)")
def test_agents_pages_and_the_token_pass_and_metrics_are_for_prometheus(tmp_path: Path) -> None:
    data, front, register = tmp_path / "data", tmp_path / "front", tmp_path / "register"
    for folder in (data, front, register):
        folder.mkdir()
    for name, text in REGISTER.items():
        (register / f"{name}.csv").write_text(text, encoding="utf-8")
    for argv in (["init"], ["register", "import", str(register)]):
        done = dophu(tmp_path, *argv, DOPHU_DATA=str(data))
        assert done.returncode == 0, done.stderr
    token = dophu(tmp_path, "token", "add", "so-a", DOPHU_DATA=str(data)).stdout.split()[-1].rsplit("/", 1)[-1]
    with serving(data, DOPHU_API_TOKEN=TOKEN) as behind, fronted(front, behind) as (plain, secure):
        trusted = ssl.create_default_context(cafile=front / "cert.pem")
        there = {"Host": "dophu.example.vn"}
        named = {"extensions": {"sni_hostname": "dophu.example.vn"}}
        allowed = {**there, "Authorization": f"Bearer {TOKEN}"}
        address = f"https://127.0.0.1:{secure}"
        with httpx2.Client(verify=trusted, timeout=20) as client:
            moved = client.get(f"http://127.0.0.1:{plain}/", headers=there)
            assert (moved.status_code, moved.headers["location"]) == (301, "https://dophu.example.vn/")
            posted = client.post(f"{address}/agents/{token}", content=BODY, headers=there, **named)
            assert posted.status_code == 200, posted.text
            assert client.get(f"{address}/api/v1/agencies", headers=there, **named).status_code == 401
            page = client.get(f"{address}/agencies", headers=allowed, **named)
            assert (page.status_code, "Sở A" in page.text) == (200, True)
            assert "max-age" in page.headers["strict-transport-security"]
            assert client.get(f"{address}/metrics", headers=allowed, **named).status_code == 403
            large = client.post(f"{address}/agents/{token}", content=b"x" * (17 << 20), headers=there, **named)
            assert large.status_code == 413
        with httpx2.Client(
            verify=trusted, timeout=20, transport=httpx2.HTTPTransport(verify=trusted, local_address="127.0.0.9")
        ) as prometheus:
            assert prometheus.get(f"{address}/metrics", headers=allowed, **named).status_code == 200
            assert prometheus.get(f"{address}/metrics", headers=there, **named).status_code == 401
        if shutil.which("curl"):
            command = ["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version}", f"{address}/healthz"]
            told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
            assert told.stdout == "2"
    # The agency's token is part of the address.
    assert token not in (front / "access.log").read_text()
