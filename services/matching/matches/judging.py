"""One need against what there is: candidates at once, each explained, and the others with the reason why not."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np

from services.matching.engine.alike import Alike
from services.matching.engine.blocks import BELOW, REASONS
from services.matching.engine.branches import Branch, branches_of, known_branch
from services.matching.engine.candidates import TOP_PER_NEED
from services.matching.engine.columns import take
from services.matching.engine.explaining import FilterResult, Term, filter_results, need_values, terms_of
from services.matching.engine.facts import KINDS, NeedFacts, OfferFacts, Vectors
from services.matching.engine.filters import PASSED, failures
from services.matching.engine.lines import Lines, OfferLines
from services.matching.engine.pairs import all_pairs
from services.matching.engine.recent import Recent
from services.matching.engine.scoring import Weights
from services.matching.engine.standing import Background, fills
from services.matching.engine.threads import one_thread

__all__ = ["PASSED_OVER_MAX", "Asked", "Judgement", "PassedOver", "Verdict", "judge", "judge_now", "parts_at_once"]

PASSED_OVER_MAX: Final = 200
# Fewer parts than that are met by one offer.
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was looked at for a pair that suits."""

    offer_id: UUID
    filters: tuple[FilterResult, ...]
    terms: tuple[Term, ...]

    @property
    def score(self) -> int:
        """The sum of the terms, and nothing else."""
        return sum(term.points for term in self.terms)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Why a pair does not suit: the first filter that failed, or its score, which is 0 when a filter failed."""

    offer_id: UUID
    failed: str
    score: int
    filters: tuple[FilterResult, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the first need, beside which the others stand for the branch, and the offers of the branch.

    Attributes:
        alike: remembers the likenesses of the offers, all of one branch with the needs; None without an encoder.
        recent: makes the lines of these offers and the needs, and keeps them; None to make them once.
        suitable: how many of those that suit are told of, the best first.
        passed_over: how many of those that do not suit are explained as well, the nearest first.
    """

    needs: Sequence[NeedFacts]
    offers: OfferLines
    need_vectors: Vectors
    background: Background | None
    weights: Weights
    now: datetime
    alike: Alike | None = None
    recent: Recent | None = None
    suitable: int = TOP_PER_NEED
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What suits a need, the best first, and what was passed over, what came nearest first.

    Of a need with parts the best offer for each part comes first, as far as there is one.

    Attributes:
        parts: the kinds of offers that the need wants at once, see `parts_at_once`.
        beside: how many other needs stood for the branch.
    """

    suitable: Sequence[Verdict]
    passed_over: Sequence[PassedOver]
    weights: Weights
    parts: tuple[str, ...]
    beside: int


async def judge(asked: Asked) -> Judgement:
    """Look at all offers for a need; in a thread, since it takes some milliseconds of arithmetic."""
    return await asyncio.to_thread(judge_now, asked)


def judge_now(asked: Asked) -> Judgement:
    """Look at all offers for a need."""
    with one_thread():
        return _judge(asked)


def parts_at_once(parts: Collection[str]) -> tuple[str, ...]:
    """Return the kinds of offers that are wanted at once, in a fixed order; none when one offer is enough."""
    return tuple(kind for kind in KINDS if kind in parts) if len(set(parts)) >= _SEVERAL else ()


def _told(asked: Asked, suitable: Sequence[Verdict] = (), passed_over: Sequence[PassedOver] = ()) -> Judgement:
    parts = parts_at_once(asked.needs[0].parts)
    return Judgement(suitable, passed_over, asked.weights, parts, len(asked.needs) - 1)


def _judge(asked: Asked) -> Judgement:
    if not asked.offers.facts:
        return _told(asked)
    lines = (asked.recent or Recent(asked.offers)).lines(asked.needs, asked.need_vectors, asked.now)
    branch = _branch(asked, lines)
    return _told(asked) if branch is None else _verdicts(asked, lines, branch)


def _branch(asked: Asked, lines: Lines) -> Branch | None:
    if asked.alike is not None and all(fills(len(side.branch)) for side in (lines.needs, lines.offers)):
        return known_branch(lines.needs, lines.offers, asked.alike.to(lines.needs.ids, lines.needs.vectors))
    background = asked.background or Background((lines.tree,), (lines.tree,))
    return next(iter(branches_of(lines.needs, lines.offers, background)), None)


def _verdicts(asked: Asked, lines: Lines, branch: Branch) -> Judgement:
    row = int(np.flatnonzero(branch.need_rows == lines.needs.ids.index(asked.needs[0].id))[0])
    everything = np.arange(len(branch.offer_rows))
    block = branch.judge(np.array([row]), everything, asked.weights)
    terms = np.stack([term[0] for term in block.terms], axis=1)
    need = take(branch.needs, np.array([row]), with_ids=False)
    failed = np.stack([item[0] for item in failures(all_pairs(need, branch.offers))], axis=1)
    score, codes = block.score[0].astype(np.int64), block.codes[0]
    values = need_values(asked.needs[0], asked.now.isoformat())

    def offer_at(at: int) -> OfferFacts:
        return asked.offers.facts[int(branch.offer_rows[at])]

    def filters(at: int) -> tuple[FilterResult, ...]:
        return filter_results(asked.needs[0], offer_at(at), failed[at], values)

    def verdict(at: int) -> Verdict:
        standing = float(block.standing[0, at])
        told = terms_of(asked.needs[0], offer_at(at), terms[at], standing, asked.weights)
        return Verdict(offer_at(at).id, filters(at), told)

    def passed_over(at: int) -> PassedOver:
        # What suits as well, but behind those that are proposed, is no more than that.
        reason = REASONS[codes[at]] or REASONS[BELOW]
        return PassedOver(offer_at(at).id, reason, int(score[at]) if codes[at] in {PASSED, BELOW} else 0, filters(at))

    def kind_of(at: int) -> str:
        return offer_at(at).kind

    # Where scores are equal, the older offer comes first; columns are ordered by place, so the row decides.
    order = np.lexsort((branch.offer_rows, -score)).tolist()
    suitable = _parts_first(asked.needs[0].parts, [at for at in order if codes[at] == PASSED], kind_of)[:TOP_PER_NEED]
    chosen = set(suitable)
    nearest = np.lexsort((branch.offer_rows, -block.standing[0])).tolist()
    others = [at for at in nearest if at not in chosen][: asked.passed_over]
    return _told(asked, [verdict(at) for at in suitable[: asked.suitable]], [passed_over(at) for at in others])


def _parts_first(parts: Sequence[str], found: Sequence[int], kind_of: Callable[[int], str]) -> list[int]:
    """Put the best offer for each part of a need first, in the order of the parts; the rest follows as it was."""
    if len(parts) < _SEVERAL:
        return list(found)
    best = [next((at for at in found if kind_of(at) == kind), None) for kind in parts]
    first = [at for at in best if at is not None]
    return [*first, *(at for at in found if at not in first)]
