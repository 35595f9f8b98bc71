"""Use of venues: booked of open minutes, compared with a count of minutes."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.availability.spans import Span
from services.matching.utilisation.rules import Booking, Use, permille, use_of
from shared.clock import CHINA
from shared.ids import new_id
from tests.matching.bookings import House, at, settled
from tests.matching.conftest import Quarter

HOURS = {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "08:00", "closes": "18:00"}]}


async def test_a_hall_counts_as_its_halves(quarter: Quarter) -> None:
    house = await House.built(quarter, hours=HOURS, buffer_after_min=30)
    for room, start, end in (("hall", 8, 10), ("left", 12, 13), ("right", 12, 13.5)):
        await settled(quarter, await house.booked(room, at(1, start), at(1, end)))
    await house.booked("left", at(1, 15), at(1, 17))
    period = {"from": at(1, 0), "until": at(2, 0)}
    found = await quarter.read("/v1/venue-utilisation", **period)
    # Two halves of ten hours; the hall for two hours, and the halves for one and for one and a half.
    use: dict[str, Any] = {"open_min": 1200, "booked_min": 390, "bookings": 3, "permille": 325}
    assert [one["use"] for one in found["venues"]] == [use]
    assert found["total"] == use
    assert [(one["path"], one["venues"], one["use"]) for one in found["areas"]] == [("d.z", 1, use)]
    half = await quarter.read("/v1/venue-utilisation", **{"from": at(1, 9), "until": at(1, 12.5)})
    assert (half["total"]["open_min"], half["total"]["booked_min"]) == (420, 180)
    elsewhere = await quarter.read("/v1/venue-utilisation", under=str(quarter.areas["d.y"]), **period)
    assert (elsewhere["venues"], elsewhere["total"]["permille"]) == ([], None)
    for wrong in ({"from": at(2, 0), "until": at(1, 0)}, {"from": at(0, 0), "until": at(94, 0)}):
        response = await quarter.get("/v1/venue-utilisation", **wrong)
        assert (response.status_code, response.json()["code"]) == (422, "bad_period")


BASE = datetime(2026, 3, 2, tzinfo=CHINA)
ROOMS = [new_id(), new_id(), new_id()]
spans = st.tuples(st.integers(0, 200), st.integers(1, 90)).map(
    lambda pair: Span(BASE + timedelta(minutes=pair[0]), BASE + timedelta(minutes=pair[0] + pair[1]))
)
wishes = st.lists(st.tuples(st.lists(st.sampled_from(ROOMS), min_size=1, max_size=3, unique=True), spans), max_size=6)


@given(st.dictionaries(st.sampled_from(ROOMS), st.lists(spans, max_size=4)), wishes, spans)
def test_minutes_are_counted_once_for_each_room(
    opened: dict[Any, list[Span]], wanted: list[tuple[list[Any], Span]], period: Span
) -> None:
    def within(span: Span, minute: datetime) -> bool:
        return span.start <= minute < span.end

    everything = [BASE + timedelta(minutes=number) for number in range(300)]
    asked = [minute for minute in everything if within(period, minute)]
    is_open = {
        (room, minute) for room, each in opened.items() for minute in asked if any(within(s, minute) for s in each)
    }
    bookings: list[Booking] = []
    taken: set[Any] = set()
    hit = 0
    for rooms, span in wanted:
        own = {(room, minute) for room in rooms for minute in asked if within(span, minute)}
        # Bookings never overlap: the database sees to it.
        if not own & taken and not any(
            set(b.atoms) & set(rooms) and b.span.start < span.end and span.start < b.span.end for b in bookings
        ):
            bookings.append(Booking(tuple(rooms), span))
            taken |= own
            hit += bool(own & is_open)
    found = use_of(opened, bookings, period)
    assert found == Use(len(is_open), len(is_open & taken), hit)
    assert permille(found) == (1000 * found.booked_min // found.open_min if is_open else None)
