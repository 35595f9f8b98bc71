"""Pairing bank lines with postings: what fits, how well, and why."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Final
from uuid import UUID

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "DAYS_APART_MAX",
    "AlreadyBooked",
    "AlreadyMatched",
    "Candidate",
    "LineState",
    "NotABankAccount",
    "NotEqual",
    "NotForThisBook",
    "Proposal",
    "UnknownPosting",
    "WrongSide",
    "WrongSign",
    "day_ends",
    "propose",
    "unambiguous",
]

DAYS_APART_MAX: Final = 10
_TOGETHER_MAX: Final = 3
_CONSIDERED_MAX: Final = 40
_PROPOSALS_MAX: Final = 10
_FULL: Final = 100
_PER_DAY: Final = 5
_NAMED: Final = 50
_PER_EXTRA: Final = 15
_TAKEN_BACK: Final = 50
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A shorter number of an invoice stands in any text by chance.
_NUMBER_MIN: Final = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A posting on the bank's account that no line tells of yet; the amount has the bank's sign.

    What is taken back, by a reversal or as one, the bank may never have seen.
    """

    transaction_id: UUID
    leg: int
    amount_fen: int
    effective_on: date
    description: str
    is_taken_back: bool = False
    invoice_number: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Postings that together are what a line says, a score (higher is better) and the reasons for it."""

    postings: tuple[Candidate, ...]
    score: int
    reasons: tuple[str, ...]


def propose(amount_fen: int, booked_on: date, words: str, candidates: Sequence[Candidate]) -> list[Proposal]:
    """Return what may be what a bank line tells of, the best first; the same input gives the same order.

    Args:
        amount_fen: of the line, with its sign.
        booked_on: its date.
        words: its description and reference.
        candidates: postings that no line tells of.
    """
    near = [
        item
        for item in candidates
        if abs((item.effective_on - booked_on).days) <= DAYS_APART_MAX and (item.amount_fen > 0) == (amount_fen > 0)
    ]
    near.sort(key=lambda item: (abs((item.effective_on - booked_on).days), item.transaction_id, item.leg))
    found = [_judged((item,), booked_on, words) for item in near if item.amount_fen == amount_fen]
    if not found:
        few = near[:_CONSIDERED_MAX]
        for count in range(2, _TOGETHER_MAX + 1):
            found += [
                _judged(group, booked_on, words)
                for group in combinations(few, count)
                if sum(item.amount_fen for item in group) == amount_fen
            ]
    found.sort(key=lambda proposal: (-proposal.score, [(item.transaction_id, item.leg) for item in proposal.postings]))
    return found[:_PROPOSALS_MAX]


def _judged(group: tuple[Candidate, ...], booked_on: date, words: str) -> Proposal:
    apart = max(abs((item.effective_on - booked_on).days) for item in group)
    reasons = ["amount" if len(group) == 1 else "sum", "same_day" if apart == 0 else f"days_apart:{apart}"]
    score = _FULL - _PER_DAY * apart - _PER_EXTRA * (len(group) - 1)
    if any(_names(words, item) for item in group):
        score += _NAMED
        reasons.append("named")
    if any(item.is_taken_back for item in group):
        score -= _TAKEN_BACK
        reasons.append("taken_back")
    return Proposal(group, score, tuple(reasons))


def _names(words: str, item: Candidate) -> bool:
    """Tell whether a line names the posting: its transaction, the contribution, invoice or contract whose id stands in
    its description, or the number of the invoice.

    Banks write ids with and without dashes, in capitals or not. A number must stand by itself: 2026 is not in 20260101.
    """
    words = words.casefold()
    bare = words.replace("-", "")
    ids = [str(item.transaction_id), *_ID.findall(item.description.casefold())]
    if any(named.replace("-", "") in bare for named in ids):
        return True
    number = (item.invoice_number or "").casefold()
    if len(number) < _NUMBER_MIN:
        return False
    return re.search(rf"(?<![0-9a-z]){re.escape(number)}(?![0-9a-z])", words) is not None


def unambiguous(
    lines: Sequence[tuple[UUID, int, date]], candidates: Sequence[Candidate]
) -> list[tuple[UUID, Candidate]]:
    """Pair what can only be one: lines with exactly one posting of their amount and days, which fits no other line and
    was not taken back.

    Args:
        lines: id, amount with its sign, and date.
        candidates: postings that no line tells of.
    """
    by_amount: dict[int, list[Candidate]] = {}
    for item in candidates:
        by_amount.setdefault(item.amount_fen, []).append(item)
    fitting: list[tuple[UUID, Candidate]] = []
    claimed: Counter[tuple[UUID, int]] = Counter()
    for line_id, amount_fen, booked_on in lines:
        found = [
            item
            for item in by_amount.get(amount_fen, ())
            if abs((item.effective_on - booked_on).days) <= DAYS_APART_MAX
        ]
        claimed.update((item.transaction_id, item.leg) for item in found)
        if len(found) == 1 and not found[0].is_taken_back:
            fitting.append((line_id, found[0]))
    return [(line_id, item) for line_id, item in fitting if claimed[item.transaction_id, item.leg] == 1]


def day_ends(moves: Sequence[tuple[int, int | None]]) -> tuple[int, int]:
    """Return the balances before the first and after the last line of a day, in fen.

    Where every line has a balance, the balances themselves tell: one was before and after no other. That holds in
    whatever order, and in however many files, the lines came. Else their order is believed, and lines without a balance
    are added up.

    Args:
        moves: amounts and balances, at least one of which is told.
    """
    told = [(place, balance) for place, (_, balance) in enumerate(moves) if balance is not None]
    (first, first_balance), (last, last_balance) = told[0], told[-1]
    opening = first_balance - sum(amount for amount, _ in moves[: first + 1])
    closing = last_balance + sum(amount for amount, _ in moves[last + 1 :])
    if len(told) < len(moves):
        return opening, closing
    befores = Counter(balance - moves[place][0] for place, balance in told)
    afters = Counter(balance for _, balance in told)
    starts, ends = befores - afters, afters - befores
    if starts.total() != 1 or ends.total() != 1:
        return opening, closing
    return next(iter(starts)), next(iter(ends))


class NotABankAccount(Invalid):
    """Only an asset account of the book stands for a bank account."""

    code = "not_a_bank_account"
    title = Text(zh="该科目不是本账本的银行科目", en="Not an asset account of this book")


class LineState(Conflict):
    """The line is not in the state for this step."""

    code = "wrong_state"
    title = Text(zh="流水当前状态不能执行此操作", en="Not possible in the line's state")


class AlreadyBooked(Conflict):
    """The line was booked before, and that posting stands: match it, or reverse it first."""

    code = "already_booked"
    title = Text(
        zh="该流水此前已入账，请核对原分录或先冲正", en="The line was booked before; match that, or reverse it first"
    )


class NotEqual(Invalid):
    """The postings do not sum to the line."""

    code = "sums_differ"
    title = Text(zh="所选分录合计与流水金额不符", en="The postings do not sum to the line")


class UnknownPosting(Invalid):
    """The account has no such posting."""

    code = "unknown_posting"
    title = Text(zh="该科目没有这笔分录", en="The account has no such posting")


class AlreadyMatched(Conflict):
    """Another line tells of the posting."""

    code = "already_matched"
    title = Text(zh="该分录已与其他流水核对", en="Another line tells of this posting")


class NotForThisBook(Conflict):
    """Interest and fees are booked so only in the book of a fund."""

    code = "not_for_this_book"
    title = Text(zh="只有基金账本可以这样入账", en="Only in the book of a fund")


class WrongSide(Invalid):
    """What the bank took out is no posting that brought something in."""

    code = "wrong_side"
    title = Text(zh="分录方向与流水收支方向不符", en="A posting is on the other side than the line")


class WrongSign(Conflict):
    """Interest comes in and a fee goes out."""

    code = "wrong_sign"
    title = Text(zh="利息须为收入，手续费须为支出", en="Interest comes in, a fee goes out")
