"""Working an import off, chunk by chunk: each is one transaction that files its rows and says how far the file is done.

Whoever is stopped between two chunks has lost nothing, and whoever goes on repeats nothing. A worker holds an import by
a lease; it writes only while the lease is its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.cases.moving import budget_of, ops_as_json
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.rules import clock_ops
from services.intake.cases.terms import State
from services.intake.clocks.rules import ClockKind, ClockOp, Interval, Verb
from services.intake.clocks.service import first_interval
from services.intake.handling.service import Handling, handling_of
from services.intake.imports import repository
from services.intake.imports.judging import Judged, KnownUnit, Lookup, WantedCase, judge
from services.intake.imports.models import Import, ImportKey
from services.intake.imports.rules import Fate, complain
from shared.clock import CHINA, utc_now
from shared.contracts.intake import CaseClosed, CaseFiled
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish_each
from shared.reference.names import KnownArea, chain_of_names
from shared.tables import Row

__all__ = [
    "CHUNK_ROWS",
    "LEASE",
    "Progress",
    "Weighed",
    "file_chunk",
    "lookup_of",
    "numbered",
    "weigh",
]

CHUNK_ROWS: Final = 500
LEASE: Final = timedelta(seconds=60)

Started = tuple[list[ClockOp], list[tuple[ClockKind, Interval, datetime | None]]]


@dataclass(slots=True)
class Progress:
    """What a worker knows of the file that it is at: what it looks names up in, and which rows it has seen."""

    lookup: Lookup
    seen: dict[str, tuple[int, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A judged row with what became of it."""

    judged: Judged
    fate: Fate
    complaints: list[dict[str, str]]
    case_id: UUID | None = None
    number: str | None = None


async def lookup_of(session: Session, reach: Sequence[str], now: datetime) -> Lookup:
    """Read everything that cells may name."""
    areas = await repository.all_areas(session)
    names = {path: name for _, path, name, _ in areas}
    known = [KnownArea(area_id, path, chain_of_names(path, names), is_open) for area_id, path, _, is_open in areas]
    return Lookup(
        categories=await repository.active_categories(session),
        areas=known,
        units=[KnownUnit(*unit) for unit in await repository.all_units(session)],
        reach=reach,
        now=now,
    )


def weigh(rows: Sequence[Row], progress: Progress) -> list[Weighed]:
    """Judge rows, and find those that stand in the file twice."""
    return [_within_file(judge(row, progress.lookup), progress.seen) for row in rows]


def _within_file(judged: Judged, seen: dict[str, tuple[int, bytes]]) -> Weighed:
    if judged.complaints:
        return Weighed(judged, Fate.BAD, [one.as_json() for one in judged.complaints])
    line, row_hash = seen.setdefault(judged.key, (judged.line, judged.row_hash))
    if line == judged.line:
        return Weighed(judged, Fate.GOOD, [])
    value = judged.external_ref or ""
    if row_hash == judged.row_hash:
        return Weighed(judged, Fate.REPEATED, [complain("external_ref", "repeated", value, {"line": line}).as_json()])
    told = complain("external_ref", "reference_repeated", value, {"line": line})
    return Weighed(judged, Fate.BAD, [told.as_json()])


async def numbered(numbers: CaseNumbers, tenant: str, weighed: Sequence[Weighed]) -> dict[int, str]:
    """Take numbers for what may be filed, by the year in which it was raised; what is not used stays a gap."""
    lines: dict[int, list[int]] = {}
    for one in weighed:
        if one.fate is Fate.GOOD and one.judged.wanted is not None:
            lines.setdefault(one.judged.wanted.filed_at.astimezone(CHINA).year, []).append(one.judged.line)
    taken: dict[int, str] = {}
    for year, places in lines.items():
        taken.update(zip(places, await numbers.take_many(tenant, year, len(places)), strict=True))
    return taken


async def file_chunk(
    session: WriteSession, origin: Import, weighed: Sequence[Weighed], numbers: dict[int, str]
) -> None:
    """File what is good and new of a chunk, and write down the fate of every line. The import is locked by the caller.

    Args:
        session: the transaction of the chunk.
        origin: the import.
        weighed: the chunk's rows.
        numbers: for lines that may be filed.
    """
    await repository.one_at_a_time(session, origin.source)
    keys = {one.judged.key for one in weighed if one.fate is Fate.GOOD}
    known = await repository.known_keys(session, origin.source, keys)
    fated = [_against_known(one, known, numbers, is_trial=origin.dry_run) for one in weighed]
    filed = [one for one in fated if one.fate is Fate.FILED]
    if filed:
        await _file(session, origin, filed)
    lines = [
        {
            "line": one.judged.line,
            "fate": one.fate.value,
            "case_id": one.case_id,
            "number": one.number,
            "complaints": one.complaints,
        }
        for one in fated
    ]
    await repository.add_lines(session, origin.id, lines)
    counts = Counter(origin.counts)
    counts.update(one.fate.value for one in fated)
    origin.counts = dict(counts)
    origin.next_row += len(fated)
    origin.lease_until = utc_now() + LEASE


def _against_known(one: Weighed, known: dict[str, ImportKey], numbers: dict[int, str], *, is_trial: bool) -> Weighed:
    """Find out whether a row was imported before."""
    if one.fate is not Fate.GOOD:
        return one
    earlier = known.get(one.judged.key)
    if earlier is None:
        if is_trial:
            return one
        return Weighed(one.judged, Fate.FILED, [], new_id(), numbers[one.judged.line])
    if bytes(earlier.row_hash) == one.judged.row_hash:
        return Weighed(one.judged, Fate.UNCHANGED, [], earlier.case_id, earlier.number)
    told = complain("external_ref", "changed_elsewhere", one.judged.external_ref or "")
    return Weighed(one.judged, Fate.CHANGED_ELSEWHERE, [told.as_json()], earlier.case_id, earlier.number)


async def _file(session: WriteSession, origin: Import, filed: Sequence[Weighed]) -> None:
    now = utc_now()
    clocks = _Clocks(await handling_of(session), now)
    rows: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    intervals: list[dict[str, Any]] = []
    told: list[tuple[str, CaseFiled]] = []
    ended: list[tuple[str, CaseClosed]] = []
    for one in filed:
        wanted = one.judged.wanted
        if wanted is None or one.case_id is None or one.number is None:
            continue
        subject = f"case/{one.case_id}"
        ops, started = clocks.of(wanted)
        rows.append(_case_row(one, wanted, now))
        steps += _steps(origin, one, wanted, now, ops)
        intervals += [_interval(one.case_id, *clock) for clock in started]
        told.append((subject, _filed_event(one.case_id, one.number, wanted)))
        if wanted.closed_at is not None and wanted.outcome is not None:
            closed_at = wanted.closed_at.astimezone(UTC)
            event = CaseClosed(case_id=one.case_id, outcome=wanted.outcome.value, closed_at=closed_at)
            ended.append((subject, event))
    version = clocks.handling.calendar.version
    await repository.add_cases(session, origin, rows, steps, intervals, calendar_version=version)
    await publish_each(session, told)
    await publish_each(session, ended)


def _case_row(one: Weighed, wanted: WantedCase, now: datetime) -> dict[str, Any]:
    return {
        "id": one.case_id,
        "number": one.number,
        "category": wanted.category,
        "title": wanted.title,
        "description": wanted.description,
        "area_id": wanted.area.id,
        "area_path": wanted.area.path,
        "place_text": wanted.place_text,
        "state": wanted.state,
        "level": wanted.level,
        "outcome": wanted.outcome,
        "unit_id": wanted.unit_id,
        "filed_at": wanted.filed_at,
        "closed_at": wanted.closed_at,
        "updated_at": wanted.closed_at or now,
        "external_ref": one.judged.external_ref,
        "key": one.judged.key,
        "row_hash": one.judged.row_hash.hex(),
        "line": one.judged.line,
    }


def _steps(
    origin: Import, one: Weighed, wanted: WantedCase, now: datetime, ops: Sequence[ClockOp]
) -> list[dict[str, Any]]:
    """Return the history: raised when the table says so, then closed when it says so, or taken over now."""
    where = {"import_id": str(origin.id), "source": origin.source, "line": one.judged.line}
    filing = {**where, "channel": "import", "on_behalf": True, "only_day": wanted.filed_day}
    first: dict[str, Any] = {
        "case_id": one.case_id,
        "position": 1,
        "step": "file",
        "from_state": None,
        "to_state": State.FILED,
        "data": filing,
        "clocks": [],
        "at": wanted.filed_at,
    }
    second = {
        **first,
        "position": 2,
        "step": "import_close" if wanted.closed_at else "import",
        "from_state": State.FILED,
        "to_state": wanted.state,
        "level": wanted.level,
        "unit_id": wanted.unit_id,
        "note": wanted.note,
        "data": {**where, "only_day": wanted.closed_day} if wanted.closed_at else where,
        "clocks": ops_as_json(ops),
        "at": wanted.closed_at or now,
    }
    return [first, second]


def _interval(case_id: UUID, kind: ClockKind, interval: Interval, next_at: datetime | None) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "clock": kind.value,
        "budget_s": interval.budget_s,
        "started_at": interval.started_at,
        "due_at": interval.due_at,
        "next_at": next_at,
    }


def _filed_event(case_id: UUID, number: str, wanted: WantedCase) -> CaseFiled:
    return CaseFiled(
        case_id=case_id,
        number=number,
        category=wanted.category,
        area_id=wanted.area.id,
        area_path=wanted.area.path,
        filed_at=wanted.filed_at.astimezone(UTC),
    )


class _Clocks:
    """The clocks with which open cases go on: from now, since the time before was counted by somebody else."""

    def __init__(self, handling: Handling, now: datetime) -> None:
        self.handling = handling
        self._now = now
        self._known: dict[tuple[str, str | None, State], Started] = {}

    def of(self, wanted: WantedCase) -> Started:
        """Return what the import does to the clocks of a case, and the intervals that come of it."""
        key = (wanted.category, wanted.level, wanted.state)
        if wanted.state is not State.CLOSED and key not in self._known:
            self._known[key] = self._start(*key)
        return self._known.get(key, ([], []))

    def _start(self, category: str, level: str | None, state: State) -> Started:
        wanted = clock_ops("import", state, lambda kind: budget_of(kind, category, level, self.handling))
        ops = [op for op in wanted if op.verb is Verb.START]
        return ops, [(op.kind, *first_interval(op.kind, op.budget_s or 0, self._now, self.handling)) for op in ops]
