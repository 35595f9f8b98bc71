"""Filing a case: one statement, once per id and per key, and never an answer before the commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.intake.cases.filing_service import Desk, file_in_session
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.terms import Channel
from services.intake.handling import service as handling
from shared.auth import Grant, Principal, Role
from shared.clock import utc_now
from shared.contracts import CONSUMERS
from shared.contracts.intake import CaseFiled
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.intake.conftest import GRID, Json, Street, picture


@asynccontextmanager
async def commits_fail(servers: TestServers, tenant: str) -> AsyncIterator[None]:
    """Let every transaction that files a case of a tenant break in its COMMIT."""
    owner = await asyncpg.connect(servers.owner_url)
    name = f"break_{tenant}"
    await owner.execute(
        f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'broken in the commit'; END $$;"
        f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE ON intake.cases DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW WHEN (NEW.tenant_id = '{tenant}') EXECUTE FUNCTION public.{name}()"
    )
    try:
        yield
    finally:
        await owner.execute(f"DROP FUNCTION public.{name}() CASCADE")
        await owner.close()


async def test_a_filed_case_is_told_and_kept(street: Street) -> None:
    photo = (await street.upload(picture())).json()["id"]
    body = street.words(
        id=str(new_id()),
        place_text="青岛街路口",
        location={"latitude": 37.5091, "longitude": 122.12},
        attachment_ids=[photo],
    )
    response = await street.post("/v1/cases", body)
    case = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/cases/{body['id']}"
    assert response.headers["etag"] == '"1"'
    assert {name: case[name] for name in body} == body
    assert case["number"] == f"C-{utc_now().astimezone().year}-000001"
    assert (case["state"], case["level"], case["outcome"], case["version"]) == ("filed", None, None, 1)
    assert (case["area_path"], case["requester_id"], case["joiners"]) == (GRID, str(street.owner_id), 0)
    read = await street.get(f"/v1/cases/{case['id']}")
    assert read.json() == case
    assert read.headers["etag"] == '"1"'


@pytest.mark.parametrize("photos", [0, 1])
async def test_a_case_sent_twice_with_its_own_id_is_one_case(street: Street, photos: int) -> None:
    attached = [(await street.upload(picture())).json()["id"] for _ in range(photos)]
    body = street.words(id=str(new_id()), attachment_ids=attached)
    answers = await asyncio.gather(*(street.post("/v1/cases", body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert len((await street.get("/v1/cases", mine=True)).json()["items"]) == 1
    other = await street.post("/v1/cases", {**body, "title": "另一件事"})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    unlike = await street.post("/v1/cases", {**body, "attachment_ids": []})
    assert unlike.status_code == (409 if photos else 200)
    stranger = await street.post("/v1/cases", body, by=street.neighbour)
    assert (stranger.status_code, stranger.json()["code"]) == (409, "id_taken")


async def test_a_key_used_twice_files_once(street: Street) -> None:
    first = await street.post("/v1/cases", street.words(), key="one-and-the-same")
    second = await street.post("/v1/cases", street.words(), key="one-and-the-same")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    other = await street.post("/v1/cases", street.words(title="另一件事"), key="one-and-the-same")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_fifty_at_once_with_one_key_file_one_case(street: Street) -> None:
    answers = await asyncio.gather(*(street.post("/v1/cases", street.words(), key="rush") for _ in range(50)))
    done = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert len(done) + len(waiting) == 50
    assert set(waiting) <= {"idempotency_key_in_flight"}
    assert len({answer.json()["id"] for answer in done}) == 1
    assert len((await street.get("/v1/cases", mine=True)).json()["items"]) == 1


async def test_numbers_are_never_given_twice(street: Street, databases: dict[str, Database]) -> None:
    cases = await asyncio.gather(*(street.filed() for _ in range(60)))
    assert len({case["number"] for case in cases}) == 60
    counters = [CaseNumbers(databases["intake"]) for _ in range(3)]
    taken = await asyncio.gather(*(counters[n % 3].take(street.caller.tenant, 2026) for n in range(300)))
    assert len(set(taken) | {case["number"] for case in cases}) == 360
    assert await counters[0].take(street.caller.tenant, 2027) == "C-2027-000001"


async def test_who_files_in_a_transaction_waits_for_no_second_connection(
    street: Street, servers: TestServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that knows nothing yet, and as many filings at once as it has connections: each has all it needs."""
    monkeypatch.setattr(handling, "_known", {})
    database = Database(servers.role_url("intake"), schema="intake", pool_size=2, pool_timeout_s=5)
    desk = Desk(database)
    tenant = street.caller.tenant
    caller = Principal(tenant, street.owner_id, "person", (Grant(Role.RESIDENT, GRID),))

    async def file() -> None:
        async with database.write(tenant) as session:
            await file_in_session(session, desk, caller, FileCaseIn.model_validate(street.words()), channel=Channel.APP)

    try:
        async with asyncio.timeout(4), asyncio.TaskGroup() as together:
            for _ in range(6):
                together.create_task(file())
    finally:
        await database.close()


async def test_a_failed_commit_is_never_answered_as_success(street: Street, servers: TestServers) -> None:
    case = await street.filed()
    async with commits_fail(servers, street.caller.tenant):
        photo = (await street.upload(picture())).json()["id"]
        answers = [
            await street.post("/v1/cases", street.words()),
            await street.post("/v1/cases", street.words(), key="with-a-key"),
            await street.post("/v1/cases", street.words(attachment_ids=[photo])),
            await street.act(case, "accept", {}, by=street.grid_worker),
        ]
    assert [answer.status_code for answer in answers] == [500] * 4
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in answers)
    assert [item["id"] for item in (await street.get("/v1/cases", mine=True)).json()["items"]] == [case["id"]]
    assert (await street.get(f"/v1/cases/{case['id']}")).json() == case
    # What did not happen can be tried again: neither the key nor the picture is spent.
    assert (await street.post("/v1/cases", street.words(), key="with-a-key")).status_code == 201
    assert (await street.post("/v1/cases", street.words(attachment_ids=[photo]))).status_code == 201


MALFORMED: list[dict[str, Any]] = [
    {"title": None},
    {"title": "   "},
    {"title": "x" * 201},
    {"title": 5},
    {"description": "x" * 4001},
    {"description": "a\x00b"},
    {"area_id": "here"},
    {"category": "Not a code"},
    {"location": {"latitude": 91, "longitude": 0}},
    {"location": {"latitude": 1}},
    {"attachment_ids": [str(new_id()) for _ in range(10)]},
    {"id": "1"},
    {"colour": "red"},
]


@pytest.mark.parametrize("wrong", MALFORMED, ids=[next(iter(item)) for item in MALFORMED])
async def test_a_malformed_case_is_refused(street: Street, wrong: dict[str, Json]) -> None:
    response = await street.post("/v1/cases", street.words(**wrong))
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert (await street.get("/v1/cases", mine=True)).json()["items"] == []


async def test_what_is_missing_and_what_is_no_json(street: Street) -> None:
    body = street.words()
    del body["title"]
    response = await street.post("/v1/cases", body)
    assert [error["pointer"] for error in response.json()["errors"]] == ["/title"]
    headers = {**street.owner, "Content-Type": "application/json"}
    response = await street.http.post("/v1/cases", content=b"{no json", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")
    assert (await street.post("/v1/cases", street.words(id=str(uuid4())))).json()["code"] == "id_not_uuid7"


async def test_unknown_areas_and_categories_are_told_apart(street: Street, elsewhere: Street) -> None:
    for wrong, code in (
        ({"area_id": str(new_id())}, "unknown_area"),
        ({"area_id": str(elsewhere.areas[GRID])}, "unknown_area"),
        ({"category": "ghosts"}, "unknown_category"),
    ):
        response = await street.post("/v1/cases", street.words(**wrong))
        assert (response.status_code, response.json()["code"]) == (422, code)
        assert response.json()["errors"][0]["pointer"] == f"/{next(iter(wrong))}"
    body = {"name_zh": "停车", "name_en": "Parking", "kind": "request", "active": False}
    await street.call("PUT", "/v1/categories/parking", body, by=street.administrator)
    assert (await street.post("/v1/cases", street.words(category="parking"))).json()["code"] == "unknown_category"


async def test_only_somebody_files_a_case(street: Street) -> None:
    response = await street.post("/v1/cases", street.words(), by=street.caller.anonymous("intake"))
    assert response.status_code == 401
    assert (await street.post("/v1/cases", street.words(), by={"Authorization": "Bearer forged"})).status_code == 401
    for_another = street.caller("matching", (Role.RESIDENT, GRID))
    assert (await street.post("/v1/cases", street.words(), by=for_another)).status_code == 401


async def outbox(database: Database, tenant: str) -> list[dict[str, Any]]:
    """Return what the intake has told the matching, oldest first."""
    async with database.read(tenant) as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(
            "SELECT body::jsonb || jsonb_build_object('sequence', sequence) FROM intake.outbox WHERE tenant_id = $1"
            " ORDER BY position",
            (tenant,),
        )
        return [row[0] for row in found]


@pytest.mark.parametrize("key", [None, "a-key"])
async def test_filing_is_told_with_its_causes(street: Street, databases: dict[str, Database], key: str | None) -> None:
    # The statement of the hot path names the consumer itself.
    assert CONSUMERS[CaseFiled] == ("matching",)
    by = {**street.owner, "X-Request-Id": "0f2d3c4b-request", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    response = await street.post("/v1/cases", street.words(), by=by, key=key)
    case = response.json()
    (told,) = await outbox(databases["intake"], street.caller.tenant)
    assert told["data"] == {
        "case_id": case["id"],
        "number": case["number"],
        "category": "drainage",
        "area_id": str(street.areas[GRID]),
        "area_path": GRID,
        "filed_at": told["data"]["filed_at"],
    }
    assert told["type"] == "linli.case.filed.v1"
    assert (told["subject"], told["sequence"], told["source"]) == (f"case/{case['id']}", 1, "/linli/intake")
    assert (told["actor"], told["tenant"]) == (f"person/{street.owner_id}", street.caller.tenant)
    assert (told["requestid"], told["traceparent"]) == ("0f2d3c4b-request", by["traceparent"])
    assert "污水" not in str(told)
