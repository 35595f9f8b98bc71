"""The pure rules of the directory, for any input."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.areas.geometry import bounding_box, contains
from services.directory.areas.rules import AreaKind, child_path, may_stand_below
from services.directory.people.rules import end_of
from services.directory.personal.rules import mask_phone, normalise_contact, normalise_phone
from services.directory.signin.rules import (
    CODE_TRIES,
    CODE_TTL,
    CODE_WINDOW,
    CodeFacts,
    RefreshFacts,
    RefreshVerdict,
    blocked_for,
    code_is_usable,
    judge_refresh,
    new_code,
    wait_for_code_s,
)
from shared.ids import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
codes = st.from_regex(r"[a-z0-9_]{1,32}", fullmatch=True)
mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
moments = st.integers(0, 86_400 * 2).map(lambda s: NOW - timedelta(seconds=s))


@given(st.lists(codes, min_size=1, max_size=7))
def test_a_path_is_the_codes_from_the_top(labels: list[str]) -> None:
    path = None
    for label in labels:
        path = child_path(path, label)
    assert path is not None
    assert path.split(".") == labels


@given(st.sampled_from(AreaKind), st.sampled_from(AreaKind), st.sampled_from(AreaKind))
def test_levels_have_one_order(a: AreaKind, b: AreaKind, c: AreaKind) -> None:
    assert not may_stand_below(a, a)
    assert not (may_stand_below(a, b) and may_stand_below(b, a))
    assert may_stand_below(a, b) or may_stand_below(b, a) or a is b
    if may_stand_below(a, b) and may_stand_below(b, c):
        assert may_stand_below(a, c)
    assert may_stand_below(None, a)


@given(mobiles, st.sampled_from(["", "+86", "0086", "+86 ", "+86-"]))
def test_a_mobile_has_one_stored_form(number: str, prefix: str) -> None:
    spaced = f"{prefix}{number[:3]} {number[3:7]}-{number[7:]}"
    assert normalise_phone(spaced) == normalise_contact(spaced) == number
    assert normalise_phone(normalise_phone(spaced)) == number


@pytest.mark.parametrize(
    "text", ["", "12345", "1380013800", "128001380001", "+0123456789", "+861", "call me", "１３８００１３８０００"]
)
def test_what_is_no_mobile_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mobile"):
        normalise_phone(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0631-5201234", "06315201234"),
        ("(010) 6512 3456", "01065123456"),
        ("400-123-4567", "4001234567"),
        ("12345", "12345"),
    ],
)
def test_organisations_have_landlines_too(text: str, stored: str) -> None:
    assert normalise_contact(text) == stored


def test_the_usual_mask() -> None:
    assert mask_phone("13800138000") == "138****8000"
    assert mask_phone("12345") == "***45"


@given(st.text(alphabet="+0123456789", min_size=1, max_size=16))
def test_a_mask_keeps_the_length_and_hides_the_middle(number: str) -> None:
    masked = mask_phone(number)
    assert len(masked) == len(number)
    assert masked.count("*") >= min(2, len(number) - 2)
    assert all(shown in ("*", real) for shown, real in zip(masked, number, strict=True))


@given(
    st.lists(st.floats(0.01, 0.99), min_size=0, max_size=6),
    st.lists(st.floats(0.01, 0.99), min_size=0, max_size=6),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
)
def test_tiles_leave_no_gap_and_no_overlap(xs: list[float], ys: list[float], x: float, y: float) -> None:
    """A square cut along jagged shared edges: each point of it is in exactly one tile."""
    columns, rows = sorted({0.0, *xs, 1.0}), sorted({0.0, *ys, 1.0})
    tiles = []
    for west, east in pairwise(columns):
        for south, north in pairwise(rows):
            # Each tile is cut once more along its diagonal.
            tiles.append([[[(west, south), (east, south), (east, north), (west, south)]]])
            tiles.append([[[(west, south), (east, north), (west, north), (west, south)]]])
    assert sum(contains(tile, x, y) for tile in tiles) == 1


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_hole_is_outside(x: float, y: float) -> None:
    outer = [(-2, -2), (2, -2), (2, 2), (-2, 2), (-2, -2)]
    hole = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    inside = max(abs(x), abs(y)) < 2
    in_hole = max(abs(x), abs(y)) < 1
    on_edge = max(abs(x), abs(y)) in {1, 2}
    if not on_edge:
        assert contains([[outer, hole]], x, y) == (inside and not in_hole)
    assert bounding_box([[outer, hole]]) == (-2, -2, 2, 2)


@given(moments, moments)
def test_a_grant_that_is_ended_never_ends_before_it_starts(starts_at: datetime, now: datetime) -> None:
    assert end_of(starts_at, now) >= starts_at
    assert end_of(starts_at, now) in {starts_at, now}


def test_codes_have_six_digits() -> None:
    assert all(len(code) == 6 and code.isdigit() for code in (new_code() for _ in range(200)))


@given(st.integers(0, 10), st.integers(-600, 600), st.booleans())
def test_a_code_is_good_once_for_five_tries_in_five_minutes(attempts: int, age_s: int, consumed: bool) -> None:  # noqa: FBT001
    code = CodeFacts(NOW + CODE_TTL, attempts, consumed)
    usable = code_is_usable(code, NOW + timedelta(seconds=age_s))
    assert usable == (not consumed and attempts < CODE_TRIES and age_s < 300)


@given(st.lists(moments, max_size=30), st.integers(1, 5), st.integers(1, 20))
def test_waiting_as_told_is_enough_and_keeps_the_limits(asked: list[datetime], per_window: int, per_day: int) -> None:
    wait_s = wait_for_code_s(asked, NOW, per_window=per_window, per_day=per_day)
    later = NOW + timedelta(seconds=wait_s)
    assert wait_for_code_s(asked, later, per_window=per_window, per_day=per_day) == 0
    within = [moment for moment in asked if moment > NOW - CODE_WINDOW]
    today = [moment for moment in asked if moment > NOW - timedelta(days=1)]
    assert (wait_s == 0) == (len(within) < per_window and len(today) < per_day)


def test_blocking_grows_and_ends() -> None:
    waits = [blocked_for(failures) for failures in range(100)]
    assert waits[:10] == [timedelta(0)] * 10
    assert waits == sorted(waits)
    assert waits[10] == timedelta(seconds=30)
    assert waits[-1] == timedelta(minutes=15)


@given(st.booleans(), st.booleans(), st.integers(-100, 100), st.integers(-100, 100))
def test_a_refresh_token_is_judged(used: bool, revoked: bool, left_s: int, session_left_s: int) -> None:  # noqa: FBT001
    token = RefreshFacts(
        new_id(),
        new_id(),
        new_id(),
        used,
        NOW + timedelta(seconds=left_s),
        NOW + timedelta(seconds=session_left_s),
        revoked,
    )
    verdict = judge_refresh(token, NOW)
    if revoked:
        assert verdict is RefreshVerdict.REFUSE
    elif used:
        assert verdict is RefreshVerdict.REVOKE_FAMILY
    else:
        alive = left_s > 0 and session_left_s > 0
        assert verdict is (RefreshVerdict.ROTATE if alive else RefreshVerdict.REFUSE)
    assert judge_refresh(None, NOW) is RefreshVerdict.REFUSE


@given(st.lists(st.integers(0, 5), max_size=20))
def test_of_a_family_one_token_is_good_until_any_used_one_comes_back(presented: list[int]) -> None:
    """Whoever holds whichever copies, in whatever order they come."""
    session_id, person_id, end = new_id(), new_id(), NOW + timedelta(days=1)
    used: list[bool] = [False]
    revoked = False
    for index in presented:
        known = index < len(used)
        facts = RefreshFacts(new_id(), session_id, person_id, used[index], end, end, revoked) if known else None
        verdict = judge_refresh(facts, NOW)
        if revoked or not known:
            assert verdict is RefreshVerdict.REFUSE
        elif index == len(used) - 1:
            assert verdict is RefreshVerdict.ROTATE
            used[index] = True
            used.append(False)
        else:
            assert verdict is RefreshVerdict.REVOKE_FAMILY
            revoked = True
        assert used.count(False) == 1
