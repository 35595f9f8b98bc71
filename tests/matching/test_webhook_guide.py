"""The receivers in docs/webhooks.md run as they stand there, and believe what the house sends and nothing else."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shared.clock import machine_now
from shared.db import Database
from shared.webhooks import new_private_key, new_secret, sign
from tests.javascript import Node, open_node
from tests.matching.conftest import Quarter
from tests.matching.receiving import NEED, Partner, heard_of_need, postman, receiver, subscribed

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
BODY = '{"id":"x","type":"linli.need.opened.v1","data":{"title":"理发 ✂"}}'.encode()


def program(name: str) -> str:
    """Return the block of the guide that begins by naming its file."""
    for block in re.findall(r"```(?:python|js)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL):
        if re.match(rf"(#|//) {re.escape(name)}\b", block):
            return str(block)
    raise AssertionError(name)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return open_node(tmp_path_factory.mktemp("node"))


class Running:
    """A receiver that runs: where it listens, and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            return (await self.process.stdout.readline()).decode().strip()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/linli"


@asynccontextmanager
async def running(command: list[str], folder: Path, secrets: str) -> AsyncIterator[Running]:
    environment = {"PATH": os.environ["PATH"], "SECRETS": secrets, "PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE
    )
    built = Running(process)
    try:
        said = await built.line()
        built.port = int(said.removeprefix("listening on "))
        yield built
    finally:
        process.kill()
        await process.wait()


def command_of(language: str, folder: Path, request: pytest.FixtureRequest) -> tuple[list[str], Path]:
    if language == "python":
        (folder / "receiver.py").write_text(program("receiver.py"), encoding="utf-8")
        return [sys.executable, "receiver.py"], folder
    node: Node = request.getfixturevalue("node")
    (node.folder / "receiver.js").write_text(program("receiver.js"), encoding="utf-8")
    return [node.executable, "receiver.js"], node.folder


async def again(mine: Partner) -> None:
    (row,) = await mine.deliveries()
    path = f"/v1/webhook-deliveries/{row['id']}/resend"
    assert (await mine.quarter.post(path, by=mine.by, version=row["version"])).status_code == 202


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_a_receiver_of_the_guide_takes_each_message_once_and_refuses_what_nobody_signed(
    quarter: Quarter, database: Database, tmp_path: Path, request: pytest.FixtureRequest, language: str
) -> None:
    command, folder = command_of(language, tmp_path, request)
    mine = await subscribed(quarter, "http://127.0.0.1:1/", NEED)
    rotated = await quarter.made(f"{mine.path}/rotate", {}, by=mine.by, version=1)
    # The receiver has not heard of the new secret yet, and another one has heard of nothing else.
    for number, secrets in enumerate((mine.secret, f"{new_secret().text},{rotated['secret']}")):
        async with running(command, folder, secrets) as far, postman() as man:
            version = (await mine.seen())["version"]
            assert (await quarter.patch(mine.path, {"url": far.url}, by=mine.by, version=version)).status_code == 200
            if number == 0:
                await heard_of_need(quarter)
                await man.send_all(database, quarter.caller.tenant)
                word, kind, message_id = (await far.line()).split()
                assert (word, kind) == ("new", NEED)
            else:
                await again(mine)
                await man.send_all(database, quarter.caller.tenant)
                assert (await far.line()).split()[1:] == [NEED, message_id]
            await again(mine)
            await man.send_all(database, quarter.caller.tenant)
            assert (await far.line()).split() == ["again", NEED, message_id]
            async with httpx.AsyncClient(trust_env=False) as http:
                forged = sign("x", machine_now(), BODY, [new_secret(), new_private_key()])
                malformed = {**forged, "webhook-signature": "v1"}
                for headers in ({}, forged, malformed, {**forged, "webhook-timestamp": "soon"}):
                    assert (await http.post(far.url, content=BODY, headers=headers)).status_code == 401
    assert await mine.states() == ["delivered"]


async def test_the_guides_ed25519_verifiers_believe_what_the_house_signs_and_nothing_else(
    quarter: Quarter, database: Database, tmp_path: Path, node: Node
) -> None:
    async with receiver() as far, postman() as man:
        mine = await subscribed(quarter, far.url(), NEED)
        await heard_of_need(quarter, summary="需要理发 ✂")
        await man.send_all(database, quarter.caller.tenant)
    (heard,) = far.heard
    public = mine.endpoint["keys"][0]["public_key"]
    headers, body = dict(heard.headers), heard.body.decode()
    other = sign(heard.id, machine_now(), heard.body, [new_secret(), new_private_key()])
    old = {**headers, "webhook-timestamp": "1700000000"}
    cases = [
        (public, headers, body), (public, headers, body + " "), (public, other, body), (public, old, body),
        (new_private_key().public.text, headers, body),
    ]  # fmt: skip
    asked = json.dumps(cases).encode()
    (tmp_path / "ed25519.py").write_text(program("ed25519.py"), encoding="utf-8")
    script = (
        "import json, sys; from ed25519 import is_signed\n"
        "print(json.dumps([is_signed(k, h, b.encode()) for k, h, b in json.load(sys.stdin)]))"
    )
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=tmp_path, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    by_python, _ = await done.communicate(asked)
    (node.folder / "ed25519.js").write_text(program("ed25519.js"), encoding="utf-8")
    by_node = node.run(
        'const { isSigned } = require("./ed25519.js");'
        'const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        "process.stdout.write(JSON.stringify(asked.map(([k, h, b]) => isSigned(k, h, b))));",
        stdin=asked,
    )
    assert json.loads(by_python) == json.loads(by_node) == [True, False, False, False, False]
