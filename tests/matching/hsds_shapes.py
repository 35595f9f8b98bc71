"""What HSDS 3.0 says that its objects look like, written down from its schema reference.

A member may be missing unless the standard requires it; it is never null, and members that the standard does not know
are errors.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AnyUrl, BaseModel, ConfigDict, Field

__all__ = [
    "SHAPES",
    "ApiShape",
    "LocationShape",
    "OrganizationShape",
    "PageShape",
    "ServiceAtLocationShape",
    "ServiceShape",
    "TaxonomyShape",
    "TermShape",
]

T = TypeVar("T")
ABSENT_UUID = UUID(int=0)
NEVER = datetime(1, 1, 1, tzinfo=UTC)
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
ClockTime = Annotated[str, Field(pattern=r"^\d\d:\d\d(Z|[+-]\d\d:\d\d)$")]


class Shape(BaseModel):
    """Nothing that the standard does not name."""

    model_config = ConfigDict(extra="forbid", strict=False)


class ApiShape(Shape):
    """What an interface tells of itself."""

    version: Literal["3.0"]
    profile: AnyUrl
    openapi_url: AnyUrl


class OrganizationShape(Shape):
    """Who provides services."""

    id: UUID
    name: str
    description: str
    alternate_name: str = ""
    website: AnyUrl = AnyUrl("http://absent.example")
    # The full answer names the services, in whatever detail.
    services: list[dict[str, str]] = []


class LocationShape(Shape):
    """A place."""

    id: UUID
    location_type: Literal["physical", "postal", "virtual"]
    organization_id: UUID = ABSENT_UUID
    name: str = ""
    description: str = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] = 0
    longitude: Annotated[float, Field(ge=-180, le=180)] = 0


class TaxonomyShape(Shape):
    """A vocabulary."""

    id: UUID
    name: str
    description: str
    uri: AnyUrl = AnyUrl("http://absent.example")
    version: str = ""


class TermShape(Shape):
    """A word of a vocabulary."""

    id: UUID
    name: str
    description: str
    code: str = ""
    parent_id: UUID = ABSENT_UUID
    taxonomy: str = ""
    taxonomy_id: UUID = ABSENT_UUID
    language: Annotated[str, Field(pattern=r"^[a-z]{3}$")] = "und"


class AttributeShape(Shape):
    """A word said of a service."""

    id: UUID
    link_id: UUID
    link_entity: str
    taxonomy_term_id: UUID
    link_type: str = ""
    value: str = ""
    taxonomy_term: TermShape


class ScheduleShape(Shape):
    """When something is open."""

    id: UUID
    service_id: UUID = ABSENT_UUID
    valid_from: Day = ""
    valid_to: Day = ""
    dtstart: Day = ""
    timezone: float = 0
    until: Day = ""
    count: int = 0
    wkst: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] = "MO"
    freq: Literal["WEEKLY", "MONTHLY"] = "WEEKLY"
    interval: int = 1
    byday: Annotated[str, Field(pattern=r"^(-?[1-5]?(MO|TU|WE|TH|FR|SA|SU))(,-?[1-5]?(MO|TU|WE|TH|FR|SA|SU))*$")] = "MO"
    bymonthday: Annotated[str, Field(pattern=r"^-?\d+(,-?\d+)*$")] = "1"
    description: str = ""
    opens_at: ClockTime = "00:00Z"
    closes_at: ClockTime = "00:00Z"


class ServiceAreaShape(Shape):
    """Where a service reaches."""

    id: UUID
    service_id: UUID = ABSENT_UUID
    name: str = ""
    description: str = ""
    extent: str = ""
    extent_type: Literal["geojson", "topojson", "kml", "text"] = "text"


class CostOptionShape(Shape):
    """What a service costs."""

    id: UUID
    service_id: UUID = ABSENT_UUID
    valid_from: date | None = None
    option: str = ""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    amount: float = 0
    amount_description: str = ""


class ListedServiceShape(Shape):
    """A service with its one-to-one members only, as lists show it."""

    id: UUID
    name: str
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    organization_id: UUID = ABSENT_UUID
    description: str = ""
    fees_description: str = ""
    eligibility_description: str = ""
    minimum_age: float = 0
    maximum_age: float = 0
    assured_date: Day = ""
    last_modified: datetime = NEVER
    organization: OrganizationShape


class ReferenceShape(Shape):
    """A service at a place, inside of the service."""

    id: UUID
    service_id: UUID = ABSENT_UUID
    location_id: UUID = ABSENT_UUID
    description: str = ""
    location: LocationShape


class ServiceShape(ListedServiceShape):
    """A service with all that belongs to it."""

    schedules: list[ScheduleShape]
    service_areas: list[ServiceAreaShape]
    service_at_locations: list[ReferenceShape]
    cost_options: list[CostOptionShape]
    attributes: list[AttributeShape]


class ServiceAtLocationShape(ReferenceShape):
    """A service at a place."""

    service: ListedServiceShape


class PageShape(Shape, Generic[T]):
    """A page of a list."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[T]


SHAPES: dict[str, type[Shape]] = {
    "services": ListedServiceShape,
    "service_at_locations": ServiceAtLocationShape,
    "organizations": OrganizationShape,
    "taxonomies": TaxonomyShape,
    "taxonomy_terms": TermShape,
}
