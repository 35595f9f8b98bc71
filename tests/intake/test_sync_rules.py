"""What a phone must know to work without a network: what categories ask, what inspections look at, which codes hold."""

from typing import Any

from services.intake.handling.schemas import DEFAULT_HANDLING
from tests.intake.conftest import SIMPLE, Street
from tests.intake.phones import Phone, pulled

QUESTIONS = {"type": "object", "properties": {"plate": {"type": "string"}}, "required": ["plate"]}
ITEM = {"code": "exit", "text_zh": "安全出口畅通", "text_en": "exits are free", "severity": "major"}


async def asks(street: Street, category: str, questions: dict[str, Any], version: int) -> dict[str, Any]:
    path = f"/v1/categories/{category}/form"
    answer = await street.call("PUT", path, {"schema": questions}, by=street.administrator, version=version)
    assert answer.status_code == 200, answer.text
    form: dict[str, Any] = answer.json()
    return form


async def listed(street: Street, code: str, name: str) -> dict[str, Any]:
    body = {"name_zh": name, "name_en": name, "category": "parking", "items": [ITEM]}
    answer = await street.call("PUT", f"/v1/checklists/{code}", body, by=street.administrator)
    assert answer.status_code in {200, 201}, answer.text
    checklist: dict[str, Any] = answer.json()
    return checklist


async def test_a_phone_holds_the_newest_form_of_each_category(street: Street) -> None:
    phone = Phone(street, street.owner)
    await phone.sync()
    assert phone.held("form") == {}
    await asks(street, "parking", QUESTIONS, 1)
    form = await asks(street, "parking", {**QUESTIONS, "required": []}, 2)
    await asks(street, "drainage", QUESTIONS, 1)
    (page,) = await phone.sync()
    assert [(item["entity"], item["id"], item["version"]) for item in page["items"]] == [
        ("form", "parking", 3),
        ("form", "drainage", 2),
    ]
    assert phone.held("form")["parking"] == form
    assert phone.held("form")["parking"]["schema"] == {**QUESTIONS, "required": []}
    # Nothing new, nothing told; and a phone that starts now holds the same.
    assert [item["entity"] for page in await phone.sync() for item in page["items"]] == []
    fresh = Phone(street, street.neighbour, page_size=1)
    await fresh.sync()
    assert fresh.held("form") == phone.held("form")
    await asks(street, "parking", QUESTIONS, 3)
    await phone.sync()
    assert phone.held("form")["parking"]["version"] == 4


async def test_a_phone_of_the_staff_holds_checklists_and_a_residents_none(street: Street) -> None:
    worker, resident = Phone(street, street.grid_worker), Phone(street, street.owner)
    first = await listed(street, "fire", "消防")
    for phone in (worker, resident):
        await phone.sync()
    assert worker.held("checklist") == {"fire": first}
    second = await listed(street, "fire", "消防安全")
    gas = await listed(street, "gas", "燃气")
    for phone in (worker, resident):
        await phone.sync()
    assert worker.held("checklist") == {"fire": second, "gas": gas}
    assert (second["version"], resident.held("checklist")) == (2, {})


async def test_a_phone_knows_the_codes_of_pauses_and_answers_before_and_after_they_are_set(street: Street) -> None:
    phone = Phone(street, street.grid_worker, page_size=1)
    await phone.sync()
    rules = phone.held("rules")["handling"]
    assert [one["code"] for one in rules["answers"]] == [one.code for one in DEFAULT_HANDLING.answers]
    assert {one["code"] for one in rules["pause_reasons"]} >= {"weather"}
    reasons = [{"code": "typhoon", "name_zh": "台风", "name_en": "typhoon", "minutes_max": 600}]
    await street.handle(pause_reasons=reasons, pauses_max=3)
    await street.handle(pause_reasons=reasons, pauses_max=4)
    pages = await phone.sync()
    assert [item["version"] for page in pages for item in page["items"]] == [3]
    rules = phone.held("rules")["handling"]
    assert (rules["pause_reasons"], rules["pauses_max"]) == (reasons, 4)
    # What it knows now is what holds.
    case = await street.triaged(SIMPLE, category="parking")
    await phone.sync()
    phone.do("pause", case["id"], {"reason": rules["pause_reasons"][0]["code"]})
    assert [one["status"] for one in await phone.send()] == ["done"]


async def test_another_tenants_rules_are_its_own(street: Street, elsewhere: Street) -> None:
    await asks(street, "parking", QUESTIONS, 1)
    await listed(street, "fire", "消防")
    await street.handle(pauses_max=7)
    phone = Phone(elsewhere, elsewhere.grid_worker)
    await phone.sync()
    assert (phone.held("form"), phone.held("checklist")) == ({}, {})
    assert phone.held("rules")["handling"]["pauses_max"] == DEFAULT_HANDLING.pauses_max


async def test_a_phone_from_before_starts_again(street: Street, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.intake.sync.service.SHAPE", "1/area/unit/category/case")
    answer = await pulled(street, street.grid_worker, None)
    monkeypatch.undo()
    again = await pulled(street, street.grid_worker, answer.json()["cursor"])
    assert (again.status_code, again.json()["code"]) == (410, "cursor_foreign")
