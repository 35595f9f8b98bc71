"""Endpoints as they are shown."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from services.matching.endpoints.catalogue import PARTNER_EVENTS, event_schema, sample_body
from services.matching.endpoints.models import Endpoint, EndpointKey
from services.matching.endpoints.repository import keys_of
from services.matching.endpoints.rules import STEPS
from services.matching.endpoints.schemas import CatalogueOut, EndpointOut, EventTypeOut, KeyOut
from services.matching.endpoints.service import facts_of
from services.matching.partners.models import Partner
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session
from shared.steps import next_actions

__all__ = ["catalogue_out", "endpoint_out", "endpoints_out"]

_COLUMNS = EndpointOut.model_fields.keys() - {"keys", "next_actions"}


def _view(endpoint: Endpoint, partner: Partner, keys: Sequence[EndpointKey], caller: Principal) -> EndpointOut:
    actions = next_actions(STEPS, facts_of(endpoint, partner), caller)
    columns = {name: getattr(endpoint, name) for name in _COLUMNS}
    shown = [KeyOut.model_validate(key) for key in keys]
    return EndpointOut.model_validate({**columns, "keys": shown, "next_actions": actions})


async def endpoints_out(
    session: Session, rows: Sequence[tuple[Endpoint, Partner]], caller: Principal
) -> dict[UUID, EndpointOut]:
    """Show some endpoints, by their ids."""
    keys: defaultdict[UUID, list[EndpointKey]] = defaultdict(list)
    for key in await keys_of(session, [endpoint.id for endpoint, _ in rows], utc_now()):
        keys[key.endpoint_id].append(key)
    return {endpoint.id: _view(endpoint, partner, keys[endpoint.id], caller) for endpoint, partner in rows}


async def endpoint_out(session: Session, endpoint: Endpoint, partner: Partner, caller: Principal) -> EndpointOut:
    """Show one endpoint."""
    return (await endpoints_out(session, [(endpoint, partner)], caller))[endpoint.id]


def catalogue_out() -> CatalogueOut:
    """Show what can be subscribed to."""
    events = [
        EventTypeOut(
            type=name,
            title=kind.__name__,
            summary=" ".join((kind.__doc__ or "").split()),
            concerns=kind.partners.concerns.name.lower(),
            json_schema=event_schema(name),
            sample=sample_body(name),
        )
        for name, kind in PARTNER_EVENTS.items()
        if kind.partners is not None
    ]
    return CatalogueOut(events=events)
