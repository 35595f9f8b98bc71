"""Public holidays: notices where they are out, and the law where they are not."""

from datetime import date, timedelta

import pytest

from shared.holidays import announced_through, holiday_name, makeup_name, missing_notice

# The thirteen days of the regulation, as they fall in the first year whose notice is not out.
BY_LAW_2027 = {
    "元旦": [date(2027, 1, 1)],
    "春节": [date(2027, 2, 5), date(2027, 2, 6), date(2027, 2, 7), date(2027, 2, 8)],
    "清明": [date(2027, 4, 5)],
    "劳动节": [date(2027, 5, 1), date(2027, 5, 2)],
    "端午": [date(2027, 6, 9)],
    "中秋": [date(2027, 9, 15)],
    "国庆节": [date(2027, 10, 1), date(2027, 10, 2), date(2027, 10, 3)],
}


@pytest.mark.skipif(announced_through() >= 2027, reason="the notice for 2027 is out and goes before the law")
def test_of_2027_the_thirteen_days_of_the_law_are_free_and_no_weekend_is_worked() -> None:
    every = [date(2027, 1, 1) + timedelta(days=number) for number in range(365)]
    found: dict[str, list[date]] = {}
    for day in every:
        name = holiday_name(day)
        if name is not None:
            found.setdefault(name, []).append(day)
    assert found == BY_LAW_2027
    assert sum(len(days) for days in found.values()) == 13
    assert not [day for day in every if makeup_name(day)]


def test_where_a_notice_is_out_it_alone_counts() -> None:
    assert (holiday_name(date(2026, 2, 23)), makeup_name(date(2026, 2, 14))) == ("春节", "春节")
    assert holiday_name(date(2026, 3, 9)) is None


def test_a_notice_is_missing_from_december_on() -> None:
    last = announced_through()
    assert missing_notice(date(last, 11, 30)) is None
    assert missing_notice(date(last, 12, 1)) == last + 1
    assert missing_notice(date(last + 1, 3, 1)) == last + 1
    assert missing_notice(date(last - 1, 12, 31)) is None
