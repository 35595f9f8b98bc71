"""Fixtures: a Valkey of our own, keys, and doors opened as a test needs them."""

import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.gateway.app import Gateway
from services.gateway.settings import UPSTREAMS
from shared.auth import SigningKey, read_signing_key
from shared.embedded import EmbeddedValkey
from tests.gateway.house import Door, Service, serving, settings_for

OpenDoor = Callable[..., Awaitable[Door]]


def seed() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey that these tests share."""
    valkey = EmbeddedValkey(tmp_path_factory.mktemp("gateway-valkey"))
    yield valkey.start()
    valkey.stop()


@pytest.fixture
def token_key() -> SigningKey:
    """What the directory signs with."""
    return read_signing_key(seed())


@pytest_asyncio.fixture
async def open_door(valkey_url: str, token_key: SigningKey) -> AsyncIterator[OpenDoor]:
    """Start gateways, with `service`, `urls` of single upstreams and any setting as keywords."""
    # All tests call from one address, and must not owe what others spent.
    redis = Redis.from_url(valkey_url)
    await redis.flushdb()
    await redis.aclose()
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            service: Service | None = None,
            urls: dict[str, str] | None = None,
            http: object = None,
            **changes: object,
        ) -> Door:
            service = service or Service()
            service.keys = service.keys or [token_key]
            url = await stack.enter_async_context(serving(service))
            internal_seed = seed()
            addresses = dict.fromkeys(UPSTREAMS, url) | (urls or {})
            changes.setdefault("redis_url", valkey_url)
            gateway = Gateway(settings_for(addresses, internal_seed, **changes))  # type: ignore[arg-type]
            door_url = await stack.enter_async_context(serving(gateway, http=http))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=door_url, timeout=15))
            return Door(door_url, gateway, service, client, token_key, read_signing_key(internal_seed))

        yield open_one


@pytest_asyncio.fixture
async def door(open_door: OpenDoor) -> Door:
    """One gateway with generous limits before one service."""
    return await open_door()
