"""The ledger over HTTP: a service process of its own, and callers that share the machine with it."""

import asyncio
import json
import random
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp

from services.ledger.books.rules import TransactionRequest
from shared.auth import Grant, Principal, Role, SigningKey, mint_internal
from shared.ids import new_id
from tests.benchmarks.ledger_stage import TENANT, Stage, timed
from tests.serving import ServiceProcess

__all__ = ["over_http"]

_CALLERS: Final = (1, 20, 200)
_BATCH: Final = 100
_AGAIN_S: Final = 0.05


async def over_http(
    stage: Stage, environment: Mapping[str, str], key: SigningKey, folder: Path, seconds: float
) -> dict[str, Any]:
    """Let 1, 20 and 200 callers post single transactions and batches, on fifty accounts and on one hot fund."""
    service = ServiceProcess("ledger", environment, folder / "ledger.log")
    service.start()
    try:
        await service.ready()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(service.url, connector=connector) as http:
            figures: dict[str, Any] = {}
            for hot in (False, True):
                for callers in _CALLERS:
                    name = f"{'hot_fund' if hot else 'spread'}_{callers}_callers"
                    found = {
                        size: await _posted(http, stage, key, callers, size, seconds, hot=hot) for size in (1, _BATCH)
                    }
                    figures[name] = {"singles": found[1], f"batches_of_{_BATCH}": found[_BATCH]}
            return figures
    finally:
        service.stop()


async def _posted(
    http: aiohttp.ClientSession, stage: Stage, key: SigningKey, callers: int, size: int, seconds: float, *, hot: bool
) -> dict[str, float]:
    # An internal token lives a minute, and a measurement some seconds.
    principal = Principal(TENANT, new_id(), "person", (Grant(Role.TREASURER, "d"),))
    token = {"Authorization": f"Bearer {mint_internal(principal, 'ledger', key)}", "Content-Type": "application/json"}
    path = f"/v1/books/{stage.book}/transactions"

    refused = 0

    async def call(dice: random.Random) -> int:
        nonlocal refused
        wanted = [stage.request(dice, hot=hot) for _ in range(size)]
        if size == 1:
            method, place, body, keyed = "PUT", f"{path}/{wanted[0].id}", _body(wanted[0]), {}
        else:
            many = [_body(item) | {"id": str(item.id)} for item in wanted]
            method, place, body, keyed = "POST", path, {"transactions": many}, {"Idempotency-Key": str(new_id())}
        content = json.dumps(body)
        while True:
            async with http.request(method, place, data=content, headers=token | keyed) as answer:
                said = await answer.json()
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            # More than may wait: whoever comes then is told so at once, and comes again.
            refused += 1
            await asyncio.sleep(_AGAIN_S)
        assert answer.status in {200, 201}, said
        results = {item["result"] for item in said.get("results", [said])}
        assert results <= {"ok", "replayed"}, results
        return size

    return await timed(callers, seconds, call) | {"refused": refused}


def _body(request: TransactionRequest) -> dict[str, Any]:
    leg = request.legs[0]
    posting = {"debit_account_id": str(leg.debit), "credit_account_id": str(leg.credit), "amount_fen": leg.amount}
    return {
        "description": request.description,
        "effective_on": request.effective_on.isoformat(),
        "postings": [posting],
    }
