"""The unit as systemd itself judges it, and the files that the installation puts in place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from inventory.secrets import KeyRing
from inventory.words import InputError

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here (Debian: apt-get install systemd)"
)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_the_service_is_hardened() -> None:
    told = analyze("security", "--offline=true", UNITS / "dophu.service").stdout
    level = re.search(r"Overall exposure level for dophu\.service: ([\d.]+)", told)
    assert level is not None, told
    assert float(level[1]) <= 3.0


@needs_systemd
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = tmp_path / "dophu"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS.glob("dophu.s*"):
        # The program is not installed where tests run.
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/dophu/.venv/bin/dophu", str(program)))
    done = analyze("verify", tmp_path / "dophu.service", tmp_path / "dophu.socket")
    assert (done.returncode, [line for line in done.stderr.splitlines() if "dophu" in line]) == (0, [])


def test_raw_sockets_are_all_that_it_may_do_beyond_its_user() -> None:
    lines = (UNITS / "dophu.service").read_text().splitlines()
    assert [line for line in lines if "Capabilit" in line and not line.startswith("#")] == [
        "AmbientCapabilities=CAP_NET_RAW", "CapabilityBoundingSet=CAP_NET_RAW",
    ]  # fmt: skip


def test_the_key_ring_that_systemd_hands_over_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its access list shows as a right of the group; anywhere else that is refused."""
    KeyRing.create(tmp_path / "keys")
    (tmp_path / "keys").chmod(0o440)
    with pytest.raises(InputError, match="found mode 0440"):
        KeyRing.load(tmp_path / "keys")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    KeyRing.load(tmp_path / "keys")
    (tmp_path / "keys").chmod(0o444)
    with pytest.raises(InputError, match="found mode 0444"):
        KeyRing.load(tmp_path / "keys")


def test_the_installation_puts_a_whole_program_in_place(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run(
            [ROOT / "deploy" / "install.sh", "--root", tmp_path], check=True, capture_output=True, timeout=60
        )
    program = tmp_path / "opt" / "dophu"
    assert (tmp_path / "etc/dophu/credentials").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "etc/systemd/system/dophu.service").read_text() == (UNITS / "dophu.service").read_text()
    for script in (tmp_path / "usr/local/sbin/dophu", ROOT / "deploy/install.sh", ROOT / "deploy/compose/start.sh"):
        subprocess.run(["bash", "-n", script], check=True, timeout=30)
    assert tomllib.loads((tmp_path / "etc/dophu/dophu.toml").read_text()) == {}
    # It runs from there, with the environment of these tests.
    told = subprocess.run(
        [sys.executable, "-c", "import api.cli, api.config; print(api.cli.__file__, api.config.Config().goals)"],
        cwd=program, env={**os.environ, "PYTHONPATH": str(program), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert all(path.startswith(str(program)) for path in told.stdout.split())
