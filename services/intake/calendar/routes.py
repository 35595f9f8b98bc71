"""HTTP of the calendar."""

from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import Depends, Query

from services.intake.calendar import repository, service
from services.intake.calendar.rules import DEFAULT_HOURS, TooFar
from services.intake.calendar.schemas import (
    CalendarOut,
    DayIn,
    DayOut,
    DaysIn,
    HoursIn,
    HoursOut,
    PartOut,
    WorkingTimeIn,
    WorkingTimeOut,
)
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import today
from shared.db import Session
from shared.holidays import announced_through
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["calendar 工作日历"])

Caller = Annotated[Principal, Depends(authenticated)]
Administrator = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]
_DAYS_MAX: Final = 400


@router.get("/v1/calendar", summary="Working days 工作日与节假日")
async def read_calendar(
    _: Caller,
    session: Reading,
    first: Annotated[date | None, Query(alias="from", description="First day; today if left out 起始日")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last day; 30 days on if left out 截止日")] = None,
) -> CalendarOut:
    """Return up to 400 days: worked or not, and whether announced, said by the tenant, or only assumed."""
    first = first or today()
    last = last or first + timedelta(days=30)
    if not 0 <= (last - first).days < _DAYS_MAX:
        raise TooFar(pointer="/query/to")
    return CalendarOut(
        announced_through=announced_through(),
        awaited_notice=await service.awaited_notice(session),
        days=await service.show_days(session, first, last),
    )


@router.put("/v1/calendar/days", summary="Say what many days are 批量设定日期")
async def set_days(caller: Administrator, session: Writing, wanted: DaysIn) -> list[DayOut]:
    """Load a notice: all its days at once, or none. Open deadlines follow; what has passed stays as it was counted."""
    await service.set_days(session, caller, wanted)
    days = sorted(one.day for one in wanted.days)
    return [(await service.show_days(session, day, day))[0] for day in days]


@router.put("/v1/calendar/days/{day}", summary="Say what a day is 设定某日")
async def set_day(caller: Administrator, session: Writing, day: date, wanted: DayIn) -> DayOut:
    """Make a day a working day or a holiday for this tenant, or what is public again."""
    await service.set_day(session, caller, day, wanted)
    (shown,) = await service.show_days(session, day, day)
    return shown


@router.get("/v1/calendar/hours", summary="Working hours 工作时间")
async def read_hours(_: Caller, session: Reading) -> HoursOut:
    """Return the hours of a week."""
    return await _hours(session)


@router.put("/v1/calendar/hours", summary="Set the working hours 设定工作时间")
async def set_hours(caller: Administrator, session: Writing, wanted: HoursIn) -> HoursOut:
    """Set all hours of a week; a weekday that is not there is free."""
    await service.set_hours(session, caller, wanted)
    return await _hours(session)


async def _hours(session: Session) -> HoursOut:
    own = await repository.hours_of(session, await repository.newest_version(session))
    parts = [
        PartOut(weekday=weekday, opens=f"{opens:%H:%M}", closes=f"{closes:%H:%M}")
        for weekday, found in (own or DEFAULT_HOURS).items()
        for opens, closes in found
    ]
    return HoursOut(parts=parts, is_default=not own)


@router.post("/v1/calendar/working-time", summary="Count working time 计算工作时间")
async def count_working_time(_: Caller, session: Reading, wanted: WorkingTimeIn) -> WorkingTimeOut:
    """Count working minutes from an instant on, back, or up to another."""
    return await service.count(session, wanted)
