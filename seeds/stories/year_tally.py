"""The story's own count of a year: what it has done, kept apart from what the house says of it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, NamedTuple

from seeds.client import Caller
from seeds.house import House
from seeds.stories.phones import Phone

__all__ = ["COMMUNITY", "GRIDS", "Matter", "Tally", "moment"]

COMMUNITY: Final = "qiaonan"
GRIDS: Final = tuple(f"qiaonan_g{number}" for number in range(1, 7))
_CHINA: Final = timezone(timedelta(hours=8))
_MORNING: Final = time(9, 0, tzinfo=_CHINA)


class Matter(NamedTuple):
    """A case as it is to stand in the end."""

    channel: str
    level: str | None
    state: str
    outcome: str | None


@dataclass(slots=True)
class Tally:
    """What was done in this telling.

    Attributes:
        begun: when the telling began, by the clock of the house.
        done: by grid, how many visits, things heard, errands … there were, by the names that the figures have.
        households: by grid, the different doors at which somebody was met.
        cases: every case of the telling, as it is to stand in the end.
        opened: imported cases by the day on which they were raised.
        closed: imported cases by the day on which they were closed.
        phones: everybody who has sent something; sent again, nothing of it is done again.
    """

    begun: datetime
    done: dict[str, Counter[str]] = field(default_factory=lambda: {grid: Counter() for grid in GRIDS})
    households: dict[str, set[str]] = field(default_factory=lambda: {grid: set() for grid in GRIDS})
    cases: dict[str, Matter] = field(default_factory=dict)
    opened: Counter[date] = field(default_factory=Counter)
    closed: Counter[date] = field(default_factory=Counter)
    phones: list[Phone] = field(default_factory=list)

    def total(self) -> Counter[str]:
        """Add up the grids."""
        return sum(self.done.values(), Counter())

    def visited(self, grid: str, door: str, *, reached: bool = True) -> None:
        """Count a visit."""
        self.done[grid].update(visits=1, reached=int(reached))
        if reached:
            self.households[grid].add(door)

    def heard(self, grid: str, disposition: str) -> None:
        """Count one thing that was heard."""
        figure = "cases" if disposition == "case" else disposition
        self.done[grid].update({"heard": 1, figure: 1})

    def phone(self, caller: Caller) -> Phone:
        """Take a phone that is sent again in the end."""
        phone = Phone(caller)
        self.phones.append(phone)
        return phone


def moment(house: House, days_ago: int, minutes: int = 0) -> datetime:
    """Return a morning of so many days ago in China, or so many minutes after it."""
    return datetime.combine(house.today() - timedelta(days=days_ago), _MORNING) + timedelta(minutes=minutes)
