"""The barrier 道闸: three yuan from the co-building fund for every two that the households raise, to the fen.

共建基金 · 三无小区 · 自筹. The charter's ratio and caps hold at every step: nothing is held before the households have
really paid, nobody gives more than the cap, and what is left over goes back as it came.
"""

from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
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
from seeds.stories.publication import close_quarter, quarter_of, verify_book
from seeds.stories.threads import Project, open_project, reach
from seeds.story import Story

__all__ = ["tell_barrier"]

_RAISED_FEN: Final = 10_000_000
_TOTAL_FEN: Final = 500_000
_OWN_FEN: Final = 200_000
_SHARE_FEN: Final = 300_000
_BILL_FEN: Final = 480_000
_BACK_TO_FUND_FEN: Final = 12_000
_BACK_TO_HOUSEHOLDS_FEN: Final = 8_000
_MEMBERS: Final = 11
_HOUSEHOLDS: Final = 24
_OVER_CAP_FEN: Final = 15_000
_MILESTONES: Final = ("道闸安装", "居民验收")
_FORBIDDEN, _CONFLICT, _UNPROCESSABLE = 403, 409, 422


async def tell_barrier(story: Story, house: House) -> None:
    """Tell the second half of the story."""
    fund = await _members_give(story, house)
    project = await _open(story, house)
    grant = await _ask(story, house, fund, project)
    await _vote_too_early(story, house, grant)
    await _households_pay(story, house, grant)
    hold_id = await _unlock(story, house, fund, project, grant)
    contract = await _sign(story, house, grant, hold_id)
    await _install_and_accept(story, house, project, contract)
    await _pay(story, house, project, grant, contract)
    given = await _close(story, house, fund, grant)
    cash = (0, _RAISED_FEN + _OWN_FEN, _BILL_FEN + _BACK_TO_HOUSEHOLDS_FEN)
    treasurer = await house.staff("treasurer")
    book = await close_quarter(story, house, treasurer, fund.book_id, quarter_of(house.today()), cash)
    await verify_book(story, house, book, given)


async def _members_give(story: Story, house: House) -> Fund:
    treasurer = await house.staff("treasurer")
    with story.step(
        "十一家成员单位共认十万元，一家逾期", "eleven member units pledge 100 000 yuan; one of them is late"
    ):
        fund = await open_fund(story, house, "co_building")
        given = house.pack.row("funds", "co_building")["contributions"]
        noted = [await pledge(story, house, fund, one) for one in given]
        story.expect("members 成员单位", len(noted), _MEMBERS)
        story.expect(f"pledged 共认 {yuan(_RAISED_FEN)}", sum(one["amount_fen"] for one in noted), _RAISED_FEN)
        late = await _in_arrears(story, treasurer, fund)
        story.expect("one in arrears 一家拖欠", [one["giver_id"] for one in late], [noted[-1]["giver_id"]])
        arrived_fen = _RAISED_FEN - late[0]["amount_fen"]
        story.note(f"arrears 拖欠 {yuan(late[0]['amount_fen'])} · arrived 到账 {yuan(arrived_fen)}")
        await fund.shows(story, treasurer, balance_fen=arrived_fen, held_fen=0, available_fen=arrived_fen)
    with story.step("逾期单位补交，拖欠清零", "the late one pays; nobody is in arrears"):
        path = f"{fund.path}/contributions/{late[0]['id']}/receive"
        story.took(await treasurer.post(path, version=late[0]["version"]))
        story.expect("arrears 拖欠", await _in_arrears(story, treasurer, fund), [])
        await fund.shows(story, treasurer, balance_fen=_RAISED_FEN, held_fen=0, available_fen=_RAISED_FEN)
    return fund


async def _in_arrears(story: Story, reader: Caller, fund: Fund) -> list[dict[str, Any]]:
    listed = story.took(await reader.get(f"{fund.path}/contributions", page_size=200))["items"]
    return [one for one in listed if one["in_arrears"]]


async def _open(story: Story, house: House) -> Project:
    secretary = await house.staff("secretary")
    with story.step("三无院落立项装道闸", "a compound without owner, management or repair fund wants a barrier"):
        yard = story.took(await secretary.get(f"/v1/areas/{house.id('areas', 'old_yard')}"))
        flags = [yard[flag] for flag in ("no_property_owner", "no_management", "no_repair_fund")]
        story.expect("no owner, no management, no repair fund 三无", flags, [True, True, True])
        story.expect("households 户数", yard["households"], _HOUSEHOLDS)
        body = {
            "id": fresh_id(),
            "title": "老旧院落停车道闸",
            "area_id": yard["id"],
            "lead_unit_id": house.id("units", "guihuajing_committee"),
            "helping_unit_ids": [house.id("units", "barrier_contractor")],
            "milestones": [{"title": title} for title in _MILESTONES],
        }
        project = await open_project(story, secretary, body)
        story.note(f"{project.number} · {body['title']}")
    return project


async def _ask(story: Story, house: House, fund: Fund, project: Project) -> Grant:
    secretary, treasurer = await house.staff("secretary"), await house.staff("treasurer")
    asked = {"fund_id": fund.id, "own_fen": _OWN_FEN, "purpose": "停车道闸", "category": "parking"}
    with story.step("申请超过章程上限，当即退回", "asking for more than the charter's cap is refused at once"):
        story.took(await secretary.act(project.path, "budget-requests", {**asked, "total_fen": _TOTAL_FEN + 100}))
        await project_budget(
            story, secretary, project, "refused by the charter 章程退回", lambda seen: bool(seen["state"] == "refused")
        )
        steps = story.took(await secretary.get(f"{project.path}/history"))["items"]
        story.expect("because 理由", steps[-1]["data"].get("reason"), "above_cap")
    with story.step("申请 5 000 = 基金 3 000 + 自筹 2 000", "5 000 yuan = 3 000 of the fund + 2 000 of 24 households"):
        story.took(await secretary.act(project.path, "budget-requests", {**asked, "total_fen": _TOTAL_FEN}))
        grant = await grant_of(story, treasurer, project)
        parts = {name: grant[name] for name in ("total_fen", "own_fen", "asked_fen", "approvals_needed")}
        expected = {"total_fen": _TOTAL_FEN, "own_fen": _OWN_FEN, "asked_fen": _SHARE_FEN, "approvals_needed": 2}
        story.expect("application 申请", parts, expected)
    return Grant(grant["id"])


async def _vote_too_early(story: Story, house: House, grant: Grant) -> None:
    first, second, third = [await house.staff(f"approver_{number}") for number in (1, 2, 3)]
    with story.step(
        "领导小组：一人声明利益冲突，不得表决", "one approver declares a conflict of interest and may not vote"
    ):
        story.took(await third.act(grant.path, "recuse", {"reason": "亲属是道闸供应商"}))
        story.refused(
            "voting after that 回避后表决", await approve(third, grant), _FORBIDDEN, naming="recused_do_not_vote"
        )
    with story.step("自筹未到位，配比不解锁", "before the households have paid the fund's share stays locked"):
        story.expect("first approval 第一票", story.took(await approve(first, grant))["state"], "submitted")
        story.refused("second approval 第二票", await approve(second, grant), _CONFLICT, naming="match_locked")
        seen = story.took(await second.get(grant.path))
        story.expect("unlocked 解锁", (seen["match_unlocked"], seen["raised_fen"], seen["hold_id"]), (False, 0, None))


async def _households_pay(story: Story, house: House, grant: Grant) -> None:
    treasurer = await house.staff("treasurer")
    households = [row for row in house.pack.all("residents") if "share_fen" in row]
    path = f"{grant.path}/contributions"

    def payment(row: Any, amount_fen: int) -> dict[str, Any]:  # noqa: ANN401 - a row of the pack
        return {"id": fresh_id(), "household_id": house.id("residents", row["key"]), "amount_fen": amount_fen}

    with story.step("一户想交 150 元，超过每户上限被拒", "one household wants to give 150 yuan: over the cap of 100"):
        refused = await treasurer.post(path, payment(households[0], _OVER_CAP_FEN))
        story.refused("over the household cap 超上限", refused, _UNPROCESSABLE, naming="household_cap")
    with story.step("二十四户自筹 2 000 元", "twenty-four households raise 2 000 yuan"):
        for row in households:
            story.took(await treasurer.post(path, payment(row, row["share_fen"])), 201)
        story.expect("households 户数", len(households), _HOUSEHOLDS)
        more = await treasurer.post(path, payment(households[0], 1))
        story.refused("one fen too many 多一分", more, _CONFLICT, naming="over_funded")
        seen = story.took(await treasurer.get(grant.path))
        story.expect(f"raised 已筹 {yuan(_OWN_FEN)}", (seen["raised_fen"], seen["match_unlocked"]), (_OWN_FEN, True))


async def _unlock(story: Story, house: House, fund: Fund, project: Project, grant: Grant) -> str:
    secretary, treasurer = await house.staff("secretary"), await house.staff("treasurer")
    with story.step("配比解锁，第二票通过，冻结 3 000 元", "unlocked: the second approval holds 3 000 yuan"):
        approved = story.took(await approve(await house.staff("approver_2"), grant))
        story.expect("grant 资助", approved["state"], "approved")
        await hold_of(story, treasurer, approved["hold_id"], amount_fen=_SHARE_FEN, state="open")
        await fund.shows(
            story, treasurer, balance_fen=_RAISED_FEN, held_fen=_SHARE_FEN, available_fen=_RAISED_FEN - _SHARE_FEN
        )
        await project_budget(
            story, secretary, project, "the project has heard 项目获知", lambda seen: bool(seen["state"] == "approved")
        )
    return str(approved["hold_id"])


async def _sign(story: Story, house: House, grant: Grant, hold_id: str) -> str:
    """Sign the contract: its money moves from the fund into the grant and is held there."""
    secretary, treasurer = await house.staff("secretary"), await house.staff("treasurer")
    with story.step(
        "与供应商签订合同 4 800 元，款项专项冻结", "a contract of 4 800 yuan; its money is held in the grant"
    ):
        seller = {
            "id": fresh_id(),
            "name": house.pack.row("units", "barrier_contractor")["name"],
            "area_id": house.id("areas", "guihuajing"),
        }
        supplier = story.took(await treasurer.post("/v1/suppliers", seller), 201)
        document = invoice_body(seller["name"], _BILL_FEN)["document_sha256"]
        body = {"id": fresh_id(), "supplier_id": supplier["id"], "title": "道闸供货安装", "document_sha256": document}
        path = f"{grant.path}/contracts"
        more = await secretary.post(path, {**body, "id": fresh_id(), "amount_fen": _TOTAL_FEN + 1})
        story.refused("more than the grant 超出项目金额", more, _CONFLICT, naming="more_than_granted")
        contract = story.took(await secretary.post(path, {**body, "amount_fen": _BILL_FEN}), 201)
        story.expect("contract 合同", (contract["state"], contract["held_fen"]), ("binding", _BILL_FEN))
        await hold_of(story, treasurer, hold_id, amount_fen=_SHARE_FEN, state="settled")
        seen = story.took(await treasurer.get(grant.path))
        story.expect("free in the grant 项目可用", seen["available_fen"], _TOTAL_FEN - _BILL_FEN)
    return f"/v1/contracts/{contract['id']}"


async def _install_and_accept(story: Story, house: House, project: Project, contract: str) -> None:
    secretary = await house.staff("secretary")
    with story.step("安装，由他人验收", "installed, and accepted by somebody else"):
        for title in _MILESTONES:
            await reach(story, secretary, project, title, f"{title}：签字单已存档")
        proof = {"proof_sha256": invoice_body("验收", 1)["document_sha256"], "note": "道闸启用，二十四户签字"}
        own = await secretary.act(contract, "accept", proof)
        story.refused("the applicant accepts 申请人自验", own, _FORBIDDEN, naming="not_the_own_contract")
        accepted = story.took(await (await house.staff("approver_1")).act(contract, "accept", proof))
        story.expect("contract 合同", accepted["state"], "accepted")


async def _pay(story: Story, house: House, project: Project, grant: Grant, contract: str) -> None:
    secretary, payer = await house.staff("secretary"), await house.staff("payer")
    with story.step("发票 4 800 元，审、付分离", "an invoice of 4 800 yuan, approved and paid by different people"):
        bill = invoice_body(house.pack.row("units", "barrier_contractor")["name"], _BILL_FEN)
        bill["contract_id"] = contract.rpartition("/")[2]
        invoice = story.took(await secretary.post(f"{grant.path}/invoices", bill), 201)
        path = f"/v1/invoices/{invoice['id']}"
        early = await payer.post(f"{path}/pay", version=invoice["version"])
        story.refused("paying before approval 未审先付", early, _CONFLICT, naming="wrong_state")
        checked = story.took(
            await (await house.staff("approver_1")).post(f"{path}/approve", version=invoice["version"])
        )
        paid = story.took(await payer.post(f"{path}/pay", version=checked["version"]))
        story.expect(f"paid 已付 {yuan(_BILL_FEN)}", paid["state"], "paid")
        again = await payer.post(f"{path}/pay", version=paid["version"])
        story.refused("paying twice 重复付款", again, _CONFLICT, naming="wrong_state")
        await project_budget(
            story,
            secretary,
            project,
            "the project has heard 项目获知付款",
            lambda seen: bool(seen["paid_fen"] == _BILL_FEN),
        )
        done = story.took(await secretary.act(project.path, "complete", {"proof": "道闸现场验收单与照片"}))
        story.expect("project 项目", done["state"], "completed")


async def _close(story: Story, house: House, fund: Fund, grant: Grant) -> str:
    """Share what is left and state the fund; returns the transaction of the first household's money."""
    treasurer = await house.staff("treasurer")
    closing_fen = _RAISED_FEN - _SHARE_FEN + _BACK_TO_FUND_FEN
    with story.step("结项：余 200 元按 120 : 80 退回", "closed: the 200 yuan left over go back as 120 : 80"):
        closed = story.took(await treasurer.act(grant.path, "close"))
        story.expect("grant 资助", (closed["state"], closed["available_fen"]), ("closed", 0))
        shares = (closed["back_to_fund_fen"], closed["back_to_households_fen"])
        story.expect("shares 退回", shares, (_BACK_TO_FUND_FEN, _BACK_TO_HOUSEHOLDS_FEN))
        moves = story.took(await treasurer.get(f"/v1/books/{fund.book_id}/transactions", page_size=200))["items"]
        refunds = [move for move in moves if move["description"].startswith("refund")]
        back_fen = [leg["amount_fen"] for move in refunds for leg in move["postings"]]
        story.expect(
            f"to the households 退居民 {yuan(_BACK_TO_HOUSEHOLDS_FEN)}", sum(back_fen), _BACK_TO_HOUSEHOLDS_FEN
        )
        story.expect("each of them 户户有份", len(back_fen), _HOUSEHOLDS)
        await fund.shows(story, treasurer, balance_fen=closing_fen, held_fen=0, available_fen=closing_fen)
    with story.step("公示：居民查账，分文不差", "the statement, read by a household, sums to the fen"):
        await fund.states(
            story,
            await house.resident("household_07"),
            contributions_fen=_RAISED_FEN,
            granted_fen=_SHARE_FEN,
            returned_fen=_BACK_TO_FUND_FEN,
            spent_fen=_BILL_FEN,
            held_fen=0,
            closing_fen=closing_fen,
        )
    given = [move for move in moves if move["description"].startswith("contribution") and move["kind"] == "post"]
    return str(given[0]["id"])
