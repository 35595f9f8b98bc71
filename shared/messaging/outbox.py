"""Publishing: in the transaction of the change, one row per event and consuming service."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
import structlog

from shared.clock import utc_now
from shared.contracts import Event, EventData, consumers_of
from shared.db import WriteSession
from shared.ids import new_id

__all__ = ["event_body", "publish", "publish_each"]

# The sequence counts per subject and consumer; the row lock on the counter makes its order the order of the commits.
_INSERT: Final = """
WITH numbered AS (
    INSERT INTO {schema}.outbox_subjects AS s (tenant_id, subject, consumer, last_sequence)
    SELECT $1, $2, c, 1 FROM unnest($3::text[]) AS c
    ON CONFLICT (tenant_id, subject, consumer) DO UPDATE SET last_sequence = s.last_sequence + 1
    RETURNING consumer, last_sequence)
INSERT INTO {schema}.outbox (tenant_id, id, consumer, subject, sequence, body)
SELECT $1, $4::uuid, consumer, $2, last_sequence, $5 FROM numbered"""

_INSERT_EACH: Final = """
WITH told AS (
    SELECT * FROM unnest($3::text[], $4::uuid[], $5::text[])
        WITH ORDINALITY AS t (subject, id, body, place)),
numbered AS (
    INSERT INTO {schema}.outbox_subjects AS s (tenant_id, subject, consumer, last_sequence)
    SELECT $1, told.subject, c, 1 FROM told, unnest($2::text[]) AS c
    ORDER BY told.subject, c
    ON CONFLICT (tenant_id, subject, consumer) DO UPDATE SET last_sequence = s.last_sequence + 1
    RETURNING subject, consumer, last_sequence)
INSERT INTO {schema}.outbox (tenant_id, id, consumer, subject, sequence, body)
SELECT $1, told.id, consumer, told.subject, last_sequence, told.body
FROM numbered JOIN told ON told.subject = numbered.subject ORDER BY told.place"""


@cache
def _insert_each(schema: str) -> str:
    return _INSERT_EACH.format(schema=schema)


@cache
def _insert(schema: str) -> str:
    return _INSERT.format(schema=schema)


def event_body(
    tenant: str, source: str, subject: str, data: EventData, cause: Event[Any] | None = None
) -> tuple[str, str]:
    """Write the CloudEvent of a payload, without its sequence, as JSON.

    Who caused it is taken from the event that is being consumed, or from the ids bound to the running request.

    Returns:
        The event's id and its body.
    """
    bound = structlog.contextvars.get_contextvars()
    event_id = str(new_id())
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/linli/{source}",
        "type": data.event_type,
        "subject": subject,
        "time": utc_now(),
        "datacontenttype": "application/json",
        "tenant": tenant,
        "actor": cause.actor if cause else bound.get("actor"),
        "requestid": cause.requestid if cause else bound.get("request_id"),
        "traceparent": cause.traceparent if cause else bound.get("traceparent"),
        "data": data.model_dump(),
    }
    present = {name: value for name, value in body.items() if value is not None}
    # The driver's UUIDs are a subclass of Python's, which orjson does not take by itself.
    return event_id, orjson.dumps(present, default=str).decode()


async def publish(session: WriteSession, subject: str, *data: EventData, cause: Event[Any] | None = None) -> None:
    """Tell the other services what happened, if and only if the session's transaction commits.

    Args:
        session: the transaction of the change itself.
        subject: `kind/id`; events of one subject arrive in the order of their commits.
        data: the events, in order.
        cause: the event that a consumer is applying, so that actor and request stay the original ones.
    """
    schema: str = session.info["schema"]
    for item in data:
        consumers = list(consumers_of(type(item)))
        if not consumers:
            continue
        event_id, body = event_body(session.tenant, schema, subject, item, cause)
        await session.fetch_rows(_insert(schema), session.tenant, subject, consumers, event_id, body)
        session.info["published"] = True


async def publish_each(session: WriteSession, told: Sequence[tuple[str, EventData]]) -> None:
    """Tell one event of one type for each of many subjects, with one statement.

    Args:
        session: the transaction of the change itself.
        told: subjects, each at most once, with their events.
    """
    if not told:
        return
    consumers = list(consumers_of(type(told[0][1])))
    if not consumers:
        return
    schema: str = session.info["schema"]
    written = [event_body(session.tenant, schema, subject, item) for subject, item in told]
    await session.fetch_rows(
        _insert_each(schema),
        session.tenant,
        consumers,
        [subject for subject, _ in told],
        [event_id for event_id, _ in written],
        [body for _, body in written],
    )
    session.info["published"] = True
