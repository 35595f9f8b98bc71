"""Categories over HTTP: data that administrators keep and everybody reads."""

import asyncio
from datetime import date, timedelta

import pytest

from shared.auth import Role
from shared.clock import today
from shared.ids import new_id
from tests.intake.conftest import Json, Street

ALWAYS = {"valid_from": today().isoformat(), "valid_to": None, "successor_code": None}
LAMP = {"name_zh": "路灯", "name_en": "Street lamps", "kind": "micro_wish"}


async def put(street: Street, code: str, body: object, **options: Json) -> tuple[int, Json]:
    options.setdefault("by", street.administrator)
    response = await street.call("PUT", f"/v1/categories/{code}", body, **options)
    return response.status_code, response.json()


async def test_a_category_is_created_replaced_and_left_alone(street: Street) -> None:
    status, made = await put(street, "lamp", LAMP)
    assert (status, made) == (
        201,
        {"code": "lamp", **LAMP, "parent_code": None, "proof_required": False, "active": True, **ALWAYS, "version": 1},
    )
    assert await put(street, "lamp", LAMP) == (200, made)
    status, changed = await put(street, "lamp", {**LAMP, "proof_required": True, "parent_code": "parking"})
    assert (status, changed) == (200, {**made, "proof_required": True, "parent_code": "parking", "version": 2})
    listed = (await street.get("/v1/categories")).json()["items"]
    assert [item["code"] for item in listed] == ["drainage", "lamp", "parking"]
    assert listed[1] == changed


async def test_set_by_many_at_once_it_is_one_category(street: Street) -> None:
    answers = await asyncio.gather(*(put(street, "lamp", {**LAMP, "name_en": f"Lamp {n}"}) for n in range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert sorted(body["version"] for _, body in answers) == list(range(1, 9))


async def test_the_tree_has_two_levels(street: Street) -> None:
    assert (await put(street, "lamp", {**LAMP, "parent_code": "nothing"}))[1]["code"] == "unknown_parent_category"
    assert (await put(street, "lamp", {**LAMP, "parent_code": "parking"}))[0] == 201
    for code, parent in (("bulb", "lamp"), ("parking", "drainage"), ("drainage", "drainage")):
        status, problem = await put(street, code, {**LAMP, "parent_code": parent})
        assert (status, problem["code"]) == (409, "category_too_deep"), code


async def test_lists_go_on_where_they_stopped(street: Street) -> None:
    for number in range(5):
        await put(street, f"c{number}", LAMP)
    seen, cursor = [], None
    while True:
        page = (await street.get("/v1/categories", page_size=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [item["code"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["c0", "c1", "c2", "c3", "c4", "drainage", "parking"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "complaint"},
        {"name_zh": ""},
        {"name_en": "x" * 201},
        {"name_en": "a\x00b"},
        {"proof_required": None},
        {"colour": "red"},
        {"parent_code": "Not a code"},
    ],
)
async def test_a_malformed_category_is_refused(street: Street, wrong: Json) -> None:
    assert (await put(street, "lamp", {**LAMP, **wrong}))[0] == 422


async def test_only_administrators_keep_categories(street: Street) -> None:
    for by in (street.owner, street.officer, street.works_clerk):
        assert (await put(street, "lamp", LAMP, by=by))[0] == 403
    assert (await put(street, "lamp", LAMP, by=street.caller.anonymous("intake")))[0] == 401
    assert (await street.get("/v1/categories", by=street.caller.anonymous("intake"))).status_code == 401
    assert (await put(street, "LAMP", LAMP))[0] == 422


async def test_each_tenant_has_its_own(street: Street, elsewhere: Street) -> None:
    await put(elsewhere, "theirs", LAMP)
    assert "theirs" not in (await street.get("/v1/categories")).text
    foreign = street.caller("intake", (Role.ADMINISTRATOR, "county"), tenant="nobody_yet")
    assert (await street.get("/v1/categories", by=foreign)).json() == {"items": [], "next_cursor": None}


def day(offset: int) -> str:
    return (today() + timedelta(days=offset)).isoformat()


async def codes(street: Street, on: str | None = None) -> list[str]:
    response = await street.get("/v1/categories", **({"on": on} if on else {}))
    assert response.status_code == 200, response.text
    return [item["code"] for item in response.json()["items"]]


async def test_a_category_is_valid_from_its_first_day_to_its_last(street: Street) -> None:
    status, made = await put(street, "lamp", {**LAMP, "valid_from": day(2), "valid_to": day(4)})
    assert (status, made["valid_from"], made["valid_to"]) == (201, day(2), day(4))
    assert "lamp" not in await codes(street)
    assert [("lamp" in await codes(street, day(n))) for n in range(1, 6)] == [False, True, True, True, False]
    refused = await street.post("/v1/cases", street.words(category="lamp"))
    assert (refused.status_code, refused.json()["code"]) == (422, "category_not_valid")
    assert refused.json()["valid_from"] == day(2)
    assert refused.json()["errors"][0]["pointer"] == "/category"
    assert (await street.get("/v1/categories/lamp")).json() == made
    assert (await put(street, "lamp", {**LAMP, "valid_from": day(0), "valid_to": day(0)}))[0] == 200
    assert (await street.filed(category="lamp"))["category"] == "lamp"


async def test_closing_names_a_successor_and_keeps_the_cases(street: Street, owner: Json) -> None:
    await put(street, "lamp", LAMP)
    case = await street.filed(category="lamp")
    status, problem = await put(street, "lamp", {**LAMP, "valid_from": day(-9), "valid_to": day(-1)})
    assert (status, problem["code"], problem["newest_case_on"]) == (409, "category_in_use", day(0))
    # Some days later.
    await owner.execute("UPDATE intake.cases SET filed_at = filed_at - interval '3 days' WHERE id = $1", case["id"])
    ended = {**LAMP, "valid_from": day(-9), "valid_to": day(-1), "successor_code": "parking"}
    status, closed = await put(street, "lamp", ended)
    assert (status, closed["successor_code"]) == (200, "parking")
    refused = (await street.post("/v1/cases", street.words(category="lamp"))).json()
    assert (refused["code"], refused["valid_to"], refused["successor_code"]) == (
        "category_not_valid",
        day(-1),
        "parking",
    )
    assert (await street.get(f"/v1/cases/{case['id']}")).json()["category"] == "lamp"
    # The first day stays when it is not named.
    status, again = await put(street, "lamp", {**LAMP, "valid_to": day(-1), "successor_code": "parking"})
    assert (status, again) == (200, closed)


async def test_a_case_filed_before_the_end_can_be_sent_again_after_it(street: Street, owner: Json) -> None:
    body = street.words(id=str(new_id()), category="parking")
    assert (await street.post("/v1/cases", body)).status_code == 201
    await owner.execute(
        "UPDATE intake.categories SET valid_to = valid_from, valid_from = valid_from - 9 WHERE tenant_id = $1 AND code = 'parking'",
        street.caller.tenant,
    )
    await owner.execute(
        "UPDATE intake.categories SET valid_to = valid_to - 1 WHERE tenant_id = $1 AND code = 'parking'",
        street.caller.tenant,
    )
    assert (await street.post("/v1/cases", body)).status_code == 200
    assert (await street.post("/v1/cases", street.words(category="parking"))).json()["code"] == "category_not_valid"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"valid_from": "2026-02-30"}, "invalid_request"),
        ({"valid_to": "soon"}, "invalid_request"),
        ({"valid_from": "2026-05-02", "valid_to": "2026-05-01"}, "ends_before_it_begins"),
        ({"valid_to": "2020-01-01"}, "ends_before_it_begins"),
        ({"successor_code": "parking"}, "successor_without_end"),
        ({"valid_to": "2999-01-01", "successor_code": "nothing"}, "unknown_successor"),
        ({"valid_to": "2999-01-01", "successor_code": "lamp"}, "unknown_successor"),
    ],
)
async def test_dates_and_successors_that_cannot_be_are_refused(street: Street, wrong: Json, code: str) -> None:
    status, problem = await put(street, "lamp", {**LAMP, **wrong})
    assert (status, problem["code"]) == (422, code)
    assert (await street.get("/v1/categories/lamp")).status_code == 404
    assert (await street.get("/v1/categories", on="someday")).status_code == 422


async def test_successors_do_not_go_round(street: Street) -> None:
    ends = {**LAMP, "valid_to": date(2999, 1, 1).isoformat()}
    assert (await put(street, "lamp", {**ends, "successor_code": "parking"}))[0] == 201
    assert (await put(street, "bulb", {**ends, "successor_code": "lamp"}))[0] == 201
    status, problem = await put(street, "parking", {**ends, "successor_code": "bulb"})
    assert (status, problem["code"]) == (422, "unknown_successor")
