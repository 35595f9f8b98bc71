"""Webhooks from what happens to the receiver's answer: who is told what, when, how often, and what is kept of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import standardwebhooks
from jsonschema_rs import Draft202012Validator

from services.matching.outgoing.jobs import close, forget, schedules
from services.matching.outgoing.rules import ATTEMPTS_MAX
from services.matching.outgoing.sender import ANSWER_KEPT_BYTES
from shared.auth import Role
from shared.clock import machine_now, utc_now
from shared.contracts.intake import CaseTriaged
from shared.contracts.ledger import CampaignSettled, GrantDecided, PaymentMade
from shared.db import Database
from shared.ids import new_id
from shared.webhooks import SignatureRefused, read_verifier
from tests.conftest import MovedClock
from tests.matching.conftest import Quarter
from tests.matching.receiving import (
    NEED,
    Heard,
    Partner,
    Receiver,
    heard_of_need,
    postman,
    receiver,
    register,
    sql,
    subscribed,
    uuid_of,
)


@pytest_asyncio.fixture(loop_scope="session")
async def far() -> AsyncIterator[Receiver]:
    async with receiver() as built:
        yield built


async def send(quarter: Quarter, database: Database, **settings: Any) -> None:
    """Let a worker send whatever is due."""
    async with postman(**settings) as man:
        await man.send_all(database, quarter.caller.tenant)


async def schema_of(quarter: Quarter, event_type: str) -> Draft202012Validator:
    found = await quarter.read("/v1/webhook-events")
    (schema,) = [item["json_schema"] for item in found["events"] if item["type"] == event_type]
    return Draft202012Validator(schema, validate_formats=True)


async def test_a_need_is_told_to_whom_covers_it_signed_by_both_schemes_and_without_the_case(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    near = await subscribed(quarter, far.url("/near"), NEED, area="d.z")
    await subscribed(quarter, far.url("/away"), NEED, unit="club", area="d.y")
    await subscribed(quarter, far.url("/other-types"), "linli.payment.made.v1", unit="builder")
    case_id = await quarter.case()
    need_id = await heard_of_need(quarter, case_id=str(case_id))
    await send(quarter, database)
    (heard,) = far.heard
    assert heard.path == "/near"
    headers = dict(heard.headers)
    assert headers["content-type"] == "application/json"
    # Verified by our own verifier, by both keys, and by the library that partners use.
    public = near.endpoint["keys"][0]["public_key"]
    for key in (near.secret, public):
        heard.signed.verify(heard.body, [read_verifier(key)], machine_now())
    assert sorted(version for version, _ in heard.signed.signatures) == ["v1", "v1a"]
    told = standardwebhooks.Webhook(near.secret).verify(heard.body, headers)
    (await schema_of(quarter, NEED)).validate(told)
    assert told == heard.told
    assert told["id"] == headers["webhook-id"]
    assert (told["type"], told["tenant"], told["test"]) == (NEED, quarter.caller.tenant, False)
    assert told["data"] == {
        "need_id": need_id,
        "category": "after_school",
        "area_id": str(quarter.areas["d.z.c1"]),
        "area_path": "d.z.c1",
    }
    assert str(case_id) not in heard.body.decode()
    assert await near.states() == ["delivered"]


async def test_what_becomes_of_an_offer_is_told_to_its_partner_and_to_nobody_else(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    partner = await quarter.partner()
    mine = await register(quarter, partner, "school", far.url("/school"))
    await subscribed(quarter, far.url("/builder"), unit="builder")
    await subscribed(quarter, far.url("/club"), unit="club")
    await quarter.offer(partner)
    first, second = await quarter.need(), await quarter.need()
    proposals = [(await quarter.read(f"/v1/needs/{item['id']}/matches"))["matches"][0] for item in (first, second)]
    await quarter.made(f"/v1/matches/{proposals[0]['id']}/refuse", {"reason": "不合适"}, version=1)
    body = {"milestones": [{"title": "开课"}], "lead_unit_id": str(quarter.units["builder"])}
    project = await quarter.made(f"/v1/matches/{proposals[1]['id']}/accept", body, version=1)
    milestone = project["milestones"][0]["id"]
    await quarter.made(
        f"/v1/projects/{project['id']}/milestones/{milestone}/reach", {"proof": "照片"}, version=project["version"]
    )
    await quarter.pipe.rest()
    await send(quarter, database)
    kinds = {path: sorted(one.told["type"] for one in far.at(path)) for path in ("/school", "/builder", "/club")}
    needs = [NEED, NEED]
    assert kinds["/school"] == [
        "linli.match.accepted.v1", "linli.match.refused.v1", *needs,
        "linli.project.opened.v1", "linli.project.progressed.v1",
    ]  # fmt: skip
    assert kinds["/builder"] == [*needs, "linli.project.opened.v1", "linli.project.progressed.v1"]
    assert kinds["/club"] == needs
    accepted = next(one.told for one in far.at("/school") if one.told["type"] == "linli.match.accepted.v1")
    assert (accepted["data"]["project_id"], accepted["data"]["partner_id"]) == (project["id"], mine.id)
    assert "不合适" not in "".join(one.body.decode() for one in far.heard)


async def test_what_the_other_services_tell_reaches_whom_it_concerns(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    await subscribed(quarter, far.url("/builder"), unit="builder")
    await subscribed(quarter, far.url("/club"), unit="club", area="d.y")
    project = uuid_of((await quarter.project())["id"])
    case_id, tenant = await quarter.case(), quarter.caller.tenant
    decided = GrantDecided(
        grant_id=new_id(), project_id=project, request_id=None, outcome="approved", granted_fen=1, reason="有人反对"
    )
    paid = PaymentMade(
        payment_id=new_id(), invoice_id=new_id(), grant_id=decided.grant_id, project_id=project, amount_fen=1, paid_at=utc_now()
    )  # fmt: skip
    of_nobody = paid.model_copy(update={"project_id": None})
    settled = CampaignSettled(campaign_id=new_id(), fund_id=new_id(), raised_fen=2, share_fen=1, at=utc_now())
    await quarter.pipe.publish("ledger", tenant, f"grant/{decided.grant_id}", decided, paid, of_nobody)
    await quarter.pipe.publish("ledger", tenant, f"campaign/{settled.campaign_id}", settled)
    triaged = CaseTriaged(case_id=case_id, level="joint", reasons=["跨区域"])
    await quarter.pipe.publish("intake", tenant, f"case/{case_id}", triaged)
    await quarter.pipe.rest()
    await send(quarter, database)
    assert sorted(one.told["type"] for one in far.at("/builder")) == [
        "linli.campaign.settled.v1", "linli.case.triaged.v1", "linli.grant.decided.v1", "linli.payment.made.v1",
        "linli.project.opened.v1",
    ]  # fmt: skip
    assert [one.told["type"] for one in far.at("/club")] == ["linli.campaign.settled.v1"]
    words = "".join(one.body.decode() for one in far.heard)
    assert "有人反对" not in words
    assert "跨区域" not in words


async def test_a_partner_that_is_not_vetted_is_told_nothing(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    partner = await quarter.partner(vetted=False)
    mine = await register(quarter, partner, "school", far.url(), NEED)
    await heard_of_need(quarter)
    assert await mine.deliveries() == []
    vetted = await quarter.made(f"/v1/partners/{partner['id']}/vet", {"decision": "vet"}, version=1)
    await heard_of_need(quarter)
    await quarter.made(
        f"/v1/partners/{partner['id']}/vet", {"decision": "suspend", "reason": "停业"}, version=vetted["version"]
    )
    await send(quarter, database)
    assert far.heard == []
    (row,) = await mine.deliveries()
    assert (row["state"], row["reason"]) == ("dropped", "suspended")


async def test_every_attempt_is_the_same_message_and_is_written_down(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    far.says("/hook", 500, body=b"\x00\xff" + "抱歉".encode() + b"x" * 5000)
    await send(quarter, database)
    await send(quarter, database)
    assert len(far.heard) == 1
    moved.forward(timedelta(seconds=7))
    far.says("/hook", 302, "Location: http://127.0.0.1:1/\r\n")
    await send(quarter, database)
    moved.forward(timedelta(hours=1))
    del far.answers["/hook"]
    await send(quarter, database)
    first, second, third = far.heard
    assert first.id == second.id == third.id
    assert first.body == second.body == third.body
    for heard in far.heard:
        heard.signed.verify(heard.body, [read_verifier(mine.secret)], machine_now())
    (row,) = await mine.deliveries()
    assert (row["state"], row["tries"], row["event_id"]) == ("delivered", 3, first.id)
    detail = await mine.detail(row["id"])
    assert detail["body"] == first.told
    assert [(item["number"], item["status"], item["error"]) for item in detail["attempts"]] == [
        (1, 500, None), (2, 302, None), (3, 204, None),
    ]  # fmt: skip
    answer = detail["attempts"][0]["answer"]
    assert answer.startswith("��抱歉xxx")
    assert len(answer) < ANSWER_KEPT_BYTES
    assert all(item["duration_ms"] >= 0 for item in detail["attempts"])
    listed = await quarter.read(f"{mine.path}/attempts", by=mine.by, page_size=2)
    assert [item["number"] for item in listed["items"]] == [3, 2]
    assert listed["next_cursor"]
    by_state = [len(await mine.deliveries(state=state)) for state in ("due", "delivered", "failed", "dropped")]
    assert by_state == [0, 1, 0, 0]
    assert len(await mine.deliveries(event_type=NEED)) == 1
    assert await mine.deliveries(event_type="linli.payment.made.v1") == []


@pytest.mark.parametrize(
    ("how", "error"),
    [("silent", "timeout"), ("dripping", "timeout"), ("closed", "connect"), ("garbage", "broken"), ("refused", "address_refused")],
)  # fmt: skip
async def test_why_there_was_no_answer_is_told(
    quarter: Quarter, database: Database, far: Receiver, how: str, error: str
) -> None:
    path = {"silent": "/silent", "dripping": "/dripping"}.get(how, "/hook")
    far.silent.add("/silent")
    far.dripping.add("/dripping")
    url = "http://127.0.0.1:1/" if how == "closed" else far.url(path)
    if how == "garbage":
        far.answers["/hook"] = b"SSH-2.0-OpenSSH\r\n\r\n"
    mine = await subscribed(quarter, url, NEED)
    await heard_of_need(quarter)
    # An address that was registered by development is still refused by a worker that is not.
    await send(quarter, database, webhook_timeout_s=0.5, webhooks_allow_loopback=how != "refused")
    (row,) = await mine.deliveries()
    assert row["state"] == "due"
    (attempt,) = (await mine.detail(row["id"]))["attempts"]
    assert (attempt["status"], attempt["error"]) == (None, error)
    assert attempt["duration_ms"] < 3_000
    assert (len(far.heard) == 0) == (how in {"closed", "refused"})


async def test_retry_after_is_honoured(quarter: Quarter, database: Database, far: Receiver, moved: MovedClock) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    far.says("/hook", 503, "Retry-After: 7200\r\n")
    await send(quarter, database)
    moved.forward(timedelta(seconds=3600))
    await send(quarter, database)
    assert len(far.heard) == 1
    moved.forward(timedelta(seconds=3700))
    far.says("/hook", 429, "Retry-After: 1\r\n")
    await send(quarter, database)
    assert len(far.heard) == 2
    # Sooner than the schedule is not asked for by anybody who is too busy.
    moved.forward(timedelta(seconds=100))
    await send(quarter, database)
    assert len(far.heard) == 2
    assert await mine.states() == ["due"]


async def test_who_says_gone_is_told_nothing_more_and_its_staff_and_other_endpoints_hear_of_it(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    partner = await quarter.partner()
    mine = await register(quarter, partner, "school", far.url("/gone"), NEED)
    other = await register(quarter, partner, "school", far.url("/other"), "linli.webhook_endpoint.disabled.v1")
    far.says("/gone", 410)
    for _ in range(3):
        await heard_of_need(quarter)
    await send(quarter, database, webhooks_per_endpoint=1)
    seen = await mine.seen()
    assert (seen["state"], seen["reason"]) == ("disabled", "gone")
    assert len(far.at("/gone")) == 1
    assert await mine.states() == ["dropped"] * 3
    await quarter.pipe.rest()
    await send(quarter, database)
    (heard,) = far.at("/other")
    assert heard.told["data"] | {"at": None} == {
        "endpoint_id": mine.endpoint["id"], "partner_id": mine.id, "reason": "gone", "at": None,
    }  # fmt: skip
    assert await other.states() == ["delivered"]
    await heard_of_need(quarter)
    assert len(await mine.deliveries()) == 3
    back = await quarter.made(f"{mine.path}/enable", None, by=mine.by, version=seen["version"])
    del far.answers["/gone"]
    replayed = await quarter.post(f"{mine.path}/replay", {"since": back["created_at"]}, by=mine.by)
    assert (replayed.status_code, replayed.json()) == (202, {"requeued": 4, "next_since": None})
    await send(quarter, database)
    assert await mine.states() == ["delivered"] * 4


async def test_a_receiver_that_is_away_for_three_days_gets_everything(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    far.says("/hook", 502)
    told = 0
    hours = 0
    # Something happens every six hours, and a worker looks every other hour.
    async with postman() as man:
        while hours < 72:
            if hours % 6 == 0:
                await heard_of_need(quarter)
                told += 1
            await man.send_all(database, quarter.caller.tenant)
            moved.forward(timedelta(hours=2))
            hours += 2
        failed = len(far.heard)
        assert failed > told * 2
        del far.answers["/hook"]
        while await mine.deliveries(state="due"):
            moved.forward(timedelta(hours=2))
            await man.send_all(database, quarter.caller.tenant)
            hours += 2
    assert await mine.states() == ["delivered"] * told
    arrived = {one.id for one in far.heard[failed:]}
    print(f"\n{told} events in 72 h of silence, {failed} attempts failed: {len(arrived)} arrived by hour {hours:.0f}")
    assert len(arrived) == told == 12
    assert (await mine.seen())["failing_since"] is None


async def test_a_jump_of_three_days_is_one_attempt_and_gives_nobody_up(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    far.says("/hook", 500)
    for _ in range(4):
        await send(quarter, database)
        moved.forward(timedelta(hours=72))
    seen = await mine.seen()
    assert (seen["state"], len(far.heard)) == ("enabled", 4)
    del far.answers["/hook"]
    await send(quarter, database)
    assert await mine.states() == ["delivered"]


async def test_five_days_of_failure_end_it_and_the_last_attempt_was_the_tenth(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    far.says("/hook", 500)
    await heard_of_need(quarter)
    hours = 0
    async with postman() as man:
        while (await mine.seen())["state"] == "enabled":
            if hours in {24, 48, 110}:
                await heard_of_need(quarter)
            await man.send_all(database, quarter.caller.tenant)
            moved.forward(timedelta(hours=1))
            hours += 1
            assert hours < 24 * 6
    seen = await mine.seen()
    assert seen["reason"] == "failing"
    assert hours >= 24 * 5
    first, second, _, last = reversed(await mine.deliveries())
    assert (first["state"], first["tries"]) == (second["state"], second["tries"]) == ("failed", ATTEMPTS_MAX)
    assert (last["state"], last["reason"]) == ("dropped", "disabled")
    attempts = (await mine.detail(first["id"]))["attempts"]
    assert [item["number"] for item in attempts] == list(range(1, ATTEMPTS_MAX + 1))


async def test_both_secrets_sign_while_one_is_being_replaced(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    rotated = await quarter.made(f"{mine.path}/rotate", {"overlap_hours": 1}, by=mine.by, version=1)
    await heard_of_need(quarter)
    await send(quarter, database)
    (heard,) = far.heard
    assert len(heard.signed.signatures) == 4
    keys = [mine.secret, rotated["secret"], *(key["public_key"] for key in rotated["keys"])]
    for key in keys:
        heard.signed.verify(heard.body, [read_verifier(key)], machine_now())
    for secret in (mine.secret, rotated["secret"]):
        standardwebhooks.Webhook(secret).verify(heard.body, dict(heard.headers))
    moved.forward(timedelta(hours=1.1))
    await heard_of_need(quarter)
    await send(quarter, database)
    later = far.heard[1]
    later.signed.verify(later.body, [read_verifier(rotated["secret"])], machine_now())
    for key in (keys[0], keys[3]):
        with pytest.raises(SignatureRefused):
            later.signed.verify(later.body, [read_verifier(key)], machine_now())
    assert len((await mine.seen())["keys"]) == 1
    await forget(database, quarter.caller.tenant, utc_now())
    kept = await sql(database, quarter.caller.tenant, "SELECT public_key FROM matching.endpoint_keys")
    assert kept == [(rotated["keys"][0]["public_key"],)]


async def test_a_test_is_marked_and_never_replayed(quarter: Quarter, database: Database, far: Receiver) -> None:
    mine = await subscribed(quarter, far.url())
    started = await quarter.post(f"{mine.path}/test", {"event_type": NEED}, by=mine.by)
    assert started.status_code == 202
    assert started.headers["Location"] == f"/v1/webhook-deliveries/{started.json()['id']}"
    assert (await quarter.post(f"{mine.path}/test", {}, by=mine.by)).json()["event_type"] == mine.endpoint[
        "event_types"
    ][0]
    await send(quarter, database)
    tests = [one.told for one in far.heard]
    assert {told["type"] for told in tests} == {NEED, mine.endpoint["event_types"][0]}
    for told in tests:
        assert told["test"] is True
        (await schema_of(quarter, told["type"])).validate(told)
    unknown = await quarter.post(f"{mine.path}/test", {"event_type": "linli.nothing.v1"}, by=mine.by)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_event_type")
    replayed = await quarter.post(
        f"{mine.path}/replay", {"since": mine.endpoint["created_at"], "what": "all"}, by=mine.by
    )
    assert replayed.json()["requeued"] == 0


async def test_a_delivery_is_sent_again_by_hand_with_the_same_id(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    (row,) = await mine.deliveries()
    path = f"/v1/webhook-deliveries/{row['id']}"
    early = await quarter.post(f"{path}/resend", by=mine.by, version=row["version"])
    assert (early.status_code, early.json()["code"]) == (409, "webhook_delivery_due")
    await send(quarter, database)
    (row,) = await mine.deliveries()
    assert (await quarter.post(f"{path}/resend", by=mine.by)).status_code == 428
    assert (await quarter.post(f"{path}/resend", by=mine.by, version=99)).status_code == 412
    assert (await quarter.post(f"{path}/resend", by=quarter.officer, version=row["version"])).status_code == 403
    assert (await quarter.post(f"{path}/resend", by=mine.by, version=row["version"])).status_code == 202
    await send(quarter, database)
    first, second = far.heard
    assert (first.id, first.body) == (second.id, second.body)
    assert [item["number"] for item in (await mine.detail(row["id"]))["attempts"]] == [1, 1]
    for strange in (f"/v1/webhook-deliveries/{new_id()}", path):
        answer = await quarter.get(strange, by=quarter.staff_of("club"))
        assert answer.status_code == 404


async def test_a_replay_sends_what_is_missing_or_everything_since_a_time_in_its_order(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    old = await heard_of_need(quarter)
    await send(quarter, database)
    moved.forward(timedelta(hours=2))
    since = utc_now().isoformat()
    needs = [await heard_of_need(quarter) for _ in range(3)]
    await send(quarter, database)
    # An endpoint that comes later asks for what happened before it was there.
    late = await register(quarter, {"id": mine.id}, "school", far.url("/late"), NEED)
    far.heard.clear()
    for what, count in (("missing", 0), ("all", 3)):
        answer = await quarter.post(f"{mine.path}/replay", {"since": since, "what": what}, by=mine.by)
        assert answer.json() == {"requeued": count, "next_since": None}
    assert (await quarter.post(f"{mine.path}/replay", {"since": since, "what": "all"}, by=mine.by)).json()[
        "requeued"
    ] == 0
    assert (await quarter.post(f"{late.path}/replay", {"since": since}, by=mine.by)).json()["requeued"] == 3
    until = {"since": mine.endpoint["created_at"], "until": since}
    assert (await quarter.post(f"{late.path}/replay", until, by=mine.by)).json()["requeued"] == 1
    await send(quarter, database, webhooks_per_endpoint=1)
    assert [one.told["data"]["need_id"] for one in far.at("/hook")] == needs
    assert {one.told["data"]["need_id"] for one in far.at("/late")} == {old, *needs}
    far_off = {"since": "0001-01-01T00:00:00+14:00"}
    for wrong in (
        {},
        {"since": "yesterday"},
        far_off,
        {"since": "2026-01-01T00:00:00"},
        {"since": since, "what": "some"},
    ):
        assert (await quarter.post(f"{mine.path}/replay", wrong, by=mine.by)).status_code == 422


async def test_a_long_replay_goes_on_where_it_stopped(
    quarter: Quarter, database: Database, far: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.matching.outgoing.service._REPLAYED_MAX", 2)
    mine = await subscribed(quarter, far.url(), NEED)
    for _ in range(5):
        await heard_of_need(quarter)
    await send(quarter, database)
    since, taken = mine.endpoint["created_at"], []
    while since is not None:
        answer = await quarter.post(f"{mine.path}/replay", {"since": since, "what": "all"}, by=mine.by)
        taken.append(answer.json()["requeued"])
        since = answer.json()["next_since"]
    assert (len(taken), sum(taken)) == (3, 5)


async def test_events_of_one_endpoint_go_out_in_their_order_when_nothing_fails(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    await subscribed(quarter, far.url(), NEED)
    needs = [await heard_of_need(quarter) for _ in range(8)]
    await send(quarter, database, webhooks_per_endpoint=1)
    assert [one.told["data"]["need_id"] for one in far.heard] == needs


async def test_old_events_are_forgotten_with_their_deliveries_and_attempts(
    quarter: Quarter, database: Database, far: Receiver, moved: MovedClock
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    await send(quarter, database)
    moved.forward(timedelta(hours=24 * 31))
    await heard_of_need(quarter)
    await forget(database, quarter.caller.tenant, utc_now())
    assert len(await mine.deliveries()) == 1
    assert [item["state"] for item in await mine.deliveries()] == ["due"]
    assert (await quarter.read(f"{mine.path}/attempts", by=mine.by))["items"] == []
    moved.forward(timedelta(hours=24 * 31))
    await forget(database, quarter.caller.tenant, utc_now())
    assert len(await mine.deliveries()) == 1, "what is still due is not forgotten"


async def test_the_schedule_visits_every_tenant_with_an_endpoint(
    quarter: Quarter, elsewhere: Quarter, database: Database, far: Receiver, relay_pool: Any
) -> None:
    for each in (quarter, elsewhere):
        await subscribed(each, far.url(f"/{each.caller.tenant}"), NEED)
        await heard_of_need(each)
    done = asyncio.Event()

    async def note(_: Heard) -> None:
        if len({one.path for one in far.heard}) == 2:
            done.set()

    far.before_answer = note
    (schedule,) = [item for item in schedules if item.name == "send_webhooks"]
    await schedule.for_all(relay_pool, "matching").run(database, utc_now())
    try:
        async with asyncio.timeout(10):
            await done.wait()
    finally:
        await close()
    assert {one.told["tenant"] for one in far.heard} == {quarter.caller.tenant, elsewhere.caller.tenant}


async def test_who_did_it_is_in_no_webhook(quarter: Quarter, database: Database, far: Receiver) -> None:
    person = new_id()
    by = quarter.caller("matching", (Role.OFFICER, "d"), person=person)
    mine: Partner = await subscribed(quarter, far.url())
    await quarter.made("/v1/needs", quarter.need_body(), by=by)
    await quarter.pipe.rest()
    await send(quarter, database)
    assert await mine.states() == ["delivered"]
    assert str(person) not in json.dumps([one.told for one in far.heard])
    kept = await sql(database, quarter.caller.tenant, "SELECT body FROM matching.outgoing_events")
    assert kept
    assert not [body for (body,) in kept if str(person) in body]
