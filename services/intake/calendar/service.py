"""Use cases of the calendar."""

from datetime import date, time, timedelta
from itertools import pairwise

from services.intake.calendar import repository
from services.intake.calendar.models import CalendarDay
from services.intake.calendar.rules import (
    DEFAULT_HOURS,
    BadHours,
    DayHasPassed,
    DayKind,
    SaidTwice,
    WorkCalendar,
    public_day,
)
from services.intake.calendar.schemas import DayIn, DayOut, DaysIn, HoursIn, WorkingTimeIn, WorkingTimeOut
from shared.auth import Principal
from shared.clock import today, utc_now
from shared.db import Session, WriteSession
from shared.holidays import announced_through, missing_notice

__all__ = ["awaited_notice", "calendar_of", "count", "set_day", "set_days", "set_hours", "show_days"]

_MINUTE = timedelta(minutes=1)


async def calendar_of(session: Session, version: int | None = None) -> WorkCalendar:
    """Return a tenant's calendar, the newest or as of a version; what it has not said is public."""
    if version is None:
        version = await repository.newest_version(session)
    days = {row.day: DayKind(row.kind) for row in await repository.days_of(session, version)}
    return WorkCalendar(await repository.hours_of(session, version) or DEFAULT_HOURS, days, version)


async def show_days(session: Session, first_on: date, last_on: date) -> list[DayOut]:
    """Show some days, each with where it comes from."""
    calendar = await calendar_of(session)
    own = {row.day: row for row in await repository.days_of(session, calendar.version, first_on, last_on)}
    return [_shown(first_on + timedelta(days=number), calendar, own) for number in range((last_on - first_on).days + 1)]


def _shown(day: date, calendar: WorkCalendar, own: dict[date, CalendarDay]) -> DayOut:
    kind, said = calendar.kind_of(day), own.get(day)
    if said is not None:
        return DayOut(day=day, kind=kind, name=said.name, source="tenant")
    is_announced = day.year <= announced_through()
    public = public_day(day)
    if public is not None:
        return DayOut(day=day, kind=kind, name=public[1], source="public" if is_announced else "law")
    return DayOut(day=day, kind=kind, name=None, source="weekday" if is_announced else "assumed")


async def set_day(session: WriteSession, caller: Principal, day: date, wanted: DayIn) -> None:
    """Say what a day is, or let it be what is public; open deadlines follow, what has passed stays as it was counted.

    Raises:
        DayHasPassed: the day lies before today.
    """
    if day < today():
        raise DayHasPassed(pointer="/path/day")
    version = await repository.add_version(session, caller.actor, utc_now())
    await repository.add_day(session, version, day, wanted.kind, wanted.name)


async def set_days(session: WriteSession, caller: Principal, wanted: DaysIn) -> None:
    """Say what many days are, as a notice does: all of them in one version, or none.

    Raises:
        DayHasPassed: one of the days lies before today.
        SaidTwice: a day is there twice.
    """
    said: set[date] = set()
    for place, one in enumerate(wanted.days):
        if one.day < today():
            raise DayHasPassed(pointer=f"/days/{place}/day")
        if one.day in said:
            raise SaidTwice(pointer=f"/days/{place}/day")
        said.add(one.day)
    version = await repository.add_version(session, caller.actor, utc_now())
    await repository.add_days(
        session, version, [one.model_dump(include={"day", "kind", "name"}) for one in wanted.days]
    )


async def awaited_notice(session: Session) -> int | None:
    """Return the year whose notice is awaited: nobody knows it, and the tenant has said nothing of that year either."""
    year = missing_notice(today())
    if year is None:
        return None
    version = await repository.newest_version(session)
    own = await repository.days_of(session, version, date(year, 1, 1), date(year, 12, 31))
    return None if own else year


async def set_hours(session: WriteSession, caller: Principal, wanted: HoursIn) -> None:
    """Set a week's hours; parts of a day follow each other. Open deadlines follow."""
    read = [(part.weekday, time.fromisoformat(part.opens), time.fromisoformat(part.closes)) for part in wanted.parts]
    for place, (_, opens, closes) in enumerate(read):
        if opens >= closes:
            raise BadHours(pointer=f"/parts/{place}")
    parts = sorted(read)
    if any(one[0] == two[0] and one[2] > two[1] for one, two in pairwise(parts)):
        raise BadHours(pointer="/parts")
    rows = [{"weekday": weekday, "opens": opens, "closes": closes} for weekday, opens, closes in parts]
    version = await repository.add_version(session, caller.actor, utc_now())
    await repository.add_hours(session, version, rows)


async def count(session: Session, wanted: WorkingTimeIn) -> WorkingTimeOut:
    """Count working time from an instant on, back, or up to another."""
    calendar = await calendar_of(session)
    if wanted.end is not None:
        minutes = calendar.between(wanted.start, wanted.end) // _MINUTE
        return WorkingTimeOut(start=wanted.start, end=wanted.end, minutes=minutes)
    minutes = wanted.minutes or 0
    span = abs(minutes) * _MINUTE
    end = calendar.add(wanted.start, span) if minutes >= 0 else calendar.subtract(wanted.start, span)
    return WorkingTimeOut(start=wanted.start, end=end, minutes=minutes)
