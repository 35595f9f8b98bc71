"""Drafts: kept for one person, on any device, until they become a case of the same id."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.intake.drafts.jobs import remove_untouched_drafts
from services.intake.drafts.rules import DRAFTS_MAX
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import GRID, Json, Street, picture

SOME = {"title": "污水外溢", "category": "drainage"}


async def put(street: Street, draft_id: object, body: Json, **options: Json) -> Any:
    return await street.call("PUT", f"/v1/drafts/{draft_id}", body, **options)


async def test_a_draft_is_kept_changed_listed_and_removed(street: Street) -> None:
    draft_id = new_id()
    made = await put(street, draft_id, SOME)
    assert (made.status_code, made.headers["etag"], made.json()["body"]) == (201, '"1"', SOME)
    assert (await put(street, draft_id, SOME)).status_code == 200
    other = {**SOME, "description": "", "location": {"latitude": 37.5, "longitude": 122.1}}
    assert (await put(street, draft_id, other)).status_code == 428
    changed = await put(street, draft_id, other, version=1)
    assert (changed.status_code, changed.headers["etag"], changed.json()["body"]) == (200, '"2"', other)
    stale = await put(street, draft_id, SOME, version=1)
    assert (stale.status_code, stale.json()["current"]["body"]) == (412, other)
    assert (await street.get(f"/v1/drafts/{draft_id}")).json() == changed.json()
    second = new_id()
    await put(street, second, {})
    listed = (await street.get("/v1/drafts", page_size=1)).json()
    assert [item["id"] for item in listed["items"]] == [str(second)]
    rest = (await street.get("/v1/drafts", page_size=1, cursor=listed["next_cursor"])).json()
    assert [item["id"] for item in rest["items"]] == [str(draft_id)]
    assert (await street.call("DELETE", f"/v1/drafts/{second}")).status_code == 428
    assert (await street.call("DELETE", f"/v1/drafts/{second}", version=2)).status_code == 412
    assert (await street.call("DELETE", f"/v1/drafts/{second}", version=1)).status_code == 204
    assert (await street.get(f"/v1/drafts/{second}")).status_code == 404
    assert (await street.call("DELETE", f"/v1/drafts/{second}", version=1)).status_code == 404
    assert (await put(street, second, SOME, version=1)).status_code == 404


async def test_a_draft_is_nobody_elses(street: Street, elsewhere: Street) -> None:
    draft_id = new_id()
    await put(street, draft_id, SOME)
    for by in (street.neighbour, street.administrator, street.grid_worker):
        assert (await street.get(f"/v1/drafts/{draft_id}", by=by)).status_code == 404
        assert (await street.get("/v1/drafts", by=by)).json()["items"] == []
        assert (await put(street, draft_id, SOME, by=by)).json()["code"] == "id_taken"
        assert (await street.call("DELETE", f"/v1/drafts/{draft_id}", by=by, version=1)).status_code == 404
        assert (await street.post(f"/v1/drafts/{draft_id}/file", by=by)).status_code in {404, 409}
    same_person = elsewhere.holding(Role.RESIDENT, GRID, person=street.owner_id)
    assert (await elsewhere.get(f"/v1/drafts/{draft_id}", by=same_person)).status_code == 404
    assert (await street.get(f"/v1/drafts/{draft_id}", by=street.caller.anonymous("intake"))).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"colour": "red"}, 422),
        ({"title": "x" * 201}, 422),
        ({"title": "a\x00b"}, 422),
        ({"location": {"latitude": 91, "longitude": 0}}, 422),
        ({"answers": [1]}, 422),
        ({"attachment_ids": ["x"]}, 422),
        ({"category": "Not a code"}, 422),
        ({"answers": {"a": "x" * 65_536}}, 413),
        ([], 422),
    ],
)
async def test_what_is_no_part_of_a_case_is_refused(street: Street, body: Json, status: int) -> None:
    assert (await put(street, new_id(), body)).status_code == status
    assert (await street.get("/v1/drafts")).json()["items"] == []


async def test_an_id_is_one_that_a_case_can_have(street: Street) -> None:
    assert (await put(street, uuid4(), SOME)).json()["code"] == "id_not_uuid7"
    case = await street.filed()
    assert (await put(street, case["id"], SOME)).json()["code"] == "draft_filed"
    assert (await put(street, "x", SOME)).status_code == 422
    bad = await street.http.put(f"/v1/drafts/{new_id()}", json=SOME, headers={**street.owner, "If-Match": "x"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_if_match")


async def test_a_person_has_at_most_fifty(street: Street) -> None:
    answers = await asyncio.gather(*(put(street, new_id(), SOME) for _ in range(DRAFTS_MAX + 5)))
    assert sorted(answer.status_code for answer in answers) == [201] * DRAFTS_MAX + [409] * 5
    assert {a.json()["most"] for a in answers if a.status_code == 409} == {DRAFTS_MAX}
    assert (await put(street, new_id(), SOME, by=street.neighbour)).status_code == 201


async def test_a_draft_becomes_a_case_once(street: Street) -> None:
    photo = (await street.upload(picture())).json()["id"]
    draft_id = str(new_id())
    body = {**street.words(), "attachment_ids": [photo], "place_text": None}
    await put(street, draft_id, body)
    answers = await asyncio.gather(*(street.post(f"/v1/drafts/{draft_id}/file") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert {answer.json()["id"] for answer in answers} == {draft_id}
    assert len({answer.json()["number"] for answer in answers}) == 1
    case = (await street.get(f"/v1/cases/{draft_id}")).json()
    assert (case["title"], case["attachment_ids"], case["channel"]) == (body["title"], [photo], "app")
    assert (await street.get("/v1/drafts")).json()["items"] == []
    assert (await street.get(f"/v1/drafts/{draft_id}")).status_code == 404
    # A phone that was offline keeps what it still believes to be a draft.
    assert (await put(street, draft_id, body)).json()["code"] == "draft_filed"
    assert (await street.post(f"/v1/drafts/{draft_id}/file", by=street.neighbour)).status_code == 404
    assert (await street.post(f"/v1/drafts/{new_id()}/file")).status_code == 404


async def test_what_is_not_complete_stays_a_draft(street: Street) -> None:
    draft_id = new_id()
    await put(street, draft_id, {"category": "drainage", "title": "  "})
    refused = await street.post(f"/v1/drafts/{draft_id}/file")
    assert (refused.status_code, refused.json()["code"]) == (422, "draft_incomplete")
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/title", "/description", "/area_id"}
    await put(street, draft_id, street.words(area_id=str(new_id())), version=1)
    assert (await street.post(f"/v1/drafts/{draft_id}/file")).json()["code"] == "unknown_area"
    form = {"schema": {"type": "object", "properties": {"floor": {"type": "integer"}}, "required": ["floor"]}}
    await street.call("PUT", "/v1/categories/drainage/form", form, by=street.administrator, version=1)
    await put(street, draft_id, street.words(), version=2)
    assert (await street.post(f"/v1/drafts/{draft_id}/file")).json()["code"] == "answers_do_not_fit"
    assert (await street.get("/v1/cases", mine=True)).json()["items"] == []
    await put(street, draft_id, street.words(answers={"floor": 2}), version=3)
    key = {"key": "once"}
    first, second = [await street.post(f"/v1/drafts/{draft_id}/file", **key) for _ in range(2)]
    assert (first.status_code, first.json()["answers"]) == (201, {"floor": 2})
    assert (second.status_code, second.headers["idempotency-replayed"]) == (201, "true")


async def test_drafts_that_nobody_touches_are_removed(
    street: Street, databases: dict[str, Database], owner: Any, relay_pool: Any
) -> None:
    old, touched = new_id(), new_id()
    for draft_id in (old, touched):
        await put(street, draft_id, SOME)
    await owner.execute(
        "UPDATE intake.drafts SET updated_at = $2 WHERE tenant_id = $1",
        street.caller.tenant,
        utc_now() - timedelta(days=31),
    )
    await put(street, touched, SOME)
    assert await relay_pool.fetchval(
        "SELECT count(tenant_id) FROM intake.drafts WHERE tenant_id = $1", street.caller.tenant
    )
    await remove_untouched_drafts(databases["intake"], street.caller.tenant, utc_now())
    assert [item["id"] for item in (await street.get("/v1/drafts")).json()["items"]] == [str(touched)]
