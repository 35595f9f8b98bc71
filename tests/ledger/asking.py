"""A small world of two books, and somebody who asks the ledger for everything that can be asked, sensible or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update

from services.ledger.books import repository
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.money import split_largest_remainder
from tests.ledger.model import Model

__all__ = ["FIRST_DAY", "Asker", "Moved", "Stage"]

FIRST_DAY: Final = date(2026, 1, 1)
_DAYS: Final = 40
_PAST, _FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
_Kind: Final = TransactionKind
# Code, class and what else is said of an account of the main book.
_ACCOUNTS: Final[tuple[tuple[str, AccountClass, dict[str, Any]], ...]] = (
    ("bank", AccountClass.ASSET, {}),
    ("cash", AccountClass.ASSET, {"floor_fen": 0}),
    ("fund", AccountClass.NET_ASSETS, {"floor_fen": 0}),
    ("road", AccountClass.NET_ASSETS, {"floor_fen": 0, "purpose": "road"}),
    ("lamps", AccountClass.LIABILITY, {"floor_fen": 0, "purpose": "lamps", "spend_by": FIRST_DAY + timedelta(20)}),
    ("any", AccountClass.LIABILITY, {"purpose": "*"}),
    ("expense", AccountClass.EXPENSE, {}),
    ("clearing", AccountClass.CLEARING, {"floor_fen": -500}),
    ("helpers", AccountClass.ASSET, {"unit": "hours"}),
    ("helped", AccountClass.INCOME, {"unit": "hours", "floor_fen": 0}),
)


@dataclass
class Stage:
    """Two books of a tenant with their accounts."""

    tenant: str
    main: UUID = field(default_factory=new_id)
    other: UUID = field(default_factory=new_id)
    accounts: dict[UUID, NewAccount] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for code, kind, more in _ACCOUNTS:
            account = NewAccount(new_id(), self.main, code, code, kind, **more)
            self.accounts[account.id] = account
        for code, kind in (("bank", AccountClass.ASSET), ("fund", AccountClass.NET_ASSETS)):
            account = NewAccount(new_id(), self.other, code, code, kind)
            self.accounts[account.id] = account

    def id_of(self, code: str, book: UUID | None = None) -> UUID:
        """Return the account of a code, of the main book by default."""
        return next(
            item.id for item in self.accounts.values() if (item.book_id, item.code) == (book or self.main, code)
        )

    def model(self) -> Model:
        """Return the same world on paper."""
        return Model({self.main: None, self.other: None}, self.accounts)

    async def furnish(self, database: Database) -> None:
        """Open the books and their accounts."""
        shape: dict[str, Any] = {"area_id": new_id(), "area_path": "d", "opened_at": utc_now(), "version": 1}
        async with database.write(self.tenant) as session:
            for book in (self.main, self.other):
                session.add(Book(tenant_id=self.tenant, id=book, name="b", **shape))
            await session.flush()
            for account in self.accounts.values():
                await repository.open_account(session, account)

    async def close(self, database: Database, book: UUID, through: date) -> None:
        """Close a book through a day, as whoever closes a period does."""
        async with database.write(self.tenant) as session:
            await repository.lock_book(session, book)
            named = (Book.tenant_id == self.tenant, Book.id == book)
            await session.execute(update(Book).where(*named).values(closed_through=through))


@dataclass(frozen=True)
class Moved:
    """What has moved money and could go back."""

    id: UUID
    book: UUID
    legs: tuple[Leg, ...]
    day: date


class Asker:
    """Makes requests by chance. It knows what was answered to it, and no more."""

    def __init__(self, stage: Stage, dice: Random) -> None:
        self.stage = stage
        self.dice = dice
        self.asked: list[TransactionRequest] = []
        self.holds: list[TransactionRequest] = []
        self.moved: list[Moved] = []
        self.still: list[TransactionRequest] = []

    def learn(self, request: TransactionRequest, result: str) -> None:
        """Remember what became of a request; what was not granted is remembered as well."""
        self.asked.append(request)
        if result != "ok":
            self.still.append(request)
        elif request.kind is _Kind.HOLD:
            self.holds.append(request)
        elif request.kind in {_Kind.POST, _Kind.SETTLE}:
            self.moved.append(Moved(request.id, request.book_id, request.legs, request.effective_on))
        else:
            self.still.append(request)

    def batch(self, size: int) -> list[TransactionRequest]:
        """Return so many requests of all kinds."""
        return [self.one() for _ in range(size)]

    def one(self) -> TransactionRequest:
        """Return a request: mostly sensible, sometimes one again, sometimes spoilt."""
        kinds: list[tuple[Callable[[], TransactionRequest], int]] = [
            (self.gift, 5),
            (self.post, 6),
            (self.hold, 5),
            (self.settle, 5),
            (self.void, 1),
            (self.expire, 2),
            (self.reverse, 2),
            (self.refund, 4),
            (self.again, 2),
            (self.other_body, 1),
            (self.spoilt, 5),
        ]
        (make,) = self.dice.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        return make()

    def request(self, kind: TransactionKind, *legs: Leg, **more: Any) -> TransactionRequest:
        """Return a request on the main book."""
        values: dict[str, Any] = {
            "id": new_id(),
            "book_id": self.stage.main,
            "description": "t",
            "effective_on": self.day(),
        }
        return TransactionRequest(kind=kind, legs=legs, **(values | more))

    def day(self) -> date:
        return FIRST_DAY + timedelta(self.dice.randrange(_DAYS))

    def amount(self) -> int:
        return self.dice.choice((1, 2, 3, self.dice.randint(1, 100), self.dice.randint(1, 1000)))

    def leg(self, book: UUID | None = None) -> Leg:
        """Return a leg between two accounts of one unit."""
        one = self.dice.choice(
            [item for item in self.stage.accounts.values() if item.book_id == (book or self.stage.main)]
        )
        others = [
            item
            for item in self.stage.accounts.values()
            if (item.book_id, item.unit) == (one.book_id, one.unit) and item != one
        ]
        return Leg(one.id, self.dice.choice(others).id, self.amount(), one.unit)

    def gift(self) -> TransactionRequest:
        """Return money, or hours, that come in for one or several."""
        if self.dice.random() < 0.1:
            pair = self.stage.id_of("helpers"), self.stage.id_of("helped")
            return self.request(_Kind.POST, Leg(*pair, self.amount(), "hours"))
        bank = self.stage.id_of("bank")
        to = self.dice.choices(("fund", "road", "lamps", "any"), k=self.dice.randint(1, 4))
        legs = [Leg(bank, self.stage.id_of(code), self.amount() * 5) for code in to]
        return self.request(_Kind.POST, *legs, effective_on=self.day())

    def post(self) -> TransactionRequest:
        book = self.dice.choice((self.stage.main, self.stage.main, self.stage.main, self.stage.other))
        legs = [self.leg(book) for _ in range(self.dice.randint(1, 4))]
        return self.request(_Kind.POST, *legs, book_id=book, document_sha256=self.dice.choice((None, b"d" * 32)))

    def hold(self) -> TransactionRequest:
        debit = self.stage.id_of(self.dice.choice(("fund", "road", "lamps", "any")))
        leg = Leg(debit, self.stage.id_of(self.dice.choice(("bank", "cash", "any"))), self.amount())
        expires = self.dice.choice((None, _PAST, _PAST, _FUTURE))
        return self.request(_Kind.HOLD, self.dice.choice((leg, leg, self.leg())), expires_at=expires)

    def _some_hold(self) -> TransactionRequest:
        """Return a hold that was granted, the youngest more often: the old ones are resolved."""
        return self.dice.choice(self.holds[-8:] if self.dice.random() < 0.8 else self.holds)

    def _resolving(self, kind: TransactionKind) -> TransactionRequest:
        if not self.holds:
            return self.gift()
        hold = self._some_hold()
        return self.request(kind, hold_id=hold.id, book_id=hold.book_id)

    def settle(self) -> TransactionRequest:
        if not self.holds:
            return self.gift()
        hold = self._some_hold()
        whole = hold.legs[0].amount
        leg = replace(
            hold.legs[0], amount=self.dice.choice((whole, max(1, whole // 2), max(1, whole // 3), self.amount()))
        )
        last = self.dice.random() < 0.3
        return self.request(_Kind.SETTLE, leg, hold_id=hold.id, book_id=hold.book_id, is_final=last)

    def void(self) -> TransactionRequest:
        return self._resolving(_Kind.VOID)

    def expire(self) -> TransactionRequest:
        return self._resolving(_Kind.EXPIRE)

    def _original(self) -> Moved:
        # The youngest more often: its period is the least likely to be closed.
        return self.dice.choice(self.moved[-6:] if self.dice.random() < 0.5 else self.moved)

    def _back(self, kind: TransactionKind, original: Moved, amounts: Sequence[int], **more: Any) -> TransactionRequest:
        pairs = zip(original.legs, amounts, strict=True)
        legs = [Leg(leg.credit, leg.debit, amount, leg.unit) for leg, amount in pairs if amount]
        day = original.day + timedelta(self.dice.randrange(10))
        values: dict[str, Any] = {"book_id": original.book, "original_id": original.id, "effective_on": day} | more
        return self.request(kind, *legs, **values)

    def reverse(self, **more: Any) -> TransactionRequest:
        if not self.moved:
            return self.gift()
        original = self._original()
        return self._back(_Kind.REVERSE, original, [leg.amount for leg in original.legs], **more)

    def refund(self, **more: Any) -> TransactionRequest:
        """Return a refund: pro rata to the givers, or by chance, or of the whole."""
        if not self.moved:
            return self.gift()
        original = self._original()
        amounts = [leg.amount for leg in original.legs]
        how = self.dice.random()
        if how < 0.4:
            total = self.dice.randint(1, sum(amounts))
            parts = split_largest_remainder(total, amounts)
            assert sum(parts) == total
            assert all(part <= amount for part, amount in zip(parts, amounts, strict=True))
            amounts = parts
        elif how < 0.8:
            amounts = [self.dice.randint(1, amount * 2) for amount in amounts]
        return self._back(_Kind.REFUND, original, amounts, **more)

    def again(self) -> TransactionRequest:
        return self.dice.choice(self.asked) if self.asked else self.gift()

    def other_body(self) -> TransactionRequest:
        return replace(self.again(), description="something else")

    def spoilt(self) -> TransactionRequest:
        """Return a request with something wrong in it."""
        ways: list[Callable[[], TransactionRequest]] = [
            lambda: replace(
                self.dice.choice((self.post, self.hold, self.settle, self.reverse, self.refund))(), legs=()
            ),
            lambda: self.request(_Kind.HOLD, self.leg(), self.leg()),
            lambda: self.request(_Kind.POST, self.leg(), self._odd_amount(self.leg())),
            lambda: replace(made := self.settle(), legs=(self._odd_amount(made.legs[0]),)),
            lambda: self.request(_Kind.POST, self.leg(), replace(self.leg(), credit=new_id())),
            lambda: self.request(_Kind.POST, replace(leg := self.leg(), credit=leg.debit)),
            lambda: self.request(_Kind.POST, self.leg(self.stage.other)),
            lambda: self.request(_Kind.POST, replace(self.leg(), credit=self.stage.id_of("bank", self.stage.other))),
            lambda: self.request(_Kind.POST, replace(self.leg(), unit=self.dice.choice(("hours", "pieces")))),
            lambda: replace(self.dice.choice((self.post, self.void, self.refund))(), book_id=new_id()),
            lambda: replace(self.dice.choice((self.settle, self.void, self.expire))(), hold_id=new_id()),
            lambda: replace(self.dice.choice((self.settle, self.void, self.expire))(), book_id=self.stage.other),
            self._wrong_original,
            self._wrong_original,
            self._not_the_mirror,
        ]
        return self.dice.choice(ways)()

    def _odd_amount(self, leg: Leg) -> Leg:
        return replace(leg, amount=self.dice.choice((0, -1, -leg.amount, 2**53, 2**63 - 1, -(2**63))))

    def _wrong_original(self) -> TransactionRequest:
        made = self.dice.choice((self.reverse, self.refund))()
        if made.original_id is None:
            return replace(made, kind=_Kind.REVERSE)
        still = self.dice.choice([*self.still, *self.holds]).id if self.still or self.holds else new_id()
        odd: dict[str, Any] = self.dice.choice(
            (
                {"original_id": new_id()},
                {"original_id": made.id},
                {"original_id": still},
                {"original_id": still},
                {"book_id": self.stage.other},
                {"effective_on": FIRST_DAY - timedelta(1)},
            )
        )
        return replace(made, **odd)

    def _not_the_mirror(self) -> TransactionRequest:
        made = self.dice.choice((self.reverse, self.refund))()
        if not made.legs:
            return made
        first, rest = made.legs[0], made.legs[1:]
        return replace(
            made,
            legs=self.dice.choice(
                (
                    (Leg(first.credit, first.debit, first.amount, first.unit), *rest),
                    (replace(first, debit=self.leg().debit), *rest),
                    (replace(first, amount=first.amount + 1), *rest),
                    (*rest, first),
                    (first, first, *rest),
                )
            ),
        )
