"""Shapes of the calendar."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from services.intake.calendar.rules import DayKind
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["CalendarOut", "DayIn", "DayOut", "DaysIn", "HoursIn", "HoursOut", "WorkingTimeIn", "WorkingTimeOut"]

# RFC 3339 has no time of day without an offset, so JSON Schema's "time" would be another thing.
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="By the clock of China 北京时间")]
Weekday = Annotated[int, Field(strict=True, ge=0, le=6, description="0 is Monday 周一为 0")]


class DayIn(InputModel):
    """What a day is; `public` lets it be again what the State Council says."""

    kind: Literal["workday", "holiday", "public"]
    name: ShortText


class DayOfNoticeIn(DayIn):
    """One day of a notice."""

    day: date


class DaysIn(InputModel):
    """What many days are, as the State Council's notice for a year says it: holidays, and weekends that are worked."""

    days: Annotated[list[DayOfNoticeIn], Field(min_length=1, max_length=366)]


class PartIn(InputModel):
    """A working part of a weekday."""

    weekday: Weekday
    opens: Clock
    closes: Clock


class HoursIn(InputModel):
    """All working hours of a week; a weekday that is not there is free."""

    parts: Annotated[list[PartIn], Field(min_length=1, max_length=70)]


class WorkingTimeIn(InputModel):
    """Count from an instant: so many working minutes on (or back, if negative), or up to another instant."""

    start: AwareDatetime
    minutes: Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)] | None = None
    end: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "WorkingTimeIn":
        if (self.minutes is None) == (self.end is None):
            message = "either minutes or end"
            raise ValueError(message)
        return self


class DayOut(OutputModel):
    """A day: worked or not, and on whose word.

    The tenant's, the State Council's notice (`public`), an ordinary day of an announced year (`weekday`), the law where
    no notice is out yet (`law`), or only assumed.
    """

    day: date
    kind: DayKind
    name: str | None
    source: Literal["tenant", "public", "weekday", "law", "assumed"]


class PartOut(OutputModel):
    """A working part of a weekday."""

    weekday: int
    opens: Clock
    closes: Clock


class HoursOut(OutputModel):
    """All working hours of a week."""

    parts: list[PartOut]
    is_default: bool


class CalendarOut(OutputModel):
    """Some days; public holidays are announced up to and including `announced_through`.

    `awaited_notice` is the year whose make-up days are still unknown although its notice should be out: from December
    on the next one, until the house knows it or the tenant has set days of it.
    """

    announced_through: int
    awaited_notice: int | None
    days: list[DayOut]


class WorkingTimeOut(OutputModel):
    """From an instant to another, and the working minutes between them, whole ones."""

    start: datetime
    end: datetime
    minutes: int
