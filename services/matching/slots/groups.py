"""Who somebody is, and for whom something is: groups and ages, read from Chinese words. Pure.

What a need says of its person counts as claimed; nobody is thought to be entitled by what is left unsaid. An offer is
for everybody unless it says whom it is limited to: "低保户免费" is a price, "限低保户" a limit.
"""

import re
from dataclasses import dataclass
from typing import Final

from services.matching.slots.numerals import NUMBER, number

__all__ = ["GROUPS", "Ages", "Eligibility", "Person", "mask_of", "names_of", "read_eligibility", "read_person"]

_WORDS: Final = {
    "low_income": r"低保|特困|困难家庭|困难户|困难居民|困难群众|困境|贫困|建档立卡",
    "disabled": r"残疾|残障|脑瘫|截肢|失明|聋哑|盲人|轮椅.{0,2}出行",
    "dependent": r"失能|卧床|瘫痪|瘫在床|瘫在|下不了床|植物人|生活不能自理|起不了床",
    "alone": r"独居|空巢|孤寡|孤老|一个人住|独自住|独自生活|无人照料",
    "veteran": r"退役|退伍|当过.{0,4}兵|复员|转业军人",
    "women": r"妇女|女性|女的|女，|女职工|女员工|宝妈|孕|产妇|怀孕|生完孩子|我?丈夫|老公",
    "expecting": r"孕产妇|孕妇|怀孕|产妇|生完孩子|坐月子",
    "migrant_worker": r"农民工|外来务工|务工人员|外地来.{0,4}打工|来这边打工",
    "unemployed": r"失业|下岗|待业|丢了工作|没了工作",
    "graduate": r"应届|毕业五年内|高校毕业生|(?:刚|去年|今年|前年).{0,4}毕业",
    "courier": r"外卖|骑手|快递员|快递小哥|送快递|跑快递|网约车司机",
    "sanitation": r"环卫",
    "business": r"个体商户|个体户|商户|商铺|店主|开了家|我的店|小店",
    "child": r"儿童|小学生|中学生|初中生|孩子|宝宝|婴儿|幼儿|女儿|儿子|孙子|孙女|外孙|小孩",
}
GROUPS: Final = tuple(_WORDS)
_PATTERNS: Final = tuple(re.compile(words) for words in _WORDS.values())
_NOT: Final = re.compile(r"(?:没|未|不是|不算|非|无|还没)(?:有|办|领|吃)?$")
_NOT_REACH: Final = 4
_ELDER: Final = re.compile(
    r"老人|老年|老父|老母|老伴|老爷子|老太|老两口|爷爷|奶奶|外婆|外公|姥姥|姥爷|公公|婆婆|退休|爸妈|上年纪"
)
_ELDER_FROM: Final = 60
_AGE: Final = re.compile(rf"({NUMBER})(?:周)?岁")
_MONTHS: Final = re.compile(rf"({NUMBER})个月(?:大|的(?:宝宝|婴儿|孩子))")
_AGE_RANGE: Final = re.compile(rf"({NUMBER})(?:岁)?(?:—|-|–|~|至|到)({NUMBER})(?:周)?岁")
_AGE_FROM: Final = re.compile(rf"({NUMBER})(?:周)?岁(?:及)?(?:以上|起)(?![^，,]{{0,3}}(?:半价|优惠|免费|打折|减免))")
_AGE_UNTIL: Final = re.compile(rf"({NUMBER})(?:周)?岁(?:及)?以下")
_OLDEST: Final = 130
_CLAUSES: Final = re.compile(r"[，,。；;（）()]")
_LIMIT: Final = re.compile(r"(?:仅限|只限|限|只面向|仅面向|面向|只服务|仅供)(.+)")
_OR: Final = re.compile(r"、|或者|或|以及|及|和|与|/")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a need is for: groups as bits, and the age in years if it is known."""

    groups: int
    age: int | None


@dataclass(frozen=True, slots=True)
class Ages:
    """From and until which age, both included."""

    at_least: int = 0
    at_most: int = _OLDEST


@dataclass(frozen=True, slots=True)
class Eligibility:
    """For whom an offer is: who has all groups of one of the alternatives, and the age. No alternative: all."""

    alternatives: tuple[int, ...] = ()
    ages: Ages = Ages()


def mask_of(names: tuple[str, ...] | list[str] | frozenset[str]) -> int:
    """Return groups as bits; raises ValueError for an unknown one."""
    return sum(1 << GROUPS.index(name) for name in set(names))


def names_of(mask: int) -> list[str]:
    """Return the groups of some bits."""
    return [name for place, name in enumerate(GROUPS) if mask >> place & 1]


def _groups(text: str) -> int:
    found = 0
    for place, words in enumerate(_PATTERNS):
        for match in words.finditer(text):
            before = text[max(0, match.start() - _NOT_REACH) : match.start()]
            if not _NOT.search(before):
                found |= 1 << place
                break
    return found


def _age(text: str) -> int | None:
    if _MONTHS.search(text):
        return 0
    ages = [age for told in _AGE.findall(text) if (age := number(told)) is not None and age <= _OLDEST]
    if ages:
        return ages[0]
    return _ELDER_FROM if _ELDER.search(text) else None


def read_person(text: str) -> Person:
    """Return whom a need is for; somebody called old is at least sixty."""
    return Person(_groups(text), _age(text))


def _ages(text: str) -> Ages:
    between = _AGE_RANGE.search(text)
    if between:
        low, high = number(between[1]), number(between[2])
        if low is not None and high is not None and low <= high <= _OLDEST:
            return Ages(low, high)
    start, end = _AGE_FROM.search(text), _AGE_UNTIL.search(text)
    low = number(start[1]) if start else None
    high = number(end[1]) if end else None
    return Ages(min(low or 0, _OLDEST), min(_OLDEST if high is None else high, _OLDEST))


def read_eligibility(text: str) -> Eligibility:
    """Return whom an offer is limited to."""
    alternatives: list[int] = []
    for clause in _CLAUSES.split(text):
        limit = _LIMIT.search(clause)
        if limit:
            alternatives.extend(mask for part in _OR.split(limit[1]) if (mask := _groups(part)))
    return Eligibility(tuple(dict.fromkeys(alternatives)), _ages(text))
