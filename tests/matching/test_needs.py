"""Needs over HTTP and from cases: the demand list, and that what suits is looked for at once."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from services.matching.jobs import consumers
from shared.auth import Role
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.intake import CaseNeedRaised
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Json, Quarter


async def test_a_need_is_matched_when_it_opens(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner())
    response = await quarter.post("/v1/needs", quarter.need_body(), by=quarter.holding(Role.GRID_WORKER, "d.z"))
    need = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/needs/{need['id']}"
    assert (need["state"], need["no_match_reason"], need["quantity"], need["urgent"]) == ("open", None, 1, False)
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert [item["offer_id"] for item in found["matches"]] == [offer["id"]]
    assert response.headers["etag"] == f'"{need["version"]}"'
    assert await quarter.read(f"/v1/needs/{need['id']}", by=quarter.officer) == need


async def test_a_need_that_nothing_suits_says_so(quarter: Quarter) -> None:
    need = await quarter.need()
    assert need["no_match_reason"] == "no_suitable_resource"
    assert (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"area_id": "00000000-0000-7000-8000-000000000000"}, "unknown_area"),
        ({"case_id": "00000000-0000-7000-8000-000000000000"}, "unknown_case"),
        ({"category": "?"}, "invalid_request"),
        ({"summary": ""}, "invalid_request"),
        ({"summary": "x" * 201}, "invalid_request"),
        ({"summary": "a\0b"}, "nul_character"),
        ({"quantity": 0}, "invalid_request"),
        ({"quantity": 1.5}, "invalid_request"),
        ({"id": "7"}, "invalid_request"),
        ({"state": "met"}, "invalid_request"),
    ],
)
async def test_a_wrong_need_is_refused(quarter: Quarter, change: dict[str, Json], code: str) -> None:
    response = await quarter.post("/v1/needs", quarter.need_body(**change))
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await quarter.read("/v1/needs"))["items"] == []


async def test_only_staff_of_the_area_open_needs(quarter: Quarter) -> None:
    for by, rule in (
        (quarter.resident, "role_required"),
        (quarter.staff_of("school"), "role_required"),
        (quarter.holding(Role.OFFICER, "d.y"), "staff_open_needs"),
    ):
        response = await quarter.post("/v1/needs", quarter.need_body(), by=by)
        assert (response.status_code, response.json()["rule"]) == (403, rule)


async def test_a_need_sent_twice_is_one_even_at_the_same_moment(quarter: Quarter) -> None:
    body = quarter.need_body(id=str(new_id()))
    responses = await asyncio.gather(*(quarter.post("/v1/needs", body) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 201]
    other = await quarter.post("/v1/needs", {**body, "quantity": 2})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


async def raised(quarter: Quarter, *, urgent: bool = False, **point: float) -> tuple[UUID, UUID]:
    """Let the intake tell of a need of a case; returns the ids of both, once the matching has heard of it."""
    case_id, need_id = await quarter.case(), new_id()
    told = CaseNeedRaised(
        case_id=case_id,
        need_id=need_id,
        category="after_school",
        summary="需要放学后的辅导",
        area_id=quarter.areas["d.z.c1"],
        area_path="d.z.c1",
        quantity=None,
        urgent=urgent,
        **point,
    )
    await quarter.pipe.publish("intake", quarter.caller.tenant, f"case/{case_id}", told)
    await quarter.pipe.rest()
    return case_id, need_id


async def test_a_need_is_born_of_a_case(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner())
    case_id, need_id = await raised(quarter, urgent=True)
    need = await quarter.read(f"/v1/needs/{need_id}")
    assert (need["case_id"], need["quantity"], need["urgent"], need["state"]) == (str(case_id), 1, True, "open")
    found = await quarter.read(f"/v1/needs/{need_id}/matches")
    assert [item["offer_id"] for item in found["matches"]] == [offer["id"]]


async def test_a_need_born_of_a_case_is_only_met_within_fifteen_minutes_on_foot(quarter: Quarter) -> None:
    partner = await quarter.partner()
    near = await quarter.offer(partner, kind="venue", latitude=37.515, longitude=122.12)
    far = await quarter.offer(partner, kind="venue", latitude=37.55, longitude=122.12)
    _, need_id = await raised(quarter, latitude=37.51, longitude=122.12)
    found = await quarter.read(f"/v1/needs/{need_id}/matches")
    assert [item["offer_id"] for item in found["matches"]] == [near["id"]]
    assert {item["offer_id"]: item["failed"] for item in found["passed_over"]} == {far["id"]: "distance"}
    need = await quarter.read(f"/v1/needs/{need_id}")
    assert (need["latitude"], need["longitude"]) == (37.51, 122.12)


async def test_the_same_event_twice_is_one_need(quarter: Quarter, databases: dict[str, Database]) -> None:
    case_id, tenant = await quarter.case(), quarter.caller.tenant
    told = CaseNeedRaised(
        case_id=case_id,
        need_id=new_id(),
        category="after_school",
        summary="需要放学后的辅导",
        area_id=quarter.areas["d.z.c1"],
        area_path="d.z.c1",
        quantity=2,
        urgent=False,
    )
    event = Event[CaseNeedRaised](
        id=new_id(),
        source="/linli/intake",
        type=told.event_type,
        subject=f"case/{case_id}",
        time=utc_now(),
        tenant=tenant,
        sequence=2,
        data=told,
    )
    for _ in range(2):
        async with databases["matching"].write(tenant) as session:
            await consumers.apply(session, [event, event])
    assert len((await quarter.read("/v1/needs"))["items"]) == 1
    async with databases["matching"].read(tenant) as session:
        announced = await session.scalar(
            text("SELECT count(DISTINCT id) FROM matching.outbox WHERE tenant_id = :t AND subject = :s"),
            {"t": tenant, "s": f"need/{told.need_id}"},
        )
    assert announced == 1


async def test_the_demand_list_is_filtered_and_paged(quarter: Quarter) -> None:
    first = await quarter.need("d.z.c1")
    second = await quarter.need("d.z.c2", category="drainage", summary="下水道堵塞")
    third = await quarter.need("d.y")
    page = await quarter.read("/v1/needs", page_size=2, by=quarter.resident)
    rest = await quarter.read("/v1/needs", page_size=2, cursor=page["next_cursor"], by=quarter.resident)
    assert [item["id"] for item in (*page["items"], *rest["items"])] == [third["id"], second["id"], first["id"]]
    for filters, expected in (
        ({"under": str(quarter.areas["d.z"])}, [second, first]),
        ({"category": "drainage"}, [second]),
        ({"state": "open", "under": str(quarter.areas["d.y"])}, [third]),
        ({"state": "met"}, []),
        ({"q": "下水"}, [second]),
        ({"q": "_"}, []),
    ):
        found = await quarter.read("/v1/needs", **filters)
        assert [item["id"] for item in found["items"]] == [item["id"] for item in expected], filters
    assert (await quarter.get("/v1/needs", state="nowhere")).status_code == 422
    assert (await quarter.get("/v1/needs", cursor=page["next_cursor"], state="open")).json()["code"] == "bad_cursor"
    assert (await quarter.get("/v1/needs", under=str(new_id()))).json()["code"] == "unknown_area"


async def test_another_tenant_sees_none_of_it(quarter: Quarter, elsewhere: Quarter) -> None:
    await quarter.offer(await quarter.partner())
    need = await quarter.need()
    case_id = await quarter.case()
    for path in (f"/v1/needs/{need['id']}", f"/v1/needs/{need['id']}/matches"):
        assert (await elsewhere.get(path)).status_code == 404
    assert (await elsewhere.post(f"/v1/needs/{need['id']}/matches")).status_code == 404
    assert (await elsewhere.read("/v1/needs"))["items"] == []
    assert (await elsewhere.post("/v1/needs", elsewhere.need_body(case_id=str(case_id)))).json()[
        "code"
    ] == "unknown_case"
    # The same client-made id is free in every tenant.
    assert (await elsewhere.post("/v1/needs", elsewhere.need_body(id=need["id"]))).status_code == 201
