"""The hottest write of the house, as one statement: the case, its first step, its event and who is told, or nothing.

One round trip between BEGIN and COMMIT; the checks of area and category are joins of the same statement, and only when
it writes nothing does somebody ask why. `pgbench` runs this very text in the benchmark.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.terms import Channel
from services.intake.clocks.rules import ClockKind, Interval, Verb
from services.intake.handling.service import Handling
from shared.clock import CHINA
from shared.contracts.intake import CaseFiled
from shared.ids import new_id
from shared.messaging.outbox import event_body

__all__ = ["FILE_CASE", "Filing", "file_arguments", "words_of"]

# $1 tenant, $2 id, $3 number, $4 category, $5 title, $6 description, $7 area, $8 latitude, $9 longitude,
# $10 place, $11 requester, $12 now, $13 actor, $14 event id, $15 event without the area's path, $16 subject,
# $17 attachments, $18 channel, $19 version of the handling rules, $20 version of the calendar, $21 what starts (JSON),
# $22 clocks, $23 limits in seconds, $24 due times, $25 next moments, $26 answers (JSON), $27 version of the form,
# $28 what the requester and the grid are told (JSON), $29 and $30 the ids of the two lines.
# Clocks and answers were judged by rules, a calendar and a form that this process knows; if there are newer ones,
# nothing is written.
FILE_CASE: Final = """
WITH known AS (
    SELECT WHERE $19 = coalesce((SELECT max(version) FROM intake.handling_versions WHERE tenant_id = $1), 1)
      AND $20 = coalesce((SELECT max(version) FROM intake.calendar_versions WHERE tenant_id = $1), 0)
      AND $27 = coalesce((SELECT max(version) FROM intake.category_forms WHERE tenant_id = $1 AND category = $4), 1)),
place AS (
    SELECT id, path FROM intake.areas WHERE tenant_id = $1 AND id = $7 AND closed_on IS NULL),
kind AS (
    SELECT code FROM intake.categories WHERE tenant_id = $1 AND code = $4 AND active
      AND ($12::timestamptz AT TIME ZONE INTERVAL '8 hours')::date
          BETWEEN valid_from AND coalesce(valid_to, 'infinity')),
filed AS (
    INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, latitude,
        longitude, place_text, requester_id, state, channel, filed_at, updated_at, version, answers, form_version)
    SELECT $1, $2, $3, kind.code, $5, $6, place.id, place.path, $8, $9, $10, $11, 'filed', $18, $12, $12, 1,
           $26::jsonb, nullif($27, 1)
    FROM place, kind, known
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING area_path),
told AS (
    INSERT INTO intake.case_steps (tenant_id, case_id, position, step, to_state, actor, data, clocks, at)
    SELECT $1, $2, 1, 'file', 'filed', $13, '{}', $21::jsonb, $12 FROM filed),
timed AS (
    INSERT INTO intake.clock_intervals (tenant_id, case_id, clock, run, position, running, budget_s, started_at,
        left_s, due_at, calendar_version, rung, next_at, tries)
    SELECT $1, $2, clock, 1, 1, true, budget_s, $12, budget_s, due_at, $20, 0, next_at, 0
    FROM filed, unnest($22::text[], $23::int[], $24::timestamptz[], $25::timestamptz[])
        AS t (clock, budget_s, due_at, next_at)),
bound AS (
    UPDATE intake.attachments SET case_id = $2, purpose = 'report'
    WHERE tenant_id = $1 AND id = ANY($17::uuid[]) AND uploaded_by = $11 AND case_id IS NULL AND purpose IS NULL
      AND state <> 'refused' AND EXISTS (SELECT FROM filed) RETURNING id),
numbered AS (
    INSERT INTO intake.outbox_subjects (tenant_id, subject, consumer, last_sequence)
    SELECT $1, $16, 'matching', 1 FROM filed),
heard AS (
    INSERT INTO intake.notifications (tenant_id, id, kind, case_id, params, person_id, role, area_path, urgent,
        created_at)
    SELECT $1, one.id, one.kind, $2, $28::jsonb, one.person_id, one.role,
           CASE WHEN one.role IS NOT NULL THEN filed.area_path END, false, $12
    FROM filed, (VALUES ($29::uuid, 'case_registered', $11::uuid, NULL),
        ($30::uuid, 'case_filed', NULL::uuid, 'grid_worker')) AS one (id, kind, person_id, role)),
sent AS (
    INSERT INTO intake.outbox (tenant_id, id, consumer, subject, sequence, body)
    SELECT $1, $14, 'matching', $16, 1,
           jsonb_set($15::jsonb, '{data,area_path}', to_jsonb(ltree2text(filed.area_path)))::text FROM filed)
SELECT ltree2text(area_path) AS area_path, (SELECT count(*) FROM bound) AS bound FROM filed"""


@dataclass(frozen=True, slots=True)
class Filing:
    """What a filing statement needs beside the words.

    Attributes:
        tenant: whose case it is.
        case_id: its id, made by the client or by us.
        number: its human number.
        requester_id: who raised it.
        actor: who files it, as the history names them.
        channel: how it came in.
        now: when.
        handling: the rules and the calendar by which its clocks start.
        clocks: the intervals with which they start, each with the next moment at which something is to be told.
        form_version: the questions that its answers were judged by.
        notice_id: of the line in the requester's inbox.
    """

    tenant: str
    case_id: UUID
    number: str
    requester_id: UUID
    actor: str
    channel: Channel
    now: datetime
    handling: Handling
    clocks: Sequence[tuple[ClockKind, Interval, datetime | None]]
    form_version: int
    notice_id: UUID = field(default_factory=new_id)


def file_arguments(filing: Filing, wanted: FileCaseIn) -> Sequence[Any]:
    """Return the arguments of FILE_CASE in their order."""
    subject = f"case/{filing.case_id}"
    filed = CaseFiled(
        case_id=filing.case_id,
        number=filing.number,
        category=wanted.category,
        area_id=wanted.area_id,
        area_path="",  # filled in by the statement, which knows the path
        filed_at=filing.now,
    )
    event_id, body = event_body(filing.tenant, "intake", subject, filed)
    latitude, longitude = (wanted.location.latitude, wanted.location.longitude) if wanted.location else (None, None)
    return (
        filing.tenant,
        filing.case_id,
        filing.number,
        wanted.category,
        wanted.title,
        wanted.description,
        wanted.area_id,
        latitude,
        longitude,
        wanted.place_text,
        filing.requester_id,
        filing.now,
        filing.actor,
        UUID(event_id),
        body,
        subject,
        wanted.attachment_ids,
        filing.channel.value,
        filing.handling.version,
        filing.handling.calendar.version,
        _starts(filing.clocks),
        [kind.value for kind, _, _ in filing.clocks],
        [interval.budget_s for _, interval, _ in filing.clocks],
        [interval.due_at for _, interval, _ in filing.clocks],
        [next_at for _, _, next_at in filing.clocks],
        orjson.dumps(wanted.answers).decode() if wanted.answers is not None else None,
        filing.form_version,
        orjson.dumps(words_of(filing, wanted)).decode(),
        filing.notice_id,
        new_id(),
    )


def words_of(filing: Filing, wanted: FileCaseIn) -> dict[str, str]:
    """Return what is told of a filing: by when somebody looks at it."""
    due = next((one.due_at for kind, one, _ in filing.clocks if kind is ClockKind.ACCEPT), None)
    words = {"number": filing.number, "title": wanted.title}
    return words if due is None else words | {"due_on": due.astimezone(CHINA).date().isoformat()}


def _starts(clocks: Sequence[tuple[ClockKind, Interval, datetime | None]]) -> str:
    """Write down what the first step does to the clocks."""
    ops = [{"clock": kind.value, "verb": Verb.START.value, "budget_s": one.budget_s} for kind, one, _ in clocks]
    return orjson.dumps(ops).decode()
