"""Whoever cannot or will not use the app is written down by staff, and is the requester all the same."""

from typing import Any

import pytest

from services.intake.cases.terms import Channel
from services.intake.on_behalf.rules import RECORDERS
from shared.auth import Role
from shared.ids import new_id
from tests.intake.conftest import GRID, NORTH, SIMPLE, Headers, Street, picture
from tests.intake.test_forms import ASKS, publish
from tests.intake.test_notifications import kinds

PATH = "/v1/cases/on-behalf"
CALLER = {"first_name": "大妈", "last_name": "赵", "phone": "13800138000"}


async def recorded(street: Street, by: Headers, **members: Any) -> dict[str, Any]:
    answer = await street.post(PATH, street.words(**members), by=by)
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


def test_by_every_channel_somebody_files() -> None:
    """The app is everybody's; tables and civic apps have doors of their own, with tests of their own."""
    assert set(RECORDERS) | {Channel.APP, Channel.IMPORT, Channel.OPEN311} == set(Channel)


@pytest.mark.parametrize("channel", list(RECORDERS))
@pytest.mark.parametrize("role", list(Role))
async def test_each_channel_is_written_down_by_those_who_hear_of_it(street: Street, channel: str, role: Role) -> None:
    here = await street.post(PATH, street.words(channel=channel), by=street.holding(role, NORTH))
    may = role in RECORDERS[Channel(channel)]
    assert here.status_code == (201 if may else 403), here.text
    beside = await street.post(PATH, street.words(channel=channel), by=street.holding(role, "county.south"))
    assert beside.status_code == 403
    if may:
        assert (here.json()["channel"], here.json()["state"]) == (channel, "filed")
        assert beside.json()["rule"] == "who_records_this_channel"


async def test_a_call_to_the_hotline_is_the_callers_case_and_names_who_wrote_it_down(
    street: Street, owner: Any
) -> None:
    officer_id = new_id()
    officer = street.holding(Role.OFFICER, NORTH, person=officer_id)
    proof = (await street.upload(picture(), by=officer)).json()["id"]
    case = await recorded(street, officer, channel="hotline", contact=CALLER, attachment_ids=[proof])
    assert case["attachment_ids"] == [proof]
    (step,) = await street.history(case, by=officer)
    assert (step["step"], step["actor"]) == ("file", f"person/{officer_id}")
    assert case["requester_id"] != str(officer_id)
    assert {clock["clock"] for clock in case["clocks"]} == {"accept", "first_reply"}
    sealed = await owner.fetchval("SELECT sealed FROM intake.case_contacts WHERE case_id = $1::uuid", case["id"])
    assert b"13800138000" not in sealed
    contact = await street.get(f"/v1/cases/{case['id']}/contact", by=officer, purpose="回访")
    assert (contact.json()["phone"], contact.json()["last_name"]) == ("13800138000", "赵")
    again = await recorded(street, officer, channel="hotline", contact={"phone": "13800138000"})
    other = await recorded(street, officer, channel="hotline", contact={"phone": "13900139000"})
    assert again["requester_id"] == case["requester_id"] != other["requester_id"]
    nobody = [await recorded(street, officer, channel="hotline") for _ in range(2)]
    assert len({one["requester_id"] for one in nobody}) == 2


async def test_whoever_has_an_account_follows_and_judges_what_was_written_down(street: Street) -> None:
    case = await recorded(street, street.grid_worker, channel="visit", person_id=str(street.owner_id))
    listed = (await street.get("/v1/cases", by=street.owner, mine="true")).json()["items"]
    assert [one["id"] for one in listed] == [case["id"]]
    case = await street.step(case, "accept", {}, by=street.grid_worker)
    case = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
    case = await street.mended(case, by=street.grid_worker)
    heard = ["case_registered", "case_accepted", "case_triaged", "case_resolved"]
    assert await kinds(street, street.owner) == heard
    closed = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert (closed["outcome"], closed["channel"]) == ("satisfied", "visit")


async def test_sent_twice_it_is_one_case(street: Street) -> None:
    officer = street.holding(Role.OFFICER, NORTH, person=new_id())
    proof = (await street.upload(picture(), by=officer)).json()["id"]
    for members in ({"contact": CALLER, "attachment_ids": [proof]}, {}, {"contact": {"last_name": "赵"}}):
        body = street.words(channel="hotline", id=str(new_id()), **members)
        answers = [await street.post(PATH, body, by=officer) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200], answers[1].text
        assert answers[0].json() == answers[1].json()
        for change in ({"title": "别的"}, {"channel": "visit"}, {"contact": {"phone": "13900139000"}}):
            taken = await street.post(PATH, {**body, **change}, by=officer)
            assert (taken.status_code, taken.json()["code"]) == (409, "id_taken"), change


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"channel": "app"}, 422, "invalid_request"),
        ({"channel": "import"}, 422, "invalid_request"),
        ({"channel": "open311"}, 422, "invalid_request"),
        ({"contact": {}}, 422, "invalid_request"),
        ({"contact": {"phone": "call me"}}, 422, "invalid_request"),
        ({"contact": CALLER, "person_id": str(new_id())}, 422, "invalid_request"),
        ({"area_id": str(new_id())}, 422, "unknown_area"),
        ({"category": "nothing"}, 422, "unknown_category"),
        ({"id": "0b0b8e0e-8a54-4d7a-9c9b-0e2f6a1f9a11"}, 400, "id_not_uuid7"),
        ({"attachment_ids": [str(new_id())]}, 422, "unknown_attachment"),
    ],
)
async def test_what_cannot_be_written_down_is_told(
    street: Street, owner: Any, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await street.post(PATH, street.words(channel="hotline") | change, by=street.officer)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    left = await owner.fetchval("SELECT count(*) FROM intake.cases WHERE tenant_id = $1", street.caller.tenant)
    assert left == 0, "nothing of it is kept"


async def test_required_questions_may_be_answered_later(street: Street) -> None:
    await publish(street, ASKS)
    assert (await street.post("/v1/cases", street.words())).status_code == 422
    case = await recorded(street, street.officer, channel="hotline")
    assert case["missing_answers"] == ASKS["required"]
    assert case["area_path"] == GRID
