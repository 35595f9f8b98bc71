"""SQL of verdicts."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.cases.models import Case
from services.intake.verdicts.models import Verdict
from services.intake.verdicts.rules import Votes
from shared.db import Session, WriteSession

__all__ = ["put_verdict", "requester_is_content", "votes_of"]


async def put_verdict(session: WriteSession, row: Verdict) -> None:
    """Write a verdict; whoever says something else later has changed their mind."""
    values = {column.key: getattr(row, column.key) for column in Verdict.__table__.columns}
    statement = insert(Verdict).values(values)
    changed: dict[str, Any] = {name: statement.excluded[name] for name in ("answer", "reopens", "comment", "at")}
    # A representative who has judged in the requester's place is also one of the neighbours who confirm.
    changed["is_requester"] = or_(Verdict.is_requester, statement.excluded.is_requester)
    keys = [column.key for column in Verdict.__table__.primary_key]
    await session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


async def votes_of(session: Session, case: Case, run: int) -> Votes:
    """Count what those who joined say of one solution, representatives among them."""
    mine = (Verdict.tenant_id == session.tenant, Verdict.case_id == case.id, Verdict.run == run)
    statement = select(func.count().filter(~Verdict.reopens), func.count().filter(Verdict.reopens)).where(
        *mine, Verdict.person_id != case.requester_id
    )
    solved, unsolved = (await session.execute(statement)).one()
    return Votes(case.joiners, solved, unsolved)


async def requester_is_content(session: Session, case_id: UUID, run: int) -> str | None:
    """Return the answer of the requester (or of a representative) that lets the case be closed, if there is one."""
    statement = select(Verdict.answer).where(
        Verdict.tenant_id == session.tenant,
        Verdict.case_id == case_id,
        Verdict.run == run,
        Verdict.is_requester,
        ~Verdict.reopens,
    )
    return await session.scalar(statement.order_by(Verdict.at.desc()).limit(1))
