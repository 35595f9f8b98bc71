"""Use cases of funds."""

from datetime import date
from typing import Any
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, BookKind, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.books.views import available_fen, balance_fen
from services.ledger.funds import repository
from services.ledger.funds.models import Contribution, Fund
from services.ledger.funds.rules import AlreadyReceived, Charter, GiverNotAllowed, Tier
from services.ledger.funds.schemas import ContributionIn, ContributionOut, FundIn, FundOut, StatementOut
from services.ledger.models import reference
from services.ledger.problems import UnknownArea, UnknownUnit
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.ledger import ContributionReceived
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound
from shared.reference import find_area, find_unit

__all__ = [
    "charter_of",
    "contribute",
    "contribution_out",
    "fund_out",
    "get_fund",
    "open_fund",
    "receive_contribution",
    "receive_money",
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
        tiers=tuple(Tier(item["up_to_fen"], item["approvals"]) for item in kept["tiers"]),
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
        if (earlier.name, earlier.area_id, earlier.charter) != (wanted.name, wanted.area_id, charter):
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


async def _open_accounts(session: WriteSession, book_id: UUID) -> dict[str, UUID]:
    """Open the four accounts that every fund has; bank and fund never fall below zero."""
    plan: tuple[tuple[str, str, str, AccountClass, int | None], ...] = (
        ("bank_account", "bank", "银行存款 Bank", AccountClass.ASSET, 0),
        ("fund_account", "fund", "基金 Fund", AccountClass.NET_ASSETS, 0),
        ("expense_account", "expense", "项目支出 Spending", AccountClass.EXPENSE, None),
        ("released_account", "released", "已使用资金 Spent", AccountClass.NET_ASSETS, None),
    )
    opened = {}
    for column, code, name, kind, floor_fen in plan:
        opened[column] = new_id()
        await books.open_account(session, NewAccount(opened[column], book_id, code, name, kind, floor_fen=floor_fen))
    return opened


async def fund_out(session: Session, fund: Fund) -> FundOut:
    """Show a fund with what it has."""
    balance = await repository.balance_of(session, fund.fund_account)
    columns = ("id", "name", "area_id", "area_path", "book_id", "charter", "opened_at", "version")
    shown: dict[str, Any] = {name: getattr(fund, name) for name in columns}
    total, free = balance_fen(balance), available_fen(balance)
    return FundOut.model_validate({**shown, "balance_fen": total, "held_fen": total - free, "available_fen": free})


async def contribute(
    session: WriteSession, caller: Principal, fund: Fund, wanted: ContributionIn
) -> tuple[Contribution, bool]:
    """Note what somebody promises or has given to a fund; returns it and whether it is new."""
    caller.must(Role.TREASURER, at=fund.area_path, rule="treasurers_note_contributions")
    if wanted.giver_kind not in charter_of(fund).giver_kinds:
        raise GiverNotAllowed(rule="charter_giver_kinds")
    if wanted.giver_kind == "unit":
        unit = await find_unit(session, reference, wanted.giver_id)
        if unit is None or not unit.active:
            raise UnknownUnit(pointer="/giver_id")
    earlier = await repository.find_contribution(session, wanted.id) if wanted.id else None
    if earlier is not None:
        asked = (fund.id, wanted.giver_kind, wanted.giver_id, wanted.amount_fen, wanted.due_on)
        if asked != (earlier.fund_id, earlier.giver_kind, earlier.giver_id, earlier.amount_fen, earlier.due_on):
            raise IdTaken(pointer="/id")
        return earlier, False
    contribution = Contribution(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        fund_id=fund.id,
        grant_id=None,
        giver_kind=wanted.giver_kind,
        giver_id=wanted.giver_id,
        amount_fen=wanted.amount_fen,
        due_on=wanted.due_on,
        pledged_at=utc_now(),
        version=1,
    )
    session.add(contribution)
    await session.flush()
    if wanted.received:
        await receive_money(session, caller, fund, contribution, into=fund.fund_account)
    return contribution, True


async def receive_contribution(
    session: WriteSession, caller: Principal, fund: Fund, contribution_id: UUID
) -> Contribution:
    """Note that a pledge has arrived."""
    caller.must(Role.TREASURER, at=fund.area_path, rule="treasurers_note_contributions")
    contribution = await repository.find_contribution(session, contribution_id)
    if contribution is None or contribution.fund_id != fund.id or contribution.grant_id is not None:
        raise NotFound
    if contribution.received_at is not None:
        raise AlreadyReceived
    await receive_money(session, caller, fund, contribution, into=fund.fund_account)
    contribution.version += 1
    return contribution


async def receive_money(
    session: WriteSession, caller: Principal, fund: Fund, contribution: Contribution, *, into: UUID
) -> None:
    """Post what has arrived in the bank, into the account that it is meant for, and tell of it."""
    now = utc_now()
    contribution.received_at, contribution.transaction_id = now, new_id()
    request = TransactionRequest(
        id=contribution.transaction_id,
        book_id=fund.book_id,
        kind=TransactionKind.POST,
        legs=(Leg(fund.bank_account, into, contribution.amount_fen),),
        description=f"contribution {contribution.id}",
        effective_on=now.date(),
    )
    await session.flush()
    await post_all(session, caller.actor, request)
    told = ContributionReceived(
        contribution_id=contribution.id, fund_id=fund.id, amount_fen=contribution.amount_fen, received_at=now
    )
    await publish(session, f"fund/{fund.id}", told)


def contribution_out(contribution: Contribution, today: date) -> ContributionOut:
    """Show a contribution, and whether it is late."""
    is_due = contribution.due_on is not None and contribution.due_on < today
    columns = {name: getattr(contribution, name) for name in ContributionOut.model_fields if name != "in_arrears"}
    return ContributionOut.model_validate({**columns, "in_arrears": is_due and contribution.received_at is None})


async def statement_of(session: Session, fund: Fund) -> StatementOut:
    """Add up the postings of a fund from its opening to now."""
    came = await repository.moved_fen(session, debit=fund.bank_account, credit=fund.fund_account)
    all_in = await repository.moved_fen(session, credit=fund.fund_account)
    out = await repository.moved_fen(session, debit=fund.fund_account)
    balance = await repository.balance_of(session, fund.fund_account)
    bank = await repository.balance_of(session, fund.bank_account)
    expense = await repository.balance_of(session, fund.expense_account)
    closing = balance_fen(balance)
    return StatementOut(
        fund_id=fund.id,
        opening_fen=0,
        contributions_fen=came,
        returned_fen=all_in - came,
        granted_fen=out,
        closing_fen=closing,
        held_fen=closing - available_fen(balance),
        spent_fen=balance_fen(expense),
        bank_fen=balance_fen(bank),
        as_of=utc_now(),
    )
