"""Facts without any server: random histories against a second way of counting, and what a new step may change."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.intake.calendar.rules import DEFAULT_HOURS, DayKind, WorkCalendar
from services.intake.cases.terms import State
from services.intake.clocks.rules import Clock, ClockKind, Verb
from services.intake.clocks.service import rebuilt
from services.intake.clocks.sheet import timing_of
from services.intake.facts.calendars import BEGINNING, Calendars
from services.intake.facts.rules import (
    CountedStep,
    StepRow,
    count_case,
    day_of,
    end_of,
    first_touched,
    last_over,
    start_of,
)
from shared.clock import CHINA
from tests.intake.histories import EPOCH, random_calendars, walked

seeds = st.integers(0, 2**32)
lengths = st.integers(0, 9)
DAY = timedelta(days=1)


def is_overdue(steps: Sequence[StepRow], ends: datetime, calendars: Calendars) -> bool:
    """Replay the clocks up to an instant, by the calendar that was in force then, as if it were now."""
    calendar = calendars.at(ends - timedelta(microseconds=1))
    clocks: dict[ClockKind, Clock] = {}
    for step in steps:
        if step.at >= ends:
            break
        for op in step.ops:
            if op.verb is Verb.START:
                clocks[op.kind] = Clock(timing_of(op.kind, calendar))
            clocks[op.kind].apply(op, step.at)
    return any(
        clock.is_running and (due := clock.intervals[-1].due_at) is not None and due < ends
        for kind, clock in clocks.items()
        if kind is not ClockKind.VERDICT
    )


def told_overdue(counted: Sequence[CountedStep], ends: datetime) -> bool:
    """Tell the same from the facts, as the statement that counts a day does."""
    (stay,) = [one for one in counted if one.at < ends and (one.until_at is None or one.until_at >= ends)]
    dues = [due for since, due in zip(stay.dues_from, stay.dues, strict=True) if since < ends]
    return bool(dues) and dues[-1] is not None and dues[-1] < ends


@given(seeds, lengths)
def test_what_is_overdue_at_the_end_of_a_day_is_what_was_so_then(seed: int, length: int) -> None:
    chance = random.Random(seed)
    calendars, walk = random_calendars(chance), walked(chance, length)
    case, steps = walk.case()
    _, counted = count_case(case, steps, calendars)
    day = day_of(steps[0].at)
    while day <= day_of(steps[-1].at) + 9 * DAY:
        assert told_overdue(counted, end_of(day)) == is_overdue(steps, end_of(day), calendars), day
        day += DAY


@given(seeds, lengths)
def test_clocks_are_counted_as_the_clocks_themselves_are(seed: int, length: int) -> None:
    chance = random.Random(seed)
    calendars, walk = random_calendars(chance), walked(chance, length)
    case, steps = walk.case()
    fact, _ = count_case(case, steps, calendars)
    stops: dict[tuple[ClockKind, int], datetime] = {}
    runs: dict[ClockKind, int] = {}
    for step in steps:
        for op in step.ops:
            runs[op.kind] = runs.get(op.kind, 0) + (op.verb is Verb.START)
            if op.verb is Verb.STOP:
                stops[op.kind, runs[op.kind]] = step.at
    stored = rebuilt([(step.at, step.ops) for step in steps], {key: calendars.at(at) for key, at in stops.items()})
    for kind in ClockKind:
        ended = [stored[key][-1] for key in stops if key[0] is kind]
        lefts = [(one.budget_s, one.left_end_s or 0) for one in ended]
        spent, kept = getattr(fact, f"{kind.value}_s"), getattr(fact, f"{kind.value}_kept")
        assert spent == (sum(budget - left for budget, left in lefts) if lefts else None)
        assert kept == (all(left >= 0 for _, left in lefts) if lefts else None)


@given(seeds, lengths, lengths)
def test_a_step_changes_no_day_before_the_one_that_is_told(seed: int, before: int, more: int) -> None:
    chance = random.Random(seed)
    calendars, walk = random_calendars(chance), walked(chance, before + more)
    _, old = count_case(*walk.case(1 + before), calendars)
    _, new = count_case(*walk.case(), calendars)
    pairs = [(old[place] if place < len(old) else None, one) for place, one in enumerate(new)]
    touched = [day for day in (first_touched(stored, fresh) for stored, fresh in pairs) if day is not None]
    assert bool(touched) == (more > 0)
    until = min(touched, default=day_of(old[-1].at) + 9 * DAY)
    assert until >= day_of(old[-1].at)
    day = day_of(old[0].at)
    while day < until:
        assert contributions(old, day) == contributions(new, day)
        day += DAY


def contributions(counted: Sequence[CountedStep], day: date) -> tuple[object, ...]:
    """Return all that a case adds to a day."""
    ends = end_of(day)
    effects = [(one.effect, one.level) for one in counted if one.day == day and one.effect is not None]
    stays = [one for one in counted if one.at < ends and (one.until_at is None or one.until_at >= ends)]
    levels = [(one.level, told_overdue(counted, ends)) for one in stays if one.to_state != State.CLOSED]
    return (sorted(effects, key=str), levels)


@given(seeds, lengths)
def test_a_calendar_that_comes_later_changes_no_day_before_it(seed: int, length: int) -> None:
    chance = random.Random(seed)
    walk = walked(chance, length)
    case, steps = walk.case()
    since = steps[-1].at + timedelta(days=chance.randint(1, 5))
    later = WorkCalendar({0: DEFAULT_HOURS[0]}, {(since + DAY).date(): DayKind.WORKDAY}, 1)
    plain = (BEGINNING, WorkCalendar(DEFAULT_HOURS, {}))
    _, old = count_case(case, steps, Calendars([plain]))
    _, new = count_case(case, steps, Calendars([plain, (since, later)]))
    for stored, fresh in zip(old, new, strict=True):
        touched = first_touched(stored, fresh)
        assert touched is None or touched >= day_of(since)
    day = day_of(steps[0].at)
    while day < day_of(since):
        assert contributions(old, day) == contributions(new, day)
        day += DAY


@given(seeds, lengths)
def test_seconds_add_up_and_stays_follow_each_other(seed: int, length: int) -> None:
    chance = random.Random(seed)
    case, steps = walked(chance, length).case()
    fact, counted = count_case(case, steps, random_calendars(chance))
    for one, two in pairwise(counted):
        assert one.until_at == two.at
        assert two.calendar_s is not None
        assert two.working_s is not None
        assert 0 <= two.working_s <= two.calendar_s
        assert timedelta(0) <= two.at - one.at - timedelta(seconds=two.calendar_s) < timedelta(seconds=1)
    assert counted[-1].until_at is None
    closings = [one.at for one in counted if one.effect == "closed"]
    assert fact.closed_at == (closings[-1] if fact.state == "closed" else None)
    assert sum(one.effect == "opened" for one in counted) == 1
    assert sum(one.effect == "accepted" for one in counted) <= 1
    assert sum(one.effect == "reopened" for one in counted) == fact.reopened


def test_a_version_that_a_newer_one_overtook_was_never_in_force() -> None:
    one, two, three = (WorkCalendar(DEFAULT_HOURS, {}, number) for number in range(3))
    calendars = Calendars([(BEGINNING, one), (EPOCH + 2 * DAY, two), (EPOCH + DAY, three)])
    assert calendars.newest is three
    assert calendars.at(EPOCH) is one
    assert calendars.at(EPOCH + DAY) is calendars.at(EPOCH + 3 * DAY) is three
    assert calendars.changes(EPOCH, None) == [EPOCH + DAY]
    assert calendars.changes(EPOCH + DAY, None) == []


def test_where_nobody_ever_works_nothing_is_due_and_nothing_was_worked() -> None:
    case, steps = walked(random.Random(3), 3).case()
    fact, counted = count_case(case, steps, Calendars([(BEGINNING, WorkCalendar({}, {}))]))
    assert [one.dues for one in counted] == [[]] * 4
    assert {one.working_s for one in counted[1:]} == {0}
    assert fact.resolve_kept is None
    # Longer than a calendar reaches.
    steps[1] = replace(steps[1], at=steps[0].at.replace(year=2012))
    assert count_case(case, steps, Calendars([(BEGINNING, WorkCalendar(DEFAULT_HOURS, {}))]))[1][1].working_s is None


def test_days_are_those_of_china() -> None:
    late = datetime(2026, 10, 1, 0, 0, tzinfo=CHINA)
    assert day_of(late - timedelta(microseconds=1)) == date(2026, 9, 30)
    assert day_of(late) == date(2026, 10, 1)
    assert end_of(date(2026, 9, 30)) == start_of(date(2026, 10, 1)) == late
    # Ten minutes past midnight the day is over for good.
    assert last_over(late + timedelta(minutes=9)) == date(2026, 9, 29)
    assert last_over(late + timedelta(minutes=10)) == date(2026, 9, 30)
