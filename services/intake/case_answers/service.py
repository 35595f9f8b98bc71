"""Use cases of answers."""

from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.terms import Action, Channel
from services.intake.forms.rules import FIRST_VERSION
from services.intake.forms.schemas import Answers
from services.intake.forms.service import form_of
from shared.auth import Principal
from shared.db import WriteSession

__all__ = ["fill_in"]


async def fill_in(session: WriteSession, caller: Principal, case: Case, answers: Answers) -> None:
    """Answer the questions that the category asks now. It moves no clock.

    A case whose requester was asked when they filed it stays fully answered; another may be answered bit by bit.

    Raises:
        AnswersDoNotFit: with a pointer to each place that is wrong.
    """
    form = await form_of(session, case.category)
    form.check(answers, complete=case.channel == Channel.APP and not case.anonymous)
    told = {name for name in {*answers, *(case.answers or {})} if (case.answers or {}).get(name) != answers.get(name)}
    data = {"form_version": form.version, "changed": sorted(told)}
    case.answers_changed_at = await move(session, case, Move(Action.ANSWERS, caller.actor, data=data))
    case.answers = answers
    case.form_version = form.version if form.version != FIRST_VERSION else None
