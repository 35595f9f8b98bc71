"""Orders as this telling has made them, counted beside the house, so that its figures can be held against ours."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.story import Story

__all__ = ["OrderTally"]

_CHINA: Final = timezone(timedelta(hours=8))
_COUNTED: Final = (
    *("placed", "accepted", "delivered", "on_time", "late", "broken", "cancelled", "declined", "lapsed"),
    *("rated", "stars", "complaints"),
)
_BASIS_POINTS: Final = 10_000

# By quarter and partner, how often what has happened.
Counts = dict[tuple[str, str], Counter[str]]


@dataclass(slots=True)
class OrderTally:
    """What the house said when the telling began, and what we have done since."""

    area: str
    before: Counts
    ours: Counts = field(default_factory=dict)

    @classmethod
    async def begin(cls, story: Story, house: House, reader: Caller, area: str) -> "OrderTally":
        """Read the figures of an area as they are before anything is ordered."""
        return cls(area, await _figures(story, house, reader, area))

    def count(self, order: dict[str, Any], **what: int) -> None:
        """Count something of an order that has reached its partner."""
        key = (_quarter(order["placed_at"]), order["partner_id"])
        self.ours.setdefault(key, Counter()).update(what)

    @property
    def delivered(self) -> int:
        """How many services and goods were delivered."""
        return sum(counts["delivered"] for counts in self.ours.values())

    async def compare(self, story: Story, house: House, reader: Caller) -> None:
        """Compare each partner's quarter, the whole, and the rates that are made of them."""
        now = await _figures(story, house, reader, self.area)
        grown = {
            key: Counter({n: c - self.before.get(key, Counter())[n] for n, c in counts.items()})
            for key, counts in now.items()
        }
        for key in sorted(self.ours):
            what = {name: self.ours[key][name] for name in _COUNTED}
            seen = {name: grown.get(key, Counter())[name] for name in _COUNTED}
            story.expect(f"{key[0]} {_name(house, key[1])}", seen, what)
        rest = {key: counts for key, counts in grown.items() if key not in self.ours and any(counts.values())}
        story.expect("nobody else's 无他家点单", rest, {})
        whole = story.took(await reader.get("/v1/order-figures", under=house.id("areas", self.area)))["lines"]
        for line in whole:
            parts: Counter[str] = Counter()
            for (quarter, _), counts in now.items():
                if quarter == line["quarter"]:
                    parts.update(counts)
            story.expect(
                "the whole is the sum 合计等于分项", {n: line[n] for n in _COUNTED}, {n: parts[n] for n in _COUNTED}
            )
            rate = _rate_bp(parts["complaints"], parts["delivered"])
            story.expect(f"complaint rate 投诉率 {line['quarter']} {_percent(rate)}", line["complaint_bp"], rate)
            kept = _rate_bp(parts["on_time"], parts["on_time"] + parts["late"] + parts["broken"])
            story.expect(f"in time 准时率 {_percent(kept)}", line["on_time_bp"], kept)


async def _figures(story: Story, house: House, reader: Caller, area: str) -> Counts:
    answer = await reader.get("/v1/order-figures", under=house.id("areas", area), group_by="partner")
    lines = story.took(answer)["lines"]
    return {(line["quarter"], line["partner_id"]): Counter({name: line[name] for name in _COUNTED}) for line in lines}


def _quarter(placed_at: str) -> str:
    day = datetime.fromisoformat(placed_at).astimezone(_CHINA)
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"


def _rate_bp(part: int, whole: int) -> int | None:
    """Return a share in hundredths of a percent, rounded half up."""
    return int(part * _BASIS_POINTS / whole + 0.5) if whole else None


def _percent(rate_bp: int | None) -> str:
    return "–" if rate_bp is None else f"{rate_bp / 100:.2f} %"


def _name(house: House, partner_id: str) -> str:
    rows = house.pack.all("partners")
    return next((row["name"] for row in rows if str(house.id("partners", row["key"])) == partner_id), partner_id)
