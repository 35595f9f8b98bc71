"""The stories' report is a document that a reader of PDF opens without mending it."""

import io

import pikepdf
import pytest

from seeds.pdf import document


def test_a_document_is_a_sound_pdf_of_one_page_with_its_line() -> None:
    with pikepdf.open(io.BytesIO(document("Food lift: fit for use")), attempt_recovery=False) as pdf:
        assert len(pdf.pages) == 1
        assert pdf.check_pdf_syntax() == []
        assert b"(Food lift: fit for use) Tj" in pdf.pages[0].Contents.read_bytes()


@pytest.mark.parametrize("line", ["a (b)", "食梯", "a\nb", "back\\slash"])
def test_what_plain_letters_cannot_say_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not plain letters"):
        document(line)
