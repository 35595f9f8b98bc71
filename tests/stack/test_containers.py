"""docker-compose.yml and Dockerfile describe the same system that `linli up` starts, and describe it safely."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with schemathesis, without types
from pydantic_settings import BaseSettings

from services.stack.environment import role_urls
from services.stack.home import new_secrets
from shared.contracts import SERVICES
from tests.stack.test_environment import ALL_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [*SERVICES, "worker", "gateway"]
SETTINGS: dict[str, type[BaseSettings]] = dict(zip([*SERVICES, "gateway", "worker"], ALL_SETTINGS, strict=True))
# What no command can make up for the operator.
TO_BE_SAID = {"LINLI_CODE_SENDER_URL": "https://sender.example/codes", "LINLI_CODE_SENDER_TOKEN": "secret"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?}")


def filled(value: str) -> str:
    """Fill in variables as compose does, from `linli keys` and the two addresses."""
    known = new_secrets() | TO_BE_SAID

    def fill(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        if kind == "?":
            return known[name]
        assert kind == "-", f"{name} is neither required nor has a default"
        return known.get(name, default)

    return VARIABLE.sub(fill, value)


def environment(container: str) -> dict[str, str]:
    # What has no value is taken from the surroundings, or is missing.
    given = CONTAINERS[container].get("environment", {})
    return {name: filled(str(value)) for name, value in given.items() if value is not None}


def test_what_may_be_missing_is_read_by_whom_it_is_named_for() -> None:
    named = {name for name, value in CONTAINERS["worker"]["environment"].items() if value is None}
    assert named == {f"LINLI_{kind}_SENDER_{part}" for kind in ("PUSH", "SMS") for part in ("URL", "TOKEN")}
    assert {name.removeprefix("LINLI_").lower() for name in named} <= SETTINGS["worker"].model_fields.keys()


def test_it_is_the_same_system() -> None:
    assert set(CONTAINERS) == {"postgres", "valkey", "migrate", *OURS}
    assert CONTAINERS["postgres"]["image"] == "postgres:18"
    assert CONTAINERS["valkey"]["image"] == "valkey/valkey:9"


@pytest.mark.parametrize("name", OURS)
def test_each_process_is_given_what_it_requires_and_nothing_that_it_does_not_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SETTINGS[name]
    env = environment(name)
    for variable, value in env.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("LINLI_EMBEDDED", raising=False)
    assert settings()
    readable = {
        str(field.validation_alias or f"LINLI_{field_name}").upper()
        for field_name, field in settings.model_fields.items()
    }
    # The resolver reads this one.
    assert set(env) - {"RES_OPTIONS"} <= readable
    required = {
        str(field.validation_alias or f"LINLI_{field_name}").upper()
        for field_name, field in settings.model_fields.items()
        if field.is_required()
    }
    assert required <= set(env)


def test_the_migrations_know_every_role_with_the_password_that_it_uses() -> None:
    text = CONTAINERS["migrate"]["environment"]
    assert set(role_urls(text)) == {*SERVICES, "relay"}
    for name in SERVICES:
        variable = f"LINLI_{name.upper()}_DATABASE_URL"
        assert CONTAINERS[name]["environment"][variable] == text[variable]
    holders = [name for name in CONTAINERS if "LINLI_OWNER_DATABASE_URL" in CONTAINERS[name].get("environment", {})]
    assert holders == ["migrate"]


def test_a_service_holds_no_key_of_another() -> None:
    for name in SERVICES:
        others = {f"LINLI_{other.upper()}_DATABASE_URL" for other in SERVICES if other != name}
        assert not others & set(environment(name))
        assert "LINLI_INTERNAL_PRIVATE_KEY" not in environment(name)
        assert ("LINLI_TOKEN_SIGNING_KEY" in environment(name)) == (name == "directory")


@pytest.mark.parametrize("name", list(CONTAINERS))
def test_no_container_is_root_or_may_write_its_root_or_gain_rights(name: str) -> None:
    container = CONTAINERS[name]
    assert container["user"] not in {"root", "0", "0:0"}
    assert container["read_only"] is True
    assert "/tmp" in container["tmpfs"]  # noqa: S108 - the name is the point
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - {"migrate"}))
def test_every_container_that_stays_has_a_health_check(name: str) -> None:
    assert CONTAINERS[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert CONTAINERS[name]["restart"] == "unless-stopped"


def test_everything_waits_for_the_migrations_and_only_the_gateway_is_reached_from_outside() -> None:
    for name in (*SERVICES, "worker"):
        assert CONTAINERS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert CONTAINERS["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert [name for name in CONTAINERS if "ports" in CONTAINERS[name]] == ["gateway"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_no_secret_has_a_default_and_each_can_be_made() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name, kind, _ in VARIABLE.findall(text):
        if re.search("KEY|PASSWORD|TOKEN", name):
            assert kind == "?", name
            assert name in new_secrets() | TO_BE_SAID


def test_linli_keys_is_an_env_file() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.stack.cli", "keys"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert lines.keys() == new_secrets().keys()
    assert all(re.fullmatch(r"[A-Za-z0-9_:-]{20,}", value) for value in lines.values())


def test_the_image_holds_what_its_commands_need_and_no_more() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = dockerfile.split("FROM ")[1:]
    assert len(stages) == 2
    assert "--require-hashes" in stages[0]
    assert re.search(r"^USER 10001:10001$", stages[1], re.MULTILINE)
    # The image has our packages as sources, so only what the lock file names is ever installed.
    assert {"migrations", "seeds", "services", "shared"} <= set(re.findall(r"^COPY (\w+) ", stages[1], re.MULTILINE))
    installs = re.findall(r"pip3? install (.*)", dockerfile)
    assert installs
    assert all("--require-hashes" in line and "-r requirements.lock" in line for line in installs)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*", "only what is named is sent to the builder, so no .env and no .git"
    copied = set(re.findall(r"^COPY ((?:[\w.-]+ )+)", dockerfile, re.MULTILINE))
    names = {name for group in copied for name in group.split() if not name.startswith("--")}
    for name in names:
        assert f"!{name}" in ignored
        assert (ROOT / name).exists()
