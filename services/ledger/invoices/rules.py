"""What can be wrong with an invoice, and who may not touch it."""

from shared.problems import Conflict, Forbidden, Invalid
from shared.texts import Text

__all__ = ["DocumentKnown", "InvoiceState", "MoreThanGranted", "NotIndependent", "UnknownContract"]


class InvoiceState(Conflict):
    """The invoice is not in the state for this step."""

    code = "wrong_state"
    title = Text(zh="发票当前状态不能执行此操作", en="Not possible in the invoice's state")


class DocumentKnown(Conflict):
    """The same document was handed in before."""

    code = "document_known"
    title = Text(zh="该发票已登记", en="This document was handed in already")


class MoreThanGranted(Conflict):
    """All invoices together stay within the grant."""

    code = "more_than_granted"
    title = Text(zh="发票合计超过项目金额", en="The invoices together exceed the grant")


class UnknownContract(Invalid):
    """The grant has no such contract."""

    code = "unknown_contract"
    title = Text(zh="该项目没有这份合同", en="The grant has no such contract")


class NotIndependent(Forbidden):
    """Applicant, approver and payer are different people."""

    code = "not_independent"
    title = Text(zh="申请人、审批人、付款人不得为同一人", en="Applicant, approver and payer are different people")
