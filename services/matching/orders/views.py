"""From rows to representations of orders."""

from typing import Final

from services.matching.offers.schemas import OfferOut
from services.matching.orders import repository
from services.matching.orders.models import Order
from services.matching.orders.placing import booked_for_a_time
from services.matching.orders.prices import asking_for
from services.matching.orders.rules import STEPS, OrderState
from services.matching.orders.schemas import CatalogueItem, OrderOut
from services.matching.orders.steps import facts_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.steps import next_actions

__all__ = ["catalogue_item", "is_partners_view", "order_out"]

_WAITING: Final = frozenset({OrderState.PRICING, OrderState.QUOTED, OrderState.PLACED})
_COMPUTED: Final = frozenset({"next_actions", "has_contact", "wait_until", "up_to_fen"})


def is_partners_view(order: Order, caller: Principal) -> bool:
    """Tell whether somebody sees an order only because they act for its partner."""
    return caller.subject_id != order.requester_id and not caller.has(*repository.SEES_BELOW, at=order.area_path)


def order_out(order: Order, caller: Principal) -> OrderOut:
    """Show an order with what this caller may do; to its partner, without what is the requester's own business."""
    told = next_actions(STEPS, facts_of(order, utc_now()), caller)
    columns = {name: getattr(order, name) for name in OrderOut.model_fields if name not in _COMPUTED}
    return OrderOut.model_validate(
        {
            **columns,
            "up_to_fen": None if is_partners_view(order, caller) else order.up_to_fen,
            "wait_until": order.wait_until if order.state in _WAITING else None,
            "has_contact": order.contact_id is not None,
            "next_actions": told,
        }
    )


def catalogue_item(found: repository.Orderable) -> CatalogueItem:
    """Show what can be ordered; what it costs oneself is only known where it depends on nothing."""
    offer, partner, partner_name = found
    shown = OfferOut.model_validate(offer)
    asking = asking_for(offer.price_fen, offer.entitled_prices, shown.eligibility.entitlements)
    return CatalogueItem(
        offer_id=offer.id,
        partner_id=partner.id,
        unit_id=partner.unit_id,
        partner_name=partner_name,
        kind=shown.kind,
        category=offer.category,
        title=offer.title,
        description=offer.description,
        place_text=offer.place_text,
        free=offer.free,
        is_booked_for_a_time=booked_for_a_time(offer),
        hours=shown.hours,
        price_fen=offer.price_fen,
        entitled_prices=shown.entitled_prices,
        eligibility=shown.eligibility,
        my_price_fen=None if asking.questions else asking.fallback_fen,
        valid_until=offer.valid_until,
    )
