"""Backups: a whole Dophu in one file that was read again before it counts, and a Dophu made from such a file.

A backup is a ZIP file. Its archive comment is the SHA-256 of `manifest.json`, which has that of every other file, so
that no byte of them can change unseen. It is written beside its name, and gets that name when it was read again and is
whole.

    dophu-backup                the format's name, first and not compressed, so that a file that was cut is known
    database/dophu.db           SQLite: the copy of one moment; PostgreSQL: dophu.dump, of pg_dump's custom format
    dophu.toml                  the configuration file without tokens and passwords
    snmp-engine.json            who Dophu is to those who send it SNMP informs
    goals/…                     the controls and plans, where they are not those of the package
    keys                        the key ring, only where it was asked for
    manifest.json               product, version, version of the tables, moment, rows by table, digests
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import tempfile
import time
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

import tomli_w

import goals
from api.config import Config
from api.config_backup import OwnBackups, without_secrets
from inventory.owning import hand_over, make_folder
from inventory.refusing import cannot
from inventory.secrets import KeyRing
from inventory.store import Store, copies
from inventory.store.copies import Contents
from inventory.words import InputError, StoreError, Title, ToldError

__all__ = ["FORMAT", "Advance", "Backup", "back_up", "back_up_and_prune", "check_backup", "restore"]

FORMAT = "dophu-backup/1"
MARK, MANIFEST, SETTINGS, KEYS, ENGINE = "dophu-backup", "manifest.json", "dophu.toml", "keys", "snmp-engine.json"
DATABASES = {"sqlite": "database/dophu.db", "postgresql": "database/dophu.dump"}
NAME = "dophu-%Y%m%dT%H%M%SZ.backup.zip"
"""What backups on schedule are called; the times are UTC, so that their order is that of their names."""
_OWN_NAME = re.compile(r"dophu-\d{8}T\d{6}Z\.backup\.zip")
_ABANDONED = re.compile(rf"\.{_OWN_NAME.pattern}\.\w+|\.restoring-\w+")
_ABANDONED_SECONDS = 24 * 3600
"""A backup or restoration that began before this is not under way any more."""
_CHUNK = 1 << 20
_LARGEST_MANIFEST = 16 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

Advance = Callable[[str, int, int], None]
"""Told which step (copy, pack, check, unpack) is how many bytes of how many far, 0 where nobody knows; what it raises
ends the work, and nothing of it stays."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself."""

    version: str
    """The version of Dophu that wrote it."""
    contents: Contents
    with_key: bool
    files: dict[str, tuple[int, str]]
    """Bytes and SHA-256 of each file but the manifest."""


def _quiet(_: str, __: int, ___: int) -> None:
    """Nobody looks on."""


# --- writing ----------------------------------------------------------------------------------------------------------


async def back_up(
    store: Store, config: Config, to: Path, *, with_key: bool = False, advance: Advance = _quiet
) -> Backup:
    """Write the backup of a Dophu that may be at work meanwhile: all of it as of one moment, whole or not at all.

    Args:
        with_key: whether the key ring goes along; whoever has the file can then open every credential.

    Raises:
        InputError: the file is there already or cannot be written. StoreError: the database could not be copied.
    """
    # Errors name what was asked for, before the database is read for minutes.
    _refuse_what_is_there(to)
    key = _read_key(config) if with_key else None
    try:
        with tempfile.TemporaryDirectory(prefix=f".{to.name}.", dir=to.parent) as made:
            copied, part = Path(made) / "database", Path(made) / "part"
            contents = await store.read(copies.copy, copied, lambda done, all_: advance("copy", done, all_))
            await asyncio.to_thread(_pack, config, key, contents, copied, part, advance)
            copied.unlink()
            backup = await asyncio.to_thread(check_backup, part, advance)
            _flush(part)
            _refuse_what_is_there(to)
            part.rename(to)
            _flush(to.parent)
    except StoreError as error:
        raise StoreError(Title(f"{to}: {error.told.vi}", f"{to}: {error.told.en}")) from None
    except OSError as error:
        raise cannot(to, error) from None
    return backup


def _refuse_what_is_there(to: Path) -> None:
    if to.exists():
        raise InputError(
            Title(
                f"{to}: đã có sẵn; bản sao lưu không bị ghi đè", f"{to}: is there already; backups are not overwritten"
            )
        )


def _read_key(config: Config) -> bytes:
    KeyRing.load(config.keys)
    return config.keys.read_bytes()


def _pack(config: Config, key: bytes | None, contents: Contents, copied: Path, to: Path, advance: Advance) -> None:
    with _create(to) as opened, zipfile.ZipFile(opened, "w", compresslevel=1) as archive:
        packed = _Packed(archive, advance)
        packed.put(MARK, f"{FORMAT}\n".encode(), zipfile.ZIP_STORED)
        # What pg_dump wrote is compressed already.
        how = zipfile.ZIP_DEFLATED if contents.kind == "sqlite" else zipfile.ZIP_STORED
        packed.copy(DATABASES[contents.kind], copied, how)
        if config.file is not None:
            values = tomllib.loads(config.file.read_text(encoding="utf-8"))
            packed.put(SETTINGS, tomli_w.dumps(without_secrets(values)).encode())
        if (engine := config.data / ENGINE).is_file():
            packed.put(ENGINE, engine.read_bytes())
        if not is_packaged(config.goals):
            for path in sorted(p for p in config.goals.rglob("*") if p.is_file() and not p.name.startswith(".")):
                packed.copy(f"goals/{path.relative_to(config.goals).as_posix()}", path)
        if key is not None:
            packed.put(KEYS, key)
        told = {
            "format": FORMAT, "product": "dophu", "version": importlib.metadata.version("dophu"),
            "database": contents.kind, "schema": contents.schema, "taken_at": contents.at.isoformat(),
            "with_key": key is not None, "rows": dict(contents.rows),
            "files": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in packed.files.items()},
        }  # fmt: skip
        manifest = (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()
        packed.put(MANIFEST, manifest)
        archive.comment = hashlib.sha256(manifest).hexdigest().encode()


class _Packed:
    """The files of an archive as they are written, with their sizes and digests."""

    def __init__(self, archive: zipfile.ZipFile, advance: Advance) -> None:
        self._archive = archive
        self._advance = advance
        self.files: dict[str, tuple[int, str]] = {}

    def put(self, name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> None:
        self._archive.writestr(name, content, how)
        self.files[name] = len(content), hashlib.sha256(content).hexdigest()

    def copy(self, name: str, path: Path, how: int = zipfile.ZIP_DEFLATED) -> None:
        digest, done, size = hashlib.sha256(), 0, path.stat().st_size
        info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
        info.compress_type = how
        with path.open("rb") as source, self._archive.open(info, "w", force_zip64=True) as target:
            while data := source.read(_CHUNK):
                target.write(data)
                digest.update(data)
                done += len(data)
                self._advance("pack", done, size)
        self.files[name] = done, digest.hexdigest()


def is_packaged(folder: Path) -> bool:
    """Whether the goals are those that Dophu brings along."""
    return folder.resolve() == Path(next(iter(goals.__path__))).resolve()


def _create(path: Path) -> IO[bytes]:
    """A new file that its owner alone can read."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


async def back_up_and_prune(
    store: Store, config: Config, settings: OwnBackups, advance: Advance = _quiet
) -> tuple[Path, list[Path]]:
    """Write a backup into the folder of the settings, then remove the oldest of its kind; both are returned.

    Raises:
        InputError: the folder is not there, or cannot be written to.
    """
    if not settings.folder.is_dir():
        raise InputError(
            Title(
                f"[backup] thư mục {settings.folder}: không có thư mục này",
                f"[backup] folder {settings.folder}: found no folder",
            )
        )
    to = settings.folder / f"{datetime.now(UTC):{NAME}}"
    await back_up(store, config, to, advance=advance)
    _forget_abandoned(settings.folder)
    # Only now: a folder in which nothing new arrives keeps what it has.
    own = sorted(p for p in settings.folder.iterdir() if _OWN_NAME.fullmatch(p.name))
    old = own[: -settings.keep]
    for path in old:
        path.unlink(missing_ok=True)
    return to, old


def _forget_abandoned(folder: Path) -> None:
    """Remove what backups left beside their names that were killed: as large as the database, and of use to nobody."""
    for path in folder.iterdir():
        if _ABANDONED.fullmatch(path.name) and time.time() - path.lstat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


# --- checking ---------------------------------------------------------------------------------------------------------


def check_backup(path: Path, advance: Advance = _quiet) -> Backup:
    """Read every byte of a backup and compare it with its digest.

    Raises:
        InputError: it is no backup of Dophu's, of a newer format, cut short, or was changed; which part is named.
    """
    with _opened(path) as archive:
        backup = _read_manifest(path, archive)
        names = archive.namelist()
        if len(set(names)) != len(names) or set(names) != {*backup.files, MANIFEST}:
            other = sorted(set(names) ^ {*backup.files, MANIFEST}) or ["a file twice"]
            raise InputError(
                Title(
                    f"{path}: các tệp của nó không phải các tệp trong bản kê: {other[0]}",
                    f"{path}: its files are not those of its manifest: {other[0]}",
                )
            )
        for name in backup.files:
            _take(path, archive, backup, name, None, lambda done, all_: advance("check", done, all_))
    return backup


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with path.open("rb") as file:
            # The first file of the archive is not compressed: its name and text stand at the very beginning.
            begins = file.read(128)
            if not begins.startswith(b"PK\x03\x04") or MARK.encode() not in begins:
                raise InputError(
                    Title(
                        f"{path}: gặp tệp khác, cần một bản sao lưu của Dophu",
                        f"{path}: found another file, expected a backup of Dophu",
                    )
                )
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                yield archive
    except _DAMAGED as error:
        raise InputError(
            Title(
                f"{path}: bản sao lưu bị cắt cụt hoặc hỏng: {error}",
                f"{path}: the backup was cut short or is damaged: {error}",
            )
        ) from None
    except OSError as error:
        raise cannot(path, error) from None


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> Backup:
    if MANIFEST not in archive.namelist() or archive.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
        raise InputError(
            Title(
                f"{path}: không có {MANIFEST}, cần một bản sao lưu của Dophu",
                f"{path}: found no {MANIFEST}, expected a backup of Dophu",
            )
        )
    raw = archive.read(MANIFEST)
    if hashlib.sha256(raw).hexdigest().encode() != archive.comment:
        raise InputError(
            Title(
                f"{path}, {MANIFEST}: đã bị thay đổi: mã băm của nó không phải mã trong chú thích của tệp lưu trữ",
                f"{path}, {MANIFEST}: was changed: its digest is not the one in the archive's comment",
            )
        )
    try:
        told = json.loads(raw)
        found = f"{told['product']} {told['format']}"
        if told["product"] != "dophu" or told["format"] != FORMAT:
            raise InputError(
                Title(
                    f"{path}: gặp bản sao lưu của {found[:80]!r}, cần 'dophu {FORMAT}'",
                    f"{path}: found a backup of {found[:80]!r}, expected 'dophu {FORMAT}'",
                )
            )
        at = datetime.fromisoformat(told["taken_at"])
        contents = Contents(told["database"], at, told["schema"], {str(k): int(v) for k, v in told["rows"].items()})
        files = {str(n): (int(f["bytes"]), str(f["sha256"])) for n, f in told["files"].items()}
        backup = Backup(str(told["version"]), contents, bool(told["with_key"]), files)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            Title(
                f"{path}, {MANIFEST}: không như mong đợi: {type(error).__name__} {error}",
                f"{path}, {MANIFEST}: is not as expected: {type(error).__name__} {error}",
            )
        ) from None
    for name in files:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name:
            raise InputError(
                Title(
                    f"{path}, {MANIFEST}: gặp tên {name[:80]!r}, cần tên nằm trong bản sao lưu",
                    f"{path}, {MANIFEST}: found the name {name[:80]!r}, expected one inside of the backup",
                )
            )
    if contents.kind not in DATABASES or DATABASES[contents.kind] not in files:
        raise InputError(
            Title(
                f"{path}, {MANIFEST}: không có cơ sở dữ liệu, cần {' hoặc '.join(DATABASES.values())}",
                f"{path}, {MANIFEST}: found no database, expected {' or '.join(DATABASES.values())}",
            )
        )
    return backup


def _take(
    path: Path, archive: zipfile.ZipFile, backup: Backup, name: str, to: IO[bytes] | None,
    advance: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Read one file of a backup, write it where it is wanted, and compare it with its digest."""
    size, expected = backup.files[name]
    digest, done = hashlib.sha256(), 0
    with archive.open(name) as file:
        while data := file.read(_CHUNK):
            done += len(data)
            if done > size:
                break
            digest.update(data)
            if to is not None:
                to.write(data)
            advance(done, size)
    if done != size or digest.hexdigest() != expected:
        raise InputError(
            Title(
                f"{path}, {name}: đã bị thay đổi: mã băm của nó không phải mã trong bản kê",
                f"{path}, {name}: was changed: its digest is not the one in the manifest",
            )
        )


# --- restoring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restoration."""

    backup: Backup
    schema: str
    """The version of the tables now."""
    aside: tuple[str, ...]
    """Where what was there before is kept."""
    placed: tuple[str, ...]
    """The files that were put back besides the database."""


async def restore(path: Path, config: Config, *, force: bool = False, advance: Advance = _quiet) -> Restored:
    """Make the Dophu that a configuration names from a backup: whole, or everything stays as it was.

    Nothing may be there yet; with `force` what is there is kept aside. Tables of an older version are migrated.

    Raises:
        InputError: the backup is not whole, of another product, newer, or of the other kind of database; something is
        there already. StoreError: the database failed, or another program has it open.
    """
    backup = await asyncio.to_thread(_look_at, path, config, force)
    stamp = f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}".lower()
    placing = Placing()
    try:
        make_folder(config.data)
        _forget_abandoned(config.data)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=config.data) as made:
            await _place(path, config, backup, Path(made), stamp, placing, force, advance)
    except BaseException as error:
        left = placing.take_back()
        if isinstance(error, OSError):
            untouched = Title("mọi thứ vẫn như cũ", "everything is as it was")
            failed = cannot(error.filename or config.data, error).told
            raise InputError(_joined([failed, *(left or [untouched])])) from None
        if left:
            failed = error.told if isinstance(error, ToldError) else Title.same(str(error))
            raise StoreError(_joined([failed, *left])) from error
        raise
    return await tell_restored(config, backup, placing)


async def tell_restored(config: Config, backup: Backup, placing: Placing) -> Restored:
    """What became of a restoration whose parts are in their places.

    Raises:
        StoreError: the restored database does not say of which version it is; where what was there before is kept
            is told with it.
    """
    store = Store.open(config.database_url)
    try:
        schema = (await store.version())[0]
    except StoreError as error:
        kept = [Title(f"những gì có trước đó được giữ ở {one}", f"what was there is {one}") for one in placing.aside]
        raise StoreError(_joined([error.told, *kept])) from error
    finally:
        await store.close()
    return Restored(backup, schema or "", tuple(placing.aside), tuple(placing.placed))


def _joined(parts: Sequence[Title]) -> Title:
    return Title("; ".join(part.vi for part in parts), "; ".join(part.en for part in parts))


async def _place(
    path: Path, config: Config, backup: Backup, folder: Path, stamp: str, placing: Placing, force: bool,
    advance: Advance,
) -> None:  # fmt: skip
    # Everything is read and compared with its digest before anything is touched.
    await asyncio.to_thread(_unpack, path, backup, folder, advance)
    _check_key(config, folder / KEYS, force)
    database, file = folder / DATABASES[backup.contents.kind], config.database_file
    if file is not None:
        await asyncio.to_thread(copies.adopt, database, backup.contents)
    # The database comes last: a file can be taken back, what was written into a new database could not be.
    _place_others(config, folder, stamp, placing)
    if file is not None:
        _place_file(file, database, stamp, placing)
    else:
        placing.aside[:0] = await _fill_postgresql(config, database, backup.contents, stamp, force)


class Placing:
    """What was put into place until now, so that it can be taken back."""

    def __init__(self) -> None:
        self.placed: list[str] = []
        self.aside: list[str] = []
        self._done: list[tuple[Path, Path | None]] = []

    def put(self, source: Path, target: Path, kept: Path | None = None, *, told: bool = True) -> None:
        """Move a file or folder to its place; what is there goes to `kept` before.

        Raises:
            OSError: it cannot be written there; what was there is there again after `take_back`.
        """
        make_folder(target.parent)
        if kept is not None and target.exists():
            target.rename(kept)
            self._done.append((target, kept))
            self.aside.append(str(kept))
        else:
            self._done.append((target, None))
        shutil.move(source, target)
        hand_over(target)
        if told:
            self.placed.append(str(target))

    def take_back(self) -> list[Title]:
        """Have everything as it was, the newest first; what could not be, and where it is kept."""
        left: list[Title] = []
        for target, kept in reversed(self._done):
            try:
                if target.is_dir():
                    shutil.rmtree(target)
                else:
                    target.unlink(missing_ok=True)
                if kept is not None:
                    kept.rename(target)
            except OSError as error:
                said = cannot(target, error).told
                where = (
                    (f", những gì có trước đó được giữ ở {kept}", f", what was there is {kept}") if kept else ("", "")
                )
                left.append(Title(f"{said.vi}{where[0]}", f"{said.en}{where[1]}"))
        return left


def _look_at(path: Path, config: Config, force: bool) -> Backup:
    with _opened(path) as archive:
        backup = _read_manifest(path, archive)
    known = copies.known_schemas()
    if backup.contents.schema not in known:
        raise InputError(
            Title(
                f"{path}: gặp các bảng phiên bản {backup.contents.schema} (Dophu {backup.version}), cần "
                f"tối đa {max(known)}: hãy cài Dophu mới hơn",
                f"{path}: found tables of version {backup.contents.schema} (Dophu {backup.version}), expected at most "
                f"{max(known)}: install a newer Dophu",
            )
        )
    ours = "sqlite" if config.database_file is not None else "postgresql"
    if backup.contents.kind != ours:
        raise InputError(
            Title(
                f"{path}: gặp bản sao lưu của {backup.contents.kind}, cần của {ours} như thiết lập database nêu",
                f"{path}: found a backup of {backup.contents.kind}, expected one of {ours}, as the "
                "setting database names",
            )
        )
    if config.database_file is not None and config.database_file.exists() and not force:
        raise InputError(
            Title(
                f"{config.database_file}: đã có cơ sở dữ liệu, cần chưa có; --force giữ nó sang một bên",
                f"{config.database_file}: found a database, expected none; --force keeps it aside",
            )
        )
    return backup


def _unpack(path: Path, backup: Backup, folder: Path, advance: Advance) -> None:
    with _opened(path) as archive:
        if set(archive.namelist()) != {*backup.files, MANIFEST}:
            raise InputError(
                Title(
                    f"{path}: các tệp của nó không phải các tệp trong bản kê",
                    f"{path}: its files are not those of its manifest",
                )
            )
        for name in backup.files:
            target = folder / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with _create(target) as file:
                    _take(path, archive, backup, name, file, lambda done, all_: advance("unpack", done, all_))
            except OSError as error:
                # It is the place that has no room, and not the backup that cannot be read.
                told = cannot(folder.parent, error).told
                raise InputError(
                    Title(f"{told.vi}; mọi thứ vẫn như cũ", f"{told.en}; everything is as it was")
                ) from None


def _check_key(config: Config, brought: Path, force: bool) -> None:
    if brought.exists() and config.keys.exists() and not force and config.keys.read_bytes() != brought.read_bytes():
        raise InputError(
            Title(
                f"tệp khóa {config.keys}: gặp khóa khác với khóa trong bản sao lưu; --force giữ nó sang một bên",
                f"key file {config.keys}: found another key than in the backup; --force keeps it aside",
            )
        )


def _place_file(file: Path, restored: Path, stamp: str, placing: Placing) -> None:
    """Put an SQLite database in its place; where what was there is kept."""
    if file.exists():
        copies.close_file(file)
    # A log that belongs to no file would be taken for one of the new database.
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    _flush(restored)
    placing.put(restored, file, file.with_name(f"{file.name}.{stamp}"), told=False)
    _flush(file.parent)


async def _fill_postgresql(config: Config, dump: Path, contents: Contents, stamp: str, force: bool) -> list[str]:
    schema = f"dophu_{stamp}".replace("-", "_")
    store = Store.open(config.database_url)
    try:
        was_empty = await store.read(copies.is_empty)
        if not was_empty:
            if not force:
                raise InputError(
                    Title(
                        "database: gặp các bảng, cần cơ sở dữ liệu trống; --force giữ chúng sang một bên",
                        "database: found tables, expected an empty database; --force keeps them aside",
                    )
                )
            await store.write(copies.set_aside, schema)
        try:
            await store.write(copies.unpack, dump, contents)
            await store.migrate()
        except BaseException:
            with suppress(StoreError):
                await store.write(copies.put_back, None if was_empty else schema)
            raise
    finally:
        await store.close()
    return [] if was_empty else [f"schema {schema}"]


def _place_others(config: Config, folder: Path, stamp: str, placing: Placing) -> None:
    """Put back what is no database; what has another content there stays, and the backup's is put beside it."""
    if (key := folder / KEYS).exists() and not _same(key, config.keys):
        placing.put(key, config.keys, config.keys.with_name(f"{config.keys.name}.{stamp}"))
    if (engine := folder / ENGINE).exists() and not (config.data / ENGINE).exists():
        placing.put(engine, config.data / ENGINE)
    for name, wanted in ((SETTINGS, config.data / SETTINGS), ("goals", _goals_place(config))):
        source = folder / name
        if source.exists() and not _same(source, wanted):
            # A configuration in use is somebody's decision: it is never replaced.
            placing.put(
                source, wanted if not wanted.exists() else wanted.with_name(f"{wanted.name}.restored-{stamp[7:]}")
            )


def _goals_place(config: Config) -> Path:
    return config.data / "goals" if is_packaged(config.goals) else config.goals


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()
