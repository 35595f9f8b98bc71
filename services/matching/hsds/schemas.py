"""Shapes of HSDS 3.0, as its API reference names them. A member without a value is left out of the answer."""

from datetime import datetime
from typing import Generic, Literal, TypeVar
from uuid import UUID

from shared.web import OutputModel

__all__ = [
    "AddressedLocation",
    "ApiInfo",
    "Attribute",
    "CostOption",
    "FullOrganization",
    "FullService",
    "HsdsPage",
    "Organization",
    "Schedule",
    "Service",
    "ServiceArea",
    "ServiceAtLocation",
    "ServiceName",
    "ServiceReference",
    "Taxonomy",
    "TaxonomyTerm",
]

T = TypeVar("T")


class ApiInfo(OutputModel):
    """What this interface is."""

    version: str
    profile: str
    openapi_url: str


class HsdsPage(OutputModel, Generic[T]):
    """A page of a list."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[T]


class Organization(OutputModel):
    """Who provides services."""

    id: UUID
    name: str
    description: str


class Taxonomy(OutputModel):
    """A vocabulary."""

    id: UUID
    name: str
    description: str
    version: str


class TaxonomyTerm(OutputModel):
    """A word of a vocabulary."""

    id: UUID
    code: str
    name: str
    description: str
    taxonomy: str
    taxonomy_id: UUID
    language: str


class Attribute(OutputModel):
    """A word that is said of something."""

    id: UUID
    link_id: UUID
    link_entity: Literal["service"]
    taxonomy_term_id: UUID
    taxonomy_term: TaxonomyTerm


class Schedule(OutputModel):
    """When it is open, as far as weekly and monthly rules can say it; the words always do."""

    id: UUID
    service_id: UUID
    valid_from: str | None
    valid_to: str | None
    dtstart: str | None
    timezone: int
    until: str | None
    count: int | None
    wkst: Literal["MO"] | None
    freq: Literal["WEEKLY", "MONTHLY"] | None
    interval: int | None
    byday: str | None
    bymonthday: str | None
    description: str
    opens_at: str
    closes_at: str


class ServiceArea(OutputModel):
    """Where a service reaches."""

    id: UUID
    service_id: UUID
    name: str
    extent: str
    extent_type: Literal["text"]


class CostOption(OutputModel):
    """What it costs, in yuan as the standard counts."""

    id: UUID
    service_id: UUID
    option: str
    currency: Literal["CNY"]
    amount: int | float
    amount_description: str


class AddressedLocation(OutputModel):
    """A place."""

    id: UUID
    location_type: Literal["physical", "virtual"]
    organization_id: UUID
    name: str
    description: str | None
    latitude: float | None
    longitude: float | None


class Service(OutputModel):
    """A service, without what there may be many of."""

    id: UUID
    organization_id: UUID
    name: str
    description: str
    status: Literal["active"]
    fees_description: str | None
    eligibility_description: str | None
    minimum_age: int | None
    maximum_age: int | None
    assured_date: str
    last_modified: datetime
    organization: Organization


class ServiceReference(OutputModel):
    """A service at a place, inside of the service."""

    id: UUID
    service_id: UUID
    location_id: UUID
    description: str
    location: AddressedLocation


class FullService(Service):
    """A service with everything that belongs to it."""

    schedules: list[Schedule]
    service_areas: list[ServiceArea]
    service_at_locations: list[ServiceReference]
    cost_options: list[CostOption]
    attributes: list[Attribute]


class ServiceAtLocation(ServiceReference):
    """A service at a place."""

    service: Service


class ServiceName(OutputModel):
    """A service by its name."""

    id: UUID
    name: str
    status: Literal["active"]


class FullOrganization(Organization):
    """Who provides services, and which."""

    services: list[ServiceName]
