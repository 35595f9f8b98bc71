"""Tables of thousands of rows: filed once, told line by line, whatever happens to the worker in between."""

import asyncio
import csv
import io
import random
import time
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.intake.escalation.service import differences
from services.intake.imports.jobs import forget_old_files, run_one
from services.intake.imports.rules import LAYOUT
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.tables import FileFormat, read_table
from shared.testing import Pipe
from tests.intake.conftest import GRID, NORTH, Street
from tests.intake.importing import HEADERS, Desk, row, xlsx
from tests.sizes import IS_LONG

ROWS = 10_000 if IS_LONG else 2_000


@pytest.fixture
def desk(street: Street, databases: dict[str, Database]) -> Desk:
    return Desk(street, databases["intake"])


def as_csv(rows: list[list[Any]], encoding: str = "utf-8", headers: list[str] = HEADERS) -> bytes:
    output = io.StringIO()
    csv.writer(output).writerows([headers, *rows])
    return output.getvalue().encode(encoding)


async def case_of(desk: Desk, line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.street.get(f"/v1/cases/{line['case_id']}", by=desk.officer)).json()
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_row_becomes_a_case_with_its_true_history(desk: Desk, encoding: str) -> None:
    rows = [
        row(
            编号="A-1", 状态="已办结", 层级="大事", 提出时间="2025/3/1 9:30", 办结时间="2025年3月4日", 承办单位="works", 结果="满意",
            备注="已疏通", 地点="路口", 内容="=HYPERLINK(1)",
        )
    ]  # fmt: skip
    done = await desk.done(as_csv(rows, encoding))
    assert (done["state"], done["rows"], done["counts"]["filed"]) == ("done", 1, 1)
    (line,) = await desk.lines(done["id"])
    case = await case_of(desk, line)
    assert (case["channel"], case["state"], case["outcome"], case["level"]) == (
        "import",
        "closed",
        "satisfied",
        "council",
    )
    assert case["filed_at"].startswith("2025-03-01T01:30:00")
    assert case["closed_at"].startswith("2025-03-03T16:00:00")
    assert case["number"] == line["number"] == "C-2025-000001"
    assert (case["unit_id"], case["description"]) == (str(desk.street.works), "=HYPERLINK(1)")
    assert case["clocks"] == []
    first, second = await desk.street.history({"id": line["case_id"]}, by=desk.officer)
    assert (first["step"], first["at"], first["data"]["channel"]) == ("file", case["filed_at"], "import")
    assert first["data"]["on_behalf"] is True
    assert (second["step"], second["at"], second["note"]) == ("import_close", case["closed_at"], "已疏通")


async def test_an_open_case_goes_on_from_now(desk: Desk) -> None:
    rows = [
        row(状态=state, 承办单位=unit, 层级=level, 编号=f"H{place}") for place, (state, unit, level) in enumerate(OPEN)
    ]
    done = await desk.done(xlsx(rows))
    found = [await case_of(desk, line) for line in await desk.lines(done["id"])]
    assert [case["state"] for case in found] == ["filed", "accepted", "accepted", "triaged", "assigned"]
    assert {clock["clock"] for clock in found[0]["clocks"]} == {"accept", "first_reply"}
    for case in found[1:]:
        assert [clock["clock"] for clock in case["clocks"]] == ["resolve"]
    for case in found:
        assert all(clock["left_s"] > clock["budget_s"] - 60 for clock in case["clocks"])
        async with desk.database.read(desk.street.caller.tenant) as session:
            assert await differences(session, case["id"]) == []
    accepted = await desk.street.step(found[0], "accept", {}, by=desk.street.grid_worker)
    assert accepted["state"] == "accepted"


OPEN = [("", "", ""), ("已受理", "", ""), ("办理中", "", ""), ("办理中", "", "难事"), ("办理中", "works", "小事")]


SPOILS: list[tuple[dict[str, str], str]] = [
    ({"标题": ""}, "title"),
    ({"区域": "nowhere"}, "area"),
    ({"提出时间": "昨天"}, "filed_at"),
    ({"类型": "?"}, "category"),
    ({"办结时间": "2024-12-01"}, "closed_at"),
]


def year_of_rows(chance: random.Random) -> tuple[list[list[Any]], dict[int, str]]:
    """Return rows of a whole year and, by the numbers of the lines that are wrong, the column that is."""
    rows, wrong = [], {}
    bad = set(chance.sample(range(ROWS), ROWS * 3 // 100))
    for place in range(ROWS):
        filed = datetime.fromisoformat("2025-01-01") + timedelta(minutes=500_000 // ROWS * place)
        cells = {"标题": f"污水外溢 {place}", "内容": "两套管网交汇处的井盖冒污水，流到店门口。" * 2, "提出时间": filed}
        cells |= {"状态": "已办结", "办结时间": filed + timedelta(days=2), "结果": chance.choice(["满意", "不满意"])}
        cells |= {"编号": f"H{place}"} if place % 2 else {}
        if place in bad:
            spoilt, wrong[place + 2] = chance.choice(SPOILS)
            cells |= spoilt
        rows.append(row(**cells))
    return rows, wrong


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
async def test_a_year_in_bulk_is_filed_fast_and_once(desk: Desk, owner: asyncpg.Connection, kind: str) -> None:
    rows, wrong = year_of_rows(random.Random(7))
    content = xlsx(rows) if kind == "xlsx" else as_csv(rows)
    began = time.monotonic()
    done = await desk.done(content)
    while done["state"] == "running":
        await desk.turn()
        done = await desk.read(done["id"])
    took = time.monotonic() - began
    print(f"{ROWS} rows of {kind}, {len(wrong)} bad: {took:.1f} s from the upload to the last line")
    assert took < 60
    assert done["counts"] == counts(filed=ROWS - len(wrong), bad=len(wrong))
    told = {line["line"]: [one["column"] for one in line["complaints"]] for line in await desk.lines(done["id"], "bad")}
    assert told == {line: [column] for line, column in wrong.items()}, "every bad line, and of each what is wrong"
    tenant = desk.street.caller.tenant
    before = await figures(owner, tenant)
    assert before["cases"] == before["numbers"] == before["filed"] == before["closed"] == ROWS - len(wrong)
    assert before["steps"] == 2 * before["cases"]
    began = time.monotonic()
    again = await desk.done(content)
    while again["state"] == "running":
        await desk.turn()
        again = await desk.read(again["id"])
    print(f"the same file again: {time.monotonic() - began:.1f} s")
    assert again["counts"] == counts(unchanged=ROWS - len(wrong), bad=len(wrong))
    assert await figures(owner, tenant) == before


def counts(**given: int) -> dict[str, int]:
    return dict.fromkeys(("filed", "good", "unchanged", "changed_elsewhere", "repeated", "bad"), 0) | given


async def figures(owner: asyncpg.Connection, tenant: str) -> dict[str, int]:
    found = await owner.fetchrow(
        """SELECT count(*) AS cases, count(DISTINCT number) AS numbers,
        (SELECT count(*) FROM intake.case_steps WHERE tenant_id = $1) AS steps,
        (SELECT count(*) FROM intake.outbox WHERE tenant_id = $1 AND body LIKE '%case.filed.v1%' AND sequence = 1) AS filed,
        (SELECT count(*) FROM intake.outbox WHERE tenant_id = $1 AND body LIKE '%case.closed.v1%' AND sequence = 2) AS closed
        FROM intake.cases WHERE tenant_id = $1""",
        tenant,
    )
    return dict(found)


async def test_a_worker_that_is_stopped_between_chunks_loses_and_repeats_nothing(
    desk: Desk, owner: asyncpg.Connection
) -> None:
    rows = [row(编号=f"{n}", 标题=f"第 {n} 件") for n in range(1_700)]
    sent = (await desk.send(xlsx(rows))).json()
    tenant = desk.street.caller.tenant
    reached = asyncio.Event()

    async def stop_after_two() -> None:
        if (await desk.read(sent["id"]))["done_rows"] == 1_000:
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run_one(desk.database, tenant, time.monotonic() + 60, between=stop_after_two))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stopped = await desk.read(sent["id"])
    assert (stopped["state"], stopped["done_rows"], stopped["counts"]["filed"]) == ("running", 1_000, 1_000)
    await desk.turn()
    assert (await desk.read(sent["id"]))["done_rows"] == 1_000, "the lease is still held"
    await owner.execute("UPDATE intake.imports SET lease_until = now() - interval '1 s' WHERE tenant_id = $1", tenant)
    await desk.turn()
    done = await desk.read(sent["id"])
    assert (done["state"], done["counts"]) == ("done", counts(filed=1_700))
    assert (await figures(owner, tenant))["cases"] == 1_700
    assert [line["line"] for line in await desk.lines(sent["id"])] == list(range(2, 1_702))


async def test_two_workers_and_two_files_of_one_source_file_every_row_once(
    desk: Desk, owner: asyncpg.Connection
) -> None:
    rows = [row(编号=f"{n}", 标题=f"第 {n} 件") for n in range(900)]
    sent = [(await desk.send(xlsx(rows))).json()["id"] for _ in range(2)]
    await asyncio.gather(*(desk.turn() for _ in range(4)))
    done = [await desk.read(one) for one in sent]
    assert sum(one["counts"]["filed"] for one in done) == 900
    assert sum(one["counts"]["unchanged"] for one in done) == 900
    assert (await figures(owner, desk.street.caller.tenant))["cases"] == 900


async def test_what_was_changed_since_is_not_overwritten(desk: Desk) -> None:
    first = await desk.done(xlsx([row(编号="A1"), row(标题="没有编号")]))
    again = await desk.done(
        as_csv([row(编号="Ａ１", 标题="改了"), row(标题="没有编号", 内容="没有编号", 类型="DRAINAGE")])
    )
    assert again["counts"] == counts(changed_elsewhere=1, unchanged=1)
    changed, unchanged = await desk.lines(again["id"])
    assert changed["complaints"][0]["code"] == "changed_elsewhere"
    assert [changed["case_id"], unchanged["case_id"]] == [line["case_id"] for line in await desk.lines(first["id"])]
    assert (await case_of(desk, changed))["title"] == "污水外溢"
    elsewhere = await desk.done(xlsx([row(编号="A1")]), source="another")
    assert elsewhere["counts"]["filed"] == 1


async def test_rows_that_stand_twice_in_a_file_are_told(desk: Desk) -> None:
    rows = [row(编号="1"), row(编号="1"), row(编号=1, 标题="别的"), row(), row(), row(编号="a"), row(编号="A")]
    done = await desk.done(xlsx(rows))
    found = await desk.lines(done["id"])
    fates = ["filed", "repeated", "bad", "filed", "repeated", "filed", "filed"]
    assert [line["fate"] for line in found] == fates
    assert found[2]["complaints"][0]["code"] == "reference_repeated"


async def test_a_trial_files_nothing(desk: Desk, owner: asyncpg.Connection) -> None:
    done = await desk.done(xlsx([row(), row(标题="")]), dry_run=True)
    assert (done["state"], done["counts"]) == ("done", counts(good=1, bad=1))
    assert (await figures(owner, desk.street.caller.tenant))["cases"] == 0
    assert (await desk.done(xlsx([row(), row(标题="")])))["counts"] == counts(filed=1, bad=1)


NOW = utc_now()
ODD: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"标题": " "}, [("title", "missing")]),
    ({"标题": "x" * 201}, [("title", "too_long")]),
    ({"类型": "", "区域": ""}, [("area", "missing"), ("category", "missing")]),
    ({"类型": "火箭"}, [("category", "unknown_category")]),
    ({"区域": "county.east"}, [("area", "unknown_area")]),
    ({"区域": "county.south"}, [("area", "area_not_yours")]),
    ({"区域": "county"}, [("area", "area_not_yours")]),
    ({"提出时间": "2025-02-30"}, [("filed_at", "bad_time")]),
    ({"提出时间": "01/03/2025"}, [("filed_at", "bad_time")]),
    ({"提出时间": 45717}, [("filed_at", "bad_time")]),
    ({"提出时间": "45717"}, [("filed_at", "bad_time")]),
    ({"提出时间": ""}, [("filed_at", "missing")]),
    ({"提出时间": (NOW + timedelta(days=2)).strftime("%Y-%m-%d")}, [("filed_at", "in_the_future")]),
    ({"提出时间": (NOW - timedelta(days=3_700)).strftime("%Y-%m-%d")}, [("filed_at", "too_old")]),
    ({"状态": "飞了"}, [("state", "unknown_state")]),
    ({"层级": "中事"}, [("level", "unknown_level")]),
    ({"状态": "已办结"}, [("closed_at", "closed_at_missing")]),
    ({"办结时间": "2025-04-01"}, [("closed_at", "closed_at_unexpected")]),
    ({"状态": "已办结", "办结时间": "2025-02-28"}, [("closed_at", "closed_before_filed")]),
    ({"状态": "已评价", "办结时间": "2025-04-01"}, [("outcome", "outcome_missing")]),
    ({"状态": "已办结", "办结时间": "2025-04-01", "结果": "还行"}, [("outcome", "unknown_outcome")]),
    ({"结果": "满意"}, [("outcome", "outcome_unexpected")]),
    ({"承办单位": "nobody"}, [("unit", "unknown_unit")]),
    ({"编号": "x" * 81}, [("external_ref", "too_long")]),
    # What is read forgivingly.
    ({"区域": GRID}, []),
    ({"区域": " g1 "}, []),
    ({"区域": "c1／g1"}, []),
    ({"区域": "county / north / c1"}, []),
    ({"提出时间": "２０２５－０３－０１"}, []),
    ({"提出时间": "2025/3/1 9:30"}, []),
    ({"提出时间": " 2025年3月1日 9时30分 "}, []),
    ({"提出时间": "2025.3.1"}, []),
    ({"提出时间": date(2025, 3, 1)}, []),
    ({"提出时间": datetime.fromisoformat("2025-03-01T09:30")}, []),
    ({"编号": 20250001}, []),
    ({"状态": "已办结", "办结时间": "2025-03-01", "提出时间": "2025-03-01 17:00"}, []),
    ({"状态": "不予受理", "办结时间": "2025-03-02"}, []),
    ({"标题": "=cmd|' /C calc'!A0"}, []),
]


async def test_odd_cells_are_told_or_understood(desk: Desk) -> None:
    rows = [row(**({"备注": f"{place}"} | cells)) for place, (cells, _) in enumerate(ODD)]
    done = await desk.done(xlsx(rows))
    found = await desk.lines(done["id"])
    told = [[(one["column"], one["code"]) for one in line["complaints"]] for line in found]
    assert told == [expected for _, expected in ODD]
    assert all(len(one["value"]) <= 60 for line in found for one in line["complaints"])
    cases = {place: await case_of(desk, found[place]) for place, (_, expected) in enumerate(ODD) if not expected}
    assert {case["filed_at"][:10] for case in cases.values()} <= {"2025-02-28", "2025-03-01"}


async def test_names_that_are_not_unique_ask_for_the_path(desk: Desk, street: Street) -> None:
    assert street.areas
    by = street.administrator
    answer = await street.call(
        "PUT",
        "/v1/categories/second",
        {"name_zh": "parking", "name_en": "x", "kind": "hazard", "proof_required": False},
        by=by,
    )
    assert answer.status_code in {200, 201, 422}
    done = await desk.done(xlsx([row(类型="parking")]))
    assert done["counts"]["filed"] == 1, "a code goes before a name"


async def test_the_report_is_mended_and_sent_again(desk: Desk) -> None:
    headers = ["备注", "提出时间", "区域", "标题", "类型", "来电人"]
    rows = [["", date(2025, 3, 1), "g1", "=1+1", "drainage", "@王"], ["", date(2025, 3, 1), "g9", "+1", "drainage", ""]]
    done = await desk.done(xlsx(rows, headers))
    assert done["unknown_columns"] == ["来电人"]
    assert done["counts"] == counts(filed=1, bad=1)
    text = (await desk.report(done["id"], "csv")).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0] == [*headers, "导入结果", "导入问题", "诉求编号"]
    assert lines[1][3] == "'=1+1"
    assert lines[1][5] == "'@王"
    assert lines[2][3] == "'+1"
    assert lines[2][7] == "区域：没有这个区域"
    mended = await desk.done(text.replace("g9", "g1").encode("utf-8-sig"))
    assert mended["counts"] == counts(filed=1, unchanged=1)
    sheet = read_table(await desk.report(mended["id"], "xlsx"), FileFormat.XLSX, LAYOUT)
    assert [one.cells["title"] for one in sheet.rows] == ["=1+1", "+1"]
    assert sheet.unknown == ["来电人"]
    assert (await desk.done(await desk.report(done["id"], "xlsx")))["counts"] == counts(unchanged=1, bad=1)


async def test_files_are_forgotten_and_fates_stay(desk: Desk, owner: asyncpg.Connection) -> None:
    done = await desk.done(xlsx([row(), row(标题="")]))
    tenant = desk.street.caller.tenant
    await forget_old_files(desk.database, tenant, utc_now())
    assert await owner.fetchval("SELECT content IS NOT NULL FROM intake.imports WHERE tenant_id = $1", tenant)
    await owner.execute(
        "UPDATE intake.imports SET finished_at = finished_at - interval '31 days' WHERE tenant_id = $1", tenant
    )
    await forget_old_files(desk.database, tenant, utc_now())
    assert await owner.fetchval("SELECT content IS NULL FROM intake.imports WHERE tenant_id = $1", tenant)
    lines = list(csv.reader(io.StringIO((await desk.report(done["id"], "csv")).decode("utf-8-sig"))))
    assert [line[:2] for line in lines] == [["行号", "导入结果"], ["2", "已导入"], ["3", "有误，未导入"]]


async def test_an_import_can_be_cancelled_and_keeps_what_it_filed(desk: Desk) -> None:
    sent = (await desk.send(xlsx([row()]))).json()
    path = f"/v1/imports/{sent['id']}/cancel"
    assert (await desk.street.post(path, by=desk.officer)).status_code == 428
    assert (await desk.street.post(path, by=desk.officer, version=9)).status_code == 412
    cancelled = await desk.street.post(path, by=desk.officer, version=sent["version"])
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    await desk.turn()
    assert (await desk.read(sent["id"]))["counts"] == counts()
    again = await desk.street.post(path, by=desk.officer, version=cancelled.json()["version"])
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    report = await desk.street.get(f"/v1/imports/{sent['id']}/report", by=desk.officer)
    assert (report.status_code, report.json()["code"]) == (409, "nothing_to_report")


async def test_who_may_import_and_who_may_look(desk: Desk, elsewhere: Street) -> None:
    street, content = desk.street, xlsx([row()])
    for nobody in (street.grid_worker, street.owner, street.works_clerk):
        assert (await desk.send(content, by=nobody)).status_code == 403
    sent = (await desk.send(content)).json()
    path = f"/v1/imports/{sent['id']}"
    expected = {
        200: [desk.officer, street.administrator, street.holding(Role.SECRETARY, NORTH)],
        404: [street.officer, street.holding(Role.SECRETARY, "county.south"), street.holding(Role.SECRETARY, GRID), elsewhere.administrator],
    }  # fmt: skip
    for status, people in expected.items():
        for person in people:
            assert (await street.get(path, by=person)).status_code == status
            listed = (await street.get("/v1/imports", by=person)).json()["items"]
            assert [one["id"] for one in listed] == ([sent["id"]] if status == 200 else [])


async def test_a_file_sent_twice_with_its_id_or_key_is_one_import(desk: Desk) -> None:
    content, made = xlsx([row()]), str(new_id())
    first = await desk.send(content, id=made)
    again = await desk.send(content, id=made)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"] == made
    other = await desk.send(xlsx([row(标题="x")]), id=made)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    keyed = {**desk.officer, "Idempotency-Key": "once"}
    twice = [await desk.send(content, by=keyed) for _ in range(2)]
    assert len({one.json()["id"] for one in twice}) == 1


def zipped(parts: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in parts.items():
            container.writestr(name, content)
    return output.getvalue()


def with_sheet(change: Any) -> bytes:
    """Return a good spreadsheet whose sheet was tampered with."""
    with zipfile.ZipFile(io.BytesIO(xlsx([row()]))) as container:
        parts = {name: container.read(name) for name in container.namelist()}
    parts["xl/worksheets/sheet1.xml"] = change(parts["xl/worksheets/sheet1.xml"])
    return zipped(parts)


# Written where they are sent: writing some of them takes seconds, and every process that runs tests reads these lists.
REFUSED: list[tuple[str, Callable[[], bytes], int, str]] = [
    ("nothing", lambda: b"", 415, "unsupported_table"),
    ("spaces", lambda: b" \n ", 415, "unsupported_table"),
    ("a picture", lambda: b"\x89PNG\r\n\x1a\n\x00\x00", 415, "unsupported_table"),
    ("a portable document", lambda: b"%PDF-1.7\n\x00\x01", 415, "unsupported_table"),
    ("an old spreadsheet", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), 415, "old_spreadsheet"),
    ("another archive", lambda: zipped({"a.txt": b"x"}), 415, "unsupported_table"),
    ("half an archive", lambda: xlsx([row()])[:900], 415, "unsupported_table"),
    ("a bomb", lambda: zipped({"xl/workbook.xml": b"<a/>", "xl/b.xml": bytes(300_000_000)}), 422, "broken_table"),
]


@pytest.mark.parametrize(
    ("written", "status", "code"), [item[1:] for item in REFUSED], ids=[item[0] for item in REFUSED]
)
async def test_what_is_no_table_is_refused_at_the_door(
    desk: Desk, written: Callable[[], bytes], status: int, code: str
) -> None:
    answer = await desk.send(written())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await desk.street.get("/v1/imports", by=desk.officer)).json()["items"] == []


async def test_a_file_that_is_too_large_is_refused(desk: Desk) -> None:
    answer = await desk.send(b"a" * (20 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "import_too_large")


def lying(content: bytes) -> bytes:
    """Let a container say that its parts are small."""
    with zipfile.ZipFile(io.BytesIO(content)) as container:
        sizes = {info.file_size for info in container.infolist() if info.file_size > 1_000}
    for size in sizes:
        content = content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    return content


FAILING: list[tuple[str, Callable[[], bytes], str]] = [
    ("an empty sheet", lambda: xlsx([], []), "empty"),
    ("headers alone", lambda: xlsx([]), "empty"),
    ("no column of ours", lambda: xlsx([["x"]], ["名字"]), "columns_missing"),
    ("a column twice", lambda: xlsx([["x", "y"]], ["标题", "title"]), "column_twice"),
    ("16 385 columns", lambda: as_csv([["x"] * 16_385], headers=["标题"] * 16_385), "too_many_columns"),
    ("the last cell of a sheet", lambda: with_sheet(lambda sheet: sheet.replace(b'r="A2"', b'r="XFD2"').replace(b'r="B2"', b'r="XFD2"')), "too_many_columns"),
    ("the last row of a sheet", lambda: with_sheet(lambda sheet: sheet.replace(b'r="B2"', b'r="B1048576"')), "too_many_rows"),
    ("50 001 rows", lambda: as_csv([row(标题=f"{n}") for n in range(50_001)]), "too_many_rows"),
    ("sizes that lie", lambda: lying(xlsx([row(标题="x" * 150) for _ in range(500)])), "xlsx"),
    ("broken XML", lambda: with_sheet(lambda sheet: sheet[:-40]), "xlsx"),
    ("entities", lambda: with_sheet(lambda sheet: sheet.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY a "aaaa">]><worksheet', 1).replace(b"<v>0</v>", b"<v>&b;</v>")), "xlsx"),
    ("a cell without end", lambda: as_csv([row(标题="x" * 200_000)]), "csv"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "reason"), [item[1:] for item in FAILING], ids=[item[0] for item in FAILING])
async def test_a_table_that_cannot_be_read_fails_and_says_why(
    desk: Desk, written: Callable[[], bytes], reason: str
) -> None:
    failed = await desk.done(written())
    assert (failed["state"], failed["problem"]["reason"]) == ("failed", reason), failed
    assert failed["counts"] == counts()
    if reason == "columns_missing":
        assert failed["problem"]["missing"] == ["类型", "标题", "区域", "提出时间"]


async def test_the_template_is_ours_and_lists_what_is_allowed(desk: Desk, pipe: Pipe) -> None:
    for kind in FileFormat:
        answer = await desk.street.get("/v1/imports/template", by=desk.officer, format=kind.value)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].endswith(f'.{kind.value}"')
        failed = await desk.done(answer.content)
        assert failed["problem"]["reason"] == "empty", "the explanations are no row"
        if kind is FileFormat.XLSX:
            with zipfile.ZipFile(io.BytesIO(answer.content)) as container:
                words = container.read("xl/sharedStrings.xml").decode()
            assert "drainage" in words
            assert "county/north/c1/g1" in words
            assert "county/south" not in words
