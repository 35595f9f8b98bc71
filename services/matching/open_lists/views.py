"""From rows to lines: only the members of the shapes leave the house."""

from typing import Any, TypeVar

from sqlalchemy import Row

from services.matching.offers.rules import OfferKind
from services.matching.open_lists.schemas import OpenNeedOut, OpenOfferOut, OpenProjectOut
from shared.web import OutputModel

__all__ = ["open_need_out", "open_offer_out", "open_project_out"]

T = TypeVar("T", bound=OutputModel)


def _line(shape: type[T], thing: object, **beside: object) -> T:
    own = {name: getattr(thing, name) for name in shape.model_fields if name not in beside}
    return shape.model_validate({**own, **beside})


def open_need_out(row: Row[Any]) -> OpenNeedOut:
    """Show a need, with the name of its area."""
    return _line(OpenNeedOut, row[0], area_name=row.area_name)


def open_offer_out(row: Row[Any]) -> OpenOfferOut:
    """Show an offer; where goods lie or people start from is nobody's business."""
    offer = row[0]
    return _line(
        OpenOfferOut,
        offer,
        partner_name=row.partner_name,
        area_path=offer.coverage,
        area_name=row.area_name,
        place_text=offer.place_text if offer.kind == OfferKind.VENUE else None,
    )


def open_project_out(row: Row[Any]) -> OpenProjectOut:
    """Show a project, and how far it has come."""
    return _line(
        OpenProjectOut,
        row[0],
        area_name=row.area_name,
        lead_unit_name=row.lead_unit_name,
        milestones=row.milestones,
        milestones_reached=row.milestones_reached,
    )
