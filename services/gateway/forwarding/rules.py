"""Which path belongs to which service, and which paths are refused however they are written.

Routing looks at the decoded path, as the services do, and the raw path is forwarded unchanged. A path that climbs
(`..`) or holds a backslash or a control character is refused, plain or percent-encoded once or several times: whatever
stands behind us must not be able to read it differently.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from services.gateway.problems import NoSuchPath, UnsafePath

__all__ = ["JWKS_PATH", "ROUTES", "Route", "route_of"]

JWKS_PATH: Final = "/.well-known/jwks.json"
_DECODINGS_MAX: Final = 4
_DELETE: Final = "\x7f"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a first path segment leads."""

    service: str
    takes_attachments: bool = False
    takes_tables: bool = False


# The first segments after /v1, by the service that they lead to.
_SEGMENTS: Final[dict[str, tuple[str, ...]]] = {
    "directory": (
        "areas",
        "deliveries",
        "entitlement-kinds",
        "entitlement-questions",
        "entitlements",
        "me",
        "people",
        "sign-in",
        "sign-out",
        "tenant",
        "tokens",
        "units",
    ),
    "intake": (
        "anonymous-cases",
        "calendar",
        "case-facts",
        "case-suggestions",
        "cases",
        "categories",
        "checklists",
        "day-facts",
        "door-disclosures",
        "drafts",
        "fact-checks",
        "facts",
        "handling",
        "hazards",
        "inspections",
        "mediation-figures",
        "mediations",
        "notifications",
        "open311",
        "open311-keys",
        "open311-services",
        "proposals",
        "routing",
        "spot-checks",
        "supervision-orders",
        "sync",
        "transition-facts",
        "unsealings",
        "visit-coverage",
        "visit-plans",
        "visits",
    ),
    "matching": (
        "agreements",
        "booking-series",
        "catalogue",
        "hsds",
        "learned-words",
        "match-plans",
        "matches",
        "needs",
        "offer-holds",
        "offers",
        "open-lists",
        "order-demands",
        "order-figures",
        "order-rules",
        "order-series",
        "orders",
        "partners",
        "projects",
        "transfers",
        "venue-utilisation",
        "webhook-deliveries",
        "webhook-endpoints",
        "webhook-events",
        "webhook-policy",
        "webhooks",
    ),
    "ledger": (
        "accounts",
        "bank-lines",
        "books",
        "campaigns",
        "contracts",
        "funds",
        "grants",
        "holds",
        "invoices",
        "open-books",
        "periods",
        "property-books",
        "property-spending",
        "questions",
        "suppliers",
        "transactions",
        "witnesses",
    ),
}


def _table() -> dict[str, Route]:
    table = {segment: Route(service) for service, names in _SEGMENTS.items() for segment in names}
    table |= {f"{service}-events": Route(service) for service in _SEGMENTS}
    return table | {
        "attachments": Route("intake", takes_attachments=True),
        "imports": Route("intake", takes_tables=True),
        "offer-imports": Route("matching", takes_tables=True),
    }


# The first segment after /v1.
ROUTES: Final = _table()
_JWKS_ROUTE: Final = Route("directory")


def route_of(path: str) -> Route:
    """Return where a decoded path leads.

    Raises:
        UnsafePath: it climbs or is ambiguous.
        NoSuchPath: it leads nowhere.
    """
    if "%" in path or "." in path or "\\" in path or not path.isprintable():
        _refuse_unsafe(path)
    parts = path.split("/", 3)
    if len(parts) > 2 and parts[1] == "v1" and not parts[0]:  # noqa: PLR2004 - "", "v1", segment
        route = ROUTES.get(parts[2])
        if route is not None:
            return route
    if path == JWKS_PATH:
        return _JWKS_ROUTE
    raise NoSuchPath


def _refuse_unsafe(path: str) -> None:
    for _ in range(_DECODINGS_MAX):
        if "\\" in path or any(sign < " " or sign == _DELETE for sign in path):
            raise UnsafePath
        if any(segment in {".", ".."} for segment in path.split("/")):
            raise UnsafePath
        decoded = unquote(path)
        if decoded == path:
            return
        path = decoded
    raise UnsafePath
