"""SQL of counting: what has changed, the histories of cases, and the facts as they are kept."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Select, Uuid, cast, delete, func, literal, or_, select, text, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert

from services.intake.calendar.models import CalendarVersion
from services.intake.cases.models import Case, CaseStep
from services.intake.clocks.rules import ClockKind, ClockOp, Verb
from services.intake.facts.models import CaseFact, DayFact, FactProgress, TransitionFact
from services.intake.facts.rules import CaseRow, CountedCase, CountedDay, CountedStep, StepRow, end_of
from shared.db import Session, WriteSession, Xid8

__all__ = [
    "Changed",
    "add_progress",
    "calendar_versions",
    "case_ids_after",
    "changed_cases",
    "day_counted",
    "day_stored",
    "days_outside",
    "first_day",
    "histories",
    "lock_progress",
    "outdated",
    "outdated_calendars",
    "put_cases",
    "put_days",
    "put_steps",
    "remove_day_rows",
    "remove_steps",
    "stored_cases",
    "stored_steps",
]

_CASE: Final = [getattr(Case, field.name) for field in fields(CaseRow)]
_STEP: Final = [getattr(CaseStep, field.name) for field in fields(StepRow) if field.name != "ops"]
_CASE_FACT: Final = [getattr(CaseFact, field.name) for field in fields(CountedCase)]
_STEP_FACT: Final = [getattr(TransitionFact, field.name) for field in fields(CountedStep)]
_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_DAY_FACT: Final = [getattr(DayFact, field.name) for field in fields(CountedDay)]

# What a day brought, and who was where at its end: whoever had come by then and gone on later, or not yet.
_DAY: Final = text("""
SELECT CAST(:day AS date), ltree2text(area_path), category, level, sum(opened)::integer, sum(accepted)::integer,
    sum(resolved)::integer, sum(closed)::integer, sum(reopened)::integer, sum(backlog)::integer, sum(overdue)::integer
FROM (
    SELECT area_path, category, coalesce(level, 'unjudged') AS level, (effect = 'opened')::integer AS opened,
        (effect = 'accepted')::integer AS accepted, (effect = 'resolved')::integer AS resolved,
        (effect = 'closed')::integer AS closed, (effect = 'reopened')::integer AS reopened, 0 AS backlog, 0 AS overdue
    FROM intake.transition_facts
    WHERE tenant_id = :tenant AND day = :day AND effect IS NOT NULL AND effect <> 'restored'
    UNION ALL
    SELECT area_path, category, coalesce(level, 'unjudged'), 0, 0, 0, 0, 0, 1,
        coalesce((SELECT due < :ends FROM unnest(dues_from, dues) AS d (since, due) WHERE since < :ends
            ORDER BY since DESC LIMIT 1), false)::integer
    FROM intake.transition_facts
    WHERE tenant_id = :tenant AND at < :ends AND to_state <> 'closed' AND until_at IS NULL
    UNION ALL
    SELECT area_path, category, coalesce(level, 'unjudged'), 0, 0, 0, 0, 0, 1,
        coalesce((SELECT due < :ends FROM unnest(dues_from, dues) AS d (since, due) WHERE since < :ends
            ORDER BY since DESC LIMIT 1), false)::integer
    FROM intake.transition_facts
    WHERE tenant_id = :tenant AND at < :ends AND to_state <> 'closed' AND until_at >= :ends
) AS counted GROUP BY area_path, category, level""")


class Changed(NamedTuple):
    """A case, and the transaction that wrote a step of it."""

    xid: int
    case_id: UUID


def _xid(value: int) -> Any:  # noqa: ANN401 - an expression of SQL
    return cast(literal(value, Xid8()), Xid8())


async def add_progress(session: WriteSession, *, epoch: str, lower_xid: int) -> None:
    """Begin to count a tenant's facts, unless somebody has."""
    row = {"tenant_id": session.tenant, "epoch": epoch, "filling": True, "lower_xid": lower_xid, "batches": 0}
    await session.execute(insert(FactProgress).values(row).on_conflict_do_nothing())


async def lock_progress(session: WriteSession) -> FactProgress | None:
    """Return how far the facts are counted, and keep others from counting; None while somebody else does."""
    statement = select(FactProgress).where(FactProgress.tenant_id == session.tenant)
    found: FactProgress | None = await session.scalar(statement.with_for_update(skip_locked=True))
    return found


async def case_ids_after(session: Session, after: UUID | None, *, limit: int) -> list[UUID]:
    """Return ids of cases in their order."""
    statement = select(Case.id).where(Case.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(Case.id > after)
    return list((await session.scalars(statement.order_by(Case.id).limit(limit))).all())


async def changed_cases(
    session: Session, *, lower: int, upper: int, after: Changed | None, limit: int
) -> list[Changed]:
    """Return cases with a step of the transactions from `lower` up to, and not including, `upper`, in their order."""
    statement = select(CaseStep.xid, CaseStep.case_id).where(
        CaseStep.tenant_id == session.tenant, CaseStep.xid >= _xid(lower), CaseStep.xid < _xid(upper)
    )
    if after is not None:
        place = tuple_(_xid(after.xid), literal(after.case_id, Uuid()))
        statement = statement.where(tuple_(CaseStep.xid, CaseStep.case_id) > place)
    ordered = statement.group_by(CaseStep.xid, CaseStep.case_id).order_by(CaseStep.xid, CaseStep.case_id)
    return [Changed(*row) for row in await session.execute(ordered.limit(limit))]


async def outdated(session: Session, case_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return which cases have steps that are not in their facts, and how many steps each has."""
    # Not as a join: with tables that have just grown, PostgreSQL reads one of them as often as the other has rows.
    there = select(Case.id, Case.version).where(Case.tenant_id == session.tenant, Case.id.in_(case_ids))
    mine = (CaseFact.tenant_id == session.tenant, CaseFact.case_id.in_(case_ids))
    counted = await session.execute(select(CaseFact.case_id, CaseFact.version).where(*mine))
    known = {row.case_id: row.version for row in counted}
    return {row.id: row.version for row in await session.execute(there) if known.get(row.id) != row.version}


async def outdated_calendars(session: Session, newest: int, *, limit: int) -> list[UUID]:
    """Return open cases that are counted by an older calendar."""
    statement = select(CaseFact.case_id).where(
        CaseFact.tenant_id == session.tenant, CaseFact.state != "closed", CaseFact.calendar_version < newest
    )
    return list((await session.scalars(statement.limit(limit))).all())


async def histories(session: Session, case_ids: Collection[UUID]) -> list[tuple[CaseRow, list[StepRow]]]:
    """Return cases with all their steps, in the order of their ids; the transaction sees one snapshot."""
    found = select(*_CASE).where(Case.tenant_id == session.tenant, Case.id.in_(case_ids)).order_by(Case.id)
    cases = [CaseRow(*row) for row in await session.execute(found)]
    columns = (*_STEP, CaseStep.case_id, CaseStep.clocks)
    statement = select(*columns).where(CaseStep.tenant_id == session.tenant, CaseStep.case_id.in_(case_ids))
    steps: dict[UUID, list[StepRow]] = defaultdict(list)
    for row in await session.execute(statement.order_by(CaseStep.case_id, CaseStep.position)):
        read = (*row[: len(_STEP)], tuple(_op(one) for one in row.clocks))
        steps[row.case_id].append(StepRow(*read))
    return [(case, steps[case.id]) for case in cases]


def _op(written: dict[str, Any]) -> ClockOp:
    kind, verb = ClockKind(written["clock"]), Verb(written["verb"])
    return ClockOp(kind, verb, written.get("budget_s"), written.get("reason"))


async def calendar_versions(session: Session, after: int) -> Sequence[tuple[int, datetime]]:
    """Return the versions of the calendar after one, each with when it was set."""
    statement = select(CalendarVersion.version, CalendarVersion.set_at).where(
        CalendarVersion.tenant_id == session.tenant, CalendarVersion.version > after
    )
    rows = await session.execute(statement.order_by(CalendarVersion.version))
    return [(version, set_at) for version, set_at in rows]


async def stored_cases(session: Session, case_ids: Collection[UUID]) -> dict[UUID, CountedCase]:
    """Return the facts of cases as they are kept."""
    statement = select(*_CASE_FACT).where(CaseFact.tenant_id == session.tenant, CaseFact.case_id.in_(case_ids))
    counted = [CountedCase(*row) for row in await session.execute(statement)]
    return {one.case_id: one for one in counted}


async def stored_steps(session: Session, case_ids: Collection[UUID]) -> dict[tuple[UUID, int], CountedStep]:
    """Return the facts of the steps of cases as they are kept."""
    mine = (TransitionFact.tenant_id == session.tenant, TransitionFact.case_id.in_(case_ids))
    counted = [CountedStep(*row) for row in await session.execute(select(*_STEP_FACT).where(*mine))]
    return {(one.case_id, one.position): one for one in counted}


def _upsert(
    model: type[CaseFact | TransitionFact | DayFact], shape: type[Any], also: str = ""
) -> tuple[str, list[str]]:
    """Return the statement ($1 tenant, $2 rows as JSON) that keeps rows, and the names of their fields.

    One statement a table, whatever the number of rows: statement by statement takes ten times as long.
    """
    table = model.__table__
    key = [column.name for column in table.primary_key]
    names = [field.name for field in fields(shape)]
    types = {name: table.c[name].type.compile(_DIALECT) for name in names} | {"area_path": "text"}
    read = ", ".join("text2ltree(r.area_path)" if name == "area_path" else f"r.{name}" for name in names)
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in names if name not in key)
    statement = (
        f"INSERT INTO {table.fullname} AS kept (tenant_id, {', '.join(names)}{', revision' if also else ''})"
        f" SELECT $1, {read}{', 1' if also else ''} FROM jsonb_to_recordset($2::jsonb)"
        f" AS r ({', '.join(f'{name} {types[name]}' for name in names)})"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}{also}"
    )
    return statement, names


_PUT_CASES: Final = _upsert(CaseFact, CountedCase)
_PUT_STEPS: Final = _upsert(TransitionFact, CountedStep)
_PUT_DAYS: Final = _upsert(DayFact, CountedDay, ", revision = kept.revision + 1")


async def _put(session: WriteSession, put: tuple[str, list[str]], rows: Sequence[Any]) -> None:
    if rows:
        statement, names = put
        # The driver's UUIDs are a subclass of Python's, which orjson does not take by itself.
        written = orjson.dumps([{name: getattr(row, name) for name in names} for row in rows], default=str)
        await session.fetch_row(statement, session.tenant, written.decode())


async def put_cases(session: WriteSession, rows: Sequence[CountedCase]) -> None:
    """Keep facts of cases."""
    await _put(session, _PUT_CASES, rows)


async def put_steps(session: WriteSession, rows: Sequence[CountedStep]) -> None:
    """Keep facts of steps."""
    await _put(session, _PUT_STEPS, rows)


async def put_days(session: WriteSession, rows: Sequence[CountedDay]) -> None:
    """Keep facts of a day; one that was kept otherwise is a revision."""
    await _put(session, _PUT_DAYS, rows)


async def remove_steps(session: WriteSession, keys: Collection[tuple[UUID, int]]) -> None:
    """Remove facts of steps that there are not."""
    place = tuple_(TransitionFact.case_id, TransitionFact.position)
    await session.execute(delete(TransitionFact).where(TransitionFact.tenant_id == session.tenant, place.in_(keys)))


async def first_day(session: Session) -> date | None:
    """Return the first day of which there is a fact."""
    statement = select(func.min(TransitionFact.day)).where(
        TransitionFact.tenant_id == session.tenant, TransitionFact.effect.is_not(None)
    )
    found: date | None = await session.scalar(statement)
    return found


async def day_counted(session: Session, day: date) -> list[CountedDay]:
    """Count a day from the facts of steps."""
    rows = await session.execute(_DAY, {"tenant": session.tenant, "day": day, "ends": end_of(day)})
    return [CountedDay(*row) for row in rows]


def _stored_days(session: Session, *columns: Any) -> Select[Any]:  # noqa: ANN401
    return select(*columns).where(DayFact.tenant_id == session.tenant)


async def day_stored(session: Session, day: date) -> list[CountedDay]:
    """Return the facts of a day as they are kept."""
    rows = await session.execute(_stored_days(session, *_DAY_FACT).where(DayFact.day == day))
    return [CountedDay(*row) for row in rows]


async def days_outside(session: Session, first: date | None, last: date | None) -> list[date]:
    """Return days that have rows although nothing happened before `first`, and nothing after `last` is over."""
    statement = _stored_days(session, DayFact.day)
    if first is not None and last is not None:
        statement = statement.where(or_(DayFact.day < first, DayFact.day > last))
    rows = await session.scalars(statement.distinct().order_by(DayFact.day))
    return list(rows.all())


async def remove_day_rows(session: WriteSession, rows: Sequence[CountedDay]) -> None:
    """Remove facts of a day on which there was nothing to count."""
    for row in rows:
        statement = delete(DayFact).where(
            DayFact.tenant_id == session.tenant,
            DayFact.day == row.day,
            DayFact.area_path == row.area_path,
            DayFact.category == row.category,
            DayFact.level == row.level,
        )
        await session.execute(statement)
