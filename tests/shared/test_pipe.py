"""The pipe, on real servers: once and in order, whatever comes twice, early, wrong or not at all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from arq import ArqRedis
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from sqlalchemy import text

from shared.clock import utc_now
from shared.contracts import SERVICES, Event
from shared.contracts.intake import CaseClosed, CaseFiled
from shared.db import Database, WriteSession
from shared.held.repository import set_state
from shared.ids import new_id
from shared.messaging import Consumers, Inbox, QueueWorker, publish, redis_pool
from shared.messaging.figures import look
from shared.messaging.inbox import Patience
from shared.testing import Pipe, TestServers

CONSUMER = "matching"


class Effects:
    """A consumer that notes each effect in a table of its own, and fails where it is told to."""

    def __init__(self) -> None:
        self.poison: set[UUID] = set()
        self.calls: list[int] = []
        self.consumers = Consumers(CONSUMER)
        self.consumers.on(CaseFiled)(self.note)
        self.consumers.on(CaseClosed)(self.note)

    async def note(self, session: WriteSession, events: Sequence[Event[Any]]) -> None:
        """Write one row per event; raise for a poisoned one."""
        self.calls.append(len(events))
        for event in events:
            values = {"t": session.tenant, "s": event.subject, "n": event.sequence}
            await session.execute(
                text("INSERT INTO probe.effects (tenant_id, subject, sequence) VALUES (:t,:s,:n)"), values
            )
            if event.data.case_id in self.poison:
                message = "poisoned"
                raise RuntimeError(message)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def probe(owner: asyncpg.Connection) -> None:
    await owner.execute(
        "CREATE SCHEMA IF NOT EXISTS probe; GRANT USAGE ON SCHEMA probe TO linli_matching;"
        "CREATE TABLE IF NOT EXISTS probe.effects (position bigint GENERATED ALWAYS AS IDENTITY,"
        " tenant_id text, subject text, sequence bigint);"
        "GRANT INSERT ON probe.effects TO linli_matching"
    )


@pytest_asyncio.fixture(loop_scope="session")
async def own_databases(servers: TestServers) -> AsyncIterator[dict[str, Database]]:
    opened = {name: Database(servers.role_url(name), schema=name) for name in ("intake", CONSUMER)}
    yield opened
    for database in opened.values():
        await database.close()


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest_asyncio.fixture(loop_scope="session")
async def own_pipe(servers: TestServers, own_databases: dict[str, Database], effects: Effects) -> AsyncIterator[Pipe]:
    opened = await Pipe.open(
        own_databases,
        {CONSUMER: effects.consumers},
        relay_url=servers.role_url("relay"),
        redis_url=servers.redis_url,
    )
    yield opened
    await opened.close()


def filed(case_id: UUID) -> CaseFiled:
    return CaseFiled(
        case_id=case_id, number="C-1", category="road", area_id=new_id(), area_path="d", filed_at=utc_now()
    )


def closed(case_id: UUID) -> CaseClosed:
    return CaseClosed(case_id=case_id, outcome="satisfied", closed_at=utc_now())


async def seen(owner: asyncpg.Connection, tenant: str) -> list[tuple[str, int]]:
    rows = await owner.fetch(
        "SELECT subject, sequence FROM probe.effects WHERE tenant_id = $1 ORDER BY position", tenant
    )
    return [(row["subject"], row["sequence"]) for row in rows]


async def test_an_event_has_its_effect_once_and_in_order(
    own_pipe: Pipe, owner: asyncpg.Connection, tenant: str
) -> None:
    case_id = new_id()
    await own_pipe.publish("intake", tenant, f"case/{case_id}", filed(case_id), closed(case_id))
    await own_pipe.rest()
    assert await seen(owner, tenant) == [(f"case/{case_id}", 1), (f"case/{case_id}", 2)]


async def test_nothing_is_told_when_the_transaction_fails(
    own_pipe: Pipe, owner: asyncpg.Connection, tenant: str
) -> None:
    case_id = new_id()

    async def fail_after_publishing() -> None:
        async with own_pipe.databases["intake"].write(tenant) as session:
            await publish(session, f"case/{case_id}", filed(case_id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_publishing()
    await own_pipe.rest()
    assert await owner.fetchval("SELECT count(*) FROM intake.outbox WHERE tenant_id = $1", tenant) == 0
    assert await seen(owner, tenant) == []


async def test_a_batch_of_many_cases_is_one_call(
    own_pipe: Pipe, effects: Effects, owner: asyncpg.Connection, tenant: str
) -> None:
    for _ in range(30):
        case_id = new_id()
        await own_pipe.publish("intake", tenant, f"case/{case_id}", filed(case_id))
    await own_pipe.rest()
    assert len(await seen(owner, tenant)) == 30
    assert max(effects.calls) == 30


async def test_what_redis_forgets_is_sent_again_and_applied_once(
    own_pipe: Pipe, servers: TestServers, owner: asyncpg.Connection, tenant: str
) -> None:
    ids = [new_id() for _ in range(20)]
    for case_id in ids:
        await own_pipe.publish("intake", tenant, f"case/{case_id}", filed(case_id))
    relay = own_pipe._relays[0]
    await relay.watch_epoch()
    assert await relay.send_all() == 20
    await own_pipe._redis.flushall()
    assert await relay.send_all() == 0
    assert await relay.watch_epoch()
    assert await relay.send_all() == 20
    await own_pipe.rest()
    assert len(await seen(owner, tenant)) == 20


def raw(tenant: str, case_id: UUID, sequence: int) -> dict[str, object]:
    data = filed(case_id)
    event = Event[CaseFiled](
        id=new_id(),
        source="/linli/intake",
        type=data.event_type,
        subject=f"case/{case_id}",
        time=utc_now(),
        tenant=tenant,
        sequence=sequence,
        data=data,
    )
    return event.as_json()


async def test_an_early_event_waits_for_its_predecessor(
    own_databases: dict[str, Database], effects: Effects, owner: asyncpg.Connection, tenant: str
) -> None:
    inbox = Inbox(own_databases[CONSUMER], effects.consumers)
    case_id = new_id()
    first, second, third = (raw(tenant, case_id, number) for number in (1, 2, 3))
    await inbox.deliver([third])
    await inbox.deliver([second, second])
    assert await seen(owner, tenant) == []
    await inbox.deliver([first])
    await inbox.deliver([first, second, third])
    assert [sequence for _, sequence in await seen(owner, tenant)] == [1, 2, 3]


async def test_a_poisoned_event_sinks_neither_its_batch_nor_the_others(
    own_databases: dict[str, Database], effects: Effects, owner: asyncpg.Connection, tenant: str
) -> None:
    inbox = Inbox(own_databases[CONSUMER], effects.consumers)
    good, bad = new_id(), new_id()
    effects.poison.add(bad)
    batch = [raw(tenant, bad, 1), raw(tenant, good, 1), raw(tenant, bad, 2)]
    assert await inbox.deliver(batch) == batch
    assert await seen(owner, tenant) == [(f"case/{good}", 1)]
    states = await owner.fetch(
        "SELECT state, error FROM matching.inbox WHERE tenant_id = $1 ORDER BY sequence, state", tenant
    )
    assert [row["state"] for row in states] == ["applied", "failed", "waiting"]
    assert "poisoned" in states[1]["error"]


async def test_a_dead_event_is_put_back_and_its_successors_follow(
    own_databases: dict[str, Database], effects: Effects, owner: asyncpg.Connection, tenant: str
) -> None:
    inbox = Inbox(own_databases[CONSUMER], effects.consumers)
    case_id = new_id()
    effects.poison.add(case_id)
    first = raw(tenant, case_id, 1)
    await inbox.deliver([first, raw(tenant, case_id, 2)])
    for _ in range(Patience().attempts - 1):
        await owner.execute(
            "UPDATE matching.inbox SET next_attempt_at = now() WHERE tenant_id = $1 AND state = 'failed'", tenant
        )
        assert await inbox.retry_due(tenant) == 1
    assert await owner.fetchval("SELECT state FROM matching.inbox WHERE id = $1", UUID(str(first["id"]))) == "dead"
    assert await inbox.retry_due(tenant) == 0
    effects.poison.clear()
    async with own_databases[CONSUMER].write(tenant) as session:
        await set_state(session, CONSUMER, UUID(str(first["id"])), decision="requeue")
    await inbox.retry_due(tenant)
    assert [sequence for _, sequence in await seen(owner, tenant)] == [1, 2]


async def test_the_same_batch_delivered_by_two_workers_at_once_has_one_effect(
    own_databases: dict[str, Database], effects: Effects, owner: asyncpg.Connection, tenant: str
) -> None:
    inbox = Inbox(own_databases[CONSUMER], effects.consumers)
    batch = [raw(tenant, new_id(), 1) for _ in range(50)]
    await asyncio.gather(*(inbox.deliver(list(reversed(batch)) if turn % 2 else batch) for turn in range(6)))
    assert len(await seen(owner, tenant)) == 50


async def test_thousands_that_waited_are_applied_by_the_hundreds_and_in_order(
    own_databases: dict[str, Database],
    effects: Effects,
    owner: asyncpg.Connection,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.messaging.inbox._AT_ONCE", 4)
    inbox, case_id = Inbox(own_databases[CONSUMER], effects.consumers), new_id()
    await inbox.deliver([raw(tenant, case_id, sequence) for sequence in range(2, 12)])
    assert await seen(owner, tenant) == []
    await inbox.deliver([raw(tenant, case_id, 1)])
    assert [sequence for _, sequence in await seen(owner, tenant)] == [1, 2, 3, 4]
    # A worker may end here: whoever looks next finds what waits in its turn.
    await Inbox(own_databases[CONSUMER], effects.consumers).retry_due(tenant)
    assert [sequence for _, sequence in await seen(owner, tenant)] == list(range(1, 12))
    assert max(effects.calls) <= 4


async def test_what_redis_forgot_before_the_commit_is_taken_back(
    own_pipe: Pipe, owner: asyncpg.Connection, servers: TestServers, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = Redis.from_url(servers.redis_url)
    relay = own_pipe.relay_of("intake")
    await relay.watch_epoch()
    enqueue = relay._enqueue

    async def lose(consumer: str, events: list[Any]) -> None:
        await enqueue(consumer, events)
        # Emptied, and the forgetting of another relay comes and goes before our COMMIT.
        await redis.flushall()
        monkeypatch.setattr(relay, "_enqueue", enqueue)
        await own_pipe.relay_of("intake").watch_epoch()

    case_id = new_id()
    await own_pipe.publish("intake", tenant, f"case/{case_id}", filed(case_id))
    monkeypatch.setattr(relay, "_enqueue", lose)
    await relay.send_all()
    states = await owner.fetch("SELECT published_at FROM intake.outbox WHERE tenant_id = $1", tenant)
    assert [row["published_at"] for row in states] == [None]
    await own_pipe.rest()
    assert await seen(owner, tenant) == [(f"case/{case_id}", 1)]
    await redis.aclose()


async def test_the_pipe_tells_how_it_stands(
    own_pipe: Pipe, own_databases: dict[str, Database], effects: Effects, relay_pool: Any, servers: TestServers
) -> None:
    tenant, case_id = f"m{new_id().hex[:31]}", new_id()
    redis = await redis_pool(servers.redis_url)
    await own_pipe.rest()
    before = _told()
    await own_pipe.publish("intake", tenant, f"case/{case_id}", filed(case_id), closed(case_id))
    await look(relay_pool, redis, SERVICES)
    waiting = _told()
    owed = ("linli_outbox_unacknowledged", "intake", CONSUMER)
    assert waiting[owed] == before.get(owed, 0) + 2
    assert waiting["linli_outbox_oldest_seconds", "intake", CONSUMER] > 0
    await own_pipe.rest()
    early = raw(tenant, new_id(), 2)
    await Inbox(own_databases[CONSUMER], effects.consumers).deliver([early, early])
    await look(relay_pool, redis, SERVICES)
    after = _told()
    assert after[owed] == 0
    sent = ("linli_events_sent_total", "intake", CONSUMER)
    assert after[sent] == before.get(sent, 0) + 2
    assert after["linli_events_applied_total", CONSUMER] == before.get(("linli_events_applied_total", CONSUMER), 0) + 2
    assert after["linli_inbox_events", CONSUMER, "waiting"] >= 1
    assert after["linli_queue_jobs", CONSUMER] == 0
    await redis.aclose()


def _told() -> dict[tuple[str, ...], float]:
    """Read the metrics of this process by name and labels."""
    families = REGISTRY.collect()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("linli_")
    }


async def test_a_worker_whose_redis_goes_away_keeps_all_its_places(
    own_databases: dict[str, Database], effects: Effects, relay_pool: Any, servers: TestServers, tenant: str
) -> None:
    redis = await redis_pool(servers.redis_url)
    worker = QueueWorker(
        inbox=Inbox(own_databases[CONSUMER], effects.consumers),
        service=CONSUMER,
        redis=redis,
        relay_pool=relay_pool,
        at_once=2,
    )
    working = worker.pool
    for _ in range(5):
        worker._pool = cast("ArqRedis", AwayAfterLooking(working))
        with pytest.raises(RedisError):
            await worker.start_jobs([b"one", b"two"])
    worker._pool = working
    assert (worker.job_counter, worker.sem.locked()) == (0, False)
    await redis.aclose()


class AwayAfterLooking:
    """A Redis that is gone when a job is about to be started."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    def pipeline(self, **_: Any) -> Any:
        message = "gone"
        raise RedisConnectionError(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)
