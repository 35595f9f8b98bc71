"""Schemathesis against each service, served over HTTP: whatever it thinks of, no answer is a 5xx or breaks its schema.

What can be wrong with a member is tried in all ways that it knows; beside that stands one random request for each
operation, and fifty with LINLI_HYPOTHESIS=long. Methods that an address does not take are tried in test_bad_input.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from fastapi import FastAPI
from hypothesis.configuration import storage_directory

from shared.auth import Grant, Principal, Role, mint_internal
from shared.contracts import SERVICES
from shared.ids import new_id
from shared.testing import TestServers
from tests.gateway.house import serving
from tests.sizes import IS_LONG

RANDOM_REQUESTS = 50 if IS_LONG else 1
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"
SETTINGS = "[phases.coverage]\nunexpected-methods = []\n"
# The command itself, which makes very much and lets go of it at once: garbage is looked for as seldom as in a service.
COMMAND: Final = """
import gc, sys
from schemathesis.cli import schemathesis
gc.set_threshold(20_000, 20, 20)
sys.exit(schemathesis())
"""


def shaken(url: str, token: str, folder: Path) -> None:
    (folder / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    # What it knows of Unicode takes a second to find out, and is written down there.
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(storage_directory().path.resolve())}
    done = subprocess.run(
        [
            sys.executable, "-c", COMMAND, "run", f"{url}/openapi.json", "--checks", CHECKS,
            "--header", f"Authorization: Bearer {token}", "--phases", "examples,coverage,fuzzing",
            "--max-examples", str(RANDOM_REQUESTS), "--seed", "1", "--no-color", "--generation-database", ":memory:",
        ],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60 * (5 + RANDOM_REQUESTS),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
async def test_nothing_that_schemathesis_thinks_of_breaks_it(
    service: str, servers: TestServers, apps: dict[str, FastAPI], tmp_path: Path, tenant: str
) -> None:
    grants = tuple(Grant(role, "district") for role in Role)
    token = mint_internal(Principal(tenant, new_id(), "person", grants), service, servers.internal_key, ttl_s=600)
    async with serving(apps[service]) as url:
        await asyncio.to_thread(shaken, url, token, tmp_path)
