"""Cases at 10 000 and at 1 000 000 stored: what a screen waits for, and how many whole lives a second.

The houses run as `linli up` runs one, fsync on, and everything goes through the gateway. Cases of several years are laid
into the tables of the intake (2 000 grids in 400 communities, histories and clocks with them); then one client after
the other asks what people ask: it files, opens the inbox of a community, looks at the map of an area, searches for
words, reads a case. A small house and a large one are asked in turns, so that slow moments of the machine meet both: the
ratio counts. While one works the other idles.

A life is what a small case goes through: filed, accepted, judged, assigned, resolved by its unit, and found by a search;
six requests of three people. Lives go on in 24 grids at once, among the cases that lie there.
"""

import asyncio
import itertools
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import orjson
import uvloop

from services.stack.home import Home
from services.stack.house import House
from services.stack.minting import mint
from shared.auth import Grant, Principal, Role, mint_access, read_signing_key
from shared.ids import new_id
from tests.benchmarks.lean_client import LeanClient
from tests.furnishing import Furnished, furnish
from tests.measuring import cpu_seconds

T = TypeVar("T")

TENANT: Final = "bench"
TARGETS: Final = {"ratio": 1.5, "lives_per_s": 60}
_SMALL, _LARGE = 10_000, 1_000_000
_COMMUNITIES, _GRIDS = 400, 5
_ASKED: Final = 300
_CALLERS: Final = 24
_TOKENS_FOR_S: Final = 7_200
_ENVIRONMENT: Final = {
    "LINLI_LOG_LEVEL": "warning",
    "LINLI_GATEWAY_CALLER_RATE_PER_S": "1000000",
    "LINLI_GATEWAY_CALLER_BURST": "1000000",
}
_WORDS: Final = ("污水", "路灯", "停车", "噪音", "电梯", "垃圾", "漏水", "围墙", "消防", "树枝", "井盖", "楼道")

_AREAS: Final = """
INSERT INTO intake.areas (tenant_id, id, path, kind, name)
SELECT $1::text, uuidv7(), ($1 || '.s' || c / 20 || '.c' || c || '.g' || g)::public.ltree, 'grid', '网格 ' || c || '-' || g
FROM generate_series(0, $2 - 1) c, generate_series(0, $3 - 1) g"""
_LIVED_IN: Final = """
SELECT id, path::text AS path FROM intake.areas WHERE tenant_id = $1::text AND nlevel(path) = 4 ORDER BY md5(path::text) LIMIT $2"""
# Of a hundred cases two are open, and each has two or three of twelve words; which, in which place, is as good as chance.
_CASES: Final = """
WITH places AS (
    SELECT array_agg(id ORDER BY path) AS ids, array_agg(path ORDER BY path) AS paths FROM intake.areas
    WHERE tenant_id = $1::text AND kind = 'grid' AND nlevel(path) = 4)
INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, latitude, longitude,
    requester_id, state, level, outcome, filed_at, updated_at, closed_at, version)
SELECT $1::text, uuidv7(), 'G-' || n, 'drainage', ($4::text[])[1 + one] || '问题 ' || n,
    '某处' || ($4::text[])[1 + other] || '，已经持续 ' || n % 30 || ' 天，' || ($4::text[])[1 + third] ||
        '也需要处理，请尽快安排人员上门查看 ' || md5(n::text),
    ids[1 + place], paths[1 + place], 30 + place % 45 * 0.01 + random() * 0.01, 110 + place / 45 * 0.01 + random() * 0.01,
    $5, CASE WHEN is_open THEN 'accepted' ELSE 'closed' END, 'grid', CASE WHEN NOT is_open THEN 'satisfied' END,
    now() - ((1000000 - n) * interval '60 seconds'), now(), CASE WHEN NOT is_open THEN now() END, 5
FROM places, generate_series($2::int, $3::int - 1) n,
    LATERAL (SELECT (n::bigint * 7919 % 2000)::int AS place, hashint4extended(n, 1) & 1048575 AS chance) p,
    LATERAL (SELECT chance % 50 = 0 AS is_open, chance / 50 % 12 AS one, chance / 600 % 12 AS other,
        chance / 7200 % 12 AS third) c"""
_STEPS: Final = """
INSERT INTO intake.case_steps (tenant_id, case_id, position, step, to_state, actor, data, clocks, at)
SELECT tenant_id, id, position, 'progress', state, 'person/' || requester_id, '{}', '[]', filed_at
FROM intake.cases, generate_series(1, 5) position WHERE tenant_id = $1::text AND number LIKE 'G-%' AND substr(number, 3)::int >= $2"""
_CLOCKS: Final = """
INSERT INTO intake.clock_intervals (tenant_id, case_id, clock, run, position, running, budget_s, started_at, ended_at,
    left_s, left_end_s, due_at, calendar_version, rung, next_at, tries)
SELECT tenant_id, id, clock, 1, 1, true, 7200, filed_at, CASE WHEN state = 'closed' THEN filed_at END, 7200, 7200,
    filed_at, 0, 9, NULL, 0
FROM intake.cases, unnest('{accept,first_reply,resolve}'::text[]) clock
WHERE tenant_id = $1::text AND number LIKE 'G-%' AND substr(number, 3)::int >= $2"""
# The figures of what was laid in are taken as counted long ago; those of what is lived from here on are counted.
_COUNTED: Final = """
UPDATE intake.fact_progress SET filling = false, mark_xid = NULL, mark_at = NULL,
    lower_xid = pg_snapshot_xmax(pg_current_snapshot())
WHERE tenant_id = $1::text"""
_IS_COUNTING: Final = "SELECT EXISTS (SELECT FROM intake.fact_progress WHERE tenant_id = $1::text AND NOT filling)"


class Grid(NamedTuple):
    """A grid in which people live."""

    area_id: UUID
    path: str


@dataclass
class Office:
    """Who asks: a resident, the workers of some grids, and an officer of each community, through one gateway."""

    http: LeanClient
    house: House
    found: Furnished
    unit: UUID
    grids: list[Grid]

    def token(self, role: Role, path: str, unit: UUID | None = None) -> dict[str, str]:
        """Return the headers of somebody with a role."""
        keys = self.house.environment["LINLI_TOKEN_SIGNING_KEY"]
        minted = mint(keys, TENANT, role, at=path, ttl_s=_TOKENS_FOR_S, unit_id=unit)
        return {"Authorization": f"Bearer {minted}"}

    def resident(self) -> dict[str, str]:
        """Return the headers of the resident who files all the cases."""
        keys = self.house.environment["LINLI_TOKEN_SIGNING_KEY"]
        person = Principal(TENANT, UUID(self.found.person_id), "person", (Grant(Role.RESIDENT, TENANT),))
        return {"Authorization": f"Bearer {mint_access(person, read_signing_key(keys), _TOKENS_FOR_S)}"}

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        *,
        params: dict[str, str] | None = None,
        json: object = None,
    ) -> dict[str, Any]:
        """Ask something that must succeed."""
        target = f"{path}?{urlencode(params)}" if params else path
        status, body = await self.http.request(method, target, headers, orjson.dumps(json) if json is not None else b"")
        assert HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES, f"{method} {path}: {status} {body.decode()}"
        told: dict[str, Any] = orjson.loads(body)
        return told


async def _grids(owner: Any) -> list[Grid]:
    """Return the grids in which lives go on, somewhere in the county."""
    rows = await owner.fetch(_LIVED_IN, TENANT, _CALLERS)
    return [Grid(row["id"], row["path"]) for row in rows]


async def _until_counting(owner: Any) -> None:
    """Wait for the house to have begun to count the tenant's figures."""
    async with asyncio.timeout(60):
        while not await owner.fetchval(_IS_COUNTING, TENANT):
            await asyncio.sleep(0.2)


async def _fill(owner: Any, first: int, last: int, requester: str) -> None:
    """Lay cases into the tables; the index over their words is built afterwards, as a restore would."""
    words = list(_WORDS)
    made = await owner.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = 'cases_words_idx'")
    await owner.execute("DROP INDEX intake.cases_words_idx")
    for begin in range(first, last, 100_000):
        end = min(last, begin + 100_000)
        await owner.execute(_CASES, TENANT, begin, end, words, UUID(requester))
    await owner.execute("SET maintenance_work_mem = '512MB'")
    await owner.execute(made)
    await owner.execute(_STEPS, TENANT, first)
    await owner.execute(_CLOCKS, TENANT, first)
    await owner.execute("VACUUM ANALYZE intake.cases, intake.case_steps, intake.clock_intervals")
    await owner.execute(_COUNTED, TENANT)


async def _timed(count: int, acts: Mapping[T, Callable[[int], Awaitable[object]]]) -> dict[T, dict[str, float]]:
    """Do several things in turns, again and again; returns the middle and the slow end of each in milliseconds.

    In turns, so that whatever else goes on in a house or on the machine meets all of them.
    """
    in_turn = list(acts.items())
    took: dict[T, list[float]] = {name: [] for name in acts}
    for number in range(count + 20):
        # There and back, so that nothing always comes right after the same.
        for name, act in reversed(in_turn) if number % 2 else in_turn:
            began = time.perf_counter()
            await act(number)
            took[name].append((time.perf_counter() - began) * 1000)
    cuts = {name: statistics.quantiles(some[20:], n=100) for name, some in took.items()}
    return {name: {"p50_ms": round(cut[49], 2), "p95_ms": round(cut[94], 2)} for name, cut in cuts.items()}


def _screens(office: Office, chance: random.Random, ids: list[UUID]) -> dict[str, Callable[[int], Awaitable[object]]]:
    """Return what people ask, by the name of the screen."""
    communities = [f"{TENANT}.s{number // 20}.c{number}" for number in range(_COMMUNITIES)]
    officers = [office.token(Role.OFFICER, path) for path in chance.sample(communities, 50)]
    district = office.token(Role.OFFICER, TENANT)
    resident = office.resident()

    async def create(number: int) -> None:
        await office.ask("POST", "/v1/cases", resident, json=office.found.case(f"{number}"))

    async def inbox(number: int) -> None:
        await office.ask("GET", "/v1/cases", officers[number % 50], params={"open": "true", "page_size": "20"})

    async def everything(number: int) -> None:
        await office.ask("GET", "/v1/cases", officers[number % 50], params={"page_size": "20"})

    async def map_of(number: int) -> None:
        west, south = 110 + number % 40 * 0.01, 30 + number % 40 * 0.01
        box = f"{west:.4f},{south:.4f},{west + 0.02:.4f},{south + 0.02:.4f}"
        await office.ask("GET", "/v1/cases/map", district, params={"open": "true", "bbox": box})

    async def search(number: int) -> None:
        await office.ask(
            "GET", "/v1/cases", officers[number % 50], params={"q": _WORDS[number % 12], "page_size": "20"}
        )

    async def search_all(number: int) -> None:
        await office.ask("GET", "/v1/cases", district, params={"q": f"问题 {number * 17}", "page_size": "20"})

    async def detail(number: int) -> None:
        await office.ask("GET", f"/v1/cases/{ids[number % len(ids)]}", district)

    return {
        "create": create,
        "inbox of a community": inbox,
        "all of a community": everything,
        "map": map_of,
        "search in a community": search,
        "search in the district": search_all,
        "detail": detail,
    }


async def _life(office: Office, people: dict[str, dict[str, str]], grid: Grid, number: int) -> None:
    """Live a small case's life."""
    words = f"第{number:06d}号"
    case = office.found.case(words, area_id=str(grid.area_id))
    filed = await office.ask("POST", "/v1/cases", people["resident"], json=case)
    path, version = f"/v1/cases/{filed['id']}", 1
    judged = {"owner_is_clear": True, "crosses_boundary": False, "households": 1, "cost_fen": 0, "departments": 1}
    for action, body, who in (
        ("accept", {}, "worker"),
        ("triage", judged, "worker"),
        ("assign", {"unit_id": str(office.unit)}, "worker"),
        ("resolve", {"note": "已处理"}, "unit"),
    ):
        headers = people[who] | {"If-Match": f'"{version}"'}
        version = (await office.ask("POST", f"{path}/{action}", headers, json=body))["version"]
    found = await office.ask("GET", "/v1/cases", people["worker"], params={"q": words, "page_size": "5"})
    assert filed["id"] in {item["id"] for item in found["items"]}, "a case is found by its words"


# Every life has a number of its own, however often lives are counted.
_NUMBERS: Final = itertools.count()


@dataclass
class Lived:
    """What came of living in a house for some time, and what it took."""

    lives_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "lives_per_s": round(len(self.lives_s) / self.seconds, 1),
            "requests_per_s": round(6 * len(self.lives_s) / self.seconds),
            "life_p95_ms": round(statistics.quantiles(self.lives_s, n=100)[94] * 1000),
            "cores_used": {name: round(used / self.seconds, 2) for name, used in self.cpu_s.items()},
        }


async def _live(office: Office, seconds: float, lived: Lived) -> None:
    """Live in all grids at once for some time."""
    everywhere = {"resident": office.resident(), "unit": office.token(Role.UNIT_STAFF, TENANT, office.unit)}
    end = time.monotonic() + seconds

    async def live_in(grid: Grid) -> None:
        people = everywhere | {"worker": office.token(Role.GRID_WORKER, grid.path)}
        while time.monotonic() < end:
            began = time.perf_counter()
            await _life(office, people, grid, next(_NUMBERS))
            lived.lives_s.append(time.perf_counter() - began)

    pids = {
        name: pid for name, pid in office.house.pids().items() if name in {"gateway", "intake", "worker", "postgres"}
    }
    before, own, began = cpu_seconds(pids), time.process_time(), time.monotonic()
    await asyncio.gather(*map(live_in, office.grids))
    lived.seconds += time.monotonic() - began
    used = {name: now - before[name] for name, now in cpu_seconds(pids).items()}
    used["load generator"] = time.process_time() - own
    lived.cpu_s = {name: lived.cpu_s.get(name, 0.0) + seconds for name, seconds in used.items()}


@asynccontextmanager
async def _opened(home: Home) -> AsyncIterator[tuple[House, Any]]:
    """Open a house with a connection of its owner."""
    house = House(home, any_ports=True, extra_environment=dict(_ENVIRONMENT))
    try:
        await house.start()
        owner = await asyncpg.connect(house.environment["LINLI_OWNER_DATABASE_URL"])
        yield house, owner
        await owner.close()
    finally:
        await house.stop()


async def _furnished(house: House, owner: Any) -> tuple[Furnished, UUID]:
    """Draw the map, and found a unit; returns when the house has begun to count figures."""
    found = await asyncio.to_thread(furnish, house, TENANT)
    unit = new_id()
    await owner.execute(_AREAS, TENANT, _COMMUNITIES, _GRIDS)
    await owner.execute(
        "INSERT INTO intake.units (tenant_id, id, name, kind, area_id, area_path, active)"
        " VALUES ($1::text, $2, '某中心', 'department', $3, $1::text::public.ltree, true)",
        TENANT,
        unit,
        UUID(found.area_id),
    )
    await _until_counting(owner)
    return found, unit


@asynccontextmanager
async def _office(home: Home, found: Furnished, unit: UUID) -> AsyncIterator[Office]:
    """Open a house in which there are cases, and whoever asks in it."""
    async with _opened(home) as (house, owner):
        with closing(LeanClient(house.url)) as http:
            yield Office(http, house, found, unit, await _grids(owner))


async def _ids(office: Office) -> list[UUID]:
    owner = await asyncpg.connect(office.house.environment["LINLI_OWNER_DATABASE_URL"])
    rows = await owner.fetch("SELECT id FROM intake.cases WHERE number LIKE 'G-%' ORDER BY md5(number) LIMIT 200")
    await owner.close()
    return [row["id"] for row in rows]


async def _built(home: Home, cases: int) -> tuple[Furnished, UUID]:
    """Build a house and lay cases into it."""
    async with _opened(home) as (house, owner):
        found, unit = await _furnished(house, owner)
        await _fill(owner, 0, cases, found.person_id)
    return found, unit


async def _run(*, short: bool) -> dict[str, Any]:
    sizes = {"small": _SMALL, "large": 100_000 if short else _LARGE}
    rounds, seconds = (2, 3.0) if short else (5, 5.0)
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as folder:
        homes = {size: Home(Path(folder) / size) for size in sizes}
        began = time.monotonic()
        built = {size: await _built(homes[size], cases) for size, cases in sizes.items()}
        filled_s = round(time.monotonic() - began)
        async with AsyncExitStack() as stack:
            # Whoever has a million cases has started the house since there were none; both have.
            offices = {size: await stack.enter_async_context(_office(homes[size], *built[size])) for size in sizes}
            screens = {size: _screens(office, random.Random(7), await _ids(office)) for size, office in offices.items()}
            asked = {(name, size): screens[size][name] for name in screens["small"] for size in sizes}
            took = await _timed(_ASKED, asked)
            lived = {size: Lived() for size in sizes}
            for _ in range(rounds):
                for size, office in offices.items():
                    await _live(office, seconds, lived[size])
    told = {size: {name: cut for (name, of), cut in took.items() if of == size} for size in sizes}
    ratios = {name: round(cut["p95_ms"] / told["small"][name]["p95_ms"], 2) for name, cut in told["large"].items()}
    lives = {f"lives_{size}": one.told() for size, one in lived.items()}
    return {
        "cases": sizes["large"],
        "filled_s": filled_s,
        "ratio_p95": ratios,
        **told,
        **lives,
        "cores": os.cpu_count(),
    }


def run() -> dict[str, Any]:
    """Measure, and compare with the targets."""
    figures = uvloop.run(_run(short=bool(os.environ.get("BENCH_SHORT"))))
    good = max(figures["ratio_p95"].values()) <= TARGETS["ratio"]
    good = good and figures["lives_large"]["lives_per_s"] >= TARGETS["lives_per_s"]
    return {"bench": "growth", "figures": figures, "targets": TARGETS, "ok": good}
