"""SQL of imports. What a chunk of rows writes goes as sets: one statement a table, whatever the number of rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Select, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from services.intake.categories.models import Category
from services.intake.imports.models import Import, ImportKey, ImportLine
from services.intake.imports.rules import Fate, ImportState
from services.intake.models import reference
from shared.db import Session, WriteSession

__all__ = [
    "active_categories",
    "add_cases",
    "add_import",
    "add_lines",
    "all_areas",
    "all_units",
    "claim_import",
    "file_of",
    "find_import",
    "forget_files",
    "known_keys",
    "lines_of",
    "list_imports",
    "lock_import",
    "one_at_a_time",
]

_OPEN: Final = (ImportState.QUEUED.value, ImportState.READING.value, ImportState.RUNNING.value)
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")

# $1 tenant, $2 rows as JSON, $3 source, $4 import, $5 importer
_CASES: Final = """
INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, place_text,
    requester_id, state, level, outcome, unit_id, channel, filed_at, closed_at, updated_at, version, external_source,
    external_ref, import_id)
SELECT $1, r.id, r.number, r.category, r.title, r.description, r.area_id, text2ltree(r.area_path), r.place_text,
    $5, r.state, r.level, r.outcome, r.unit_id, 'import', r.filed_at, r.closed_at, r.updated_at, 2, $3,
    r.external_ref, $4
FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, number text, category text, title text, description text,
    area_id uuid, area_path text, place_text text, state text, level text, outcome text, unit_id uuid,
    filed_at timestamptz, closed_at timestamptz, updated_at timestamptz, external_ref text)"""
_KEYS: Final = """
INSERT INTO intake.import_keys (tenant_id, source, key, row_hash, case_id, number, import_id, line)
SELECT $1, $3, r.key, decode(r.row_hash, 'hex'), r.id, r.number, $4, r.line
FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, number text, key text, row_hash text, line integer)"""
# $1 tenant, $2 steps as JSON, $3 actor
_STEPS: Final = """
INSERT INTO intake.case_steps (tenant_id, case_id, position, step, from_state, to_state, level, unit_id, actor, note,
    data, clocks, at)
SELECT $1, s.case_id, s.position, s.step, s.from_state, s.to_state, s.level, s.unit_id, $3, s.note, s.data, s.clocks,
    s.at
FROM jsonb_to_recordset($2::jsonb) AS s (case_id uuid, position integer, step text, from_state text, to_state text,
    level text, unit_id uuid, note text, data jsonb, clocks jsonb, at timestamptz)"""
# $1 tenant, $2 intervals as JSON, $3 version of the calendar
_INTERVALS: Final = """
INSERT INTO intake.clock_intervals (tenant_id, case_id, clock, run, position, running, budget_s, started_at, left_s,
    due_at, calendar_version, rung, next_at, tries)
SELECT $1, i.case_id, i.clock, 1, 1, true, i.budget_s, i.started_at, i.budget_s, i.due_at, $3, 0, i.next_at, 0
FROM jsonb_to_recordset($2::jsonb) AS i (case_id uuid, clock text, budget_s integer, started_at timestamptz,
    due_at timestamptz, next_at timestamptz)"""
# $1 tenant, $2 lines as JSON, $3 import
_LINES: Final = """
INSERT INTO intake.import_lines (tenant_id, import_id, line, fate, case_id, number, complaints)
SELECT $1, $3, l.line, l.fate, l.case_id, l.number, l.complaints
FROM jsonb_to_recordset($2::jsonb) AS l (line integer, fate text, case_id uuid, number text, complaints jsonb)"""

Rows = Sequence[Mapping[str, Any]]


def _as_json(rows: Rows) -> str:
    # The driver's UUIDs are a subclass of Python's, which orjson does not take by itself.
    return orjson.dumps(rows, default=str).decode()


def _one(session: Session, import_id: UUID) -> Select[tuple[Import]]:
    return select(Import).where(Import.tenant_id == session.tenant, Import.id == import_id)


async def add_import(session: WriteSession, row: Import) -> bool:
    """Add an import; returns False when its id is taken."""
    values = {column.key: getattr(row, column.key) for column in Import.__table__.columns}
    return await session.scalar(insert(Import).values(values).on_conflict_do_nothing().returning(Import.id)) is not None


async def find_import(session: Session, import_id: UUID) -> Import | None:
    """Return an import without its file."""
    found: Import | None = await session.scalar(_one(session, import_id))
    return found


async def lock_import(session: WriteSession, import_id: UUID) -> Import | None:
    """Return an import and keep others from going on with it, or cancelling it, until the commit."""
    found: Import | None = await session.scalar(_one(session, import_id).with_for_update())
    return found


async def file_of(session: Session, import_id: UUID) -> bytes | None:
    """Return the file of an import; None once it is removed."""
    statement = select(Import.content).where(Import.tenant_id == session.tenant, Import.id == import_id)
    return await session.scalar(statement)


async def list_imports(
    session: Session, *, importer: UUID | None, within: Sequence[str], after: tuple[Any, ...] | None, limit: int
) -> Sequence[Import]:
    """Return imports of a person, and those that lie wholly below one of the paths; the newest first."""
    outside = select(func.unnest(Import.reach).label("path")).correlate(Import).subquery("reached")
    below = or_(*(_lies_below(outside.c.path, path) for path in within)) if within else None
    mine = Import.importer_id == importer
    visible = mine if below is None else or_(mine, ~select(outside.c.path).where(~below).exists())
    statement = select(Import).where(Import.tenant_id == session.tenant, visible)
    if after is not None:
        statement = statement.where(tuple_(Import.created_at, Import.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Import.created_at.desc(), Import.id.desc()).limit(limit))).all()


def _lies_below(column: Any, path: str) -> Any:  # noqa: ANN401 - SQLAlchemy's expressions of text
    return or_(column == path, func.starts_with(column, f"{path}."))


async def claim_import(session: WriteSession, now: datetime, *, lease_id: UUID, until: datetime) -> Import | None:
    """Take the oldest import that nobody is at, with its file."""
    free = or_(Import.lease_until.is_(None), Import.lease_until <= now)
    statement = (
        select(Import)
        .where(Import.tenant_id == session.tenant, Import.finished_at.is_(None), Import.state.in_(_OPEN), free)
        .order_by(Import.created_at, Import.id)
        .limit(1)
    )
    found = await session.scalar(statement.options(undefer(Import.content)).with_for_update(skip_locked=True))
    if found is not None:
        found.lease_id, found.lease_until = lease_id, until
        found.attempts += 1
    return found


async def one_at_a_time(session: WriteSession, source: str) -> None:
    """Let the imports of one source take turns, chunk by chunk: what one has filed the next one knows."""
    await session.execute(_ONE_AT_A_TIME, {"name": f"import/{session.tenant}/{source}"})


async def known_keys(session: Session, source: str, keys: Collection[str]) -> dict[str, ImportKey]:
    """Return what was imported before, by key."""
    statement = select(ImportKey).where(
        ImportKey.tenant_id == session.tenant, ImportKey.source == source, ImportKey.key.in_(keys)
    )
    return {row.key: row for row in await session.scalars(statement)}


async def add_cases(
    session: WriteSession, origin: Import, rows: Rows, steps: Rows, intervals: Rows, *, calendar_version: int
) -> None:
    """Add cases with their history, their clocks, and by what they are known again."""
    tenant = session.tenant
    written = _as_json(rows)
    await session.fetch_row(_CASES, tenant, written, origin.source, origin.id, origin.importer_id)
    await session.fetch_row(_KEYS, tenant, written, origin.source, origin.id)
    await session.fetch_row(_STEPS, tenant, _as_json(steps), origin.actor)
    if intervals:
        await session.fetch_row(_INTERVALS, tenant, _as_json(intervals), calendar_version)


async def add_lines(session: WriteSession, import_id: UUID, lines: Rows) -> None:
    """Write down what became of lines."""
    await session.fetch_row(_LINES, session.tenant, _as_json(lines), import_id)


async def lines_of(
    session: Session, import_id: UUID, *, fates: Collection[Fate], after: int, limit: int
) -> Sequence[ImportLine]:
    """Return lines in their order, of some fates or all."""
    statement = select(ImportLine).where(
        ImportLine.tenant_id == session.tenant, ImportLine.import_id == import_id, ImportLine.line > after
    )
    if fates:
        statement = statement.where(ImportLine.fate.in_([fate.value for fate in fates]))
    return (await session.scalars(statement.order_by(ImportLine.line).limit(limit))).all()


async def active_categories(session: Session) -> list[tuple[str, str, str]]:
    """Return code and names of the categories in use."""
    statement = select(Category.code, Category.name_zh, Category.name_en).where(
        Category.tenant_id == session.tenant, Category.active
    )
    return [(row.code, row.name_zh, row.name_en) for row in await session.execute(statement.order_by(Category.code))]


async def all_areas(session: Session) -> list[tuple[UUID, str, str, bool]]:
    """Return id, path, name and whether it is open, of every area."""
    area = reference.area
    statement = select(area.id, area.path, area.name, area.closed_on).where(area.tenant_id == session.tenant)
    rows = (await session.execute(statement)).all()
    return sorted(((row[0], row[1], row[2], row[3] is None) for row in rows), key=lambda row: row[1])


async def all_units(session: Session) -> list[tuple[UUID, str, bool]]:
    """Return id, name and whether it is active, of every unit."""
    unit = reference.unit
    statement = select(unit.id, unit.name, unit.active).where(unit.tenant_id == session.tenant)
    return [(row[0], row[1], row[2]) for row in (await session.execute(statement)).all()]


async def forget_files(session: WriteSession, before: datetime) -> None:
    """Remove the files of what was finished before a time."""
    statement = update(Import).where(
        Import.tenant_id == session.tenant, Import.finished_at < before, Import.content.is_not(None)
    )
    await session.execute(statement.values(content=None).execution_options(synchronize_session=False))
