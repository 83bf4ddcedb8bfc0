"""Secrets at rest: what is sealed opens only for its row, with its key, from a file that others cannot read."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.secrets import KeyRing
from inventory.words import InputError

SECRET = "quốc-gia 7!"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys.json")


def refusal(ring: KeyRing, sealed: str, bound_to: str) -> str:
    """The text of the error, and of all it was raised from, which must be free of the secret."""
    with pytest.raises(InputError) as caught:
        ring.open(sealed, bound_to)
    assert SECRET not in str(caught.value) + repr(caught.value.__cause__)
    return str(caught.value)


def test_what_is_sealed_opens_after_a_restart(ring: KeyRing, tmp_path: Path) -> None:
    sealed = ring.seal(SECRET, "credential core-v2c")
    assert sealed.startswith("v1:k1-") and sealed.count(":") == 3
    assert SECRET not in sealed
    assert KeyRing.load(tmp_path / "keys.json").open(sealed, "credential core-v2c") == SECRET


def test_sealing_twice_gives_two_texts(ring: KeyRing) -> None:
    assert ring.seal(SECRET, "a") != ring.seal(SECRET, "a")


def test_the_file_is_for_its_owner_only(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_file_readable_by_others_is_refused(ring: KeyRing, tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    path.chmod(mode)
    with pytest.raises(InputError) as caught:
        KeyRing.load(path)
    assert str(caught.value) == (
        f"key file {path}: found mode {mode:04o}, expected 0600: others can read the keys; run: chmod 600 {path}"
    )


def test_a_text_moved_to_another_row_does_not_open(ring: KeyRing) -> None:
    sealed = ring.seal(SECRET, "credential a")
    key_id = sealed.split(":")[1]
    assert refusal(ring, sealed, "credential b") == (
        f"secret of 'credential b': does not open with key {key_id}: it was changed, sealed for another row, "
        "or sealed with another key of that name"
    )


def test_a_changed_text_does_not_open(ring: KeyRing) -> None:
    version, key_id, nonce, ciphertext = ring.seal(SECRET, "a").split(":")
    other = "A" if ciphertext[0] != "A" else "B"
    for changed in (other + ciphertext[1:], ciphertext[4:], "", "%%%", "é"):
        assert "does not open" in refusal(ring, f"{version}:{key_id}:{nonce}:{changed}", "a")
    assert "does not open" in refusal(ring, f"{version}:{key_id}::{ciphertext}", "a")


@pytest.mark.parametrize("text", ["", SECRET, "v2:k1:a:b", "v1:k1:a", "v1:k1:a:b:c"])
def test_a_text_that_is_not_sealed_is_refused(ring: KeyRing, text: str) -> None:
    assert refusal(ring, text, "a") == (
        "secret of 'a': found something else, expected a sealed text v1:key:nonce:ciphertext"
    )


def test_a_missing_key_is_named_without_the_secret(ring: KeyRing, tmp_path: Path) -> None:
    other = KeyRing.create(tmp_path / "other.json")
    assert "does not hold; expected one of k1-" in refusal(other, ring.seal(SECRET, "a"), "a")


def test_rotation_seals_with_the_newest_and_opens_with_all(ring: KeyRing, tmp_path: Path) -> None:
    old = ring.seal(SECRET, "a")
    new_id = ring.add_key()
    new = ring.seal(SECRET, "a")
    assert new.split(":")[1] == new_id != old.split(":")[1]
    for keys in (ring, KeyRing.load(tmp_path / "keys.json")):
        assert keys.open(old, "a") == keys.open(new, "a") == SECRET
        assert keys.seal("x", "a").split(":")[1] == new_id
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_two_processes_that_add_keys_lose_none(ring: KeyRing, tmp_path: Path) -> None:
    twin = KeyRing.load(tmp_path / "keys.json")
    ring.add_key()
    sealed = ring.seal(SECRET, "a")
    twin.add_key()
    assert twin.open(sealed, "a") == SECRET


def test_creating_never_overwrites(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    before = path.read_bytes()
    with pytest.raises(InputError, match="keys are never overwritten"):
        KeyRing.create(path)
    assert path.read_bytes() == before


def test_starting_together_gives_one_ring(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: KeyRing.load_or_create(path), range(8)))
    sealed = rings[0].seal(SECRET, "a")
    assert {ring.open(sealed, "a") for ring in rings} == {SECRET}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        KeyRing.load(tmp_path / "keys.json")
    assert str(caught.value) == (
        f"key file {tmp_path}/keys.json: found nothing, expected the file that sealed the stored secrets; "
        "restore it from a backup"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"keys": []}',
        b'{"keys": [{"id": "k1", "key": "c2hvcnQ="}]}',
        b'{"keys": [{"id": "k1", "key": "not base64"}]}',
        b'{"keys": [{"id": "k1"}]}',
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"keys": [{"id": "k:1", "key": "A" * 43 + "="}]}).encode(),
        json.dumps({"keys": [{"id": "k1", "key": "A" * 43 + "="}] * 2}).encode(),
    ],
)
def test_what_is_no_key_file_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError) as caught:
        KeyRing.load(path)
    assert str(caught.value) == (
        f"key file {path}: expected a key file as dophu writes it, found something else or a part of it"
    )
    assert caught.value.__cause__ is None


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Is a directory"):
        KeyRing.load(tmp_path)


def test_the_text_form_hides_the_keys(ring: KeyRing, tmp_path: Path) -> None:
    key = json.loads((tmp_path / "keys.json").read_text())["keys"][0]["key"]
    assert key not in repr(ring) and repr(ring) == f"KeyRing('{tmp_path}/keys.json', 1 keys)"


@given(text=st.text(), bound_to=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str, bound_to: str) -> None:
    ring = KeyRing.load_or_create(tmp_path_factory.getbasetemp() / "any" / "keys.json")
    assert ring.open(ring.seal(text, bound_to), bound_to) == text
