"""SQL of conformance runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update

from services.matching.conformance.models import ConformanceRun, ConformanceStep
from services.matching.conformance.rules import RunState
from services.matching.locking import locked
from shared.db import Session, WriteSession

__all__ = ["find_run", "list_runs", "lock_step", "replace_running", "steps_of"]


async def find_run(session: Session, partner_id: UUID, run_id: UUID) -> ConformanceRun | None:
    """Return a run of a partner."""
    statement = select(ConformanceRun).where(
        ConformanceRun.tenant_id == session.tenant,
        ConformanceRun.partner_id == partner_id,
        ConformanceRun.id == run_id,
    )
    return await session.scalar(statement)


async def list_runs(
    session: Session, partner_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[ConformanceRun]:
    """Return the runs of a partner, the newest first."""
    statement = select(ConformanceRun).where(
        ConformanceRun.tenant_id == session.tenant, ConformanceRun.partner_id == partner_id
    )
    if after is not None:
        statement = statement.where(tuple_(ConformanceRun.started_at, ConformanceRun.id) < tuple_(*after))
    ordered = statement.order_by(ConformanceRun.started_at.desc(), ConformanceRun.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def steps_of(session: Session, run_ids: Sequence[UUID]) -> Sequence[ConformanceStep]:
    """Return the steps of runs."""
    statement = select(ConformanceStep).where(
        ConformanceStep.tenant_id == session.tenant, ConformanceStep.run_id.in_(run_ids)
    )
    return (await session.scalars(statement)).all()


async def replace_running(session: WriteSession, partner_id: UUID) -> None:
    """Let a partner have one running run at the most."""
    statement = update(ConformanceRun).where(
        ConformanceRun.tenant_id == session.tenant,
        ConformanceRun.partner_id == partner_id,
        ConformanceRun.state == RunState.RUNNING.value,
    )
    await session.execute(statement.values(state=RunState.REPLACED.value))


async def lock_step(
    session: WriteSession, partner_id: UUID, message_id: str, now: datetime
) -> tuple[ConformanceRun, ConformanceStep] | None:
    """Return the step of a partner's running run that a message is for; the run is kept from others meanwhile."""
    statement = (
        select(ConformanceRun)
        .join(
            ConformanceStep,
            (ConformanceStep.tenant_id == ConformanceRun.tenant_id) & (ConformanceStep.run_id == ConformanceRun.id),
        )
        .where(
            ConformanceRun.tenant_id == session.tenant,
            ConformanceRun.partner_id == partner_id,
            ConformanceRun.state == RunState.RUNNING.value,
            ConformanceRun.ends_at > now,
            ConformanceStep.message_id == message_id,
        )
    )
    run = await session.scalar(locked(statement).with_for_update(of=ConformanceRun))
    if run is None:
        return None
    found = select(ConformanceStep).where(
        ConformanceStep.tenant_id == session.tenant,
        ConformanceStep.run_id == run.id,
        ConformanceStep.message_id == message_id,
    )
    step = await session.scalar(found.execution_options(populate_existing=True))
    return (run, step) if step is not None else None
