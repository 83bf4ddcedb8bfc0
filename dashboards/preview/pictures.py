"""Takes the picture of a page of HTML with the Chromium of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from inventory.words import InputError, Title

__all__ = ["find_chromium", "take_picture"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 60
"""Seconds that one picture may take."""
_FLAGS = (
    "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--force-device-scale-factor=1",
)  # fmt: skip


def find_chromium() -> str:
    """The program; InputError, naming --png, where there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise InputError(
        Title(
            f"--png: không có Chromium, cần một trong {', '.join(_NAMES)} trên đường dẫn tìm chương trình",
            f"--png: found no Chromium, expected one of {', '.join(_NAMES)} on the path",
        )
    )


def take_picture(chromium: str, page: Path, width: int, height: int) -> Path:
    """Write PAGE.png beside the page, so wide and high in pixels, and return it.

    OSError where Chromium fails or does not end in time.
    """
    picture = page.with_suffix(".png")
    picture.unlink(missing_ok=True)
    # Chromium as root has no sandbox; the page is our own and loads nothing.
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory(prefix="dophu-preview-") as profile:
        command = [
            chromium, *flags, f"--user-data-dir={profile}", f"--window-size={width},{height}",
            f"--screenshot={picture}", page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            ended = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise OSError(f"{picture}: {chromium} took longer than {_PATIENCE} s") from None
    if ended.returncode or not picture.exists():
        last = (ended.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise OSError(f"{picture}: {chromium} made no picture (exit status {ended.returncode}): {last[:200]}")
    return picture
