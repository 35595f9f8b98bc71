"""Schemathesis against each service, served for real: whatever it thinks of, no answer is a 5xx or breaks its schema.

What can be wrong with a member is tried in all ways that it knows; beside that stands one random request for each
operation, and fifty with LINLI_HYPOTHESIS=long.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from shared.auth import Grant, Principal, Role, mint_internal
from shared.contracts import SERVICES
from shared.embedded import end_child, free_port, start_child
from shared.ids import new_id
from shared.testing import TestServers
from tests.sizes import IS_LONG

RANDOM_REQUESTS = 50 if IS_LONG else 1
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"


@contextmanager
def served(service: str, servers: TestServers, folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", f"services.{service}.app:create", "--port", str(port)]
    environment = {**os.environ, **servers.environment}
    process = start_child([*command, "--log-level", "warning"], log=folder / f"{service}.log", environment=environment)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    try:
        while True:
            try:
                httpx.get(f"{url}/livez")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the service did not start"
                time.sleep(0.05)
        yield url
    finally:
        end_child(process)


def shaken(service: str, servers: TestServers, folder: Path, tenant: str) -> None:
    grants = tuple(Grant(role, "district") for role in Role)
    token = mint_internal(Principal(tenant, new_id(), "person", grants), service, servers.internal_key, ttl_s=600)
    with served(service, servers, folder) as url:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json", "--checks", CHECKS,
                "--header", f"Authorization: Bearer {token}", "--phases", "examples,coverage,fuzzing",
                "--max-examples", str(RANDOM_REQUESTS), "--seed", "1", "--no-color", "--generation-database", ":memory:",
            ],
            cwd=folder, capture_output=True, text=True, check=False, timeout=60 * (5 + RANDOM_REQUESTS),
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
def test_nothing_that_schemathesis_thinks_of_breaks_it(
    service: str, servers: TestServers, tmp_path: Path, tenant: str
) -> None:
    shaken(service, servers, tmp_path, tenant)
