"""Fixtures of all tests: the servers and the services of this test process, and a tenant of its own for every test.

Tests commit for real and never clean up after each other: a fresh tenant per test isolates them, by the same row-level
security that isolates districts in production.
"""

import asyncio
import gc
import importlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
import pytest_asyncio
import uvloop
from fastapi import FastAPI
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

from shared import clock
from shared.contracts import SERVICES
from shared.db import Database
from shared.ids import new_id
from shared.testing import Callers, Pipe, Places, TestServers, start_servers

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# Imports make hundreds of thousands of objects and no garbage: looking for some among them, in every process, is vain.
gc.disable()

# Modules whose tests share something dear, and so run one after the other in one process of `make test`. pytest-xdist's
# own mark for that does nothing: it is written into a part of an item that pytest has not read since version 9.
TOGETHER: Final = (
    "tests/matching/test_evaluation.py",
    "tests/matching/test_partner_guide.py",
    "tests/matching/test_webhook_guide.py",
)

# The loop that the services' own processes have.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

ClientOf = Callable[[str], httpx.AsyncClient]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


class _Together(LoadGroupScheduling):  # type: ignore[misc]
    """Gives each test to whichever process is free, and the modules of TOGETHER whole to one."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling | None:
    """Replace the scheduling of `--dist loadgroup`."""
    return _Together(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """From here on there is garbage; what was imported is never a part of it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServers]:
    """PostgreSQL and Valkey of this test process, migrated; the services' environment is set."""
    folder: Path = tmp_path_factory.mktemp("servers")
    with start_servers(folder, SERVICES) as started:
        os.environ.update(started.environment)
        yield started


@pytest.fixture(scope="session")
def redis_url(servers: TestServers) -> str:
    """Where this test process has its Valkey."""
    return servers.redis_url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def apps(servers: TestServers) -> AsyncIterator[dict[str, FastAPI]]:
    """All services' apps, built as their processes build them."""
    assert servers.environment
    built = {name: importlib.import_module(f"services.{name}.app").create() for name in SERVICES}
    entered = [app.router.lifespan_context(app) for app in built.values()]
    for context in entered:
        await context.__aenter__()
    yield built
    for context in entered:
        await context.__aexit__(None, None, None)


@pytest.fixture(scope="session")
def databases(apps: dict[str, FastAPI]) -> dict[str, Database]:
    """The services' databases, as their apps use them."""
    return {name: app.state.db for name, app in apps.items()}


@asynccontextmanager
async def open_pipe(servers: TestServers, databases: dict[str, Database], *hearing: str) -> AsyncIterator[Pipe]:
    """Open a pipe at whose end these services listen."""
    consumers = {name: importlib.import_module(f"services.{name}.jobs").consumers for name in hearing}
    opened = await Pipe.open(databases, consumers, relay_url=servers.role_url("relay"), redis_url=servers.redis_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pipe(servers: TestServers, databases: dict[str, Database]) -> AsyncIterator[Pipe]:
    """The real pipe between the services, turned by hand."""
    async with open_pipe(servers, databases, *SERVICES) as opened:
        yield opened


@pytest.fixture(scope="session")
def ear(pipe: Pipe) -> Pipe:
    """The pipe by which places are told. Tests of one service have one at whose end only that service listens: the
    others hear when the pipe itself is run.
    """
    return pipe


@pytest.fixture
def rest(pipe: Pipe) -> Callable[[], Awaitable[None]]:
    """Run the pipe until nothing is on its way."""
    return pipe.rest


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test has."""
    return f"t{new_id().hex[:31]}"


@pytest.fixture
def caller(servers: TestServers, tenant: str) -> Callers:
    """Make headers: `caller("intake", (Role.OFFICER, "district"))`."""
    return Callers(servers.internal_key, tenant)


@pytest_asyncio.fixture(loop_scope="session")
async def places(ear: Pipe, tenant: str) -> AsyncIterator[Places]:
    """Open areas and units that the services hear of: `await places.area("district.zone")`."""
    yield Places(ear, tenant)
    await ear.forget(tenant)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(apps: dict[str, FastAPI]) -> AsyncIterator[ClientOf]:
    """Return an HTTP client of a service: `client("intake")`."""
    opened = {
        name: httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=f"http://{name}.test"
        )
        for name, app in apps.items()
    }
    yield opened.__getitem__
    for one in opened.values():
        await one.aclose()


class MovedClock:
    """The clock of this process, which tests move forward as `linli clock forward` does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ahead = timedelta(0)

    def forward(self, span: timedelta) -> None:
        """Let so much time pass at once."""
        self._ahead += span
        new = self._path.with_name("new")
        new.write_text(str(int(self._ahead.total_seconds())), encoding="ascii")
        new.replace(self._path)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MovedClock]:
    """Let a test move the clock; it is back in its place afterwards."""
    path = tmp_path / "clock"
    monkeypatch.setenv("LINLI_CLOCK_FILE", str(path))
    monkeypatch.setenv("LINLI_EMBEDDED", "1")
    clock._moved_clock.cache_clear()
    yield MovedClock(path)
    path.unlink(missing_ok=True)
    clock._moved_clock.cache_clear()


@pytest_asyncio.fixture(loop_scope="session")
async def owner(servers: TestServers) -> AsyncIterator[Any]:
    """A connection past all services, as the owner of the database."""
    connection = await asyncpg.connect(servers.owner_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def relay_pool(servers: TestServers) -> AsyncIterator[Any]:
    """Connections of the relay's role."""
    pool = await asyncpg.create_pool(servers.role_url("relay"), min_size=1, max_size=2)
    yield pool
    await pool.close()
