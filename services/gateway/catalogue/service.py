"""Keeps the merged API document fresh: fetched from the services in the background, answered from memory.

A service that is down is left out, the description says so, and the next look comes sooner; its part stays as last seen
once it has been seen.
"""

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import aiohttp
import orjson
import structlog

from services.gateway.catalogue.rules import merge
from services.gateway.forwarding.rules import ROUTES

__all__ = ["Catalogue"]

log = structlog.get_logger()

_RETRY_S: Final = 2.0
_FETCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=5.0)
_DESCRIPTION: Final = """\
邻里：把一件难事变成一件办成的事，全程公开。
Linli: a neighbourhood turns a trouble into a solved one, in the open.

**登录 / Sign in**
1. `POST /v1/sign-in/codes` 请求短信验证码（演示环境下验证码打印在日志里），再 `POST /v1/sign-in/code` 换取令牌；
   工作人员可用 `POST /v1/sign-in/password`。
   Ask for a one-time code with `POST /v1/sign-in/codes` (the embedded house prints it in its log), then trade it for
   tokens with `POST /v1/sign-in/code`; staff may use `POST /v1/sign-in/password`.
2. 点击 **Authorize**，填入 `access_token`；15 分钟后用 `POST /v1/tokens/refresh` 换新。
   Press **Authorize** and paste the `access_token`; after 15 minutes get a new one from `POST /v1/tokens/refresh`.

**约定 / Conventions**: `Idempotency-Key` 可用于每个 POST / works on every POST; 修改需带 `If-Match` / changes need
`If-Match`; 错误为 `application/problem+json`，语言随 `Accept-Language` / errors are problem+json in the language of
`Accept-Language`; 过快返回 429，请遵守 `Retry-After` / too fast is 429, please heed `Retry-After`.
"""
_MISSING: Final = "\n**暂缺 / Not answering at the moment**: {names}\n"


def _version() -> str:
    try:
        return version("linli")
    except PackageNotFoundError:
        # Run from a source tree that nobody installed.
        return "0"


class Catalogue:
    """The merged document.

    Args:
        urls: the services' addresses.
        refresh_s: how often to look for changes when all are there.
    """

    def __init__(self, urls: dict[str, str], *, refresh_s: float) -> None:
        self._urls = urls
        self._refresh_s = refresh_s
        # As they came: parsed they are ten times as large, and needed for a moment only.
        self._seen: dict[str, bytes] = {}
        self._merged = b""
        self._fetching = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, session: aiohttp.ClientSession) -> None:
        """Begin to fetch."""
        self._session = session
        self._task = asyncio.create_task(self._refresh_forever())

    async def stop(self) -> None:
        """Fetch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def document(self) -> bytes:
        """Return the merged document as JSON; while a service was never seen, after another look for it."""
        if not self._is_whole:
            await self.refresh()
        return self._merged

    async def refresh(self) -> None:
        """Fetch all documents and merge what came; looks that come together are one."""
        waited = self._fetching.locked()
        async with self._fetching:
            if waited and self._merged:
                return
            found = await asyncio.gather(*(self._fetch(service) for service in self._urls))
            fresh = {service: document for service, document in zip(self._urls, found, strict=True) if document}
            self._seen |= fresh
            self._merged = orjson.dumps(self._merge())

    @property
    def _is_whole(self) -> bool:
        return len(self._seen) == len(self._urls)

    def _merge(self) -> dict[str, Any]:
        missing = sorted(self._urls.keys() - self._seen.keys())
        note = _MISSING.format(names=", ".join(missing)) if missing else ""
        info: dict[str, Any] = {
            "title": "Linli 邻里",
            "version": _version(),
            "description": _DESCRIPTION + note,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }
        owners = {segment: route.service for segment, route in ROUTES.items()}
        documents = {service: orjson.loads(content) for service, content in self._seen.items()}
        return merge(documents, info=info, owners=owners)

    async def _fetch(self, service: str) -> bytes | None:
        if self._session is None:
            return None
        try:
            async with self._session.get(self._urls[service] + "/openapi.json", timeout=_FETCH_TIMEOUT) as answer:
                answer.raise_for_status()
                content = await answer.read()
            document = orjson.loads(content)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.info("openapi_not_fetched", service=service, error=repr(error)[:200])
            return None
        return content if isinstance(document, dict) else None

    async def _refresh_forever(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception:
                # A document that cannot be merged must not end the look-out for a better one.
                log.exception("openapi_not_merged")
            await asyncio.sleep(self._refresh_s if self._is_whole else _RETRY_S)
