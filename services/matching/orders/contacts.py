"""Where to come and whom to call: sealed, read by the requester, and by others only as far as they need it."""

from typing import Final
from uuid import UUID

import orjson

from services.matching.orders import repository
from services.matching.orders.models import Order, OrderContact, OrderDisclosure
from services.matching.orders.rules import STAFF, OrderState
from services.matching.orders.schemas import ContactIn
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, NotFound
from shared.texts import Text
from shared.vault import Place, Vault

__all__ = ["keep_contact", "read_contact"]

_COLUMN: Final = "order_contacts.sealed"
_NEEDED_IN: Final = frozenset({OrderState.ACCEPTED, OrderState.DELIVERED})


async def keep_contact(session: WriteSession, vault: Vault, said: ContactIn | None) -> UUID | None:
    """Seal what was said; nothing is kept when nothing was said."""
    words = said.model_dump(exclude_none=True) if said is not None else {}
    if not words:
        return None
    contact_id = new_id()
    sealed = vault.seal(orjson.dumps(words).decode(), Place(session.tenant, _COLUMN, contact_id))
    session.add(OrderContact(tenant_id=session.tenant, id=contact_id, sealed=sealed, kept_at=utc_now()))
    await session.flush()
    return contact_id


async def read_contact(
    session: WriteSession, caller: Principal, vault: Vault, order: Order, purpose: str
) -> dict[str, str]:
    """Open the contact of an order; that somebody else than the requester reads it is written down.

    Raises:
        Forbidden: the partner reads it from when it has accepted until the order is rated or has ended.
        NotFound: nothing was said.
    """
    is_own = caller.subject_id == order.requester_id
    is_staff = caller.has(*STAFF, at=order.area_path)
    is_partner = order.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER)
    if not is_own and not is_staff and not (is_partner and order.state in _NEEDED_IN):
        raise Forbidden(
            Text(zh="接单后至评价前可查看联系方式", en="The partner reads it between accepting and the rating"),
            rule="partner_reads_while_it_works",
        )
    contact = await repository.find_contact(session, order.contact_id) if order.contact_id is not None else None
    if contact is None:
        raise NotFound
    if not is_own:
        disclosure = OrderDisclosure(
            tenant_id=session.tenant,
            id=new_id(),
            order_id=order.id,
            purpose=purpose,
            actor=caller.actor,
            disclosed_at=utc_now(),
        )
        session.add(disclosure)
        await session.flush()
    words: dict[str, str] = orjson.loads(vault.unseal(contact.sealed, Place(session.tenant, _COLUMN, contact.id)))
    return words
