"""What a table of offers is made of, and the fates of its lines."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.matching.offers.rules import OfferKind
from shared.tables import Layout
from shared.texts import Text

__all__ = ["COLUMNS", "COMPLAINTS", "EXPLANATIONS", "FATES", "KIND_WORDS", "LAYOUT", "Complaint", "Fate", "complain"]

_VALUE_MAX: Final = 60

# Each column by the headers under which offices know it; the first one is ours.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "external_id": ("编号", "资源编号", "外部编号", "id", "external_id", "external id"),
    "external_version": ("版本", "version", "external_version"),
    "kind": ("类型", "资源类型", "kind", "type"),
    "category": ("分类", "category"),
    "title": ("名称", "标题", "title", "name"),
    "description": ("说明", "内容", "description"),
    "area": ("区域", "服务区域", "area"),
    "place_text": ("地点", "地址", "place", "address"),
    "quantity": ("数量", "人数", "quantity"),
    "capacity_per_day": ("每日接待量", "capacity_per_day", "capacity per day"),
    "price": ("价格", "价格（元）", "价格(元)", "price"),
    "amount": ("金额", "金额（元）", "金额(元)", "amount"),
    "skills": ("技能", "skills"),
    "entitlements": ("适用对象", "entitlements"),
    "min_age": ("最小年龄", "min_age", "min age"),
    "max_age": ("最大年龄", "max_age", "max age"),
    "open_days": ("开放日", "open_days", "open days"),
    "opens": ("开门", "opens"),
    "closes": ("关门", "closes"),
    "valid_from": ("生效时间", "valid_from", "valid from"),
    "valid_until": ("失效时间", "valid_until", "valid until"),
    "active": ("是否有效", "active"),
}
_REQUIRED: Final = ("external_id", "kind", "category", "title", "area")
_RESULTS: Final = ("导入结果", "导入问题")
_MARK: Final = "说明："
LAYOUT: Final = Layout(
    columns=COLUMNS,
    required=_REQUIRED,
    result_headers=_RESULTS,
    explanation_mark=_MARK,
    bytes_max=5 * 1024 * 1024,
    rows_max=1_000,
    columns_max=60,
)
KIND_WORDS: Final[dict[str, OfferKind]] = {
    **{kind.value: kind for kind in OfferKind},
    "场地": OfferKind.VENUE,
    "服务": OfferKind.SERVICE,
    "人员": OfferKind.PEOPLE,
    "队伍": OfferKind.PEOPLE,
    "物资": OfferKind.GOODS,
    "优惠": OfferKind.DISCOUNT,
    "资金": OfferKind.MONEY,
}
EXPLANATIONS: Final = (
    f"{_MARK}必填；您自己的编号，再次导入时据此更新",
    "可不填；填写时新版本覆盖旧版本",
    "必填；场地、服务、人员、物资、优惠、资金",
    "必填；分类代码，如 haircut",
    "必填；不超过 200 字",
    "不填则同名称",
    "必填；区域代码、全路径或唯一名称",
    "可不填",
    "整数，不填为 1",
    "整数，仅服务与优惠",
    "元，如 10 或 10.50",
    "元，仅资金",
    "代码，以顿号或逗号分隔",
    "代码，以顿号或逗号分隔；不填为不限",
    "整数",
    "整数",
    "每天、工作日，或周一、周三、周六",
    "如 08:30",
    "如 17:00",
    "如 2026-03-01",
    "如 2026-12-31",
    "是或否，不填为是",
)


class Fate(StrEnum):
    """What became of a line: as of an offer that is sent, or it repeats another line, or it is wrong."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    REPEATED = "repeated"
    BAD = "bad"


FATES: Final[dict[Fate, Text]] = {
    Fate.CREATED: Text(zh="新增", en="Created"),
    Fate.UPDATED: Text(zh="已更新", en="Updated"),
    Fate.UNCHANGED: Text(zh="无变化", en="Unchanged"),
    Fate.OUTDATED: Text(zh="版本较旧，未覆盖", en="An older version, not overwritten"),
    Fate.REPEATED: Text(zh="编号与前面的行重复，未导入", en="The id stands further up already, not imported"),
    Fate.BAD: Text(zh="有误，未导入", en="Wrong, not imported"),
}

COMPLAINTS: Final[dict[str, Text]] = {
    "missing": Text(zh="必填项为空", en="This cell must be filled in"),
    "bad_text": Text(zh="文字过长或含有不能保存的字符", en="Too long, or holds a character that cannot be stored"),
    "bad_code": Text(zh="应为小写字母开头的代码", en="Not a code like haircut"),
    "bad_number": Text(zh="应为整数", en="Not a whole number in range"),
    "bad_money": Text(zh="应为金额，如 10 或 10.50", en="Not an amount like 10 or 10.50"),
    "bad_time": Text(zh="无法识别的时间", en="Not a time like 2026-03-01"),
    "bad_clock_time": Text(zh="应为 08:30 这样的时间", en="Not a time of day like 08:30"),
    "bad_days": Text(zh="无法识别的开放日", en="Not days like 周一、周三"),
    "hours_incomplete": Text(zh="开放日、开门、关门须同时填写", en="Days, opening and closing go together"),
    "bad_flag": Text(zh="应为是或否", en="Neither yes nor no"),
    "unknown_kind": Text(zh="无法识别的类型", en="No such kind"),
    "unknown_area": Text(zh="没有这个区域", en="No such area"),
    "area_ambiguous": Text(zh="有多个同名区域，请写全路径", en="Several areas of this name: give the full path"),
    "area_closed": Text(zh="该区域已撤销", en="This area is closed"),
    "area_not_yours": Text(zh="该区域不在合伙人的服务范围内", en="This area is outside of the partner's coverage"),
    "repeated": Text(zh="第 {line} 行已用此编号", en="Line {line} has the same id"),
}


class Complaint(dict[str, str]):
    """What is wrong with a cell: column, code, both texts, and the value, cut."""


def complain(column: str, code: str, value: str = "", filled: Mapping[str, object] | None = None) -> Complaint:
    """Say what is wrong with a cell."""
    text = COMPLAINTS[code].format(**(filled or {}))
    # What cannot be stored cannot be repeated either.
    shown = value.replace("\x00", "\ufffd")[:_VALUE_MAX]
    return Complaint(column=column, code=code, zh=text.zh, en=text.en, value=shown)
