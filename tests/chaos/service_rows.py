"""Faults of services and of PostgreSQL, seen by clients: rows 3, 12, 13, 14 and 18, and whatever stands still or is torn."""

import asyncio
import itertools
import os
import signal
import time
from contextlib import suppress
from typing import Any, Final

from shared.ids import new_id
from tests.chaos.ground import TENANT, Ground
from tests.chaos.phones import Answer, Phones
from tests.chaos.proxy import Mode
from tests.chaos.told import Told, row

__all__ = ["SERVICE_ROWS"]

_RECOVERY_S: Final = 5.0


@row(3, "PostgreSQL restarted at once, under load")
async def database_restarts(ground: Ground, *, short: bool, seed: int) -> Told:
    """Only 503 with Retry-After meanwhile; soon everything is as before; what was acknowledged is there."""
    seconds = 8.0 if short else 20.0
    recovered: list[float] = []
    dishonest: dict[str, int] = {}
    async with Phones(ground) as phones:
        down_at = 0.0

        def look(answer: Answer | None) -> None:
            if answer is not None and answer.is_ok:
                if down_at and not recovered:
                    recovered.append(time.monotonic() - down_at)
            elif answer is None or not answer.is_honest_refusal:
                name = "no answer" if answer is None else f"{answer.status} {answer.body[:80]!r}"
                dishonest[name] = dishonest.get(name, 0) + 1

        async def restart() -> None:
            nonlocal down_at
            await asyncio.sleep(seconds / 4)
            await asyncio.to_thread(ground.postgres.kill)
            await asyncio.to_thread(ground.postgres.start)
            down_at = time.monotonic()

        restarting = asyncio.create_task(restart())
        await _load(phones, seconds, per_s=50, look=look)
        await restarting
        checked = await phones.check()
    figures = {
        "requests": phones.answers,
        "refused": phones.refusals,
        "not_503_problem": dishonest,
        "recovered_s": round(recovered[0], 2) if recovered else None,
        "connections_leaked": await ground.busy_connections(),
        "acknowledged": checked.acknowledged,
        "lost": checked.lost,
        "doubled": checked.doubled,
        "seed": seed,
    }
    good = not dishonest and bool(recovered) and recovered[0] <= _RECOVERY_S and figures["connections_leaked"] == 0
    return Told(figures, good and checked.is_clean)


async def _load(phones: Phones, until: float | asyncio.Event, *, per_s: int, look: Any = None) -> None:
    """Ask so many times a second, without waiting for answers: reading, filing with a key, filing with an own id.

    Args:
        phones: who asks.
        until: for how many seconds, or until when.
        per_s: how often.
        look: looks at each answer.
    """
    began = time.monotonic()
    tasks: set[asyncio.Task[None]] = set()

    async def one(number: int) -> None:
        kind = number % 3
        answer = await (phones.read() if kind == 0 else phones.file(keyed=kind == 1))
        if look is not None:
            look(answer)

    for number in itertools.count():
        if until.is_set() if isinstance(until, asyncio.Event) else number >= until * per_s:
            break
        await asyncio.sleep(max(0.0, began + number / per_s - time.monotonic()))
        task = asyncio.create_task(one(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


@row(12, "50 identical POSTs at once")
async def identical(ground: Ground, *, short: bool, seed: int) -> Told:
    """One key, one effect; the others get the same bytes, or hear that it is being worked on."""
    rounds = 5 if short else 40
    effects: list[int] = []
    others: dict[str, int] = {}
    bodies: list[int] = []
    async with Phones(ground) as phones:
        for _ in range(rounds):
            key = str(new_id())
            body, headers = ground.found.case(key), {"Idempotency-Key": key}
            answers = await asyncio.gather(
                *(phones.ask("POST", "/v1/cases", json=body, headers=headers) for _ in range(50))
            )
            good = [answer for answer in answers if answer is not None and answer.is_ok]
            bodies.append(len({answer.body for answer in good}))
            for answer in answers:
                if answer is None or not answer.is_ok:
                    name = "no answer" if answer is None else str(answer.status)
                    others[name] = others.get(name, 0) + 1
            effects.append(
                await ground.owner.fetchval(
                    "SELECT count(*) FROM intake.cases WHERE tenant_id = $1 AND description LIKE '%' || $2", TENANT, key
                )
            )
    figures = {
        "rounds": rounds,
        "effects": sorted(set(effects)),
        "different_answers": sorted(set(bodies)),
        "refusals": others,
        "seed": seed,
    }
    return Told(figures, set(effects) == {1} and set(bodies) == {1} and set(others) <= {"409"})


@row(13, "a service killed before and after COMMIT")
async def killed_around_commit(ground: Ground, *, short: bool, seed: int) -> Told:
    """Clients repeat until they are answered: exactly one effect each, under one id."""
    together = 50
    rounds = 4 if short else 20
    trials = interrupted = 0
    async with Phones(ground) as phones:
        for number in range(rounds):
            place = ("before_commit", "after_commit")[number % 2]
            ground.failpoint.write_text(f"linli-intake.{place} {number * 7 % 20 + 1}", encoding="ascii")
            before = phones.not_ok
            # Half of them carry a key, which the gateway may repeat; half an id of their own, which only they may.
            answers = await asyncio.gather(*(phones.file_until_answered(keyed=one % 2 == 0) for one in range(together)))
            trials += len(answers)
            interrupted += phones.not_ok - before
            ground.failpoint.unlink(missing_ok=True)
            await ground.ready("intake")
        checked = await phones.check()
    restarts = next(life.starts - 1 for life in ground.house.supervisor.lives if life.part.name == "intake")
    figures = {
        "trials": trials,
        "kills": restarts,
        "repeated_by_clients": interrupted,
        "lost": checked.lost,
        "doubled": checked.doubled,
        "seed": seed,
    }
    return Told(figures, checked.is_clean and restarts >= rounds)


@row(14, "COMMIT that fails")
async def commit_fails(ground: Ground, *, short: bool, seed: int) -> Told:
    """Nobody is told that a case was filed that was not."""
    wanted = 100 if short else 1000
    await ground.owner.execute(
        "CREATE FUNCTION intake.fail_late() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '23514'; END$$;"
        "CREATE CONSTRAINT TRIGGER fail_late AFTER INSERT ON intake.cases DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION intake.fail_late()"
    )
    before = await ground.owner.fetchval("SELECT count(*) FROM intake.cases")
    statuses: dict[str, int] = {}
    try:
        async with Phones(ground) as phones:
            for start in range(0, wanted, 20):
                answers = await asyncio.gather(*(phones.file(keyed=one % 2 == 0) for one in range(start, start + 20)))
                for answer in answers:
                    name = "no answer" if answer is None else str(answer.status)
                    statuses[name] = statuses.get(name, 0) + 1
    finally:
        await ground.owner.execute("DROP TRIGGER fail_late ON intake.cases; DROP FUNCTION intake.fail_late()")
    written = await ground.owner.fetchval("SELECT count(*) FROM intake.cases") - before
    success = sum(count for name, count in statuses.items() if name.startswith("2"))
    figures = {"requests": wanted, "answers": statuses, "success": success, "written": written, "seed": seed}
    return Told(figures, success == 0 and written == 0 and "no answer" not in statuses)


@row(18, "rolling restart under load")
async def rolling_restart(ground: Ground, *, short: bool, seed: int) -> Told:
    """Every process is replaced again and again under 100 requests a second, and nobody notices."""
    seconds = 12.0 if short else 60.0
    slowest: list[float] = []
    async with Phones(ground) as phones:
        loading = asyncio.create_task(
            _load(phones, seconds, per_s=100, look=lambda answer: slowest.append(answer.seconds if answer else 99.0))
        )
        rounds = 0
        while not loading.done():
            await ground.house.replace_all()
            rounds += 1
        await loading
        checked = await phones.check()
    slowest.sort()
    figures = {
        "requests": phones.answers,
        "failed": phones.not_ok,
        "how": phones.refusals,
        "restarts_of_everything": rounds,
        "p50_ms": round(slowest[len(slowest) // 2] * 1000, 1),
        "p99_ms": round(slowest[int(len(slowest) * 0.99)] * 1000, 1),
        "lost": checked.lost,
        "doubled": checked.doubled,
        "seed": seed,
    }
    return Told(figures, phones.not_ok == 0 and checked.is_clean and rounds > 0)


@row("stop", "every process stands still for a while")
async def standstill(ground: Ground, *, short: bool, seed: int) -> Told:
    """SIGSTOP and SIGCONT of each process under load: late is late, and never lost or twice."""
    still_s = 0.5 if short else 3.0
    names = [name for name in ground.house.pids() if name != "supervisor"] + ["postgres", "valkey"]
    async with Phones(ground) as phones:
        over = asyncio.Event()
        loading = asyncio.create_task(_load(phones, over, per_s=30))
        for name in names:
            stopped = ground.processes(name)
            _send(stopped, signal.SIGSTOP)
            await asyncio.sleep(still_s)
            _send(stopped, signal.SIGCONT)
            await ground.ready()
        over.set()
        await loading
        checked = await phones.check()
    figures = {
        "stopped": names,
        "for_s": still_s,
        "requests": phones.answers,
        "refused": phones.refusals,
        "acknowledged": checked.acknowledged,
        "lost": checked.lost,
        "doubled": checked.doubled,
        "seed": seed,
    }
    return Told(figures, checked.is_clean and checked.acknowledged > 0)


@row("kill", "every process is killed under load")
async def killed(ground: Ground, *, short: bool, seed: int) -> Told:
    """Kill -9 of each process and each server in turn: what clients repeat until it is answered is there once."""
    names = [name for name in ground.house.pids() if name != "supervisor"]
    again_s: dict[str, float] = {}
    per_round = 10 if short else 40
    async with Phones(ground) as phones:

        async def file_meanwhile() -> None:
            await asyncio.gather(*(phones.file_until_answered(keyed=one % 2 == 0) for one in range(per_round)))

        for name in [*names, "postgres", "valkey"]:
            filing = asyncio.create_task(file_meanwhile())
            await asyncio.sleep(0.02)
            began = time.monotonic()
            if name == "postgres":
                await asyncio.to_thread(ground.postgres.kill)
                await asyncio.to_thread(ground.postgres.start)
            elif name == "valkey":
                await ground.kill_redis()
            else:
                await ground.kill(name)
            await ground.ready()
            again_s[name] = round(time.monotonic() - began, 2)
            await filing
        checked = await phones.check()
    figures = {
        "ready_again_s": again_s,
        "acknowledged": checked.acknowledged,
        "not_answered_at_first": phones.refusals,
        "lost": checked.lost,
        "doubled": checked.doubled,
        "seed": seed,
    }
    return Told(figures, checked.is_clean and checked.acknowledged == per_round * len(again_s))


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@row("wires", "torn, slow and half-open connections")
async def bad_wires(ground: Ground, *, short: bool, seed: int) -> Told:
    """The wires to PostgreSQL and to Redis delay, are cut, stay half open, and end in the middle of a message."""
    each_s = 1.5 if short else 8.0
    modes: tuple[Mode, ...] = ("delay", "cut", "half_open", "truncate", "away")
    dishonest: dict[str, int] = {}

    def look(answer: Answer | None) -> None:
        refused = answer is not None and (answer.is_honest_refusal or answer.status in {502, 504, 409})
        if answer is None or not (answer.is_ok or refused):
            name = "no answer" if answer is None else str(answer.status)
            dishonest[name] = dishonest.get(name, 0) + 1

    async with Phones(ground) as phones:
        for door in (ground.database_door, ground.redis_door):
            for mode in modes:
                await door.become(mode)
                await _load(phones, each_s, per_s=30, look=look)
                await door.become("through")
                if mode == "half_open":
                    door.cut()
        began = time.monotonic()
        await ground.ready(timeout_s=30)
        ready_s = time.monotonic() - began
        checked = await phones.check()
    figures = {
        "modes": list(modes),
        "each_s": each_s,
        "requests": phones.answers,
        "refused": phones.refusals,
        "dishonest": dishonest,
        "ready_again_s": round(ready_s, 2),
        "connections_leaked": await ground.busy_connections(),
        "acknowledged": checked.acknowledged,
        "lost": checked.lost,
        "doubled": checked.doubled,
        "seed": seed,
    }
    good = checked.is_clean and not dishonest and figures["connections_leaked"] == 0
    return Told(figures, good and checked.acknowledged > 0)


SERVICE_ROWS: Final = (
    database_restarts,
    identical,
    killed_around_commit,
    commit_fails,
    rolling_restart,
    standstill,
    killed,
    bad_wires,
)
