"""What is told, in both languages. Parameters are public words; names of persons are never among them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared.texts import Text

__all__ = ["TEMPLATES", "Channel", "ReceiptState", "rendered", "rendered_outside"]


class Channel(StrEnum):
    """How somebody was told."""

    INBOX = "inbox"
    PUSH = "push"
    SMS = "sms"


class ReceiptState(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    FAILED = "failed"
    READ = "read"


# Every template knows {number} and the {quoted} title of its case; what else it takes stands in it.
TEMPLATES: Final[Mapping[str, Text]] = {
    "case_filed": Text(zh="新诉求 {number}{quoted}待受理", en="New case {number} {quoted} waits to be accepted"),
    "case_registered": Text(
        zh="您的诉求 {number}{quoted}已登记，所在网格将于 {due_on} 前受理",
        en="Your case {number} {quoted} is registered: the staff of your grid will look at it by {due_on}",
    ),
    "case_accepted": Text(zh="您的诉求 {number}{quoted}已受理", en="Your case {number} {quoted} has been accepted"),
    "case_declined": Text(
        zh="诉求 {number}{quoted}未予受理：{reason}", en="Case {number} {quoted} was declined: {reason}"
    ),
    "case_triaged": Text(
        zh="诉求 {number}{quoted}已研判为{level_zh}", en="Case {number} {quoted} was judged: {level_en}"
    ),
    "case_assigned": Text(zh="诉求 {number}{quoted}已交{unit}办理", en="Case {number} {quoted} was assigned to {unit}"),
    "case_offered": Text(zh="{unit}愿意认领诉求 {number}{quoted}", en="{unit} offers to take case {number} {quoted}"),
    "offer_withdrawn": Text(
        zh="{unit}撤回对诉求 {number}{quoted}的认领意向", en="{unit} no longer offers to take case {number} {quoted}"
    ),
    "offer_passed_over": Text(
        zh="诉求 {number}{quoted}未采用贵单位的认领意向",
        en="The offer of your unit for case {number} {quoted} was passed over",
    ),
    "case_helping": Text(
        zh="诉求 {number}{quoted}由{unit}牵头，贵单位协助，期限 {due_on}",
        en="Your unit helps with case {number} {quoted}, which {unit} leads, due {due_on}",
    ),
    "case_claimed": Text(
        zh="诉求 {number}{quoted}由{unit}认领，期限 {due_on}",
        en="Case {number} {quoted} was claimed by {unit}, due {due_on}",
    ),
    "case_handed_on": Text(
        zh="诉求 {number}{quoted}已转办：{reason}", en="Case {number} {quoted} was handed on: {reason}"
    ),
    "case_forced_joint": Text(
        zh="诉求 {number}{quoted}多次转办，须召开联席会议",
        en="Case {number} {quoted} was handed on too often: a joint meeting must decide",
    ),
    "case_progress": Text(zh="诉求 {number}{quoted}进展：{note}", en="Case {number} {quoted}: {note}"),
    "case_replied": Text(zh="诉求 {number}{quoted}答复：{note}", en="Reply on case {number} {quoted}: {note}"),
    "case_commented": Text(
        zh="诉求 {number}{quoted}有新的补充说明", en="Somebody added a word to case {number} {quoted}"
    ),
    "case_paused": Text(
        zh="诉求 {number}{quoted}暂停计时：{reason}", en="The clock of case {number} {quoted} stands still: {reason}"
    ),
    "case_resumed": Text(zh="诉求 {number}{quoted}恢复计时", en="The clock of case {number} {quoted} runs again"),
    "pause_is_over": Text(
        zh="诉求 {number}{quoted}暂停已达上限，自动恢复计时",
        en="The clock of case {number} {quoted} stood still as long as it may and runs again",
    ),
    "case_resolved": Text(
        zh="诉求 {number}{quoted}已办结，请评价：{note}",
        en="Case {number} {quoted} is resolved, please judge: {note}",
    ),
    "case_reopened": Text(zh="诉求 {number}{quoted}已重新打开", en="Case {number} {quoted} is open again"),
    "confirmations_wanted": Text(
        zh="诉求 {number}{quoted}诉求人认可办理结果，请加入该诉求的居民确认",
        en="The requester of case {number} {quoted} is content: those who joined are asked to confirm",
    ),
    "case_closed": Text(zh="诉求 {number}{quoted}已关闭", en="Case {number} {quoted} is closed"),
    "case_closed_by_silence": Text(
        zh="诉求 {number}{quoted}逾期未评价，已关闭", en="Case {number} {quoted} was closed without an answer"
    ),
    "case_joined": Text(
        zh="又有居民加入诉求 {number}{quoted}，共 {joiners} 人",
        en="A neighbour joined case {number} {quoted}, {joiners} by now",
    ),
    "case_left": Text(
        zh="有居民退出诉求 {number}{quoted}，现有 {joiners} 人加入",
        en="Neighbours left case {number} {quoted}, {joiners} are still part of it",
    ),
    "case_collective": Text(
        zh="诉求 {number}{quoted}已有 {joiners} 位邻里加入，转为集体诉求",
        en="Case {number} {quoted} is a collective one now: {joiners} neighbours have joined",
    ),
    "case_represented": Text(
        zh="诉求 {number}{quoted}已推选代表 {representatives} 人",
        en="{representatives} speak for case {number} {quoted} beside its requester",
    ),
    "answers_given": Text(
        zh="诉求 {number}{quoted}的填报信息已更新", en="The questions of case {number} {quoted} were answered anew"
    ),
    "case_supervised": Text(
        zh="诉求 {number}{quoted}已列入督办", en="An answer about case {number} {quoted} was demanded in writing"
    ),
    "case_escalated": Text(
        zh="诉求 {number}{quoted}已超期，已报上级督促",
        en="Case {number} {quoted} is overdue: the next level up was told",
    ),
    "case_merged": Text(
        zh="诉求 {number}{quoted}已与同类诉求合并", en="Case {number} {quoted} was merged into one about the same"
    ),
    "case_unmerged": Text(zh="诉求 {number}{quoted}的合并已撤销", en="The merge of case {number} {quoted} was undone"),
    "claim_lapsed": Text(
        zh="诉求 {number}{quoted}认领后逾期未推进，已收回",
        en="The claim on case {number} {quoted} lapsed; it was taken back",
    ),
    "promise_missed": Text(
        zh="诉求 {number}{quoted}已过认领时承诺的期限 {due_on}",
        en="Case {number} {quoted} was promised by {due_on} and is not done",
    ),
    "clock_warning": Text(
        zh="诉求 {number}{quoted}即将超期，期限 {due_on}", en="Case {number} {quoted} will be overdue on {due_on}"
    ),
    "clock_due": Text(zh="诉求 {number}{quoted}已超期", en="Case {number} {quoted} is overdue"),
    "verdict_reminder": Text(
        zh="诉求 {number}{quoted}等待您的评价，{due_on} 后自动关闭",
        en="Case {number} {quoted} waits for your word until {due_on}",
    ),
    "supervision_ordered": Text(
        zh="督办单：诉求 {number}{quoted}，请于 {due_on} 前书面答复",
        en="Supervision order on case {number} {quoted}: answer in writing by {due_on}",
    ),
    "supervision_answered": Text(
        zh="督办单已答复：诉求 {number}{quoted}", en="The order on case {number} {quoted} has been answered"
    ),
    "supervision_returned": Text(
        zh="督办答复被退回：诉求 {number}{quoted}", en="The answer on case {number} {quoted} was returned"
    ),
    "supervision_overdue": Text(
        zh="督办单逾期未答复：诉求 {number}{quoted}",
        en="The order on case {number} {quoted} was not answered in time",
    ),
    "appeal_made": Text(zh="诉求 {number}{quoted}提出申诉", en="An appeal was made on case {number} {quoted}"),
    "appeal_due": Text(
        zh="诉求 {number}{quoted}的申诉逾期未答复", en="The appeal on case {number} {quoted} was not answered in time"
    ),
    "appeal_passed_up": Text(
        zh="诉求 {number}{quoted}的申诉逾期未答复，已报上级",
        en="The appeal on case {number} {quoted} was not answered in time: the next level up was told",
    ),
    "appeal_answered": Text(
        zh="诉求 {number}{quoted}的申诉已答复：{note}", en="The appeal on case {number} {quoted} was answered: {note}"
    ),
    "case_checked": Text(
        zh="抽查发现诉求 {number}{quoted}未真正解决，已重新打开",
        en="A spot check found case {number} {quoted} not solved: it is open again",
    ),
    "mediation_proposed": Text(
        zh="诉求 {number}{quoted}拟进行调解，请表明是否同意",
        en="Case {number} {quoted} could be mediated: say whether you agree",
    ),
    "mediator_proposed": Text(
        zh="诉求 {number}{quoted}已提出调解员，请表明是否接受",
        en="A mediator is proposed for case {number} {quoted}: say whether you accept",
    ),
    "mediator_recused": Text(
        zh="诉求 {number}{quoted}的调解员回避，将另行提出", en="The mediator of case {number} {quoted} is replaced"
    ),
    "mediation_begun": Text(
        zh="诉求 {number}{quoted}的调解开始", en="All have agreed: the mediation of case {number} {quoted} begins"
    ),
    "mediation_session": Text(
        zh="诉求 {number}{quoted}定于 {when} 调解", en="The parties of case {number} {quoted} meet on {when}"
    ),
    "mediation_session_off": Text(
        zh="诉求 {number}{quoted}原定 {when} 的调解取消", en="The session of case {number} {quoted} on {when} is off"
    ),
    "mediation_drafted": Text(
        zh="诉求 {number}{quoted}的调解协议待签署", en="The agreement on case {number} {quoted} waits for signatures"
    ),
    "mediation_draft_declined": Text(
        zh="诉求 {number}{quoted}的协议文本未获同意，继续调解",
        en="A party does not sign the text on case {number} {quoted}: the talks go on",
    ),
    "mediation_in_effect": Text(
        zh="诉求 {number}{quoted}的调解协议已生效，可于 {due_on} 前共同申请司法确认",
        en="The agreement on case {number} {quoted} is in effect; the court can be asked by {due_on} to confirm it",
    ),
    "mediation_failed": Text(
        zh="诉求 {number}{quoted}调解不成：{note}", en="No agreement was reached on case {number} {quoted}: {note}"
    ),
    "mediation_withdrawn": Text(
        zh="诉求 {number}{quoted}的调解已终止", en="The mediation of case {number} {quoted} was ended"
    ),
    "mediation_due_soon": Text(
        zh="诉求 {number}{quoted}的调解协议有义务应于 {due_on} 前履行",
        en="What was agreed on case {number} {quoted} is due on {due_on}",
    ),
    "mediation_overdue": Text(
        zh="诉求 {number}{quoted}的调解协议有义务逾期未履行，期限 {due_on}",
        en="What was agreed on case {number} {quoted} was due on {due_on} and is overdue",
    ),
    "mediation_fulfilled": Text(
        zh="诉求 {number}{quoted}的调解协议已全部履行",
        en="All that was agreed on case {number} {quoted} has been performed",
    ),
    "mediation_breached": Text(
        zh="诉求 {number}{quoted}的调解协议未履行，诉求已重新打开",
        en="The agreement on case {number} {quoted} was not kept: the case is open again",
    ),
    "mediation_applied": Text(
        zh="诉求 {number}{quoted}的调解协议已申请司法确认",
        en="The court was asked to confirm the agreement on case {number} {quoted}",
    ),
    "mediation_confirmed": Text(
        zh="诉求 {number}{quoted}的调解协议经法院确认有效",
        en="The court has confirmed the agreement on case {number} {quoted}",
    ),
    "mediation_not_confirmed": Text(
        zh="诉求 {number}{quoted}的司法确认申请被驳回",
        en="The court has not confirmed the agreement on case {number} {quoted}",
    ),
    "unsealed": Text(
        zh="诉求 {number}{quoted}的匿名信息被依规启封", en="Who raised case {number} {quoted} was unsealed"
    ),
    "need_opened": Text(
        zh="诉求 {number}{quoted}的需求已列入需求清单", en="A need of case {number} {quoted} is on the demand list"
    ),
    "project_opened": Text(zh="诉求 {number}{quoted}已立项：{project}", en="Case {number} {quoted} became {project}"),
    "milestone_reached": Text(
        zh="项目节点完成：{milestone}（{number}）", en="Milestone reached: {milestone} ({number})"
    ),
    "webhook_disabled_partner": Text(
        zh="本单位停用了一个推送地址", en="Your unit has disabled one of its webhook endpoints"
    ),
    "webhook_disabled_officer": Text(
        zh="工作人员停用了本单位的一个推送地址", en="An officer has disabled one of your unit's webhook endpoints"
    ),
    "webhook_disabled_gone": Text(
        zh="本单位的一个推送地址答复已失效（410），已停用",
        en="One of your unit's webhook endpoints answered that it is gone (410) and was disabled",
    ),
    "webhook_disabled_failing": Text(
        zh="本单位的一个推送地址连续五天无法送达，已停用",
        en="One of your unit's webhook endpoints failed for five days and was disabled",
    ),
    "project_completed": Text(
        zh="诉求 {number}{quoted}的项目已完成", en="The project of case {number} {quoted} is completed"
    ),
    "hazard_noticed": Text(
        zh="隐患 {number}{quoted}须于 {due_on} 前整改", en="The hazard {number} {quoted} is to be rectified by {due_on}"
    ),
    "hazard_extended": Text(
        zh="隐患 {number}{quoted}的整改期限延至 {due_on}", en="The hazard {number} {quoted} may take until {due_on}"
    ),
    "hazard_rectified": Text(
        zh="隐患 {number}{quoted}已报整改，待复查", en="The hazard {number} {quoted} waits for a second look"
    ),
    "hazard_failed": Text(
        zh="隐患 {number}{quoted}复查未通过，须于 {due_on} 前重新整改",
        en="The hazard {number} {quoted} is still there: rectify it by {due_on}",
    ),
    "hazard_overdue": Text(
        zh="隐患 {number}{quoted}逾期未整改（期限 {due_on}）",
        en="The hazard {number} {quoted} was not rectified by {due_on}",
    ),
    "project_cancelled": Text(
        zh="诉求 {number}{quoted}的项目已取消", en="The project of case {number} {quoted} was cancelled"
    ),
    "order_quoted": Text(
        zh="点单 {number}{quoted}已报价，请于 {due_on} 前确认",
        en="Order {number} {quoted} has its price: confirm it by {due_on}",
    ),
    "order_placed": Text(
        zh="新点单 {number}{quoted}，请于 {due_on} 前接单", en="New order {number} {quoted}: accept it by {due_on}"
    ),
    "order_waits": Text(
        zh="点单 {number}{quoted}即将超时未接，期限 {due_on}", en="Order {number} {quoted} lapses at {due_on}"
    ),
    "order_accepted": Text(
        zh="点单 {number}{quoted}已接单，预计 {due_on} 前完成",
        en="Order {number} {quoted} was accepted, due {due_on}",
    ),
    "match_asked": Text(
        zh="项目 {number} 拟使用贵单位的资源{quoted}，请在 {due_on} 前确认",
        en="Project {number} asks for {quoted}: please answer by {due_on}",
    ),
    "match_agreed": Text(
        zh="项目 {number}：资源{quoted}已获提供方确认", en="Project {number}: the giver of {quoted} agrees"
    ),
    "match_lapsed": Text(
        zh="项目 {number}：资源{quoted}未能落实，需求已退回清单",
        en="Project {number}: {quoted} cannot be had, its need is open again",
    ),
    "offers_stale": Text(
        zh="贵单位有 {number} 项资源久未确认，如{quoted}，请确认是否仍然有效",
        en="{number} of your unit's offers were not confirmed for long, {quoted} among them: do they still stand?",
    ),
    "proof_refused": Text(
        zh="{number}{quoted}所附的部分证明材料无效，已移除",
        en="{number} {quoted}: some of what was shown as proof was none",
    ),
    "pledge_refused": Text(
        zh="占用 {number}{quoted}的捐款承诺未被基金接受，已退回",
        en="Hold {number} {quoted}: the fund does not take the pledge, it was given back",
    ),
    "order_declined": Text(zh="点单 {number}{quoted}未被接单", en="Order {number} {quoted} was declined"),
    "order_not_entitled": Text(
        zh="点单 {number}{quoted}仅面向符合条件的居民", en="Order {number} {quoted} is for entitled people only"
    ),
    "order_lapsed": Text(
        zh="点单 {number}{quoted}超时，已自动取消", en="Order {number} {quoted} has lapsed: nobody answered in time"
    ),
    "order_cancelled": Text(zh="点单 {number}{quoted}已取消", en="Order {number} {quoted} was cancelled"),
    "order_broken": Text(zh="点单 {number}{quoted}未能履约", en="Order {number} {quoted} was broken off"),
    "order_delivered": Text(
        zh="点单 {number}{quoted}已完成，请评价", en="Order {number} {quoted} was delivered: please rate it"
    ),
    "order_complained": Text(
        zh="点单 {number}{quoted}收到投诉", en="There is a complaint about order {number} {quoted}"
    ),
    "order_supervised": Text(
        zh="督单：点单 {number}{quoted}，请于 {due_on} 前书面答复",
        en="Supervision of order {number} {quoted}: answer in writing by {due_on}",
    ),
    "order_supervision_answered": Text(
        zh="督单已答复：点单 {number}{quoted}", en="The supervision of order {number} {quoted} has been answered"
    ),
    "order_supervision_returned": Text(
        zh="督单答复被退回：点单 {number}{quoted}，请于 {due_on} 前重新答复",
        en="The answer about order {number} {quoted} was returned: answer again by {due_on}",
    ),
    "order_supervision_overdue": Text(
        zh="督单逾期未答复：点单 {number}{quoted}",
        en="The supervision of order {number} {quoted} was not answered in time",
    ),
    "order_not_repeated": Text(
        zh="定期点单 {number}{quoted}未能预订 {due_on} 的一次",
        en="Recurring order {number} {quoted} could not be booked for {due_on}",
    ),
}


# What a person wrote stays in the house: outside the inbox a message names the case by its number alone.
_WRITTEN: Final = frozenset({"title", "note", "reason"})


def rendered(kind: str, params: Mapping[str, str]) -> Text:
    """Return what is told; a parameter that is missing is left empty rather than telling nothing at all."""
    title = params.get("title")
    words = _Lenient(params, quoted=f"“{title}”" if title else "")
    text = TEMPLATES[kind]
    return Text(zh=text.zh.format_map(words).rstrip("：: "), en=text.en.format_map(words).rstrip(": "))


def rendered_outside(kind: str, params: Mapping[str, str]) -> Text:
    """Return what is told on a lock screen or by a text message."""
    return rendered(kind, {name: value for name, value in params.items() if name not in _WRITTEN})


class _Lenient(dict[str, str]):
    """Parameters of which each template takes those that it needs."""

    def __missing__(self, key: str) -> str:
        return ""
