"""Brings the budgets of several gateways together in Redis, many keys in one call, a few times a second.

Nobody waits for it. Each gateway decides by what it knows, and tells every interval what its callers spent; Redis adds
it to the common theoretical arrival time and answers with the common debt. Because spending is added, never
overwritten, what was admitted too much is owed, and is paid back by refusals.

How much too much, with n gateways, rate r, burst b and s seconds until a gateway has told and learned (an interval and
a trip): at most (n - 1) * (b + r * s) requests of one caller at a time, who must find all gateways ignorant at once; in
any t seconds at most r * t + n * b + (n - 1) * r * s; in the long run r.
Without Redis each gateway limits by itself: n times the rate.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.gateway.limits.rules import Budgets, Spent

__all__ = ["Sharing"]

log = structlog.get_logger()

_BATCH: Final = 500
_BATCHES_A_ROUND: Final = 20
_PAUSE_MAX_S: Final = 2.0
_TIMEOUT_S: Final = 1.0
_TIDY_EVERY_S: Final = 2.0

# For each key: how many microseconds of budget were spent, and how long ago the first of them. The reply is the common
# debt in microseconds. Times are those of Redis, so the gateways' clocks need not agree.
_SPEND: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local debts = {}
for i, key in ipairs(KEYS) do
  local tat = tonumber(redis.call('GET', key) or '0')
  local since = now - tonumber(ARGV[2 * i])
  if tat < since then tat = since end
  tat = tat + tonumber(ARGV[2 * i - 1])
  local debt = tat - now
  if debt > 0 then
    redis.call('SET', key, string.format('%.0f', tat), 'PX', math.ceil(debt / 1000))
  else
    redis.call('DEL', key)
    debt = 0
  end
  debts[i] = string.format('%.0f', debt)
end
return debts
"""


class Sharing:
    """The conversation of one gateway with Redis about its budgets."""

    def __init__(self, redis: Redis, budgets: dict[str, Budgets], *, every_s: float) -> None:
        self._budgets = budgets
        self._every_s = every_s
        self._spend = redis.register_script(_SPEND)
        self._task: asyncio.Task[None] | None = None
        self._tidied_at = monotonic()
        self._is_ending = False
        self.is_common = True

    def start(self) -> None:
        """Begin to share."""
        self._task = asyncio.create_task(self._share_forever())

    async def stop(self) -> None:
        """Tell the rest and end."""
        if self._task is not None:
            self._is_ending = True
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self.share()

    async def share(self) -> None:
        """Tell what was spent and learn what is owed; keeps it for later when Redis is away."""
        for name, budgets in self._budgets.items():
            for _ in range(_BATCHES_A_ROUND):
                spent = budgets.collect(_BATCH)
                if not spent:
                    break
                if not await self._tell(name, budgets, spent):
                    return

    async def _tell(self, name: str, budgets: Budgets, spent: Sequence[Spent]) -> bool:
        now = monotonic()
        # The braces put all keys into one slot of a Redis cluster, as a script's keys must be.
        keys = [f"linli:{{limit}}:{name}:{item.key}" for item in spent]
        arguments = [number for item in spent for number in (int(item.seconds * 1e6), int((now - item.since) * 1e6))]
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                debts = await self._spend(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            for item in spent:
                budgets.put_back(item)
            self._note(is_common=False, error=repr(error)[:200])
            return False
        for item, debt_us in zip(spent, debts, strict=True):
            budgets.learn(item.key, int(debt_us) / 1e6, now)
        self._note(is_common=True)
        return True

    def _note(self, *, is_common: bool, error: str | None = None) -> None:
        if is_common != self.is_common:
            self.is_common = is_common
            log.warning("limits_shared" if is_common else "limits_alone", error=error)

    def _tidy(self) -> None:
        """Forget full budgets; it looks at every key, so not at every round."""
        now = monotonic()
        if now - self._tidied_at < _TIDY_EVERY_S:
            return
        self._tidied_at = now
        for budgets in self._budgets.values():
            budgets.forget_full(now)

    async def _share_forever(self) -> None:
        # Before Python 3.12 `asyncio.wait_for`, in which the client of Redis sends, may swallow a cancellation.
        while not self._is_ending:
            await asyncio.sleep(self._every_s if self.is_common else min(_PAUSE_MAX_S, self._every_s * 10))
            try:
                self._tidy()
                await self.share()
            except Exception:
                # The limits hold without sharing; its loop must not end for any reason.
                log.exception("limits_not_shared")
                self.is_common = False
