"""Shapes of offers."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.matching.offers.rules import OfferKind
from shared.money import MAX_FEN
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = ["CategoryCode", "OfferIn", "OfferOut", "OfferPatch", "Quantity"]

CategoryCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Category code 分类代码")]
Quantity = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
# Within these every offset can be turned into UTC.
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST)]
PriceFen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]


class OfferIn(InputModel):
    """Something that a partner gives. The area is where it reaches: it and everything below."""

    id: UUID | None = None
    partner_id: UUID
    kind: OfferKind
    category: CategoryCode
    title: ShortText
    description: PlainText
    area_id: UUID
    quantity: Quantity = 1
    price_fen: PriceFen | None = None
    valid_from: Moment | None = None
    valid_until: Moment | None = None


class OfferPatch(InputModel):
    """What may change; what is left out stays. Any change confirms the offer anew."""

    title: ShortText | None = None
    description: PlainText | None = None
    quantity: Quantity | None = None
    price_fen: PriceFen | None = None
    valid_until: Moment | None = None
    active: bool | None = None


class OfferOut(OutputModel):
    """A line of the resource list: how much is offered, held, committed, and free."""

    id: UUID
    partner_id: UUID
    kind: OfferKind
    category: str
    title: str
    description: str
    area_id: UUID
    coverage: str
    quantity: int
    held: int
    committed: int
    price_fen: int | None
    valid_from: datetime
    valid_until: datetime | None
    confirmed_at: datetime
    active: bool
    created_at: datetime
    version: int
