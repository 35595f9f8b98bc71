"""Anonymous cases: the token follows them, nothing names the person, and unsealing is seen by everybody concerned."""

import secrets
from typing import Any
from uuid import UUID

from shared.auth import Role
from shared.ids import new_id
from tests.intake.conftest import GRID, Headers, Json, Street, picture


async def filed_anonymously(street: Street, *, token: str, **members: Json) -> dict[str, Any]:
    body = street.words(id=str(new_id()), token=token, category="parking", **members)
    response = await street.post("/v1/anonymous-cases", body)
    assert response.status_code == 201, response.text
    case: dict[str, Any] = response.json()
    return case


def with_token(street: Street, token: str) -> Headers:
    return {**street.caller.anonymous("intake"), "Case-Token": token}


def path_of(street: Street, case: dict[str, Any]) -> str:
    return f"/v1/anonymous-cases/{street.caller.tenant}/{case['id']}"


async def test_whoever_has_the_token_follows_the_case_and_judges_it(street: Street) -> None:
    token = secrets.token_urlsafe(32)
    case = await filed_anonymously(street, token=token)
    path, masked = path_of(street, case), with_token(street, token)
    assert case["anonymous"]
    seen = (await street.get(path, by=masked)).json()
    assert (seen["number"], seen["anonymous"]) == (case["number"], True)
    said = await street.post(f"{path}/comment", {"note": "夜里更严重"}, by=masked)
    assert said.status_code == 200
    case = await street.step(said.json(), "accept", {}, by=street.grid_worker)
    case = await street.step(
        case,
        "triage",
        {"owner_is_clear": True, "crosses_boundary": False, "households": 1, "cost_fen": 0, "departments": 1},
        by=street.grid_worker,
    )
    case = await street.step(case, "resolve", {"note": "已劝离"}, by=street.grid_worker)
    judged = await street.post(f"{path}/feedback", {"answer": "not_solved"}, by=masked)
    assert (judged.status_code, judged.json()["state"]) == (200, "reopened")
    gone = await street.post(f"{path}/withdraw", {"reason": "搬家了"}, by=masked)
    assert (gone.json()["state"], gone.json()["outcome"]) == ("closed", "withdrawn")
    steps = (await street.get(f"{path}/history", by=masked)).json()["items"]
    assert [step["step"] for step in steps] == [
        "file",
        "comment",
        "accept",
        "triage",
        "resolve",
        "feedback",
        "withdraw",
    ]


async def test_a_wrong_token_opens_nothing(street: Street) -> None:
    token = secrets.token_urlsafe(32)
    case = await filed_anonymously(street, token=token)
    plain = await street.filed()
    for path, guess in (
        (path_of(street, case), secrets.token_urlsafe(32)),
        (path_of(street, plain), token),
        (f"/v1/anonymous-cases/nobody/{case['id']}", token),
    ):
        by = with_token(street, guess)
        assert (await street.get(path, by=by)).status_code == 404
        assert (await street.post(f"{path}/comment", {"note": "x"}, by=by)).status_code == 404
    assert (await street.get(path_of(street, case), by=street.caller.anonymous("intake"))).status_code == 422


async def test_nothing_that_is_stored_names_the_person(street: Street, owner: Any) -> None:
    kept = (await street.upload(picture())).json()["id"]
    case = await filed_anonymously(street, token=secrets.token_urlsafe(32), attachment_ids=[kept])
    tables = await owner.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'intake' AND table_type = 'BASE TABLE'"
    )
    person = str(street.owner_id)
    for (table,) in tables:
        rows = await owner.fetch(f"SELECT t::text AS row FROM intake.{table} t")
        assert not [row["row"] for row in rows if case["id"] in row["row"] and person in row["row"]], table
    assert (await street.get(f"/v1/cases/{case['id']}")).status_code == 404, "not even under one's own name"
    assert (await street.get("/v1/cases", mine=True)).json()["items"] == []
    seen = (await street.get(f"/v1/cases/{case['id']}", by=street.officer)).json()
    assert seen["requester_id"] not in {None, person}
    assert seen["attachment_ids"] == [kept]


async def test_sent_twice_it_is_filed_once(street: Street) -> None:
    token = secrets.token_urlsafe(32)
    body = street.words(id=str(new_id()), token=token)
    first, again = [await street.post("/v1/anonymous-cases", body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["number"] == again.json()["number"]
    for other in ({"token": secrets.token_urlsafe(32)}, {"title": "另一件"}):
        refused = await street.post("/v1/anonymous-cases", {**body, **other})
        assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    weak = await street.post("/v1/anonymous-cases", street.words(token="a" * 40))
    assert weak.json()["code"] == "weak_token"
    for wrong in ("short", "x" * 200, "有" * 40, 5):
        assert (await street.post("/v1/anonymous-cases", street.words(token=wrong))).status_code == 422
    unknown = await street.post("/v1/anonymous-cases", street.words(token=token, category="nothing"))
    assert unknown.json()["code"] == "unknown_category"


async def test_unsealing_is_for_few_takes_a_purpose_and_is_seen(street: Street) -> None:
    token = secrets.token_urlsafe(32)
    case = await filed_anonymously(street, token=token)
    path, purpose = f"/v1/cases/{case['id']}/unseal", {"purpose": "涉嫌诬告，依法核实身份"}
    for by in (street.officer, street.grid_worker, street.owner, street.holding(Role.AUDITOR, "county")):
        assert (await street.post(path, purpose, by=by)).status_code in {403, 404}
    assert (await street.post(path, {"purpose": "why"}, by=street.administrator)).status_code == 422
    opened = await street.post(path, purpose, by=street.administrator)
    assert opened.status_code == 200
    assert UUID(opened.json()["person_id"]) == street.owner_id
    steps = (await street.get(f"{path_of(street, case)}/history", by=with_token(street, token))).json()["items"]
    assert (steps[-1]["step"], steps[-1]["note"]) == ("unseal", purpose["purpose"])
    auditor = street.holding(Role.AUDITOR, "county")
    (row,) = (await street.get("/v1/unsealings", by=auditor)).json()["items"]
    assert (row["case_id"], row["purpose"]) == (case["id"], purpose["purpose"])
    assert (await street.get("/v1/unsealings", by=street.administrator)).status_code == 403
    plain = await street.filed()
    refused = await street.post(f"/v1/cases/{plain['id']}/unseal", purpose, by=street.administrator)
    assert refused.json()["code"] == "not_anonymous"
    assert case["area_path"] == GRID
