"""Writing a step, as one statement: the case as it is now, the line in its history, its clocks, and who is told.

Beside SQLAlchemy, like filing: a step is what the house does most. Whatever a step may change of a case is written;
what is not among it never changes, or is changed once the step is taken (answers) and left to the session.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from services.intake.cases.locking import settled
from services.intake.cases.models import Case
from services.intake.clocks.sheet import StoredInterval
from shared.db import WriteSession

__all__ = ["WRITTEN", "Line", "write_clocks", "write_step"]

# Beside the triage, which is JSON.
WRITTEN: Final = (
    "state",
    "level",
    "outcome",
    "unit_id",
    "claimed_by",
    "due_at",
    "paused_reason",
    "hand_overs",
    "reopened",
    "joiners",
    "collective",
    "representatives",
    "appeal_open",
    "closed_at",
    "updated_at",
    "version",
)
_INTERVAL: Final[tuple[tuple[str, str], ...]] = (
    ("clock", "text"),
    ("run", "smallint"),
    ("position", "smallint"),
    ("running", "boolean"),
    ("reason", "text"),
    ("budget_s", "integer"),
    ("started_at", "timestamptz"),
    ("ended_at", "timestamptz"),
    ("left_s", "integer"),
    ("left_end_s", "integer"),
    ("due_at", "timestamptz"),
    ("calendar_version", "integer"),
    ("rung", "smallint"),
    ("next_at", "timestamptz"),
    ("tries", "smallint"),
)
_TOLD: Final[tuple[tuple[str, str], ...]] = (
    ("id", "uuid"),
    ("kind", "text"),
    ("params", "text"),
    ("person_id", "uuid"),
    ("unit_id", "uuid"),
    ("role", "text"),
    ("area_path", "text"),
    ("urgent", "boolean"),
)


class Line(NamedTuple):
    """A line of a case's history, apart from what it has in common with the case."""

    step: str
    from_state: str
    actor: str
    note: str | None
    data: dict[str, Any]
    clocks: list[dict[str, Any]]


def _names(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(name for name, _ in columns)


def _arrays(columns: Sequence[tuple[str, str]], first: int) -> str:
    return ", ".join(f"${first + place}::{kind}[]" for place, (_, kind) in enumerate(columns))


def _store_intervals(first: int) -> str:
    """Return the statement that stores intervals; $1 is the tenant, $2 the case."""
    kept = ", ".join(f"{name} = excluded.{name}" for name, _ in _INTERVAL if name not in {"clock", "run", "position"})
    return f"""
    INSERT INTO intake.clock_intervals (tenant_id, case_id, {_names(_INTERVAL)})
    SELECT $1, $2, {_names(_INTERVAL)} FROM unnest({_arrays(_INTERVAL, first)}) AS t ({_names(_INTERVAL)})
    ON CONFLICT (tenant_id, case_id, clock, run, position) DO UPDATE SET {kept}"""


_FIRST_OF_STEP: Final = 3 + len(WRITTEN) + 1
_FIRST_OF_CLOCKS: Final = _FIRST_OF_STEP + 6
_FIRST_OF_TOLD: Final = _FIRST_OF_CLOCKS + len(_INTERVAL)

# $1 tenant, $2 case, then what is written of it, its triage, the step, the intervals, and the notifications; returns
# whom of those who are told the directory can reach outside the inbox.
_WRITE: Final = f"""
WITH moved AS (
    UPDATE intake.cases SET {", ".join(f"{name} = ${3 + place}" for place, name in enumerate(WRITTEN))},
        triage = ${_FIRST_OF_STEP - 1}::jsonb
    WHERE tenant_id = $1 AND id = $2),
stepped AS (
    INSERT INTO intake.case_steps (tenant_id, case_id, position, step, from_state, to_state, level, unit_id, actor,
        note, data, clocks, at)
    SELECT $1, $2, ${3 + WRITTEN.index("version")}, ${_FIRST_OF_STEP}, ${_FIRST_OF_STEP + 1},
        ${3 + WRITTEN.index("state")}, ${3 + WRITTEN.index("level")}, ${3 + WRITTEN.index("unit_id")},
        ${_FIRST_OF_STEP + 2}, ${_FIRST_OF_STEP + 3}, ${_FIRST_OF_STEP + 4}::jsonb, ${_FIRST_OF_STEP + 5}::jsonb,
        ${3 + WRITTEN.index("updated_at")}),
timed AS ({_store_intervals(_FIRST_OF_CLOCKS)}),
told AS (
    INSERT INTO intake.notifications (tenant_id, id, kind, case_id, params, person_id, unit_id, role, area_path,
        urgent, created_at)
    SELECT $1, id, kind, $2, params::jsonb, person_id, unit_id, role, area_path::public.ltree, urgent,
        ${3 + WRITTEN.index("updated_at")}
    FROM unnest({_arrays(_TOLD, _FIRST_OF_TOLD)}) AS t ({_names(_TOLD)}))
SELECT person_id FROM intake.reachable
WHERE tenant_id = $1 AND person_id = ANY(${_FIRST_OF_TOLD + 3}::uuid[]) AND (push OR sms)"""
_WRITE_CLOCKS: Final = _store_intervals(3)


async def write_step(
    session: WriteSession,
    case: Case,
    line: Line,
    intervals: Sequence[StoredInterval],
    told: Sequence[dict[str, Any]],
) -> set[UUID]:
    """Write a step that a locked case takes.

    Args:
        session: the transaction.
        case: as the step leaves it.
        line: of its history, at the case's new version.
        intervals: of its clocks, those that have changed.
        told: rows of notifications.

    Returns:
        Who of those that are told can be reached outside the inbox.
    """
    values = (
        *(getattr(case, name) for name in WRITTEN),
        _json(case.triage),
        line.step,
        line.from_state,
        line.actor,
        line.note,
        _json(line.data),
        _json(line.clocks),
        *_columns(intervals),
        *([_json(row[name]) if name == "params" else row[name] for row in told] for name, _ in _TOLD),
    )
    rows = await session.fetch_rows(_WRITE, session.tenant, case.id, *values)
    settled(session, case)
    return {row["person_id"] for row in rows}


async def write_clocks(session: WriteSession, case_id: UUID, intervals: Sequence[StoredInterval]) -> None:
    """Write intervals of a locked case that changed without a step."""
    if intervals:
        await session.fetch_rows(_WRITE_CLOCKS, session.tenant, case_id, *_columns(intervals))


def _columns(intervals: Sequence[StoredInterval]) -> list[list[Any]]:
    return [[getattr(row, name) for row in intervals] for name, _ in _INTERVAL]


def _json(value: object) -> str | None:
    return orjson.dumps(value).decode() if value is not None else None
