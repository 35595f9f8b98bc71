"""Entitlements over HTTP and over the pipe: granted with evidence, told as yes or no, and every look written down."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.entitlements.rules import (
    STEPS,
    EntitlementAction,
    EntitlementFacts,
    EntitlementState,
    state_on,
)
from shared.auth import Grant, Principal, Role
from shared.clock import today
from shared.contracts.matching_orders import EntitlementAsked
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe
from tests.directory.conftest import Headers, Json, Town
from tests.directory.reaching import Somebody, published, rows, somebody

ANSWERED = "linli.entitlement.answered.v1"
SEEN = {"text": "低保证 320107-0042", "attachment_ids": ["01a20000-0000-7000-8000-000000000001"]}
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def in_days(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


def officer(town: Town, path: str = "county.north", *, person: UUID | None = None) -> Headers:
    return town.holding(Role.OFFICER, path, person=person)


async def kind(town: Town, code: str = "low_income", **members: Json) -> dict[str, Any]:
    body = {"name": {"zh": "低保", "en": "Low income"}, **members}
    response = await town.call("PUT", f"/v1/entitlement-kinds/{code}", body)
    assert response.status_code in {200, 201}, response.text
    made: dict[str, Any] = response.json()
    return made


async def granted(town: Town, person: Somebody, **members: Json) -> httpx.Response:
    body = {"kind": "low_income", "ends_on": in_days(100), "evidence": SEEN, **members}
    return await town.post(f"/v1/people/{person.id}/entitlements", body, by=officer(town))


async def resident(town: Town, path: str = "county.north.g1") -> Somebody:
    return await somebody(town, area_id=str(town.areas[path]))


async def ask(town: Town, person: Somebody, *kinds: str, by: Headers | None = None, **members: Json) -> httpx.Response:
    body = {"person_id": str(person.id), "any_of": list(kinds) or ["low_income"], "purpose": "上门理发", **members}
    return await town.post("/v1/entitlement-questions", body, by=by or town.holding(Role.GRID_WORKER, "county.north"))


async def test_an_officer_grants_and_the_holder_sees_it_with_its_evidence(
    town: Town, databases: dict[str, Database]
) -> None:
    await kind(town)
    person = await resident(town)
    made = await granted(town, person)
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["location"] == f"/v1/entitlements/{body['id']}"
    assert (body["state"], body["version"], body["evidence"]) == ("valid", 1, None)
    assert [step["step"] for step in body["history"]] == ["grant"]
    ((sealed,),) = await rows(databases, town, "SELECT evidence FROM directory.entitlements")
    assert "低保证".encode() not in bytes(sealed)
    own = (await town.get("/v1/me/entitlements", by=person.by)).json()["items"]
    assert [(item["id"], item["kind"]) for item in own] == [(body["id"], "low_income")]
    mine = (await town.get(f"/v1/entitlements/{body['id']}", by=person.by)).json()
    assert mine["evidence"] == SEEN
    assert {item["action"]: item["code"] for item in mine["next_actions"]} == {
        "renew": "not_ones_own",
        "revoke": "not_ones_own",
    }


async def test_evidence_is_read_for_a_purpose_and_its_holder_sees_who_read_it(town: Town) -> None:
    await kind(town)
    person, reader = await resident(town), new_id()
    path = f"/v1/entitlements/{(await granted(town, person)).json()['id']}"
    plain = await town.get(path, by=officer(town, person=reader))
    assert (plain.json()["evidence"], plain.headers["cache-control"]) == (None, "no-store")
    assert (await town.get("/v1/me/entitlement-looks", by=person.by)).json()["items"] == []
    read = await town.get(path, by=officer(town, person=reader), purpose="年度复核")
    assert read.json()["evidence"] == SEEN
    (look,) = (await town.get("/v1/me/entitlement-looks", by=person.by)).json()["items"]
    assert (look["what"], look["purpose"], look["by"], look["entitled"]) == (
        "evidence",
        "年度复核",
        f"person/{reader}",
        None,
    )


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.OFFICER, "county.south"),
        (Role.GRID_WORKER, "county.north"),
        (Role.UNIT_STAFF, "county.north"),
        (Role.PARTNER, "county"),
        (Role.RESIDENT, "county.north.g1"),
        (Role.ADMINISTRATOR, "county"),
    ],
)
async def test_nobody_else_learns_what_somebody_holds(town: Town, role: Role, path: str) -> None:
    await kind(town)
    person = await resident(town)
    made = (await granted(town, person)).json()
    stranger = town.holding(role, path)
    assert (await town.get(f"/v1/entitlements/{made['id']}", by=stranger)).status_code == 404
    listed = await town.get(f"/v1/people/{person.id}/entitlements", by=stranger)
    assert listed.status_code in {403, 404}
    everywhere = await town.get("/v1/entitlements", by=stranger)
    assert everywhere.status_code == 403 or everywhere.json()["items"] == []
    change = {"ends_on": in_days(200), "evidence": SEEN}
    refused = await town.post(f"/v1/entitlements/{made['id']}/renew", change, by=stranger, version=1)
    assert refused.status_code in {403, 404}


async def test_nobody_grants_anything_to_themselves(town: Town) -> None:
    await kind(town)
    person = await resident(town)
    body = {"kind": "low_income", "ends_on": in_days(10), "evidence": SEEN}
    by = officer(town, person=person.id)
    refused = await town.post(f"/v1/people/{person.id}/entitlements", body, by=by)
    assert (refused.status_code, refused.json()["rule"]) == (403, "not_ones_own")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "unheard_of"}, "unknown_entitlement_kind"),
        ({"kind": "Low Income"}, "invalid_request"),
        ({"ends_on": in_days(-1), "starts_on": in_days(-9)}, "entitlement_over"),
        ({"starts_on": in_days(50), "ends_on": in_days(49)}, "entitlement_ends_before_it_begins"),
        ({"ends_on": in_days(366)}, "entitlement_too_long"),
        ({"ends_on": "2026-02-30"}, "invalid_request"),
        ({"ends_on": None}, "invalid_request"),
        ({"evidence": {}}, "invalid_request"),
        ({"evidence": {"text": " "}}, "invalid_request"),
        ({"evidence": None}, "invalid_request"),
        ({"reason": "x"}, "invalid_request"),
    ],
)
async def test_a_wrong_grant_is_refused(town: Town, change: dict[str, Json], code: str) -> None:
    await kind(town)
    person = await resident(town)
    response = await granted(town, person, **change)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await town.get("/v1/me/entitlements", by=person.by)).json()["items"] == []


async def test_a_kind_out_of_use_is_granted_to_nobody_and_still_holds(town: Town) -> None:
    assert (await kind(town))["version"] == 1
    person, other = await resident(town), await resident(town)
    await granted(town, person)
    assert (await kind(town, active=False))["version"] == 2
    assert (await kind(town, active=False))["version"] == 2
    refused = await granted(town, other)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_entitlement_kind")
    assert (await ask(town, person)).json()["entitled"] is True
    shown = (await town.get("/v1/entitlement-kinds", by=person.by)).json()["items"]
    assert [(item["code"], item["active"]) for item in shown] == [("low_income", False)]


async def test_a_grant_sent_five_times_at_once_is_one_and_another_of_its_kind_is_refused(town: Town) -> None:
    await kind(town)
    person, chosen = await resident(town), str(new_id())
    answers = await asyncio.gather(*(granted(town, person, id=chosen) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    other = await granted(town, person, id=chosen, ends_on=in_days(5))
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    again = await granted(town, person, starts_on=in_days(100), ends_on=in_days(120))
    assert (again.status_code, again.json()["code"], again.json()["entitlement_id"]) == (
        409,
        "already_entitled",
        chosen,
    )
    assert (await granted(town, person, starts_on=in_days(101), ends_on=in_days(120))).status_code == 201


async def test_a_renewal_lasts_longer_and_a_revocation_ends_at_once(town: Town) -> None:
    await kind(town)
    person = await resident(town)
    path = f"/v1/entitlements/{(await granted(town, person)).json()['id']}"
    for wanted, code in ((in_days(100), "entitlement_not_longer"), (in_days(366), "entitlement_too_long")):
        body = {"ends_on": wanted, "evidence": SEEN}
        refused = await town.post(f"{path}/renew", body, by=officer(town), version=1)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    body = {"ends_on": in_days(365), "evidence": {"text": "新证明"}}
    assert (await town.post(f"{path}/renew", body, by=officer(town))).status_code == 428
    renewed = await town.post(f"{path}/renew", body, by=officer(town), version=1)
    assert (renewed.status_code, renewed.json()["ends_on"], renewed.json()["version"]) == (200, in_days(365), 2)
    stale = await town.post(f"{path}/revoke", {"reason": "收入变化"}, by=officer(town), version=1)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)
    assert (await ask(town, person)).json()["entitled"] is True
    revoked = await town.post(f"{path}/revoke", {"reason": "收入变化"}, by=officer(town), version=2)
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert (await ask(town, person)).json()["entitled"] is False
    twice = await town.post(f"{path}/revoke", {"reason": "x"}, by=officer(town), version=3)
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    mine = (await town.get(path, by=person.by)).json()
    assert [(step["step"], step["reason"]) for step in mine["history"]] == [
        ("grant", None),
        ("renew", None),
        ("revoke", "收入变化"),
    ]
    assert [s["reason"] for s in (await town.get(path, by=officer(town))).json()["history"]] == [None] * 3


async def test_what_ends_soon_is_listed_for_the_officers_of_the_area(town: Town) -> None:
    await kind(town)
    people = [await resident(town) for _ in range(4)]
    for person, days in zip(people, (40, 5, 30, 9), strict=True):
        await granted(town, person, ends_on=in_days(days))
    soon = await town.get("/v1/entitlements", by=officer(town), expiring_within_days=30, page_size=2)
    first = soon.json()
    assert [item["ends_on"] for item in first["items"]] == [in_days(5), in_days(9)]
    rest = await town.get(
        "/v1/entitlements", by=officer(town), expiring_within_days=30, page_size=2, cursor=first["next_cursor"]
    )
    assert ([item["ends_on"] for item in rest.json()["items"]], rest.json()["next_cursor"]) == ([in_days(30)], None)
    away = await town.get("/v1/entitlements", by=officer(town, "county.south"), expiring_within_days=30)
    assert away.json()["items"] == []
    under = str(town.areas["county.north.g1"])
    assert len((await town.get("/v1/entitlements", by=officer(town), under=under)).json()["items"]) == 4


async def test_staff_of_the_area_hear_yes_or_no_and_the_person_sees_that_they_asked(town: Town) -> None:
    await kind(town)
    await kind(town, "disabled")
    person, other, asker = await resident(town), await resident(town), new_id()
    await granted(town, person)
    by = town.holding(Role.GRID_WORKER, "county.north", person=asker)
    answer = await ask(town, person, "disabled", "low_income", by=by)
    assert answer.status_code == 201
    assert answer.json().keys() == {"id", "entitled", "asked_at"}
    assert answer.json()["entitled"] is True
    assert (await ask(town, person, "disabled", by=by)).json()["entitled"] is False
    assert (await ask(town, other, by=by)).json()["entitled"] is False
    looks = (await town.get("/v1/me/entitlement-looks", by=person.by)).json()["items"]
    assert [(look["what"], look["by"], look["purpose"], look["entitled"]) for look in looks] == [
        ("benefit", f"person/{asker}", "上门理发", False),
        ("benefit", f"person/{asker}", "上门理发", True),
    ]
    assert len((await town.get("/v1/me/entitlement-looks", by=other.by)).json()["items"]) == 1


async def test_about_others_nothing_is_told_and_nothing_is_written(
    town: Town, elsewhere: Town, databases: dict[str, Database]
) -> None:
    await kind(town)
    person = await resident(town)
    await granted(town, person)
    for by in (town.holding(Role.GRID_WORKER, "county.south"), elsewhere.holding(Role.OFFICER, "county")):
        assert (await ask(town, person, by=by)).status_code == 404
    for role in (Role.PARTNER, Role.UNIT_STAFF, Role.RESIDENT):
        assert (await ask(town, person, by=town.holding(role, "county"))).status_code == 403
    nobody = Somebody(town, new_id(), {})
    assert (await ask(town, nobody)).status_code == 404
    assert await rows(databases, town, "SELECT id FROM directory.entitlement_questions") == []


async def test_a_question_sent_twice_is_asked_once(town: Town) -> None:
    await kind(town)
    person, chosen, by = await resident(town), str(new_id()), town.holding(Role.GRID_WORKER, "county.north")
    first, again = await ask(town, person, by=by, id=chosen), await ask(town, person, by=by, id=chosen)
    assert (first.status_code, again.json()) == (201, first.json())
    other = await ask(town, person, by=by, id=chosen, purpose="别的事")
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    assert len((await town.get("/v1/me/entitlement-looks", by=person.by)).json()["items"]) == 1


def question(person_id: UUID, *, within: str | None = None, used_on: date | None = None) -> EntitlementAsked:
    return EntitlementAsked(
        question_id=new_id(),
        person_id=person_id,
        any_of=["disabled", "low_income"],
        used_on=used_on or today(),
        within=within,
        purpose="点单 O-2026-000001",
    )


async def test_another_service_is_answered_without_saying_whom_it_is_about(
    town: Town, databases: dict[str, Database], pipe: Pipe
) -> None:
    await kind(town)
    person = await resident(town)
    await granted(town, person, ends_on=in_days(10))
    asked = [
        question(person.id),
        question(person.id, within="county.north"),
        question(person.id, within="county.south"),
        question(person.id, used_on=today() + timedelta(days=11)),
        question(new_id()),
    ]
    for item in asked:
        await pipe.publish("matching", town.caller.tenant, f"order/{item.question_id}", item, item)
    await pipe.rest()
    told = await published(databases, town, ANSWERED)
    answers = {item["question_id"]: item["entitled"] for item in told}
    assert [answers[str(item.question_id)] for item in asked] == [True, True, False, False, False]
    assert all(item.keys() == {"question_id", "entitled"} for item in told)
    looks = (await town.get("/v1/me/entitlement-looks", by=person.by)).json()["items"]
    assert len(looks) == 4
    assert {look["purpose"] for look in looks} == {"点单 O-2026-000001"}


@given(start=DAYS, length=st.integers(0, 400), day=DAYS, is_revoked=st.booleans())
def test_an_entitlement_counts_from_its_first_day_through_its_last(
    *, start: date, length: int, day: date, is_revoked: bool
) -> None:
    end = start + timedelta(days=length)
    state = state_on(day, starts_on=start, ends_on=end, is_revoked=is_revoked)
    assert (state is EntitlementState.REVOKED) == is_revoked
    if not is_revoked:
        assert (state is EntitlementState.VALID) == (start <= day <= end)
        assert (state is EntitlementState.UPCOMING) == (day < start)


@given(
    state=st.sampled_from(EntitlementState),
    role=st.sampled_from(Role),
    path=st.sampled_from(["county", "county.north", "county.south"]),
    is_own=st.booleans(),
)
def test_only_an_officer_over_somebody_else_decides(
    *, state: EntitlementState, role: Role, path: str, is_own: bool
) -> None:
    holder, me = new_id(), new_id()
    caller = Principal("t", holder if is_own else me, "person", (Grant(role, path),))
    facts = EntitlementFacts(state, "county.north.g1", holder)
    may = role in {Role.OFFICER, Role.SECRETARY} and path != "county.south" and not is_own
    for action in EntitlementAction:
        assert (STEPS[action].guard(facts, caller) is None) == may
        assert (state in STEPS[action].sources) == (state is not EntitlementState.REVOKED)
