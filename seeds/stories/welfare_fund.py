"""The welfare fund pays for the repair 公益金: who applies does not approve, who approves does not pay."""

from typing import Final

from seeds.house import House
from seeds.stories.money import (
    Fund,
    Grant,
    approve,
    grant_of,
    hold_of,
    invoice_body,
    open_fund,
    pledge,
    project_budget,
    yuan,
)
from seeds.stories.threads import Project
from seeds.story import Story

__all__ = ["Money", "ask_and_approve", "close_money", "pay", "raise_welfare_fund"]

RAISED_FEN: Final = 200_000_000
COST_FEN: Final = 1_500_000
_FORBIDDEN, _CONFLICT = 403, 409


class Money:
    """What the rest of the story follows of the money: the fund, the grant, and the hold on it."""

    def __init__(self, fund: Fund, grant: Grant, hold_id: str) -> None:
        self.fund = fund
        self.grant = grant
        self.hold_id = hold_id


async def raise_welfare_fund(story: Story, house: House) -> Fund:
    """Open the fund and let its givers give."""
    with story.step("社区运营公益金到账二百万元", "a community welfare fund has raised two million yuan"):
        fund = await open_fund(story, house, "welfare")
        for given in house.pack.row("funds", "welfare")["contributions"]:
            await pledge(story, house, fund, given)
        await fund.shows(
            story, await house.staff("treasurer"), balance_fen=RAISED_FEN, held_fen=0, available_fen=RAISED_FEN
        )
    return fund


async def ask_and_approve(story: Story, house: House, fund: Fund, project: Project) -> Money:
    """Ask for the budget and have it approved by two others than the applicant."""
    lead, treasurer = await house.staff("lead"), await house.staff("treasurer")
    first, second = await house.staff("approver_1"), await house.staff("approver_2")
    with story.step("项目向公益金申请 15 000 元", "the project asks the welfare fund for 15 000 yuan"):
        asked = {"fund_id": fund.id, "total_fen": COST_FEN, "purpose": "污水外溢整治工程", "category": "drainage"}
        told = story.took(await lead.act(project.path, "budget-requests", asked))
        story.expect("budget 预算", told["budget"]["state"], "requested")
        applied = await grant_of(story, treasurer, project)
        story.expect("asked 申请金额", applied["asked_fen"], COST_FEN)
        story.expect("two approvals by the charter 章程要求两人审批", applied["approvals_needed"], 2)
        story.expect("applicant 申请人", applied["applicant_id"], str(lead.person_id))
    grant = Grant(applied["id"])
    with story.step(
        "申请人也是评审，但不能审批自己的申请", "the applicant sits among the approvers and may not approve"
    ):
        own = await approve(lead, grant)
        story.refused("own application 自批", own, _FORBIDDEN, naming="applicant_is_not_approver")
    with story.step("两位评审先后同意，资金冻结", "two others approve; with the second the money is held"):
        story.expect("after one 一人同意后", story.took(await approve(first, grant))["state"], "submitted")
        story.refused("voting twice 重复表决", await approve(first, grant), _CONFLICT, naming="already_voted")
        approved = story.took(await approve(second, grant))
        story.expect("after two 两人同意后", approved["state"], "approved")
        await hold_of(story, treasurer, approved["hold_id"], amount_fen=COST_FEN, state="open")
        await fund.shows(
            story, treasurer, balance_fen=RAISED_FEN, held_fen=COST_FEN, available_fen=RAISED_FEN - COST_FEN
        )
        budget = await project_budget(
            story, lead, project, "the project has heard 项目获知批准", lambda seen: bool(seen["state"] == "approved")
        )
        story.expect("granted 批准金额", budget["granted_fen"], COST_FEN)
    return Money(fund, grant, approved["hold_id"])


async def pay(story: Story, house: House, project: Project, money: Money) -> None:
    """Hand in the contractor's bill, approve it, and pay it by somebody who did neither."""
    lead, payer = await house.staff("lead"), await house.staff("payer")
    with story.step("施工队开票 15 000 元，评审复核", "the contractor's invoice comes and is approved"):
        bill = invoice_body(house.pack.row("units", "contractor")["name"], COST_FEN)
        invoice = story.took(await lead.post(f"{money.grant.path}/invoices", bill), 201)
        twice = await lead.post(f"{money.grant.path}/invoices", {**bill, "id": None})
        story.refused("the same document again 同一发票再报", twice, _CONFLICT, naming="document_known")
        path = f"/v1/invoices/{invoice['id']}"
        checked = story.took(
            await (await house.staff("approver_1")).post(f"{path}/approve", version=invoice["version"])
        )
        story.expect("invoice 发票", checked["state"], "approved")
    with story.step("评审想付款被拒，出纳付款", "an approver who may pay is refused; the payer pays"):
        approver = await house.staff("approver_2")
        refused = await approver.post(f"{path}/pay", version=checked["version"])
        story.refused("approver pays 审批人付款", refused, _FORBIDDEN, naming="payer_is_independent")
        paid = story.took(await payer.post(f"{path}/pay", version=checked["version"]))
        story.expect(f"paid 已付 {yuan(COST_FEN)}", (paid["state"], paid["amount_fen"]), ("paid", COST_FEN))
        await hold_of(story, payer, money.hold_id, amount_fen=COST_FEN, state="settled")
        budget = await project_budget(
            story, lead, project, "the project has heard 项目获知付款", lambda seen: bool(seen["paid_fen"])
        )
        story.expect("paid for the project 项目已付", budget["paid_fen"], COST_FEN)


async def close_money(story: Story, house: House, money: Money) -> None:
    """Close the grant and state the fund to the fen."""
    treasurer = await house.staff("treasurer")
    left_fen = RAISED_FEN - COST_FEN
    with story.step("结项，公示到分", "the grant is closed; the fund is stated to the fen"):
        closed = story.took(await treasurer.act(money.grant.path, "close"))
        story.expect("grant 资助", (closed["state"], closed["available_fen"]), ("closed", 0))
        await money.fund.shows(story, treasurer, balance_fen=left_fen, held_fen=0, available_fen=left_fen)
        await money.fund.states(
            story,
            await house.resident("restaurant"),
            contributions_fen=RAISED_FEN,
            granted_fen=COST_FEN,
            returned_fen=0,
            spent_fen=COST_FEN,
            held_fen=0,
            closing_fen=left_fen,
        )
