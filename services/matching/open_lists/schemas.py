"""Shapes of the open lists.

Anybody may read what stands here: officers write a need's summary and a project's title for the public, and offers are
those of organisations. Cases, exact points, reasons given in free words, and private people are left out.
"""

from datetime import datetime
from uuid import UUID

from services.matching.needs.rules import NeedState
from services.matching.offers.rules import OfferKind
from services.matching.offers.schemas import EntitledPriceOut
from services.matching.projects.rules import BudgetState, ProjectState
from shared.web import OutputModel

__all__ = ["OpenAreaOut", "OpenNeedOut", "OpenOfferOut", "OpenProjectOut"]


class OpenAreaOut(OutputModel):
    """An area whose lists can be read."""

    id: UUID
    path: str
    kind: str
    name: str


class OpenNeedOut(OutputModel):
    """A line of the demand list; `no_match_reason` says why nothing suits, as of the last look."""

    id: UUID
    category: str
    summary: str
    area_id: UUID
    area_path: str
    area_name: str
    quantity: int
    urgent: bool
    state: NeedState
    no_match_reason: str | None
    opened_at: datetime


class OpenOfferOut(OutputModel):
    """A line of the resource list. The area is where it reaches; a place is told of rooms that are open to people."""

    id: UUID
    partner_id: UUID
    partner_name: str
    kind: OfferKind
    category: str
    title: str
    area_id: UUID
    area_path: str
    area_name: str
    place_text: str | None
    remote: bool
    quantity: int
    free: int
    claimed: int
    arrived: int
    capacity_per_day: int | None
    price_fen: int | None
    entitled_prices: list[EntitledPriceOut]
    amount_fen: int | None
    valid_from: datetime
    valid_until: datetime | None
    confirmed_at: datetime
    created_at: datetime


class OpenProjectOut(OutputModel):
    """A line of the project list. Money in fen, as a fund has granted and paid it."""

    id: UUID
    number: str
    title: str
    area_id: UUID
    area_path: str
    area_name: str
    lead_unit_name: str | None
    state: ProjectState
    milestones: int
    milestones_reached: int
    budget_state: BudgetState
    total_fen: int
    own_fen: int
    granted_fen: int
    paid_fen: int
    opened_at: datetime
    completed_at: datetime | None
    cancelled_at: datetime | None
