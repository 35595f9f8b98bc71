"""Deliveries from the event to the bridge's answer: what goes out, when, how often, and what is told of it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.directory.deliveries.jobs import schedules
from services.directory.deliveries.rules import TRIES_MAX, Channel, retry_after
from services.directory.deliveries.senders import ConsoleSender, Message, Sent
from services.directory.deliveries.sending import claim_next
from services.directory.deliveries.service import forget_person
from services.directory.deliveries.settings import DeliverySettings
from services.intake.notifications.service import Told
from services.intake.notifications.service import tell as tell_in_intake
from shared.clock import CHINA, utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe
from shared.vault import Vault
from tests.directory.conftest import Town
from tests.directory.reaching import Bridge, bridge, due, postman, published, rows, run, somebody, tell

SENT = "linli.notification.sent.v1"
REACH = "linli.person.reachability_changed.v1"
PHONE = "13800138000"


@pytest.fixture
def vault(apps: dict[str, FastAPI]) -> Vault:
    found: Vault = apps["directory"].state.vault
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def far() -> AsyncIterator[Bridge]:
    async with bridge() as built:
        yield built


@pytest.fixture
def database(databases: dict[str, Database]) -> Database:
    return databases["directory"]


async def states(databases: dict[str, Database], town: Town) -> list[tuple[Any, ...]]:
    return await rows(
        databases, town, "SELECT channel, state, coalesce(reason, detail) FROM directory.deliveries ORDER BY id"
    )


async def make_due(databases: dict[str, Database], town: Town) -> None:
    await run(databases, town, "UPDATE directory.deliveries SET next_at = created_at WHERE state = 'due'")


async def end_leases(databases: dict[str, Database], town: Town) -> None:
    statement = "UPDATE directory.deliveries SET leased_until = created_at WHERE leased_until IS NOT NULL"
    await run(databases, town, statement)


async def test_a_message_goes_to_every_device_and_phone_and_is_told_once(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town, phone=PHONE)
    chinese = (await me.register("token-zh")).json()["id"]
    english = (await me.register("token-en", language="en", platform="ios")).json()["id"]
    assert (await me.wish(1, sms=True)).status_code == 200
    event = due(me.id)
    await tell(pipe, town, event, event)
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
        await man.carry_all(database, town.caller.tenant)
    found = {message["key"]: message for message in far.heard}
    assert len(found) == len(far.heard) == 3
    (push,) = await rows(databases, town, "SELECT id FROM directory.deliveries WHERE channel = 'push'")
    (sms,) = await rows(databases, town, "SELECT id FROM directory.deliveries WHERE channel = 'sms'")
    assert found[f"{push[0]}/{chinese}"]["text"] == event.title_zh
    assert found[f"{push[0]}/{english}"]["text"] == event.title_en
    assert found[f"{push[0]}/{english}"]["platform"] == "ios"
    assert found[str(sms[0])] | {"auth": None} == {
        "delivery_id": str(sms[0]), "tenant": town.caller.tenant, "channel": "sms", "to": PHONE, "platform": None,
        "client_id": None, "language": "en", "text": event.title_en, "kind": "case_accepted", "case_id": None,
        "urgent": False, "key": str(sms[0]), "auth": None,
    }  # fmt: skip
    assert {message["auth"] for message in far.heard} == {"Bearer the-secret"}
    told = await published(databases, town, SENT)
    assert sorted((item["channel"], item["ok"], item["detail"]) for item in told) == [
        ("push", True, "HTTP 202"),
        ("sms", True, "HTTP 202"),
    ]
    assert {item["notification_id"] for item in told} == {str(event.notification_id)}
    assert {(item["channel"], item["state"], item["next_at"]) for item in await me.deliveries()} == {
        ("push", "sent", None),
        ("sms", "sent", None),
    }


async def test_who_is_not_reachable_gets_no_delivery(town: Town, pipe: Pipe, databases: dict[str, Database]) -> None:
    without_device, without_wish = await somebody(town, phone=PHONE), await somebody(town)
    await without_wish.register("token-one")
    await without_wish.wish(1, push=False, sms=True)
    await tell(pipe, town, due(without_device.id), due(without_wish.id), due(new_id()))
    assert await states(databases, town) == []


async def test_a_device_that_is_gone_is_removed_and_told(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-gone")
    far.answers["token-gone"] = 410
    await tell(pipe, town, due(me.id))
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", "failed", "HTTP 410")]
    assert (await town.get("/v1/me/devices", by=me.by)).json() == []
    assert [item["push"] for item in await published(databases, town, REACH)] == [True, False]
    ((ok, detail, duration_ms),) = await rows(
        databases, town, "SELECT ok, detail, duration_ms FROM directory.delivery_attempts"
    )
    assert (ok, detail) == (False, "HTTP 410")
    assert duration_ms >= 0


async def test_one_device_that_takes_it_is_enough(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    for token in ("token-gone", "token-down", "token-good"):
        await me.register(token)
    far.answers |= {"token-gone": 410, "token-down": 503}
    await tell(pipe, town, due(me.id))
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", "sent", "HTTP 202")]
    assert len((await town.get("/v1/me/devices", by=me.by)).json()) == 2
    assert [item["push"] for item in await published(databases, town, REACH)] == [True]


@pytest.mark.parametrize(
    ("status", "state"), [(400, "failed"), (404, "failed"), (429, "due"), (302, "due"), (500, "due")]
)
async def test_the_bridges_status_decides(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge,
    status: int, state: str,
) -> None:  # fmt: skip
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    far.answers["token-one"] = status
    await tell(pipe, town, due(me.id))
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", state, f"HTTP {status}")]
    assert [item["ok"] for item in await published(databases, town, SENT)] == ([False] if state == "failed" else [])


async def test_what_is_refused_for_now_is_tried_again_ever_later_with_one_key_and_then_fails(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    far.answers["token-one"] = 500
    await tell(pipe, town, due(me.id))
    delays = []
    async with postman(far, vault) as man:
        for _ in range(TRIES_MAX):
            before = utc_now()
            await man.carry_all(database, town.caller.tenant)
            await man.carry_all(database, town.caller.tenant)
            ((next_at,),) = await rows(databases, town, "SELECT next_at FROM directory.deliveries")
            delays.append((next_at - before).total_seconds() / 60)
            await make_due(databases, town)
        await man.carry_all(database, town.caller.tenant)
    assert len(far.heard) == TRIES_MAX == 6
    assert len({message["key"] for message in far.heard}) == 1
    for delay, least in zip(delays[:-1], (1, 5, 30, 120, 720), strict=True):
        assert least <= delay <= least * 1.2 + 0.5
    assert await states(databases, town) == [("push", "failed", "HTTP 500")]
    assert [item["ok"] for item in await published(databases, town, SENT)] == [False]


def test_delays_are_spread_and_end() -> None:
    assert retry_after(1, 0) == timedelta(minutes=1)
    assert retry_after(1, 1) == timedelta(minutes=1.2)
    assert retry_after(5, 0) == timedelta(hours=12)
    assert retry_after(6, 0) is None


async def test_a_bridge_that_hangs_delays_nobody_else(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    stuck = [await somebody(town) for _ in range(3)]
    for number, person in enumerate(stuck):
        await person.wish()
        await person.register(f"token-hangs-{number}")
        far.silent.add(f"token-hangs-{number}")
    free = await somebody(town, phone=PHONE)
    await free.wish(1, push=False, sms=True)
    await free.register("token-unused")
    await tell(pipe, town, *(due(person.id) for person in stuck), due(free.id))
    async with postman(far, vault, timeout_s=2.0, sends_at_once=2) as man:
        began = time.monotonic()
        working = asyncio.create_task(man.carry_all(database, town.caller.tenant))
        while not far.to(PHONE):
            assert not working.done()
            await asyncio.sleep(0.01)
        assert time.monotonic() - began < 1.9, "the text message did not wait for the channel that hangs"
        assert len(far.heard) <= 3, "no more than two at once on the channel that hangs"
        await working
    took = time.monotonic() - began
    assert 3.5 < took < 8, "two at once, then the third"
    assert (await states(databases, town))[:3] == [("push", "due", "timeout")] * 3


async def test_a_visit_does_not_wait_for_a_tenant_that_takes_long(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-hangs")
    far.silent.add("token-hangs")
    await tell(pipe, town, due(me.id))
    async with postman(far, vault, timeout_s=2.5) as man:
        began = time.monotonic()
        await man.visit(database, town.caller.tenant)
        assert time.monotonic() - began < 2
        while (await states(databases, town))[0][2] != "timeout":
            await man.visit(database, town.caller.tenant)
    assert len(far.heard) == 1


async def test_quiet_hours_put_off_what_is_not_urgent(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    now = utc_now().astimezone(CHINA)
    start, end = now - timedelta(hours=1), now + timedelta(hours=2)
    await me.wish(1, quiet_from=f"{start:%H:%M}", quiet_to=f"{end:%H:%M}")
    await me.register("token-one")
    patient, urgent = due(me.id), due(me.id, urgent=True)
    await tell(pipe, town, patient, urgent)
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
        assert [message["urgent"] for message in far.heard] == [True]
        query = "SELECT next_at FROM directory.deliveries WHERE NOT urgent"
        ((next_at,),) = await rows(databases, town, query)
        assert next_at.astimezone(CHINA).strftime("%H:%M:%S") == f"{end:%H:%M}:00"
        assert timedelta(0) < next_at - utc_now() <= timedelta(hours=2)
        # A retry that falls into quiet hours is put off as well.
        await make_due(databases, town)
        await man.carry_all(database, town.caller.tenant)
        assert (await rows(databases, town, query)) == [(next_at,)]
        await me.wish(2)
        await make_due(databases, town)
        await man.carry_all(database, town.caller.tenant)
    assert len(far.heard) == 2


async def test_beyond_the_days_measure_messages_are_dropped_however_many_carry_them(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town, phone=PHONE)
    await me.wish(1, sms=True)
    await me.register("token-one")
    await tell(pipe, town, *(due(me.id) for _ in range(9)))
    async with postman(far, vault, push_per_day=6, sms_per_day=2) as man:
        await asyncio.gather(*(man.carry_all(database, town.caller.tenant) for _ in range(4)))
    assert (len(far.to("token-one")), len(far.to(PHONE))) == (6, 2)
    found = await states(databases, town)
    assert found.count(("push", "dropped", "cap")) == 3
    assert found.count(("sms", "dropped", "cap")) == 7
    told = await published(databases, town, SENT)
    assert len([item for item in told if item["detail"] == "cap" and not item["ok"]]) == 10


async def test_a_retry_is_not_counted_twice(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    far.answers["token-one"] = 500
    await tell(pipe, town, due(me.id))
    async with postman(far, vault, push_per_day=1) as man:
        await man.carry_all(database, town.caller.tenant)
        far.answers.clear()
        await make_due(databases, town)
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", "sent", "HTTP 202")]


async def test_many_postmen_send_each_message_once(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    people = [await somebody(town) for _ in range(8)]
    for number, person in enumerate(people):
        await person.wish()
        await person.register(f"token-{number:04d}")
    await tell(pipe, town, *(due(person.id) for person in people * 3))
    async with postman(far, vault) as one, postman(far, vault) as two:
        await asyncio.gather(*(man.carry_all(database, town.caller.tenant) for man in (one, two, one, two)))
    keys = [message["key"] for message in far.heard]
    assert len(keys) == len(set(keys)) == 24


async def test_who_dies_before_recording_leaves_one_doubled_message_with_the_same_key(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    await tell(pipe, town, due(me.id))
    settings = DeliverySettings()
    async with postman(far, vault) as man:
        async with database.write(town.caller.tenant) as session:
            claimed = await claim_next(session, Channel.PUSH, vault, settings)
        assert claimed is not None
        assert isinstance(await man._senders[Channel.PUSH].send(claimed.letters[0].message), Sent)
        await man.carry_all(database, town.caller.tenant)
        assert len(far.heard) == 1, "leased, and so nobody else's"
        await end_leases(databases, town)
        await man.carry_all(database, town.caller.tenant)
        await man.carry_all(database, town.caller.tenant)
    assert len(far.heard) == 2
    assert len({message["key"] for message in far.heard}) == 1
    assert await states(databases, town) == [("push", "sent", "HTTP 202")]


async def test_a_try_whose_lease_was_lost_is_written_down_and_decides_nothing(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    far.answers["token-one"] = 400
    await tell(pipe, town, due(me.id))

    async def lose() -> None:
        if len(far.heard) == 1:
            await end_leases(databases, town)
            await other.carry_all(database, town.caller.tenant)
            far.answers.clear()

    far.before_answer = lose
    async with postman(far, vault) as man, postman(far, vault) as other:
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", "failed", "HTTP 400")]
    attempts = await rows(databases, town, "SELECT ok FROM directory.delivery_attempts ORDER BY id")
    assert attempts == [(False,), (True,)]
    assert len(await published(databases, town, SENT)) == 1


async def test_whoever_is_erased_gets_nothing_more_and_leaves_no_token(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me, other = await somebody(town), await somebody(town)
    for person, token in ((me, "token-mine"), (other, "token-other")):
        await person.wish()
        await person.register(token)
    await tell(pipe, town, due(me.id), due(me.id), due(other.id))
    async with database.write(town.caller.tenant) as session:
        await forget_person(session, me.id)
    assert sorted(await states(databases, town)) == [
        ("push", "dropped", "erased"),
        ("push", "dropped", "erased"),
        ("push", "due", None),
    ]
    assert await rows(databases, town, "SELECT person_id FROM directory.devices") == [(other.id,)]
    told = [item for item in await published(databases, town, REACH) if item["person_id"] == str(me.id)]
    assert [item["push"] for item in told] == [True, False]
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    assert {message["to"] for message in far.heard} == {"token-other"}


async def test_who_is_erased_while_a_message_is_under_way_stays_dropped(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    await tell(pipe, town, due(me.id))

    async def erase() -> None:
        async with database.write(town.caller.tenant) as session:
            await forget_person(session, me.id)

    far.before_answer = erase
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", "dropped", "erased")]
    assert [item["detail"] for item in await published(databases, town, SENT)] == ["erased"]


async def test_who_turns_push_off_meanwhile_gets_nothing(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    await tell(pipe, town, due(me.id))
    await me.wish(2, push=False)
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    assert far.heard == []
    assert await states(databases, town) == [("push", "dropped", "unreachable")]


async def test_administrators_see_and_retry_what_failed_in_their_areas(
    town: Town, elsewhere: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:  # fmt: skip
    me = await somebody(town, area_id=str(town.areas["county.north.g1"]))
    await me.wish()
    await me.register("token-one")
    far.answers["token-one"] = 400
    await tell(pipe, town, due(me.id), due(me.id))
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
        north, south = town.administrator("county.north"), town.administrator("county.south")
        page = (await town.get("/v1/deliveries", by=north, state="failed", page_size=1)).json()
        rest = (
            await town.get("/v1/deliveries", by=north, state="failed", page_size=1, cursor=page["next_cursor"])
        ).json()
        assert rest["next_cursor"] is None
        first, second = page["items"][0], rest["items"][0]
        assert first["id"] > second["id"]
        assert "title_zh" not in first
        path = f"/v1/deliveries/{first['id']}"
        assert (await town.get("/v1/deliveries", by=north, state="sent")).json()["items"] == []
        assert (await town.get("/v1/deliveries", by=north, channel="sms")).json()["items"] == []
        assert len((await town.get("/v1/deliveries", by=north, person_id=str(me.id))).json()["items"]) == 2
        assert (await town.get("/v1/deliveries", by=south)).json()["items"] == []
        assert (await town.get("/v1/deliveries", by=me.by)).status_code == 403
        assert (await elsewhere.get("/v1/deliveries", by=elsewhere.operator)).json()["items"] == []
        for stranger, asked in ((south, town), (elsewhere.operator, elsewhere)):
            assert (await asked.get(path, by=stranger)).status_code == 404
            assert (await asked.post(f"{path}/retry", by=stranger, version=2)).status_code == 404
        seen = await town.get(path, by=north)
        assert [item["detail"] for item in seen.json()["attempts"]] == ["HTTP 400"]
        assert (await town.post(f"{path}/retry", by=north)).status_code == 428
        assert (await town.post(f"{path}/retry", by=north, version=1)).status_code == 412
        answers = await asyncio.gather(*(town.post(f"{path}/retry", by=north, version=2) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
        refused = await town.post(f"{path}/retry", by=north, version=3)
        assert (refused.status_code, refused.json()["code"]) == (409, "delivery_not_failed")
        far.answers.clear()
        await man.carry_all(database, town.caller.tenant)
    assert (await town.get(path, by=north)).json()["state"] == "sent"
    assert [item["ok"] for item in await published(databases, town, SENT)] == [False, False, True]


async def test_nobody_sees_somebody_elses_messages(town: Town, elsewhere: Town, pipe: Pipe) -> None:
    me, other, foreigner = await somebody(town), await somebody(town), await somebody(elsewhere)
    await me.register("token-one")
    await tell(pipe, town, due(me.id))
    assert len(await me.deliveries()) == 1
    assert await other.deliveries() == []
    assert await foreigner.deliveries() == []


async def test_tries_cannot_be_changed(town: Town, databases: dict[str, Database]) -> None:
    for statement in ("UPDATE directory.delivery_attempts SET ok = true", "DELETE FROM directory.deliveries"):
        with pytest.raises(Exception, match="permission denied"):
            await run(databases, town, statement)


async def test_the_console_tells_no_number_no_token_and_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    def message(channel: Channel, address: str) -> Message:
        return Message(
            delivery_id=new_id(), key="key", tenant="t", channel=channel, address=address, platform=None,
            client_id=None, language="zh", text="您的诉求已受理", kind="case_accepted", case_id=None, urgent=False,
        )  # fmt: skip

    logging.getLogger().setLevel(logging.INFO)
    for channel, address in ((Channel.SMS, PHONE), (Channel.PUSH, "a-long-secret-token")):
        one = message(channel, address)
        assert await ConsoleSender().send(one) == Sent("console")
        assert address not in repr(one)
        assert address not in one.masked
    shown = capsys.readouterr()
    for secret in (PHONE, "a-long-secret-token", "已受理"):
        assert secret not in shown.out + shown.err


async def test_from_the_intake_to_a_device_and_back(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me, unreachable = await somebody(town), await somebody(town)
    await me.wish()
    await me.register("token-one")
    await pipe.rest()
    async with databases["intake"].write(town.caller.tenant) as session:
        told = Told(kind="case_filed", case_id=None, params={"number": "7"}, people=[me.id, unreachable.id])
        await tell_in_intake(session, told)
    await pipe.rest()
    async with postman(far, vault) as man:
        await man.carry_all(database, town.caller.tenant)
    await pipe.rest()
    assert [message["text"] for message in far.heard] == ["新诉求 7待受理"]
    async with databases["intake"].read(town.caller.tenant) as session:
        connection = await session.connection()
        query = "SELECT person_id, channel, state, detail FROM intake.notification_receipts"
        found = [tuple(row) for row in await connection.exec_driver_sql(query)]
    assert found == [(me.id, "push", "delivered", "HTTP 202")]


async def test_the_schedule_visits_every_tenant_that_has_something_to_send(
    town: Town, elsewhere: Town, pipe: Pipe, databases: dict[str, Database], database: Database, relay_pool: Any
) -> None:
    people = [await somebody(town), await somebody(elsewhere)]
    for person in people:
        await person.wish()
        await person.register("token-one")
        await tell(pipe, person.town, due(person.id))
    (schedule,) = schedules
    await schedule.for_all(relay_pool, "directory").run(database, utc_now())
    for person in people:
        assert await states(databases, person.town) == [("push", "sent", "console")]


async def test_whatever_happens_at_once_ends_in_one_truth(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    people = [await somebody(town, phone=f"1380013800{number}") for number in range(4)]
    for number, person in enumerate(people):
        await person.wish(1, sms=True)
        await person.register(f"token-{number}-of-them")
    far.answers |= {"token-0-of-them": 410, "token-1-of-them": 503}
    await tell(pipe, town, *(due(person.id) for person in people * 3))

    async def forget(person: Any) -> None:
        async with database.write(town.caller.tenant) as session:
            await forget_person(session, person.id)

    async with postman(far, vault) as one, postman(far, vault) as two:
        answers = await asyncio.gather(
            one.carry_all(database, town.caller.tenant),
            two.carry_all(database, town.caller.tenant),
            *(person.register(f"token-{number}-of-them") for number, person in enumerate(reversed(people))),
            *(person.wish(2, sms=False) for person in people),
            forget(people[3]),
            one.carry_all(database, town.caller.tenant),
        )
    statuses = [answer.status_code for answer in answers if answer is not None]
    assert set(statuses) <= {200, 201}
    for person in people:
        owned = await rows(databases, town, f"SELECT 1 FROM directory.devices WHERE person_id = '{person.id}'")
        told = [item for item in await published(databases, town, REACH) if item["person_id"] == str(person.id)]
        assert (told[-1]["push"], told[-1]["sms"]) == (bool(owned), False)
    ended = await rows(databases, town, "SELECT count(*) FROM directory.deliveries WHERE state <> 'due'")
    assert len(await published(databases, town, SENT)) == ended[0][0]


async def test_a_lost_lease_cannot_end_what_another_put_off(
    town: Town, pipe: Pipe, databases: dict[str, Database], database: Database, vault: Vault, far: Bridge
) -> None:
    me = await somebody(town)
    await me.wish()
    await me.register("token-one")
    far.answers["token-one"] = 500
    await tell(pipe, town, due(me.id))

    async def lose() -> None:
        if len(far.heard) == 1:
            await end_leases(databases, town)
            await other.carry_all(database, town.caller.tenant)
            far.answers["token-one"] = 400

    far.before_answer = lose
    async with postman(far, vault) as man, postman(far, vault) as other:
        await man.carry_all(database, town.caller.tenant)
    assert await states(databases, town) == [("push", "due", "HTTP 500")]
    assert await published(databases, town, SENT) == []
