"""From proposals to their representations."""

from services.intake.proposals.rules import Why
from services.intake.proposals.schemas import (
    CategoryCandidateOut,
    ModeOut,
    ProposalOut,
    SharedOut,
    SimilarOut,
    UnitCandidateOut,
    WhyOut,
)
from services.intake.proposals.service import Candidate, Proposal

__all__ = ["proposal_out"]

_DIGITS = 4
_NUMBERS_TOLD = 3


def proposal_out(proposal: Proposal) -> ProposalOut:
    """Show candidates with their reasons."""
    mode = proposal.mode
    return ProposalOut.model_validate(
        {
            "mode": ModeOut.model_validate(
                {
                    "encoder": mode.encoder,
                    "learned": mode.model is not None,
                    "model": mode.model,
                    "meaning": mode.meaning,
                }
            ),
            "categories": [_category_out(item, proposal) for item in proposal.categories],
            "abstains": proposal.why is not None,
            "why": _why_out(proposal.why),
            "threshold": round(proposal.threshold, _DIGITS),
            "units": [_unit_out(item, proposal) for item in proposal.units],
            "units_abstain": proposal.units_why is not None,
            "units_why": _why_out(proposal.units_why),
        }
    )


def _why_out(why: Why | None) -> WhyOut | None:
    return WhyOut(code=why.code, detail_zh=why.detail.zh, detail_en=why.detail.en) if why else None


def _similar_out(item: Candidate, proposal: Proposal) -> SimilarOut:
    """Count the cases alike; name those that the caller may see."""
    ids = item.similar.case_ids
    numbers = [proposal.visible[case_id] for case_id in ids if case_id in proposal.visible]
    return SimilarOut(count=len(ids), numbers=numbers[:_NUMBERS_TOLD])


def _category_out(item: Candidate, proposal: Proposal) -> CategoryCandidateOut:
    category = item.subject
    return CategoryCandidateOut(
        category=category.code,
        name_zh=category.name_zh,
        name_en=category.name_en,
        parent_code=category.parent_code,
        score=round(item.score, _DIGITS),
        by_words=round(item.by_words, _DIGITS),
        by_meaning=round(item.by_meaning, _DIGITS) if item.by_meaning is not None else None,
        shared=[SharedOut(text=gram, part=round(part, _DIGITS)) for gram, part in item.shared],
        similar=_similar_out(item, proposal),
    )


def _unit_out(item: Candidate, proposal: Proposal) -> UnitCandidateOut:
    unit_id, name = item.subject
    return UnitCandidateOut(
        unit_id=unit_id,
        name=name,
        score=round(item.score, _DIGITS),
        shared=[gram for gram, _ in item.shared],
        similar=_similar_out(item, proposal),
    )
