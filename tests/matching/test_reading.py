"""Slots are read from Chinese words by rules: when, for whom, how many, in which manner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.slots.groups import Ages, mask_of, names_of, read_eligibility, read_person
from services.matching.slots.numerals import number
from services.matching.slots.reading import read_need, read_offer, visits
from services.matching.slots.rules import need_slots, offer_slots, shown_need, shown_offer, times_of
from services.matching.slots.times import ALWAYS, DAY_NAMES, HALF_HOURS, read_times, spans, windows
from services.matching.slots.tree import BRANCHES, LEAVES, branch_of, leaves_of, node


@pytest.mark.parametrize(
    ("text", "days", "hours"),
    [
        ("周三下午", ["wed"], ("13:00", "18:00")),
        ("每周三下午开放", ["wed"], ("13:00", "18:00")),
        ("星期天上午", ["sun"], ("08:00", "12:00")),
        ("礼拜六", ["sat"], ("00:00", "24:00")),
        ("周末", ["sat", "sun"], ("00:00", "24:00")),
        ("工作日晚上", ["mon", "tue", "wed", "thu", "fri"], ("18:00", "22:00")),
        ("周一三五上午", ["mon", "wed", "fri"], ("08:00", "12:00")),
        ("周一至周六白天", ["mon", "tue", "wed", "thu", "fri", "sat"], ("08:00", "18:00")),
        ("周二、周四晚上18:30—20:30", ["tue", "thu"], ("18:30", "20:30")),
        ("每天9:00-17:00", list(DAY_NAMES), ("09:00", "17:00")),
        ("四点半课堂", list(DAY_NAMES), ("16:30", "17:30")),
        ("下午两点开会", list(DAY_NAMES), ("14:00", "15:00")),
        ("晚上七八点想请教老师", list(DAY_NAMES), ("19:00", "21:00")),
        ("随叫随到", list(DAY_NAMES), ("00:00", "24:00")),
        ("白天都上班，想晚上请人来", list(DAY_NAMES), ("18:00", "22:00")),
    ],
)
def test_times_are_read(text: str, days: list[str], hours: tuple[str, str]) -> None:
    bits = read_times(text)
    assert bits is not None
    assert spans(bits) == [(day, *hours) for day in days]


@pytest.mark.parametrize("text", ["每周一次", "随时都行", "想找点零活", "3—6岁的孩子", "一百来号人"])
def test_what_names_no_time_means_none(text: str) -> None:
    assert read_times(text) is None


def test_a_night_that_ends_next_morning_wraps_around_the_week() -> None:
    bits = windows((6,), ((36, 64),))
    assert spans(bits) == [("mon", "00:00", "08:00"), ("sun", "18:00", "24:00")]


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    need, offer = read_need(text), read_offer(text)
    assert need.times is None or 0 < need.times <= ALWAYS
    assert offer.times is None or offer.times < 1 << HALF_HOURS
    assert need.quantity is None or need.quantity > 1
    assert need.person.age is None or 0 <= need.person.age <= 130
    assert 0 <= offer.eligibility.ages.at_least <= 130


@given(st.integers(0, ALWAYS))
def test_windows_survive_being_shown(bits: int) -> None:
    told = [{"day": day, "start": start, "end": end} for day, start, end in spans(bits)]
    assert times_of(told) == bits


@pytest.mark.parametrize(
    ("text", "groups", "age"),
    [
        ("86岁的奶奶一个人住", ["alone"], 86),
        ("低保户，洗衣机坏了", ["low_income"], None),
        ("中风半年，还没办残疾证", [], None),
        ("不是低保家庭", [], None),
        ("女，去年下岗", ["women", "unemployed"], None),
        ("当过十二年兵", ["veteran"], None),
        ("八个月大的宝宝", ["child"], 0),
        ("老父亲腿脚不便", [], 60),
        ("外卖骑手中午歇脚", ["courier"], None),
    ],
)
def test_persons_are_read(text: str, groups: list[str], age: int | None) -> None:
    person = read_person(text)
    assert (names_of(person.groups), person.age) == (groups, age)


def test_a_limit_is_told_from_a_price() -> None:
    assert read_eligibility("理发五元，低保、残疾人免费").alternatives == ()
    assert read_eligibility("免费理发，限低保户、残疾人").alternatives == (
        mask_of(["low_income"]),
        mask_of(["disabled"]),
    )
    assert read_eligibility("培训，限失业妇女").alternatives == (mask_of(["women", "unemployed"]),)
    assert read_eligibility("限70岁以上，免费").ages == Ages(70, 130)
    assert read_eligibility("60岁以上半价").ages == Ages()
    assert read_eligibility("0—3岁宝宝").ages == Ages(0, 3)


def test_other_slots_are_read() -> None:
    assert read_need("要10个人帮着维持秩序").quantity == 10
    assert read_need("能坐二十来人的屋子").quantity is None
    assert read_need("想有人到家里剪头").manner == "home"
    assert read_need("想先打电话问问").manner == "remote"
    assert read_need("请不起家教").wants_free
    assert not read_need("免费最好，愿意付钱").wants_free
    assert read_need("半夜管子裂了，水往外喷").urgent
    assert read_need("我们小区没有会议室").level == "council"
    assert read_offer("每小时40元").is_priced
    assert not read_offer("免费，材料费5元").is_priced
    assert not read_offer("每小时40元", 0).is_priced
    assert visits("师傅上门修水管")
    assert [number(text) for text in ("3", "十", "十二", "二十", "两", "一百零五", "x", "")] == [
        3,
        10,
        12,
        20,
        2,
        105,
        None,
        None,
    ]


def test_a_correction_counts_more_than_what_was_read() -> None:
    told = {
        "quantity": 4,
        "times": [{"day": "sat", "start": "09:00", "end": "11:00"}],
        "groups": [],
        "parts": ["venue", "people"],
    }
    slots, read = need_slots("低保户周三要3名志愿者", told)
    shown = shown_need(slots, read)
    assert (shown["quantity"], shown["groups"], shown["parts"]) == (4, [], ["venue", "people"])
    assert shown["times"] == [{"day": "sat", "start": "09:00", "end": "11:00"}]
    assert shown_need(*need_slots("低保户周三要3名志愿者", {}))["groups"] == ["low_income"]
    offer = shown_offer(
        *offer_slots(
            "限低保户",
            None,
            {"limited_to": [["disabled", "child"]], "reach": "visit", "ages": {"at_least": 6, "at_most": 12}},
        )
    )
    assert (offer["limited_to"], offer["reach"], offer["ages"]) == (
        [["disabled", "child"]],
        "visit",
        {"at_least": 6, "at_most": 12},
    )


def test_the_tree_has_two_levels_and_every_leaf_its_branch() -> None:
    assert len(BRANCHES) == 12
    assert len(LEAVES) == len(set(LEAVES)) > 60
    for leaf in LEAVES:
        assert leaf in leaves_of(branch_of(leaf))
        found = node(leaf)
        assert found is not None
        assert found.words
    assert branch_of("something_else") == "something_else"
    assert leaves_of("something_else") == ()
