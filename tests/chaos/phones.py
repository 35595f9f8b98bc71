"""The clients: phones that file cases, repeat what was not answered, and remember what was."""

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from shared.ids import new_id
from tests.chaos.ground import TENANT, Ground

__all__ = ["Answer", "Checked", "Phones"]

_PATIENCE_S: Final = 60.0


@dataclass(frozen=True)
class Answer:
    """What was answered once."""

    status: int
    kind: str
    retry_after: str | None
    body: bytes
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    @property
    def is_honest_refusal(self) -> bool:
        """Whether it is a 503 that says in our form when to come again."""
        return self.status == 503 and self.kind.startswith("application/problem+json") and self.retry_after is not None


@dataclass(frozen=True)
class Checked:
    """What of the acknowledged is there."""

    acknowledged: int
    lost: int
    doubled: int

    @property
    def is_clean(self) -> bool:
        """Whether everything is there once."""
        return self.lost == self.doubled == 0


@dataclass
class Phones:
    """Residents' phones. Every request has a connection of its own, as those of many people do."""

    ground: Ground
    acknowledged: dict[str, str] = field(default_factory=dict)
    answers: int = 0
    not_ok: int = 0
    refusals: dict[str, int] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        headers = {"Authorization": f"Bearer {self.ground.found.resident}"}
        timeout = aiohttp.ClientTimeout(total=40)
        self._http = aiohttp.ClientSession(self.ground.house.url, connector=connector, headers=headers, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def ask(self, method: str, path: str, **options: Any) -> Answer | None:
        """Ask once; None when the connection broke."""
        began = time.monotonic()
        try:
            async with self._http.request(method, path, **options) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            answer = None
        else:
            seconds = time.monotonic() - began
            headers = response.headers
            answer = Answer(response.status, headers.get("content-type", ""), headers.get("retry-after"), body, seconds)
        self._count(answer)
        return answer

    async def read(self) -> Answer | None:
        """Read one's own cases."""
        return await self.ask("GET", "/v1/cases?page_size=5")

    async def file(self, *, keyed: bool = True, text: str = "", key: str | None = None) -> Answer | None:
        """File a case once, with a key or with an id of one's own; remembers it when it was acknowledged."""
        case_id = str(new_id())
        headers = {"Idempotency-Key": key or case_id} if keyed else {}
        answer = await self.ask("POST", "/v1/cases", json=self.ground.found.case(text, id=case_id), headers=headers)
        if answer is not None and answer.is_ok:
            self.acknowledged[case_id] = case_id
        return answer

    async def file_until_answered(self, *, keyed: bool = True) -> Answer:
        """File a case, repeating it until it is acknowledged, as an app does."""
        case_id = None if keyed else str(new_id())
        key = str(new_id())
        headers = {"Idempotency-Key": key} if keyed else {}
        body = self.ground.found.case(key, **({"id": case_id} if case_id else {}))
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            answer = await self.ask("POST", "/v1/cases", json=body, headers=headers)
            if answer is not None and answer.is_ok:
                self.acknowledged[key] = case_id or ""
                return answer
            assert time.monotonic() < deadline, f"never acknowledged: {answer}"
            await asyncio.sleep(0.1)

    async def check(self) -> Checked:
        """Look up what was acknowledged: each case once, its first step once, and once in the matching."""
        await self.ground.quiet(60)
        lost = doubled = 0
        rows = await self.ground.owner.fetch(
            "SELECT c.id, c.description, (SELECT count(*) FROM intake.case_steps s WHERE s.case_id = c.id"
            " AND s.step = 'file') AS steps, (SELECT count(*) FROM matching.cases m WHERE m.id = c.id) AS copies,"
            " (SELECT count(*) FROM matching.inbox i WHERE i.subject = 'case/' || c.id"
            " AND i.type = 'linli.case.filed.v1' AND i.state = 'applied') AS heard"
            " FROM intake.cases c WHERE c.tenant_id = $1",
            TENANT,
        )
        by_id = {str(row["id"]): row for row in rows}
        by_text: dict[str, list[Any]] = {}
        for found in rows:
            by_text.setdefault(found["description"].rpartition(" ")[2], []).append(found)
        for key, case_id in self.acknowledged.items():
            mine = [by_id[case_id]] if case_id in by_id else by_text.get(key, []) if not case_id else []
            lost += not mine
            doubled += len(mine) > 1
            for found in mine:
                lost += found["steps"] < 1 or found["copies"] < 1 or found["heard"] < 1
                doubled += found["steps"] > 1 or found["copies"] > 1 or found["heard"] > 1
        return Checked(len(self.acknowledged), lost, doubled)

    def _count(self, answer: Answer | None) -> None:
        self.answers += 1
        if answer is None or not answer.is_ok:
            self.not_ok += 1
            name = "no answer" if answer is None else str(answer.status)
            self.refusals[name] = self.refusals.get(name, 0) + 1
