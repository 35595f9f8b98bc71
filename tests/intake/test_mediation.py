"""Mediation: voluntary, in confidence, and what is agreed resolves the case until it is not kept."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.intake.mediation.jobs import remind_of_obligations
from shared.auth import Role
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.intake.conftest import GRID, NORTH, SIMPLE, MovedClock, Street, due_in
from tests.intake.mediating import Table
from tests.intake.test_notifications import kinds


@pytest.fixture
def table(street: Street) -> Table:
    return Table(street)


@pytest.fixture
def intake(databases: dict[str, Database]) -> Database:
    return databases["intake"]


async def test_from_the_proposal_to_the_last_obligation(table: Table) -> None:
    street = table.street
    mediation = await table.proposed()
    assert (mediation["state"], mediation["outcome"], mediation["version"]) == ("proposed", None, 2)
    mediation = await table.step(mediation, "declare", {"no_relation": True}, by=table.mediator)
    for by in (street.owner, table.other):
        assert mediation["state"] == "proposed", "nothing begins before all have agreed"
        mediation = await table.step(mediation, "consent", {"agrees": True}, by=by)
        mediation = await table.step(mediation, "accept-mediator", {"accepts": True}, by=by)
    assert mediation["state"] == "under_way"
    early = await table.act(mediation, "agreement", table.text(mediation, 5), by=table.mediator)
    assert (early.status_code, early.json()["rule"]) == (403, "no_session_held")
    for state in ("adjourned", "held"):
        planned = {"planned_for": due_in(1), "place": "社区调解室"}
        mediation = await table.step(mediation, "sessions", planned, by=table.officer)
        open_one = next(one for one in mediation["sessions"] if one["state"] == "planned")
        closing = {"state": state, "note": "记录"}
        mediation = await table.step(mediation, f"sessions/{open_one['id']}/close", closing, by=table.mediator)
    assert mediation["sessions_held"] == 2
    mediation = await table.step(mediation, "agreement", table.text(mediation, 5, 10), by=table.mediator)
    mediation = await table.step(mediation, "sign", {"revision": 1}, by=street.owner)
    assert (mediation["state"], mediation["effective_at"]) == ("drafted", None)
    mediation = await table.step(mediation, "sign", {"revision": 1}, by=table.other)
    assert (mediation["state"], mediation["outcome"]) == ("in_effect", "agreed")
    assert mediation["confirm_until"] >= (today() + timedelta(days=30)).isoformat()
    case = await table.case_of(mediation)
    assert case["state"] == "resolved"
    first, second = mediation["agreement"]["terms"]
    own = await table.act(mediation, f"terms/{first['id']}/perform", {}, by=table.other)
    assert (own.status_code, own.json()["rule"]) == (403, "not_ones_own_performance")
    mediation = await table.step(mediation, f"terms/{first['id']}/perform", {"note": "已移走"}, by=street.owner)
    assert mediation["state"] == "in_effect"
    mediation = await table.step(mediation, f"terms/{second['id']}/perform", {}, by=table.mediator)
    assert (mediation["state"], mediation["outcome"]) == ("fulfilled", "agreed")
    closed = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert closed["outcome"] == "satisfied"
    history = (await street.get(f"/v1/mediations/{mediation['id']}/history", by=table.other)).json()["items"]
    assert [one["position"] for one in history] == list(range(1, mediation["version"] + 1))
    assert history[-1]["step"] == "fulfil"


async def test_everybody_at_the_table_hears_of_every_step_and_nobody_else(table: Table, intake: Database) -> None:
    street = table.street
    mediation = await table.agreed(1)
    bystander = street.neighbour
    await street.post(f"/v1/cases/{mediation['case_id']}/join", by=bystander)
    await remind_of_obligations(intake, street.caller.tenant, utc_now())
    term = mediation["agreement"]["terms"][0]
    await table.step(mediation, f"terms/{term['id']}/perform", {}, by=street.owner)
    everybody = ["mediation_proposed", "mediator_proposed", "mediation_begun", "mediation_session"]
    everybody += ["mediation_drafted", "mediation_in_effect"]
    heard = await kinds(street, table.other)
    assert heard == [*everybody, "mediation_due_soon", "mediation_fulfilled"]
    owner = [kind for kind in await kinds(street, street.owner) if kind.startswith("mediat")]
    assert owner == everybody, "whoever wrote the last step down knows"
    mediator = await kinds(street, table.mediator)
    assert mediator == ["mediator_proposed", "mediation_begun", "mediation_in_effect", "mediation_fulfilled"]
    assert not [kind for kind in await kinds(street, bystander) if kind.startswith("mediat")]
    assert not [kind for kind in await kinds(street, street.grid_worker) if kind.startswith("mediat")]
    assert {"mediation_in_effect", "mediation_fulfilled"} <= set(await kinds(street, table.officer))


async def test_for_outsiders_it_does_not_exist(table: Table, elsewhere: Street) -> None:
    street = table.street
    mediation = await table.drafted(5)
    joiner = street.neighbour
    assert (await street.post(f"/v1/cases/{mediation['case_id']}/join", by=joiner)).status_code == 200
    outsiders = [
        joiner,
        street.grid_worker,
        street.works_clerk,
        street.holding(Role.CONVENOR, NORTH),
        street.holding(Role.AUDITOR, "county"),
        street.administrator,
        street.holding(Role.OFFICER, "county.south"),
        elsewhere.officer,
    ]
    path = f"/v1/mediations/{mediation['id']}"
    session = mediation["sessions"][0]["id"]
    reads = ("", "/history", f"/parties/{mediation['parties'][0]['id']}/contact", f"/proofs/{new_id()}")
    writes: dict[str, Any] = {
        "consent": {"agrees": False},
        "withdraw": {},
        "sign": {"revision": 1},
        "fail": {"advice": "x"},
        f"sessions/{session}/close": {"state": "held", "note": "x"},
    }
    for by in outsiders:
        assert [(await street.get(path + end, by=by, purpose="xx")).status_code for end in reads] == [404] * len(reads)
        assert (await street.get("/v1/mediations", by=by)).json()["items"] == []
        for end, body in writes.items():
            answer = await street.post(f"{path}/{end}", body, by=by, version=mediation["version"])
            assert answer.status_code == 404, (end, answer.text)
    for by in (street.owner, table.other, table.mediator, table.officer):
        shown = await table.read(mediation, by=by)
        assert shown["sessions"][0]["note"] == "双方各退一步"
        assert [one["id"] for one in (await street.get("/v1/mediations", by=by)).json()["items"]] == [mediation["id"]]
    steps = await street.history({"id": mediation["case_id"]}, by=joiner)
    told = [step for step in steps if step["step"].startswith("mediation")]
    assert [(step["step"], step["note"], set(step["data"])) for step in told] == [
        ("mediation_opened", None, {"mediation_id"})
    ]


async def test_a_refusal_ends_it_and_the_case_goes_back(table: Table) -> None:
    street = table.street
    case = await street.claimed(category="parking")
    answer = await street.post(f"/v1/cases/{case['id']}/mediations", table.asked(), by=table.officer)
    ended = await table.step(answer.json(), "consent", {"agrees": False, "note": "不愿意"}, by=table.other)
    assert (ended["state"], ended["outcome"], ended["advice"]) == ("withdrawn", "withdrawn", None)
    case = await table.case_of(ended)
    assert (case["state"], case["unit_id"]) == ("triaged", None)
    last = (await street.history(case))[-1]
    assert (last["step"], last["actor"], last["note"]) == ("mediation_withdrawn", "system", None)
    again = await street.post(f"/v1/cases/{case['id']}/mediations", table.asked(), by=table.officer)
    assert again.status_code == 201, "an ended one stands in no other's way"


@pytest.mark.parametrize("until", ["proposed", "begun", "held", "drafted"])
async def test_a_party_ends_it_at_any_time_until_it_has_signed_with_the_others(table: Table, until: str) -> None:
    mediation = await getattr(table, until)()
    stale = {**mediation, "version": 1}
    ended = await table.step(stale, "withdraw", {"reason": "想走诉讼"}, by=table.other)
    assert (ended["state"], ended["outcome"]) == ("withdrawn", "withdrawn")
    late = await table.act(ended, "withdraw", {}, by=table.other)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_a_failed_one_puts_the_case_back_with_advice(table: Table) -> None:
    street = table.street
    mediation = await table.held()
    advice = "可向法院起诉或申请仲裁"
    refused = await table.act(mediation, "fail", {"advice": advice}, by=table.other)
    assert (refused.status_code, refused.json()["rule"]) == (403, "no_party_leads")
    ended = await table.step(mediation, "fail", {"advice": advice}, by=table.mediator)
    assert (ended["state"], ended["outcome"], ended["advice"]) == ("failed", "failed", advice)
    case = await table.case_of(ended)
    assert case["state"] == "triaged"
    last = (await street.history(case))[-1]
    assert (last["step"], last["note"]) == ("mediation_failed", advice)
    assert (await kinds(street, table.other))[-1] == "mediation_failed"


async def test_the_mediator_is_related_to_nobody_and_steps_back(table: Table) -> None:
    street = table.street
    case = await street.triaged(category="parking")
    joiner_id = new_id()
    joiner = street.holding(Role.RESIDENT, GRID, person=joiner_id)
    await street.post(f"/v1/cases/{case['id']}/join", by=joiner)
    path = f"/v1/cases/{case['id']}/mediations"
    for related in (table.other_id, street.owner_id, joiner_id):
        answer = await street.post(path, table.asked(mediator_id=str(related)), by=table.officer)
        assert (answer.status_code, answer.json()["code"]) == (422, "mediator_is_related")
    mediation = (await street.post(path, table.asked(), by=table.officer)).json()
    lied = await table.act(mediation, "declare", {"no_relation": False}, by=table.mediator)
    assert lied.status_code == 422
    for by in (street.owner, table.other):
        mediation = await table.step(mediation, "consent", {"agrees": True}, by=by)
        mediation = await table.step(mediation, "accept-mediator", {"accepts": True}, by=by)
    recused = await table.step(mediation, "recuse", {"reason": "与一方是亲属"}, by=table.mediator)
    assert (recused["state"], recused["mediator_id"], recused["declared"]) == ("proposed", None, False)
    assert [party["accepts_mediator"] for party in recused["parties"]] == [None, None]
    assert [party["consents"] for party in recused["parties"]] == [True, True]
    gone = await street.get(f"/v1/mediations/{mediation['id']}", by=table.mediator)
    assert gone.status_code == 404, "who has stepped back knows no more of it"
    asked = await table.act(recused, "accept-mediator", {"accepts": True}, by=table.other)
    assert (asked.status_code, asked.json()["rule"]) == (403, "no_mediator")
    table.mediator_id = new_id()
    fresh = {"mediator_id": str(table.mediator_id)}
    mediation = await table.step(recused, "mediator", fresh, by=table.officer)
    mediation = await table.step(mediation, "declare", {"no_relation": True}, by=table.mediator)
    for by in (street.owner, table.other):
        mediation = await table.step(mediation, "accept-mediator", {"accepts": True}, by=by)
    assert mediation["state"] == "under_way"
    challenged = {"accepts": False, "reason": "偏袒"}
    mediation = await table.step(mediation, "accept-mediator", challenged, by=table.other)
    assert (mediation["state"], mediation["mediator_id"]) == ("proposed", None)


async def test_who_has_no_account_is_heard_through_a_proof_that_the_table_alone_sees(table: Table, owner: Any) -> None:
    street = table.street
    mediation = await table.begun(contact=True)
    assert mediation["state"] == "under_way"
    third = mediation["parties"][2]
    assert (third["person_id"], third["has_contact"]) == (None, True)
    sealed = await owner.fetchval("SELECT contact FROM intake.mediation_parties WHERE id = $1::uuid", third["id"])
    assert "赵某".encode() not in sealed
    path = f"/v1/mediations/{mediation['id']}"
    contact = f"{path}/parties/{third['id']}/contact"
    assert (await street.get(contact, by=table.mediator)).status_code == 422, "nobody reads it without saying why"
    opened = await street.get(contact, by=table.mediator, purpose="通知开会")
    assert (opened.json()["name"], opened.json()["phone"]) == ("赵某", "13800138000")
    refused = await street.get(contact, by=table.other, purpose="好奇")
    assert (refused.status_code, refused.json()["rule"]) == (403, "no_party_leads")
    disclosures = f"/v1/cases/{mediation['case_id']}/contact-disclosures"
    listed = (await street.get(disclosures, by=street.holding(Role.AUDITOR, "county"))).json()["items"]
    assert [(one["purpose"], one["actor"]) for one in listed] == [("通知开会", f"person/{table.mediator_id}")]
    proof = f"{path}/proofs/{third['consent_proof_id']}"
    for by in (table.other, table.mediator, table.officer):
        assert (await street.get(proof, by=by)).headers["content-type"] == "image/jpeg"
    outside = f"/v1/attachments/{third['consent_proof_id']}"
    for by in (street.grid_worker, table.other, street.works_clerk):
        assert (await street.get(outside, by=by)).status_code == 404
    case = await table.case_of(mediation)
    assert third["consent_proof_id"] not in case["attachment_ids"]
    tries = [
        ({"agrees": True, "party_id": third["id"]}, table.officer, 422, "proof_required"),
        ({"agrees": True, "party_id": str(new_id()), "proof_id": str(new_id())}, table.officer, 422, "unknown_party"),
        ({"agrees": True}, table.officer, 422, "unknown_party"),
        (
            {"agrees": True, "party_id": third["id"], "proof_id": str(new_id())},
            table.officer,
            422,
            "unknown_attachment",
        ),
        ({"agrees": True, "party_id": third["id"]}, table.other, 403, "forbidden"),
    ]
    waiting = await table.proposed_again(mediation)
    for body, by, status, code in tries:
        named = {**body, "party_id": waiting["parties"][2]["id"]} if body.get("party_id") == third["id"] else body
        answer = await table.act(waiting, "consent", named, by=by)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_signature_is_under_the_text_that_was_read(table: Table) -> None:
    street = table.street
    mediation = await table.drafted(5)
    mediation = await table.step(mediation, "sign", {"revision": 1}, by=street.owner)
    twice = await table.act(mediation, "sign", {"revision": 1}, by=street.owner)
    assert (twice.status_code, twice.json()["code"]) == (409, "signed_already")
    mediation = await table.step(mediation, "agreement", table.text(mediation, 8), by=table.mediator)
    assert (mediation["revision"], mediation["agreement"]["signatures"]) == (2, [])
    old = await table.act(mediation, "sign", {"revision": 1}, by=table.other)
    assert (old.status_code, old.json()["code"], old.json()["revision"]) == (409, "other_revision", 2)
    body = {"revision": 2, "reason": "金额不对"}
    mediation = await table.step(mediation, "decline-draft", body, by=table.other)
    assert mediation["state"] == "under_way"
    none = await table.act(mediation, "sign", {"revision": 2}, by=street.owner)
    assert (none.status_code, none.json()["code"]) == (409, "wrong_state")


async def test_a_signature_on_paper_counts_with_its_proof_and_all_at_once_take_effect_once(table: Table) -> None:
    street = table.street
    mediation = await table.drafted(5, contact=True)
    third = mediation["parties"][2]["id"]
    proof = await table.proof(by=table.mediator)
    bodies = [
        ({"revision": 1}, street.owner),
        ({"revision": 1}, table.other),
        ({"revision": 1, "party_id": third, "proof_id": proof}, table.mediator),
    ]
    answers = await asyncio.gather(*(table.act(mediation, "sign", body, by=by) for body, by in bodies))
    assert [answer.status_code for answer in answers] == [200] * 3
    mediation = await table.read(mediation)
    assert mediation["state"] == "in_effect"
    assert len(mediation["agreement"]["signatures"]) == 3
    history = (await street.get(f"/v1/mediations/{mediation['id']}/history", by=table.mediator)).json()["items"]
    assert [one["step"] for one in history].count("take_effect") == 1
    resolved = [one for one in await street.history({"id": mediation["case_id"]}) if one["step"] == "resolve"]
    assert len(resolved) == 1


async def test_reminders_come_once_each_and_a_breach_opens_the_case_again(
    table: Table, intake: Database, moved: MovedClock
) -> None:
    street = table.street
    mediation = await table.agreed(5, 20)
    tenant = street.caller.tenant
    first, second = mediation["agreement"]["terms"]

    async def told(kind: str, by: dict[str, str]) -> int:
        for _ in range(2):
            await remind_of_obligations(intake, tenant, utc_now())
        return (await kinds(street, by)).count(kind)

    assert await told("mediation_due_soon", table.other) == 0
    moved.forward(timedelta(days=3))
    assert await told("mediation_due_soon", table.other) == 1
    assert await told("mediation_due_soon", street.owner) == 0
    early = await table.act(mediation, f"terms/{first['id']}/breach", {"note": "未移走"}, by=street.owner)
    assert (early.status_code, early.json()["code"], early.json()["due_on"]) == (409, "not_due_yet", first["due_on"])
    moved.forward(timedelta(days=3))
    for by in (street.owner, table.other, table.mediator, table.officer):
        assert await told("mediation_overdue", by) == 1
    await street.step(await table.case_of(mediation), "feedback", {"answer": "solved"}, by=street.owner)
    mediation = await table.step(mediation, f"terms/{first['id']}/breach", {"note": "未移走"}, by=street.owner)
    assert (mediation["state"], mediation["outcome"]) == ("breached", "agreed")
    case = await table.case_of(mediation)
    assert (case["state"], case["outcome"], case["reopened"]) == ("reopened", None, 1)
    late = await table.step(mediation, f"terms/{first['id']}/perform", {}, by=street.owner)
    assert late["state"] == "breached", "the other obligation is still owed"
    done = await table.step(late, f"terms/{second['id']}/perform", {}, by=table.other)
    assert done["state"] == "fulfilled"
    again = await table.act(done, f"terms/{first['id']}/perform", {}, by=street.owner)
    assert again.json()["code"] == "wrong_state"


async def test_a_withdrawn_case_stays_withdrawn_whatever_is_agreed_or_broken(table: Table, moved: MovedClock) -> None:
    street = table.street
    mediation = await table.drafted(1)
    await street.step(await table.case_of(mediation), "withdraw", {"reason": "不用了"}, by=street.owner)
    for by in (street.owner, table.other):
        mediation = await table.step(mediation, "sign", {"revision": 1}, by=by)
    assert mediation["state"] == "in_effect"
    moved.forward(timedelta(days=3))
    term = mediation["agreement"]["terms"][0]["id"]
    await table.step(mediation, f"terms/{term}/breach", {"note": "x"}, by=street.owner)
    case = await table.case_of(mediation)
    assert (case["state"], case["outcome"]) == ("closed", "withdrawn")
    assert [one["step"] for one in await street.history(case)][-2:] == ["mediation_agreed", "mediation_breached"]


async def test_the_court_is_asked_within_thirty_days_and_its_ruling_kept(table: Table, moved: MovedClock) -> None:
    street = table.street
    late, timely = await table.agreed(90), await table.agreed(90)
    asked = {"court": "某区人民法院", "applied_on": today().isoformat()}
    ahead = {**asked, "applied_on": (today() + timedelta(days=1)).isoformat()}
    assert (await table.act(timely, "confirmation", ahead, by=table.mediator)).json()["code"] == "due_in_the_past"
    early = {"confirmed": True, "number": "(2026)司确1号", "ruled_on": today().isoformat()}
    refused = await table.act(timely, "confirmation/ruling", early, by=table.mediator)
    assert (refused.status_code, refused.json()["rule"]) == (403, "not_applied")
    timely = await table.step(timely, "confirmation", asked, by=table.officer)
    twice = await table.act(timely, "confirmation", asked, by=table.officer)
    assert (twice.status_code, twice.json()["rule"]) == (403, "applied_already")
    timely = await table.step(timely, "confirmation/ruling", early, by=table.mediator)
    assert (timely["confirmation"], timely["ruling_number"]) == ("confirmed", "(2026)司确1号")
    assert (await kinds(street, table.other))[-1] == "mediation_confirmed"
    moved.forward(timedelta(days=45))
    over = await table.act(late, "confirmation", {**asked, "applied_on": today().isoformat()}, by=table.mediator)
    assert (over.status_code, over.json()["code"]) == (409, "too_late_for_court")


async def test_what_cannot_be_proposed_is_told(table: Table) -> None:
    street = table.street
    case = await street.filed(category="parking")
    path = f"/v1/cases/{case['id']}/mediations"
    unseen = await street.post(path, table.asked(), by=table.officer)
    assert (unseen.status_code, unseen.json()["code"]) == (409, "wrong_state")
    case = await street.triaged(category="parking")
    path = f"/v1/cases/{case['id']}/mediations"
    own_id = new_id()
    own = street.holding(Role.OFFICER, NORTH, person=own_id)
    mine = [{"role": "applicant", "person_id": str(own_id)}, {"role": "respondent", "person_id": str(table.other_id)}]
    both = [{"role": "third", "person_id": str(new_id()), "contact": {"name": "x"}}] * 2
    tries = [
        (table.asked(), street.holding(Role.OFFICER, "county.south"), 404, "not_found"),
        (table.asked(), street.owner, 403, "forbidden"),
        (table.asked(parties=mine), own, 403, "forbidden"),
        (table.asked(parties=mine[:1]), table.officer, 422, "invalid_request"),
        (table.asked(parties=[mine[1], mine[1]]), table.officer, 422, "invalid_request"),
        (table.asked(parties=both), table.officer, 422, "invalid_request"),
        (table.asked(id="0b0b8e0e-8a54-4d7a-9c9b-0e2f6a1f9a11"), table.officer, 400, "id_not_uuid7"),
    ]
    for body, by, status, code in tries:
        answer = await street.post(path, body, by=by)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    wanted = table.asked(id=str(new_id()))
    answers = [await street.post(path, wanted, by=table.officer) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    other = {**wanted, "parties": [*wanted["parties"], {"role": "third", "person_id": str(new_id())}]}
    assert (await street.post(path, other, by=table.officer)).json()["code"] == "id_taken"
    assert (await street.post(path, table.asked(), by=table.officer)).json()["code"] == "mediation_is_open"
    many = await asyncio.gather(*(table.proposed_at(path) for _ in range(3)))
    assert {answer.status_code for answer in many} == {409}


async def test_of_many_who_propose_at_once_one_does(table: Table) -> None:
    case = await table.street.triaged(category="parking")
    answers = await asyncio.gather(*(table.proposed_at(f"/v1/cases/{case['id']}/mediations") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_a_party_is_added_while_it_is_being_proposed(table: Table) -> None:
    street = table.street
    mediation = await table.proposed()
    tries = {
        "party_is_there": {"role": "third", "person_id": str(table.other_id)},
        "mediator_is_related": {"role": "third", "person_id": str(table.mediator_id)},
    }
    for code, body in tries.items():
        assert (await table.act(mediation, "parties", body, by=table.officer)).json()["code"] == code
    third = street.holding(Role.RESIDENT, GRID, person=(third_id := new_id()))
    assert (await street.get(f"/v1/mediations/{mediation['id']}", by=third)).status_code == 404
    body = {"role": "third", "person_id": str(third_id)}
    mediation = await table.step(mediation, "parties", body, by=table.officer)
    assert await kinds(street, third) == ["mediation_proposed"]
    begun = await table.begun()
    late = await table.act(begun, "parties", {**body, "person_id": str(new_id())}, by=table.officer)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_an_anonymous_requester_is_no_party_by_account(table: Table) -> None:
    street = table.street
    words = {**street.words(category="parking"), "id": str(new_id()), "token": "q7WmZp2Lk9Xr4Tb8Vn3Ys6Hd1Fg5Jc0A"}
    case = (await street.post("/v1/anonymous-cases", words)).json()
    seen = await street.read(case, by=table.officer)
    seen = await street.step(seen, "accept", {}, by=street.grid_worker)
    await street.step(seen, "triage", SIMPLE, by=street.grid_worker)
    body = table.asked()
    body["parties"][0]["person_id"] = seen["requester_id"]
    answer = await street.post(f"/v1/cases/{case['id']}/mediations", body, by=table.officer)
    assert (answer.status_code, answer.json()["code"]) == (422, "party_is_a_pseudonym")


async def test_figures_count_outcomes_and_name_nobody(table: Table) -> None:
    street = table.street
    await table.agreed(5)
    await table.agreed()
    failed = await table.held()
    await table.step(failed, "fail", {"advice": "x"}, by=table.mediator)
    await table.proposed()
    seen = await street.get("/v1/mediation-figures", by=street.holding(Role.AUDITOR, "county"))
    assert seen.json() == {
        "opened": 4,
        "open": 1,
        "agreed": 2,
        "failed": 1,
        "withdrawn": 0,
        "in_effect": 1,
        "fulfilled": 1,
        "breached": 0,
        "confirmed": 0,
        "sessions_held": 3,
    }
    elsewhere = {"under": str(street.areas["county.south"])}
    for params, by in ((elsewhere, street.administrator), ({}, street.holding(Role.OFFICER, "county.south"))):
        assert (await street.get("/v1/mediation-figures", by=by, **params)).json()["opened"] == 0
    later = await street.get("/v1/mediation-figures", by=table.officer, since=due_in(1))
    assert later.json()["opened"] == 0
    assert (await street.get("/v1/mediation-figures", by=street.owner)).status_code == 403
    unknown = await street.get("/v1/mediation-figures", by=table.officer, under=str(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_area")


async def test_a_session_is_planned_ahead_and_written_down_once(table: Table) -> None:
    first, second = await table.begun(), await table.begun()
    planned = {"id": str(new_id()), "planned_for": due_in(1), "place": "社区调解室"}
    first = await table.step(first, "sessions", planned, by=table.mediator)
    for body, code in (
        (planned, "id_taken"),
        ({**planned, "id": "0b0b8e0e-8a54-4d7a-9c9b-0e2f6a1f9a11"}, "id_not_uuid7"),
        ({**planned, "id": str(new_id()), "planned_for": due_in(-1)}, "due_in_the_past"),
    ):
        assert (await table.act(second, "sessions", body, by=table.mediator)).json()["code"] == code
    path = f"sessions/{planned['id']}/close"
    first = await table.step(first, path, {"state": "cancelled", "note": "改期"}, by=table.officer)
    assert first["sessions_held"] == 0
    again = await table.act(first, path, {"state": "held", "note": "x"}, by=table.officer)
    assert (again.status_code, again.json()["code"]) == (409, "session_is_over")
    elsewhere = await table.act(second, path, {"state": "held", "note": "x"}, by=table.officer)
    assert elsewhere.status_code == 404
    still = await table.act(second, path, {"state": "planned", "note": "x"}, by=table.officer)
    assert still.status_code == 422


async def test_lists_are_narrowed_and_a_stale_version_is_answered_with_the_current_one(table: Table) -> None:
    street = table.street
    first, second = await table.proposed(), await table.begun()
    listed = (await street.get("/v1/mediations", by=table.officer, page_size=1)).json()
    assert [one["id"] for one in listed["items"]] == [second["id"]]
    rest = (await street.get("/v1/mediations", by=table.officer, page_size=1, cursor=listed["next_cursor"])).json()
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == ([first["id"]], None)
    for query, ids in (
        ({"state": "under_way"}, [second["id"]]),
        ({"case_id": first["case_id"]}, [first["id"]]),
        ({"outcome": "agreed"}, []),
        ({"mine": "true"}, []),
    ):
        found = (await street.get("/v1/mediations", by=table.officer, **query)).json()["items"]
        assert [one["id"] for one in found] == ids, query
    stale = await table.act({**second, "version": 1}, "fail", {"advice": "x"}, by=table.officer)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, second["version"])
    missing = await street.post(f"/v1/mediations/{second['id']}/fail", {"advice": "x"}, by=table.officer)
    assert missing.status_code == 428


async def test_history_and_signatures_are_only_added_to(table: Table, servers: TestServers) -> None:
    await table.agreed(5)
    connection = await asyncpg.connect(servers.role_url("intake"))
    try:
        await connection.execute(f"SET linli.tenant = '{table.street.caller.tenant}'")
        for name in ("mediation_steps", "mediation_signatures", "mediation_agreements", "mediation_proofs"):
            for statement in (f"DELETE FROM intake.{name}", f"UPDATE intake.{name} SET tenant_id = tenant_id"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    finally:
        await connection.close()
