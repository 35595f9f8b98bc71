"""SQL of sync: what the database's snapshot shows, which rows have changed since another one, and what is done."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased, undefer

from services.intake.cases.models import Case, CaseJoiner, CaseStep
from services.intake.cases.terms import Action, State
from services.intake.cases.visibility import visible_to
from services.intake.sync.models import SyncOperation
from services.intake.sync.rules import CLOSED_FOR, DatabaseState, Pass, epoch_name
from shared.auth import Principal, Role
from shared.db import Session, WriteSession, Xid8

__all__ = [
    "CaseChanges",
    "Changed",
    "RulesChanges",
    "TableChanges",
    "VersionChanges",
    "add_operation",
    "changed_rows",
    "database_state",
    "freeze",
    "has_changes",
    "known_operations",
    "one_batch_at_a_time",
    "rows_by_key",
]

# What the row of a sequence and of the cluster say: another cluster, another database, a restored schema, an older
# state of the same cluster (another timeline) or a bumped sequence each count transactions anew.
_STATE: Final = text("""
SELECT pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot()),
       (SELECT system_identifier FROM pg_control_system()), d.oid, 'intake.sync_epoch'::regclass::oid,
       (SELECT last_value || '/' || is_called FROM intake.sync_epoch), left(pg_walfile_name(pg_current_wal_lsn()), 8)
FROM pg_database d WHERE d.datname = current_database()""")


class Changed(NamedTuple):
    """One row that is to be told: where it stands in the pass, and whether it is there for the caller."""

    id: UUID | str
    xid: int
    gone: bool


async def freeze(session: Session) -> None:
    """Let the whole transaction see one snapshot, so that a page is the state of one instant. Must come first."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def database_state(session: Session, *shapes: object) -> DatabaseState:
    """Return what the snapshot shows; `shapes` is whatever else makes older cursors useless."""
    xmin, xmax, *parts = (await session.execute(_STATE)).one()
    return DatabaseState(xmin=xmin, xmax=xmax, epoch=epoch_name(*parts, *shapes))


def _xid(value: int) -> ColumnElement[int]:
    return cast(literal(value, Xid8()), Xid8())


@dataclass(frozen=True, slots=True)
class TableChanges:
    """The changes of a table with a `changed_xid`.

    Attributes:
        model: its class.
        key: what names its rows towards phones: an id or a code.
        visible: what a caller may see.
        departed: of what a caller may not see, what it may be told is gone.
    """

    model: Any
    key: InstrumentedAttribute[Any]
    visible: Callable[[Principal], ColumnElement[bool]]
    departed: Callable[[Principal], ColumnElement[bool]] = lambda _: false()

    def touched(self, tenant: str, told: Pass) -> ColumnElement[bool]:
        """Tell whether anything has changed at all: one probe of an index."""
        return exists().where(self.model.tenant_id == tenant, self.model.changed_xid >= _xid(told.lower))

    def rows(self, caller: Principal, told: Pass, after: tuple[int, Any] | None) -> Select[Any, int, bool]:
        """Return what is to be told after a key, in the order of the pass."""
        model, key, visible = self.model, self.key, self.visible(caller)
        if told.full:
            everything = select(key, _xid(0), false()).where(model.tenant_id == caller.tenant, visible)
            return (everything if after is None else everything.where(key > after[1])).order_by(key)
        statement = select(key, model.changed_xid, ~visible).where(
            model.tenant_id == caller.tenant,
            model.changed_xid >= _xid(told.lower),
            model.changed_xid < _xid(told.upper),
            or_(visible, self.departed(caller)),
        )
        if after is not None:
            statement = statement.where(tuple_(model.changed_xid, key) > tuple_(_xid(after[0]), _bound(after[1])))
        return statement.order_by(model.changed_xid, key)


def _bound(key: UUID | str) -> ColumnElement[Any]:
    return literal(key, Uuid()) if isinstance(key, UUID) else literal(key, String())


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """The changes of a table that has a row for each version, none of which ever changes: phones hold the newest.

    Attributes:
        model: its class, with a `changed_xid`.
        key: what its versions are versions of.
        reads: whether a caller has any use for it.
    """

    model: Any
    key: InstrumentedAttribute[Any]
    reads: Callable[[Principal], bool] = lambda _: True

    def touched(self, tenant: str, told: Pass) -> ColumnElement[bool]:
        """Tell whether there are new versions: one probe of an index."""
        return exists().where(self.model.tenant_id == tenant, self.model.changed_xid >= _xid(told.lower))

    def rows(self, caller: Principal, told: Pass, after: tuple[int, Any] | None) -> Select[Any, int, bool]:
        """Return what has a version, or a new one, after a key, in the order of the pass."""
        model = self.model
        mine = and_(model.tenant_id == caller.tenant, true() if self.reads(caller) else false())
        if told.full:
            everything = select(self.key, _xid(0), false()).where(mine).distinct()
            return (everything if after is None else everything.where(self.key > after[1])).order_by(self.key)
        newest = func.max(model.changed_xid, type_=Xid8()).label("xid")
        fresh = select(self.key.label("key"), newest).where(
            mine, model.changed_xid >= _xid(told.lower), model.changed_xid < _xid(told.upper)
        )
        found = fresh.group_by(self.key).subquery()
        statement = select(found.c.key, found.c.xid, false())
        if after is not None:
            statement = statement.where(tuple_(found.c.xid, found.c.key) > tuple_(_xid(after[0]), _bound(after[1])))
        return statement.order_by(found.c.xid, found.c.key)


@dataclass(frozen=True, slots=True)
class RulesChanges:
    """The changes of a tenant's rules: one row, which is there even when the tenant has never set any.

    Attributes:
        model: the class of their versions, with a `changed_xid`.
        name: what names the one row towards phones.
    """

    model: Any
    name: str

    def touched(self, tenant: str, told: Pass) -> ColumnElement[bool]:
        """Tell whether the rules were set: one probe of an index."""
        return exists().where(self.model.tenant_id == tenant, self.model.changed_xid >= _xid(told.lower))

    def rows(self, caller: Principal, told: Pass, after: tuple[int, Any] | None) -> Select[Any, int, bool]:
        """Return the one row, if it is to be told and was not."""
        name = literal(self.name, String())
        if told.full:
            return select(name, _xid(0), false()).where(true() if after is None else false())
        newest = func.max(self.model.changed_xid, type_=Xid8())
        fresh = select(name, newest, false()).where(
            self.model.tenant_id == caller.tenant,
            self.model.changed_xid >= _xid(told.lower),
            self.model.changed_xid < _xid(told.upper),
            true() if after is None else false(),
        )
        return fresh.having(func.count() > 0)


class CaseChanges:
    """The changes of cases, by their steps: every change of a case writes one, and cases need no index for it.

    A case that the caller does not see is told as gone only when the step that took it away is among those that have
    not been told, and the caller saw the case right before that step. Nobody hears of cases that were never theirs.
    """

    def touched(self, tenant: str, told: Pass) -> ColumnElement[bool]:
        """Tell whether there are new steps, or closed cases that have been closed for long enough."""
        fresh = exists().where(CaseStep.tenant_id == tenant, CaseStep.xid >= _xid(told.lower))
        return or_(fresh, exists().where(*_faded(tenant, told)))

    def rows(self, caller: Principal, told: Pass, after: tuple[int, Any] | None) -> Select[Any, int, bool]:
        """Return what is to be told after a key, in the order of the pass."""
        held = or_(Case.state != State.CLOSED.value, Case.closed_at > told.at - CLOSED_FOR)
        if told.full:
            everything = select(Case.id, _xid(0), false()).where(
                Case.tenant_id == caller.tenant, visible_to(caller), held
            )
            return (everything if after is None else everything.where(Case.id > after[1])).order_by(Case.id)
        changed = _changed_cases(caller, told)
        joined = and_(Case.tenant_id == caller.tenant, Case.id == changed.c.case_id)
        # Two halves, so that each can go by its own index: what the caller sees is often little.
        here = select(Case.id.label("id"), changed.c.xid, (~held).label("gone")).join(changed, joined)
        was_open = [Case.area_path.within(path) for path in caller.paths(Role.UNIT_STAFF)]
        left = or_(changed.c.left, and_(changed.c.was_open, or_(false(), *was_open)))
        away = select(Case.id, changed.c.xid, true()).join(changed, joined)
        both = union_all(here.where(visible_to(caller)), away.where(left, ~visible_to(caller))).subquery()
        statement = select(both.c.id, both.c.xid, both.c.gone)
        if after is not None:
            statement = statement.where(tuple_(both.c.xid, both.c.id) > tuple_(_xid(after[0]), _bound(after[1])))
        return statement.order_by(both.c.xid, both.c.id)


def _faded(tenant: str, told: Pass) -> list[ColumnElement[bool]]:
    """Return the condition of steps whose closed cases have been closed for too long since the pass before."""
    if told.since is None:
        return [false()]
    return [
        CaseStep.tenant_id == tenant,
        CaseStep.to_state == State.CLOSED.value,
        CaseStep.at > told.since - CLOSED_FOR,
        CaseStep.at <= told.at - CLOSED_FOR,
    ]


def _changed_cases(caller: Principal, told: Pass) -> Any:  # noqa: ANN401 - a common table expression
    """Return the cases with steps in the range, the newest of them, and whether the caller lost them by one."""
    before = aliased(CaseStep)
    units = caller.units(Role.UNIT_STAFF)
    left = _own_departures(caller)
    was_open: ColumnElement[bool] = false()
    if units:
        left = or_(left, before.unit_id.in_(units))
        was_open = and_(CaseStep.from_state == State.TRIAGED.value, before.unit_id.is_(None))
    fresh = select(CaseStep.case_id, CaseStep.xid, left.label("left"), was_open.label("was_open")).where(
        CaseStep.tenant_id == caller.tenant, CaseStep.xid >= _xid(told.lower), CaseStep.xid < _xid(told.upper)
    )
    if units:
        earlier = and_(
            before.tenant_id == CaseStep.tenant_id,
            before.case_id == CaseStep.case_id,
            before.position == CaseStep.position - 1,
        )
        fresh = fresh.outerjoin(before, earlier)
    faded = select(CaseStep.case_id, CaseStep.xid, false(), false()).where(*_faded(caller.tenant, told))
    steps = union_all(fresh, faded).subquery()
    newest = func.max(steps.c.xid, type_=Xid8()).label("xid")
    lost = func.coalesce(func.bool_or(steps.c.left), false()).label("left")
    opened = func.coalesce(func.bool_or(steps.c.was_open), false()).label("was_open")
    return select(steps.c.case_id, newest, lost, opened).group_by(steps.c.case_id).cte("changed")


def _own_departures(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of steps by which the caller is no longer part of a case as a neighbour."""
    if caller.subject_id is None:
        return false()
    raised = select(Case.id).where(Case.tenant_id == caller.tenant, Case.requester_id == caller.subject_id)
    joined = select(CaseJoiner.case_id).where(
        CaseJoiner.tenant_id == caller.tenant, CaseJoiner.person_id == caller.subject_id
    )
    own = union_all(raised, joined).subquery()
    # A merge that is taken back takes along whom it had brought: they are still part of the case that they came from.
    brought = select(literal(1)).where(cast(own.c.id, String) == CaseStep.data["from_case_id"].astext)
    return or_(
        and_(CaseStep.step == Action.LEAVE.value, CaseStep.actor == caller.actor),
        and_(CaseStep.step == "unmerged", brought.exists()),
    )


async def has_changes(session: Session, probes: Sequence[tuple[str, ColumnElement[bool]]]) -> set[str]:
    """Return which of the named probes find something, in one trip."""
    statement = union_all(*(select(literal(name, String())).where(probe) for name, probe in probes))
    return set((await session.scalars(statement)).all())


async def changed_rows(session: Session, statement: Select[Any, int, bool], limit: int) -> list[Changed]:
    """Return at most `limit` of the rows that are to be told."""
    return [Changed(*row) for row in await session.execute(statement.limit(limit))]


async def rows_by_key(
    session: Session,
    model: Any,  # noqa: ANN401 - a mapped class
    key: InstrumentedAttribute[Any],
    wanted: Collection[UUID | str],
) -> Sequence[Any]:
    """Return the rows of the keys, with the transactions that changed them."""
    statement = select(model).where(model.tenant_id == session.tenant, key.in_(wanted))
    if hasattr(model, "changed_xid"):
        statement = statement.options(undefer(model.changed_xid))
    return (await session.scalars(statement)).all()


async def one_batch_at_a_time(session: WriteSession, actor: str) -> None:
    """Let the batches of one person take turns: what one has done, the next one knows."""
    key = func.hashtextextended(f"sync/{session.tenant}/{actor}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def known_operations(session: Session, op_ids: Collection[UUID]) -> dict[UUID, SyncOperation]:
    """Return which operations are done, whoever did them."""
    statement = select(SyncOperation).where(SyncOperation.tenant_id == session.tenant, SyncOperation.op_id.in_(op_ids))
    return {row.op_id: row for row in await session.scalars(statement)}


async def add_operation(session: WriteSession, row: SyncOperation) -> None:
    """Note that an operation is done."""
    session.add(row)
    await session.flush()
