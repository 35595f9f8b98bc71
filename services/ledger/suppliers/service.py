"""Use cases of suppliers."""

from services.ledger.models import reference
from services.ledger.problems import UnknownArea
from services.ledger.suppliers import repository
from services.ledger.suppliers.models import Supplier
from services.ledger.suppliers.rules import BadCreditCode, CreditCodeTaken, is_credit_code
from services.ledger.suppliers.schemas import SupplierIn
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken
from shared.reference import find_area

__all__ = ["change_relation", "register_supplier"]


async def register_supplier(session: WriteSession, caller: Principal, wanted: SupplierIn) -> tuple[Supplier, bool]:
    """Register who can be paid; returns it and whether it is new."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    caller.must(Role.TREASURER, at=area.path, rule="treasurers_register_suppliers")
    if wanted.credit_code is not None and not is_credit_code(wanted.credit_code):
        raise BadCreditCode(pointer="/credit_code")
    earlier = await repository.find_supplier(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.name, earlier.area_path, earlier.credit_code) != (wanted.name, area.path, wanted.credit_code):
            raise IdTaken(pointer="/id")
        return earlier, False
    if wanted.credit_code is not None and await repository.find_by_code(session, wanted.credit_code) is not None:
        raise CreditCodeTaken(pointer="/credit_code")
    supplier = Supplier(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        name=wanted.name,
        area_path=area.path,
        credit_code=wanted.credit_code,
        is_related=wanted.is_related,
        relation=wanted.relation,
        registered_at=utc_now(),
        version=1,
    )
    session.add(supplier)
    await session.flush()
    return supplier, True


async def change_relation(session: WriteSession, caller: Principal, supplier: Supplier, relation: str | None) -> None:
    """Note that a supplier is related to somebody who decides, or is not any more."""
    caller.must(Role.TREASURER, Role.AUDITOR, at=supplier.area_path, rule="treasurers_register_suppliers")
    supplier.is_related, supplier.relation = relation is not None, relation
    supplier.version += 1
    await session.flush()
