"""Before filing: has somebody filed it already. Joining instead lifts the case in the lists."""

import math
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.intake.suggestions.rules import Asked, Candidate, suggest
from shared.auth import Role
from shared.clock import CHINA
from shared.ids import new_id
from shared.testing import TestServers
from tests.intake.conftest import GRID, Json, MovedClock, Street
from tests.intake.test_schema import connected

HERE = {"latitude": 37.5091, "longitude": 122.12}
CLOSE = {"latitude": 37.5094, "longitude": 122.1203}
FAR = {"latitude": 37.53, "longitude": 122.12}
WORDS = "路口的井盖往外冒污水，流到店门口了"


def asked(street: Street, **members: Json) -> dict[str, Any]:
    return {"text": WORDS, "area_id": str(street.areas[GRID]), "category": "drainage", "location": CLOSE, **members}


async def suggested(street: Street, *, by: Json = None, **members: Json) -> list[dict[str, Any]]:
    response = await street.post("/v1/case-suggestions", asked(street, **members), by=by)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_the_same_trouble_is_suggested_with_its_reasons(street: Street) -> None:
    case = await street.filed(location=HERE)
    await street.filed(title="路灯不亮", description="晚上一片漆黑", category="parking", location=FAR)
    (one,) = await suggested(street, by=street.neighbour)
    assert (one["id"], one["number"], one["joiners"], one["within_m"]) == (case["id"], case["number"], 0, 50)
    assert [reason["code"] for reason in one["reasons"]] == [
        "same_place",
        "same_category",
        "similar_words",
        "close_in_time",
    ]
    assert one["filed_at"] == case["filed_at"]
    assert 0.5 <= one["score"] <= 1
    assert (await street.get("/v1/cases", mine=True)).json()["items"][1]["version"] == 1


async def test_no_word_of_another_person_is_told(street: Street) -> None:
    await street.filed(title="张三家门口污水外溢", description="井盖冒污水，请打电话 13800138000", location=HERE)
    response = await street.post("/v1/case-suggestions", asked(street), by=street.neighbour)
    assert len(response.json()["items"]) == 1
    for secret in ("张三", "13800138000", "井盖", str(street.owner_id), "122.12"):
        assert secret not in response.text
    (own,) = await suggested(street)
    (staff,) = await suggested(street, by=street.grid_worker)
    assert own["title"] == staff["title"] == "张三家门口污水外溢"


async def test_only_what_one_could_see_or_join_is_suggested(street: Street, elsewhere: Street) -> None:
    await street.filed(location=HERE)
    far_away = street.holding(Role.RESIDENT, "county.south")
    assert await suggested(street, by=far_away) == []
    assert await suggested(street, by=street.holding(Role.OFFICER, "county.south")) == []
    assert await suggested(elsewhere) == []
    await street.call(
        "PUT",
        "/v1/categories/quarrel",
        {"name_zh": "邻里纠纷", "name_en": "Quarrel", "kind": "dispute"},
        by=street.administrator,
    )
    await street.filed(category="quarrel", title="楼上太吵", description="每晚十二点还在跳舞", location=HERE)
    noisy = {"text": "楼上每晚十二点还在跳舞，太吵", "category": "quarrel"}
    assert all(item["category"] != "quarrel" for item in await suggested(street, by=street.neighbour, **noisy))
    assert (await suggested(street, by=street.grid_worker, **noisy))[0]["category"] == "quarrel"


async def test_closed_ones_and_unlike_ones_are_not(street: Street) -> None:
    case = await street.filed(location=HERE)
    await street.step(case, "withdraw", {"reason": "已自行解决"}, by=street.owner)
    await street.filed(
        title="想办一场读书会", description="希望周末有活动室可以借用", category="parking", location=HERE
    )
    assert await suggested(street, by=street.neighbour) == []


async def test_without_a_place_the_area_and_the_words_count(street: Street) -> None:
    case = await street.filed()
    (one,) = await suggested(street, by=street.neighbour, location=None, category=None)
    assert (one["id"], one["within_m"]) == (case["id"], None)
    assert [reason["code"] for reason in one["reasons"]] == ["same_area", "similar_words", "close_in_time"]


async def test_at_most_five_and_the_likest_first(street: Street) -> None:
    for place in range(8):
        await street.filed(location={"latitude": 37.5091 + place * 0.0001, "longitude": 122.12})
    exact = await street.filed(title="井盖冒水", description=WORDS, location=CLOSE)
    found = await suggested(street, by=street.neighbour)
    assert len(found) == 5
    assert found[0]["id"] == exact["id"]
    assert [item["score"] for item in found] == sorted((item["score"] for item in found), reverse=True)


async def test_of_two_alike_the_one_closer_in_time_is_the_likelier_and_says_so(
    street: Street, moved: MovedClock
) -> None:
    old = await street.filed(location=HERE)
    moved.forward(timedelta(days=6))
    new = await street.filed(location=HERE)
    found = await suggested(street, by=street.neighbour)
    assert [item["id"] for item in found] == [new["id"], old["id"]]
    told = [[reason for reason in item["reasons"] if reason["code"] == "close_in_time"] for item in found]
    assert [(one[0]["detail_zh"], one[0]["detail_en"]) for one in told] == [
        ("1 天内提出", "filed within 1 day"),
        ("7 天内提出", "filed within 7 days"),
    ]
    moved.forward(timedelta(days=60))
    later = await suggested(street, by=street.neighbour)
    assert [item["id"] for item in later] == [new["id"], old["id"]], "what is old is alike all the same"
    assert all(reason["code"] != "close_in_time" for item in later for reason in item["reasons"])
    assert later[0]["score"] <= found[0]["score"]


WHEN = datetime(2026, 6, 1, tzinfo=CHINA)


@given(st.integers(0, 400), st.integers(0, 400))
def test_time_never_lifts_what_is_farther_away_in_time(one: int, two: int) -> None:
    asked_now = Asked("井盖冒污水", GRID, None, "drainage", WHEN)
    scores = []
    for days in (one, two):
        case = candidate("井盖往外冒污水", WHEN - timedelta(days=days))
        (found,) = suggest(asked_now, [case])
        scores.append(found.score)
    assert (scores[0] >= scores[1]) == (one <= two) or math.isclose(*scores)
    assert all(0 < score <= 1 for score in scores)
    # Nothing is suggested only because it is new.
    assert suggest(asked_now, [candidate("想办一场读书会", WHEN, category="culture")]) == []


def candidate(words: str, filed_at: datetime, *, category: str = "drainage") -> Candidate:
    return Candidate(
        id=new_id(),
        number="C-2026-000001",
        category=category,
        kind="request",
        title=words,
        text="",
        area_id=new_id(),
        area_path=GRID,
        point=None,
        state="filed",
        joiners=0,
        filed_at=filed_at,
    )


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "x" * 4001}, 422),
        ({"text": None}, 422),
        ({"area_id": None}, 422),
        ({"area_id": str(new_id())}, 422),
        ({"location": {"latitude": 91, "longitude": 0}}, 422),
        ({"category": "Not a code"}, 422),
        ({"colour": "red"}, 422),
        ({"location": {"latitude": 90, "longitude": 180}}, 200),
        ({"text": "123 !?"}, 200),
        ({"category": "nothing"}, 200),
    ],
)
async def test_what_can_be_asked(street: Street, wrong: Json, status: int) -> None:
    assert (await street.post("/v1/case-suggestions", asked(street, **wrong))).status_code == status
    assert (
        await street.post("/v1/case-suggestions", asked(street), by=street.caller.anonymous("intake"))
    ).status_code == 401


async def test_joining_lifts_a_case_in_the_lists(street: Street) -> None:
    cases = [await street.filed(title=f"第 {n} 件") for n in range(4)]
    for case, joiners in ((cases[1], 2), (cases[0], 1)):
        for _ in range(joiners):
            neighbour = street.neighbour
            joined = await street.post(f"/v1/cases/{case['id']}/join", by=neighbour)
            assert joined.status_code == 200, joined.text
    closed = await street.filed()
    await street.step(closed, "withdraw", {"reason": "已自行解决"}, by=street.owner)
    expected = [cases[n]["id"] for n in (1, 0, 3, 2)]
    whole = (await street.get("/v1/cases", by=street.grid_worker, sort="joiners")).json()["items"]
    assert [(item["id"], item["joiners"]) for item in whole] == list(zip(expected, (2, 1, 0, 0), strict=True))
    seen, cursor = [], None
    for _ in range(4):
        more: Json = {"cursor": cursor} if cursor else {}
        page = (await street.get("/v1/cases", by=street.grid_worker, sort="joiners", page_size=1, **more)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (expected, None)
    newest = (await street.get("/v1/cases", by=street.grid_worker)).json()["items"]
    assert newest[0]["id"] == closed["id"]
    assert (await street.get("/v1/cases", sort="loudest")).status_code == 422


GRIDS = """
INSERT INTO intake.areas (tenant_id, id, path, kind, name)
SELECT $1::text, uuidv7(), ('county.north.c' || c || '.g' || g)::public.ltree, 'grid', '网格' FROM generate_series(0, 299) c, generate_series(0, 2) g
ON CONFLICT DO NOTHING"""
FILL = """
INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, latitude, longitude,
    requester_id, state, outcome, closed_at, filed_at, updated_at, version)
SELECT a.tenant_id, uuidv7(), 'X-' || n, 'parking', '井盖 ' || md5(n::text), repeat('污水外溢流到店门口 ', 8) || md5('x' || n), a.id, a.path, 37 + (n % 1000) * 0.001, 122 + (n % 700) * 0.001,
    md5((n % 500)::text)::uuid, CASE WHEN n % 7 = 0 THEN 'filed' ELSE 'closed' END,
    CASE WHEN n % 7 > 0 THEN 'satisfied' END, CASE WHEN n % 7 > 0 THEN now() END, now() - n * interval '1 min', now(), 1
FROM generate_series(1, 60000) n JOIN intake.areas a ON a.tenant_id = $1::text
    AND a.path = ('county.north.c' || n / 3 % 300 || '.g' || n % 3)::public.ltree AND a.name = '网格'"""
EXPLAINED = {
    "cases_open_point_idx": "SELECT id, filed_at FROM intake.cases WHERE tenant_id = '{t}' AND closed_at IS NULL AND latitude IS NOT NULL"
    " AND point(longitude, latitude) <@ box(point(122.118, 37.507), point(122.122, 37.511)) LIMIT 300",
    "cases_open_place_filed_idx": "SELECT c.id FROM intake.areas a CROSS JOIN LATERAL (SELECT id, filed_at FROM intake.cases"
    " WHERE tenant_id = '{t}' AND area_id = a.id AND closed_at IS NULL ORDER BY filed_at DESC, id DESC LIMIT 300) c"
    " WHERE a.tenant_id = '{t}' AND a.path <@ text2ltree('county.north.c7')",
    "cases_joiners_idx": "SELECT id FROM intake.cases WHERE tenant_id = '{t}' AND closed_at IS NULL"
    " ORDER BY joiners DESC, filed_at DESC, id DESC LIMIT 50",
}


async def test_it_reads_indexes_and_is_quick_however_many_cases_there_are(servers: TestServers, street: Street) -> None:
    tenant = street.caller.tenant
    async with connected(servers.owner_url) as owner:
        await owner.exec_driver_sql(GRIDS, (tenant,))
        await owner.exec_driver_sql(FILL, (tenant,))
        await owner.exec_driver_sql("VACUUM ANALYZE intake.cases")
    async with connected(servers.role_url("intake")) as connection:
        await connection.execute(text(f"SET linli.tenant = '{tenant}'"))
        for index, query in EXPLAINED.items():
            plan = "\n".join((await connection.execute(text("EXPLAIN " + query.format(t=tenant)))).scalars())
            assert index in plan, plan
    spent = []
    by = street.holding(Role.RESIDENT, "county.north.c1")
    for _ in range(40):
        began = time.perf_counter()
        assert await suggested(street, by=by, location=HERE)
        spent.append(time.perf_counter() - began)
    print(f"p50 {sorted(spent)[20] * 1e3:.1f} ms, p95 {sorted(spent)[37] * 1e3:.1f} ms")
    # Four times the bound that is met on a quiet machine: tests of others run beside this one.
    assert sorted(spent)[37] < 0.2
