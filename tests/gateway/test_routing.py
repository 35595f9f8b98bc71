import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.forwarding.rules import ROUTES, route_of
from services.gateway.problems import NoSuchPath, UnsafePath
from services.gateway.settings import UPSTREAMS
from tests.gateway.house import Door


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/cases", "intake"),
        ("/v1/cases/", "intake"),
        ("/v1/attachments/1.jpg", "intake"),
        ("/v1/people/1/grants/2/end", "directory"),
        ("/v1/me", "directory"),
        ("/.well-known/jwks.json", "directory"),
        ("/v1/projects", "matching"),
        ("/v1/books/1/transactions", "ledger"),
    ],
)
def test_the_first_segment_chooses_the_service(path: str, service: str) -> None:
    assert route_of(path).service == service


def test_every_service_has_a_share_of_the_table() -> None:
    assert {route.service for route in ROUTES.values()} == set(UPSTREAMS)
    assert [name for name, route in ROUTES.items() if route.takes_attachments] == ["attachments"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/cases",
        "/internal/cases",
        "/cases",
        "//v1/cases",
        "/v1//cases",
        "/v1/livez",
        "/internal",
        "/.well-known/other",
    ],
)
def test_what_no_service_has_leads_nowhere(path: str) -> None:
    with pytest.raises(NoSuchPath):
        route_of(path)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cases/../../internal",
        "/v1/cases/..",
        "/v1/../v1/cases",
        "/v1/cases/./1",
        "/v1/cases/%2e%2e/x",
        "/v1/cases/%252e%252e%252fx",
        "/v1/cases\\..\\internal",
        "/v1/cases/%5c",
        "/v1/cases/\x00",
        "/v1/cases/\r\nx",
        "/v1/cases/%00",
        "/v1/cases/%" + "25" * 9 + "2e",
    ],
)
def test_paths_that_climb_or_can_be_read_twice_are_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        route_of(path)


@given(st.text(max_size=60))
def test_no_path_leads_out_of_the_table(rest: str) -> None:
    try:
        route = route_of("/v1/" + rest)
    except (NoSuchPath, UnsafePath):
        return
    assert ROUTES[rest.split("/", maxsplit=1)[0]] == route
    assert ".." not in rest.split("/")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/v1/cases/../../metrics", 400),
        (b"/v1/cases/%2e%2e/%2E%2E/internal/x", 400),
        (b"/v1/cases/%5c..%5cinternal", 400),
        (b"/v1/cases%2f..%2f..%2finternal", 400),
        (b"/internal/cases", 404),
        (b"/v1/readyz", 404),
        (b"/v1%2fcases/1", 200),
        (b"/v1/%63ases/a%20b?x=%2e%2e/&y=%2f", 200),
    ],
)
async def test_the_raw_path_is_judged_decoded_and_forwarded_as_it_came(door: Door, target: bytes, status: int) -> None:
    answer = await door.raw(b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    asked = [seen.raw_path + (b"?" + seen.query if seen.query else b"") for seen in door.service.seen]
    assert asked == ([target] if status == 200 else [])


async def test_a_services_own_health_and_figures_are_not_reachable(door: Door) -> None:
    for path in ("/v1/metrics", "/v1/livez", "/internal", "/internal/x", "/v1/cases/../../readyz"):
        await door.raw(b"GET " + path.encode() + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert door.service.seen == []


async def test_a_websocket_is_not_spoken(door: Door) -> None:
    upgrade = b"GET /v1/cases HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    answer = await asyncio.wait_for(door.raw(upgrade), 5)
    assert not answer.startswith(b"HTTP/1.1 101")
    assert all(seen.header("upgrade") is None for seen in door.service.seen)
