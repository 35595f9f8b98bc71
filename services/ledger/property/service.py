"""Use cases of property books: opening one, charging, and noting what comes in.

Charges and receipts come in batches, one transaction each, so that a bad line spoils no other. A batch has the book to
itself: what it reads of it stays true until it has posted.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.models import Account, Book
from services.ledger.books.rules import (
    AccountClass,
    BookKind,
    Leg,
    NewAccount,
    TransactionKind,
    TransactionRequest,
    refusal,
)
from services.ledger.books.service import DONE, get_book, post_all
from services.ledger.models import reference
from services.ledger.problems import UnknownArea, UnknownUnit
from services.ledger.property import repository
from services.ledger.property.models import PropertyBook, PropertyCharge, PropertyReceipt
from services.ledger.property.rules import (
    INCOME_NAMES,
    READERS,
    ChargeKind,
    ChargeLine,
    NotACompound,
    ReceiptLine,
    Standing,
    decide_charges,
    decide_receipts,
)
from services.ledger.property.schemas import ChargesIn, PropertyBookIn, ReceiptsIn
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.reference import find_area, find_unit

__all__ = [
    "accounts_by_code",
    "charge",
    "get_property_book",
    "latest_day",
    "may_read_payers",
    "open_property_book",
    "receive",
]

_COMPOUND: Final = "compound"


def latest_day() -> date:
    """Return the last day that something can have happened on: east of Greenwich tomorrow has begun already."""
    return today() + timedelta(days=1)


async def get_property_book(session: Session, property_book_id: UUID) -> PropertyBook:
    """Return a property book, or NotFound."""
    book = await repository.find_book(session, property_book_id)
    if book is None:
        raise NotFound
    return book


def may_read_payers(caller: Principal, book: PropertyBook) -> None:
    """Refuse who has no business in knowing who was charged; the report is for everybody."""
    caller.must(*READERS, at=book.area_path, rule="property_book_readers")


async def accounts_by_code(session: Session, book: PropertyBook) -> dict[str, Account]:
    """Return the accounts of a property book."""
    return {account.code: account for account, _ in await books.accounts_of(session, book.book_id)}


async def open_property_book(
    session: WriteSession, caller: Principal, wanted: PropertyBookIn
) -> tuple[PropertyBook, bool]:
    """Open a property book with its accounts at a compound; returns it and whether it is new."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    caller.must(Role.TREASURER, at=area.path, rule="treasurers_open_property_books")
    if area.kind != _COMPOUND:
        raise NotACompound(pointer="/area_id", kind=area.kind)
    earlier = await repository.find_book(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if not _is_same(earlier, wanted):
            raise IdTaken(pointer="/id")
        return earlier, False
    unit = await find_unit(session, reference, wanted.company_unit_id)
    if unit is None or not unit.active:
        raise UnknownUnit(pointer="/company_unit_id")
    now = utc_now()
    shared = {"tenant_id": session.tenant, "name": wanted.name, "area_id": area.id, "area_path": area.path}
    book = Book(id=new_id(), opened_at=now, version=1, kind=BookKind.PROPERTY.value, **shared)
    session.add(book)
    await session.flush()
    opened = PropertyBook(
        id=wanted.id or new_id(),
        company_unit_id=unit.id,
        book_id=book.id,
        categories=[item.model_dump() for item in wanted.categories],
        opening_fen=wanted.opening.bank_fen if wanted.opening else None,
        opening_on=wanted.opening.on if wanted.opening else None,
        opened_at=now,
        version=1,
        **shared,
        **await _open_accounts(session, book.id, wanted),
    )
    session.add(opened)
    await session.flush()
    await _bring_in(session, caller, opened)
    return opened, True


def _is_same(book: PropertyBook, wanted: PropertyBookIn) -> bool:
    opening = (wanted.opening.bank_fen, wanted.opening.on) if wanted.opening else (None, None)
    categories = [item.model_dump() for item in wanted.categories]
    asked = (wanted.name, wanted.area_id, wanted.company_unit_id, categories, *opening)
    return asked == (
        book.name,
        book.area_id,
        book.company_unit_id,
        book.categories,
        book.opening_fen,
        book.opening_on,
    )


async def _open_accounts(session: WriteSession, book_id: UUID, wanted: PropertyBookIn) -> dict[str, UUID]:
    """Open what every property book has, and an account for each category of spending. The bank is never overdrawn."""
    plan: list[tuple[str, str, AccountClass, int | None]] = [
        ("bank", "银行存款 Bank", AccountClass.ASSET, 0),
        ("receivable", "应收账款 Receivable", AccountClass.ASSET, None),
        ("net_assets", "期初净资产 Brought in", AccountClass.NET_ASSETS, None),
    ]
    plan += [(f"income:{kind.value}", name, AccountClass.INCOME, None) for kind, name in INCOME_NAMES.items()]
    plan += [(f"expense:{item.category}", item.name, AccountClass.EXPENSE, None) for item in wanted.categories]
    opened = {}
    for code, name, kind, floor_fen in plan:
        opened[code] = new_id()
        await books.open_account(session, NewAccount(opened[code], book_id, code, name, kind, floor_fen=floor_fen))
    return {f"{code}_account": opened[code] for code in ("bank", "receivable", "net_assets")}


async def _bring_in(session: WriteSession, caller: Principal, book: PropertyBook) -> None:
    """Post what the bank account held when the book began."""
    if book.opening_fen is None or book.opening_on is None:
        return
    request = TransactionRequest(
        id=new_id(),
        book_id=book.book_id,
        kind=TransactionKind.POST,
        legs=(Leg(book.bank_account, book.net_assets_account, book.opening_fen),),
        description="期初余额 Brought in",
        effective_on=book.opening_on,
    )
    await post_all(session, caller.actor, request)


async def charge(session: WriteSession, caller: Principal, book: PropertyBook, wanted: ChargesIn) -> list[str]:
    """Charge payers, each for itself; returns `ok`, `replayed` or why not, in the order asked."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_charge")
    lines = [ChargeLine(charged_on=wanted.charged_on, **item.model_dump()) for item in wanted.charges]
    await books.lock_book(session, book.book_id)
    known = {
        row.id: _charge_line(row) for row in await repository.charges_by_id(session, book, (line.id for line in lines))
    }
    units = await repository.active_units(session, (line.payer_id for line in lines if line.payer_kind == "unit"))
    decided = decide_charges(lines, known, units)
    accounts = await accounts_by_code(session, book)
    requests = {
        place: TransactionRequest(
            id=line.id,
            book_id=book.book_id,
            kind=TransactionKind.POST,
            legs=(Leg(book.receivable_account, accounts[f"income:{line.kind}"].id, line.amount_fen),),
            description=INCOME_NAMES[line.kind],
            effective_on=line.charged_on,
        )
        for place, line in enumerate(lines)
        if decided[place] is None
    }
    results = await _post(session, caller, decided, requests)
    now = utc_now()
    for line, result in zip(lines, results, strict=True):
        if result == "ok":
            row = PropertyCharge(tenant_id=session.tenant, property_book_id=book.id, recorded_at=now, **asdict(line))
            session.add(row)
    await session.flush()
    return results


async def receive(session: WriteSession, caller: Principal, book: PropertyBook, wanted: ReceiptsIn) -> list[str]:
    """Note what has come in, each receipt for itself; returns `ok`, `replayed` or why not, in the order asked."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_note_receipts")
    lines = [ReceiptLine(**item.model_dump()) for item in wanted.receipts]
    await books.lock_book(session, book.book_id)
    known = {
        row.id: ReceiptLine(row.id, row.charge_id, row.amount_fen, row.received_on)
        for row in await repository.receipts_by_id(session, book, (line.id for line in lines))
    }
    standing = {
        item.charge.id: Standing(item.charge.charged_on, item.open_fen)
        for item in await repository.standing_of(session, book, (line.charge_id for line in lines))
    }
    closed_through = (await get_book(session, book.book_id)).closed_through
    decided = decide_receipts(lines, known, standing, closed_through=closed_through, latest=latest_day())
    requests = {
        place: TransactionRequest(
            id=line.id,
            book_id=book.book_id,
            kind=TransactionKind.POST,
            legs=(Leg(book.bank_account, book.receivable_account, line.amount_fen),),
            description="收款 Received",
            effective_on=line.received_on,
        )
        for place, line in enumerate(lines)
        if decided[place] is None
    }
    results = await _post(session, caller, decided, requests)
    now = utc_now()
    for line, result in zip(lines, results, strict=True):
        if result == "ok":
            row = PropertyReceipt(tenant_id=session.tenant, property_book_id=book.id, recorded_at=now, **asdict(line))
            session.add(row)
    await session.flush()
    return results


async def _post(
    session: WriteSession, caller: Principal, decided: Sequence[str | None], requests: dict[int, TransactionRequest]
) -> list[str]:
    """Post what is left to be posted, and put its results to what is decided; a refusal keeps its stable code."""
    told = list(decided)
    if requests:
        posted = await books.call_post(session, caller.actor, list(requests.values()))
        for (place, request), result in zip(requests.items(), posted, strict=True):
            told[place] = result if result in DONE else refusal(result, [request.id]).code
    return [result for result in told if result is not None]


def _charge_line(row: PropertyCharge) -> ChargeLine:
    columns = {field.name: getattr(row, field.name) for field in fields(ChargeLine)}
    return ChargeLine(**columns | {"kind": ChargeKind(row.kind)})
