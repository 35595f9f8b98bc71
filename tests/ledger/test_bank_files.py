"""Files as banks really write them: upside down, cut short, too long; and the rules that read balances and names."""

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.bank.parsing import (
    BYTES_MAX,
    BadFile,
    BankFileTooLarge,
    first_broken_balance,
    oldest_first,
    parse_amount,
    parse_date,
    parse_file,
)
from services.ledger.bank.rules import Candidate, day_ends, propose, unambiguous
from shared.ids import new_id

HEADER = "date,amount,description,balance,counterparty,reference\n"
DAY = date(2026, 1, 10)
ROWS = st.lists(st.tuples(st.integers(1, 5), st.sampled_from([100, 200, -100]), st.sampled_from(["", "A1"])))


def written(rows: list[tuple[int, int, str]]) -> bytes:
    return (HEADER + "".join(f"2026-01-0{day},{fen // 100},x,,,{ref}\n" for day, fen, ref in rows)).encode()


@given(rows=ROWS, more=ROWS, seed=st.integers(0, 99))
def test_a_longer_file_in_another_order_holds_every_line_of_the_shorter(
    rows: list[tuple[int, int, str]], more: list[tuple[int, int, str]], seed: int
) -> None:
    longer = rows + more
    random.Random(seed).shuffle(longer)
    first = {line.fingerprint for line in parse_file(written(rows))[0]}
    second = {line.fingerprint for line in parse_file(written(longer))[0]}
    assert len(first) == len(rows)
    assert len(second) == len(longer)
    assert first <= second


@given(st.binary(max_size=300))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes) -> None:
    for prefix in (b"", HEADER.encode(), HEADER.encode() + b"2026-01-01,1,"):
        try:
            parse_file(prefix + content)
        except BadFile:
            continue


@pytest.mark.parametrize("cell", ["x" * 140_000, '"never ends' + "x" * 140_000])
def test_a_cell_that_no_reader_bears_is_a_bad_file(cell: str) -> None:
    with pytest.raises(BadFile):
        parse_file((HEADER + "2026-01-01,1," + cell).encode())


def test_more_than_two_mebibytes_are_too_large() -> None:
    with pytest.raises(BankFileTooLarge):
        parse_file(b"x" * (BYTES_MAX + 1))


def test_lines_may_end_as_on_any_system() -> None:
    for end in ("\n", "\r\n", "\r"):
        lines, complaints = parse_file(f"date,amount{end}2026-01-01,1.00{end}2026-01-02,2.00{end}".encode())
        assert ([line.amount_fen for line in lines], complaints) == ([100, 200], [])


def test_amounts_and_dates_beyond_all_reason_are_refused_and_never_crash() -> None:
    assert parse_amount("1" + ",000" * 3_000) is None
    assert parse_amount("9,007,199,254,740.99") == 900_719_925_474_099
    for text in ("0001-01-01", "1999-12-31", "2100-01-01", "99991231", "2026-13-01", "２０２６-01-01"):
        assert parse_date(text) is None, text
    assert parse_date("2099-12-31") == date(2099, 12, 31)


def test_what_postgresql_cannot_hold_and_what_is_too_long_is_told_of_the_line() -> None:
    rows = f"2026-01-01,1,x,,\x00abc,\n2026-01-01,1,{'x' * 201},,,\n2026-01-01,1,x,,,{'9' * 81}\n2026-01-01,0.00,x,,,\n"
    lines, complaints = parse_file((HEADER + rows).encode())
    assert lines == []
    assert [(item.code, item.detail) for item in complaints] == [
        ("bad_text", "U+0000"),
        ("too_long", "description: 200"),
        ("too_long", "reference: 80"),
        ("no_amount", ""),
    ]


def test_a_name_is_nowhere_whole() -> None:
    (line,), _ = parse_file((HEADER + "2026-01-01,1,转账 某小明 捐款,,某小明,\n").encode())
    assert (line.description, line.counterparty) == ("转账 某** 捐款", "某**")
    (short,), _ = parse_file((HEADER + "2026-01-01,1,收入一元,,元,\n").encode())
    assert (short.description, short.counterparty) == ("收入一元", "元**")


def running(*balances: str) -> bytes:
    """Write lines of one yuan each, the first being the last that happened."""
    days = range(len(balances), 0, -1)
    return ("date,amount,balance\n" + "".join(f"2026-01-{day:02d},1,{b}\n" for day, b in zip(days, balances, strict=True))).encode()  # fmt: skip


def test_the_first_break_in_time_is_told_also_when_the_newest_line_comes_first() -> None:
    assert first_broken_balance(parse_file(running("14", "13", "12"))[0]) is None
    assert first_broken_balance(parse_file(running("16", "14", "13", "12"))[0]) == 2
    assert first_broken_balance(parse_file(running("16", "15", "14", "12"))[0]) == 4


def test_lines_without_a_balance_are_added_up_and_nothing_is_said_after_a_refused_one() -> None:
    lines, _ = parse_file(b"date,amount,balance\n2026-01-01,1,10\n2026-01-02,1,\n2026-01-03,1,12\n2026-01-04,1,14\n")
    assert first_broken_balance(lines) == 5
    lines, bad = parse_file(
        b"date,amount,balance\n2026-01-01,1,10\n2026-01-02,x,11\n2026-01-03,1,12\n2026-01-04,1,14\n"
    )
    assert first_broken_balance(lines, {item.place for item in bad}) == 5


def test_a_file_of_one_day_is_turned_by_its_balances() -> None:
    lines, _ = parse_file(b"date,amount,balance\n2026-01-01,3,6\n2026-01-01,2,3\n2026-01-01,1,1\n")
    assert [line.amount_fen for line in oldest_first(lines)] == [100, 200, 300]
    assert [line.amount_fen for line in oldest_first(oldest_first(lines))] == [100, 200, 300]


@given(
    opening=st.integers(-1_000, 1_000),
    amounts=st.lists(st.integers(-50, 50).filter(bool), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_balances_tell_the_ends_of_a_day_in_whatever_order_its_lines_came(
    opening: int, amounts: list[int], seed: int
) -> None:
    moves, balance = [], opening
    for amount in amounts:
        balance += amount
        moves.append((amount, balance))
    assert day_ends(moves) == (opening, balance)
    if balance != opening:
        shuffled: list[tuple[int, int | None]] = list(moves)
        random.Random(seed).shuffle(shuffled)
        assert day_ends(shuffled) == (opening, balance)


def test_where_balances_are_missing_the_order_is_believed() -> None:
    assert day_ends([(5, None), (1, 16), (2, None)]) == (10, 18)


def candidate(amount_fen: int, description: str = "x", **more: object) -> Candidate:
    return Candidate(new_id(), 1, amount_fen, DAY, description, **more)  # type: ignore[arg-type]


def test_a_line_names_a_posting_by_any_id_or_by_the_whole_number_of_an_invoice() -> None:
    gift = candidate(500, "contribution 0193c5f2-aaaa-7bbb-8ccc-1234567890ab: 社区帮扶专项捐款")
    bill = candidate(500, "invoice 0193c5f2-bbbb-7bbb-8ccc-1234567890ab", invoice_number="20260017")
    plain = candidate(500, "不相干的说明文字")

    def named(words: str) -> list[bool]:
        found = {item.postings[0]: "named" in item.reasons for item in propose(500, DAY, words, [gift, bill, plain])}
        return [found[gift], found[bill], found[plain]]

    assert named("0193C5F2AAAA7BBB8CCC1234567890AB") == [True, False, False]
    assert named("付发票20260017") == [False, True, False]
    assert named("付发票202600171") == [False, False, False]
    assert named("社区帮扶专项捐款 不相干的说明文字") == [False, False, False]
    assert named(f"ref {plain.transaction_id}") == [False, False, True]


def test_what_was_taken_back_is_proposed_last_and_never_paired_by_itself() -> None:
    gone, good = candidate(500, is_taken_back=True), candidate(500)
    found = propose(500, DAY, "", [gone, good])
    assert [item.postings[0] for item in found] == [good, gone]
    assert found[1].reasons == ("amount", "same_day", "taken_back")
    assert unambiguous([(new_id(), 500, DAY)], [gone]) == []


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 25)), max_size=12), st.integers(0, 99))
def test_pairs_are_only_what_has_no_second_choice_on_either_side(rows: list[tuple[int, int]], seed: int) -> None:
    chance = random.Random(seed)
    lines = [(new_id(), fen, DAY + timedelta(days=days)) for fen, days in rows]
    postings = [
        Candidate(new_id(), 1, fen, DAY + timedelta(days=chance.randint(0, 25)), "x") for fen, _ in rows if chance.random() < 0.8
    ]  # fmt: skip
    fits = [
        (line[0], item)
        for line in lines
        for item in postings
        if line[1] == item.amount_fen and abs((line[2] - item.effective_on).days) <= 10
    ]
    of_line, of_item = Counter(line for line, _ in fits), Counter(item for _, item in fits)
    assert unambiguous(lines, postings) == [(a, b) for a, b in fits if of_line[a] == 1 == of_item[b]]
