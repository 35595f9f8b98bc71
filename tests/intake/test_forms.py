"""Forms: what a category asks, in versions, and the answers of cases that are held to it."""

import asyncio
import json
import time
from typing import Any

import pytest

from services.intake.cases.filing_service import Desk, file_in_session
from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.terms import Channel
from services.intake.forms.rules import AnswersDoNotFit, BadForm, Form, checked_schema
from shared.auth import Principal, Role
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import Json, Street

ASKS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "floor": {"type": "integer", "minimum": 1, "maximum": 99, "title": "几楼"},
        "smell": {"enum": ["none", "sewage", "gas"], "title": "有无气味"},
        "phone_of_shop": {"type": "string", "pattern": r"^1\d{10}$"},
        "rooms": {"type": "array", "items": {"$ref": "#/$defs/room"}, "maxItems": 3},
    },
    "required": ["floor", "smell"],
    "$defs": {"room": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}}}},
}
GOOD = {"floor": 3, "smell": "sewage"}
PATH = "/v1/categories/drainage/form"


async def publish(street: Street, schema: Json, *, version: int = 1, **members: Json) -> Json:
    body = {"schema": schema, **members}
    return await street.call("PUT", PATH, body, by=street.administrator, version=version)


def pointers(response: Any) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in response.json()["errors"]}


async def test_a_category_asks_nothing_until_a_form_is_published(street: Street) -> None:
    first = await street.get(PATH)
    assert first.headers["etag"] == '"1"'
    assert first.json() == {
        "category": "drainage", "version": 1, "schema": {"type": "object", "properties": {}}, "ui": {},
        "published_by": None, "published_at": None,
    }  # fmt: skip
    published = await publish(street, ASKS, ui={"order": ["smell", "floor"]})
    assert (published.status_code, published.headers["etag"]) == (200, '"2"')
    assert published.json()["schema"] == ASKS
    assert list(published.json()["schema"]["properties"]) == list(ASKS["properties"])
    assert published.json()["ui"] == {"order": ["smell", "floor"]}
    assert (await street.get(PATH, by=street.neighbour)).json() == published.json()
    assert (await street.http.get(f"{PATH}?version=1", headers=street.owner)).json() == first.json()
    assert (await street.http.get(f"{PATH}?version=3", headers=street.owner)).status_code == 404
    assert (await street.get("/v1/categories/nothing/form")).status_code == 404


async def test_of_many_who_publish_at_once_one_does(street: Street) -> None:
    answers = await asyncio.gather(*(publish(street, ASKS, ui={"n": n}) for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5
    stale = next(answer for answer in answers if answer.status_code == 412)
    assert stale.json()["current"]["version"] == 2
    missing = await street.call("PUT", PATH, {"schema": ASKS}, by=street.administrator)
    assert missing.status_code == 428


async def test_only_administrators_publish(street: Street, elsewhere: Street) -> None:
    for by in (street.owner, street.officer, street.works_clerk):
        assert (await street.call("PUT", PATH, {"schema": ASKS}, by=by, version=1)).status_code == 403
    await publish(elsewhere, ASKS)
    assert (await street.get(PATH)).json()["version"] == 1


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


def asking(**properties: Json) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


BAD: list[tuple[Json, str, str]] = [
    ({"type": "array"}, "/schema/type", "not_an_object"),
    (asking(a={"type": "strnig"}), "/schema/properties/a/type", "bad_schema"),
    (asking(a={"maxLength": -1}), "/schema/properties/a/maxLength", "bad_schema"),
    (asking(a={"minimun": 1}), "/schema/properties/a/minimun", "unknown_keyword"),
    (asking(a={"$ref": "https://example.com/schema"}), "/schema/properties/a/$ref", "bad_reference"),
    (asking(a={"$ref": "#"}), "/schema/properties/a/$ref", "bad_reference"),
    (asking(a={"$ref": "#/$defs/none"}), "/schema", "bad_schema"),
    ({**asking(), "$defs": {"a": {"$ref": "#/$defs/a"}}}, "/schema/$defs/a/$ref", "bad_reference"),
    ({**asking(), "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": True}}, "/schema/$defs/a/allOf/0/$ref", "bad_reference"),
    ({**asking(), "$id": "urn:x"}, "/schema/$id", "unknown_keyword"),
    ({**asking(), "$schema": "http://json-schema.org/draft-07/schema#"}, "/schema/$schema", "wrong_dialect"),
    (asking(a={"pattern": "(?=x)"}), "/schema/properties/a/pattern", "bad_schema"),
    (asking(a={"pattern": "(?:a{1000}){1000}"}), "/schema/properties/a/pattern", "bad_schema"),
    (asking(a={"format": "regex"}), "/schema/properties/a/format", "unknown_format"),
    (asking(**{"a b": {}}), "/schema/properties/a b", "bad_name"),
    ({**asking(a={}), "required": ["b"]}, "/schema/required/0", "not_asked"),
    (asking(**{f"q{n}": {} for n in range(51)}), "/schema", "too_many_questions"),
    (asking(a={"anyOf": [{"pattern": f"^{n}$"} for n in range(51)]}), "/schema", "too_many_patterns"),
    (deep(5), "/schema/properties/x/properties/x/properties/x/properties/x/properties/x", "too_deep"),
    (asking(a={"description": "x" * 33_000}), "/schema", "too_large"),
    (asking(a=5), "/schema/properties/a", "bad_schema"),
    ({"type": "object", "properties": []}, "/schema/properties", "bad_schema"),
    ({"type": "object", "allOf": {}}, "/schema/allOf", "bad_schema"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "pointer", "code"), BAD, ids=[f"{code}-{n}" for n, (_, _, code) in enumerate(BAD)])
async def test_a_form_that_cannot_be_asked_is_refused_at_its_place(
    street: Street, schema: Json, pointer: str, code: str
) -> None:
    response = await publish(street, schema)
    assert (response.status_code, response.json()["code"]) == (422, "bad_form"), response.text
    assert pointers(response).get(pointer) == code, response.text
    assert (await street.get(PATH)).json()["version"] == 1


async def test_what_is_no_json_that_can_be_kept_is_refused(street: Street) -> None:
    headers = {**street.administrator, "If-Match": '"1"', "Content-Type": "application/json"}
    for default in ("NaN", "1e999", "99999999999999999999", r'"\ud800"', "[" * 40 + "]" * 40):
        content = f'{{"schema": {{"type": "object", "default": {default}}}}}'
        response = await street.http.put(PATH, content=content, headers=headers)
        assert response.status_code in {400, 422}, (default, response.text)


def test_the_bounds_themselves_can_be_reached() -> None:
    checked_schema(deep(4))
    checked_schema(asking(**{f"q{n}": {"type": "string"} for n in range(50)}))
    with pytest.raises(BadForm):
        checked_schema(asking(**{f"q{n}": asking(inner={}) for n in range(26)}))


def test_no_pattern_takes_long() -> None:
    form = Form.of(
        2, asking(a={"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}, b={"pattern": "(a|a|b)*c"})
    )
    began = time.perf_counter()
    with pytest.raises(AnswersDoNotFit):
        form.check({"a": "a" * 16_000, "b": "a" * 16_000}, complete=True)
    assert time.perf_counter() - began < 1


async def test_answers_are_kept_and_shown_with_the_case(street: Street) -> None:
    await publish(street, ASKS)
    case = await street.filed(answers=GOOD)
    assert (case["answers"], case["form_version"], case["missing_answers"]) == (GOOD, 2, [])
    assert (await street.get(f"/v1/cases/{case['id']}")).json() == case
    seen = (await street.get(f"/v1/cases/{case['id']}", by=street.grid_worker)).json()
    assert seen["answers"] == GOOD
    assert (await street.get(f"/v1/cases/{case['id']}", by=street.neighbour)).status_code == 404
    plain = await street.filed(category="parking")
    assert (plain["answers"], plain["form_version"], plain["missing_answers"]) == (None, None, [])


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (None, {"/answers/floor": "required", "/answers/smell": "required"}),
        ({}, {"/answers/floor": "required", "/answers/smell": "required"}),
        ({**GOOD, "floor": 0}, {"/answers/floor": "minimum"}),
        ({**GOOD, "floor": "3"}, {"/answers/floor": "type"}),
        ({**GOOD, "smell": "roses"}, {"/answers/smell": "enum"}),
        ({**GOOD, "phone_of_shop": "12"}, {"/answers/phone_of_shop": "pattern"}),
        ({**GOOD, "colour": "red", "a/b": 1}, {"/answers/colour": "unevaluatedProperties", "/answers/a~1b": "unevaluatedProperties"}),
        ({**GOOD, "rooms": [{}, {"name": "x" * 21}]}, {"/answers/rooms/1/name": "maxLength"}),
        ({**GOOD, "phone_of_shop": "x" * 33_000}, {"/answers": "too_large"}),
    ],
)  # fmt: skip
async def test_answers_that_do_not_fit_are_told_with_their_places(
    street: Street, answers: Json, expected: Json
) -> None:
    await publish(street, ASKS)
    response = await street.post("/v1/cases", street.words(answers=answers))
    assert (response.status_code, response.json()["code"]) == (422, "answers_do_not_fit"), response.text
    assert pointers(response) == expected
    assert (await street.get("/v1/cases", mine=True)).json()["items"] == []
    english = await street.post("/v1/cases", street.words(answers={}), by={**street.owner, "Accept-Language": "en"})
    assert english.json()["errors"][0]["detail"] == "is required"


async def test_a_category_that_asks_nothing_takes_no_answers(street: Street) -> None:
    response = await street.post("/v1/cases", street.words(answers={"x": 1}))
    assert pointers(response) == {"/answers/x": "unevaluatedProperties"}
    assert (await street.filed(answers={}))["answers"] == {}
    for wrong in ([1], "x", 5):
        assert (await street.post("/v1/cases", street.words(answers=wrong))).status_code == 422


async def test_a_new_version_counts_at_once_and_old_cases_keep_theirs(street: Street) -> None:
    await publish(street, ASKS)
    body = street.words(id=str(new_id()), answers=GOOD)
    old = (await street.post("/v1/cases", body)).json()
    await publish(street, asking(depth={"type": "number"}), version=2)
    assert (await street.post("/v1/cases", street.words(answers=GOOD))).status_code == 422
    new = await street.filed(answers={"depth": 0.5})
    assert (old["form_version"], new["form_version"]) == (2, 3)
    again = await street.post("/v1/cases", body)
    assert (again.status_code, again.json()["form_version"]) == (200, 2)
    other = await street.post("/v1/cases", {**body, "answers": {"depth": 1}})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


async def test_a_process_that_knows_an_old_form_files_by_the_new_one(
    street: Street, databases: dict[str, Database]
) -> None:
    await publish(street, ASKS)
    await street.filed(answers=GOOD)
    # As another process would: past this one's memory.
    async with databases["intake"].write(street.caller.tenant) as session:
        await session.fetch_row(
            "INSERT INTO intake.category_forms VALUES ($1, 'drainage', 3, $2, '{}', 'x', now())",
            street.caller.tenant,
            json.dumps(asking(shop={"type": "string"}, **ASKS["properties"]) | {"$defs": ASKS["$defs"]}),
        )
    assert (await street.filed(answers=GOOD))["form_version"] == 3
    assert (await street.filed(answers={"shop": "x"}))["answers"] == {"shop": "x"}


async def file_by(street: Street, databases: dict[str, Database], channel: Channel, **members: Json) -> Json:
    caller = Principal(street.caller.tenant, street.owner_id, "person")
    desk = Desk(databases["intake"])
    async with databases["intake"].write(street.caller.tenant) as session:
        wanted = FileCaseIn.model_validate(street.words(**members))
        filed = await file_in_session(session, desk, caller, wanted, channel=channel)
    return (await street.get(f"/v1/cases/{filed.case_id}")).json()


async def test_what_could_not_be_asked_is_answered_later(street: Street, databases: dict[str, Database]) -> None:
    await publish(street, ASKS)
    for channel in (Channel.OPEN311, Channel.IMPORT, Channel.VISIT):
        case = await file_by(street, databases, channel)
        assert (case["answers"], case["form_version"], case["missing_answers"]) == (None, 2, ["floor", "smell"])
    with pytest.raises(AnswersDoNotFit):
        await file_by(street, databases, Channel.IMPORT, answers={"floor": -1})
    clocks = case["clocks"]
    path = f"/v1/cases/{case['id']}/answers"
    for by in (street.neighbour, street.works_clerk):
        assert (await street.call("PUT", path, {"answers": GOOD}, by=by, version=1)).status_code == 404
    assert (
        await street.call("PUT", path, {"answers": {"floor": 0}}, by=street.grid_worker, version=1)
    ).status_code == 422
    some = await street.call("PUT", path, {"answers": {"floor": 4}}, by=street.grid_worker, version=1)
    assert (some.status_code, some.json()["missing_answers"], some.headers["etag"]) == (200, ["smell"], '"2"')
    assert (await street.call("PUT", path, {"answers": GOOD}, version=1)).status_code == 412
    assert (await street.call("PUT", path, {"answers": GOOD})).status_code == 428
    full = (await street.call("PUT", path, {"answers": GOOD}, version=2)).json()
    assert (full["answers"], full["missing_answers"], full["version"]) == (GOOD, [], 3)
    assert [clock["due_at"] for clock in full["clocks"]] == [clock["due_at"] for clock in clocks]
    steps = await street.history(case)
    assert [(step["step"], step["data"].get("changed")) for step in steps[1:]] == [
        ("answers", ["floor"]),
        ("answers", ["floor", "smell"]),
    ]


async def test_who_was_asked_stays_fully_answered(street: Street) -> None:
    await publish(street, ASKS)
    body = street.words(id=str(new_id()), answers=GOOD)
    case = (await street.post("/v1/cases", body)).json()
    path = f"/v1/cases/{case['id']}/answers"
    refused = await street.call("PUT", path, {"answers": {"floor": 4}}, version=1)
    assert pointers(refused) == {"/answers/smell": "required"}
    mended = await street.call("PUT", path, {"answers": {**GOOD, "floor": 4}}, version=1)
    assert mended.json()["answers"]["floor"] == 4
    # The phone that has not heard the answer sends what it has filed.
    assert (await street.post("/v1/cases", body)).status_code == 200
    malformed: list[Json] = [{}, {"answers": None}, {"answers": []}, {"answers": GOOD, "x": 1}]
    for wrong in malformed:
        assert (await street.call("PUT", path, wrong, version=2)).status_code == 422
    officer = street.holding(Role.OFFICER, "county.south")
    assert (await street.call("PUT", path, {"answers": GOOD}, by=officer, version=2)).status_code == 404
    withdrawn = await street.step(mended.json(), "withdraw", {"reason": "已自行解决"}, by=street.owner)
    closed = await street.call("PUT", path, {"answers": GOOD}, version=withdrawn["version"])
    assert (closed.status_code, closed.json()["code"]) == (409, "wrong_state")


async def test_whoever_is_anonymous_may_answer_later(street: Street) -> None:
    await publish(street, ASKS)
    token = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"
    filed = await street.post("/v1/anonymous-cases", street.words(token=token))
    assert filed.json()["missing_answers"] == ["floor", "smell"]
    wrong = await street.post("/v1/anonymous-cases", street.words(token=token, answers={"floor": 1}))
    assert pointers(wrong) == {"/answers/smell": "required"}
    path = f"/v1/anonymous-cases/{street.caller.tenant}/{filed.json()['id']}/answers"
    anybody = {"Case-Token": token}
    answered = await street.call("PUT", path, {"answers": GOOD}, by=anybody)
    assert (answered.status_code, answered.json()["answers"]) == (200, GOOD)
    assert (await street.call("PUT", path, {"answers": GOOD}, by={"Case-Token": "x" * 32})).status_code == 404
