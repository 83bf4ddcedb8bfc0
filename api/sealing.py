"""Sealed figures: a plan as of an instant in one file, with all that it rests on, which anybody can verify later.

A seal is a ZIP file. `SHA256SUMS` in it has the digest of every other file, as sha256sum writes and checks them; the
archive's comment has the digest of all bytes before it, so that no byte can change unseen. To know that it is the file
that was sealed, and not another that was made well, its own digest must be known from elsewhere: from the report.

    about.json                  the plan, as of when, when and by which version it was sealed
    coverage.json               the figures, as `dophu coverage --output json` tells them
    findings/CONTROL.jsonl      every member: status, since when, why
    data/TABLE.jsonl            the register, and every fact that decided, with source, proof and times
    definitions/                the plan, its controls, their thresholds and the vocabulary, as they were used
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from api.printing import coverage_object, find_plan
from api.workspace import Workspace
from inventory import vocabulary
from inventory.goals import Goals, load_goals, set_parameters
from inventory.refusing import cannot
from inventory.store import Connection, Store, findings, registers, sealing, seals, snapshots
from inventory.store.judge import Judgement
from inventory.words import Finding, InputError, Snapshot, Status, StoreError, Title, ToldError

__all__ = ["FORMAT", "Verdict", "seal", "verify"]

FORMAT = "dophu-seal/1"
SUMS, ABOUT, COVERAGE = "SHA256SUMS", "about.json", "coverage.json"
PARAMETERS = "definitions/parameters.json"
"""The thresholds as they were set; a department may have others than the controls' files propose."""
_LARGEST = 4 << 30
"""Bytes of a seal's files, unpacked."""
_CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUM = re.compile(r"([0-9a-f]{64})  (\S.*)")
_SHOWN = 10
_NAMED = 20_000
"""Of controls with more members those that meet it are sealed without their names; their facts are all there."""


# --- sealing ----------------------------------------------------------------------------------------------------------


async def seal(workspace: Workspace, plan: str, at: datetime, to: Path, language: str = "vi") -> dict[str, Any]:
    """Write the seal of a plan as of `at` to a file, whole or not at all; what was sealed, and the file's digest.

    Args:
        language: of the reasons in the findings; all else is data.

    Raises:
        InputError: there is no such plan, or the file cannot be written.
    """
    found = find_plan(workspace.goals, plan)
    used = {goal.control for goal in found.goals if goal.control}
    goals = Goals({c: workspace.goals.controls[c] for c in sorted(used)}, {plan: found})
    about = await workspace.store.read(_write, workspace, goals, plan, at, to, language)
    now = datetime.now(UTC)
    await workspace.store.write(seals.note_seal, plan, at, about["sha256"], to.name, now)
    return {**about, "file": str(to)}


def _write(
    connection: Connection, workspace: Workspace, goals: Goals, plan: str, at: datetime, to: Path, language: str
) -> dict[str, Any]:
    beside = to.with_name(f".{to.name}.part")
    try:
        about = _fill(connection, workspace, goals, plan, at, beside, language)
        digest, size = _close(beside), beside.stat().st_size
        beside.replace(to)
    except OSError as error:
        raise cannot(to, error) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return {**about, "bytes": size, "sha256": digest}


def _fill(
    connection: Connection, workspace: Workspace, goals: Goals, plan: str, at: datetime, path: Path, language: str
) -> dict[str, Any]:
    judgement = Judgement(connection, workspace.vocabulary, goals.controls, registers.load(connection), at)
    snapshot = snapshots.tell(connection, goals, judgement)
    about = {
        "format": FORMAT, "plan": plan, "title": goals.plans[plan].title.vi, "number": goals.plans[plan].number,
        "as_of": at.isoformat(), "sealed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dophu": importlib.metadata.version("dophu"), "language": language, "goals": len(goals.plans[plan].goals),
        "controls": sorted(goals.controls),
    }  # fmt: skip
    with _Writer(path) as bundle:
        bundle.json(ABOUT, about)
        bundle.json(COVERAGE, [coverage_object(row) for row in snapshot.coverage])
        explainer = findings.Explainer(workspace.vocabulary, judgement, language)
        for control in goals.controls.values():
            rows = findings.read_as_of(judgement, control.id)
            told = explainer.explain_each(connection, rows, control, met=len(rows) <= _NAMED)
            since = snapshots.stood_since(connection, control.id, at)
            bundle.lines(_findings_file(control.id), (_finding(f, since) for f in told))
        for name, dumped in sealing.dump(connection, judgement.keys, at, counts=judgement.period_counts, plan=plan):
            bundle.lines(f"data/{name}.jsonl", dumped)
        bundle.copy(f"definitions/plans/{plan}.yaml", workspace.config.goals / "plans" / f"{plan}.yaml")
        for control_id in (c.id for c in goals.controls.values() if c.goal is None):
            source = workspace.config.goals / "controls" / f"{control_id}.yaml"
            bundle.copy(f"definitions/controls/{control_id}.yaml", source)
        own = {c.id: dict(c.parameters) for c in goals.controls.values() if c.parameters}
        bundle.json(PARAMETERS, own)
        bundle.copy("definitions/vocabulary.yaml", vocabulary.FILE)
    return about


def _findings_file(control: str) -> str:
    return f"findings/{re.sub('[:/]', '-', control)}.jsonl"


def _finding(finding: Finding, since: Mapping[tuple[str, Status], datetime]) -> dict[str, Any]:
    began = since.get((finding.member, finding.status), finding.since)
    return {
        "member": finding.member, "title": finding.title, "agency": finding.agency, "level": finding.level,
        "status": str(finding.status), "since": began.isoformat(), "reason": finding.reason, "weight": finding.weight,
    }  # fmt: skip


class _Writer:
    """Writes the files of a seal, and their digests last."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._sums: list[str] = []

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._zip.writestr(SUMS, "".join(self._sums))
            self._zip.comment = b"0" * 64
        self._zip.close()

    def json(self, name: str, value: object) -> None:
        self._put(name, [json.dumps(value, ensure_ascii=False, indent=1) + "\n"])

    def lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self._put(name, (json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def copy(self, name: str, source: Path) -> None:
        self._put(name, [source.read_text(encoding="utf-8")])

    def _put(self, name: str, texts: Iterable[str]) -> None:
        digest = hashlib.sha256()
        with self._zip.open(name, "w", force_zip64=True) as file:
            for text in texts:
                data = text.encode()
                digest.update(data)
                file.write(data)
        self._sums.append(f"{digest.hexdigest()}  {name}\n")


def _close(path: Path) -> str:
    """Put the digest of all bytes before it into the archive's comment; the digest of the whole file."""
    with path.open("r+b") as file:
        inner, _ = _digests(file)
        file.seek(-64, io.SEEK_END)
        file.write(inner.encode())
        file.flush()
        _, whole = _digests(file)
    return whole


def _digests(file: Any) -> tuple[str, str]:
    """The digest of all but the last 64 bytes, and of all."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    whole, left = hashlib.sha256(), max(0, size - 64)
    while left and (data := file.read(min(_CHUNK, left))):
        whole.update(data)
        left -= len(data)
    inner = whole.copy()
    whole.update(file.read())
    return inner.hexdigest(), whole.hexdigest()


# --- verifying --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Verdict:
    """What became of a verification."""

    sha256: str
    about: dict[str, Any] = field(default_factory=dict)
    problems: list[Title] = field(default_factory=list)
    figures: int = 0
    """How many figures were judged again from the facts and found the same."""
    members: int = 0

    @property
    def good(self) -> bool:
        """Nothing was changed, and the figures follow from the facts."""
        return not self.problems


async def verify(path: Path, sha256: str | None = None) -> Verdict:
    """Check every byte of a seal, and judge its figures again from the facts in it; no database is needed.

    Args:
        sha256: the digest that the file had when it was sealed, such as the report tells it.

    Raises:
        InputError: there is no such file, or it is no seal at all.
    """
    if sha256 is not None and not _DIGEST.fullmatch(sha256.lower()):
        raise InputError(
            Title(
                f"--sha256: gặp {sha256[:80]!r}, cần 64 chữ số thập lục phân",
                f"--sha256: found {sha256[:80]!r}, expected 64 hexadecimal digits",
            )
        )
    try:
        with path.open("rb") as file:
            inner, whole = _digests(file)
            file.seek(max(0, file.seek(0, io.SEEK_END) - 64))
            comment = file.read()
            file.seek(0)
            # A file that was a seal is one that was changed, however badly; any other is none.
            was_one = ABOUT.encode() in file.read(60)
    except OSError as error:
        raise cannot(path, error) from None
    verdict = Verdict(whole)
    if sha256 is not None and sha256.lower() != whole:
        verdict.problems.append(
            Title(
                f"tệp này không phải tệp đã niêm phong: gặp mã băm {whole}, cần {sha256}",
                f"the file is not the one that was sealed: found the digest {whole}, expected {sha256}",
            )
        )
    try:
        with zipfile.ZipFile(path) as bundle:
            if was_one or {SUMS, ABOUT} <= set(bundle.namelist()):
                _check_files(bundle, verdict)
            else:
                raise InputError(
                    Title(
                        f"{path.name}: gặp tệp ZIP không có {SUMS} và {ABOUT}, cần một tệp niêm phong",
                        f"{path.name}: found a ZIP file without {SUMS} and {ABOUT}, expected a seal",
                    )
                )
            if inner.encode() != comment and not verdict.problems:
                verdict.problems.append(
                    Title(
                        "các bản ghi của chính tệp lưu trữ đã bị thay đổi; các tệp trong đó vẫn như cũ",
                        "the archive's own records were changed; its files are as they were",
                    )
                )
            await _judge_again(bundle, verdict)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        if not was_one:
            raise InputError(
                Title(
                    f"{path.name}: không phải tệp ZIP, cần một tệp niêm phong",
                    f"{path.name}: found no ZIP file, expected a seal",
                )
            ) from None
        verdict.problems.append(Title(f"tệp lưu trữ bị hỏng: {error}", f"the archive is damaged: {error}"))
    return verdict


def _check_files(bundle: zipfile.ZipFile, verdict: Verdict) -> None:
    names = bundle.namelist()
    if sum(info.file_size for info in bundle.infolist()) > _LARGEST:
        raise InputError(
            Title(
                f"gặp các tệp hơn {_LARGEST >> 30} GB, cần một tệp niêm phong",
                f"found files of more than {_LARGEST >> 30} GB, expected a seal",
            )
        )
    if missing := {SUMS, ABOUT} - set(names):
        verdict.problems.append(_missing(", ".join(sorted(missing))))
    if SUMS in missing:
        return
    listed: dict[str, str] = {}
    for number, line in enumerate(bundle.read(SUMS).decode(errors="replace").splitlines(), 1):
        if (row := _SUM.fullmatch(line)) is None:
            verdict.problems.append(
                Title(
                    f"{SUMS}, dòng {number}: gặp {line[:80]!r}, cần một mã băm và một tên",
                    f"{SUMS}, line {number}: found {line[:80]!r}, expected a digest and a name",
                )
            )
        else:
            listed[row[2]] = row[1]
    for name in sorted(set(names) - {SUMS} - listed.keys()):
        verdict.problems.append(Title(f"{name}: không có trong bản niêm phong", f"{name}: was not in the seal"))
    if len(set(names)) != len(names):
        verdict.problems.append(Title("có một tệp xuất hiện hai lần", "a file is there twice"))
    for name, digest in listed.items():
        if name not in names:
            verdict.problems.append(_missing(name))
        elif (found := _digest(bundle, name)) != digest:
            why = f" ({found})" if len(found) != len(digest) else ""
            verdict.problems.append(Title(f"{name}: đã bị thay đổi{why}", f"{name}: was changed{why}"))


def _missing(name: str) -> Title:
    return Title(f"{name}: bị thiếu", f"{name}: is missing")


def _digest(bundle: zipfile.ZipFile, name: str) -> str:
    """The digest of a file in the archive, or why it cannot be read."""
    digest = hashlib.sha256()
    try:
        with bundle.open(name) as file:
            while data := file.read(_CHUNK):
                digest.update(data)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        return str(error)
    return digest.hexdigest()


async def _judge_again(bundle: zipfile.ZipFile, verdict: Verdict) -> None:
    """Put the register and the facts into a store of their own, and judge the plan there as of the same instant."""
    if not verdict.good:
        return
    try:
        about = json.loads(bundle.read(ABOUT))
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            verdict.problems.append(
                Title(f"{ABOUT}: gặp định dạng khác {FORMAT}", f"{ABOUT}: found another format than {FORMAT}")
            )
            return
        verdict.about = about
        at = datetime.fromisoformat(about["as_of"])
        with tempfile.TemporaryDirectory(prefix="dophu-seal-") as made:
            folder = Path(made)
            for name in bundle.namelist():
                if name.startswith("definitions/") and ".." not in name:
                    target = folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(bundle.read(name))
            known = vocabulary.load(folder / "definitions" / "vocabulary.yaml")
            goals = load_goals(folder / "definitions", known)
            if PARAMETERS in bundle.namelist():
                goals = set_parameters(goals, json.loads(bundle.read(PARAMETERS)))
            goals = _as_sealed(goals, set(about["controls"]))
            store = Store.open(f"sqlite:///{folder / 'sealed.db'}")
            try:
                await store.migrate()
                await store.write(sealing.rebuild, _dumped(bundle))
                found = await store.read(_compare, bundle, known, goals, at)
            finally:
                await store.close()
    except (KeyError, TypeError, ValueError, StoreError, InputError) as error:
        why = error.told if isinstance(error, ToldError) else Title.same(str(error))
        verdict.problems.append(
            Title(f"không tính lại được các số liệu: {why.vi}", f"the figures cannot be judged again: {why.en}")
        )
        return
    verdict.problems += found[0]
    verdict.figures, verdict.members = found[1:]


def _as_sealed(goals: Goals, controls: set[str]) -> Goals:
    """The goals with the controls that the seal names: a former version asked nobody of goals without one."""
    plans = {
        name: replace(plan, goals=tuple(g if g.control in controls else replace(g, control=None) for g in plan.goals))
        for name, plan in goals.plans.items()
    }
    return Goals({name: control for name, control in goals.controls.items() if name in controls}, plans)


def _dumped(bundle: zipfile.ZipFile) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    there = set(bundle.namelist())
    # Seals of former versions lack the tables that came since.
    for name in (one for one in sealing.TABLES if f"data/{one}.jsonl" in there):
        with bundle.open(f"data/{name}.jsonl") as file:
            yield name, _lines(io.TextIOWrapper(file, encoding="utf-8"))


def _lines(file: TextIO) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in file)


def _compare(
    connection: Connection, bundle: zipfile.ZipFile, known: vocabulary.Vocabulary, goals: Goals, at: datetime
) -> tuple[list[Title], int, int]:
    """What differs between the seal and its judgement made again; how many figures and members were compared."""
    judgement = Judgement(connection, known, goals.controls, registers.load(connection), at)
    snapshot: Snapshot = snapshots.tell(connection, goals, judgement)
    sealed = json.loads(bundle.read(COVERAGE))
    again = [coverage_object(row) for row in snapshot.coverage]
    problems = [_other_figure(old, new) for old, new in zip(sealed, again, strict=False) if old != new]
    if len(sealed) != len(again):
        problems.append(
            Title(
                f"{COVERAGE}: gặp {len(sealed)} số liệu, tính lại được {len(again)}",
                f"{COVERAGE}: found {len(sealed)} figures, judged again {len(again)}",
            )
        )
    members = 0
    there = set(bundle.namelist())
    for control in goals.controls:
        name = _findings_file(control)
        if goals.controls[control].goal is not None and name not in there:
            continue  # a former version did not ask what was declared of goals
        with bundle.open(name) as file:
            told = {row["member"]: row["status"] for row in _lines(io.TextIOWrapper(file, encoding="utf-8"))}
        found = {v.member: str(v.status) for v in judgement.verdicts(control)}
        members += len(found)
        differing = sorted(m for m in told.keys() | found.keys() if told.get(m) != found.get(m))
        problems += [
            Title(
                f"{name}: {m}: đã niêm phong là {told.get(m)}, tính lại là {found.get(m)}",
                f"{name}: {m}: sealed as {told.get(m)}, judged again {found.get(m)}",
            )
            for m in differing[:_SHOWN]
        ]
    judgement.close()
    return problems, len(again), members


def _other_figure(old: Mapping[str, Any], new: Mapping[str, Any]) -> Title:
    """How a figure of the seal differs from the one that was judged again."""
    of = f"{COVERAGE}: {old.get('goal')}, {old.get('level')}"
    was = tuple(old.get(status) for status in ("met", "unmet", "unknown"))
    now = f"{new['met']}, {new['unmet']}, {new['unknown']}"
    return Title(
        f"{of}: đã niêm phong là đạt {was[0]}, chưa đạt {was[1]}, chưa rõ {was[2]}; tính lại là {now}",
        f"{of}: sealed as met {was[0]}, unmet {was[1]}, unknown {was[2]}; judged again {now}",
    )
