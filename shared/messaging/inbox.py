"""Consuming: the inbox row and the effect are one transaction, so an event that comes twice has one effect.

Per subject, events apply in their sequence. One that comes early waits in the inbox for its predecessor; one that fails
is kept there with its error, tried again alone with growing delay, and after the last try it is dead: a person looks at
it and puts it back. Its successors wait behind it, everybody else goes on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import orjson
import structlog
from pydantic import ValidationError
from sqlalchemy import text
from structlog.contextvars import bind_contextvars, unbind_contextvars

from shared.clock import machine_now
from shared.contracts import Event
from shared.db import Database, WriteSession
from shared.messaging import metrics
from shared.messaging.consumers import Consumers
from shared.problems import is_away
from shared.tracing import consuming

__all__ = ["Inbox", "Patience"]

log = structlog.get_logger()

_ERROR_LENGTH: Final = 2000
# How many events one transaction applies: an early batch may find thousands that have waited for it.
_AT_ONCE: Final = 400


# The inbox's SQL, with the schema left open.
_SQL: Final[dict[str, str]] = {
    # Begins the new ones and locks all, in the order of their names: two batches that share subjects queue and never
    # deadlock.
    "lock_subjects": """
        INSERT INTO {s}.inbox_subjects AS t (tenant_id, subject, last_sequence)
        SELECT :tenant, subject, 0 FROM unnest(CAST(:subjects AS text[])) AS subject ORDER BY subject
        ON CONFLICT (tenant_id, subject) DO UPDATE SET last_sequence = t.last_sequence
        RETURNING subject, last_sequence""",
    "receive": """
        INSERT INTO {s}.inbox (tenant_id, id, type, subject, sequence, state, body, applied_at)
        SELECT :tenant, e.id, e.type, e.subject, e.sequence, e.state,
               CASE WHEN e.state = 'waiting' THEN e.body END,
               CASE WHEN e.state = 'applied' THEN clock_timestamp() END
        FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:subjects AS text[]),
                    CAST(:sequences AS bigint[]), CAST(:states AS text[]), CAST(:bodies AS text[]))
             AS e (id, type, subject, sequence, state, body)
        ON CONFLICT (tenant_id, id) DO NOTHING""",
    "held": """
        SELECT id, subject, sequence, state, body FROM {s}.inbox
        WHERE tenant_id = :tenant AND subject = ANY(CAST(:subjects AS text[]))
          AND state IN ('waiting', 'failed', 'dead') ORDER BY subject, sequence""",
    "applied": """
        UPDATE {s}.inbox SET state = 'applied', body = NULL, next_attempt_at = NULL,
               applied_at = clock_timestamp()
        WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))""",
    "advance": """
        UPDATE {s}.inbox_subjects AS t SET last_sequence = a.sequence
        FROM unnest(CAST(:subjects AS text[]), CAST(:sequences AS bigint[])) AS a (subject, sequence)
        WHERE t.tenant_id = :tenant AND t.subject = ANY(CAST(:subjects AS text[])) AND t.subject = a.subject""",
    "fail": """
        INSERT INTO {s}.inbox
            (tenant_id, id, type, subject, sequence, state, body, attempts, next_attempt_at, error)
        VALUES (:tenant, :id, :type, :subject, :sequence, CASE WHEN 1 >= :max_attempts THEN 'dead' ELSE 'failed' END,
                :body, 1, :next_attempt_at, :error)
        ON CONFLICT (tenant_id, id) DO UPDATE SET
            state = CASE WHEN inbox.attempts + 1 >= :max_attempts THEN 'dead' ELSE 'failed' END,
            attempts = inbox.attempts + 1, next_attempt_at = EXCLUDED.next_attempt_at, error = EXCLUDED.error
        WHERE inbox.state <> 'applied'
        RETURNING state, attempts""",
    "next_waiting": """
        SELECT i.id, i.sequence, i.body FROM {s}.inbox AS i
        JOIN {s}.inbox_subjects AS t ON t.tenant_id = i.tenant_id AND t.subject = i.subject
        WHERE i.tenant_id = :tenant AND i.subject = :subject AND i.state = 'waiting'
          AND i.sequence = t.last_sequence + 1""",
    "due": """
        SELECT id, attempts, body FROM {s}.inbox
        WHERE tenant_id = :tenant AND state = 'failed' AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT 100""",
    # Waiting for nothing any more: a transaction had done enough already, or a worker ended between two of them.
    "in_turn": """
        SELECT i.subject FROM {s}.inbox AS i
        JOIN {s}.inbox_subjects AS t ON t.tenant_id = i.tenant_id AND t.subject = i.subject
        WHERE i.tenant_id = :tenant AND i.state = 'waiting' AND i.sequence = t.last_sequence + 1
        ORDER BY i.subject LIMIT 200""",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and after what delays, a failing event is tried before a person has to look at it.

    With the defaults that is after about four minutes: longer than a dependency's restart, shorter than a lunch.
    """

    attempts: int = 8
    first_delay_s: float = 1.0
    longest_delay_s: float = 300.0

    def delay_s(self, attempts: int) -> float:
        """Return how long to wait after so many earlier tries."""
        return min(self.first_delay_s * 2.0**attempts, self.longest_delay_s)


@dataclass(slots=True)
class _Arrival:
    """One event as it came, before it is understood."""

    id: str
    subject: str
    sequence: int
    raw: dict[str, Any]
    is_held: bool = False
    event: Event[Any] | None = None


class Inbox:
    """Applies batches of events to one service."""

    def __init__(self, database: Database, consumers: Consumers, patience: Patience | None = None) -> None:
        self._database = database
        self._consumers = consumers
        self._patience = patience or Patience()
        self._sql = {name: text(sql.format(s=consumers.service)) for name, sql in _SQL.items()}

    async def deliver(self, batch: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take in a batch. Every event is then applied, or kept in the inbox, or already known; never lost.

        Returns:
            The events that the producer may forget.
        """
        by_tenant: dict[str, list[_Arrival]] = defaultdict(list)
        for raw in batch:
            by_tenant[raw["tenant"]].append(_Arrival(raw["id"], raw["subject"], raw["sequence"], raw))
        done: list[dict[str, Any]] = []
        for tenant, arrivals in by_tenant.items():
            # What cannot even be read goes alone from the start, and delays nobody who travels with it.
            readable = [arrival for arrival in arrivals if self._is_readable(arrival)]
            if readable:
                await self._deliver_tenant(tenant, readable)
            for arrival in arrivals:
                if arrival.event is None:
                    await self._deliver_one(tenant, arrival, attempts=0)
            done.extend(arrival.raw for arrival in arrivals)
        return done

    def _is_readable(self, arrival: _Arrival) -> bool:
        try:
            arrival.event = self._consumers.parse(arrival.raw)
        except (ValidationError, KeyError):
            return False
        return True

    async def retry_due(self, tenant: str) -> int:
        """Try again, each alone, what has failed before and is due; returns how many were tried."""
        async with self._database.read(tenant) as session:
            due = (await session.execute(self._sql["due"], {"tenant": tenant})).all()
        for row in due:
            raw = orjson.loads(row.body)
            arrival = _Arrival(str(row.id), raw["subject"], raw["sequence"], raw, is_held=True)
            await self._deliver_one(tenant, arrival, attempts=row.attempts)
        return len(due) + await self._deliver_in_turn(tenant)

    async def _deliver_in_turn(self, tenant: str) -> int:
        """Apply what waits although its turn has come, by the hundreds; returns how many subjects had such events."""
        count = 0
        while True:
            async with self._database.read(tenant) as session:
                subjects = [row.subject for row in await session.execute(self._sql["in_turn"], {"tenant": tenant})]
            if not subjects or count > _AT_ONCE:
                return count
            count += len(subjects)
            await self._deliver_tenant(tenant, [], subjects)

    async def _deliver_tenant(self, tenant: str, arrivals: Sequence[_Arrival], subjects: Sequence[str] = ()) -> None:
        """Take in a batch and, of these subjects too, what has waited; those whose events fail go alone."""
        try:
            async with self._database.write(tenant) as session:
                counted = await self._apply(session, arrivals, subjects)
            self._count(counted)
        except Exception as error:
            if is_away(error):
                raise
            log.warning("batch_failed_trying_each_alone", tenant=tenant, size=len(arrivals), error=repr(error)[:300])
            for arrival in sorted(arrivals, key=lambda item: item.sequence):
                await self._deliver_one(tenant, arrival, attempts=0)
            for subject in subjects:
                following = await self._next_waiting(tenant, subject)
                if following is not None:
                    await self._deliver_one(tenant, following, attempts=0)

    async def _deliver_one(self, tenant: str, arrival: _Arrival, *, attempts: int) -> None:
        """Apply one event in a transaction of its own, then its waiting successors, each in one of its own."""
        following: _Arrival | None = arrival
        while following is not None:
            # Whatever is logged meanwhile is found by the id of the request that caused the event.
            bind_contextvars(tenant=tenant, request_id=following.raw.get("requestid"), event_id=following.id)
            try:
                async with self._database.write(tenant) as session:
                    counted = await self._apply(session, [following], alone=True)
                self._count(counted)
            except Exception as error:
                if is_away(error):
                    raise
                await self._keep_failed(tenant, following, error, attempts)
                break
            following, attempts = await self._next_waiting(tenant, following.subject), 0
        unbind_contextvars("tenant", "request_id", "event_id")

    def _count(self, counted: dict[str, int]) -> None:
        metrics.applied(self._consumers.service, **counted)
        if counted["known"]:
            log.info("events_known_already", service=self._consumers.service, events=counted["known"])

    async def _next_waiting(self, tenant: str, subject: str) -> _Arrival | None:
        async with self._database.read(tenant) as session:
            row = (
                await session.execute(self._sql["next_waiting"], {"tenant": tenant, "subject": subject})
            ).one_or_none()
        if row is None:
            return None
        return _Arrival(str(row.id), subject, row.sequence, orjson.loads(row.body), is_held=True)

    async def _keep_failed(self, tenant: str, arrival: _Arrival, error: Exception, attempts: int) -> None:
        metrics.failed(self._consumers.service)
        values = {
            "tenant": tenant,
            "id": arrival.id,
            "type": arrival.raw["type"],
            "subject": arrival.subject,
            "sequence": arrival.sequence,
            "body": orjson.dumps(arrival.raw).decode(),
            "next_attempt_at": machine_now() + timedelta(seconds=self._patience.delay_s(attempts)),
            "error": repr(error)[:_ERROR_LENGTH],
            "max_attempts": self._patience.attempts,
        }
        async with self._database.write(tenant) as session:
            kept = (await session.execute(self._sql["fail"], values)).one_or_none()
        if kept is not None:
            log.error("event_failed", state=kept.state, attempts=kept.attempts, exc_info=error)

    async def _apply(
        self, session: WriteSession, arrivals: Sequence[_Arrival], more: Sequence[str] = (), *, alone: bool = False
    ) -> dict[str, int]:
        """Lock the subjects, receive the batch, apply all that is in its turn, and move the subjects on.

        With `alone`, waiting successors stay where they are, so that their failure is not blamed on this one. Returns
        how many were applied, and how many had been received before.
        """
        subjects = sorted({arrival.subject for arrival in arrivals} | set(more))
        scope = {"tenant": session.tenant, "subjects": subjects}
        last = {row.subject: row.last_sequence for row in await session.execute(self._sql["lock_subjects"], scope)}
        fresh, runnable = await self._turn(session, scope, arrivals, last)
        if alone:
            runnable = [arrival for arrival in runnable if arrival.id == arrivals[0].id]
        runnable = runnable[:_AT_ONCE]
        await self._receive(session, fresh, {arrival.id for arrival in runnable})
        for wave in _waves(runnable):
            for same_type in wave:
                events = [arrival.event or self._consumers.parse(arrival.raw) for arrival in same_type]
                with consuming(self._consumers.service, events):
                    await self._consumers.apply(session, events)
                for event in events:
                    log.debug("event_applied", type=event.type, event_id=event.id, request_id=event.requestid)
        was_held = [arrival.id for arrival in runnable if arrival.is_held]
        if was_held:
            await session.execute(self._sql["applied"], {"tenant": session.tenant, "ids": was_held})
        reached = {arrival.subject: arrival.sequence for arrival in runnable}
        if reached:
            values = {"tenant": session.tenant, "subjects": list(reached), "sequences": list(reached.values())}
            await session.execute(self._sql["advance"], values)
        known = sum(not arrival.is_held for arrival in arrivals) - len(fresh)
        return {"new": len(runnable), "known": known}

    async def _turn(
        self, session: WriteSession, scope: dict[str, Any], arrivals: Sequence[_Arrival], last: dict[str, int]
    ) -> tuple[list[_Arrival], list[_Arrival]]:
        """Return what is new here, and what may be applied now, held events included, each subject in its order."""
        held = (await session.execute(self._sql["held"], scope)).all()
        held_ids = {str(row.id) for row in held}
        retried = {arrival.id for arrival in arrivals if arrival.is_held}
        candidates: dict[str, dict[int, _Arrival]] = defaultdict(dict)
        for row in held:
            if row.state == "waiting" or str(row.id) in retried:
                raw = orjson.loads(row.body)
                candidates[row.subject][row.sequence] = _Arrival(
                    str(row.id), row.subject, row.sequence, raw, is_held=True
                )
        fresh: dict[str, _Arrival] = {}
        for arrival in arrivals:
            if arrival.id not in held_ids and not arrival.is_held and arrival.sequence > last[arrival.subject]:
                fresh[arrival.id] = arrival
                candidates[arrival.subject][arrival.sequence] = arrival
        runnable: list[_Arrival] = []
        for subject, by_sequence in candidates.items():
            following = last[subject] + 1
            while following in by_sequence:
                runnable.append(by_sequence[following])
                following += 1
        return list(fresh.values()), runnable

    async def _receive(self, session: WriteSession, fresh: Sequence[_Arrival], runnable: set[str]) -> None:
        if not fresh:
            return
        states = ["applied" if arrival.id in runnable else "waiting" for arrival in fresh]
        values = {
            "tenant": session.tenant,
            "ids": [arrival.id for arrival in fresh],
            "types": [arrival.raw["type"] for arrival in fresh],
            "subjects": [arrival.subject for arrival in fresh],
            "sequences": [arrival.sequence for arrival in fresh],
            "states": states,
            "bodies": [
                orjson.dumps(arrival.raw).decode() if state == "waiting" else None
                for arrival, state in zip(fresh, states, strict=True)
            ],
        }
        await session.execute(self._sql["receive"], values)


def _waves(runnable: Sequence[_Arrival]) -> Iterable[Iterable[list[_Arrival]]]:
    """Cut what may run into waves of at most one event per subject, and each wave into lists of one type.

    So a handler gets many subjects at once, and no subject's second event before its first.
    """
    queues: dict[str, list[_Arrival]] = defaultdict(list)
    for arrival in runnable:
        queues[arrival.subject].append(arrival)
    for turn in range(max((len(queue) for queue in queues.values()), default=0)):
        wave: dict[str, list[_Arrival]] = defaultdict(list)
        for queue in queues.values():
            if turn < len(queue):
                wave[queue[turn].raw["type"]].append(queue[turn])
        yield wave.values()
