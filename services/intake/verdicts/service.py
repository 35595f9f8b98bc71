"""Use cases of verdicts.

The requester's word comes first: not solved opens the case again at once. Solved closes it, unless the tenant wants
neighbours to confirm and too few have. When the time of asking is over, silence closes the case.
"""

from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move, subject_of
from services.intake.cases.service import close_case, let_go
from services.intake.cases.terms import Action, Level, Outcome, State
from services.intake.cases.triage import RAISED_AT, higher
from services.intake.handling.schemas import Answer
from services.intake.handling.service import handling_of
from services.intake.verdicts import repository
from services.intake.verdicts.models import Verdict
from services.intake.verdicts.rules import CommentRequired, UnknownAnswer, is_confirmed, is_objected
from services.intake.verdicts.schemas import VerdictIn, VerdictsOut
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.intake import CaseTriaged
from shared.db import Session, WriteSession
from shared.messaging import publish
from shared.problems import Unauthenticated

__all__ = ["close_silent", "confirm", "give_verdict", "open_again", "reopen", "show_verdicts"]


def _run(case: Case) -> int:
    """Return which solution of the case is judged."""
    return case.reopened + 1


async def show_verdicts(session: Session, case: Case) -> VerdictsOut:
    """Show what may be answered, and how those who joined see the present solution."""
    handling = await handling_of(session)
    votes = await repository.votes_of(session, case, _run(case))
    return VerdictsOut(
        case_id=case.id,
        run=_run(case),
        answers=handling.rules.answers,
        confirmations_wanted=min(handling.rules.confirmations, case.joiners),
        joiners=case.joiners,
        solved=votes.solved,
        unsolved=votes.unsolved,
    )


async def _write(
    session: WriteSession, caller: Principal, case: Case, wanted: VerdictIn, *, is_requester: bool
) -> Answer:
    handling = await handling_of(session)
    answer = handling.rules.answer(wanted.answer)
    if answer is None:
        raise UnknownAnswer(pointer="/answer")
    if answer.comment_required and wanted.comment is None:
        raise CommentRequired(pointer="/comment")
    if caller.subject_id is None:
        raise Unauthenticated
    row = Verdict(
        tenant_id=session.tenant,
        case_id=case.id,
        run=_run(case),
        person_id=caller.subject_id,
        answer=answer.code,
        reopens=answer.reopens,
        is_requester=is_requester,
        comment=wanted.comment,
        at=utc_now(),
    )
    await repository.put_verdict(session, row)
    return answer


async def give_verdict(session: WriteSession, caller: Principal, case: Case, wanted: VerdictIn) -> None:
    """Hear the requester: not solved opens the case again; solved closes it once enough neighbours confirm."""
    answer = await _write(session, caller, case, wanted, is_requester=True)
    if answer.reopens:
        again = Move(Action.FEEDBACK, caller.actor, note=wanted.comment, data={"answer": answer.code})
        return await open_again(session, case, again, Outcome(answer.outcome))
    case.outcome = answer.outcome.value
    handling = await handling_of(session)
    votes = await repository.votes_of(session, case, _run(case))
    if is_confirmed(votes, handling.rules.confirmations):
        return await close_case(
            session,
            case,
            actor=caller.actor,
            step=Action.FEEDBACK,
            outcome=Outcome(answer.outcome),
            note=wanted.comment,
        )
    data = {"answer": answer.code, "waits_for": str(min(handling.rules.confirmations, case.joiners) - votes.solved)}
    await move(session, case, Move(Action.FEEDBACK, caller.actor, note=wanted.comment, data=data))
    return None


async def confirm(session: WriteSession, caller: Principal, case: Case, wanted: VerdictIn) -> None:
    """Hear a neighbour who joined: enough of them close what the requester is content with, or open the case again."""
    answer = await _write(session, caller, case, wanted, is_requester=False)
    data = {"answer": answer.code}
    await move(session, case, Move(Action.CONFIRM, caller.actor, note=wanted.comment, data=data))
    handling = await handling_of(session)
    wanted_confirmations = handling.rules.confirmations
    votes = await repository.votes_of(session, case, _run(case))
    if is_objected(votes, wanted_confirmations):
        data = {"unsolved": str(votes.unsolved), "joiners": str(votes.joiners)}
        await open_again(session, case, Move("objected", "system", data=data), Outcome.NOT_SATISFIED)
        return
    content = await repository.requester_is_content(session, case.id, _run(case))
    answered = handling.rules.answer(content) if content else None
    if answered is not None and is_confirmed(votes, wanted_confirmations):
        await close_case(session, case, actor="system", step="confirmed", outcome=Outcome(answered.outcome))


async def open_again(session: WriteSession, case: Case, wanted: Move, outcome: Outcome | None) -> None:
    """Open a case again; from the second time on one level higher.

    Args:
        session: the transaction.
        case: the case, in hand.
        wanted: the step that opens it.
        outcome: what is said of the solution that was none; None when nothing is, since what came of the case before
            is no longer what came of it.
    """
    before = case.level
    case.outcome = outcome.value if outcome is not None else None
    if case.reopened + 1 >= RAISED_AT and before is not None:
        case.level = higher(Level(before)).value
    data = wanted.data | {"left_unit": str(case.unit_id) if case.unit_id else None}
    if case.level != before:
        data |= {"from_level": before, "level": case.level}
    let_go(case)
    again = Move(wanted.step, wanted.actor, State.REOPENED, note=wanted.note, data=data)
    await move(session, case, again)
    if case.level != before and case.level is not None:
        told = CaseTriaged(case_id=case.id, level=case.level, reasons=["not_solved_again"])
        await publish(session, subject_of(case), told)


async def reopen(session: WriteSession, caller: Principal, case: Case, reason: str) -> None:
    """Open a closed case again, whichever door the requester comes by."""
    await open_again(session, case, Move(Action.REOPEN, caller.actor, note=reason), None)


async def close_silent(session: WriteSession, case: Case) -> None:
    """Close a case whose requester has kept silent: as those who answered see it, or without an answer."""
    handling = await handling_of(session)
    votes = await repository.votes_of(session, case, _run(case))
    content = await repository.requester_is_content(session, case.id, _run(case))
    answered = handling.rules.answer(content) if content else None
    outcome = Outcome.NO_ANSWER
    if answered is not None:
        outcome = Outcome(answered.outcome)
    elif votes.solved and is_confirmed(votes, max(1, handling.rules.confirmations)):
        outcome = Outcome.CONFIRMED
    await close_case(session, case, actor="system", step="silence", outcome=outcome)
