"""Categories over HTTP: data that administrators keep and everybody reads."""

import asyncio

import pytest

from shared.auth import Role
from tests.intake.conftest import Json, Street

LAMP = {"name_zh": "路灯", "name_en": "Street lamps", "kind": "micro_wish"}


async def put(street: Street, code: str, body: object, **options: Json) -> tuple[int, Json]:
    options.setdefault("by", street.administrator)
    response = await street.call("PUT", f"/v1/categories/{code}", body, **options)
    return response.status_code, response.json()


async def test_a_category_is_created_replaced_and_left_alone(street: Street) -> None:
    status, made = await put(street, "lamp", LAMP)
    assert (status, made) == (
        201,
        {"code": "lamp", **LAMP, "parent_code": None, "proof_required": False, "active": True, "version": 1},
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
