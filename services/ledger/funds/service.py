"""Use cases of funds."""

from typing import Any
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, BookKind, NewAccount
from services.ledger.books.views import available_fen, balance_fen
from services.ledger.funds import repository
from services.ledger.funds.models import Fund
from services.ledger.funds.rules import Charter, Tier
from services.ledger.funds.schemas import FundIn, FundOut, StatementOut
from services.ledger.models import reference
from services.ledger.problems import UnknownArea
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.reference import find_area

__all__ = [
    "charter_of",
    "ensure_account",
    "fund_out",
    "get_fund",
    "open_fund",
    "statement_of",
]


def charter_of(fund: Fund) -> Charter:
    """Read a fund's charter."""
    kept = dict(fund.charter)
    return Charter(
        giver_kinds=tuple(kept["giver_kinds"]),
        categories=tuple(kept["categories"]),
        match_num=kept["match_num"],
        match_den=kept["match_den"],
        cap_fen=kept["cap_fen"],
        household_cap_fen=kept["household_cap_fen"],
        tiers=tuple(Tier(item["up_to_fen"], item["approvals"], item.get("voters")) for item in kept["tiers"]),
        quorum=kept.get("quorum", 1),
        needs_review=kept.get("needs_review", False),
    )


async def get_fund(session: Session, fund_id: UUID) -> Fund:
    """Return a fund, or NotFound."""
    fund = await repository.find_fund(session, fund_id)
    if fund is None:
        raise NotFound
    return fund


async def open_fund(session: WriteSession, caller: Principal, wanted: FundIn) -> tuple[Fund, bool]:
    """Open a fund with its book and accounts; returns it and whether it is new."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    caller.must(Role.TREASURER, Role.ADMINISTRATOR, at=area.path, rule="treasurers_open_funds")
    charter = wanted.charter.model_dump(mode="json")
    earlier = await repository.find_fund(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.name, earlier.area_id, _whole(earlier.charter)) != (wanted.name, wanted.area_id, charter):
            raise IdTaken(pointer="/id")
        return earlier, False
    now = utc_now()
    shared = {"tenant_id": session.tenant, "name": wanted.name, "area_id": area.id, "area_path": area.path}
    book = Book(id=new_id(), opened_at=now, version=1, kind=BookKind.FUND.value, **shared)
    session.add(book)
    await session.flush()
    accounts = await _open_accounts(session, book.id)
    fund = Fund(
        id=wanted.id or new_id(), book_id=book.id, charter=charter, opened_at=now, version=1, **shared, **accounts
    )
    session.add(fund)
    await session.flush()
    return fund, True


def _whole(charter: dict[str, Any]) -> dict[str, Any]:
    """Fill in what charters of earlier releases do not say."""
    tiers = [{"voters": None, **tier} for tier in charter["tiers"]]
    return {"quorum": 1, "needs_review": False, **charter, "tiers": tiers}


async def _open_accounts(session: WriteSession, book_id: UUID) -> dict[str, UUID]:
    """Open the four accounts that every fund has; bank and fund never fall below zero."""
    plan: tuple[tuple[str, str, str, AccountClass, int | None, str | None], ...] = (
        ("bank_account", "bank", "银行存款 Bank", AccountClass.ASSET, 0, None),
        ("fund_account", "fund", "基金 Fund", AccountClass.NET_ASSETS, 0, None),
        ("expense_account", "expense", "项目支出 Spending", AccountClass.EXPENSE, None, None),
        # Money for whatever purpose ends here when it is spent.
        ("released_account", "released", "已使用资金 Spent", AccountClass.NET_ASSETS, None, "*"),
    )
    opened = {}
    for column, code, name, kind, floor_fen, purpose in plan:
        opened[column] = new_id()
        await books.open_account(
            session, NewAccount(opened[column], book_id, code, name, kind, floor_fen=floor_fen, purpose=purpose)
        )
    return opened


async def fund_out(session: Session, fund: Fund) -> FundOut:
    """Show a fund with what it has."""
    balance = await repository.balance_of(session, fund.fund_account)
    columns = ("id", "name", "area_id", "area_path", "book_id", "charter", "opened_at", "version")
    shown: dict[str, Any] = {name: getattr(fund, name) for name in columns}
    total, free = balance_fen(balance), available_fen(balance)
    shown["charter"] = _whole(fund.charter)
    return FundOut.model_validate({**shown, "balance_fen": total, "held_fen": total - free, "available_fen": free})


async def ensure_account(session: WriteSession, fund: Fund, wanted: NewAccount) -> UUID:
    """Return the account of a fund's book that has a code, opened now if it is not there.

    Two who need it at the same time wait for each other at the fund.
    """
    found = await books.account_by_code(session, fund.book_id, wanted.code)
    if found is None:
        await repository.lock_fund(session, fund.id)
        found = await books.account_by_code(session, fund.book_id, wanted.code)
    if found is not None:
        return found.id
    await books.open_account(session, wanted)
    return wanted.id


async def statement_of(session: Session, fund: Fund) -> StatementOut:
    """Add up the postings of a fund from its opening to now."""
    came = await repository.moved_fen(session, debit=fund.bank_account, credit=fund.fund_account)
    all_in = await repository.moved_fen(session, credit=fund.fund_account)
    out = await repository.moved_fen(session, debit=fund.fund_account)
    balance = await repository.balance_of(session, fund.fund_account)
    bank = await repository.balance_of(session, fund.bank_account)
    released = await repository.balance_of(session, fund.released_account)
    by_code = {account.code: balance_fen(kept) for account, kept in await books.accounts_of(session, fund.book_id)}
    closing = balance_fen(balance)
    return StatementOut(
        fund_id=fund.id,
        opening_fen=0,
        contributions_fen=came,
        returned_fen=all_in - came,
        granted_fen=out,
        closing_fen=closing,
        held_fen=closing - available_fen(balance),
        spent_fen=balance_fen(released),
        restricted_fen=sum(amount for code, amount in by_code.items() if code.startswith("restricted:")),
        bank_fen=balance_fen(bank),
        in_kind_fen=by_code.get("in_kind", 0),
        volunteer_hours=by_code.get("hours:received", 0),
        as_of=utc_now(),
    )
