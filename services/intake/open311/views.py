"""From rows to the documents of GeoReport v2."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.intake.open311.attributes import Attribute
from services.intake.open311.models import Open311Report
from services.intake.open311.repository import Offer, Seen
from services.intake.open311.rules import notes_of, said_time, status_of
from services.intake.open311.schemas import ReportOut
from services.intake.open311.service import Listing, Offered, Receipt
from services.intake.open311_admin.rules import Visibility
from shared.texts import Text

__all__ = ["definition_view", "receipt_view", "report_out", "request_views", "service_views"]

# About a hundred metres: enough for a pin on a map, and hundreds of homes.
_ROUGH_DECIMALS: Final = 3


def _name(offer: Offer, language: str) -> str:
    return Text(zh=offer.category.name_zh, en=offer.category.name_en).into(language)


def service_views(services: Mapping[str, Offered], language: str, *, with_tokens: bool) -> list[dict[str, Any]]:
    """Show the services. Their type is `batch` to an app whose filings are answered with tokens."""
    return [
        {
            "service_code": code,
            "service_name": _name(offered.offer, language),
            "description": (offered.offer.said and offered.offer.said.description) or _name(offered.offer, language),
            "metadata": bool(offered.attributes),
            "type": "batch" if with_tokens else "realtime",
            "keywords": offered.offer.said.keywords if offered.offer.said else None,
            "group": _group(offered.offer, language),
        }
        for code, offered in services.items()
    ]


def _group(offer: Offer, language: str) -> str | None:
    above = offer.group
    return Text(zh=above.name_zh, en=above.name_en).into(language) if above is not None else None


def definition_view(code: str, attributes: Sequence[Attribute]) -> dict[str, Any]:
    """Show the questions of a service."""
    return {"service_code": code, "attributes": [_attribute(attribute) for attribute in attributes]}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "variable": attribute.variable,
        "code": attribute.code,
        "datatype": attribute.datatype.value,
        "required": attribute.required,
        "datatype_description": attribute.datatype_description,
        "order": attribute.order,
        "description": attribute.description,
    }
    if attribute.values:
        shown["values"] = [{"key": choice.key, "name": choice.name} for choice in attribute.values]
    return shown


def receipt_view(receipt: Receipt) -> list[dict[str, Any]]:
    """Show what was filed: its number, or the token in its place. The account is not told back."""
    told = {"service_request_id": receipt.number} if receipt.token is None else {"token": receipt.token}
    return [{**told, "service_notice": receipt.notice, "account_id": None}]


def request_views(listing: Listing, language: str) -> list[dict[str, Any]]:
    """Show cases, each as much as its category and the asker's key allow."""
    return [_request(seen, listing, language) for seen in listing.seen]


def _request(seen: Seen, listing: Listing, language: str) -> dict[str, Any]:
    case, offer, report = seen.case, listing.offers[seen.case.category], seen.report
    is_own = report is not None and listing.key is not None and report.key_id == listing.key.id
    is_worded = is_own or (report is not None and offer.visibility is Visibility.WORDS)
    status, ending = status_of(case.state), listing.endings.get(case.id)
    said = ending.public_note if ending is not None else None
    return {
        "service_request_id": case.number,
        "status": status,
        "status_notes": notes_of(case.state, case.outcome, said).into(language),
        "service_name": _name(offer, language),
        "service_code": case.category,
        "description": case.description if is_own else case.title if is_worded else None,
        "agency_responsible": seen.unit_name,
        "service_notice": offer.said.notice if offer.said else None,
        "requested_datetime": said_time(case.filed_at),
        "updated_datetime": said_time(_updated(case.id, case.updated_at, listing, status)),
        "expected_datetime": said_time(case.due_at),
        "address": (case.place_text or seen.area_name) if is_worded else seen.area_name,
        "address_id": str(case.area_id),
        "zipcode": None,
        "lat": _degrees(case.latitude, exact=is_worded),
        "long": _degrees(case.longitude, exact=is_worded),
        "media_url": report.media_url if report is not None and is_own else None,
    }


def _updated(case_id: UUID, updated_at: datetime, listing: Listing, status: str) -> datetime:
    """Return when a case changed, and of a closed one when it was closed."""
    ending = listing.endings.get(case_id)
    return ending.at if ending is not None and status == "closed" else updated_at


def _degrees(value: float | None, *, exact: bool) -> float | None:
    return value if exact or value is None else round(value, _ROUGH_DECIMALS)


def report_out(report: Open311Report, filed_by: str) -> ReportOut:
    """Show an officer what came with a case."""
    columns = {name: getattr(report, name) for name in ReportOut.model_fields if name != "filed_by"}
    return ReportOut(filed_by=filed_by, **columns)
