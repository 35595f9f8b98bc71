"""When offers are free: compared, minute by minute, with a model that knows no spans and no library."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from services.matching.availability.hours import BadRule, Hours, hours_of, open_spans, parse_rule
from services.matching.availability.rules import Block, Bookable, OfferTimes, fits, free_windows
from services.matching.availability.spans import Span, clip, join, subtract, total_s
from services.matching.resources.rules import atoms_of
from shared.clock import CHINA
from shared.ids import new_id

BASE = datetime(2026, 3, 1, tzinfo=CHINA)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class ModelRule:
    """A recurrence as the standard words it, day by day, from its beginning."""

    text: str
    starts_on: date

    def days(self, last: date) -> Iterator[date]:
        parts = dict(part.split("=") for part in self.text.split(";"))
        interval, count = int(parts.get("INTERVAL", "1")), int(parts.get("COUNT", "100000"))
        until = parts.get("UNTIL")
        end = min(last, date.fromisoformat(until)) if until else last
        day, found = self.starts_on, 0
        while day <= end and found < count:
            if self._meets(parts, interval, day):
                found += 1
                yield day
            day += timedelta(days=1)

    def _meets(self, parts: dict[str, str], interval: int, day: date) -> bool:
        named = parts.get("BYDAY", "").split(",") if "BYDAY" in parts else []
        begin = self.starts_on
        if parts["FREQ"] == "DAILY":
            return (day - begin).days % interval == 0 and (not named or DAYS[day.weekday()] in named)
        if parts["FREQ"] == "WEEKLY":
            monday, first = day - timedelta(days=day.weekday()), begin - timedelta(days=begin.weekday())
            wanted = named or [DAYS[begin.weekday()]]
            return (monday - first).days // 7 % interval == 0 and DAYS[day.weekday()] in wanted
        months = (day.year - begin.year) * 12 + day.month - begin.month
        length = calendar.monthrange(day.year, day.month)[1]
        if months % interval:
            return False
        if not named:
            numbers = {int(number) for number in parts["BYMONTHDAY"].split(",")}
            return day.day in numbers or day.day - length - 1 in numbers
        nth, nth_last = (day.day - 1) // 7 + 1, (length - day.day) // 7 + 1
        name = DAYS[day.weekday()]
        return bool({name, f"{nth}{name}", f"+{nth}{name}", f"-{nth_last}{name}"} & set(named))


def minutes(span: Span) -> Iterator[datetime]:
    at = span.start
    while at < span.end:
        yield at
        at += MINUTE


day_names = st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True).map(",".join)
ordinal_names = st.lists(
    st.builds("{}{}".format, st.sampled_from(["1", "2", "+3", "4", "-1", "-2"]), st.sampled_from(DAYS)),
    min_size=1,
    max_size=3,
    unique=True,
).map(",".join)
month_days = st.lists(st.integers(1, 28) | st.integers(-28, -1), min_size=1, max_size=3, unique=True).map(
    lambda numbers: ",".join(map(str, numbers))
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]))
    parts = [f"FREQ={frequency}"]
    if frequency == "DAILY" and draw(st.booleans()):
        parts.append(f"BYDAY={draw(day_names)}")
    else:
        parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
        if frequency == "WEEKLY" and draw(st.booleans()):
            parts.append(f"BYDAY={draw(day_names)}")
        if frequency == "MONTHLY":
            parts.append(
                draw((ordinal_names | day_names).map("BYDAY={}".format) | month_days.map("BYMONTHDAY={}".format))
            )
    ending = draw(st.sampled_from(["", "COUNT", "UNTIL"]))
    if ending == "COUNT":
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    elif ending == "UNTIL":
        until = draw(st.dates(date(2025, 6, 1), date(2026, 6, 1)))
        parts.append(f"UNTIL={until:%Y%m%d}")
    return ";".join(parts)


@settings(max_examples=300)
@given(
    rules(),
    st.dates(date(2024, 1, 1), date(2026, 3, 20)),
    st.dates(date(2026, 1, 1), date(2026, 4, 1)),
    st.integers(0, 70),
)
def test_a_rule_meets_the_days_that_the_standard_says(rule: str, starts_on: date, first: date, length: int) -> None:
    last = first + timedelta(days=length)
    model = ModelRule(rule, starts_on)
    parts = dict(part.split("=") for part in rule.split(";"))
    if "UNTIL" in parts:
        text = parts["UNTIL"]
        model = ModelRule(rule.replace(text, f"{text[:4]}-{text[4:6]}-{text[6:]}"), starts_on)
    expected = [day for day in model.days(last) if day >= first]
    assert parse_rule(rule).dates(starts_on, first, last) == expected
    event(f"{parts['FREQ']} {'some' if expected else 'none'}")


@pytest.mark.parametrize(
    "text",
    [
        "", "FREQ", "FREQ=", "FREQ=YEARLY", "FREQ=SECONDLY", "FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=31", "FREQ=DAILY;INTERVAL=2;BYDAY=MO", "FREQ=DAILY;BYMONTHDAY=1", "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=XX", "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYDAY=5MO", "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1", "FREQ=DAILY;COUNT=1001", "FREQ=DAILY;COUNT=1;UNTIL=20260101",
        "FREQ=DAILY;UNTIL=20261301", "FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;WKST=SU", "FREQ=WEEKLY;BYDAY=MO,,TU", "FREQ=MONTHLY;BYDAY=MO,1TU", "freq=daily",
        "FREQ=DAILY;INTERVAL=１",
    ],
)  # fmt: skip
def test_a_rule_outside_of_the_subset_is_refused(text: str) -> None:
    with pytest.raises(BadRule):
        parse_rule(text)


moments = st.integers(0, 4 * 24 * 60).map(lambda minute: BASE + minute * MINUTE)
spans = st.tuples(moments, st.integers(1, 900)).map(lambda pair: Span(pair[0], pair[0] + pair[1] * MINUTE))


@given(st.lists(spans, max_size=8), st.lists(spans, max_size=8), spans)
def test_arithmetic_of_spans_is_arithmetic_of_minutes(some: list[Span], others: list[Span], within: Span) -> None:
    left, right = {m for one in some for m in minutes(one)}, {m for one in others for m in minutes(one)}
    for found, expected in (
        (join(some), left),
        (subtract(some, others), left - right),
        (clip(join(some), within), left & set(minutes(within))),
    ):
        assert {m for one in found for m in minutes(one)} == expected
        assert total_s(found) == 60 * len(expected)
        assert all(one.end < other.start for one, other in pairwise(found))


clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
openings = st.fixed_dictionaries(
    {
        "rrule": st.sampled_from(["FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=SU,MO,WE"]),
        "starts_on": st.sampled_from(["2026-02-20", "2026-03-02"]),
        "opens": clock_times,
        "closes": clock_times,
    }
)
exceptions = st.builds(
    lambda kind, span: {
        "kind": kind,
        "starts_at": span.start.isoformat(),
        "ends_at": span.end.isoformat(),
        "reason": None,
    },
    st.sampled_from(["closed", "open"]),
    spans,
)
kept_hours = st.none() | st.fixed_dictionaries(
    {"openings": st.lists(openings, max_size=2), "exceptions": st.lists(exceptions, max_size=3)}
)


def model_open(kept: dict[str, Any] | None, at: datetime) -> bool:
    """Tell whether it is open in a minute, by looking at every rule and exception."""
    if kept is None:
        return True
    inside = {
        kind: any(
            one["kind"] == kind
            and datetime.fromisoformat(one["starts_at"]) <= at < datetime.fromisoformat(one["ends_at"])
            for one in kept["exceptions"]
        )
        for kind in ("open", "closed")
    }
    local = at.astimezone(CHINA)
    ruled = False
    for one in kept["openings"]:
        opens, closes = (time.fromisoformat(one[name]) for name in ("opens", "closes"))
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            begin = datetime.combine(day, opens, CHINA)
            end = datetime.combine(day + timedelta(days=closes <= opens), closes, CHINA)
            met = day in set(ModelRule(one["rrule"], date.fromisoformat(one["starts_on"])).days(day))
            ruled = ruled or (met and begin <= local < end)
    return (ruled or inside["open"]) and not inside["closed"]


@settings(max_examples=60)
@given(kept_hours, spans)
def test_opening_hours_are_open_in_the_minutes_that_they_say(kept: dict[str, Any] | None, asked: Span) -> None:
    found = {m for one in open_spans(hours_of(kept), asked, CHINA) for m in minutes(one)}
    assert found == {m for m in minutes(asked) if model_open(kept, m)}
    event("open" if found else "closed")


def times(hours: Hours | None = None, **members: Any) -> OfferTimes:
    """Make an offer that is open and valid, but for what a test says."""
    usual = {"is_open": True, "valid_from": BASE - timedelta(days=9), "valid_until": None, "free": 0}
    return OfferTimes(hours=hours, **{**usual, **members})


HALL, LEFT, RIGHT, TEAM = sorted(new_id() for _ in range(4))
PARENTS: dict[UUID, UUID | None] = {HALL: None, LEFT: HALL, RIGHT: HALL}


@st.composite
def furnished(draw: st.DrawFn) -> tuple[OfferTimes, dict[str, Any] | None]:
    """A hall with two halves, or a team of up to three, some of it taken; no two blocks overlap on a lane."""
    kept = draw(kept_hours)
    is_venue, units = draw(st.booleans()), draw(st.integers(1, 3))
    buffers = (draw(st.sampled_from([0, 10, 30])), draw(st.sampled_from([0, 15])))
    slot = draw(st.sampled_from([None, 15, 60]))
    ids = (HALL, LEFT, RIGHT) if is_venue else (TEAM,)
    bookables = [
        Bookable(one, 1 if is_venue else units, None, *buffers, slot, atoms_of(one, PARENTS) if is_venue else (one,))
        for one in ids
    ]
    blocks: dict[UUID, list[Block]] = {}
    for atom in (LEFT, RIGHT) if is_venue else (TEAM,):
        blocks[atom] = []
        for lane in range(1, (1 if is_venue else units) + 1):
            blocks[atom] += [Block(lane, span) for span in join(draw(st.lists(spans, max_size=2)))]
    valid_until = draw(st.none() | moments)
    valid = {"valid_until": valid_until, "bookables": bookables, "blocks": blocks}
    return times(hours_of(kept), **valid), kept


@settings(max_examples=150)
@given(furnished(), spans, st.integers(0, 2), st.integers(1, 3))
def test_a_booking_fits_exactly_when_every_minute_of_it_does(
    made: tuple[OfferTimes, dict[str, Any] | None], wanted: Span, place: int, units: int
) -> None:
    offer, kept = made
    one = offer.bookables[place % len(offer.bookables)]
    if one.slot_min is not None:
        slot = timedelta(minutes=one.slot_min)
        start = BASE + (wanted.start - BASE) // slot * slot
        wanted = Span(start, start + max(slot, (wanted.end - wanted.start) // slot * slot))
    around = Span(wanted.start - one.buffer_before_min * MINUTE, wanted.end + one.buffer_after_min * MINUTE)
    is_open = all(model_open(kept, m) for m in minutes(wanted))
    is_valid = offer.valid_until is None or wanted.end <= offer.valid_until
    clear = [
        lane
        for lane in range(1, one.units + 1)
        if not any(
            block.lane == lane and block.span.start < around.end and around.start < block.span.end
            for atom in one.atoms
            for block in offer.blocks[atom]
        )
    ]
    expected = is_open and is_valid and len(clear) >= units
    windows = free_windows(offer, BASE - timedelta(days=1), BASE + timedelta(days=9), CHINA)
    assert fits(windows, one.id, wanted, units) == expected
    event(f"fits: {expected}")


@given(kept_hours, st.dictionaries(st.integers(0, 4), st.integers(0, 3)), spans, st.integers(1, 3))
@settings(max_examples=60)
def test_a_day_has_what_is_left_of_its_capacity(
    kept: dict[str, Any] | None, taken: dict[int, int], asked: Span, units: int
) -> None:
    days = {BASE.date() + timedelta(days=day): number for day, number in taken.items()}
    offer = times(hours_of(kept), free=1, capacity_per_day=3, taken=days)
    windows = free_windows(offer, asked.start, asked.end, CHINA)
    for m in minutes(asked):
        left = 3 - days.get(m.astimezone(CHINA).date(), 0)
        expected = model_open(kept, m) and left >= units
        assert fits(windows, None, Span(m, m + MINUTE), units) == expected


def test_stock_is_free_when_it_is_open_and_nothing_is_once_the_offer_is_closed() -> None:
    now, noon, later = (BASE.astimezone(UTC) + timedelta(hours=hours) for hours in (0, 12, 48))
    for offer, expected in (
        (times(free=5), [(now, later, 5)]),
        (times(free=5, valid_until=noon), [(now, noon, 5)]),
        (times(Hours((), ()), free=5), []),
        (times(free=0), []),
        (times(free=5, is_open=False), []),
    ):
        assert [(one.start, one.end, one.units) for one in free_windows(offer, now, later, CHINA)] == expected
