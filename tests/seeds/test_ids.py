"""Ids that the client makes: the same for the same row, new for every telling, shaped like version 7."""

from hypothesis import given
from hypothesis import strategies as st

from seeds.ids import fresh_id, pack_id

WORDS = st.text(min_size=1, max_size=20)


@given(WORDS, WORDS, WORDS)
def test_a_row_always_gets_the_same_id_in_the_shape_of_version_7(tenant: str, kind: str, key: str) -> None:
    made = pack_id(tenant, kind, key)
    assert made == pack_id(tenant, kind, key)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


def test_tenants_kinds_and_keys_do_not_run_into_each_other() -> None:
    assert len({pack_id("a", "units", "x"), pack_id("b", "units", "x"), pack_id("a", "areas", "x")}) == 3


def test_fresh_ids_differ_and_sort_after_every_pack() -> None:
    made = [fresh_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(one.version == 7 and one > pack_id("t", "k", "x") for one in made)
