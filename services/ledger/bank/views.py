"""From rows to bank lines as they are shown."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.ledger.bank import repository
from services.ledger.bank.models import BankLine
from services.ledger.bank.rules import Proposal
from services.ledger.bank.schemas import BankLineOut, CandidateOut, DecisionOut, MatchedOut, ProposalOut
from shared.db import Session

__all__ = ["line_out", "lines_out", "proposal_out"]


async def lines_out(session: Session, lines: Sequence[BankLine]) -> dict[UUID, BankLineOut]:
    """Show lines with what they tell of and what was decided, by id."""
    ids = [line.id for line in lines]
    postings: dict[UUID, list[Any]] = defaultdict(list)
    for match in await repository.matches_of(session, ids):
        postings[match.line_id].append(MatchedOut.model_validate(match))
    decisions: dict[UUID, list[Any]] = defaultdict(list)
    for decision in await repository.decisions_of(session, ids):
        decisions[decision.line_id].append(DecisionOut.model_validate(decision))
    kept = BankLineOut.model_fields.keys() - {"postings", "decisions"}
    return {
        line.id: BankLineOut.model_validate(
            {
                **{name: getattr(line, name) for name in kept},
                "postings": postings[line.id],
                "decisions": decisions[line.id],
            }
        )
        for line in lines
    }


async def line_out(session: Session, line: BankLine) -> BankLineOut:
    """Show one line."""
    return (await lines_out(session, [line]))[line.id]


def proposal_out(proposal: Proposal) -> ProposalOut:
    """Show a proposal."""
    return ProposalOut(
        postings=[CandidateOut.model_validate(item) for item in proposal.postings],
        score=proposal.score,
        reasons=list(proposal.reasons),
    )
