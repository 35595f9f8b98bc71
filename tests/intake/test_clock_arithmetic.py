"""The arithmetic of clocks, without any server: random lives against a reference that knows none of the code, and days
that were counted by hand.

3 000 random histories; LINLI_HISTORIES=100000 runs as many.
"""

import bisect
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any, TypeAlias

import chinese_calendar
import pytest

from services.intake.calendar.rules import DEFAULT_HOURS, DayKind, Hours, WorkCalendar
from services.intake.clocks.rules import AROUND_THE_CLOCK, Clock, ClockKind, ClockOp, Interval, Verb, next_moment
from services.intake.clocks.service import rebuilt
from shared.clock import CHINA

HISTORIES = int(os.environ.get("LINLI_HISTORIES", "3000"))
A_CALENDAR = max(250, HISTORIES // 40)
KIND = ClockKind.RESOLVE
FIRST, LAST = date(2025, 1, 1), date(2032, 12, 31)
EPOCH = datetime(2025, 1, 1, tzinfo=CHINA)
US = timedelta(microseconds=1)
line_of = attrgetter(*(field.name for field in fields(Interval)))
# By the law of 2024, what the solar calendar fixes; for years that nobody has announced yet.
FIXED = {(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
# The same law, what the lunar calendar fixes: New Year, Qingming, Dragon Boat and Mid-Autumn.
DATED = {"2027-02-05", "2027-02-06", "2027-02-07", "2027-02-08", "2027-04-05", "2027-06-09", "2027-09-15"}

History: TypeAlias = list[tuple[datetime, ClockOp]]
Line: TypeAlias = tuple[Any, ...]


@dataclass
class Reference:
    """Working time as a sorted list of parts in microseconds, and how much has been worked before each."""

    opens: list[int]
    closes: list[int]
    before: list[int]

    @classmethod
    def of(cls, hours: dict[int, Hours], days: dict[date, DayKind]) -> "Reference":
        found = cls([], [], [])
        total = 0
        for number in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=number)
            for start, end in _parts(day, hours, days):
                opens, closes = (_us(datetime.combine(day, one, CHINA)) for one in (start, end))
                found.opens.append(opens)
                found.closes.append(closes)
                found.before.append(total)
                total += closes - opens
        return found

    def worked(self, until: int) -> int:
        """Return the microseconds worked from the beginning until an instant."""
        place = bisect.bisect_right(self.opens, until) - 1
        if place < 0:
            return 0
        return self.before[place] + min(until, self.closes[place]) - self.opens[place]

    def reached(self, worked: int) -> int:
        """Return the first instant at which so much has been worked."""
        place = bisect.bisect_left(self.before, worked) - 1
        return self.opens[place] + worked - self.before[place]


def _us(at: datetime) -> int:
    return (at - EPOCH) // US


def _parts(day: date, hours: dict[int, Hours], days: dict[date, DayKind]) -> Hours:
    """Say what is worked on a day: the tenant's word, the State Council's, the week's, in this order."""
    own = hours.get(day.weekday(), ())
    if day in days:
        works = days[day] is DayKind.WORKDAY
    else:
        try:
            is_free, name = chinese_calendar.get_holiday_detail(day)
        except NotImplementedError:
            is_free, name = True, "x" if (day.month, day.day) in FIXED or day.isoformat() in DATED else None
        works = not is_free if name is not None else bool(own)
    if not works:
        return ()
    return own or hours.get(0, ())


def counted(history: History, reference: Reference) -> list[list[Line]]:
    """Count the runs of a clock by hand: what it did is a list of switches, what is left is what was not worked."""
    runs: list[list[Line]] = []
    stretches: list[list[Any]] = []
    is_open = False
    for at, op in history:
        if op.verb is Verb.START:
            if not is_open:
                stretches, is_open = [[at, None, True, None, op.budget_s]], True
                runs.append([])
        elif not is_open:
            continue
        else:
            _, _, running, reason, budget = stretches[-1]
            if op.verb is Verb.STOP:
                stretches[-1][1], is_open = at, False
            elif op.verb is Verb.BUDGET and op.budget_s != budget:
                stretches[-1][1] = at
                stretches.append([at, None, running, reason, op.budget_s])
            elif op.verb is Verb.PAUSE and running:
                stretches[-1][1] = at
                stretches.append([at, None, False, op.reason, budget])
            elif op.verb is Verb.RESUME and not running:
                stretches[-1][1] = at
                stretches.append([at, None, True, None, budget])
        if runs:
            runs[-1] = _lines(stretches, reference)
    return runs


def _lines(stretches: list[list[Any]], reference: Reference) -> list[Line]:
    lines: list[Line] = []
    worked = 0
    for number, (start, end, running, reason, budget) in enumerate(stretches, start=1):
        left, due, left_end = budget - worked // 1_000_000, None, None
        if running:
            begun = reference.worked(_us(start))
            due = start
            if left > 0:
                due = EPOCH + reference.reached(begun + left * 1_000_000) * US
            if end is not None:
                worked += reference.worked(_us(end)) - begun
        if end is not None:
            left_end = budget - worked // 1_000_000
        lines.append((number, running, reason, budget, start, end, left, left_end, due))
    return lines


def lived(history: History, timing: WorkCalendar, later: WorkCalendar, changes_at: datetime) -> tuple[Any, ...]:
    """Live a history as the services do: each step reads what is stored, acts, and stores; a newer calendar counts
    what still runs again.

    Returns:
        The stored runs, by which calendar each is stored, and what the history keeps.
    """
    stored: list[list[Interval]] = []
    by: list[WorkCalendar] = []
    kept: list[tuple[datetime, list[ClockOp]]] = []
    for at, op in history:
        now = later if at >= changes_at else timing
        is_open = bool(stored) and stored[-1][-1].ended_at is None
        if op.verb is Verb.START:
            if is_open:
                continue
            stored.append([])
            by.append(now)
        elif not stored:
            continue
        clock = Clock(now, stored[-1])
        if is_open and by[-1] is not now:
            clock = clock.recounted(now)
        if clock.apply(op, at):
            kept.append((at, [op]))
            stored[-1], by[-1] = clock.intervals, now
    return stored, by, kept


def random_hours(chance: random.Random) -> dict[int, Hours]:
    if chance.random() < 0.3:
        return dict(DEFAULT_HOURS)
    hours: dict[int, Hours] = {}
    for weekday in range(7):
        if weekday < 5 or chance.random() < 0.4:
            marks = sorted(chance.sample(range(12, 46), 2 * chance.randint(1, 3)))
            pairs = zip(marks[::2], marks[1::2], strict=True)
            hours[weekday] = [(time(a // 2, 30 * (a % 2)), time(b // 2, 30 * (b % 2))) for a, b in pairs]
    return hours


def random_calendar(chance: random.Random, version: int) -> tuple[WorkCalendar, Reference]:
    hours = random_hours(chance)
    span = (LAST - FIRST).days
    days = {FIRST + timedelta(days=chance.randint(0, span)): chance.choice(list(DayKind)) for _ in range(60)}
    return WorkCalendar(hours, days, version), Reference.of(hours, days)


def random_history(chance: random.Random) -> History:
    """Return steps from any instant of two years on; most follow soon, some after months."""
    at = EPOCH + timedelta(microseconds=chance.randrange(730 * 86_400_000_000))
    history: History = []
    for number in range(chance.randint(2, 9)):
        verb = Verb.START if number == 0 else chance.choice(list(Verb))
        budget = chance.choice([0, 1, 60, 7_200, 25_200, 126_000, chance.randrange(400_000)])
        carries = verb in {Verb.START, Verb.BUDGET}
        reason = "weather" if verb is Verb.PAUSE else None
        history.append((at, ClockOp(KIND, verb, budget if carries else None, reason)))
        usual = chance.choice([0, 1e-6, 60, 3_600, 86_400, 400_000])
        at += timedelta(seconds=7_000_000 * chance.random() if chance.random() < 0.02 else usual * chance.random())
    return history


def lines(intervals: Sequence[Interval]) -> list[Line]:
    return [line_of(one) for one in intervals]


def check(chance: random.Random, one: tuple[WorkCalendar, Reference], two: tuple[WorkCalendar, Reference]) -> int:
    """Compare the three ways of counting one random history; returns how many runs it had."""
    history = random_history(chance)
    changes_at = history[chance.randrange(len(history))][0] if chance.random() < 0.2 else history[-1][0] + US
    stored, by, kept = lived(history, one[0], two[0], changes_at)
    again = rebuilt(kept, {(KIND, run): calendar for run, calendar in enumerate(by, start=1)})
    assert len(again) == len(stored)
    by_hand = {id(calendar): counted(history, reference) for calendar, reference in (one, two)}
    for run, intervals in enumerate(stored, start=1):
        told = lines(intervals)
        assert told == lines(again[KIND, run]), history
        assert told == by_hand[id(by[run - 1])][run - 1], history
        _check_next(intervals[-1], by[run - 1], one[1] if by[run - 1] is one[0] else two[1])
    return len(stored)


def _check_next(last: Interval, calendar: WorkCalendar, reference: Reference) -> None:
    """Check when somebody is told: at 80 % of the budget, and an hour of work after the due time."""
    warned = next_moment(last, 0, warn_percent=80, rungs_after_s=[0, 3_600], timing=calendar)
    climbed = next_moment(last, 2, warn_percent=80, rungs_after_s=[0, 3_600], timing=calendar)
    if last.ended_at is not None or not last.running or last.due_at is None:
        assert (warned, climbed) == (None, None)
        return
    spare = last.budget_s * 20 // 100
    expected = last.started_at
    if last.left_s > spare:
        begun = reference.worked(_us(last.started_at))
        expected = EPOCH + reference.reached(begun + (last.left_s - spare) * 1_000_000) * US
    assert warned == expected
    assert climbed == EPOCH + reference.reached(reference.worked(_us(last.due_at)) + 3_600_000_000) * US


def test_random_lives_are_counted_alike_in_three_ways() -> None:
    chance = random.Random(20_260_101)
    done = runs = 0
    while done < HISTORIES:
        one, two = random_calendar(chance, 1), random_calendar(chance, 2)
        for _ in range(min(A_CALENDAR, HISTORIES - done)):
            runs += check(chance, one, two)
            done += 1
    assert runs > done, "some are started again"
    print(f"\n{done} histories, {runs} runs of a clock, counted alike in three ways")


PLAIN = WorkCalendar(DEFAULT_HOURS, {})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def due(started: str, minutes: int, *switches: tuple[str, Verb]) -> datetime | None:
    """Return the due time of a clock after some pauses."""
    clock = Clock(PLAIN)
    clock.apply(ClockOp(KIND, Verb.START, minutes * 60), at(started))
    for text, verb in switches:
        assert clock.apply(ClockOp(KIND, verb, reason="weather"), at(text))
    return clock.intervals[-1].due_at


# A working day is 9:00-12:00 and 13:30-17:30, seven hours.
# National day 2026: free from Thursday 1 October to Wednesday 7 October; worked are Sunday 20 September and Saturday
# 10 October. Spring festival 2026: free from Sunday 15 to Monday 23 February; worked are Saturday 14 and 28 February.
GOLDEN = [
    # Wednesday 16:30: an hour until 17:30, seven free days, another hour on Thursday the 8th.
    ("2026-09-30T16:30", 120, "2026-10-08T10:00"),
    # Friday 17:00: half an hour, and six and a half on the Saturday that makes up: 3 before noon, 3:30 from 13:30 on.
    ("2026-10-09T17:00", 420, "2026-10-10T17:00"),
    # Friday after work: Saturday is free, then Sunday the 20th (makes up) to Thursday the 24th are five days.
    ("2026-09-18T17:30", 2_100, "2026-09-24T17:30"),
    # Tuesday 9:00, five days: 29, 30 September, 8, 9 and (a Saturday) 10 October.
    ("2026-09-29T09:00", 2_100, "2026-10-10T17:30"),
    # In the middle of the holidays nothing counts until Thursday the 8th at nine.
    ("2026-10-03T11:11", 1, "2026-10-08T09:01"),
    # Friday 17:00: half an hour, an hour and a half on the Saturday that makes up.
    ("2026-02-13T17:00", 120, "2026-02-14T10:30"),
    # That Saturday 17:00: half an hour, then Tuesday the 24th.
    ("2026-02-14T17:00", 120, "2026-02-24T10:30"),
    # Thursday 9:00, five days: 26, 27, (Saturday) 28 February, 2 and 3 March.
    ("2026-02-26T09:00", 2_100, "2026-03-03T17:30"),
    # New year's eve of the moon is a free Monday; 12 600 minutes are thirty days: one on the 14th, four from the 24th
    # to the 27th, one on the 28th, twenty in the four weeks of 2-27 March, four from 30 March to 2 April.
    ("2026-02-14T00:00", 12_600, "2026-04-02T17:30"),
    # National day and mid-autumn 2025: free from Wednesday 1 to Wednesday 8 October; worked are Sunday 28 September and
    # Saturday 11 October. Tuesday 16:30: an hour until 17:30, eight free days, another hour on Thursday the 9th.
    ("2025-09-30T16:30", 120, "2025-10-09T10:00"),
    # Friday after work, five days: Sunday the 28th (makes up), 29, 30 September, 9 and 10 October.
    ("2025-09-26T17:30", 2_100, "2025-10-10T17:30"),
    # Thursday 9:00, five days: 9, 10, (Saturday) 11, 13 and 14 October.
    ("2025-10-09T09:00", 2_100, "2025-10-14T17:30"),
    # Spring festival 2025: free from Tuesday 28 January to Tuesday 4 February; worked are Sunday 26 January and Saturday
    # 8 February. Friday 17:00, fourteen hours: half of one, seven on the Sunday, six and a half on Monday the 27th.
    ("2025-01-24T17:00", 840, "2025-01-27T17:00"),
    # Monday 17:00: half an hour, then an hour and a half on Wednesday 5 February.
    ("2025-01-27T17:00", 120, "2025-02-05T10:30"),
    # Wednesday 9:00, five days: 5, 6, 7, (Saturday) 8 and 10 February.
    ("2025-02-05T09:00", 2_100, "2025-02-10T17:30"),
]


@pytest.mark.parametrize(("started", "minutes", "expected"), GOLDEN)
def test_due_times_around_national_day_and_the_spring_festival(started: str, minutes: int, expected: str) -> None:
    assert due(started, minutes) == at(expected)


def test_a_pause_over_the_holidays_costs_nothing_and_one_over_work_moves_the_due_time() -> None:
    # From the last stroke of Wednesday to the first of Thursday the 8th: nothing would have counted anyway.
    over_holidays = (("2026-09-30T17:30", Verb.PAUSE), ("2026-10-08T09:00", Verb.RESUME))
    assert due("2026-09-29T09:00", 2_100, *over_holidays) == at("2026-10-10T17:30")
    # Seven hours spent on Tuesday; paused all Wednesday and until Thursday 13:30. Twenty-eight are left: 4 on the 8th,
    # 7 on the 9th, 7 on Saturday the 10th, 7 on Monday the 12th, 3 before noon of the 13th.
    over_work = (("2026-09-30T09:00", Verb.PAUSE), ("2026-10-08T13:30", Verb.RESUME))
    assert due("2026-09-29T09:00", 2_100, *over_work) == at("2026-10-13T12:00")
    assert due("2026-09-29T09:00", 2_100, ("2026-09-30T09:00", Verb.PAUSE)) is None


def test_the_warning_and_the_rungs_know_the_holidays() -> None:
    clock = Clock(PLAIN)
    clock.apply(ClockOp(KIND, Verb.START, 7_200), at("2026-09-30T16:30"))

    def told(rung: int) -> datetime | None:
        return next_moment(clock.intervals[-1], rung, warn_percent=80, rungs_after_s=[0, 25_200], timing=PLAIN)

    # 96 of 120 minutes: 60 on Wednesday, 36 on Thursday the 8th.
    assert told(0) == at("2026-10-08T09:36")
    assert told(1) == at("2026-10-08T10:00")
    # Seven working hours later.
    assert told(2) == at("2026-10-09T10:00")
    assert told(3) is None


def test_what_is_overrun_is_negative_and_due_at_once_when_it_starts_again() -> None:
    clock = Clock(PLAIN)
    clock.apply(ClockOp(KIND, Verb.START, 3_600), at("2026-10-08T09:00"))
    clock.apply(ClockOp(KIND, Verb.BUDGET, 1_800), at("2026-10-08T11:00"))
    assert (clock.intervals[0].left_end_s, clock.intervals[1].left_s) == (-3_600, -5_400)
    assert clock.intervals[1].due_at == at("2026-10-08T11:00")
    assert clock.left_s(at("2026-10-08T12:00")) == -9_000


def test_the_requesters_time_counts_every_hour_of_the_calendar() -> None:
    clock = Clock(AROUND_THE_CLOCK)
    clock.apply(ClockOp(ClockKind.VERDICT, Verb.START, 7 * 86_400), at("2026-09-30T16:30").astimezone(UTC))
    assert clock.intervals[0].due_at == at("2026-10-07T16:30")
