"""SQL of mediations. Who takes part is part of the statement: for everybody else a mediation does not exist."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, func, literal, or_, select, tuple_, update

from services.intake.attachments.models import Attachment
from services.intake.mediation.models import (
    Mediation,
    MediationAgreement,
    MediationParty,
    MediationProof,
    MediationSession,
    MediationSignature,
    MediationStep,
    MediationTerm,
)
from services.intake.mediation.rules import OFFICERS
from services.intake.mediation.schemas import FiguresQuery, MediationQuery
from services.intake.mediation.terms import MediationOutcome, MediationState, TermState
from shared.auth import Principal
from shared.db import Session, WriteSession

__all__ = [
    "agreement_of",
    "any_mediation",
    "bind_proof",
    "count_mediations",
    "due_terms",
    "find_mediation",
    "has_proof",
    "list_mediations",
    "lock_mediation",
    "lock_session",
    "lock_term",
    "open_mediation_of",
    "parties_of",
    "session_exists",
    "sessions_of",
    "signatures_of",
    "steps_of",
    "terms_of",
]


def _takes_part(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of being party or mediator."""
    mine = select(MediationParty.mediation_id).where(
        MediationParty.tenant_id == caller.tenant, MediationParty.person_id == caller.subject_id
    )
    # As an array, so that each condition can use an index of its own.
    return or_(Mediation.mediator_id == caller.subject_id, Mediation.id == any_(func.array(mine.scalar_subquery())))


def _visible_to(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may know of: it takes part, or is an officer of the area."""
    below = [Mediation.area_path.within(path) for path in caller.paths(*OFFICERS)]
    return or_(_takes_part(caller), *below)


def _one(session: Session, mediation_id: UUID) -> Select[Mediation]:
    return select(Mediation).where(Mediation.tenant_id == session.tenant, Mediation.id == mediation_id)


async def find_mediation(session: Session, caller: Principal, mediation_id: UUID) -> Mediation | None:
    """Return a mediation that the caller may know of."""
    return await session.scalar(_one(session, mediation_id).where(_visible_to(caller)))


async def any_mediation(session: Session, mediation_id: UUID) -> Mediation | None:
    """Return whatever has an id that a client has made, or that a row of ours names."""
    return await session.scalar(_one(session, mediation_id))


async def lock_mediation(session: WriteSession, mediation_id: UUID) -> Mediation:
    """Keep others from changing a mediation; its case is locked already, so that nobody waits in a circle."""
    statement = _one(session, mediation_id).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(statement)).one()


async def open_mediation_of(session: Session, case_id: UUID) -> Mediation | None:
    """Return the mediation of a case that has not ended."""
    statement = select(Mediation).where(
        Mediation.tenant_id == session.tenant, Mediation.case_id == case_id, Mediation.outcome.is_(None)
    )
    return await session.scalar(statement)


async def list_mediations(
    session: Session, caller: Principal, wanted: MediationQuery, *, after: UUID | None, limit: int
) -> Sequence[Mediation]:
    """Return mediations that the caller may know of, the newest first."""
    statement = select(Mediation).where(Mediation.tenant_id == session.tenant, _visible_to(caller))
    for column, value in (
        (Mediation.state, wanted.state),
        (Mediation.outcome, wanted.outcome),
        (Mediation.case_id, wanted.case_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.mine:
        statement = statement.where(_takes_part(caller))
    if after is not None:
        statement = statement.where(Mediation.id < after)
    return (await session.scalars(statement.order_by(Mediation.id.desc()).limit(limit))).all()


async def parties_of(session: Session, mediation_id: UUID) -> Sequence[MediationParty]:
    """Return the parties in their order."""
    statement = select(MediationParty).where(
        MediationParty.tenant_id == session.tenant, MediationParty.mediation_id == mediation_id
    )
    return (await session.scalars(statement.order_by(MediationParty.position))).all()


async def sessions_of(session: Session, mediation_id: UUID) -> Sequence[MediationSession]:
    """Return the sessions, the first one first."""
    statement = select(MediationSession).where(
        MediationSession.tenant_id == session.tenant, MediationSession.mediation_id == mediation_id
    )
    return (await session.scalars(statement.order_by(MediationSession.planned_for, MediationSession.id))).all()


async def lock_session(session: WriteSession, mediation_id: UUID, session_id: UUID) -> MediationSession | None:
    """Return one session of a mediation that is locked already."""
    statement = select(MediationSession).where(
        MediationSession.tenant_id == session.tenant,
        MediationSession.mediation_id == mediation_id,
        MediationSession.id == session_id,
    )
    return await session.scalar(statement.with_for_update())


async def session_exists(session: Session, session_id: UUID) -> bool:
    """Tell whether an id that a client has made names a session already, of whatever mediation."""
    statement = select(MediationSession.id).where(
        MediationSession.tenant_id == session.tenant, MediationSession.id == session_id
    )
    return await session.scalar(statement) is not None


async def agreement_of(session: Session, mediation: Mediation) -> MediationAgreement | None:
    """Return the newest text."""
    statement = select(MediationAgreement).where(
        MediationAgreement.tenant_id == session.tenant,
        MediationAgreement.mediation_id == mediation.id,
        MediationAgreement.revision == mediation.revision,
    )
    return await session.scalar(statement)


async def terms_of(session: Session, mediation: Mediation) -> Sequence[MediationTerm]:
    """Return the obligations of the newest text."""
    statement = select(MediationTerm).where(
        MediationTerm.tenant_id == session.tenant,
        MediationTerm.mediation_id == mediation.id,
        MediationTerm.revision == mediation.revision,
    )
    return (await session.scalars(statement.order_by(MediationTerm.position))).all()


async def lock_term(session: WriteSession, mediation: Mediation, term_id: UUID) -> MediationTerm | None:
    """Return an obligation of the newest text; its mediation is locked already."""
    statement = select(MediationTerm).where(
        MediationTerm.tenant_id == session.tenant,
        MediationTerm.mediation_id == mediation.id,
        MediationTerm.revision == mediation.revision,
        MediationTerm.id == term_id,
    )
    return await session.scalar(statement.with_for_update().execution_options(populate_existing=True))


async def signatures_of(session: Session, mediation: Mediation) -> Sequence[MediationSignature]:
    """Return the signatures under the newest text."""
    statement = select(MediationSignature).where(
        MediationSignature.tenant_id == session.tenant,
        MediationSignature.mediation_id == mediation.id,
        MediationSignature.revision == mediation.revision,
    )
    return (await session.scalars(statement.order_by(MediationSignature.at))).all()


async def steps_of(session: Session, mediation_id: UUID, *, after: int, limit: int) -> Sequence[MediationStep]:
    """Return the history in its order."""
    statement = select(MediationStep).where(
        MediationStep.tenant_id == session.tenant,
        MediationStep.mediation_id == mediation_id,
        MediationStep.position > after,
    )
    return (await session.scalars(statement.order_by(MediationStep.position).limit(limit))).all()


async def bind_proof(session: WriteSession, attachment_id: UUID, uploader: UUID | None) -> bool:
    """Take a clean upload of the caller's that belongs to nothing; returns whether there was one."""
    statement = (
        update(Attachment)
        .where(
            Attachment.tenant_id == session.tenant,
            Attachment.id == attachment_id,
            Attachment.uploaded_by == uploader,
            Attachment.case_id.is_(None),
            Attachment.purpose.is_(None),
            Attachment.state == "clean",
        )
        .values(purpose="mediation")
        .returning(Attachment.id)
    )
    return await session.scalar(statement) is not None


async def has_proof(session: Session, mediation_id: UUID, attachment_id: UUID) -> bool:
    """Tell whether a picture or document belongs to a mediation."""
    statement = select(MediationProof.attachment_id).where(
        MediationProof.tenant_id == session.tenant,
        MediationProof.mediation_id == mediation_id,
        MediationProof.attachment_id == attachment_id,
    )
    return await session.scalar(statement) is not None


async def due_terms(
    session: Session, soon: date, today: date, *, after: tuple[date, UUID] | None, limit: int
) -> Sequence[tuple[MediationTerm, UUID]]:
    """Return obligations of which something is to be told by today, each with its case, the longest overdue first."""
    statement = (
        select(MediationTerm, Mediation.case_id)
        .join(
            Mediation,
            (Mediation.tenant_id == MediationTerm.tenant_id)
            & (Mediation.id == MediationTerm.mediation_id)
            & (Mediation.revision == MediationTerm.revision),
        )
        .where(
            MediationTerm.tenant_id == session.tenant,
            MediationTerm.state == TermState.DUE.value,
            Mediation.outcome == MediationOutcome.AGREED.value,
            or_(
                (MediationTerm.due_on <= soon) & (MediationTerm.told == 0),
                (MediationTerm.due_on < today) & (MediationTerm.told < literal(2)),
            ),
        )
    )
    if after is not None:
        statement = statement.where(tuple_(MediationTerm.due_on, MediationTerm.id) > tuple_(*after))
    rows = await session.execute(statement.order_by(MediationTerm.due_on, MediationTerm.id).limit(limit))
    return [(row[0], row[1]) for row in rows]


async def count_mediations(
    session: Session, wanted: FiguresQuery, *, paths: Sequence[str], under: str | None
) -> dict[str, Any]:
    """Count mediations at or below some paths, by what came of them."""
    outcome, state = Mediation.outcome, Mediation.state
    counted = {
        "opened": func.count(),
        "open": func.count().filter(outcome.is_(None)),
        **{name.value: func.count().filter(outcome == name.value) for name in MediationOutcome},
        **{
            name.value: func.count().filter(state == name.value)
            for name in (MediationState.IN_EFFECT, MediationState.FULFILLED, MediationState.BREACHED)
        },
        "confirmed": func.count().filter(Mediation.confirmation == "confirmed"),
        "sessions_held": func.coalesce(func.sum(Mediation.sessions_held), 0),
    }
    statement = select(*(column.label(name) for name, column in counted.items())).where(
        Mediation.tenant_id == session.tenant, Mediation.area_path.within_any(list(paths))
    )
    if under is not None:
        statement = statement.where(Mediation.area_path.within(under))
    if wanted.since is not None:
        statement = statement.where(Mediation.opened_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Mediation.opened_at < wanted.until)
    return dict((await session.execute(statement)).mappings().one())
