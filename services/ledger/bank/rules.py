"""Pairing bank lines with postings: what fits, how well, and why."""

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
    "AlreadyMatched",
    "Candidate",
    "LineState",
    "NotABankAccount",
    "NotEqual",
    "NotForThisBook",
    "Proposal",
    "UnknownPosting",
    "WrongSign",
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A posting on the bank's account that no line tells of yet; the amount has the bank's sign."""

    transaction_id: UUID
    leg: int
    amount_fen: int
    effective_on: date
    description: str


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
    return Proposal(group, score, tuple(reasons))


def _names(words: str, item: Candidate) -> bool:
    """Tell whether a line names the posting: its transaction, or the thing that its description ends with."""
    subject = item.description.rpartition(" ")[2]
    long_enough = 6
    return str(item.transaction_id) in words or (len(subject) >= long_enough and subject in words)


def unambiguous(
    lines: Sequence[tuple[UUID, int, date]], candidates: Sequence[Candidate]
) -> list[tuple[UUID, Candidate]]:
    """Pair what can only be one: lines with exactly one posting of their amount and days, which fits no other line.

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
        if len(found) == 1:
            fitting.append((line_id, found[0]))
    return [(line_id, item) for line_id, item in fitting if claimed[item.transaction_id, item.leg] == 1]


class NotABankAccount(Invalid):
    """Only an asset account of the book stands for a bank account."""

    code = "not_a_bank_account"
    title = Text(zh="该科目不是本账本的银行科目", en="Not an asset account of this book")


class LineState(Conflict):
    """The line is not in the state for this step."""

    code = "wrong_state"
    title = Text(zh="流水当前状态不能执行此操作", en="Not possible in the line's state")


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


class WrongSign(Conflict):
    """Interest comes in and a fee goes out."""

    code = "wrong_sign"
    title = Text(zh="利息须为收入，手续费须为支出", en="Interest comes in, a fee goes out")
