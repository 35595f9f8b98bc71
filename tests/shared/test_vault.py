"""Sealing, for any input: a sealed field opens where it belongs and nowhere else."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from shared.vault import Place, UnreadableField, Vault

mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


def key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


KEY, INDEX_KEY = key(), key()
VAULT = Vault(f"1:{KEY}", INDEX_KEY)


@given(st.text(max_size=200))
def test_a_sealed_field_opens_only_where_it_belongs(plain: str) -> None:
    place = Place("county", "people.phone", new_id())
    sealed = VAULT.seal(plain, place)
    assert VAULT.unseal(sealed, place) == plain
    assert VAULT.seal(plain, place) != sealed
    for other in (
        Place("another", place.column, place.row_id),
        Place(place.tenant, "units.contact_phone", place.row_id),
        Place(place.tenant, place.column, new_id()),
    ):
        with pytest.raises(UnreadableField):
            VAULT.unseal(sealed, other)


@given(st.binary(max_size=80))
def test_rubbish_does_not_open(rubbish: bytes) -> None:
    with pytest.raises(UnreadableField):
        VAULT.unseal(rubbish, Place("county", "people.phone", 1))


def test_an_old_key_still_opens_and_the_newest_seals() -> None:
    place = Place("county", "people.phone", 1)
    old = VAULT.seal("13800138000", place)
    rotated = Vault(f"2:{key()},1:{KEY}", INDEX_KEY)
    assert rotated.unseal(old, place) == "13800138000"
    with pytest.raises(UnreadableField):
        VAULT.unseal(rotated.seal("13800138000", place), place)
    assert rotated.index("county", "phone", "1") == VAULT.index("county", "phone", "1")


@pytest.mark.parametrize(
    "keys",
    ["", "1", "1:", "0:" + KEY, "x:" + KEY, "1:c2hvcnQ", "1:***", f"1:{KEY},"],
    ids=["none", "no-key", "empty", "version-0", "version-x", "short", "not-base64", "open-end"],
)
def test_malformed_keys_stop_the_start(keys: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Vault(keys, INDEX_KEY)
    with pytest.raises(ValueError, match="key"):
        Vault(f"1:{KEY}", "c2hvcnQ")


@given(mobiles, mobiles)
def test_the_blind_index_tells_tenants_and_values_apart(one: str, other: str) -> None:
    assert VAULT.index("a", "phone", one) == VAULT.index("a", "phone", one)
    assert VAULT.index("a", "phone", one) != VAULT.index("b", "phone", one)
    assert (VAULT.index("a", "phone", one) == VAULT.index("a", "phone", other)) == (one == other)
