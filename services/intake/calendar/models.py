"""Tables of the calendar: every version of what a tenant says of single days, and of its hours."""

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base

__all__ = ["CalendarDay", "CalendarHours", "CalendarVersion"]


def _of_a_version() -> ForeignKeyConstraint:
    versions = "intake.calendar_versions"
    return ForeignKeyConstraint(["tenant_id", "version"], [f"{versions}.tenant_id", f"{versions}.version"])


class CalendarVersion(Base):
    """Who changed the calendar and when; versions count from 1, and 0 is what is public."""

    __tablename__ = "calendar_versions"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]


class CalendarDay(Base):
    """What a version says of a day; `public` lets it be again what the public calendar says."""

    __tablename__ = "calendar_days"
    __table_args__ = (_of_a_version(), CheckConstraint("kind IN ('workday', 'holiday', 'public')", name="kind"))
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(200))


class CalendarHours(Base):
    """A working part of a weekday (0 is Monday) in a version that sets the hours."""

    __tablename__ = "calendar_hours"
    __table_args__ = (
        _of_a_version(),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("opens < closes", name="part"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    weekday: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    opens: Mapped[time] = mapped_column(primary_key=True)
    closes: Mapped[time]
