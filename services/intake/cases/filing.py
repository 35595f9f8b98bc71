"""The hottest write of the house, as one statement: the case, its first step and its event, or nothing.

One round trip between BEGIN and COMMIT; the checks of area and category are joins of the same statement, and only when
it writes nothing does somebody ask why. `pgbench` runs this very text in the benchmark.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.intake.cases.schemas import FileCaseIn
from shared.contracts.intake import CaseFiled
from shared.messaging.outbox import event_body

__all__ = ["FILE_CASE", "file_arguments"]

# $1 tenant, $2 id, $3 number, $4 category, $5 title, $6 description, $7 area, $8 latitude, $9 longitude,
# $10 place, $11 requester, $12 now, $13 actor, $14 event id, $15 event without the area's path, $16 subject,
# $17 attachments.
FILE_CASE: Final = """
WITH place AS (
    SELECT id, path FROM intake.areas WHERE tenant_id = $1 AND id = $7 AND closed_on IS NULL),
kind AS (
    SELECT code FROM intake.categories WHERE tenant_id = $1 AND code = $4 AND active),
filed AS (
    INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, latitude,
        longitude, place_text, requester_id, state, filed_at, updated_at, version)
    SELECT $1, $2, $3, kind.code, $5, $6, place.id, place.path, $8, $9, $10, $11, 'filed', $12, $12, 1
    FROM place, kind
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING area_path),
told AS (
    INSERT INTO intake.case_steps (tenant_id, case_id, position, step, to_state, actor, data, at)
    SELECT $1, $2, 1, 'file', 'filed', $13, '{}', $12 FROM filed),
bound AS (
    UPDATE intake.attachments SET case_id = $2, purpose = 'report'
    WHERE tenant_id = $1 AND id = ANY($17::uuid[]) AND uploaded_by = $11 AND case_id IS NULL
      AND EXISTS (SELECT FROM filed) RETURNING id),
numbered AS (
    INSERT INTO intake.outbox_subjects (tenant_id, subject, consumer, last_sequence)
    SELECT $1, $16, 'matching', 1 FROM filed),
sent AS (
    INSERT INTO intake.outbox (tenant_id, id, consumer, subject, sequence, body)
    SELECT $1, $14, 'matching', $16, 1,
           jsonb_set($15::jsonb, '{data,area_path}', to_jsonb(ltree2text(filed.area_path)))::text FROM filed)
SELECT ltree2text(area_path) AS area_path, (SELECT count(*) FROM bound) AS bound FROM filed"""


def file_arguments(
    *, tenant: str, case_id: UUID, number: str, wanted: FileCaseIn, requester_id: UUID, now: datetime, actor: str
) -> Sequence[Any]:
    """Return the arguments of FILE_CASE in their order."""
    subject = f"case/{case_id}"
    filed = CaseFiled(
        case_id=case_id,
        number=number,
        category=wanted.category,
        area_id=wanted.area_id,
        area_path="",  # filled in by the statement, which knows the path
        filed_at=now,
    )
    event_id, body = event_body(tenant, "intake", subject, filed)
    latitude, longitude = (wanted.location.latitude, wanted.location.longitude) if wanted.location else (None, None)
    return (
        tenant,
        case_id,
        number,
        wanted.category,
        wanted.title,
        wanted.description,
        wanted.area_id,
        latitude,
        longitude,
        wanted.place_text,
        requester_id,
        now,
        actor,
        UUID(event_id),
        body,
        subject,
        wanted.attachment_ids,
    )
