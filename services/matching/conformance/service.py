"""Use cases of conformance runs."""

from collections.abc import Sequence
from uuid import UUID

from services.matching.conformance import repository
from services.matching.conformance.models import ConformanceRun, ConformanceStep
from services.matching.conformance.rules import (
    LASTS,
    RunState,
    Seen,
    Step,
    StepState,
    base_id,
    judge,
    new_message_id,
)
from services.matching.conformance.schemas import RunIn
from services.matching.locking import take_turn
from services.matching.partners.models import Partner
from services.matching.partners.service import note_webhooks_passed
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id

__all__ = ["note_seen", "start_run", "with_steps"]


async def start_run(
    session: WriteSession, caller: Principal, partner: Partner, wanted: RunIn
) -> tuple[ConformanceRun, bool]:
    """Begin a run with an id for each step; returns it and whether it is new."""
    await take_turn(session, "conformance", partner.id)
    earlier = await repository.find_run(session, partner.id, wanted.id) if wanted.id else None
    if earlier is not None:
        return earlier, False
    await repository.replace_running(session, partner.id)
    now = utc_now()
    run = ConformanceRun(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        partner_id=partner.id,
        state=RunState.RUNNING.value,
        started_by=caller.actor,
        started_at=now,
        ends_at=now + LASTS,
    )
    session.add(run)
    await session.flush()
    for step in Step:
        session.add(
            ConformanceStep(
                tenant_id=session.tenant,
                run_id=run.id,
                step=step.value,
                message_id=new_message_id(),
                state=StepState.OPEN.value,
                tries=0,
            )
        )
    await session.flush()
    return run, True


async def with_steps(
    session: Session, runs: Sequence[ConformanceRun]
) -> list[tuple[ConformanceRun, list[ConformanceStep]]]:
    """Return runs with their steps, in the order in which they are best done."""
    found = await repository.steps_of(session, [run.id for run in runs])
    by_run: dict[UUID, dict[str, ConformanceStep]] = {run.id: {} for run in runs}
    for step in found:
        by_run[step.run_id][step.step] = step
    return [(run, [by_run[run.id][step] for step in Step]) for run in runs]


async def note_seen(session: WriteSession, partner_id: UUID, message_id: str, seen: Seen) -> None:
    """Note what was seen of a message that may belong to a run; the last step that passes ends the run."""
    now = utc_now()
    found = await repository.lock_step(session, partner_id, base_id(message_id), now)
    if found is None:
        return
    run, step = found
    verdict = judge(Step(step.step), seen)
    if verdict is None or step.state == StepState.PASSED:
        return
    step.state, step.reason, step.seen_at = verdict.state.value, verdict.reason, now
    step.tries += 1
    await session.flush()
    others = await repository.steps_of(session, [run.id])
    if all(one.state == StepState.PASSED for one in others):
        run.state, run.passed_at = RunState.PASSED.value, now
        await note_webhooks_passed(session, partner_id, run.started_by)
