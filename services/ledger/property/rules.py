"""What may stand in a property book: lines that are charged and received, spending by three people, exact rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeVar
from uuid import UUID

from shared.auth import Principal, Role
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "BASIS_POINTS",
    "INCOME_NAMES",
    "READERS",
    "SPENDING_STEPS",
    "BadInterval",
    "ChargeKind",
    "ChargeLine",
    "DocumentPaidOnce",
    "Flow",
    "InTheFuture",
    "NotACompound",
    "ReceiptLine",
    "SpendingAction",
    "SpendingFacts",
    "SpendingState",
    "Standing",
    "UnknownBudgetAccount",
    "UnknownCategory",
    "collection_rate_bp",
    "decide_charges",
    "decide_receipts",
    "net_between_fen",
    "net_fen",
    "opening_fen",
]

BASIS_POINTS: Final = 10_000
# Who sees who was charged; everybody else sees sums.
READERS: Final = (Role.TREASURER, Role.AUDITOR, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)


class ChargeKind(StrEnum):
    """What a compound earns money with."""

    FEES = "fees"
    PARKING = "parking"
    ADVERTISING = "advertising"
    OTHER = "other"


INCOME_NAMES: Final[dict[ChargeKind, str]] = {
    ChargeKind.FEES: "物业费 Fees",
    ChargeKind.PARKING: "停车费 Parking",
    ChargeKind.ADVERTISING: "广告收入 Advertising",
    ChargeKind.OTHER: "其他收入 Other income",
}


class SpendingState(StrEnum):
    """Where a spending is."""

    REQUESTED = "requested"
    APPROVED = "approved"
    PAID = "paid"
    REFUSED = "refused"


class SpendingAction(StrEnum):
    """What can be done with a spending."""

    APPROVE = "approve"
    REFUSE = "refuse"
    PAY = "pay"


class NotACompound(Invalid):
    """A property book belongs to a compound."""

    code = "not_a_compound"
    title = Text(zh="物业账本只能设在小区", en="A property book is opened at a compound")


class UnknownCategory(Invalid):
    """The book has no such expense account."""

    code = "unknown_category"
    title = Text(zh="账本没有这个支出类别", en="The book has no such category of spending")


class UnknownBudgetAccount(Invalid):
    """A budget plans income and expense accounts of its book."""

    code = "unknown_budget_account"
    title = Text(zh="账本没有这个收支科目", en="The book has no such income or expense account")


class InTheFuture(Invalid):
    """What is spent was spent on a day that has come."""

    code = "in_the_future"
    title = Text(zh="日期尚未到来", en="The day has not come yet")


class BadInterval(Invalid):
    """An interval ends after it begins, and within ten years."""

    code = "bad_interval"
    title = Text(zh="起止日期不正确", en="The interval is empty or too long")


class DocumentPaidOnce(Conflict):
    """The same document was handed in before."""

    code = "document_known"
    title = Text(zh="该票据已登记", en="This document was handed in already")


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """What somebody is asked to pay, in fen. Two lines of one id are the same when all of it is."""

    id: UUID
    kind: ChargeKind
    payer_kind: str
    payer_id: UUID
    amount_fen: int
    charged_on: date
    due_on: date
    period: str | None


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """What has come in for a charge, in fen."""

    id: UUID
    charge_id: UUID
    amount_fen: int
    received_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """How a charge stands: since when, and what of it is still open, in fen."""

    charged_on: date
    open_fen: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What went from one account to another, in fen: before an interval and inside it."""

    debit: UUID
    credit: UUID
    before_fen: int
    inside_fen: int


def net_fen(flows: Sequence[Flow], account: UUID) -> int:
    """Return debits less credits of an account inside the interval."""
    return sum(flow.inside_fen * ((flow.debit == account) - (flow.credit == account)) for flow in flows)


def opening_fen(flows: Sequence[Flow], account: UUID) -> int:
    """Return debits less credits of an account before the interval."""
    return sum(flow.before_fen * ((flow.debit == account) - (flow.credit == account)) for flow in flows)


def net_between_fen(flows: Sequence[Flow], debit: UUID, credit: UUID) -> int:
    """Return what went from one account to another inside the interval, less what came back."""
    forth = sum(flow.inside_fen for flow in flows if (flow.debit, flow.credit) == (debit, credit))
    return forth - sum(flow.inside_fen for flow in flows if (flow.debit, flow.credit) == (credit, debit))


@dataclass(frozen=True, slots=True)
class SpendingFacts:
    """What the rules know of a spending."""

    state: SpendingState
    area_path: str
    requested_by: UUID
    approved_by: UUID | None


class _Line(Protocol):
    @property
    def id(self) -> UUID: ...


_AnyLine = TypeVar("_AnyLine", bound=_Line)


def _told_before(line: _AnyLine, known: Mapping[UUID, _AnyLine]) -> str | None:
    earlier = known.get(line.id)
    if earlier is None:
        return None
    return "replayed" if earlier == line else "id_taken"


def decide_charges(
    lines: Sequence[ChargeLine], known: Mapping[UUID, ChargeLine], units: frozenset[UUID]
) -> list[str | None]:
    """Say for each charge what is known of it without posting; None for what is to be posted.

    Args:
        lines: what is asked, in order.
        known: the charges of these ids that are there already.
        units: which of the payers are active units.
    """
    taken: dict[UUID, ChargeLine] = {}
    decided: list[str | None] = []
    for line in lines:
        verdict = _told_before(line, known)
        if verdict is None and taken.setdefault(line.id, line) != line:
            verdict = "id_taken"
        if verdict is None and line.payer_kind == "unit" and line.payer_id not in units:
            verdict = "unknown_unit"
            taken.pop(line.id, None)
        decided.append(verdict)
    return decided


def decide_receipts(
    lines: Sequence[ReceiptLine],
    known: Mapping[UUID, ReceiptLine],
    charges: Mapping[UUID, Standing],
    *,
    closed_through: date | None,
    latest: date,
) -> list[str | None]:
    """Say for each receipt what is known of it without posting; None for what is to be posted.

    What comes first is taken first: a line sees what the lines before it have left open.

    Args:
        lines: what is asked, in order.
        known: the receipts of these ids that are there already.
        charges: the charges of this book that the lines name.
        closed_through: up to when the book is closed.
        latest: the last day that may be named.
    """
    open_fen = {charge_id: standing.open_fen for charge_id, standing in charges.items()}
    taken: dict[UUID, ReceiptLine] = {}
    decided: list[str | None] = []
    for line in lines:
        verdict = _told_before(line, known)
        if verdict is None and line.id in taken:
            # The same line again is let through: the posting function says that it is a replay.
            verdict = None if taken[line.id] == line else "id_taken"
        elif verdict is None:
            standing = charges.get(line.charge_id)
            if standing is None:
                verdict = "unknown_charge"
            elif line.received_on > latest:
                verdict = "in_the_future"
            elif line.received_on < standing.charged_on:
                verdict = "before_charge"
            elif closed_through is not None and line.received_on <= closed_through:
                verdict = "period_closed"
            elif line.amount_fen > open_fen[line.charge_id]:
                verdict = "more_than_charged"
            else:
                taken[line.id] = line
                open_fen[line.charge_id] -= line.amount_fen
        decided.append(verdict)
    return decided


def collection_rate_bp(*, collected_fen: int, charged_fen: int) -> int | None:
    """Return the share collected of what was charged in basis points, rounded down; None when nothing was charged.

    Rounded down, 10 000 says that every fen came in.
    """
    return collected_fen * BASIS_POINTS // charged_fen if charged_fen > 0 else None


def _approver(spending: SpendingFacts, caller: Principal) -> Denial | None:
    if not caller.has(Role.APPROVER, at=spending.area_path):
        return Denial("approvers_decide", Text(zh="需由审批人操作", en="Only an approver decides"))
    if caller.subject_id == spending.requested_by:
        return Denial(
            "requester_is_not_approver", Text(zh="经办人不能审批自己的支出", en="Nobody approves an own request")
        )
    return None


def _payer(spending: SpendingFacts, caller: Principal) -> Denial | None:
    if not caller.has(Role.PAYER, at=spending.area_path):
        return Denial("payers_pay", Text(zh="需由付款人操作", en="Only a payer pays"))
    if caller.subject_id in {spending.requested_by, spending.approved_by}:
        return Denial(
            "payer_is_independent",
            Text(zh="经办人、审批人、付款人不得为同一人", en="Requester, approver and payer are different people"),
        )
    return None


SPENDING_STEPS: Final[dict[SpendingAction, Step[SpendingFacts]]] = {
    SpendingAction.APPROVE: Step(frozenset({SpendingState.REQUESTED}), SpendingState.APPROVED, _approver),
    SpendingAction.REFUSE: Step(
        frozenset({SpendingState.REQUESTED, SpendingState.APPROVED}), SpendingState.REFUSED, _approver
    ),
    SpendingAction.PAY: Step(frozenset({SpendingState.APPROVED}), SpendingState.PAID, _payer),
}
