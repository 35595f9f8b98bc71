"""The environment of the house's processes: complete for every one of them, and what is given outside wins."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from services.directory.settings import DirectorySettings
from services.gateway.settings import GatewaySettings
from services.intake.settings import IntakeSettings
from services.ledger.settings import LedgerSettings
from services.matching.settings import MatchingSettings
from services.stack.environment import (
    GivenTooLittle,
    check_given,
    database_place,
    given,
    house_environment,
    role_urls,
)
from services.stack.home import new_secrets
from services.worker.settings import WorkerSettings
from shared.contracts import SERVICES

PORTS = {name: 9_000 + number for number, name in enumerate((*SERVICES, "worker", "gateway", "postgres", "valkey"))}
ALL_SETTINGS: list[type[BaseSettings]] = [
    DirectorySettings,
    IntakeSettings,
    MatchingSettings,
    LedgerSettings,
    GatewaySettings,
    WorkerSettings,
]


def environment(**outside: str) -> dict[str, str]:
    return house_environment(
        outside,
        new_secrets(),
        PORTS,
        database="127.0.0.1:5000/linli",
        redis_url="redis://127.0.0.1:6000/0",
        clock_file=Path("clock"),
    )


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in given():
        monkeypatch.delenv(name)


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_every_process_finds_all_it_needs(settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    assert settings()


def test_what_is_given_outside_wins_and_the_owner_stays_with_the_migrations() -> None:
    made = environment(
        LINLI_LOG_LEVEL="error", LINLI_REDIS_URL="redis://far/1", LINLI_OWNER_DATABASE_URL="postgresql://o@far/x"
    )
    assert made["LINLI_LOG_LEVEL"] == "error"
    assert made["LINLI_REDIS_URL"] == "redis://far/1"
    assert "LINLI_OWNER_DATABASE_URL" not in made


def test_each_service_connects_as_itself() -> None:
    urls = role_urls(environment())
    assert set(urls) == {*SERVICES, "relay"}
    for name, url in urls.items():
        assert url.startswith(f"postgresql://linli_{name}:")
        assert url.endswith("@127.0.0.1:5000/linli")
    assert len({url.split(":")[2] for url in urls.values()}) == len(urls)


def test_an_address_gives_its_place_without_its_secret() -> None:
    assert (
        database_place("postgresql://me:p%40ss@db.example:6543/linli?ssl=require")
        == "db.example:6543/linli?ssl=require"
    )
    assert database_place("postgresql://me:x@[::1]:5432/linli") == "[::1]:5432/linli"


def test_empty_variables_count_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_REDIS_URL", "")
    monkeypatch.setenv("LINLI_LOG_LEVEL", "error")
    assert given() == {"LINLI_LOG_LEVEL": "error"}


def test_half_of_what_belongs_together_is_refused() -> None:
    check_given({})
    check_given({"LINLI_OWNER_DATABASE_URL": "x", "LINLI_LEDGER_DATABASE_URL": "y"})
    with pytest.raises(GivenTooLittle, match="LINLI_OWNER_DATABASE_URL"):
        check_given({"LINLI_LEDGER_DATABASE_URL": "y"})
    with pytest.raises(GivenTooLittle, match="pair"):
        check_given({"LINLI_INTERNAL_PUBLIC_KEY": "y"})
    with pytest.raises(GivenTooLittle, match="LINLI_RELAY_DATABASE_URL"):
        role_urls({f"LINLI_{name.upper()}_DATABASE_URL": "x" for name in SERVICES})
