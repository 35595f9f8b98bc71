"""Many endpoints and several workers at once: who hangs holds up nobody else, and no attempt is made twice."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from services.matching.outgoing import jobs
from services.matching.outgoing.postman import _Lane
from services.matching.outgoing.sender import Answer
from services.matching.outgoing.sending import claim_next, record
from services.matching.outgoing.settings import outgoing_settings
from shared.clock import machine_now, utc_now
from shared.db import Database
from shared.vault import Vault
from tests.matching.conftest import Quarter
from tests.matching.receiving import (
    NEED,
    Heard,
    Receiver,
    heard_of_need,
    postman,
    receiver,
    register,
    sql,
    subscribed,
    uuid_of,
)

LIMIT_S = 2.0


@pytest_asyncio.fixture(loop_scope="session")
async def far() -> AsyncIterator[Receiver]:
    async with receiver() as built:
        yield built


@pytest.fixture
def vault() -> Vault:
    settings = outgoing_settings()
    return Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())


@pytest_asyncio.fixture(loop_scope="session")
async def office(quarter: Quarter, database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A worker's own postman, which is told of events as they are heard; with fewer slots than endpoints that hang."""
    monkeypatch.setenv("LINLI_WEBHOOKS_AT_ONCE", "16")
    monkeypatch.setenv("LINLI_WEBHOOKS_AT_ONCE_SLOW", "4")
    monkeypatch.setenv("LINLI_WEBHOOK_TIMEOUT_S", "4")
    outgoing_settings.cache_clear()
    await jobs.send_due(database, quarter.caller.tenant, utc_now())
    yield
    await jobs.close()
    outgoing_settings.cache_clear()


async def test_receivers_that_hang_do_not_delay_the_others(quarter: Quarter, far: Receiver, office: None) -> None:
    began: dict[str, float] = {}
    delays: list[float] = []
    expected = asyncio.Event()
    events, quick = 12, 8

    async def note(one: Heard) -> None:
        delays.append(time.monotonic() - began[one.told["data"]["need_id"]])
        if len(delays) == events * quick:
            expected.set()

    far.before_answer = note
    for unit, word, count in (("school", "hangs", 10), ("builder", "hangs", 10), ("club", "quick", quick)):
        partner = await quarter.partner(unit)
        for number in range(count):
            path = f"/{word}/{unit}/{number}"
            if word == "hangs":
                far.silent.add(path)
            await register(quarter, partner, unit, far.url(path), NEED)
    for _ in range(events):
        now = time.monotonic()
        need = await quarter.need()
        began[need["id"]] = now
        await quarter.pipe.rest()
    async with asyncio.timeout(30):
        await expected.wait()
    delays.sort()
    hanging = len({one.path for one in far.heard if one.path.startswith("/hangs")})
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    print(
        f"\n{hanging} endpoints hang, 16 slots: {len(delays)} others p50 {p50:.3f} s, p99 {p99:.3f} s, limit {LIMIT_S} s"
    )
    assert hanging == 20
    # Three times the bound that is met on a quiet machine: tests of others run beside this one.
    assert p99 <= 3 * LIMIT_S


async def test_one_endpoint_is_asked_so_many_times_at_once_and_no_more(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    mine = await subscribed(quarter, far.url("/silent"), NEED)
    far.silent.add("/silent")
    for _ in range(10):
        await heard_of_need(quarter)
    async with postman(webhooks_per_endpoint=3, webhook_timeout_s=0.3) as man:
        await man.send_all(database, quarter.caller.tenant)
    assert far.open_most == 3
    assert await mine.states() == ["due"] * 10
    assert [item["tries"] for item in await mine.deliveries()] == [1] * 10


async def test_several_workers_make_every_attempt_once(quarter: Quarter, database: Database, far: Receiver) -> None:
    partner = await quarter.partner()
    every = [await register(quarter, partner, "school", far.url(f"/{number}"), NEED) for number in range(5)]
    for _ in range(20):
        await heard_of_need(quarter)
    async with postman() as one, postman() as two, postman() as three:
        for _ in range(3):
            await asyncio.gather(*(man.send_all(database, quarter.caller.tenant) for man in (one, two, three)))
    times = Counter((item.path, item.id) for item in far.heard)
    print(f"\n3 workers, {len(times)} deliveries: {len(far.heard) - len(times)} made twice")
    assert len(times) == len(far.heard) == 100
    for mine in every:
        assert await mine.states() == ["delivered"] * 20


async def test_what_a_worker_died_with_is_tried_anew_with_the_same_id_and_its_late_word_changes_nothing(
    quarter: Quarter, database: Database, far: Receiver, vault: Vault
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    tenant = quarter.caller.tenant
    async with database.write(tenant) as session:
        lost = await claim_next(session, uuid_of(mine.endpoint["id"]), vault)
    assert lost is not None
    async with postman() as man:
        await man.send_all(database, tenant)
        assert far.heard == [], "under somebody's lease"
        await sql(database, tenant, "UPDATE matching.outgoing_deliveries SET leased_until = created_at")
        far.says("/hook", 500)
        await man.send_all(database, tenant)
    (heard,) = far.heard
    (row,) = await mine.deliveries()
    assert (row["state"], row["tries"], row["event_id"]) == ("due", 2, heard.id)
    async with database.write(tenant) as session:
        await record(session, lost, Answer(utc_now(), 1, status=204))
    (row,) = await mine.deliveries()
    assert row["state"] == "due"
    attempts = (await mine.detail(row["id"]))["attempts"]
    assert [(item["number"], item["error"], item["status"]) for item in attempts] == [
        (1, "lost", None), (2, None, 500), (1, None, 204),
    ]  # fmt: skip


async def test_a_worker_that_stood_still_does_not_send_what_it_has_lost(
    quarter: Quarter, database: Database, far: Receiver, vault: Vault
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)
    endpoint_id, tenant = uuid_of(mine.endpoint["id"]), quarter.caller.tenant
    async with database.write(tenant) as session:
        claimed = await claim_next(session, endpoint_id, vault)
    assert claimed is not None
    async with postman() as man:
        late = replace(claimed, leased_until=machine_now())
        await man._carry(_Lane(database, tenant, endpoint_id), late, [])
        assert far.heard == []
        await man._carry(_Lane(database, tenant, endpoint_id), claimed, [asyncio.Semaphore()])
    assert [one.path for one in far.heard] == ["/hook"]
    assert await mine.states() == ["delivered"]


async def test_an_endpoint_disabled_while_it_is_asked_stays_disabled(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    await heard_of_need(quarter)

    async def disable(_: Heard) -> None:
        await quarter.made(f"{mine.path}/disable", {}, by=mine.by, version=1)

    far.before_answer = disable
    async with postman() as man:
        await man.send_all(database, quarter.caller.tenant)
    (row,) = await mine.deliveries()
    assert (row["state"], row["reason"]) == ("dropped", "disabled")
    assert (await mine.detail(row["id"]))["attempts"][0]["status"] == 204
    assert (await mine.seen())["state"] == "disabled"


async def test_a_closing_worker_lets_arrive_what_is_on_its_way_and_begins_nothing(
    quarter: Quarter, database: Database, far: Receiver
) -> None:
    mine = await subscribed(quarter, far.url(), NEED)
    for _ in range(3):
        await heard_of_need(quarter)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Heard) -> None:
        asked.set()
        await go_on.wait()

    far.before_answer = wait
    async with postman(webhooks_per_endpoint=1) as man:
        await man.visit(database, quarter.caller.tenant)
        await asked.wait()
        closing = asyncio.create_task(man.close())
        await asyncio.sleep(0)
        go_on.set()
        await closing
    assert sorted(await mine.states()) == ["delivered", "due", "due"]
    assert [item["tries"] for item in await mine.deliveries(state="due")] == [0, 0]
