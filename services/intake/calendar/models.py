"""Tables of the calendar: what a tenant says of single days, and its hours."""

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base

__all__ = ["CalendarDay", "CalendarHours"]


class CalendarDay(Base):
    """A day that is not what the public calendar says."""

    __tablename__ = "calendar_days"
    __table_args__ = (CheckConstraint("kind IN ('workday', 'holiday')", name="kind"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(200))
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]


class CalendarHours(Base):
    """A working part of a weekday (0 is Monday)."""

    __tablename__ = "calendar_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("opens < closes", name="part"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    weekday: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    opens: Mapped[time] = mapped_column(primary_key=True)
    closes: Mapped[time]
