"""What can be wrong with a reversal before the posting function looks at it."""

from shared.problems import Conflict, Forbidden, Invalid
from shared.texts import Text

__all__ = ["CampaignMoney", "NotReversible", "OwnTransaction", "PartsDiffer"]


class CampaignMoney(Conflict):
    """What was given to a campaign goes back by the campaign, which keeps account of each gift."""

    code = "campaign_money"
    title = Text(zh="众筹款项只能按众筹规则退回", en="What was given to a campaign goes back only by its own rules")


class NotReversible(Conflict):
    """The transaction has moved nothing."""

    code = "not_reversible"
    title = Text(zh="该笔记录没有发生资金变动，不能冲正", en="The transaction has moved nothing that could go back")


class OwnTransaction(Forbidden):
    """In a book with rules what one person has posted another takes back."""

    code = "own_transaction"
    title = Text(zh="不得自行冲正本人记的账", en="What one person has posted another takes back")


class PartsDiffer(Invalid):
    """A refund names a part for each posting of its original."""

    code = "parts_differ"
    title = Text(zh="退款分项与原分录数不一致", en="A refund has one part for each posting of the original")
