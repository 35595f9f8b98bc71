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
    "case_accepted": Text(zh="您的诉求 {number}{quoted}已受理", en="Your case {number} {quoted} has been accepted"),
    "case_declined": Text(
        zh="诉求 {number}{quoted}未予受理：{reason}", en="Case {number} {quoted} was declined: {reason}"
    ),
    "case_triaged": Text(
        zh="诉求 {number}{quoted}已研判为{level_zh}", en="Case {number} {quoted} was judged: {level_en}"
    ),
    "case_assigned": Text(zh="诉求 {number}{quoted}已交{unit}办理", en="Case {number} {quoted} was assigned to {unit}"),
    "case_offered": Text(zh="{unit}愿意认领诉求 {number}{quoted}", en="{unit} offers to take case {number} {quoted}"),
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
    "case_resolved": Text(
        zh="诉求 {number}{quoted}已办结，请评价：{note}",
        en="Case {number} {quoted} is resolved, please judge: {note}",
    ),
    "case_reopened": Text(zh="诉求 {number}{quoted}已重新打开", en="Case {number} {quoted} is open again"),
    "case_closed": Text(zh="诉求 {number}{quoted}已关闭", en="Case {number} {quoted} is closed"),
    "case_closed_by_silence": Text(
        zh="诉求 {number}{quoted}逾期未评价，已关闭", en="Case {number} {quoted} was closed without an answer"
    ),
    "case_joined": Text(
        zh="又有居民加入诉求 {number}{quoted}，共 {joiners} 人",
        en="A neighbour joined case {number} {quoted}, {joiners} by now",
    ),
    "case_merged": Text(
        zh="诉求 {number}{quoted}已与同类诉求合并", en="Case {number} {quoted} was merged into one about the same"
    ),
    "case_unmerged": Text(zh="诉求 {number}{quoted}的合并已撤销", en="The merge of case {number} {quoted} was undone"),
    "claim_lapsed": Text(
        zh="诉求 {number}{quoted}认领后逾期未推进，已收回",
        en="The claim on case {number} {quoted} lapsed; it was taken back",
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
    "appeal_answered": Text(
        zh="诉求 {number}{quoted}的申诉已答复：{note}", en="The appeal on case {number} {quoted} was answered: {note}"
    ),
    "case_checked": Text(
        zh="抽查发现诉求 {number}{quoted}未真正解决，已重新打开",
        en="A spot check found case {number} {quoted} not solved: it is open again",
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
    "project_completed": Text(
        zh="诉求 {number}{quoted}的项目已完成", en="The project of case {number} {quoted} is completed"
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
