"""Use cases of planning: the plan of a year, of which every version stays."""

from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.property import repository
from services.ledger.property.models import PropertyBook, PropertyBudget, PropertyBudgetLine
from services.ledger.property.rules import UnknownBudgetAccount
from services.ledger.property.schemas import BudgetIn, BudgetLineOut, BudgetOut
from services.ledger.property.service import accounts_by_code
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound

__all__ = ["begin_plan", "budget_out", "get_budget", "plan", "says_the_same"]


async def get_budget(session: Session, book: PropertyBook, year: int, *, version: int | None = None) -> PropertyBudget:
    """Return a version of a year's plan, the newest unless told, or NotFound."""
    budget = await repository.find_budget(session, book.id, year, version=version)
    if budget is None:
        raise NotFound
    return budget


async def budget_out(session: Session, budget: PropertyBudget) -> BudgetOut:
    """Show a plan."""
    lines = [
        BudgetLineOut(account_code=account.code, name=account.name, planned_fen=planned_fen)
        for account, planned_fen in await repository.budget_lines(session, budget.id)
    ]
    columns = {name: getattr(budget, name) for name in BudgetOut.model_fields if name != "lines"}
    return BudgetOut.model_validate({**columns, "lines": lines})


async def begin_plan(session: WriteSession, caller: Principal, book: PropertyBook, year: int) -> BudgetOut | None:
    """Keep others from planning meanwhile; returns the plan that holds until now."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_plan")
    await books.lock_book(session, book.book_id)
    current = await repository.find_budget(session, book.id, year)
    return await budget_out(session, current) if current is not None else None


def says_the_same(current: BudgetOut, wanted: BudgetIn) -> bool:
    """Tell whether a plan is already what is wanted, in whichever order."""
    kept = {line.account_code: line.planned_fen for line in current.lines}
    return kept == {line.account_code: line.planned_fen for line in wanted.lines}


async def plan(
    session: WriteSession, caller: Principal, book: PropertyBook, year: int, wanted: BudgetIn, version: int
) -> BudgetOut:
    """Plan a year as a version."""
    accounts = await accounts_by_code(session, book)
    account_ids: list[UUID] = []
    for place, line in enumerate(wanted.lines):
        account = accounts.get(line.account_code)
        if account is None or not line.account_code.startswith(f"{account.kind}:"):
            raise UnknownBudgetAccount(pointer=f"/lines/{place}/account_code")
        account_ids.append(account.id)
    budget = PropertyBudget(
        tenant_id=session.tenant,
        id=new_id(),
        property_book_id=book.id,
        year=year,
        version=version,
        planned_by=caller.actor,
        planned_at=utc_now(),
    )
    session.add(budget)
    await session.flush()
    session.add_all(
        PropertyBudgetLine(
            tenant_id=session.tenant, budget_id=budget.id, account_id=account_id, planned_fen=line.planned_fen
        )
        for account_id, line in zip(account_ids, wanted.lines, strict=True)
    )
    await session.flush()
    return await budget_out(session, budget)
