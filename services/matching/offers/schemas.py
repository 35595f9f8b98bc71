"""Shapes of offers."""

from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from services.matching.availability.hours import BadRule, parse_rule
from services.matching.offers.rules import OfferKind
from shared.money import MAX_FEN
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "CategoryCode",
    "ClockTime",
    "Code",
    "EligibilityIn",
    "EligibilityOut",
    "EntitledPriceOut",
    "ExternalId",
    "ExternalVersion",
    "HoursIn",
    "HoursOut",
    "Moment",
    "OfferContent",
    "OfferIn",
    "OfferItem",
    "OfferOut",
    "OfferPatch",
    "OpeningIn",
    "OpeningOut",
    "Quantity",
    "RuleText",
]

CategoryCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Category code 分类代码")]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Quantity = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
# Within these every offset can be turned into UTC.
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST)]
PriceFen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]
AmountFen = Annotated[int, Field(strict=True, ge=1, le=MAX_FEN)]
Age = Annotated[int, Field(strict=True, ge=0, le=150)]
ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Local time 当地时间")]
ExternalId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    Field(pattern=r"^[^\x00]*$", description="The partner's own id of it 合伙人自己的编号"),
]
ExternalVersion = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]


SelfConfirming = Annotated[
    bool, Field(description="What is decided for it counts as agreed to by its partner 无需逐次确认，对接即成交")
]


def _rule(text: str) -> str:
    try:
        parse_rule(text)
    except BadRule as error:
        message = f"not a recurrence of the subset that we take ({error})"
        raise ValueError(message) from error
    return text


RuleText = Annotated[
    str,
    Field(max_length=200, description="RFC 5545: FREQ=DAILY|WEEKLY|MONTHLY, INTERVAL, BYDAY, BYMONTHDAY, COUNT, UNTIL"),
    AfterValidator(_rule),
]


class OpeningIn(InputModel):
    """Open on the days of a rule. A closing time that is not later than the opening is that of the next day."""

    rrule: RuleText
    starts_on: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
    opens: ClockTime
    closes: ClockTime


class ExceptionIn(InputModel):
    """A span that is closed, or open beside the rules. Closed wins."""

    kind: Literal["closed", "open"]
    starts_at: Moment
    ends_at: Moment
    reason: ShortText | None = None


class HoursIn(InputModel):
    """When it is open. Left out, it always is."""

    openings: Annotated[list[OpeningIn], Field(max_length=20)]
    exceptions: Annotated[list[ExceptionIn], Field(max_length=400)] = Field(default_factory=list)


class EligibilityIn(InputModel):
    """Whom it is for: any of the entitlements, an age, residents of one of the areas. Empty means everybody."""

    entitlements: Annotated[list[Code], Field(max_length=20)] = Field(default_factory=list)
    min_age: Age | None = None
    max_age: Age | None = None
    resident_of: Annotated[list[UUID], Field(max_length=20, description="Areas 区域")] = Field(default_factory=list)


class EntitledPriceIn(InputModel):
    """What somebody with an entitlement pays."""

    entitlement: Code
    price_fen: PriceFen


class OfferContent(InputModel):
    """What an offer says, however it arrives. The area is where it reaches: it and everything below."""

    kind: OfferKind
    category: CategoryCode
    title: ShortText
    description: PlainText
    area_id: UUID
    place_text: Annotated[ShortText | None, Field(description="Where it is, for people to read 地点")] = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    remote: Annotated[bool, Field(description="Distance does not matter 可远程")] = False
    quantity: Quantity = 1
    capacity_per_day: Quantity | None = None
    price_fen: PriceFen | None = None
    entitled_prices: Annotated[list[EntitledPriceIn], Field(max_length=20)] = Field(default_factory=list)
    amount_fen: AmountFen | None = None
    fund_id: Annotated[UUID | None, Field(description="The fund that pledged money goes to 捐赠去向")] = None
    eligibility: EligibilityIn = Field(default_factory=EligibilityIn)
    skills: Annotated[list[Code], Field(max_length=50)] = Field(default_factory=list)
    hours: HoursIn | None = None
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    self_confirming: SelfConfirming = False


class OfferIn(OfferContent):
    """Something that a partner gives."""

    id: UUID | None = None
    partner_id: UUID


class OfferItem(OfferContent):
    """Something that a partner gives, under an id and a version of its own: the newest version holds."""

    external_id: ExternalId
    external_version: ExternalVersion
    active: bool = True


class OfferPatch(InputModel):
    """What may change; what is left out stays. Any change confirms the offer anew."""

    title: ShortText | None = None
    description: PlainText | None = None
    place_text: ShortText | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    remote: bool | None = None
    quantity: Quantity | None = None
    capacity_per_day: Quantity | None = None
    price_fen: PriceFen | None = None
    entitled_prices: Annotated[list[EntitledPriceIn], Field(max_length=20)] | None = None
    eligibility: EligibilityIn | None = None
    skills: Annotated[list[Code], Field(max_length=50)] | None = None
    hours: HoursIn | None = None
    valid_until: Moment | None = None
    self_confirming: bool | None = None
    active: bool | None = None


class OpeningOut(OutputModel):
    """Open on the days of a rule."""

    rrule: str
    starts_on: date
    opens: str
    closes: str


class ExceptionOut(OutputModel):
    """A span that is closed, or open beside the rules."""

    kind: Literal["closed", "open"]
    starts_at: datetime
    ends_at: datetime
    reason: str | None


class HoursOut(OutputModel):
    """When it is open."""

    openings: list[OpeningOut]
    exceptions: list[ExceptionOut]


class EligibilityOut(OutputModel):
    """Whom it is for; empty lists and nulls mean everybody."""

    entitlements: list[str]
    min_age: int | None
    max_age: int | None
    resident_of: list[UUID]
    area_paths: list[str]


class EntitledPriceOut(OutputModel):
    """What somebody with an entitlement pays."""

    entitlement: str
    price_fen: int


class OfferOut(OutputModel):
    """A line of the resource list.

    `needs_refresh` asks its partner to say that it still stands: any change does, an empty one too.
    Of the quantity offered each unit is free, held, committed, moving or received: claimed is what both sides have
    agreed on, arrived is what is there.
    """

    id: UUID
    partner_id: UUID
    kind: OfferKind
    category: str
    title: str
    description: str
    area_id: UUID
    coverage: str
    place_text: str | None
    latitude: float | None
    longitude: float | None
    remote: bool
    quantity: int
    free: int
    held: int
    committed: int
    moving: int
    received: int
    claimed: int
    arrived: int
    capacity_per_day: int | None
    price_fen: int | None
    entitled_prices: list[EntitledPriceOut]
    amount_fen: int | None
    fund_id: UUID | None
    eligibility: EligibilityOut
    skills: list[str]
    hours: HoursOut | None
    valid_from: datetime
    valid_until: datetime | None
    confirmed_at: datetime
    asked_at: datetime | None
    needs_refresh: bool
    active: bool
    self_confirming: bool
    external_id: str | None
    external_version: int | None
    created_at: datetime
    version: int
