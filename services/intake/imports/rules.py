"""What an import is made of: its columns, its states, the fates of its lines, and everything that can be wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.problems import Conflict
from shared.tables import Layout
from shared.texts import Text

__all__ = [
    "BYTES_MAX",
    "COLUMNS",
    "COLUMNS_MAX",
    "COMPLAINTS",
    "EXPLANATION_MARK",
    "FATES",
    "KEPT_DAYS",
    "LAYOUT",
    "REQUIRED",
    "RESULT_HEADERS",
    "ROWS_MAX",
    "Complaint",
    "Fate",
    "ImportState",
    "NothingToReport",
    "complain",
]

BYTES_MAX: Final = 20 * 1024 * 1024
ROWS_MAX: Final = 50_000
COLUMNS_MAX: Final = 100
# The bytes of a file hold people's words; the report needs them only until its lines are mended.
KEPT_DAYS: Final = 30
_VALUE_MAX: Final = 60
EXPLANATION_MARK: Final = "说明："
RESULT_HEADERS: Final = ("导入结果", "导入问题", "诉求编号")


class ImportState(StrEnum):
    """Where an import is."""

    QUEUED = "queued"
    READING = "reading"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Fate(StrEnum):
    """What became of a line."""

    FILED = "filed"
    # Of a trial: it would be filed.
    GOOD = "good"
    # It was imported before, with the same content.
    UNCHANGED = "unchanged"
    # It was imported before, and says something else now: the case has a life of its own and is not overwritten.
    CHANGED_ELSEWHERE = "changed_elsewhere"
    # The same row stands further up in the same file.
    REPEATED = "repeated"
    BAD = "bad"


FATES: Final[dict[Fate, Text]] = {
    Fate.FILED: Text(zh="已导入", en="Imported"),
    Fate.GOOD: Text(zh="可以导入", en="Can be imported"),
    Fate.UNCHANGED: Text(zh="此前已导入，无变化", en="Imported before, unchanged"),
    Fate.CHANGED_ELSEWHERE: Text(zh="此前已导入，内容不同，未覆盖", en="Imported before, differs, not overwritten"),
    Fate.REPEATED: Text(zh="与前面的行重复", en="Repeats an earlier line"),
    Fate.BAD: Text(zh="有误，未导入", en="Wrong, not imported"),
}

# Each column by the headers under which offices know it; the first one is ours.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "external_ref": ("编号", "外部编号", "工单编号", "工单号", "reference", "external_ref", "external reference"),
    "category": ("类型", "分类", "诉求类型", "category", "type"),
    "title": ("标题", "诉求标题", "title"),
    "description": ("内容", "诉求内容", "描述", "description", "content"),
    "area": ("区域", "所属区域", "area"),
    "place_text": ("地点", "地址", "place", "address"),
    "filed_at": ("提出时间", "提交时间", "受理时间", "filed_at", "filed at"),
    "state": ("状态", "办理状态", "state", "status"),
    "level": ("层级", "级别", "level"),
    "closed_at": ("办结时间", "closed_at", "closed at"),
    "unit": ("承办单位", "办理单位", "unit"),
    "outcome": ("结果", "满意度", "评价", "outcome", "result", "satisfaction"),
    "note": ("备注", "note", "remark"),
}
REQUIRED: Final = ("category", "title", "area", "filed_at")
LAYOUT: Final = Layout(
    columns=COLUMNS,
    required=REQUIRED,
    result_headers=RESULT_HEADERS,
    explanation_mark=EXPLANATION_MARK,
    bytes_max=BYTES_MAX,
    rows_max=ROWS_MAX,
    columns_max=COLUMNS_MAX,
)

COMPLAINTS: Final[dict[str, Text]] = {
    "missing": Text(zh="必填项为空", en="This cell must be filled in"),
    "too_long": Text(zh="文字超长，最多 {most} 字", en="Too long, at most {most} characters"),
    "bad_text": Text(zh="含有不能保存的字符", en="Holds a character that cannot be stored"),
    "bad_time": Text(zh="无法识别的时间，请写作 2025-03-01 或 2025-03-01 09:30", en="Not a time like 2025-03-01 09:30"),
    "in_the_future": Text(zh="时间晚于现在", en="The time lies ahead"),
    "too_old": Text(zh="时间早于十年前", en="More than ten years ago"),
    "closed_before_filed": Text(zh="办结时间早于提出时间", en="Closed before it was filed"),
    "closed_at_missing": Text(zh="已办结的须填写办结时间", en="A closed case needs its time of closing"),
    "closed_at_unexpected": Text(zh="未办结的不应有办结时间", en="An open case has no time of closing"),
    "outcome_missing": Text(zh="已评价的须填写结果", en="A case that was judged needs its outcome"),
    "outcome_unexpected": Text(zh="该状态不应有结果", en="This state has no outcome"),
    "unknown_category": Text(zh="没有这个分类", en="No such category"),
    "category_ambiguous": Text(zh="有多个同名分类，请填写代码", en="Several categories of this name: give the code"),
    "unknown_area": Text(zh="没有这个区域", en="No such area"),
    "area_ambiguous": Text(zh="有多个同名区域，请写全路径", en="Several areas of this name: give the full path"),
    "area_closed": Text(zh="该区域已撤销", en="This area is closed"),
    "area_not_yours": Text(zh="该区域不在您的管辖范围内", en="This area is outside of where you work"),
    "unknown_unit": Text(zh="没有这个单位", en="No such unit"),
    "unit_ambiguous": Text(zh="有多个同名单位", en="Several units of this name"),
    "unknown_state": Text(zh="无法识别的状态", en="No such state"),
    "unknown_level": Text(zh="无法识别的层级，应为小事、大事或难事", en="No such level: grid, council or joint"),
    "unknown_outcome": Text(zh="无法识别的结果", en="No such outcome"),
    "reference_repeated": Text(
        zh="第 {line} 行已用此编号，内容不同", en="Line {line} has the same reference and other content"
    ),
    "repeated": Text(zh="与第 {line} 行相同", en="The same as line {line}"),
    "changed_elsewhere": Text(
        zh="此前已导入且内容不同：诉求已有办理记录，导入不覆盖，请在系统中修改",
        en="Imported before with other content: the case has a history of its own, which an import does not overwrite",
    ),
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a cell; the value is cut, so that a report repeats little of what people wrote."""

    column: str
    code: str
    text: Text
    value: str

    def as_json(self) -> dict[str, str]:
        """Write it down."""
        return {
            "column": self.column,
            "code": self.code,
            "zh": self.text.zh,
            "en": self.text.en,
            "value": self.value,
        }


def complain(column: str, code: str, value: str = "", filled: Mapping[str, object] | None = None) -> Complaint:
    """Say what is wrong with a cell."""
    # What cannot be stored cannot be repeated either.
    shown = value.replace("\x00", "\ufffd")[:_VALUE_MAX]
    return Complaint(column, code, COMPLAINTS[code].format(**(filled or {})), shown)


class NothingToReport(Conflict):
    """The lines were not looked at yet."""

    code = "nothing_to_report"
    title = Text(zh="尚无结果", en="There is nothing to report yet")
