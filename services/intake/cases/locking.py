"""Taking cases in hand: locked, and then read with everything that a step needs to know of them; or looked at only.

Two short trips beside SQLAlchemy. What stands beside a case is read once the lock is held, so that whoever had the case
before has been heard out: one statement that locks and reads would read the rest as it was before the wait. The case is
then the session's own, as if the session had loaded it.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import instance_dict, instance_state, manager_of_class, set_committed_value
from sqlalchemy.orm.util import identity_key

from services.intake.cases.models import Case
from services.intake.cases.repository import Resolution
from services.intake.cases.visibility import SEES_BELOW
from services.intake.clocks.sheet import ClockSheet, StoredInterval
from services.intake.handling.service import note_versions
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = ["CaseFile", "file_of", "in_hand", "lock_case", "lock_case_if_free", "lock_cases", "look_at", "settled"]


@dataclass(slots=True)
class CaseFile:
    """A case in hand, or looked at, with what stands beside it.

    Attributes:
        case: the row.
        clocks: its clocks; what a step does to them is written with the step.
        attachment_ids: its pictures that were not refused; None once a step has added some.
        asked_for: the person whose part in it was looked up, if any.
        is_joined: whether that person has joined it.
        has_offers: whether units have offered to take it and nobody has decided.
        needs_proof: whether cases of its category are resolved with a picture.
        resolution: what ended the work on it, if that was in this transaction.
    """

    case: Case
    clocks: ClockSheet
    attachment_ids: list[UUID] | None
    asked_for: UUID | None
    is_joined: bool
    has_offers: bool
    needs_proof: bool
    resolution: Resolution | None = None


# $1 tenant, $2 the case (or cases), $3 whether anybody may have them (a job, a consumer), $4 the areas that the
# caller sees, $5 the caller's person, $6 the units for which the caller acts, $7 their areas. Who sees what is the rule
# of `visibility.visible_to`, in a form that is the same for all callers; tests hold the two together.
_SEEN: Final = """($3::boolean
    OR c.area_path <@ ANY($4::text[]::public.ltree[])
    OR c.requester_id = $5
    OR EXISTS (SELECT FROM intake.case_joiners j WHERE j.tenant_id = $1 AND j.case_id = c.id AND j.person_id = $5)
    OR c.unit_id = ANY($6::uuid[])
    OR EXISTS (
        SELECT FROM intake.claim_helpers h WHERE h.tenant_id = $1 AND h.case_id = c.id AND h.unit_id = ANY($6::uuid[]))
    OR (c.state = 'triaged' AND c.unit_id IS NULL AND c.area_path <@ ANY($7::text[]::public.ltree[])))"""
_LOCK: Final = f"""
SELECT c.id FROM intake.cases c WHERE c.tenant_id = $1 AND c.id = $2 AND {_SEEN} ORDER BY c.id FOR UPDATE OF c"""
_LOCK_IF_FREE: Final = f"{_LOCK} SKIP LOCKED"
# One case has statements of its own: for an equality PostgreSQL keeps the plan, for an array it plans every time.
_ONE: Final = "c.id = $2"
_MANY: Final = "c.id = ANY($2::uuid[])"
_LOCK_MANY: Final = _LOCK.replace(_ONE, _MANY)

# As they are stored, but for paths, which the driver reads as text.
_COLUMNS: Final = tuple(column.key for column in Case.__table__.columns)
_MANAGER: Final = manager_of_class(Case)
_READ: Final = f"""
SELECT {", ".join("ltree2text(c.area_path) AS area_path" if key == "area_path" else f"c.{key}" for key in _COLUMNS)},
    ARRAY(SELECT a.id FROM intake.attachments a
          WHERE a.tenant_id = $1 AND a.case_id = c.id AND a.state <> 'refused' ORDER BY a.id) AS attachment_ids,
    EXISTS (SELECT FROM intake.case_joiners j
            WHERE j.tenant_id = $1 AND j.case_id = c.id AND j.person_id = $3) AS is_joined,
    EXISTS (SELECT FROM intake.claim_offers o
            WHERE o.tenant_id = $1 AND o.case_id = c.id AND o.state = 'open') AS has_offers,
    (SELECT k.proof_required FROM intake.categories k WHERE k.tenant_id = $1 AND k.code = c.category) AS needs_proof,
    ARRAY(SELECT ROW({", ".join(f"i.{item.name}" for item in fields(StoredInterval))}) FROM intake.clock_intervals i
          WHERE i.tenant_id = $1 AND i.case_id = c.id ORDER BY i.clock, i.run, i.position) AS intervals,
    coalesce((SELECT max(version) FROM intake.handling_versions WHERE tenant_id = $1), 1) AS rules_version,
    coalesce((SELECT max(version) FROM intake.calendar_versions WHERE tenant_id = $1), 0) AS calendar_version
FROM intake.cases c WHERE c.tenant_id = $1 AND c.id = $2"""
_READ_MANY: Final = _READ.replace(_ONE, _MANY)
_LOOK: Final = f"{_READ.replace('j.person_id = $3', 'j.person_id = $5')} AND {_SEEN}"


async def look_at(session: Session, caller: Principal, case_id: UUID) -> Case | None:
    """Return a case that the caller may see, with what stands beside it, as they are now; nobody is kept waiting."""
    row = await session.fetch_row(_LOOK, session.tenant, case_id, *_seen_by(caller))
    return _filed(session, row, caller.subject_id) if row is not None else None


async def lock_case(session: WriteSession, caller: Principal | None, case_id: UUID) -> Case | None:
    """Return a case that the caller may see (anybody's, for a consumer) and keep others from changing it meanwhile."""
    return await _take(session, caller, case_id, _LOCK)


async def lock_case_if_free(session: WriteSession, case_id: UUID) -> Case | None:
    """Return a case for a job, unless somebody is changing it right now: the job comes again."""
    return await _take(session, None, case_id, _LOCK_IF_FREE)


async def lock_cases(session: WriteSession, case_ids: Collection[UUID]) -> dict[UUID, Case]:
    """Return cases by id and keep others from changing them meanwhile; locked in the order of their ids."""
    await session.flush()
    rows = await session.fetch_rows(_LOCK_MANY, session.tenant, list(case_ids), *_seen_by(None))
    if not rows:
        return {}
    rows = await session.fetch_rows(_READ_MANY, session.tenant, [row["id"] for row in rows], None)
    return {row["id"]: _filed(session, row, None) for row in rows}


async def _take(session: WriteSession, caller: Principal | None, case_id: UUID, statement: str) -> Case | None:
    # What was changed here and not written yet would be read as it was before.
    await session.flush()
    if await session.fetch_row(statement, session.tenant, case_id, *_seen_by(caller)) is None:
        return None
    person = caller.subject_id if caller is not None else None
    row = await session.fetch_row(_READ, session.tenant, case_id, person)
    return _filed(session, row, person) if row is not None else None


def _seen_by(caller: Principal | None) -> tuple[Any, ...]:
    """Return what decides who sees a case, as the statements that lock take it."""
    if caller is None:
        return (True, (), None, (), ())
    units = sorted(caller.units(Role.UNIT_STAFF))
    around = caller.paths(Role.UNIT_STAFF) if units else ()
    return (False, caller.paths(*SEES_BELOW), caller.subject_id, units, around)


def _filed(session: Session, row: asyncpg.Record, person: UUID | None) -> Case:
    """Keep what was read beside a case for the rest of the transaction, and return the case."""
    note_versions(session, row["rules_version"], row["calendar_version"])
    case = _kept(session, row)
    _files(session)[case.id] = CaseFile(
        case=case,
        clocks=ClockSheet(StoredInterval(*interval) for interval in row["intervals"]),
        attachment_ids=row["attachment_ids"],
        asked_for=person,
        is_joined=row["is_joined"],
        has_offers=row["has_offers"],
        needs_proof=row["needs_proof"],
    )
    return case


def _kept(session: Session, row: asyncpg.Record) -> Case:
    """Return the session's object for a row, as it is stored now."""
    values = {key: row[key] for key in _COLUMNS}
    known: Case | None = session.sync_session.identity_map.get(identity_key(Case, (row["tenant_id"], row["id"])))
    if known is None:
        # As a loader makes one: what is stored is no change.
        case: Case = _MANAGER.new_instance()
        instance_dict(case).update(values)
        make_transient_to_detached(case)
        session.add(case)
        return case
    for key, value in values.items():
        set_committed_value(known, key, value)
    return known


def settled(session: WriteSession, case: Case) -> None:
    """Note that a case is stored as it stands, so that the session does not write it again."""
    state = instance_state(case)
    # What a session does after it has written a row; to say so by public names would take the case out and in again.
    state._commit_all(state.dict, session.sync_session.identity_map)  # noqa: SLF001


def _files(session: Session) -> dict[UUID, CaseFile]:
    files: dict[UUID, CaseFile] = session.info.setdefault("case_files", {})
    return files


def file_of(session: Session, case: Case) -> CaseFile | None:
    """Return what was read beside a case when it was taken in hand or looked at; None for one that a query found."""
    file = _files(session).get(case.id)
    return file if file is not None and file.case is case else None


def in_hand(session: Session, case: Case) -> CaseFile:
    """Return what was read beside a case that is locked.

    Raises:
        RuntimeError: it is not: whoever takes a step must have taken the case in hand before.
    """
    file = file_of(session, case)
    if file is None:
        message = "the case is not in hand"
        raise RuntimeError(message)
    return file
