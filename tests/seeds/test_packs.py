"""The packs say what the stories need, agree with themselves, and hold nobody's name."""

import re
from collections import Counter
from datetime import date, timedelta

import pytest

from seeds.pack import KINDS, Pack, PackProblem, read_pack, tenants

LEVELS = ("district", "subdistrict", "zone", "community", "grid", "compound", "building")
# The hundred or so commonest family names begin most Chinese names; two or three characters make one.
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方"
    "石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)


@pytest.fixture(params=tenants())
def pack(request: pytest.FixtureRequest) -> Pack:
    return read_pack(request.param)


def _below(pack: Pack, top: str) -> set[str]:
    """Collect the keys of an area and of everything below it."""
    keys = {top}
    for row in pack.all("areas"):
        if row["parent"] in keys:
            keys.add(row["key"])
    return keys


def test_there_is_one_tree_and_its_levels_only_go_down(pack: Pack) -> None:
    rows = pack.all("areas")
    assert [row["key"] for row in rows if row["parent"] is None] == [pack.tenant]
    for row in rows[1:]:
        parent = pack.row("areas", row["parent"])
        assert LEVELS.index(parent["kind"]) < LEVELS.index(row["kind"]), row["key"]


def test_area_codes_fit_into_a_path(pack: Pack) -> None:
    assert all(re.fullmatch(r"[a-z0-9_]{1,32}", row["key"]) for row in pack.all("areas"))


def test_every_id_of_a_pack_is_its_own(pack: Pack) -> None:
    ids = Counter(pack.id(kind, row["key"]) for kind in KINDS for row in pack.all(kind))
    assert ids
    assert max(ids.values()) == 1


def test_numbers_come_from_the_invented_range_and_belong_to_one_person(pack: Pack) -> None:
    phones = [row["phone"] for kind in ("staff", "residents") for row in pack.all(kind)]
    assert all(re.fullmatch(r"138000[0-9]{5}", phone) for phone in phones)
    assert len(set(phones)) == len(phones)


def test_nobody_in_a_pack_has_a_persons_name(pack: Pack) -> None:
    for kind in ("units", "staff", "residents", "partners"):
        for row in pack.all(kind):
            for word in re.findall(r"[\u4e00-\u9fff]+", row.get("name", "")):
                assert not (len(word) in {2, 3} and word[0] in SURNAMES), f"{row['name']} looks like a person"


def test_packs_hold_no_secrets(pack: Pack) -> None:
    for kind in KINDS:
        for row in pack.all(kind):
            assert not {"password", "token", "secret"} & set(row)


def test_the_district_has_its_zones_communities_and_schools() -> None:
    pack = read_pack("huancui")
    assert sum(row["kind"] == "zone" for row in pack.all("areas")) == 37
    below = _below(pack, "yuhua_road")
    assert sum(pack.row("areas", key)["kind"] == "community" for key in below) == 4
    assert sum(row["kind"] == "school" and row["area"] in below for row in pack.all("units")) == 3


def test_the_district_has_its_eighty_seven_venues_by_function() -> None:
    pack = read_pack("huancui")
    functions = Counter(row["category"] for row in pack.all("venues"))
    assert functions.total() == 87
    assert functions["party_service"] == 37
    hosts = {row["key"]: row["area"] for row in pack.all("partners")}
    assert all(row["area"] in _below(pack, hosts[row["partner"]]) for row in pack.all("venues"))


def test_the_county_has_its_fund_members_and_its_compound_without_anybody() -> None:
    pack = read_pack("chengkou")
    assert len([row for row in pack.all("units") if row["key"].startswith("member_")]) == 11
    yard = pack.row("areas", "old_yard")
    assert all(yard[flag] for flag in ("no_property_owner", "no_management", "no_repair_fund"))
    households = [row for row in pack.all("residents") if row["key"].startswith("household_")]
    assert len(households) == 24 == yard["households"]
    assert {row["area"] for row in households} <= _below(pack, "old_yard")


def test_what_the_funds_are_given_is_what_the_stories_say() -> None:
    welfare = read_pack("huancui").row("funds", "welfare")
    assert sum(given["amount_fen"] for given in welfare["contributions"]) == 200_000_000
    co_building = read_pack("chengkou").row("funds", "co_building")
    assert sum(given["amount_fen"] for given in co_building["contributions"]) == 10_000_000
    assert [given["unit"] for given in co_building["contributions"]] == [f"member_{n:02}" for n in range(1, 12)]
    assert sum(given.get("late", False) for given in co_building["contributions"]) == 1


def test_the_households_raise_their_part_and_none_is_over_the_cap() -> None:
    pack = read_pack("chengkou")
    shares = [row["share_fen"] for row in pack.all("residents") if "share_fen" in row]
    charter = pack.row("funds", "co_building")["charter"]
    assert sum(shares) == 200_000
    assert max(shares) <= charter["household_cap_fen"]
    assert 300_000 * charter["match_den"] <= sum(shares) * charter["match_num"]


def test_the_compound_has_its_households_its_shops_and_a_book_that_three_people_keep() -> None:
    pack = read_pack("guangling")
    households = [row for row in pack.all("residents") if "fees_fen" in row]
    assert len(households) == 40 == pack.row("areas", "willow_court")["households"]
    assert {row["area"] for row in households} <= _below(pack, "willow_court")
    book = pack.row("property_books", "one_book")
    charged = sum(row["fees_fen"] + row.get("parking_fen", 0) for row in households)
    assert charged + sum(shop["amount_fen"] for shop in book["advertising"]) == 3_600_000
    assert sum(bill["amount_fen"] for bill in book["spending"]) == 3_030_000
    assert {bill["category"] for bill in book["spending"]} <= {item["category"] for item in book["categories"]}
    keepers = [
        row for row in pack.all("staff") if {"treasurer", "approver", "payer"} & {g["role"] for g in row["grants"]}
    ]
    assert len(keepers) == 3


def test_nine_businesses_a_troupe_and_a_class_are_partners_and_somebody_speaks_for_those_who_act() -> None:
    pack = read_pack("guangling")
    kinds = Counter(row["kind"] for row in pack.all("partners"))
    assert (kinds["business"], kinds["association"]) == (9, 2)
    assert [row["key"] for row in pack.all("entitlement_kinds")] == ["low_income", "disabled"]
    speaking = {grant["unit"] for row in pack.all("staff") for grant in row["grants"] if grant["role"] == "partner"}
    assert speaking <= {row["unit"] for row in pack.all("partners")}


def test_twenty_six_enterprises_give_to_ten_projects_and_two_miss_their_goal() -> None:
    campaigns = read_pack("shaanxi").all("campaigns")
    assert len({gift["unit"] for row in campaigns for gift in row["gifts"]}) == 26
    raised = [(sum(gift["amount_fen"] for gift in row["gifts"]), row["goal_fen"]) for row in campaigns]
    assert [sum(fen == goal for fen, goal in raised), sum(fen < goal for fen, goal in raised)] == [8, 2]


def test_the_community_has_its_resident_grids_and_its_special_ones() -> None:
    pack = read_pack("shaanxi")
    kinds = Counter(row["key"].rstrip("0123456789") for row in pack.all("areas") if row["kind"] == "grid")
    assert kinds == {"heping_g": 21, "heping_s": 17}
    assert {row["area"] for row in pack.all("residents")} <= _below(pack, "heping")


def test_a_year_of_the_community_has_its_small_its_big_and_its_hard_matters() -> None:
    pack = read_pack("zhuji")
    matters = pack.all("matters")
    assert Counter(row["level"] for row in matters) == {"grid": 14, "council": 12, "joint": 29}
    hard = [row["title"] for row in matters if row["level"] == "joint"]
    assert sum("塌陷" in title for title in hard) == 4
    assert sum("检查井" in title for title in hard) == 8
    # Big ones are taken by self-governing groups, hard ones by departments.
    kinds = {row["level"]: set[str]() for row in matters}
    for row in matters:
        if "unit" in row:
            kinds[row["level"]].add(pack.row("units", row["unit"])["kind"])
    assert kinds == {"grid": set(), "council": {"volunteer_team"}, "joint": {"department"}}
    categories = {row["key"] for row in pack.all("categories")}
    assert {row["category"] for kind in ("matters", "opinions") for row in pack.all(kind)} <= categories
    assert sum(row["kind"] == "grid" for row in pack.all("areas")) == 6


def test_last_years_overflows_took_more_than_thirty_days_each() -> None:
    rows = read_pack("huancui").all("past_cases")
    lasted = [date.fromisoformat(row["closed_on"]) - date.fromisoformat(row["filed_on"]) for row in rows]
    assert len(lasted) == 12
    assert min(lasted) > timedelta(days=30)


def test_an_unknown_tenant_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PackProblem, match="chengkou, guangling, huancui, shaanxi, zhuji"):
        read_pack("nowhere")
