"""One need against what there is: candidates at once, each explained, and the others with the reason why not."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np

from services.matching.engine.blocks import BELOW, REASONS
from services.matching.engine.branches import Branch, branches_of
from services.matching.engine.candidates import TOP_PER_NEED
from services.matching.engine.columns import take
from services.matching.engine.explaining import FilterResult, Term, filter_results, terms_of
from services.matching.engine.facts import NeedFacts, Vectors
from services.matching.engine.filters import PASSED, failures
from services.matching.engine.lines import Lines, OfferLines, columns_of
from services.matching.engine.pairs import all_pairs
from services.matching.engine.scoring import Weights
from services.matching.engine.standing import Background
from services.matching.engine.threads import one_thread

__all__ = ["PASSED_OVER_MAX", "Asked", "Judgement", "Verdict", "judge", "judge_now"]

PASSED_OVER_MAX: Final = 200
# Fewer parts than that are met by one offer.
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was looked at for one pair; without terms when a filter failed."""

    offer_id: UUID
    filters: tuple[FilterResult, ...]
    terms: tuple[Term, ...]
    failed: str | None

    @property
    def score(self) -> int:
        """The sum of the terms, and nothing else."""
        return sum(term.points for term in self.terms)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the first need, beside which the others stand for the branch, and the offers of the branch.

    Attributes:
        passed_over: how many of those that do not suit are explained as well, the nearest first.
    """

    needs: Sequence[NeedFacts]
    offers: OfferLines
    need_vectors: Vectors
    background: Background | None
    weights: Weights
    now: datetime
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What suits a need, the best first, and what was passed over, what came nearest first.

    Of a need with parts the best offer for each part comes first, as far as there is one.
    """

    suitable: Sequence[Verdict]
    passed_over: Sequence[Verdict]
    weights: Weights


async def judge(asked: Asked) -> Judgement:
    """Look at all offers for a need; in a thread, since it takes some milliseconds of arithmetic."""
    return await asyncio.to_thread(judge_now, asked)


def judge_now(asked: Asked) -> Judgement:
    """Look at all offers for a need."""
    with one_thread():
        return _judge(asked)


def _judge(asked: Asked) -> Judgement:
    if not asked.offers.facts:
        return Judgement((), (), asked.weights)
    lines = columns_of(asked.needs, asked.offers, asked.need_vectors, asked.now)
    background = asked.background or Background((lines.tree,), (lines.tree,))
    branch = next(iter(branches_of(lines.needs, lines.offers, background)), None)
    if branch is None:
        return Judgement((), (), asked.weights)
    return _verdicts(asked, lines, branch)


def _verdicts(asked: Asked, lines: Lines, branch: Branch) -> Judgement:
    row = int(np.flatnonzero(branch.need_rows == lines.needs.ids.index(asked.needs[0].id))[0])
    everything = np.arange(len(branch.offer_rows))
    block = branch.judge(np.array([row]), everything, asked.weights)
    terms = np.stack([term[0] for term in block.terms], axis=1)
    need = take(branch.needs, np.array([row]), with_ids=False)
    failed = np.stack([item[0] for item in failures(all_pairs(need, branch.offers))], axis=1)
    now = asked.now.isoformat()

    def verdict(at: int) -> Verdict:
        offer = asked.offers.facts[int(branch.offer_rows[at])]
        code = int(block.codes[0, at])
        passed = code in {PASSED, BELOW}
        told = terms_of(asked.needs[0], offer, terms[at], float(block.standing[0, at]), asked.weights)
        return Verdict(
            offer.id,
            filter_results(asked.needs[0], offer, failed[at], now),
            told if passed else (),
            REASONS[code] or None,
        )

    def kind_of(at: int) -> str:
        return asked.offers.facts[int(branch.offer_rows[at])].kind

    score, codes = block.score[0].astype(np.int64), block.codes[0]
    # Where scores are equal, the older offer comes first; columns are ordered by place, so the row decides.
    order = np.lexsort((branch.offer_rows, -score)).tolist()
    suitable = _parts_first(asked.needs[0].parts, [at for at in order if codes[at] == PASSED], kind_of)[:TOP_PER_NEED]
    chosen = set(suitable)
    nearest = np.lexsort((branch.offer_rows, -block.standing[0])).tolist()
    passed_over = [at for at in nearest if at not in chosen][: asked.passed_over]
    return Judgement([verdict(at) for at in suitable], [verdict(at) for at in passed_over], asked.weights)


def _parts_first(parts: Sequence[str], found: Sequence[int], kind_of: Callable[[int], str]) -> list[int]:
    """Put the best offer for each part of a need first, in the order of the parts; the rest follows as it was."""
    if len(parts) < _SEVERAL:
        return list(found)
    best = [next((at for at in found if kind_of(at) == kind), None) for kind in parts]
    first = [at for at in best if at is not None]
    return [*first, *(at for at in found if at not in first)]
