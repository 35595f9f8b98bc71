"""When a webhook is tried again and when an endpoint is given up: arithmetic, for every chance."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from services.matching.outgoing.rules import (
    ATTEMPTS_MAX,
    WAITS,
    failing_since,
    has_failed_too_long,
    next_attempt,
    read_retry_after,
)

BEGAN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
THREE_DAYS = timedelta(days=3)
chances = st.lists(st.floats(0, 1), min_size=ATTEMPTS_MAX, max_size=ATTEMPTS_MAX)
# A worker is late, at times by days.
lateness = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 300_000)), min_size=ATTEMPTS_MAX, max_size=ATTEMPTS_MAX
)


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    assert [wait.total_seconds() for wait in WAITS] == [
        0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]  # fmt: skip


@given(chances, lateness)
def test_every_wait_is_its_own_give_or_take_a_fifth_however_late_the_attempts_are(
    given_chances: list[float], late_s: list[float]
) -> None:
    now = BEGAN
    for tries in range(1, ATTEMPTS_MAX):
        now += timedelta(seconds=late_s[tries])
        again = next_attempt(tries, BEGAN, now, given_chances[tries])
        assert again is not None
        ratio = (again - now) / WAITS[tries]
        assert 0.8 - 1e-6 <= ratio <= 1.2 + 1e-6
        now = again
    assert next_attempt(ATTEMPTS_MAX, BEGAN, now, 0.5) is None


@given(chances)
def test_a_receiver_that_is_away_for_three_days_is_never_given_up(given_chances: list[float]) -> None:
    now = BEGAN
    times = [now]
    for tries in range(1, ATTEMPTS_MAX):
        now = next_attempt(tries, BEGAN, now, given_chances[tries]) or BEGAN
        times.append(now)
    assert times == sorted(times)
    assert times[-1] - BEGAN >= sum(WAITS, timedelta(0)) - timedelta(milliseconds=1) > THREE_DAYS


@given(st.floats(0, 1), st.integers(1, ATTEMPTS_MAX - 1))
def test_what_failed_together_does_not_come_back_together(chance: float, tries: int) -> None:
    now = BEGAN + sum(WAITS[:tries], timedelta(0))
    spread = next_attempt(tries, BEGAN, now, 1.0)
    narrow = next_attempt(tries, BEGAN, now, 0.0)
    chosen = next_attempt(tries, BEGAN, now, chance)
    assert spread is not None
    assert narrow is not None
    assert chosen is not None
    assert narrow <= chosen <= spread
    assert spread - narrow >= WAITS[tries] * 0.19


def test_retry_after_is_read_as_seconds_and_as_a_date_and_bounded_by_a_day() -> None:
    assert read_retry_after("120", BEGAN) == timedelta(minutes=2)
    assert read_retry_after("0", BEGAN) == timedelta(0)
    assert read_retry_after("99999999999999999999", BEGAN) == timedelta(hours=24)
    later = BEGAN + timedelta(hours=3)
    assert read_retry_after(format_datetime(later, usegmt=True), BEGAN) == timedelta(hours=3)
    assert read_retry_after(format_datetime(BEGAN - timedelta(days=9), usegmt=True), BEGAN) == timedelta(0)
    assert read_retry_after("Sun, 06 Nov 2094 08:49:37 GMT", BEGAN) == timedelta(hours=24)
    for wrong in (None, "", "soon", "-1", "1.5", "１２", "Sun, 99 Nov 2094 08:49:37 GMT", "x" * 10_000):
        assert read_retry_after(wrong, BEGAN) is None


@given(st.text(max_size=60))
def test_whatever_stands_in_retry_after_never_raises(value: str) -> None:
    found = read_retry_after(value, BEGAN)
    assert found is None or timedelta(0) <= found <= timedelta(hours=24)


@given(st.lists(st.floats(0.1, 35.9), min_size=1, max_size=40))
def test_an_endpoint_is_given_up_after_five_days_of_nothing_but_failures(gaps_h: list[float]) -> None:
    since, last, now = None, None, BEGAN
    for gap in gaps_h:
        since, last = failing_since(since, last, now), now
        assert since == BEGAN
        assert has_failed_too_long(since, now) == (now - BEGAN >= timedelta(days=5))
        now += timedelta(hours=gap)


def test_two_failures_with_days_between_them_are_not_one_that_lasted() -> None:
    later = BEGAN + timedelta(days=20)
    assert failing_since(BEGAN, BEGAN + timedelta(days=3), later) == later
    assert not has_failed_too_long(failing_since(BEGAN, BEGAN, later), later)
