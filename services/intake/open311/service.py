"""Use cases of the door for other apps: who may file, filing, and what strangers see.

Reading is for everybody and shows no word of a person. Cases of a category are hidden until an administrator says
otherwise; then state, dates, unit and area are shown, and the place to within some hundred metres; and only if the
administrator says so too, title and exact place, of cases that came through this door. What the handler wrote for
everybody when the case was solved is shown with its state. Descriptions, other notes and media are never shown, but to
the app that sent them and shows its key.
"""

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from services.intake.cases.filing_service import Desk, file_in_session
from services.intake.cases.repository import find_case
from services.intake.cases.schemas import FileCaseIn, PointIn
from services.intake.cases.terms import Channel
from services.intake.categories.rules import is_valid
from services.intake.contacts.service import keep_contact, made_up_person
from services.intake.forms.rules import AnswersDoNotFit
from services.intake.models import reference
from services.intake.open311 import repository
from services.intake.open311.attributes import Attribute, CannotBeAsked, answers_of, attributes_of
from services.intake.open311.models import Open311Report
from services.intake.open311.posted import Posted, several
from services.intake.open311.repository import Ending, Offer, Seen, Wanted
from services.intake.open311.rules import BadArguments, NotThere, TooFast, WrongKey, date_range
from services.intake.open311.schemas import RequestsQuery
from services.intake.open311.submission import Submission, checked
from services.intake.open311_admin.models import Open311Key
from services.intake.open311_admin.repository import find_key_by_hash
from services.intake.open311_admin.rules import Visibility, admit, key_hash
from shared.auth import Principal
from shared.clock import machine_now, today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound
from shared.reference import find_area
from shared.texts import Text
from shared.vault import Vault

__all__ = [
    "Listing",
    "Offered",
    "Questions",
    "Receipt",
    "admit_key",
    "file_request",
    "list_requests",
    "number_of_token",
    "offered_services",
    "presented_key",
    "read_report",
]

# The JSON Schemas of the questions that categories ask, by code; what asks nothing is not in it.
Questions: TypeAlias = Callable[[Session, Collection[str]], Awaitable[Mapping[str, Mapping[str, Any]]]]

_PAGE_SIZE_MAX: Final = 1_000
_OFFSET_MAX: Final = 100_000
# A phone that has not heard the answer sends again; the same words of the same person within this time are one report.
_SAME_WITHIN: Final = timedelta(minutes=10)
_NO_JURISDICTION: Final = Text(zh="没有该 jurisdiction_id，或其未开放服务", en="The jurisdiction_id was not found")


@dataclass(frozen=True, slots=True)
class Offered:
    """A service with its questions."""

    offer: Offer
    attributes: Sequence[Attribute]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a filing is answered with: the case's number or a token."""

    number: str
    token: str | None
    notice: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Cases with what is needed to show them."""

    seen: Sequence[Seen]
    offers: Mapping[str, Offer]
    endings: Mapping[UUID, Ending]
    key: Open311Key | None


async def offered_services(session: Session, questions: Questions) -> dict[str, Offered]:
    """Return the services of a jurisdiction by code: categories valid today without others below them.

    Raises:
        NotThere: there is none; a jurisdiction that offers nothing is not told from one that does not exist.
    """
    offers = await repository.list_offers(session)
    parents = {offer.category.parent_code for offer in offers.values() if offer.category.active}
    open_offers = {
        code: offer
        for code, offer in offers.items()
        if is_valid(offer.category, today()) and code not in parents and (offer.said is None or offer.said.offered)
    }
    asked = await questions(session, open_offers.keys())
    found: dict[str, Offered] = {}
    for code, offer in open_offers.items():
        try:
            found[code] = Offered(offer, attributes_of(asked.get(code, {})))
        except CannotBeAsked:
            continue
    if not found:
        raise NotThere(_NO_JURISDICTION)
    return found


def _usable(key: Open311Key | None) -> Open311Key:
    if key is None or key.revoked_at is not None:
        raise WrongKey(Text(zh="api_key 无效", en="Invalid api_key received"))
    return key


async def admit_key(session: WriteSession, api_key: str | None) -> Open311Key:
    """Return the key that a filing shows, one filing of its budget spent."""
    if api_key is None:
        raise WrongKey(Text(zh="缺少 api_key", en="api_key was not provided"))
    key = _usable(await find_key_by_hash(session, key_hash(api_key), lock=True))
    now = machine_now()
    spent_until, wait_s = admit(key.spent_until, now, key.per_minute)
    if wait_s:
        raise TooFast(wait_s)
    key.spent_until, key.last_used_at = spent_until, now
    await session.flush()
    return key


async def presented_key(session: Session, api_key: str | None) -> Open311Key | None:
    """Return the key that a reader shows; reading needs none, but a wrong one is refused."""
    return _usable(await find_key_by_hash(session, key_hash(api_key))) if api_key else None


async def file_request(
    session: WriteSession, desk: Desk, vault: Vault, questions: Questions, key: Open311Key, posted: Posted
) -> Receipt:
    """File a case for somebody whom another app speaks for, with its answers, and its contact sealed."""
    wanted = checked(posted)
    services = await offered_services(session, questions)
    offered = services.get(wanted.service_code)
    if offered is None:
        raise NotThere(Text(zh="没有该 service_code", en="The service_code was not found"))
    answers = answers_of(offered.attributes, posted.attributes)
    area_id = await _area_of(session, key, wanted)
    notice = offered.offer.said.notice if offered.offer.said is not None else None

    content = {"plain": dict(posted.plain) | {"api_key": None}, "attributes": dict(posted.attributes)}
    digest = vault.digest(session.tenant, content)
    await repository.wait_for_same(session, f"open311/{session.tenant}/{key.id}/{digest.hex()}")
    now = utc_now()
    earlier = await repository.find_sent_again(session, key_id=key.id, digest=digest, since=now - _SAME_WITHIN)
    if earlier is not None:
        return Receipt(earlier[1], earlier[0].token, notice)

    known = made_up_person(vault, session.tenant, f"open311/{key.id}", wanted.contact)
    requester = Principal(session.tenant, known or new_id(), "client")
    case = FileCaseIn(
        category=wanted.service_code,
        title=wanted.title or offered.offer.category.name_zh,
        description=wanted.description or offered.offer.category.name_zh,
        area_id=area_id,
        location=PointIn(latitude=wanted.point[0], longitude=wanted.point[1]) if wanted.point else None,
        place_text=wanted.address_string,
        answers=answers or None,
    )
    try:
        filed = await file_in_session(session, desk, requester, case, channel=Channel.OPEN311)
    except AnswersDoNotFit as error:
        raise _bad_attributes(error) from error
    report = Open311Report(
        tenant_id=session.tenant,
        case_id=filed.case_id,
        key_id=key.id,
        token=secrets.token_urlsafe(16) if key.answers_with_token else None,
        content_digest=digest,
        media_url=wanted.media_url,
        address_id=wanted.address_id,
        answers=answers,
        received_at=now,
    )
    session.add(report)
    keep_contact(session, vault, filed.case_id, wanted.contact)
    await session.flush()
    return Receipt(filed.number, report.token, notice)


def _bad_attributes(error: AnswersDoNotFit) -> BadArguments:
    """Tell in Open311's words what a schema asks beyond what its attributes can say: a pattern, a bound."""
    told = []
    for item in error.extra["errors"]:
        code = str(item["pointer"]).removeprefix("/answers").removeprefix("/").partition("/")[0]
        said: Text = item["detail"]
        told.append(Text(zh=f"attribute[{code}] {said.zh}", en=f"attribute[{code}] {said.en}"))
    return BadArguments(*told)


async def _area_of(session: Session, key: Open311Key, wanted: Submission) -> UUID:
    """Return the area to file in: the one that `address_id` names if it lies in the key's, else the key's own.

    Our copies of areas have no borders, so a point alone is kept with the case and decides nothing.
    """
    if wanted.area_id is not None:
        own = await find_area(session, reference, key.area_id)
        named = await find_area(session, reference, wanted.area_id)
        is_open = named is not None and named.closed_on is None
        if own is not None and named is not None and is_open and f"{named.path}.".startswith(f"{own.path}."):
            return named.id
    if wanted.point is None and wanted.address_string is None:
        raise BadArguments(Text(zh="没有该 address_id", en="The address_id was not found"))
    return key.area_id


async def number_of_token(session: Session, token: str) -> str:
    """Return the number that a token was given for."""
    number = await repository.find_token(session, token) if "\x00" not in token else None
    if number is None:
        raise NotThere(Text(zh="没有该 token", en="The token was not found"))
    return number


async def list_requests(session: Session, asked: RequestsQuery) -> Listing:
    """Return the newest cases that the asker may see."""
    offers = await repository.list_offers(session)
    if not any(offer.category.active for offer in offers.values()):
        raise NotThere(_NO_JURISDICTION)
    key = await presented_key(session, asked.api_key)
    shown = [code for code, offer in offers.items() if offer.visibility is not Visibility.HIDDEN]
    seen = await repository.list_seen(session, _wanted(asked), shown=shown, key=key)
    endings = await repository.endings(session, [item.case.id for item in seen])
    return Listing(seen, offers, endings, key)


def _wanted(asked: RequestsQuery) -> Wanted:
    """Read what a list is narrowed to; BadArguments tells what is wrong with it."""
    first_at, last_at = date_range(asked.start_date or None, asked.end_date or None, utc_now())
    states = set(several(asked.status))
    if not states <= {"open", "closed"}:
        raise BadArguments(Text(zh="status 只能是 open 或 closed", en="status is open or closed"))
    size = _whole(asked.page_size, "page_size", _PAGE_SIZE_MAX) or _PAGE_SIZE_MAX
    offset = ((_whole(asked.page, "page", _OFFSET_MAX) or 1) - 1) * size
    if offset > _OFFSET_MAX:
        raise BadArguments(Text(zh="页码过大，请缩小日期范围", en="page is too far; narrow the dates"))
    return Wanted(
        numbers=several(asked.service_request_id) or None,
        services=several(asked.service_code) or None,
        first_at=first_at,
        last_at=last_at,
        is_closed="closed" in states if len(states) == 1 else None,
        limit=size,
        offset=offset,
    )


def _whole(text: str | None, name: str, maximum: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(maximum)) and 1 <= int(text) <= maximum):
        raise BadArguments(Text(zh=f"{name} 应为 1 至 {maximum}", en=f"{name} is 1 to {maximum}"))
    return int(text)


async def read_report(session: Session, caller: Principal, case_id: UUID) -> tuple[Open311Report, str]:
    """Return what came with a case through this door, and the name of the app, to whoever may see the case."""
    found = await repository.find_report(session, case_id) if await find_case(session, caller, case_id) else None
    if found is None:
        raise NotFound
    return found
