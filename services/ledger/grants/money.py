"""The money of a grant: reserved in the fund, raised by the households, drawn by invoices, shared when some is left.

The fund's share comes from money that was given for just this purpose first, the soonest to expire before the others,
and then from the fund itself. Restricted money has an account of its own in the grant, so that the posting function
keeps it to its purpose to the end. What is spent is drawn from all accounts of the grant in proportion to what they
have, so the rest goes back in the proportion in which it came.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.models import Account, Balance
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.books.views import available_fen, balance_fen
from services.ledger.funds import repository as funds
from services.ledger.funds.giving import receive_money
from services.ledger.funds.models import Contribution, Fund
from services.ledger.funds.rules import is_match_unlocked
from services.ledger.funds.service import charter_of
from services.ledger.grants import repository
from services.ledger.grants.models import Grant, GrantSource
from services.ledger.grants.rules import (
    STEPS,
    ContractsOpen,
    GrantAction,
    GrantState,
    HouseholdCap,
    MatchLocked,
    OverFunded,
)
from services.ledger.grants.schemas import OwnMoneyIn
from services.ledger.grants.service import facts_of, fund_of
from shared.auth import Principal
from shared.clock import today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.money import split_largest_remainder
from shared.problems import IdTaken
from shared.steps import check_step

__all__ = ["close_grant", "draw", "give_back_own_money", "give_own_money", "hold_money", "settle_holds"]


def _posting(
    fund: Fund, kind: TransactionKind, legs: tuple[Leg, ...], description: str, **more: UUID | bool | None
) -> TransactionRequest:
    return TransactionRequest(
        id=new_id(),
        book_id=fund.book_id,
        kind=kind,
        legs=legs,
        description=description,
        effective_on=today(),
        **more,  # type: ignore[arg-type] # the members that only some kinds have
    )


async def hold_money(session: WriteSession, caller: Principal, grant: Grant) -> None:
    """Reserve the fund's share, if the own money that has really arrived unlocks it."""
    fund = await fund_of(session, grant)
    raised_fen = await funds.raised_for_grant(session, grant.id)
    unlocked = is_match_unlocked(charter_of(fund), share_fen=grant.asked_fen, raised_fen=raised_fen)
    if raised_fen < grant.own_fen or not unlocked:
        raise MatchLocked(raised_fen=raised_fen, own_fen=grant.own_fen, share_fen=grant.asked_fen)
    left = grant.asked_fen
    sources: list[tuple[UUID, UUID, int]] = []
    for account, balance in await _fitting(session, fund, grant.category, today()):
        amount = min(left, available_fen(balance))
        if amount > 0:
            sources.append((account.id, await _account_for(session, fund, grant, account, len(sources)), amount))
            left -= amount
    if left:
        sources.append((fund.fund_account, grant.account_id, left))
    requests = [
        _posting(fund, TransactionKind.HOLD, (Leg(source, into, amount),), f"grant {grant.id}")
        for source, into, amount in sources
    ]
    await post_all(session, caller.actor, *requests)
    grant.hold_id = requests[0].id
    rows = [
        GrantSource(
            tenant_id=session.tenant,
            grant_id=grant.id,
            position=position,
            from_account=source,
            to_account=into,
            hold_id=request.id,
            amount_fen=amount,
        )
        for position, ((source, into, amount), request) in enumerate(zip(sources, requests, strict=True))
    ]
    session.add_all(rows)
    await session.flush()


async def _fitting(session: Session, fund: Fund, category: str, day: date) -> list[tuple[Account, Balance]]:
    """Return the restricted accounts of a fund that may pay for a category on a day, the soonest to expire first."""
    found = [
        (account, balance)
        for account, balance in await books.accounts_of(session, fund.book_id)
        if account.code.startswith("restricted:")
        and account.purpose in {None, category}
        and (account.spend_by is None or account.spend_by >= day)
    ]
    return sorted(found, key=lambda pair: (pair[0].spend_by or date.max, pair[0].code))


async def _account_for(session: WriteSession, fund: Fund, grant: Grant, source: Account, position: int) -> UUID:
    """Return where money of a source goes in the grant: what has a purpose keeps it."""
    if source.purpose is None:
        return grant.account_id
    account = NewAccount(
        new_id(),
        fund.book_id,
        f"grant:{grant.id}:{position}",
        f"{grant.purpose}（限定资金）",
        AccountClass.NET_ASSETS,
        floor_fen=0,
        purpose=source.purpose,
    )
    await books.open_account(session, account)
    return account.id


async def settle_holds(session: WriteSession, caller: Principal, grant: Grant, fund: Fund) -> None:
    """Turn what is reserved into the grant's own money, where that has not happened yet."""
    requests = []
    for source in await repository.sources_of(session, grant.id):
        hold = await books.find_hold(session, source.hold_id)
        if hold is not None and hold.state == "open":
            leg = Leg(hold.debit_account, hold.credit_account, hold.amount - hold.settled - hold.released)
            description = f"grant {grant.id}"
            requests.append(_posting(fund, TransactionKind.SETTLE, (leg,), description, hold_id=hold.id, is_final=True))
    if requests:
        await post_all(session, caller.actor, *requests)


async def _accounts(session: Session, grant: Grant) -> list[UUID]:
    """Return the accounts of a grant: the general one first."""
    into = [source.to_account for source in await repository.sources_of(session, grant.id)]
    return list(dict.fromkeys([grant.account_id, *into]))


async def draw(session: Session, grant: Grant, amount_fen: int) -> list[tuple[UUID, int]]:
    """Split an amount over the accounts of a grant in proportion to what they have free, by largest remainder."""
    accounts = await _accounts(session, grant)
    free = [available_fen(await funds.balance_of(session, account)) for account in accounts]
    if sum(free) < amount_fen:
        # The floor refuses it, and says so.
        return [(grant.account_id, amount_fen)]
    parts = split_largest_remainder(amount_fen, free)
    return [(account, part) for account, part in zip(accounts, parts, strict=True) if part]


async def give_own_money(
    session: WriteSession, caller: Principal, grant: Grant, wanted: OwnMoneyIn
) -> tuple[Contribution, bool]:
    """Note what a household has paid in, up to its cap and to what is needed."""
    check_step(STEPS, GrantAction.CONTRIBUTE, facts_of(grant), caller)
    earlier = await funds.find_contribution(session, wanted.id) if wanted.id else None
    if earlier is not None:
        kept = (earlier.grant_id, earlier.giver_id, earlier.amount_fen)
        if kept != (grant.id, wanted.household_id, wanted.amount_fen):
            raise IdTaken(pointer="/id")
        return earlier, False
    fund = await fund_of(session, grant)
    cap_fen = charter_of(fund).household_cap_fen
    given_fen = await funds.raised_by_household(session, grant.id, wanted.household_id)
    if cap_fen is not None and given_fen + wanted.amount_fen > cap_fen:
        raise HouseholdCap(pointer="/amount_fen", household_cap_fen=cap_fen, given_fen=given_fen)
    raised_fen = await funds.raised_for_grant(session, grant.id)
    if raised_fen + wanted.amount_fen > grant.own_fen:
        raise OverFunded(own_fen=grant.own_fen, raised_fen=raised_fen)
    contribution = Contribution(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        fund_id=fund.id,
        grant_id=grant.id,
        kind="money",
        giver_kind="household",
        giver_id=wanted.household_id,
        amount_fen=wanted.amount_fen,
        pledged_at=utc_now(),
        version=1,
    )
    session.add(contribution)
    await session.flush()
    await receive_money(session, caller, fund, contribution, into=grant.account_id)
    grant.version += 1
    return contribution, True


async def give_back_own_money(session: WriteSession, caller: Principal, grant: Grant) -> None:
    """Refund every household to the fen."""
    given = await funds.received_for_grant(session, grant.id)
    fund = await fund_of(session, grant)
    await _refund(session, caller, fund, grant, given, [item.amount_fen or 0 for item in given])


async def _refund(
    session: WriteSession,
    caller: Principal,
    fund: Fund,
    grant: Grant,
    given: Sequence[Contribution],
    parts: Sequence[int],
) -> None:
    """Pay back a part of each contribution; that no refund exceeds what was given is the posting function's care."""
    requests = [
        _posting(
            fund,
            TransactionKind.REFUND,
            (Leg(grant.account_id, fund.bank_account, part),),
            f"refund of contribution {contribution.id}",
            original_id=contribution.transaction_id,
        )
        for contribution, part in zip(given, parts, strict=True)
        if part
    ]
    if requests:
        await post_all(session, caller.actor, *requests)


async def close_grant(session: WriteSession, caller: Principal, grant: Grant) -> None:
    """Share what is left between fund and households as they have given, by largest remainder, and end the grant."""
    check_step(STEPS, GrantAction.CLOSE, facts_of(grant), caller)
    fund = await fund_of(session, grant)
    await settle_holds(session, caller, grant, fund)
    balances = {account: await funds.balance_of(session, account) for account in await _accounts(session, grant)}
    if any(balance_fen(balance) != available_fen(balance) for balance in balances.values()):
        raise ContractsOpen
    given = await funds.received_for_grant(session, grant.id)
    raised_fen = sum(item.amount_fen or 0 for item in given)
    legs = []
    general = []
    for source in await repository.sources_of(session, grant.id):
        if source.to_account == grant.account_id:
            general.append(source)
        elif rest := balance_fen(balances[source.to_account]):
            legs.append(Leg(source.to_account, source.from_account, rest))
    weights = [*(source.amount_fen for source in general), raised_fen]
    *parts, to_households = split_largest_remainder(balance_fen(balances[grant.account_id]), weights)
    legs += [
        Leg(grant.account_id, source.from_account, part) for source, part in zip(general, parts, strict=True) if part
    ]
    if legs:
        request = _posting(fund, TransactionKind.POST, tuple(legs), f"left over of grant {grant.id}")
        await post_all(session, caller.actor, request)
    if to_households:
        parts = split_largest_remainder(to_households, [item.amount_fen or 0 for item in given])
        await _refund(session, caller, fund, grant, given, parts)
    grant.state = GrantState.CLOSED.value
    grant.back_to_fund_fen, grant.back_to_households_fen = sum(leg.amount for leg in legs), to_households
    grant.version += 1
    await session.flush()
