"""Answering whether somebody is entitled: yes or no, and every answer is written down for whom it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.directory.entitlements import repository
from services.directory.entitlements.models import EntitlementQuestion
from services.directory.entitlements.rules import ASKERS
from services.directory.entitlements.schemas import QuestionIn
from services.directory.people.repository import find_person
from services.directory.tenants.service import today
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound

__all__ = ["Asked", "answer", "ask"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question.

    Attributes:
        id: names it; the same id is the same question.
        person_id: about whom.
        any_of: kinds, any one of which gives the right.
        used_on: the day of the benefit.
        within: the area that the asker works for; None when people ask about themselves.
        purpose: what for, as the person will read it.
        asked_by: who.
    """

    id: UUID
    person_id: UUID
    any_of: Sequence[str]
    used_on: date
    within: str | None
    purpose: str
    asked_by: str


async def answer(session: WriteSession, asked: Asked) -> EntitlementQuestion:
    """Answer a question and write both down; a question that is asked again gets the answer that it got.

    About somebody who lives outside of the asker's area the answer is no, as it is about nobody: it tells nothing.
    """
    known = await repository.find_question(session, asked.id)
    if known is not None:
        return known
    person = await find_person(session, asked.person_id)
    is_within = person is not None and (
        asked.within is None or person.area_path == asked.within or person.area_path.startswith(asked.within + ".")
    )
    entitled = is_within and await repository.is_entitled(session, asked.person_id, asked.any_of, asked.used_on)
    values = {
        "id": asked.id,
        "person_id": asked.person_id,
        "kinds": list(dict.fromkeys(asked.any_of)),
        "used_on": asked.used_on,
        "purpose": asked.purpose,
        "asked_by": asked.asked_by,
        "entitled": entitled,
        "asked_at": utc_now(),
    }
    await repository.insert_question(session, values)
    answered = await repository.find_question(session, asked.id)
    if answered is None:
        raise NotFound
    return answered


async def ask(session: WriteSession, caller: Principal, wanted: QuestionIn) -> EntitlementQuestion:
    """Answer staff about somebody who lives in their area; about others it is as if they did not exist.

    Raises:
        NotFound: nobody of this id lives there.
        IdTaken: the id names another question.
    """
    person = await find_person(session, wanted.person_id)
    if person is None or not caller.has(*ASKERS, at=person.area_path):
        raise NotFound
    asked = Asked(
        id=wanted.id or new_id(),
        person_id=wanted.person_id,
        any_of=wanted.any_of,
        used_on=await today(session),
        within=None,
        purpose=wanted.purpose,
        asked_by=caller.actor,
    )
    answered = await answer(session, asked)
    sent = (asked.person_id, list(dict.fromkeys(asked.any_of)), asked.purpose, asked.asked_by)
    if sent != (answered.person_id, answered.kinds, answered.purpose, answered.asked_by):
        raise IdTaken(pointer="/id")
    return answered
