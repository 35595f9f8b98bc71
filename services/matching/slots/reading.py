"""All slots of a text, by rules: who, when, how many, which kind, in which manner, at which price, how urgent. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from services.matching.slots.groups import Eligibility, Person, read_eligibility, read_person
from services.matching.slots.numerals import NUMBER, number
from services.matching.slots.times import read_times

__all__ = ["LEVELS", "NeedSlots", "OfferSlots", "read_need", "read_offer", "visits"]

LEVELS: Final = ("grid", "council", "joint")

_QUANTITY: Final = re.compile(
    rf"(?:要|借|需|需要|缺|招|招募|派|请|求)(?:来|借|用)?({NUMBER})(?:来|多)?(?:名|位|个|人|把|张|套|床|台|件|辆|间|顶|副|箱)"
    r"(?!月|小时|钟|星期|礼拜|孩子|老人|地方|人?住)"
)
_KINDS: Final = (
    (
        "venue",
        re.compile(
            r"场地|屋子|教室|会议室|活动室|场子|地方|没处|摊位|工位|车位|一块地|排练|开.{0,6}会|摆.{0,3}桌|驿站|库房"
        ),
    ),
    ("people", re.compile(r"志愿者|人手|找人|有人|请人|个人|老师|师傅|帮忙|搭把手|陪|护工|律师|大夫|医生|教练|警察")),
    ("goods", re.compile(r"借|想要|领|缺.{0,4}(?:台|张|把|套|床)|衣|被|米|面|轮椅|工具|买不起|物资")),
    ("money", re.compile(r"学费|医药费|手术费|补助|救助|贷款|本钱|利息|资金|花了|欠着|交不起|\d+块|千块|万块|没收入")),
    ("service", re.compile(r"修|装|洗|送|接|教|学|办|查|看|剪|治|清|拆|换|托|维护|咨询|解决|处理|问")),
    ("discount", re.compile(r"优惠|打折|便宜|半价|不想花大钱")),
)
# What is served as well by a neighbouring kind: a team serves, and a service is done by people.
_ALIKE: Final = {"service": ("service", "people"), "people": ("people", "service"), "goods": ("goods", "service")}
_HOME: Final = re.compile(r"上门|来家|到家|家里来|入户|出不了门|下不了楼|下不了床|走不动|来人|带.{0,3}上来|来家里")
_REMOTE: Final = re.compile(r"电话|网上|线上|视频连线|打打电话|先打")
_FREE: Final = re.compile(r"免费|不花钱|不收钱|不要钱|不想花钱|请不起|买不起|租不起")
_WOULD_PAY: Final = re.compile(r"愿意.{0,2}(?:付钱|给钱|出钱)|付点钱|出点钱|给钱")
_PRICED: Final = re.compile(rf"(?:{NUMBER})(?:元|块钱)|收费|市价|自理|押金|付费|打折|半价|八折")
_VISITS: Final = re.compile(r"上门|入户|送到家|送货到家|到家里")
_FREE_OFFER: Final = re.compile(r"免费|公益|义务|志愿")
_URGENT: Final = re.compile(r"急|马上|立刻|立即|今晚|今天|昨晚|着火|往外喷|进不去|淹|救命|困在|晕倒|要我把钱转")
_COUNCIL: Final = re.compile(r"我们小区|全体|业主|整栋|楼里|院里|单元|小区|大家|居民")
_JOINT: Final = re.compile(r"几个社区|多个小区|跨|街道|部门|企业|学校门口|整条街")


@dataclass(frozen=True, slots=True)
class NeedSlots:
    """What a need says; None where it says nothing.

    Attributes:
        kinds: kinds of offers that would do, the likeliest first.
        times: half hours of a week, as bits.
        manner: `any`, `home` or `remote`.
    """

    quantity: int | None
    kinds: tuple[str, ...]
    times: int | None
    person: Person
    manner: str
    wants_free: bool
    urgent: bool
    level: str


@dataclass(frozen=True, slots=True)
class OfferSlots:
    """What an offer says; None where it says nothing."""

    times: int | None
    eligibility: Eligibility
    is_priced: bool
    level: str


def _quantity(text: str) -> int | None:
    found = _QUANTITY.search(text)
    told = number(found[1]) if found else None
    return told if told and told > 1 else None


def _kinds(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for kind, words in _KINDS:
        if words.search(text):
            found.extend(_ALIKE.get(kind, (kind,)))
    return tuple(dict.fromkeys(found))


def _manner(text: str) -> str:
    if _REMOTE.search(text):
        return "remote"
    return "home" if _HOME.search(text) else "any"


def _level(text: str) -> str:
    if _JOINT.search(text):
        return "joint"
    return "council" if _COUNCIL.search(text) else "grid"


def read_need(text: str) -> NeedSlots:
    """Read the slots of a need's words."""
    return NeedSlots(
        quantity=_quantity(text),
        kinds=_kinds(text),
        times=read_times(text),
        person=read_person(text),
        manner=_manner(text),
        wants_free=bool(_FREE.search(text)) and not _WOULD_PAY.search(text),
        urgent=bool(_URGENT.search(text)),
        level=_level(text),
    )


def read_offer(text: str, price_fen: int | None = None) -> OfferSlots:
    """Read the slots of an offer's words; a stated price says more than they do."""
    is_priced = bool(_PRICED.search(text)) and not _FREE_OFFER.search(text) if price_fen is None else price_fen > 0
    return OfferSlots(read_times(text), read_eligibility(text), is_priced, _level(text))


def visits(text: str) -> bool:
    """Tell whether an offer comes to people's homes."""
    return bool(_VISITS.search(text))
