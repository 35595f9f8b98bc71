"""Use cases of contributions: promised or received; money, for a purpose if the giver says so; things; hours."""

from datetime import date
from uuid import UUID

from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import READERS, post_all
from services.ledger.funds import repository
from services.ledger.funds.models import Contribution, Fund
from services.ledger.funds.rules import AlreadyReceived, GiverNotAllowed, PledgeWithdrawn, RestrictionNotAllowed
from services.ledger.funds.schemas import ContributionIn, ContributionOut
from services.ledger.funds.service import charter_of, ensure_account
from services.ledger.models import reference
from services.ledger.problems import UnknownUnit
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.contracts.ledger import ContributionReceived
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound
from shared.reference import find_unit

__all__ = [
    "contribute",
    "contribution_out",
    "givers_seen_by",
    "note_pledge",
    "receive_contribution",
    "receive_money",
    "require_unit",
    "withdraw_pledge",
]

_SAME = (
    "kind",
    "giver_kind",
    "giver_id",
    "amount_fen",
    "quantity",
    "description",
    "due_on",
    "restricted_to",
    "spend_by",
)


def givers_seen_by(caller: Principal, fund: Fund) -> frozenset[UUID] | None:
    """Return whose contributions somebody may see: all (None) for who keeps or audits the fund, else the own."""
    if caller.has(*READERS, at=fund.area_path):
        return None
    own = {caller.subject_id} if caller.subject_id is not None else set()
    return frozenset(own | caller.units())


async def require_unit(session: Session, giver_kind: str, giver_id: UUID) -> None:
    """Refuse a unit that is not known or not active any more."""
    if giver_kind == "unit":
        unit = await find_unit(session, reference, giver_id)
        if unit is None or not unit.active:
            raise UnknownUnit(pointer="/giver_id")


async def contribute(
    session: WriteSession, caller: Principal, fund: Fund, wanted: ContributionIn
) -> tuple[Contribution, bool]:
    """Note what somebody promises or has given to a fund; returns it and whether it is new."""
    caller.must(Role.TREASURER, at=fund.area_path, rule="treasurers_note_contributions")
    charter = charter_of(fund)
    if wanted.giver_kind not in charter.giver_kinds:
        raise GiverNotAllowed(rule="charter_giver_kinds")
    await require_unit(session, wanted.giver_kind, wanted.giver_id)
    earlier = await repository.find_contribution(session, wanted.id) if wanted.id else None
    if earlier is not None:
        asked = (fund.id, *(getattr(wanted, name) for name in _SAME))
        if asked != (earlier.fund_id, *(getattr(earlier, name) for name in _SAME)):
            raise IdTaken(pointer="/id")
        return earlier, False
    if wanted.restricted_to is not None and wanted.restricted_to not in charter.categories:
        raise RestrictionNotAllowed(pointer="/restricted_to")
    if wanted.spend_by is not None and wanted.spend_by < today():
        raise RestrictionNotAllowed(pointer="/spend_by")
    members = wanted.model_dump(exclude={"id", "received"})
    contribution = Contribution(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        fund_id=fund.id,
        grant_id=None,
        pledged_at=utc_now(),
        version=1,
        **members,
    )
    session.add(contribution)
    await session.flush()
    if wanted.received:
        await _receive(session, caller, fund, contribution)
    return contribution, True


async def note_pledge(
    session: WriteSession, fund_id: UUID, *, contribution_id: UUID, unit_id: UUID, amount_fen: int, due_on: date | None
) -> None:
    """Note money that a unit has pledged elsewhere; noted once, however often it is told.

    Raises:
        NotFound: no such fund.
        GiverNotAllowed: its charter takes nothing from units.
        UnknownUnit: no active unit of this id.
    """
    fund = await repository.find_fund(session, fund_id)
    if fund is None:
        raise NotFound
    if "unit" not in charter_of(fund).giver_kinds:
        raise GiverNotAllowed(rule="charter_giver_kinds")
    await require_unit(session, "unit", unit_id)
    if await repository.find_contribution(session, contribution_id) is not None:
        return
    pledge = Contribution(
        tenant_id=session.tenant,
        id=contribution_id,
        fund_id=fund.id,
        grant_id=None,
        giver_kind="unit",
        giver_id=unit_id,
        kind="money",
        amount_fen=amount_fen,
        due_on=due_on,
        pledged_at=utc_now(),
        version=1,
    )
    session.add(pledge)
    await session.flush()


async def withdraw_pledge(session: WriteSession, contribution_id: UUID) -> bool:
    """Let a pledge go that was called off elsewhere; returns whether there was one to let go.

    What has arrived is in the book and stays there: giving money back is a decision of the fund, with postings.
    """
    pledge = await repository.find_contribution(session, contribution_id)
    if pledge is None or pledge.received_at is not None or pledge.withdrawn_at is not None:
        return False
    pledge.withdrawn_at = utc_now()
    pledge.version += 1
    await session.flush()
    return True


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
    if contribution.withdrawn_at is not None:
        raise PledgeWithdrawn(withdrawn_at=contribution.withdrawn_at.isoformat())
    await _receive(session, caller, fund, contribution)
    contribution.version += 1
    return contribution


async def _receive(session: WriteSession, caller: Principal, fund: Fund, contribution: Contribution) -> None:
    if contribution.kind == "money":
        into = await _account_for(session, fund, contribution)
        await receive_money(session, caller, fund, contribution, into=into)
    else:
        await _receive_in_kind(session, caller, fund, contribution)


async def _account_for(session: WriteSession, fund: Fund, contribution: Contribution) -> UUID:
    """Return where the money belongs: the fund itself, or an account that the posting function keeps to its purpose."""
    purpose, spend_by = contribution.restricted_to, contribution.spend_by
    if purpose is None and spend_by is None:
        return fund.fund_account
    parts = [purpose or "any", *([spend_by.isoformat()] if spend_by else [])]
    shown = f"限定资金 Restricted: {' · '.join(parts)}"
    account = NewAccount(
        new_id(),
        fund.book_id,
        f"restricted:{':'.join(parts)}",
        shown,
        AccountClass.NET_ASSETS,
        floor_fen=0,
        purpose=purpose,
        spend_by=spend_by,
    )
    return await ensure_account(session, fund, account)


async def _receive_in_kind(session: WriteSession, caller: Principal, fund: Fund, contribution: Contribution) -> None:
    """Post things and hours in their own unit, and their value beside it; none of it ever mixes with money."""
    now = utc_now()
    unit = "hours" if contribution.kind == "hours" else "pieces"
    code = "hours" if unit == "hours" else "pieces"
    given = NewAccount(new_id(), fund.book_id, f"{code}:given", _NAMES[unit][1], AccountClass.LIABILITY, unit=unit)
    got = NewAccount(new_id(), fund.book_id, f"{code}:received", _NAMES[unit][0], AccountClass.MEMO, unit=unit)
    legs = [
        Leg(
            await ensure_account(session, fund, got),
            await ensure_account(session, fund, given),
            contribution.quantity or 0,
            unit,
        )
    ]
    if contribution.amount_fen is not None:
        asset = NewAccount(new_id(), fund.book_id, "in_kind", "实物与服务捐赠 In kind", AccountClass.ASSET)
        source = NewAccount(
            new_id(),
            fund.book_id,
            "in_kind_given",
            "实物与服务捐赠来源 Given in kind",
            AccountClass.NET_ASSETS,
            purpose="*",
        )
        asset_id = await ensure_account(session, fund, asset)
        legs.append(Leg(asset_id, await ensure_account(session, fund, source), contribution.amount_fen))
    contribution.received_at, contribution.transaction_id = now, new_id()
    request = TransactionRequest(
        id=contribution.transaction_id,
        book_id=fund.book_id,
        kind=TransactionKind.POST,
        legs=tuple(legs),
        description=f"contribution {contribution.id}: {contribution.description}",
        effective_on=today(),
    )
    await session.flush()
    await post_all(session, caller.actor, request)


_NAMES = {
    "hours": ("志愿服务时长 Volunteer hours", "志愿服务来源 Hours given"),
    "pieces": ("捐赠物品 Things received", "物品来源 Things given"),
}


async def receive_money(
    session: WriteSession, caller: Principal, fund: Fund, contribution: Contribution, *, into: UUID
) -> None:
    """Post what has arrived in the bank, into the account that it is meant for, and tell of it."""
    now, amount_fen = utc_now(), contribution.amount_fen or 0
    contribution.received_at, contribution.transaction_id = now, new_id()
    request = TransactionRequest(
        id=contribution.transaction_id,
        book_id=fund.book_id,
        kind=TransactionKind.POST,
        legs=(Leg(fund.bank_account, into, amount_fen),),
        description=f"contribution {contribution.id}",
        effective_on=today(),
    )
    await session.flush()
    await post_all(session, caller.actor, request)
    told = ContributionReceived(
        contribution_id=contribution.id, fund_id=fund.id, amount_fen=amount_fen, received_at=now
    )
    await publish(session, f"fund/{fund.id}", told)


def contribution_out(contribution: Contribution, day: date) -> ContributionOut:
    """Show a contribution, and whether it is late."""
    is_open = contribution.received_at is None and contribution.withdrawn_at is None
    is_due = contribution.due_on is not None and contribution.due_on < day
    columns = {name: getattr(contribution, name) for name in ContributionOut.model_fields if name != "in_arrears"}
    return ContributionOut.model_validate({**columns, "in_arrears": is_due and is_open})
