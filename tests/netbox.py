"""A real NetBox for the tests: from PyPI in an environment of its own, with a PostgreSQL and a Redis of its own.

It wants Python 3.12 or newer, which need not be the one that the tests run on. Its tables come from a dump that was
made once by its own migrations, which take six minutes: `recordings/netbox/seed-4.7.3.sql.gz`, with a user and two
tokens.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import psycopg

from tests.postgresql import find_binaries, free_port, postgresql

VERSION = "4.7.3"
ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".tools" / f"netbox-{VERSION}"
SEED = Path(__file__).parent / "recordings" / "netbox" / f"seed-{VERSION}.sql.gz"
#: The tokens of the dump's user, who may do everything; they open nothing but this.
TOKEN_V1 = "0123456789abcdef0123456789abcdef01234567"
TOKEN_V2 = "nbt_TestKey00001.abcdefghijABCDEFGHIJ0123456789abcdefghij"
START_SECONDS = 240

_CONFIGURATION = """
ALLOWED_HOSTS = ['*']
DATABASES = {{'default': {{'NAME': 'netbox', 'USER': 'dophu', 'PASSWORD': '', 'HOST': '127.0.0.1', 'PORT': '{pg}',
                          'CONN_MAX_AGE': 300, 'CONN_HEALTH_CHECKS': True}}}}
REDIS = {{k: {{'HOST': '127.0.0.1', 'PORT': {redis}, 'USERNAME': '', 'PASSWORD': '', 'DATABASE': d, 'SSL': False}}
         for k, d in (('tasks', 0), ('caching', 1))}}
SECRET_KEY = 'for-tests-only-' + 'x' * 50
API_TOKEN_PEPPERS = {{1: 'integration-test-only-' + 'p' * 50}}
LOGIN_REQUIRED = True
ISOLATED_DEPLOYMENT = True
CENSUS_REPORTING_ENABLED = False
RELEASE_CHECK_URL = None
MEDIA_ROOT = '{root}/media'
MAX_PAGE_SIZE = 1000
"""


@dataclass(frozen=True)
class NetBox:
    """One running NetBox."""

    url: str
    database: str
    redis: int

    def keep(self, name: str) -> None:
        """Keep what is in it now under a name, for `reset`."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("ALTER DATABASE netbox ALLOW_CONNECTIONS false")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'netbox'")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE netbox".encode())
            connection.execute("ALTER DATABASE netbox ALLOW_CONNECTIONS true")

    def reset(self, name: str = "netbox_seed") -> None:
        """Make it what was kept under a name, or empty: its database anew from there, and nothing in its cache."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS netbox WITH (FORCE)")
            connection.execute(f"CREATE DATABASE netbox TEMPLATE {name}".encode())
        with socket.create_connection(("127.0.0.1", self.redis), 5) as asked:
            asked.sendall(b"FLUSHALL\r\n")
            asked.recv(64)


def find_python() -> Path | None:
    """A Python that NetBox runs on: on the path, or among those that pyenv installed."""
    names = [shutil.which(f"python3.{n}") for n in range(15, 11, -1)]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [Path(name) for name in names if name] + sorted(versions.glob("3.*/bin/python3"), reverse=True)
    for python in found:
        asked = [python, "-c", "import sys, ssl, ensurepip; sys.exit(not (3, 12) <= sys.version_info < (3, 16))"]
        # What pyenv puts on the path may name a version that is not chosen.
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return python
    return None


def missing() -> str | None:
    """Why it cannot be run on this machine; None where it can."""
    if find_binaries() is None:
        return "no PostgreSQL server is installed (Debian: apt-get install postgresql)"
    if shutil.which("redis-server") is None:
        return "no Redis is installed (Debian: apt-get install redis-server)"
    if not _is_installed():
        if find_python() is None:
            return "NetBox needs Python 3.12 or newer beside the one that the tests run on, and there is none"
        if not (ROOT / ".tools/bin/uv").exists():
            return "there is no .tools/bin/uv to install NetBox with (make setup)"
    return None


def _is_installed() -> bool:
    return (PLACE / "installed").exists()


def install() -> str | None:
    """Install it where it is not, which takes a minute and half a gigabyte; why that failed, or None."""
    if _is_installed():
        return None
    uv, python = ROOT / ".tools/bin/uv", PLACE / "venv/bin/python"
    made = [uv, "venv", "--quiet", "--clear", "--python", str(find_python()), str(PLACE / "venv")]
    filled = [uv, "pip", "install", "--quiet", "--python", python, f"netbox=={VERSION}"]
    for command in (made, filled):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"NetBox {VERSION} cannot be installed: {done.stderr.strip()[-300:]}"
    (PLACE / "installed").touch()
    return None


@contextmanager
def netbox() -> Iterator[NetBox]:
    """Run an empty NetBox on loopback; `missing` and `install` have said before that it can be."""
    binaries = find_binaries()
    assert binaries is not None
    with ExitStack() as opened:
        database = opened.enter_context(postgresql(binaries))
        root = Path(tempfile.mkdtemp(prefix="dophu-netbox-"))
        opened.callback(shutil.rmtree, root, ignore_errors=True)
        redis = free_port()
        options = ["--bind", "127.0.0.1", "--port", str(redis), "--save", "", "--dir", str(root)]
        _start(opened, ["redis-server", *options], root / "redis.log")
        (root / "conf").mkdir()
        (root / "conf" / "__init__.py").touch()
        text = _CONFIGURATION.format(pg=urlsplit(database).port, redis=redis, root=root)
        (root / "conf" / "configuration.py").write_text(text)
        for name in ("media", "static", "reports", "scripts"):
            (root / name).mkdir()
        _restore(binaries, database)
        running = NetBox(f"http://127.0.0.1:{free_port()}", database, redis)
        running.reset()
        serving = [PLACE / "venv/bin/gunicorn", "netbox.wsgi", "--bind", running.url.removeprefix("http://"),
                   "--workers", "2", "--threads", "4", "--preload", "--timeout", "120"]  # fmt: skip
        process = _start(opened, serving, root / "gunicorn.log", cwd=root, env={"NETBOX_ROOT": str(root)})
        _wait(running, process, root / "gunicorn.log")
        yield running


def _start(
    opened: ExitStack,
    command: list[str | Path],
    log: Path,
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=cwd, env=os.environ | (env or {}),
                                   start_new_session=True)  # fmt: skip

    def end() -> None:
        # With its workers, and at once: nothing of what it holds is wanted any more.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    opened.callback(end)
    return process


def _restore(binaries: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE netbox_seed TEMPLATE template0 ENCODING 'UTF8'")
    address = database.rsplit("/", 1)[0] + "/netbox_seed"
    psql = [binaries / "psql", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", address]
    subprocess.run(psql, input=gzip.decompress(SEED.read_bytes()), check=True, stdout=subprocess.DEVNULL)


def _wait(running: NetBox, process: subprocess.Popen[bytes], log: Path) -> None:
    asked = urllib.request.Request(f"{running.url}/api/status/", headers={"Authorization": f"Bearer {TOKEN_V2}"})
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)  # nothing tells when it listens
    raise AssertionError(f"NetBox did not start: {log.read_text()[-2000:]}")
