"""Offers by spreadsheet: each line has its fate, nothing is taken twice, and a bad line keeps no other out."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.imports.judging import fen_of, rule_of_days
from services.matching.imports.rules import COLUMNS, EXPLANATIONS, LAYOUT
from shared.ids import new_id
from shared.tables import FileFormat, media_type, read_table, written_table
from tests.matching.conftest import Headers, Json, Quarter

HEADERS = [names[0] for names in COLUMNS.values()]
GOOD: dict[str, Json] = {
    "编号": "A1",
    "类型": "优惠",
    "分类": "haircut",
    "名称": "剪发十元",
    "区域": "d.z",
    "价格": "10",
}


def table(*rows: dict[str, Json], kind: FileFormat = FileFormat.XLSX, headers: list[str] | None = None) -> bytes:
    shown = headers or HEADERS
    return written_table(kind, shown, [[row.get(name, "") for name in shown] for row in rows], sheet="资源")


class Counter:
    """Where a partner hands in its tables."""

    def __init__(self, quarter: Quarter, partner: dict[str, Any]) -> None:
        self.quarter, self.partner = quarter, partner

    async def send(self, content: bytes, *, by: Headers | None = None, **params: Json) -> httpx.Response:
        headers = {**(by or self.quarter.staff_of("school")), "Content-Type": media_type(FileFormat.XLSX)}
        query = {"partner_id": self.partner["id"], **params}
        return await self.quarter.http.post("/v1/offer-imports", content=content, headers=headers, params=query)

    async def sent(self, *rows: dict[str, Json], **params: Json) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        response = await self.send(table(*rows), **params)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        lines = await self.quarter.read(f"/v1/offer-imports/{made['id']}/lines")
        return made, lines["items"]

    async def offers(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.quarter.read("/v1/offers"))["items"]
        return items


@pytest.fixture
async def desk(quarter: Quarter) -> Counter:
    return Counter(quarter, await quarter.partner(area="d.z"))


async def test_each_line_has_its_fate(desk: Counter) -> None:
    rows = [
        {
            **GOOD,
            "类型": "服务",
            "技能": "barber、stylist",
            "开放日": "周一、周三",
            "开门": "8:30",
            "关门": "17:00",
            "最小年龄": 60,
        },
        {**GOOD, "编号": "A2", "区域": "没有这里", "价格": "十元", "数量": "很多"},
        {**GOOD, "编号": "A1", "名称": "又一个"},
        {**GOOD, "编号": "A3", "类型": "物资", "价格": "", "数量": 12, "适用对象": "low_income"},
        {**GOOD, "编号": "A4", "区域": "d.y"},
        {**GOOD, "编号": "A5", "类型": "资金", "价格": ""},
        {**GOOD, "编号": "A6", "分类": "Hair Cut", "开放日": "每天"},
    ]
    made, lines = await desk.sent(*rows)
    assert made["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "outdated": 0, "repeated": 1, "bad": 4}
    fates = {
        line["line"]: (line["fate"], {(one["column"], one["code"]) for one in line["complaints"]}) for line in lines
    }
    assert fates == {
        2: ("created", set()),
        3: ("bad", {("area", "unknown_area"), ("price", "bad_money"), ("quantity", "bad_number")}),
        4: ("repeated", {("external_id", "repeated")}),
        5: ("created", set()),
        6: ("bad", {("area", "area_not_yours")}),
        7: ("bad", {("amount", "member_missing")}),
        8: ("bad", {("open_days", "hours_incomplete")}),
    }
    goods, haircut = await desk.offers()
    assert (haircut["price_fen"], haircut["eligibility"]["min_age"]) == (1000, 60)
    assert sorted(haircut["skills"]) == ["barber", "stylist"]
    assert haircut["hours"]["openings"][0]["rrule"] == "FREQ=WEEKLY;BYDAY=MO,WE"
    assert (goods["kind"], goods["quantity"], goods["eligibility"]["entitlements"]) == ("goods", 12, ["low_income"])


async def test_a_member_of_another_kind_is_told_with_its_column(desk: Counter) -> None:
    _, lines = await desk.sent(
        {**GOOD, "类型": "物资", "每日接待量": 5}, {**GOOD, "编号": "A2", "最小年龄": 70, "最大年龄": 60}
    )
    told = [{(one["column"], one["code"]) for one in line["complaints"]} for line in lines]
    assert told[0] == {("capacity_per_day", "not_for_this_kind")}
    assert {code for _, code in told[1]} == {"bad_ages"}


async def test_the_same_table_again_changes_nothing_and_a_mended_one_updates(desk: Counter) -> None:
    hours = {"开放日": "每天", "开门": "08:30", "关门": "17:00"}
    await desk.sent({**GOOD, **hours})
    (before,) = await desk.offers()
    made, _ = await desk.sent({**GOOD, **hours})
    assert made["counts"]["unchanged"] == 1
    made, _ = await desk.sent({**GOOD, **hours, "价格": "8.5"})
    assert made["counts"]["updated"] == 1
    (after,) = await desk.offers()
    assert (after["id"], after["price_fen"], after["hours"]["openings"][0]["opens"]) == (before["id"], 850, "08:30")
    made, _ = await desk.sent({**GOOD, "版本": 1, "名称": "旧名称"})
    assert made["counts"]["outdated"] == 1
    made, _ = await desk.sent({**GOOD, "是否有效": "否"})
    assert (made["counts"]["updated"], (await desk.offers())[0]["active"]) == (1, False)


async def test_a_trial_changes_nothing(desk: Counter) -> None:
    await desk.sent(GOOD)
    made, lines = await desk.sent({**GOOD, "价格": "5"}, {**GOOD, "编号": "B"}, {**GOOD, "编号": ""}, dry_run=True)
    assert [line["fate"] for line in lines] == ["updated", "created", "bad"]
    assert (made["dry_run"], made["counts"]["created"]) == (True, 1)
    (offer,) = await desk.offers()
    assert (offer["external_id"], offer["price_fen"]) == ("A1", 1000)


async def test_sending_twice_under_one_id_is_one_import(desk: Counter) -> None:
    content, import_id = table(GOOD), str(new_id())
    assert (await desk.send(content, id=import_id)).status_code == 201
    assert (await desk.send(content, id=import_id)).status_code == 200
    other = await desk.send(table({**GOOD, "价格": "1"}), id=import_id)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


async def test_what_is_no_table_is_refused_as_a_whole(desk: Counter) -> None:
    for content, status, code in (
        (b"", 415, "unsupported_table"),
        (b"\x00\x01", 415, "unsupported_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 415, "old_spreadsheet"),
        ("编号,名称\nA,b\n".encode(), 422, "broken_table"),
        (table(*({**GOOD, "编号": str(n)} for n in range(1_001)), kind=FileFormat.CSV), 422, "broken_table"),
    ):
        response = await desk.send(content)
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert await desk.offers() == []


async def test_only_who_speaks_for_the_partner_imports_and_reads(desk: Counter, elsewhere: Quarter) -> None:
    quarter = desk.quarter
    assert (await desk.send(table(GOOD), by=quarter.staff_of("club"))).status_code == 403
    assert (await desk.send(table(GOOD), by=quarter.resident)).status_code == 403
    made, _ = await desk.sent(GOOD)
    for path in ("", "/lines", "/report"):
        assert (
            await quarter.get(f"/v1/offer-imports/{made['id']}{path}", by=quarter.staff_of("club"))
        ).status_code == 403
        assert (await elsewhere.get(f"/v1/offer-imports/{made['id']}{path}")).status_code == 404
    listed = await quarter.read("/v1/offer-imports", partner_id=desk.partner["id"])
    assert [one["id"] for one in listed["items"]] == [made["id"]]


async def test_the_template_is_understood_and_the_report_tells_every_line(desk: Counter) -> None:
    quarter = desk.quarter
    for kind in FileFormat:
        template = await quarter.get("/v1/offer-imports/template", format=kind.value)
        assert template.status_code == 200
        mended = written_table(kind, HEADERS, [list(EXPLANATIONS), [GOOD.get(name, "") for name in HEADERS]], sheet="x")
        assert len(read_table(mended, kind, LAYOUT).rows) == 1
        assert len(template.content) > 100
    made, _ = await desk.sent(GOOD, {**GOOD, "编号": "A2", "区域": ""})
    report = await quarter.get(f"/v1/offer-imports/{made['id']}/report", format="csv")
    told = report.content.decode("utf-8-sig").splitlines()
    assert told[1:] == ["2,A1,剪发十元,新增,", "3,A2,剪发十元,有误，未导入,区域：必填项为空"]


@given(st.integers(0, 10**11))
def test_an_amount_is_read_to_the_fen(fen: int) -> None:
    assert fen_of(f"{fen // 100}.{fen % 100:02}") == fen
    assert fen_of(f"{fen // 100}.{fen % 100:02} 元") == fen
    if fen % 100 == 0:
        assert fen_of(str(fen // 100)) == fen


@pytest.mark.parametrize("text", ["", "-1", "1.234", "1,000", "1e3", "１０.5x", "十", "."])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert fen_of(text) is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("每天", "FREQ=DAILY"),
        ("工作日", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("周一、周三", "FREQ=WEEKLY;BYDAY=MO,WE"),
        ("星期六 星期日", "FREQ=WEEKLY;BYDAY=SA,SU"),
        ("六,天,六", "FREQ=WEEKLY;BYDAY=SA,SU"),
        ("MO,we", "FREQ=WEEKLY;BYDAY=MO,WE"),
        ("周八", None),
        ("、", None),
    ],
)
def test_days_are_read_as_people_write_them(text: str, rule: str | None) -> None:
    assert rule_of_days(text) == rule
