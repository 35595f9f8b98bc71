"""What can be wrong with a request about a mediation."""

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "MediationIsOpen",
    "MediatorIsRelated",
    "NotDueYet",
    "OtherRevision",
    "PartyHasAccount",
    "PartyIsPseudonym",
    "ProofMissing",
    "SessionIsOver",
    "SignedAlready",
    "TermIsSettled",
    "TooLateForCourt",
    "UnknownParty",
    "UnknownProof",
]


class MediationIsOpen(Conflict):
    """One mediation of a case at a time."""

    code = "mediation_is_open"
    title = Text(zh="该诉求已有进行中的调解", en="A mediation of this case is open already")


class MediatorIsRelated(Invalid):
    """A party, the requester, or a neighbour who joined does not mediate."""

    code = "mediator_is_related"
    title = Text(zh="调解员与纠纷有利害关系，应当回避", en="The mediator is related to the dispute")


class PartyIsPseudonym(Invalid):
    """Behind the requester of an anonymous case nobody can sign in; such a party is reached by its contact."""

    code = "party_is_a_pseudonym"
    title = Text(zh="匿名诉求人不能以账号作为当事人", en="An anonymous requester is no party by account")


class UnknownParty(Invalid):
    """No such party of this mediation, or the caller is none."""

    code = "unknown_party"
    title = Text(zh="没有这个当事人", en="No such party")


class PartyHasAccount(Invalid):
    """That party is already in the mediation."""

    code = "party_is_there"
    title = Text(zh="该当事人已在调解中", en="This party is in the mediation already")


class ProofMissing(Invalid):
    """What is written down for a party is shown by a picture or document."""

    code = "proof_required"
    title = Text(zh="代为记录须附凭证", en="What is recorded for a party needs a proof")


class UnknownProof(Invalid):
    """Not a clean upload of the caller's, or one that belongs to something already."""

    code = "unknown_attachment"
    title = Text(zh="没有这个附件，或它不属于您", en="No such attachment of yours")


class SessionIsOver(Conflict):
    """Only a planned session is held, adjourned or cancelled."""

    code = "session_is_over"
    title = Text(zh="该次调解已结束", en="This session is over")


class OtherRevision(Conflict):
    """The agreement has been drafted anew since; `revision` is the current one."""

    code = "other_revision"
    title = Text(zh="协议文本已更新，请重新阅读", en="The agreement has been drafted anew, read it again")


class SignedAlready(Conflict):
    """One signature of a party under one text."""

    code = "signed_already"
    title = Text(zh="该当事人已签署", en="This party has signed already")


class TermIsSettled(Conflict):
    """What was performed stays so; what was breached can only be performed late."""

    code = "term_is_settled"
    title = Text(zh="该项义务已有结论", en="This obligation is settled already")


class NotDueYet(Conflict):
    """Nobody breaches what is not due; `due_on` says when it is."""

    code = "not_due_yet"
    title = Text(zh="履行期限未到", en="It is not due yet")


class TooLateForCourt(Conflict):
    """The court is asked within thirty days of the effect; `confirm_until` was the last."""

    code = "too_late_for_court"
    title = Text(zh="已超过申请司法确认的期限", en="The time for judicial confirmation is over")
