"""Filing a case: beside SQLAlchemy when nothing but the case is written, in the request's transaction otherwise."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from services.intake.attachments.rules import UnknownAttachment
from services.intake.cases import repository
from services.intake.cases.filing import FILE_CASE, Filing, file_arguments, words_of
from services.intake.cases.models import Case
from services.intake.cases.moving import budget_of
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.problems import UnknownArea, UnknownCategory, WrongIdVersion
from services.intake.cases.rules import clock_ops
from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.terms import Channel, State
from services.intake.categories.repository import get_category
from services.intake.categories.rules import CategoryNotValid, is_valid
from services.intake.clocks.rules import ClockKind, Interval
from services.intake.clocks.sheet import first_interval
from services.intake.forms.rules import FIRST_VERSION, AnswersDoNotFit, Form, missing
from services.intake.forms.service import form_of, known_form
from services.intake.handling.service import Handling, handling_anew, handling_of, known_handling
from services.intake.models import reference
from services.intake.notifications.repository import reachable_among
from services.intake.notifications.service import send_outside
from shared.auth import Principal
from shared.clock import CHINA, today, utc_now
from shared.db import Database, Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, Unauthenticated, Unavailable
from shared.reference import find_area

__all__ = ["Desk", "Filed", "file_case", "file_in_session", "first_clocks", "same_filing", "why_not_filed"]

_UUID7 = 7

Runner = Callable[..., Awaitable[asyncpg.Record | None]]


class Filed:
    """What was written, as far as the answer needs it."""

    __slots__ = (
        "area_path",
        "bound",
        "case_id",
        "channel",
        "clocks",
        "filed_at",
        "form_version",
        "missing_answers",
        "notice",
        "number",
    )

    def __init__(self, filing: Filing, row: asyncpg.Record, missing_answers: list[str], notice: dict[str, Any]) -> None:
        self.case_id = filing.case_id
        self.number = filing.number
        self.filed_at = filing.now
        self.channel = filing.channel
        self.clocks: list[tuple[ClockKind, Interval]] = [(kind, interval) for kind, interval, _ in filing.clocks]
        self.area_path: str = row["area_path"]
        self.bound: int = row["bound"]
        self.form_version = filing.form_version if filing.form_version != FIRST_VERSION else None
        self.missing_answers = missing_answers
        self.notice = notice


class Desk:
    """What a process needs to file cases: their numbers, and the rules of each tenant as it last knew them.

    What it does not know it reads in the session of whoever files, if there is one: who holds a connection and waits
    for a second one may wait for others that do the same.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.numbers = CaseNumbers(database)

    def runner(self, tenant: str, session: WriteSession | None) -> Runner:
        """Return what runs a statement: in a session's transaction, or as one by itself."""
        return session.fetch_row if session is not None else partial(self.database.one_trip, tenant)

    @asynccontextmanager
    async def reading(self, tenant: str, session: WriteSession | None) -> AsyncIterator[Session]:
        """Read in a session, or in a new one if there is none."""
        if session is not None:
            yield session
            return
        async with self.database.read(tenant) as fresh:
            yield fresh

    async def handling(self, tenant: str, session: WriteSession | None) -> Handling:
        """Return a tenant's rules and calendar; they may be old, which the filing statement finds out."""
        known = known_handling(tenant)
        if known is not None:
            return known
        async with self.reading(tenant, session) as reading:
            return await handling_of(reading)

    async def form(self, tenant: str, session: WriteSession | None, wanted: FileCaseIn, *, complete: bool) -> Form:
        """Return what the category of a filing asks; it may be old, which the filing statement finds out.

        Raises:
            AnswersDoNotFit: the answers do not fit it, and it is not old.
        """
        known = known_form(tenant, wanted.category)
        if known is not None:
            try:
                known.check(wanted.answers, complete=complete)
            except AnswersDoNotFit:
                known = None
        if known is None:
            async with self.reading(tenant, session) as reading:
                known = await form_of(reading, wanted.category)
                earlier = await repository.find_case_for_filing(reading, wanted.id) if wanted.id else None
            # What was filed already may be sent again after the questions have changed.
            if earlier is None:
                known.check(wanted.answers, complete=complete)
        return known


async def file_case(
    session: WriteSession | None,
    desk: Desk,
    caller: Principal,
    wanted: FileCaseIn,
    *,
    channel: Channel = Channel.APP,
    asks: bool | None = None,
    requester_id: UUID | None = None,
) -> Filed | None:
    """File a case with one statement.

    Args:
        session: in whose transaction; in one of its own if there is none.
        desk: where its number and the tenant's rules come from.
        caller: who files it.
        wanted: the case.
        channel: how it came in.
        requester_id: who raised it, if somebody else files it for them; its attachments are theirs.
        asks: whether the category's questions were put to the requester, so that required ones are answered; else they
            may be answered later. Only the app asks, if nobody says otherwise.

    Returns:
        What was filed; None when nothing was written (see `why_not_filed`).
    """
    raised_by = requester_id or caller.subject_id
    if raised_by is None:
        raise Unauthenticated
    case_id = wanted.id or new_id()
    if case_id.version != _UUID7:
        raise WrongIdVersion(pointer="/id")
    now = utc_now()
    handling = await desk.handling(caller.tenant, session)
    form = await desk.form(caller.tenant, session, wanted, complete=channel is Channel.APP if asks is None else asks)
    filing = Filing(
        tenant=caller.tenant,
        case_id=case_id,
        number=await desk.numbers.take(caller.tenant, now.astimezone(CHINA).year),
        requester_id=raised_by,
        actor=caller.actor,
        channel=channel,
        now=now,
        handling=handling,
        clocks=first_clocks(wanted.category, now, handling),
        form_version=form.version,
    )
    row = await desk.runner(caller.tenant, session)(FILE_CASE, *file_arguments(filing, wanted))
    if row is None:
        return None
    if session is not None:
        # Ring for its event after the commit.
        session.info["published"] = True
    if row["bound"] != len(set(wanted.attachment_ids)):
        raise UnknownAttachment(pointer="/attachment_ids")
    notice = {
        "id": filing.notice_id,
        "kind": "case_registered",
        "case_id": case_id,
        "person_id": raised_by,
        "params": words_of(filing, wanted),
        "urgent": False,
    }
    return Filed(filing, row, missing(form.schema, wanted.answers), notice)


async def file_in_session(
    session: WriteSession,
    desk: Desk,
    caller: Principal,
    wanted: FileCaseIn,
    *,
    channel: Channel,
    asks: bool | None = None,
    requester_id: UUID | None = None,
) -> Filed:
    """File a case together with what else the caller writes; its id is new, or made for this one filing.

    Raises:
        IdTaken: it was filed before.
        UnknownArea, UnknownCategory: as when filing by itself.
        Unavailable: the tenant is changing its rules at this very moment, again and again.
    """
    for _ in range(2):
        filed = await file_case(session, desk, caller, wanted, channel=channel, asks=asks, requester_id=requester_id)
        if filed is not None:
            if requester_id not in (None, caller.subject_id):
                # Whoever files it knows; for whom somebody else has filed it may not be looking.
                await send_outside(session, [filed.notice], await reachable_among(session, {filed.notice["person_id"]}))
            return filed
        if await why_not_filed(session, caller, wanted) is not None:
            raise IdTaken(pointer="/id")
    raise Unavailable


def first_clocks(category: str, now: datetime, handling: Handling) -> list[tuple[ClockKind, Interval, datetime | None]]:
    """Return the clocks with which a case starts."""
    started = []
    for op in clock_ops("file", State.FILED, lambda kind: budget_of(kind, category, None, handling)):
        interval, next_at = first_interval(op.kind, op.budget_s or 0, now, handling)
        started.append((op.kind, interval, next_at))
    return started


async def why_not_filed(session: Session, caller: Principal, wanted: FileCaseIn) -> Case | None:
    """Find out why filing wrote nothing.

    Args:
        session: the transaction.
        caller: who files.
        wanted: the case.

    Returns:
        The case, if it was filed before with the same content; None if only the rules of the tenant or the questions
        of the category were newer than this process knew, which it does now: it is worth another try.
    """
    await handling_anew(session)
    await form_of(session, wanted.category)
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    category = await get_category(session, wanted.category)
    if category is None or not category.active:
        raise UnknownCategory(pointer="/category")
    earlier = await repository.find_case_for_filing(session, wanted.id) if wanted.id else None
    if earlier is None and not is_valid(category, today()):
        raise CategoryNotValid(
            pointer="/category",
            valid_from=category.valid_from,
            valid_to=category.valid_to,
            successor_code=category.successor_code,
        )
    if earlier is None:
        return None
    if earlier.requester_id != caller.subject_id or not same_filing(earlier, wanted):
        raise IdTaken(pointer="/id")
    if await repository.report_attachment_ids(session, earlier.id) != set(wanted.attachment_ids):
        raise IdTaken(pointer="/attachment_ids")
    return earlier


def same_filing(case: Case, wanted: FileCaseIn) -> bool:
    """Tell whether a request repeats what a case was filed with."""
    location = (wanted.location.latitude, wanted.location.longitude) if wanted.location else (None, None)
    asked: tuple[Any, ...] = (wanted.category, wanted.title, wanted.description, wanted.area_id, wanted.place_text)
    kept: tuple[Any, ...] = (case.category, case.title, case.description, case.area_id, case.place_text)
    # Answers may be given and mended later, so that they are no longer those of the filing.
    is_same_answers = case.answers_changed_at is not None or wanted.answers == case.answers
    return asked == kept and location == (case.latitude, case.longitude) and is_same_answers
