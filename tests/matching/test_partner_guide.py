"""The guide for partners is true: its samples are taken from the document and run against a running service."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.gateway.settings import UPSTREAMS
from services.matching.conformance.rules import Step
from services.matching.offers.rules import OfferKind
from services.matching.webhooks_in.reading import message_schema
from services.matching.webhooks_in.rules import Fate
from shared.clock import machine_now
from shared.testing import TestServers
from shared.webhooks import PublicKey, new_secret
from tests.javascript import Node, open_node
from tests.matching.conftest import Quarter
from tests.matching.pushing import Pushing, batch, fates
from tests.serving import ServiceProcess

GUIDE = Path(__file__).parents[2] / "docs" / "partners.md"
_SAMPLE = re.compile(r"<!-- sample: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
SAMPLES = dict(_SAMPLE.findall(GUIDE.read_text(encoding="utf-8")))
EXPECTED = ["created"] * 6 + ["updated", "unchanged", "updated"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(servers: TestServers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The matching as a process of its own; returns its address."""
    folder = tmp_path_factory.mktemp("served")
    service = ServiceProcess("matching", {**os.environ, **servers.environment}, folder / "matching.log")
    service.start()
    await service.ready()
    yield service.url
    service.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(servers: TestServers, running: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A gateway before it; who has no token needs nobody else behind it."""
    folder = tmp_path_factory.mktemp("gateway")
    urls = {f"LINLI_{name.upper()}_URL": running for name in UPSTREAMS}
    service = ServiceProcess("gateway", {**os.environ, **servers.environment, **urls}, folder / "gateway.log")
    service.start()
    deadline = time.monotonic() + 30
    async with httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(f"{service.url}/livez")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, service.log.read_text(encoding="utf-8")
                await asyncio.sleep(0.05)
    yield service.url
    service.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return open_node(tmp_path_factory.mktemp("node"))


@pytest.fixture
async def partner(quarter: Quarter) -> Pushing:
    return Pushing(quarter, await quarter.partner(vetted=False))


def sample_batch(partner: Pushing) -> str:
    return str(SAMPLES["batch.json"]).replace("AREA_ID", str(partner.quarter.areas["d"]))


async def run_while_worked_off(
    partner: Pushing, command: list[str], folder: Path, running: str, secret: str
) -> list[str]:
    """Run a sample; what it sends is worked off meanwhile. Returns the lines that it prints."""
    (folder / "batch.json").write_text(sample_batch(partner), encoding="utf-8")
    environment = {**os.environ, "LINLI_WEBHOOK_URL": running + partner.address, "LINLI_WEBHOOK_SECRET": secret}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    told = asyncio.create_task(process.communicate())
    while not told.done():
        await partner.quarter.pipe.rest()
        await asyncio.wait([told], timeout=0.05)
    printed, complained = await told
    assert process.returncode == 0, complained.decode()
    return printed.decode().splitlines()


async def test_the_batch_of_the_guide_is_understood_line_by_line(partner: Pushing) -> None:
    await partner.key("sandbox")
    answer = await partner.push(sample_batch(partner).encode())
    assert answer.status_code == 202, answer.text
    await partner.quarter.pipe.rest()
    report = await partner.report(answer.json()["delivery_id"])
    assert fates(report) == EXPECTED, report["lines"]
    kinds = {line["understood"]["kind"] for line in report["lines"]}
    assert kinds == set(OfferKind)
    assert await partner.offers() == []


async def test_the_python_of_the_guide_pushes_and_reads_its_report_through_the_gateway(
    partner: Pushing, gateway: str, tmp_path: Path
) -> None:
    key = await partner.key("sandbox")
    (tmp_path / "push.py").write_text(SAMPLES["push.py"], encoding="utf-8")
    command = [sys.executable, "push.py", "batch.json"]
    printed = await run_while_worked_off(partner, command, tmp_path, gateway, key["secret"])
    assert [line.split()[1] for line in printed] == EXPECTED


async def test_what_the_gateway_lets_through_is_what_was_signed(partner: Pushing, gateway: str) -> None:
    await partner.key("sandbox")
    body = batch(*(partner.item(f"o{number}") for number in range(1_000)))
    async with httpx.AsyncClient() as http:

        async def push(content: bytes, **options: Any) -> tuple[int, str]:
            headers = partner.signed(content, **options)
            answer = await http.post(gateway + partner.address, content=content, headers=headers)
            return answer.status_code, answer.json().get("code", "")

        assert await push(body) == (202, "")
        assert await push(body, late_s=400) == (401, "webhook_timestamp_refused")
        assert await push(body, secrets=[new_secret().text]) == (401, "webhook_signature_refused")
        assert (await push(body + b" " * 1024 * 1024))[0] == 413
        nobody = await http.post(gateway + partner.address, content=body)
        assert (nobody.status_code, nobody.json()["code"]) == (401, "webhook_header_missing")


async def test_the_javascript_of_the_guide_pushes_and_reads_its_report(
    partner: Pushing, running: str, node: Node
) -> None:
    key = await partner.key("sandbox")
    (node.folder / "push.js").write_text(SAMPLES["push.js"], encoding="utf-8")
    command = [node.executable, "push.js", "batch.json"]
    printed = await run_while_worked_off(partner, command, node.folder, running, key["secret"])
    assert [line.split()[1] for line in printed] == EXPECTED


async def test_the_signature_without_a_library_is_the_right_one(partner: Pushing, running: str) -> None:
    await partner.key("sandbox")
    names: dict[str, Any] = {}
    exec(compile(SAMPLES["sign.py"], "sign.py", "exec"), names)  # noqa: S102 - the document's own words
    body, timestamp = batch(partner.item()), int(machine_now().timestamp())
    headers = {
        "webhook-id": "by-hand",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": names["sign"](partner.secrets[0], "by-hand", timestamp, body),
    }
    async with httpx.AsyncClient() as http:
        answer = await http.post(running + partner.address, content=body, headers=headers)
    assert answer.status_code == 202, answer.text


async def test_the_key_pair_of_the_guide_signs_what_is_taken(partner: Pushing, running: str, node: Node) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    made = await partner.key("sandbox", public_key=PublicKey(private.public_key().public_bytes_raw()).text)
    assert made["scheme"] == "v1a"
    (node.folder / "ed25519.js").write_text(SAMPLES["ed25519.js"], encoding="utf-8")
    body, timestamp = batch(partner.item()), str(int(machine_now().timestamp()))
    program = """
    const { signature } = require("./ed25519.js");
    const [key, id, timestamp, body] = JSON.parse(require("fs").readFileSync(0, "utf8"));
    process.stdout.write(signature(key, id, timestamp, body));
    """
    signature = node.run(program, stdin=orjson.dumps([pem, "pair", timestamp, body.decode()])).decode()
    headers = {"webhook-id": "pair", "webhook-timestamp": timestamp, "webhook-signature": signature}
    async with httpx.AsyncClient() as http:
        answer = await http.post(running + partner.address, content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert made["mode"] == answer.json()["mode"] == "sandbox"


def test_the_guide_names_everything_that_it_speaks_of() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name in (*Step, *Fate, *OfferKind):
        assert f"`{name.value}`" in text or f'"{name.value}"' in text, name
    items = message_schema()["properties"]["data"]["properties"]["items"]["items"]["anyOf"]
    for item in items:
        action = item["properties"]["action"]
        assert f"`{action.get('const')}`" in text
    assert new_secret().text[:6] in text
