"""Notifications: everybody concerned hears of every step, reads it once, and nobody reads what was told to others."""

import re
from collections import Counter
from typing import Any
from uuid import UUID

from services.intake.notifications.rules import TEMPLATES, rendered, rendered_outside
from shared.auth import Role
from shared.clock import utc_now
from shared.contracts.directory import NotificationSent, ReachabilityChanged
from shared.contracts.matching_partners import WebhookEndpointDisabled
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe
from tests.intake.conftest import GRID, MEDIUM, NORTH, Headers, Street, due_in, picture
from tests.intake.test_filing import outbox


async def inbox(street: Street, by: Headers, **query: Any) -> list[dict[str, Any]]:
    response = await street.get("/v1/notifications", by=by, **query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def kinds(street: Street, by: Headers) -> list[str]:
    return [item["kind"] for item in reversed(await inbox(street, by))]


def test_every_template_is_told_in_both_languages_and_names_the_case() -> None:
    params = {"number": "C-2026-000001", "title": "污水", "unit": "排水所", "due_on": "2026-12-01", "joiners": "3"}
    for kind, template in TEMPLATES.items():
        inside, outside = rendered(kind, params), rendered_outside(kind, params)
        for text in (inside.zh, inside.en, outside.zh, outside.en):
            # What is told of no case at all has none to name.
            assert params["number"] in text or kind.startswith("webhook_"), kind
            assert "{" not in text
        assert "污水" not in outside.zh + outside.en
        fields = set(re.findall(r"{(\w+)}", template.zh))
        assert fields == set(re.findall(r"{(\w+)}", template.en)) or {"level_zh"} & fields, kind


async def test_requester_and_joiners_hear_of_every_step_and_the_unit_of_its_own(street: Street) -> None:
    case = await street.filed()
    neighbour = street.neighbour
    await street.post(f"/v1/cases/{case['id']}/join", by=neighbour)
    case = (await street.get(f"/v1/cases/{case['id']}")).json()
    case = await street.step(case, "accept", {}, by=street.grid_worker)
    hard = {"owner_is_clear": False, "crosses_boundary": True, "households": 60, "cost_fen": 0, "departments": 2}
    case = await street.step(case, "triage", hard, by=street.grid_worker)
    case = await street.given_to(case, street.works, by=street.works_clerk)
    clerk = street.works_clerk
    proof = (await street.upload(picture(), by=clerk)).json()["id"]
    case = await street.step(case, "resolve", {"note": "已修好", "attachment_ids": [proof]}, by=clerk)
    await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    heard = ["case_accepted", "case_triaged", "case_assigned", "case_claimed", "case_resolved"]
    first = ["case_registered", "case_joined"]
    assert await kinds(street, street.owner) == [*first, *heard], "what one has done oneself is no news"
    assert await kinds(street, neighbour) == [*heard, "case_closed"]
    assert await kinds(street, street.works_clerk) == ["case_assigned", "case_closed"]
    line = (await inbox(street, street.owner))[0]
    assert (line["text_zh"], line["read"], line["audience"]) == (
        f"诉求 {case['number']}“{case['title']}”已办结，请评价：已修好",
        False,
        "person",
    )
    assert await kinds(street, street.water_clerk) == []


# Who takes a step knows of it, so the requester hears neither of its own appeal nor of its own verdict.
JOURNEY: list[tuple[str, dict[str, Any], str, str | list[str] | None]] = [
    ("accept", {}, "grid_worker", "case_accepted"),
    ("triage", MEDIUM, "grid_worker", "case_triaged"),
    ("appeals", {"reason": "是大事"}, "owner", None),
    ("appeals/answer", {"decision": "rejected", "answer": "按标准评定"}, "officer", "appeal_answered"),
    ("level", {"level": "joint", "reason": "牵涉多家"}, "officer", "case_triaged"),
    ("level", {"level": "council", "reason": "退回"}, "officer", "case_triaged"),
    ("assign", {"unit_id": "works"}, "officer", "case_assigned"),
    ("claim", {"unit_id": "works", "due_at": "soon"}, "works_clerk", "case_claimed"),
    ("progress", {"note": "开挖"}, "works_clerk", "case_progress"),
    ("reply", {"note": "周五完成"}, "works_clerk", "case_replied"),
    ("comment", {"note": "已现场查看"}, "grid_worker", "case_commented"),
    ("pause", {"reason": "weather"}, "works_clerk", "case_paused"),
    ("resume", {}, "works_clerk", "case_resumed"),
    ("hand-on", {"reason": "不属本单位"}, "works_clerk", "case_handed_on"),
    ("assign", {"unit_id": "works"}, "officer", "case_assigned"),
    ("hand-on", {"reason": "仍不属本单位"}, "works_clerk", ["case_handed_on", "case_forced_joint"]),
    ("assign", {"unit_id": "works"}, "officer", "case_assigned"),
    ("claim", {"unit_id": "works", "due_at": "soon"}, "works_clerk", "case_claimed"),
    ("resolve", {"note": "已修复"}, "works_clerk", "case_resolved"),
]


async def test_everybody_concerned_hears_of_every_step_and_each_message_has_its_receipt(
    street: Street, pipe: Pipe, databases: dict[str, Database]
) -> None:
    joiner_id = new_id()
    joiner = street.holding(Role.RESIDENT, GRID, person=joiner_id)
    tenant = street.caller.tenant
    for person in (street.owner_id, joiner_id):
        wish = ReachabilityChanged(person_id=person, push=True, sms=False)
        await pipe.publish("directory", tenant, f"person/{person}", wish)
    await pipe.rest()
    case = await street.filed(category="parking")
    await street.post(f"/v1/cases/{case['id']}/join", by=joiner)
    expected: list[str] = []
    for action, body, who, heard in JOURNEY:
        said = {
            name: {"works": str(street.works), "soon": due_in(3)}.get(str(value), value) for name, value in body.items()
        }
        case = await street.read(case, by=street.officer)
        answer = await street.act(case, action, said, by=getattr(street, who))
        assert answer.status_code in (200, 201), (action, answer.text)
        expected += [heard] if isinstance(heard, str) else heard or []
    assert await kinds(street, street.owner) == ["case_registered", "case_joined", *expected]
    assert await kinds(street, joiner) == expected
    await street.step(await street.read(case), "feedback", {"answer": "not_solved"}, by=street.owner)
    assert await kinds(street, joiner) == [*expected, "case_reopened"]
    due = [
        one["data"] for one in await outbox(databases["intake"], tenant) if one["type"] == "linli.notification.due.v1"
    ]
    for one in due:
        sent = NotificationSent(
            notification_id=UUID(one["notification_id"]),
            person_id=UUID(one["person_id"]),
            channel="push",
            ok=True,
            detail=None,
            at=utc_now(),
        )
        await pipe.publish("directory", tenant, f"person/{one['person_id']}", sent)
    await pipe.rest()
    path = f"/v1/cases/{case['id']}/receipts"
    receipts = (await street.get(path, by=street.officer, page_size=200)).json()["items"]
    got = Counter(
        (one["told"], one["kind"]) for one in receipts if (one["channel"], one["state"]) == ("push", "delivered")
    )
    # Who has filed the case has just been answered: that it is registered only stands in the inbox.
    wanted = Counter(("requester", kind) for kind in ["case_joined", *expected]) + Counter(
        ("neighbour", kind) for kind in expected
    )
    assert got == wanted + Counter([("neighbour", "case_reopened")])
    print(f"{len(JOURNEY) + 1} steps, {len(receipts)} messages to two people, each with its receipt")


async def test_roles_hear_at_the_place_and_above_it_but_not_beside_it(street: Street) -> None:
    case = await street.filed()
    await street.post(f"/v1/cases/{case['id']}/comment", {"note": "还有一处"})
    assert await kinds(street, street.grid_worker) == ["case_filed", "case_commented"]
    assert await kinds(street, street.holding(Role.GRID_WORKER, "county")) == ["case_filed", "case_commented"]
    assert await kinds(street, street.holding(Role.GRID_WORKER, "county.south")) == []
    assert await kinds(street, street.holding(Role.GRID_WORKER, f"{GRID}.b1")) == []
    assert await kinds(street, street.holding(Role.OFFICER, NORTH)) == []


async def test_reading_is_once_and_for_oneself(street: Street) -> None:
    cases = [await street.step(await street.filed(), "accept", {}, by=street.grid_worker) for _ in range(3)]
    registered = [line["id"] for line in await inbox(street, street.owner) if line["kind"] == "case_registered"]
    assert (await street.post("/v1/notifications/read", {"ids": registered})).json() == {"marked": 3}
    lines = [line for line in await inbox(street, street.owner) if line["id"] not in registered]
    assert (await street.get("/v1/notifications/unread")).json() == {"unread": 3}
    marked = await street.post("/v1/notifications/read", {"ids": [lines[0]["id"]]})
    assert marked.json() == {"marked": 1}
    assert (await street.post("/v1/notifications/read", {"ids": [lines[0]["id"]]})).json() == {"marked": 0}
    assert [item["id"] for item in await inbox(street, street.owner, unread=True)] == [line["id"] for line in lines[1:]]
    assert (await street.post("/v1/notifications/read", {"up_to": lines[1]["id"]})).json() == {"marked": 2}
    assert (await street.get("/v1/notifications/unread")).json() == {"unread": 0}
    foreign = await street.post("/v1/notifications/read", {"ids": [lines[0]["id"]]}, by=street.neighbour)
    assert foreign.status_code == 404
    both: dict[str, Any] = {"ids": [lines[0]["id"]], "up_to": lines[0]["id"]}
    bad: tuple[dict[str, Any], ...] = ({}, {"ids": []}, both, {"ids": ["x"]})
    for wrong in bad:
        assert (await street.post("/v1/notifications/read", wrong)).status_code == 422
    receipts = await street.get(f"/v1/cases/{cases[2]['id']}/receipts", by=street.officer)
    _, seen = receipts.json()["items"]
    assert (seen["told"], seen["channel"], seen["state"]) == ("requester", "inbox", "read")
    assert seen["person_id"] == str(street.owner_id)
    assert (await street.get(f"/v1/cases/{cases[2]['id']}/receipts")).status_code == 403


async def test_the_inbox_is_paged_from_the_newest_on(street: Street) -> None:
    for _ in range(5):
        await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    everything = {line["id"] for line in await inbox(street, street.owner)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(5):
        page = (await street.get("/v1/notifications", page_size=2, **cursor)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert seen == sorted(seen, reverse=True)
    assert (len(set(seen)), set(seen)) == (10, everything)
    assert cursor == {"cursor": None}


async def test_only_who_can_be_reached_costs_an_event_and_receipts_come_back(
    street: Street, pipe: Pipe, databases: dict[str, Database]
) -> None:
    first = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    assert "linli.notification.due.v1" not in {
        event["type"] for event in await outbox(databases["intake"], street.caller.tenant)
    }
    wish = ReachabilityChanged(person_id=street.owner_id, push=True, sms=False)
    await pipe.publish("directory", street.caller.tenant, f"person/{street.owner_id}", wish)
    await pipe.rest()
    second = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    due = [
        event
        for event in await outbox(databases["intake"], street.caller.tenant)
        if event["type"] == "linli.notification.due.v1"
    ]
    assert [event["data"]["case_id"] for event in due] == [second["id"]]
    assert due[0]["data"]["title_zh"] == f"您的诉求 {second['number']}已受理"
    assert second["title"] not in str(due[0])
    sent = NotificationSent(
        notification_id=UUID(due[0]["data"]["notification_id"]),
        person_id=street.owner_id,
        channel="push",
        ok=False,
        detail="no such device",
        at=utc_now(),
    )
    unknown = sent.model_copy(update={"notification_id": new_id()})
    await pipe.publish("directory", street.caller.tenant, f"person/{street.owner_id}", sent)
    await pipe.rest()
    await pipe.publish("directory", street.caller.tenant, f"person/{street.owner_id}", unknown)
    await pipe.rest()
    (receipt,) = (await street.get(f"/v1/cases/{second['id']}/receipts", by=street.officer)).json()["items"]
    assert (receipt["channel"], receipt["state"], receipt["detail"]) == ("push", "failed", "no such device")
    assert first["id"] != second["id"]


async def test_a_partners_staff_hears_that_its_endpoint_was_disabled(street: Street, pipe: Pipe) -> None:
    for reason in ("partner", "officer", "gone", "failing"):
        told = WebhookEndpointDisabled(
            endpoint_id=new_id(), partner_id=new_id(), unit_id=street.works, reason=reason, at=utc_now()
        )
        await pipe.publish("matching", street.caller.tenant, f"webhook_endpoint/{told.endpoint_id}", told)
    await pipe.rest()
    assert await kinds(street, street.works_clerk) == [
        f"webhook_disabled_{reason}" for reason in ("partner", "officer", "gone", "failing")
    ]
    line = (await inbox(street, street.works_clerk))[0]
    assert "五天" in line["text_zh"]
    assert line["case_id"] is None
    assert await kinds(street, street.water_clerk) == []
