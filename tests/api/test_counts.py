"""Counts of periods by HTTP and from files: measured where a system sends them, declared where a person writes them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import openpyxl
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import counting, rounds
from api.receiving import LARGEST
from api.sealing import seal, verify
from api.workspace import Workspace
from inventory import vocabulary
from inventory.periods import Period, year_so_far
from inventory.store.period_counts import Counted, Origin
from inventory.words import InputError
from tests.api.pages_sample import PLAN, fill
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu

PAPER = ("--document", "12/BC-SKHCN", "--signer", "Nguyễn Văn Ân", "--signed", "2025-01-02")
AGENCIES = ("so-khcn", "so-tc", "so-yt", "huyen-tam-dao")


@pytest_asyncio.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with opened(tmp_path) as store:
        workspace, _ = await fill(store, tmp_path)
        yield workspace


def last_month() -> Period:
    return year_so_far(datetime.now(UTC))[-1]


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = dophu(folder, *arguments, DOPHU_DATA=str(folder))
    return done.returncode, done.stdout, done.stderr


def coverage(folder: Path, goal: str) -> dict[str, object]:
    rows = json.loads(command(folder, "coverage", "--plan", PLAN, "-o", "json")[1])
    found: dict[str, object] = next(r for r in rows if (r["goal"], r["level"]) == (goal, "all"))
    return found


async def test_a_system_sends_a_person_declares_and_both_stand_apart(workspace: Workspace, tmp_path: Path) -> None:
    month = last_month().text
    token = await workspace.issue_token("facts", None, "eoffice")
    only = await workspace.issue_token("facts", "so-yt", "his")
    facts = [
        {"agency": agency, "key": key, "period": month, "value": value}
        for agency in AGENCIES
        for key, value in (("documents", 100), ("documents_electronic", 90))
    ]
    post, one = "/api/v1/facts", {"agency": "so-yt", "key": "documents", "period": month}
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Basic {token}"}):
            assert (await client.post(post, json={"facts": facts}, headers=headers)).status_code == 401
        # Who has no token is refused before anything of the body is read.
        large = b'{"facts":[' + b"{}," * 200_000 + b"{}]}"
        assert (await client.post(post, content=large)).status_code == 401
        client.headers["Authorization"] = f"Bearer {token}"
        refused = await client.post(post, content=large)
        assert refused.status_code == 422 and len(refused.content) < 5_000
        assert (await client.post(post, content=b" " * (LARGEST + 1))).status_code == 413
        answer = await client.post(post, json={"facts": facts})
        assert answer.json() == {"source": "eoffice", "measured": True, "facts": 8, "new": 8, "corrected": 0}
        assert (await client.post(post, json={"facts": facts})).json()["new"] == 0
        for wrong, words in (
            ([one], "expected agency, key, period, value"),
            ([one | {"value": 5, "plan": PLAN}], "found the fields"),
            ([one | {"key": "documents_electronic", "value": 101}], "of documents 100"),
            ([one | {"agency": "so-xx", "value": 1}], "the code of an agency"),
            ([one | {"value": 1, "shoe": 1}], "Extra inputs are not permitted"),
            ([], "at least 1 item"),
        ):
            refused = await client.post(post, json={"facts": wrong})
            assert refused.status_code == 422 and words in refused.text, refused.text
        client.headers["Authorization"] = f"Bearer {only}"
        refused = await client.post(post, json={"facts": facts})
        assert refused.status_code == 422 and "the token is for this agency alone" in refused.text
        assert (await client.post(post, json={"facts": facts[4:6]})).json()["source"] == "his"
        listed = (await client.get(post, params={"agency": "so-tc"})).json()
        assert {(r["key"], r["value"], r["measured"]) for r in listed["items"]} == {
            ("documents", 100, True), ("documents_electronic", 90, True),
        }  # fmt: skip
    path = tmp_path / "so-lieu.csv"
    path.write_text(
        "Mã cơ quan;Tên cơ quan;Kỳ;Văn bản gửi và nhận (không mật);Văn bản gửi và nhận dạng điện tử\n"
        f"tp-vinh-yen;;{month};1.000;950\nxa-dao-tru;;{month};;\n",
        encoding="utf-8",
    )
    bring = ("import", "counts", str(path))
    status, _, error = command(tmp_path, *bring)
    assert status == 2 and "so-lieu.csv, dòng 2, document: gặp" in error
    tried = command(tmp_path, *bring, *PAPER, "--dry-run")
    assert tried[2] == "Chưa lưu gì. 2 số liệu đọc được: 2 mới, 0 sẽ thay số cũ.\n"
    assert command(tmp_path, *bring, *PAPER)[0] == 0
    row = coverage(tmp_path, "electronic_documents")
    assert (row["met"], row["declared"], row["status"]) == (360, 950, "open")
    told = json.loads(command(tmp_path, "counts", "list", "-a", "tp-vinh-yen", "-o", "json")[1])
    assert {(r["document"], r["signer"], r["signed"], r["measured"]) for r in told} == {
        ("12/BC-SKHCN", "Nguyễn Văn Ân", "2025-01-02", False)
    }
    await rounds.judge(workspace)
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        page = (await client.get(f"/plans/{PLAN}/goals/electronic_documents?evidence=open")).text
        for words in ("khai báo 950 trên 1000", "12/BC-SKHCN, Nguyễn Văn Ân", "đo được 90 trên 100"):
            assert words in page, words
        assert (await client.get("/agencies/tp-vinh-yen")).status_code == 200


async def test_what_is_declared_is_sealed_and_then_stays(workspace: Workspace, tmp_path: Path) -> None:
    period = last_month().text
    path = tmp_path / "chi-tieu.csv"
    path.write_text(
        "plan,goal,part,period,count,total,document,signer,signed\n"
        f"{PLAN},computer_skills,,{period},93,100,7/BC-SNV,Trần Thị Bé,02/01/2025\n"
        f"{PLAN},online_services,1,{period},4,10,7/BC-SNV,Trần Thị Bé,2025-01-02\n",
        encoding="utf-8",
    )
    assert command(tmp_path, "import", "counts", str(path))[0] == 0
    row = coverage(tmp_path, "computer_skills")
    assert (row["declared"], row["unmet"], row["proven"], row["status"]) == (93, 7, 0, "declared")
    assert coverage(tmp_path, "online_services")["counted"] == 8
    sealed = tmp_path / "a.seal.zip"
    await seal(workspace, PLAN, datetime.now(UTC), sealed)
    verdict = await verify(sealed)
    assert verdict.good, verdict.problems
    path.write_text(path.read_text("utf-8").replace(",93,", ",94,"), encoding="utf-8")
    status, _, error = command(tmp_path, "import", "counts", str(path))
    assert status == 2 and f"số liệu của {PLAN} đã niêm phong tính đến" in error
    assert coverage(tmp_path, "computer_skills")["declared"] == 93


async def test_the_workbook_to_be_filled_in_is_read_as_it_was_made(workspace: Workspace, tmp_path: Path) -> None:
    month, path = last_month().text, tmp_path / "mau.xlsx"
    for language in ("vi", "en"):
        made = command(tmp_path, "counts", "template", str(path), "--period", month, "-l", language)
        assert made[0] == 0, made[2]
        assert counting.read_file(path, workspace.vocabulary, counting.Document()) == []
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        heads = [str(cell.value) for cell in sheet[1]]
        assert [row[0].value for row in sheet.iter_rows(min_row=2)].count("so-yt") == 1
        count = workspace.vocabulary.period_counts["meetings"].title.in_language(language)
        sheet.cell(2, heads.index(count) + 1).value = 12
        book.save(path)
        rows = counting.read_file(path, workspace.vocabulary, counting.Document("1/BC", "An"))
        assert [(r.key, r.period, r.value) for r in rows if isinstance(r, Counted)] == [("meetings", month, 12)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", "found no header, expected a row with agency, period and counts"),
        ("agency,period,documets\nA,2026-01,5\n", "found the column 'documets', expected the name of a count; did you"),
        ("agency,period,documents\nA,2026-01,5.5\n", "row 2, documents: found '5.5', expected a whole number"),
        ("agency,period,documents\nA,2026-01,năm\n", "row 2, documents: found 'năm', expected a whole number"),
        (
            "agency,period,documents,signed\nA,2026-01,5,31/02/2026\n",
            "row 2, signed: found '31/02/2026', expected a day",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        counting.read_file(path, vocabulary.load(), counting.Document())
    assert expected in str(error.value)


def test_what_spreadsheets_make_of_months_and_numbers_is_understood(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["Báo cáo"], ["Mã cơ quan *", "Kỳ báo cáo", "documents", "Ngày ký", "Số văn bản", "Người ký"],
        ["A", date(2026, 9, 1), 1250.0, date(2026, 10, 5), 12, "An"],
        ["B", "Tháng 9/2026", "1 250", "5/10/2026", "12/BC", "An"],
        ["C", 2026, "1.250", "2026-10-05", "x", "An"], ["D", "2026-q3", None, None, None, None],
    ):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    rows = counting.read_file(tmp_path / "x.xlsx", vocabulary.load(), counting.Document())
    assert [(r.period, r.value, str(r.origin.signed), r.origin.document) for r in rows] == [
        ("2026-09", 1250, "2026-10-05", "12"), ("2026-09", 1250, "2026-10-05", "12/BC"),
        ("2026", 1250, "2026-10-05", "x"),
    ]  # fmt: skip


HEADS = ["agency", "period", "documents", "2026-01", "5", "=1+1", "goal", "plan", "total", "count"]
cells = st.text(max_size=8) | st.sampled_from(HEADS)


@given(rows=st.lists(st.lists(cells, min_size=2, max_size=6), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_read_or_refused(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join(";".join(row) for row in rows), encoding="utf-8", errors="replace")
    try:
        counting.read_file(path, vocabulary.load(), counting.Document())
    except InputError as error:
        assert str(error).startswith("x.csv")


json_values = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
FIELDS = ("agency", "key", "period", "value", "plan", "goal", "part", "level", "count", "total", "x")


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6), max_size=3))
def test_any_fact_is_read_or_refused(told: list[dict[str, object]]) -> None:
    try:
        rows = counting.read_sent(told, Origin("x"))
    except InputError as error:
        assert str(error).startswith("facts[")
    else:
        assert len(rows) == len(told)
