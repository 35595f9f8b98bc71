"""The kernel's small values: money, languages, ids, cursors, tenants."""

import string
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db import begin_statement
from shared.ids import new_id
from shared.money import split_largest_remainder
from shared.pagination import BadCursor, decode_cursor, encode_cursor
from shared.texts import preferred_language

WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any)


@given(st.integers(0, 10**15), WEIGHTS)
def test_the_parts_of_a_split_sum_to_the_whole_and_stay_within_a_fen(total_fen: int, weights: list[int]) -> None:
    parts = split_largest_remainder(total_fen, weights)
    assert sum(parts) == total_fen
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total_fen * weight) < sum(weights)


def test_a_leftover_of_200_yuan_goes_back_120_to_80() -> None:
    assert split_largest_remainder(20_000, [300_000, 200_000]) == [12_000, 8_000]


def test_equal_remainders_are_served_in_order() -> None:
    assert split_largest_remainder(2, [1, 1, 1]) == [1, 1, 0]


@pytest.mark.parametrize(("total_fen", "weights"), [(-1, [1]), (1, [0, 0]), (1, [2, -1])])
def test_a_split_that_makes_no_sense_is_refused(total_fen: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"split|weights"):
        split_largest_remainder(total_fen, weights)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr, en;q=0.2", "en"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("en;q=nonsense", "zh"),
        ("*", "zh"),
    ],
)
def test_the_header_chooses_the_language(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


@given(st.text(max_size=300))
def test_no_header_breaks_the_choice_of_language(header: str) -> None:
    assert preferred_language(header) in {"zh", "en"}


def test_ids_are_version_7_and_sort_by_their_making() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert {one.version for one in ids} == {7}


KEYS = st.tuples(st.text(max_size=20), st.integers(-(2**53), 2**53), st.uuids(), st.datetimes(timezones=st.just(UTC)))


@given(KEYS)
def test_a_cursor_brings_back_what_was_put_in(values: tuple[str, int, UUID, datetime]) -> None:
    cursor = encode_cursor(values, key=b"k", scope="/v1/cases?state=filed")
    assert decode_cursor(cursor, key=b"k", scope="/v1/cases?state=filed") == values


@given(st.text(alphabet=string.printable, max_size=100))
def test_no_made_up_cursor_is_believed(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor, key=b"k", scope="/v1/cases?")


def test_a_cursor_is_good_only_for_its_own_list_and_key() -> None:
    cursor = encode_cursor((1,), key=b"k", scope="/v1/cases?")
    for key, scope in ((b"k", "/v1/cases?state=filed"), (b"other", "/v1/cases?")):
        with pytest.raises(BadCursor):
            decode_cursor(cursor, key=key, scope=scope)


@given(st.text(max_size=40).filter(lambda text: not set(text) <= set(string.ascii_lowercase + string.digits + "_")))
def test_nothing_but_a_tenant_code_gets_into_a_statement(tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant code"):
        begin_statement(tenant)
