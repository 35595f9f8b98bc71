"""What the command refuses, and how it says so."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from rich.console import Console

from services.stack import showing
from services.stack.environment import given
from services.stack.home import Home, project_root
from services.stack.seeding import root_path, seed_tenants
from services.stack.vitals import program_began, tree_memory_bytes
from shared.auth import read_signing_key
from tests.stack.test_house import linli


def test_a_token_is_signed_by_the_directorys_key_and_holds_the_role_at_the_place(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = read_signing_key(home.secrets()["LINLI_TOKEN_SIGNING_KEY"])
    done = linli(
        "token", "--tenant", "town", "--role", "treasurer", "--at", "town.east", "--ttl", "120", "--data", str(tmp_path)
    )
    token = done.stdout.strip()
    claims = jwt.decode(token, key.private.public_key(), algorithms=["EdDSA"], audience="linli", issuer="linli")
    assert claims["tenant"] == "town"
    assert claims["grants"] == [{"role": "treasurer", "path": "town.east"}]
    assert claims["exp"] - claims["iat"] == 120
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["kid"] == key.kid


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["token", "--tenant", "town", "--role", "king"], "king"),
        (["token", "--tenant", "To wn"], "no token"),
        (["token", "--tenant", "town", "--ttl", "1"], "60"),
        (["status"], "no house runs"),
        (["seed"], "no house runs"),
        (["reset", "--yes"], "not the data folder"),
        (["up", "--port", "70000"], "65535"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(words: list[str], said: str, tmp_path: Path) -> None:
    Home(tmp_path).secrets()
    done = linli(*words, "--data", str(tmp_path))
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert tmp_path.exists()


def test_migrate_says_which_address_is_missing() -> None:
    done = linli("migrate")
    assert done.returncode == 2
    assert "LINLI_OWNER_DATABASE_URL" in done.stdout + done.stderr


def test_health_tells_by_its_exit_code() -> None:
    assert linli("health", "http://127.0.0.1:1/readyz").returncode == 1
    assert linli("health", "not an address").returncode == 1


def test_the_packs_have_tenants_and_each_a_root() -> None:
    assert seed_tenants()
    for tenant in seed_tenants():
        areas = json.loads((project_root() / "seeds" / "packs" / tenant / "areas.json").read_text(encoding="utf-8"))
        assert root_path(tenant) in {area["key"] for area in areas if not area.get("parent")}
    assert root_path("nowhere") == "nowhere"


def test_memory_is_that_of_a_process_and_all_below_it() -> None:
    holder = "import subprocess, sys; x = bytearray(64 << 20); print(1, flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holder!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        total, kind = tree_memory_bytes([process.pid])
        assert kind in {"PSS", "RSS"}
        assert 64 << 20 <= total <= 200 << 20
        process.communicate(b"\n")


def test_the_supervisor_stays_small() -> None:
    """It lives as long as the house: what only the services need must not be loaded into it."""
    code = "import sys, services.stack.cli; print(*sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name not in given()}
    loaded = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert not {"fastapi", "sqlalchemy", "alembic", "aiohttp", "asyncpg", "redis"} & set(loaded.stdout.split())


def test_the_program_began_before_now() -> None:
    assert program_began() <= program_began() + 1
    code = "import time; from services.stack.vitals import program_began as b; time.sleep(0.2); print(time.monotonic() - b())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.2 <= float(done.stdout) < 30


TOLD = """
# TYPE linli_outbox_unacknowledged gauge
linli_outbox_unacknowledged{consumer="matching",service="intake"} 7.0
linli_outbox_unacknowledged{consumer="ledger",service="intake"} 2.0
# TYPE linli_outbox_oldest_seconds gauge
linli_outbox_oldest_seconds{consumer="matching",service="intake"} 42.5
linli_outbox_oldest_seconds{consumer="ledger",service="intake"} 1.0
# TYPE linli_inbox_events gauge
linli_inbox_events{service="matching",state="dead"} 3.0
linli_inbox_events{service="matching",state="waiting"} 4.0
# TYPE linli_events_sent_total counter
linli_events_sent_total{consumer="matching",service="intake"} 100.0
linli_events_sent_total{consumer="ledger",service="intake"} 11.0
"""


def test_the_pipe_is_shown_at_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "metrics", lambda _: TOLD)
    table = showing.pipe_table(1)
    assert table is not None
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    lines = [line.replace("│", " ").split() for line in console.export_text().splitlines()]
    assert ["intake", "9", "42.5", "s", "0", "111", "0", "0", "0", "0", "0"] in lines
    assert ["matching", "0", "—", "0", "0", "0", "0", "4", "0", "3"] in lines
    monkeypatch.setattr(showing, "metrics", lambda _: "")
    assert showing.pipe_table(1) is None
