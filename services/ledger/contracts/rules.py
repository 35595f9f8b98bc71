"""States of a contract, who may move it, and what can be wrong."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.problems import Conflict
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "ContractAction",
    "ContractFacts",
    "ContractState",
    "DocumentKnown",
    "InvoicesOpen",
    "MoreThanContract",
    "MoreThanGrant",
    "NotAccepted",
    "NotBinding",
]


class ContractState(StrEnum):
    """Where a contract is."""

    PROPOSED = "proposed"
    BINDING = "binding"
    ACCEPTED = "accepted"
    CLOSED = "closed"


class ContractAction(StrEnum):
    """What can be done with a contract."""

    APPROVE = "approve"
    ACCEPT = "accept"
    CLOSE = "close"


class MoreThanGrant(Conflict):
    """All contracts of a grant stay within it."""

    code = "more_than_granted"
    title = Text(zh="合同合计超过项目金额", en="The contracts together exceed the grant")


class MoreThanContract(Conflict):
    """All invoices of a contract stay within it."""

    code = "more_than_contract"
    title = Text(zh="发票合计超过合同金额", en="The invoices together exceed the contract")


class NotAccepted(Conflict):
    """Nothing is paid before its result has been accepted."""

    code = "not_accepted"
    title = Text(zh="尚未验收，不能付款", en="Nothing is paid before its result is accepted")


class NotBinding(Conflict):
    """The contract binds nobody yet, or not any more."""

    code = "contract_not_binding"
    title = Text(zh="合同尚未生效或已了结", en="The contract is not binding, or is closed")


class InvoicesOpen(Conflict):
    """A contract is closed when its invoices are paid."""

    code = "invoices_open"
    title = Text(zh="尚有未付发票", en="Some invoices are not paid")


class DocumentKnown(Conflict):
    """The same document was signed before."""

    code = "document_known"
    title = Text(zh="该合同文本已登记", en="This document is a contract already")


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """What the rules know of a contract."""

    state: ContractState
    area_path: str
    applicant_id: UUID
    signed_by: UUID


def _approver(contract: ContractFacts, caller: Principal) -> Denial | None:
    if not caller.has(Role.APPROVER, at=contract.area_path):
        return Denial(
            "approvers_approve_contracts", Text(zh="需由基金评审成员批准", en="Only the fund's approvers may")
        )
    return _other(contract, caller)


def _accepter(contract: ContractFacts, caller: Principal) -> Denial | None:
    roles = (Role.APPROVER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR)
    if not caller.has(*roles, at=contract.area_path):
        return Denial(
            "accepters_accept", Text(zh="需由验收人员验收", en="Only officers, convenors or approvers accept")
        )
    return _other(contract, caller)


def _other(contract: ContractFacts, caller: Principal) -> Denial | None:
    if caller.subject_id in {contract.applicant_id, contract.signed_by}:
        return Denial(
            "not_the_own_contract", Text(zh="申请人和签约人不得自行批准或验收", en="Neither applicant nor signer may")
        )
    return None


def _treasurer(contract: ContractFacts, caller: Principal) -> Denial | None:
    if caller.has(Role.TREASURER, at=contract.area_path):
        return None
    return Denial("treasurers_close_contracts", Text(zh="需由基金管账人了结", en="Only the fund's treasurer may"))


_PROPOSED: Final = frozenset({ContractState.PROPOSED})
_BINDING: Final = frozenset({ContractState.BINDING})
_ANY: Final = frozenset({ContractState.PROPOSED, ContractState.BINDING, ContractState.ACCEPTED})
STEPS: Final[dict[ContractAction, Step[ContractFacts]]] = {
    ContractAction.APPROVE: Step(_PROPOSED, ContractState.BINDING, _approver),
    ContractAction.ACCEPT: Step(_BINDING, ContractState.ACCEPTED, _accepter),
    ContractAction.CLOSE: Step(_ANY, ContractState.CLOSED, _treasurer),
}
