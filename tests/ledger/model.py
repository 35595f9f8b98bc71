"""What the ledger should do, in plain Python: one transaction after the other, in memory, without a database.

Written from the rules of the ledger and not from the function that keeps them in SQL. A transaction is tried on paper: its
moves are worked out, then what every account would have afterwards, and only then anything is written down. Where several
things are wrong with a transaction, the first in this order is told: the book, the period, the original, the hold, then leg
by leg amount, accounts, book, unit, purpose and day, and at last the floors.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest

__all__ = ["REFUSALS", "Held", "Model", "Written"]

_LARGEST_FEN: Final = 2**53 - 1
# What one side of an account counts, posted and reserved together, before it is full.
_SIDE_MAX_FEN: Final = 500 * _LARGEST_FEN
_GIVERS: Final = (AccountClass.LIABILITY, AccountClass.NET_ASSETS, AccountClass.INCOME)
_RESOLVING: Final = (TransactionKind.SETTLE, TransactionKind.VOID, TransactionKind.EXPIRE)
_BACK: Final = (TransactionKind.REVERSE, TransactionKind.REFUND)

REFUSALS: Final = frozenset(
    {
        "id_conflict",
        "no_legs",
        "amount_out_of_range",
        "unknown_book",
        "unknown_account",
        "wrong_book",
        "same_account",
        "unit_mismatch",
        "floor_broken",
        "purpose_mismatch",
        "restriction_expired",
        "period_closed",
        "unknown_hold",
        "hold_resolved",
        "hold_too_small",
        "hold_not_due",
        "unknown_original",
        "not_reversible",
        "before_original",
        "already_reversed",
        "already_refunded",
        "not_the_mirror",
        "more_than_original",
    }
)


class _RefusedError(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


def _must(holds: object, code: str) -> None:
    if not holds:
        raise _RefusedError(code)


@dataclass(frozen=True)
class Written:
    """One posting as the database keeps it: sequences and balances after, debits less credits, on both sides."""

    transaction_id: UUID
    leg: int
    debit: UUID
    credit: UUID
    unit: str
    amount: int
    debit_sequence: int
    debit_after: int
    credit_sequence: int
    credit_after: int


@dataclass
class Held:
    """Reserved money; `released` is known at its end."""

    book: UUID
    leg: Leg
    expires_at: datetime | None
    settled: int = 0
    released: int = 0
    state: str = "open"

    @property
    def rest(self) -> int:
        return self.leg.amount - self.settled - self.released


@dataclass
class _Side:
    """What an account has taken in and given out, and how often it moved."""

    debits: int = 0
    credits: int = 0
    debits_held: int = 0
    credits_held: int = 0
    moves: int = 0


@dataclass
class _Plan:
    """What a transaction would do: legs to post, and what changes of what is reserved."""

    post: Sequence[Leg] = ()
    reserve: Sequence[tuple[Leg, int]] = ()
    hold: Held | None = None
    settles: int = 0
    ends: str | None = None


@dataclass
class Model:
    """A ledger on paper.

    Attributes:
        books: each with the day through which it is closed.
        accounts: as they were opened.
        answers: what was asked under an id, and what was said to it for good.
    """

    books: dict[UUID, date | None]
    accounts: Mapping[UUID, NewAccount]
    answers: dict[UUID, tuple[TransactionRequest, str]] = field(default_factory=dict)
    sides: dict[UUID, _Side] = field(default_factory=dict)
    holds: dict[UUID, Held] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    _legs: dict[UUID, Sequence[Leg]] = field(default_factory=dict)
    _back: dict[UUID, list[TransactionRequest]] = field(default_factory=dict)
    _seen: frozenset[UUID] = frozenset()

    def __post_init__(self) -> None:
        self.sides = {account: _Side() for account in self.accounts}

    def post(self, batch: Sequence[TransactionRequest], *, now: datetime | None = None) -> list[str]:
        """Return what the ledger must answer to a batch.

        A batch names only holds and originals that were there before it.
        """
        named = {other for request in batch for other in (request.hold_id, request.original_id) if other is not None}
        self._seen = frozenset(named & self.answers.keys())
        said: dict[UUID, tuple[TransactionRequest, str]] = {}
        results = []
        for request in batch:
            known = self.answers.get(request.id) or said.get(request.id)
            if known is None:
                result = self._answer(request, now or datetime.now(UTC))
                said[request.id] = (request, result)
            elif known[0] != request:
                result = "id_conflict"
            else:
                result = "replayed" if known[1] == "ok" else known[1]
            results.append(result)
        return results

    def _answer(self, request: TransactionRequest, now: datetime) -> str:
        if request.book_id not in self.books:
            return "unknown_book"
        result = "ok"
        try:
            plan = self._plan(request, now)
            after = self._after(plan)
        except _RefusedError as refused:
            result = refused.code
        else:
            self._write(request, plan, after)
        self.answers[request.id] = (request, result)
        return result

    def _plan(self, request: TransactionRequest, now: datetime) -> _Plan:
        closed = self.books[request.book_id]
        if request.kind not in {TransactionKind.HOLD, TransactionKind.VOID, TransactionKind.EXPIRE}:
            _must(closed is None or request.effective_on > closed, "period_closed")
        if request.kind in _BACK:
            self._check_original(request)
        if request.kind in _RESOLVING:
            return self._resolve(request, now)
        _must(request.legs, "no_legs")
        for number, leg in enumerate(request.legs):
            self._check_leg(request, leg)
            _must(number == 0 or request.kind is not TransactionKind.HOLD, "no_legs")
        if request.kind is TransactionKind.HOLD:
            return _Plan(reserve=[(request.legs[0], request.legs[0].amount)])
        return _Plan(post=request.legs)

    def _check_original(self, request: TransactionRequest) -> None:
        original_id = request.original_id
        _must(original_id in self._seen, "unknown_original")
        assert original_id is not None
        original, result = self.answers[original_id]
        _must(original.book_id == request.book_id, "wrong_book")
        _must(result == "ok" and original.kind in {TransactionKind.POST, TransactionKind.SETTLE}, "not_reversible")
        _must(request.effective_on >= original.effective_on, "before_original")
        back = self._back.get(original_id, [])
        _must(all(item.kind is not TransactionKind.REVERSE for item in back), "already_reversed")
        mirror = [Leg(leg.credit, leg.debit, leg.amount, leg.unit) for leg in self._legs[original_id]]
        if request.kind is TransactionKind.REVERSE:
            _must(not back, "already_refunded")
            _must(request.legs, "no_legs")
            _must(list(request.legs) == mirror, "not_the_mirror")
            return
        _must(request.legs, "no_legs")
        left = _by_way(mirror)
        _must(all((leg.debit, leg.credit, leg.unit) in left for leg in request.legs), "not_the_mirror")
        for legs in (*(item.legs for item in back), request.legs):
            left.subtract(_by_way(legs))
        _must(all(amount >= 0 for amount in left.values()), "more_than_original")

    def _resolve(self, request: TransactionRequest, now: datetime) -> _Plan:
        _must(request.hold_id in self._seen and request.hold_id in self.holds, "unknown_hold")
        assert request.hold_id is not None
        hold = self.holds[request.hold_id]
        _must(hold.state == "open", "hold_resolved")
        _must(hold.book == request.book_id, "wrong_book")
        if request.kind is TransactionKind.VOID:
            return _Plan(reserve=[(hold.leg, -hold.rest)], hold=hold, ends="voided")
        if request.kind is TransactionKind.EXPIRE:
            _must(hold.expires_at is not None and hold.expires_at <= now, "hold_not_due")
            return _Plan(reserve=[(hold.leg, -hold.rest)], hold=hold, ends="expired")
        _must(request.legs, "no_legs")
        amount = request.legs[0].amount
        _must(1 <= amount <= _LARGEST_FEN, "amount_out_of_range")
        _must(amount <= hold.rest, "hold_too_small")
        ends = "settled" if request.is_final or amount == hold.rest else None
        spent = Leg(hold.leg.debit, hold.leg.credit, amount, hold.leg.unit)
        freed = hold.rest if ends else amount
        return _Plan(post=[spent], reserve=[(hold.leg, -freed)], hold=hold, settles=amount, ends=ends)

    def _check_leg(self, request: TransactionRequest, leg: Leg) -> None:
        _must(1 <= leg.amount <= _LARGEST_FEN, "amount_out_of_range")
        _must(leg.debit in self.accounts and leg.credit in self.accounts, "unknown_account")
        debit, credit = self.accounts[leg.debit], self.accounts[leg.credit]
        _must(debit != credit, "same_account")
        _must(debit.book_id == credit.book_id == request.book_id, "wrong_book")
        _must(debit.unit == credit.unit == leg.unit, "unit_mismatch")
        # Out of the ledger, to a bank or a supplier, money may always go: only what is somebody's has a purpose.
        if credit.kind in _GIVERS:
            free = debit.purpose in {None, "*"}
            _must(free or credit.purpose in {debit.purpose, "*"}, "purpose_mismatch")
            in_time = debit.spend_by is None or request.effective_on <= debit.spend_by
            _must(in_time or request.kind is TransactionKind.REVERSE, "restriction_expired")

    def _after(self, plan: _Plan) -> dict[UUID, _Side]:
        """Work out what the touched accounts would have, or refuse."""
        after: dict[UUID, _Side] = {}

        def of(account: UUID) -> _Side:
            side = self.sides[account]
            return after.setdefault(
                account, _Side(side.debits, side.credits, side.debits_held, side.credits_held, side.moves)
            )

        for leg, amount in plan.reserve:
            of(leg.debit).debits_held += amount
            of(leg.credit).credits_held += amount
        for leg in plan.post:
            of(leg.debit).debits += leg.amount
            of(leg.credit).credits += leg.amount
        for side in after.values():
            fullest = max(side.debits + side.debits_held, side.credits + side.credits_held)
            _must(fullest <= _SIDE_MAX_FEN, "amount_out_of_range")
        for account, side in after.items():
            rules = self.accounts[account]
            grows_by_credit = rules.kind in _GIVERS
            own = side.credits - side.debits if grows_by_credit else side.debits - side.credits
            reserved = side.debits_held if grows_by_credit else side.credits_held
            _must(rules.floor_fen is None or own - reserved >= rules.floor_fen, "floor_broken")
        return after

    def _write(self, request: TransactionRequest, plan: _Plan, after: Mapping[UUID, _Side]) -> None:
        net = {account: self.sides[account].debits - self.sides[account].credits for account in after}
        for number, leg in enumerate(plan.post, start=1):
            for account, signed in ((leg.debit, leg.amount), (leg.credit, -leg.amount)):
                net[account] += signed
                after[account].moves += 1
            places = (after[leg.debit].moves, net[leg.debit], after[leg.credit].moves, net[leg.credit])
            self.written.append(Written(request.id, number, leg.debit, leg.credit, leg.unit, leg.amount, *places))
        self.sides.update(after)
        if plan.post:
            self._legs[request.id] = tuple(plan.post)
        if request.kind is TransactionKind.HOLD:
            self.holds[request.id] = Held(request.book_id, request.legs[0], request.expires_at)
        if plan.hold is not None:
            plan.hold.settled += plan.settles
            if plan.ends is not None:
                plan.hold.released, plan.hold.state = plan.hold.rest, plan.ends
        if request.kind in _BACK and request.original_id is not None:
            self._back.setdefault(request.original_id, []).append(request)

    def done(self, *kinds: TransactionKind) -> list[TransactionRequest]:
        """Return what was posted of some kinds, in its order."""
        return [request for request, result in self.answers.values() if result == "ok" and request.kind in kinds]

    def legs_of(self, transaction_id: UUID) -> Sequence[Leg]:
        """Return what a transaction has posted."""
        return self._legs.get(transaction_id, ())

    def net(self, account: UUID) -> int:
        """Return debits less credits."""
        return self.sides[account].debits - self.sides[account].credits


def _by_way(legs: Iterable[Leg]) -> Counter[tuple[UUID, UUID, str]]:
    """Add up what goes each way: from which account to which, in which unit."""
    total: Counter[tuple[UUID, UUID, str]] = Counter()
    for leg in legs:
        total[leg.debit, leg.credit, leg.unit] += leg.amount
    return total
