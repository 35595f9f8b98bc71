"""Tables of others: encodings nobody tells, and cells that must not be calculated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables import UnreadableText, as_harmless, as_meant, decoded

WORDS = "标题,内容\n污水外溢,𠮷"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_text_is_read_in_the_encodings_of_offices(encoding: str) -> None:
    assert decoded(WORDS.encode(encoding)) == WORDS


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UnreadableText):
        decoded(b"\xff\xff\xff")


@pytest.mark.parametrize("cell", ["=1+1", "+8613800000000", "-2", "@SUM(A1)", "\tx", "＝1", "'=1", "''=1"])
def test_a_formula_is_made_harmless(cell: str) -> None:
    assert as_harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=1", "'", "'s", "1-2", " =1"])
def test_plain_words_stay_as_they_are(cell: str) -> None:
    assert as_harmless(cell) == cell == as_meant(cell)


@given(st.text())
def test_writing_and_reading_again_changes_nothing(cell: str) -> None:
    assert as_meant(as_harmless(cell)) == cell
