"""What commands make as root in the folders of the service stays the service's: it could not open it otherwise."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["hand_over", "make_folder"]


def hand_over(path: Path) -> None:
    """Have what root made at `path`, with all below it, belong to the owner of the folder in which it is.

    Whoever is not root makes nothing that others own, and nothing happens. Links are changed themselves and never
    followed: the folder's owner might have put them there.

    Raises:
        OSError: it is not there, or its file system knows no owners.
    """
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    if owner.st_uid == 0:
        return
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    for _, folders, files, place in os.fwalk(path):
        for name in (*folders, *files):
            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=place, follow_symlinks=False)


def make_folder(path: Path) -> None:
    """Make a folder with those above it where they are missing, for its owner to write and its group to read.

    Raises:
        OSError: it cannot be made, or is there as something else.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=0o750)
    if missing:
        hand_over(missing[-1])
