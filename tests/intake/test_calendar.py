"""Working time: public holidays and make-up days, a tenant's own, and arithmetic that can be turned round."""

from datetime import date, datetime, time, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.calendar.rules import DEFAULT_HOURS, DayKind, TooFar, WorkCalendar, public_day
from shared.auth import Role
from shared.clock import CHINA, utc_now
from shared.holidays import announced_through
from shared.testing import Callers
from tests.conftest import ClientOf, MovedClock

PLAIN = WorkCalendar(DEFAULT_HOURS, {})
MINUTES = int(timedelta(days=3 * 365) / timedelta(minutes=1))
MOMENTS = st.integers(0, MINUTES).map(lambda minutes: datetime(2024, 1, 1, tzinfo=CHINA) + timedelta(minutes=minutes))
SPANS = st.integers(1, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def test_the_spring_festival_of_2026_is_free_and_its_make_up_days_are_worked() -> None:
    assert public_day(date(2026, 2, 17)) == (DayKind.HOLIDAY, "春节")
    assert PLAIN.kind_of(date(2026, 2, 14)) is DayKind.WORKDAY, "a Saturday that makes up"
    assert PLAIN.parts(date(2026, 2, 14)) == [
        (at("2026-02-14T09:00"), at("2026-02-14T12:00")),
        (at("2026-02-14T13:30"), at("2026-02-14T17:30")),
    ]
    assert PLAIN.kind_of(date(2026, 2, 23)) is DayKind.HOLIDAY, "a Monday in lieu"
    # Friday evening before the festival: one working day later is the Saturday that makes up, the next after the feast.
    assert PLAIN.add(at("2026-02-13T18:00"), timedelta(hours=7)) == at("2026-02-14T17:30")
    assert PLAIN.add(at("2026-02-14T17:30"), timedelta(hours=1)) == at("2026-02-24T10:00")


def test_a_year_without_an_announcement_has_the_days_that_the_law_fixes() -> None:
    year = announced_through() + 1
    assert public_day(date(year, 10, 1)) == (DayKind.HOLIDAY, "国庆节")
    assert public_day(date(year, 3, 8)) is None


@given(MOMENTS, SPANS)
def test_what_was_added_lies_between_and_can_be_taken_back(start: datetime, span: timedelta) -> None:
    end = PLAIN.add(start, span)
    assert PLAIN.between(start, end) == span
    begun = PLAIN.subtract(end, span)
    assert PLAIN.between(begun, end) == span
    assert PLAIN.between(begun, start) == timedelta(0) or begun <= start


@given(MOMENTS, MOMENTS, MOMENTS)
def test_working_time_adds_up_whichever_way(one: datetime, two: datetime, three: datetime) -> None:
    assert PLAIN.between(one, two) + PLAIN.between(two, three) == PLAIN.between(one, three)
    assert PLAIN.between(one, two) == -PLAIN.between(two, one)


@given(MOMENTS, SPANS, SPANS)
def test_more_time_is_never_earlier(start: datetime, one: timedelta, two: timedelta) -> None:
    assert (PLAIN.add(start, one) <= PLAIN.add(start, two)) == (one <= two) or one == two


def test_a_tenant_without_hours_never_gets_there() -> None:
    with pytest.raises(TooFar):
        WorkCalendar({}, {}).add(at("2026-01-01T00:00"), timedelta(minutes=1))
    with pytest.raises(TooFar):
        PLAIN.between(at("2000-01-01T00:00"), at("2026-01-01T00:00"))


class Office:
    """An intake office and whoever calls it."""

    def __init__(self, http: httpx.AsyncClient, caller: Callers) -> None:
        self.http, self.caller = http, caller

    async def ask(
        self, method: str, path: str, body: Any = None, role: Role = Role.ADMINISTRATOR, status: int = 200
    ) -> Any:
        answer = await self.http.request(method, path, json=body, headers=self.caller("intake", (role, "d")))
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def office(client: ClientOf, caller: Callers) -> Office:
    return Office(client("intake"), caller)


async def test_a_tenant_says_what_a_day_is_and_takes_it_back(office: Office) -> None:
    path = "/v1/calendar/days/2127-03-04"
    body = {"kind": "holiday", "name": "区庆"}
    assert await office.ask("PUT", path, body) == {
        "day": "2127-03-04",
        "kind": "holiday",
        "name": "区庆",
        "source": "tenant",
    }
    page = await office.ask("GET", "/v1/calendar?from=2127-03-03&to=2127-03-05", role=Role.RESIDENT)
    assert [(item["kind"], item["source"]) for item in page["days"]] == [
        ("workday", "assumed"),
        ("holiday", "tenant"),
        ("workday", "assumed"),
    ]
    back = await office.ask("PUT", path, {"kind": "public", "name": "x"})
    assert (back["kind"], back["source"]) == ("workday", "assumed")
    past = await office.ask("PUT", "/v1/calendar/days/2026-03-04", body, status=422)
    assert past["code"] == "day_has_passed"
    await office.ask("PUT", path, body, role=Role.OFFICER, status=403)
    far = await office.ask("GET", "/v1/calendar?from=2127-01-01&to=2129-01-01", status=422)
    assert far["code"] == "too_far"
    later = await office.ask(
        "GET", f"/v1/calendar?from={announced_through() + 1}-05-01&to={announced_through() + 1}-05-01"
    )
    assert later["days"][0]["source"] == "law"


def notice(*days: tuple[str, str]) -> dict[str, Any]:
    return {"days": [{"day": day, "kind": kind, "name": "通知"} for day, kind in days]}


async def test_a_whole_notice_is_loaded_at_once_or_not_at_all(office: Office) -> None:
    path = "/v1/calendar/days"
    before = await office.ask("GET", "/v1/calendar?from=2127-02-01&to=2127-02-28")
    body = notice(("2127-02-15", "holiday"), ("2127-02-08", "workday"), ("2127-02-09", "workday"))
    done = await office.ask("PUT", path, body)
    assert [(day["day"], day["kind"], day["source"]) for day in done] == [
        ("2127-02-08", "workday", "tenant"),
        ("2127-02-09", "workday", "tenant"),
        ("2127-02-15", "holiday", "tenant"),
    ]
    for wrong, code, pointer in (
        (notice(("2127-02-16", "holiday"), ("2127-02-16", "workday")), "day_said_twice", "/days/1/day"),
        (notice(("2127-02-17", "holiday"), ("2026-03-04", "holiday")), "day_has_passed", "/days/1/day"),
    ):
        refused = await office.ask("PUT", path, wrong, status=422)
        assert (refused["code"], refused["errors"][0]["pointer"]) == (code, pointer)
    bad: list[dict[str, Any]] = [{"days": []}, {}, notice(("2127-02-30", "holiday")), notice(("2127-02-18", "feast"))]
    for malformed in bad:
        await office.ask("PUT", path, malformed, status=422)
    await office.ask("PUT", path, body, role=Role.OFFICER, status=403)
    after = await office.ask("GET", "/v1/calendar?from=2127-02-01&to=2127-02-28")
    changed = [day["day"] for day, was in zip(after["days"], before["days"], strict=True) if day != was]
    assert changed == ["2127-02-08", "2127-02-09", "2127-02-15"]


async def test_from_december_on_the_missing_notice_is_told_until_its_days_are_set(
    office: Office, moved: MovedClock
) -> None:
    async def awaited() -> Any:
        return (await office.ask("GET", "/v1/calendar"))["awaited_notice"]

    year = announced_through() + 1
    moved.forward(datetime(year - 1, 12, 1, 9, tzinfo=CHINA) - utc_now())
    assert await awaited() == year
    await office.ask("PUT", "/v1/calendar/days", notice((f"{year}-02-20", "workday")))
    assert await awaited() is None


async def test_hours_are_the_tenants_own_and_count(office: Office) -> None:
    assert (await office.ask("GET", "/v1/calendar/hours"))["is_default"]
    parts = [{"weekday": day, "opens": "08:00", "closes": "12:00"} for day in range(7)]
    done = await office.ask("PUT", "/v1/calendar/hours", {"parts": parts})
    assert (done["is_default"], len(done["parts"])) == (False, 7)
    counted = await office.ask(
        "POST", "/v1/calendar/working-time", {"start": "2026-03-07T10:00:00+08:00", "minutes": 180}, role=Role.RESIDENT
    )
    assert counted["end"] == "2026-03-08T09:00:00+08:00"
    back = await office.ask(
        "POST", "/v1/calendar/working-time", {"start": "2026-03-08T09:00:00+08:00", "minutes": -180}
    )
    assert back["end"] == "2026-03-07T10:00:00+08:00"
    between = await office.ask(
        "POST", "/v1/calendar/working-time", {"start": "2026-03-07T10:00:00+08:00", "end": "2026-03-08T09:00:00+08:00"}
    )
    assert between["minutes"] == 180
    for bad in (
        [*parts, {"weekday": 0, "opens": "11:00", "closes": "13:00"}],
        [{"weekday": 0, "opens": "13:00", "closes": "13:00"}],
    ):
        assert (await office.ask("PUT", "/v1/calendar/hours", {"parts": bad}, status=422))["code"] == "bad_hours"
    for clock in ("24:00", "8:00", "13:00:00", "08:00Z"):
        await office.ask(
            "PUT", "/v1/calendar/hours", {"parts": [{"weekday": 0, "opens": clock, "closes": "23:59"}]}, status=422
        )
    for body in ({"start": "2026-03-07T10:00:00+08:00"}, {"start": "2026-03-07T10:00:00", "minutes": 1}):
        await office.ask("POST", "/v1/calendar/working-time", body, status=422)
    assert time.fromisoformat(done["parts"][0]["opens"]) == time(8)
