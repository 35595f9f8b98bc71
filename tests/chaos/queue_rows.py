"""What lies in Redis, and for how long: rows 10 and 11."""

import signal
from datetime import timedelta
from typing import Any, Final

import asyncpg
import orjson
from redis.asyncio import Redis

from shared.contracts import SERVICES, consumers_of
from shared.contracts.matching import ProjectProgressed
from shared.messaging import Relay, redis_pool
from tests.chaos.ground import Ground
from tests.chaos.phones import Phones
from tests.chaos.steps import History
from tests.chaos.told import Told, row

__all__ = ["QUEUE_ROWS"]

_AGED: Final = timedelta(hours=48)


@row(10, "worker down for 48 hours")
async def long_sleep(ground: Ground, *, short: bool, seed: int) -> Told:
    """Jobs that have waited for two days are as good as new ones."""
    history = await History.of_cases(ground, 20)
    ground.signal("worker", signal.SIGSTOP)
    try:
        await history.say_all(5 if short else 50)
        sent = await _relay_by_hand(ground)
        aged = await _age_everything(ground)
    finally:
        ground.signal("worker", signal.SIGCONT)
    took = await history.arrive(60)
    seen = await history.look()
    figures = {
        "events": history.total,
        "sent_before": sent,
        "aged_keys": aged,
        "expired": seen.lost,
        "double_effects": seen.doubled,
        "drained_s": round(took, 2),
        "seed": seed,
    }
    expected = history.total * len(consumers_of(ProjectProgressed))
    return Told(figures, sent == expected and aged > 0 and seen.lost == seen.doubled == 0)


async def _relay_by_hand(ground: Ground) -> int:
    """Send what waits in the matching's outbox, as a second relay would."""
    url = ground.house.environment["LINLI_RELAY_DATABASE_URL"]
    pool, redis = await asyncpg.create_pool(url, min_size=1, max_size=2), await redis_pool(ground.valkey.url)
    try:
        return await Relay(pool, redis, "matching", SERVICES).send_all()
    finally:
        await pool.close()
        await redis.aclose()


async def _age_everything(ground: Ground) -> int:
    """Move the clock: everything in Redis and in the outbox becomes 48 hours older."""
    hours_ms = int(_AGED.total_seconds() * 1000)
    redis = Redis.from_url(ground.valkey.url)
    aged = 0
    async for key in redis.scan_iter():
        left_ms = await redis.pttl(key)
        if left_ms > 0:
            aged += 1
            await redis.pexpire(key, max(1, left_ms - hours_ms))
        if await redis.type(key) == b"zset":
            for member, score in await redis.zrange(key, 0, -1, withscores=True):
                aged += 1
                await redis.zadd(key, {member: score - hours_ms})
    await redis.aclose()
    await ground.owner.execute(
        "UPDATE matching.outbox SET created_at = created_at - $1::interval, published_at = published_at - $1::interval"
        " WHERE acked_at IS NULL",
        _AGED,
    )
    return aged


@row(11, "payloads in Redis")
async def payloads(ground: Ground, *, short: bool, seed: int) -> Told:
    """What is in Redis is JSON, and says nothing about a person."""
    secret = "13812345678"  # a number that nobody has
    ground.signal("worker", signal.SIGSTOP)
    try:
        async with Phones(ground) as phones:
            for _ in range(10 if short else 100):
                await phones.file(text=f"请联系业主 {secret}")
            history = await History.of_cases(ground, 5)
            await history.say_all(2)
            url = ground.house.environment["LINLI_RELAY_DATABASE_URL"]
            pool, redis = await asyncpg.create_pool(url, min_size=1, max_size=2), await redis_pool(ground.valkey.url)
            for service in SERVICES:
                await Relay(pool, redis, service, SERVICES).send_all()
            values = await _all_values(redis)
            await pool.close()
            await redis.aclose()
    finally:
        ground.signal("worker", signal.SIGCONT)
    took = await history.arrive(60)
    jobs = [value for value in values if b"specversion" in value]
    personal = [value for value in values if secret.encode() in value or "业主".encode() in value]
    pickled = [value for value in values if value[:1] == b"\x80"]
    not_json = [value for value in jobs if not _is_json(value)]
    figures = {
        "values": len(values),
        "jobs": len(jobs),
        "pickled": len(pickled),
        "not_json": len(not_json),
        "personal": len(personal),
        "drained_s": round(took, 2),
        "seed": seed,
    }
    return Told(figures, bool(jobs) and not pickled and not not_json and not personal)


async def _all_values(redis: Any) -> list[bytes]:
    values: list[bytes] = []
    async for key in redis.scan_iter():
        values.append(key)
        kind = await redis.type(key)
        if kind == b"string":
            values.append(await redis.get(key))
        elif kind == b"list":
            values += await redis.lrange(key, 0, -1)
        elif kind == b"zset":
            values += [member for member, _ in await redis.zrange(key, 0, -1, withscores=True)]
        elif kind == b"hash":
            values += [part for pair in (await redis.hgetall(key)).items() for part in pair]
    return [value for value in values if value is not None]


def _is_json(value: bytes) -> bool:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


QUEUE_ROWS: Final = (long_sleep, payloads)
