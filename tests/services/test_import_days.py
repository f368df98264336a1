"""Days and times as Japan writes them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.imports.times import read_days
from tests.services.checking import loaded, rejected

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026年7月1日", date(2026, 7, 1)),
        ("2026年07月01日", date(2026, 7, 1)),
        ("2026年 7月 1日", date(2026, 7, 1)),
        ("２０２６年７月１日", date(2026, 7, 1)),
        ("２０２６／０７／０１", date(2026, 7, 1)),
        ("２０２６－０７－０１", date(2026, 7, 1)),
        ("２０２６０７０１", date(2026, 7, 1)),
        ("2026.7.1", date(2026, 7, 1)),
        ("2026年7月1日 0:00", date(2026, 7, 1)),
        ("令和8年7月1日", date(2026, 7, 1)),
        ("令和 8年 7月 1日", date(2026, 7, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("令和1年5月1日", date(2019, 5, 1)),
        ("R8.7.1", date(2026, 7, 1)),
        ("R8/7/1", date(2026, 7, 1)),
        ("R08-07-01", date(2026, 7, 1)),
        ("Ｒ８．７．１", date(2026, 7, 1)),
        ("H31.4.30", date(2019, 4, 30)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("S64.1.7", date(1989, 1, 7)),
        ("昭和元年12月25日", date(1926, 12, 25)),
        ("T15.12.25", date(1926, 12, 25)),
        ("大正元年7月30日", date(1912, 7, 30)),
        ("明治45年7月30日", date(1912, 7, 30)),
    ],
)
def test_days_as_japan_writes_them(text, day):
    assert loaded("products", "sales_end_on", text) == day


@pytest.mark.parametrize(
    "text",
    [
        *(
            "平成40年1月1日",
            "平成31年5月1日",
            "R1.4.30",
            "S64.1.8",
            "H1.1.7",
            "T15.12.26",
            "M45.7.31",
        ),
        *("令和0年5月1日", "令和8年2月29日", "R8.13.1", "R8.7", "令和8年7月", "X8.7.1", "r8.7.1"),
        *("26年7月1日", "26/7/1", "8/7/1", "'26.7.1", "260701"),  # whose century, which era?
        *(
            "2026年13月1日",
            "2026年2月29日",
            "2026年7月",
            "7月1日",
            "30.6.2026",
            "令和8年",
            "元年5月1日",
        ),
        *("46203", "46203.5", "４６２０３"),  # a spreadsheet's serial number of a day
        *("2026111", "202671"),  # 1 November or 11 January?
    ],
)
def test_what_is_no_day_in_japan(text):
    assert rejected("stock", "counted_on", text) == "not_a_date"


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("2026年6月30日", "00:00:00"),
        ("2026年6月30日 13時05分", "13:05:00"),
        ("2026年6月30日13時5分9秒", "13:05:09"),
        ("２０２６年６月３０日　１３時０５分０９秒", "13:05:09"),
        ("2026/6/30 13:05", "13:05:00"),
        ("２０２６／６／３０　１３：０５", "13:05:00"),
        ("令和8年6月30日 13:05:09", "13:05:09"),
        ("R8.6.30 13:05", "13:05:00"),
        ("R8/6/30 13時05分", "13:05:00"),
        ("2026.6.30 13:05", "13:05:00"),
    ],
)
def test_times_as_japan_writes_them(text, clock):
    expected = datetime.fromisoformat(f"2026-06-30T{clock}").replace(tzinfo=TOKYO)
    assert loaded("sales", "sold_at", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "46203.5",
        "2026年6月30日 25時00分",
        "2026年6月30日 13時",
        "13時05分",
        "平成40年1月1日 13時05分",
    ],
)
def test_what_is_no_time_in_japan(text):
    assert rejected("sales", "sold_at", text) == "not_a_date"


def test_the_clock_leaps_over_an_hour_however_it_is_written():
    new_york = {"timezone": "America/New_York"}
    assert rejected("sales", "sold_at", "2026年3月8日 2時30分", **new_york) == "no_such_time"
    assert rejected("sales", "sold_at", "２０２６／３／８　２：３０", **new_york) == "no_such_time"


def test_in_one_batch_each_is_read_in_its_own_way():
    text = pl.Series(["2026-07-01", "R8.7.1", None, "x", "20260701", "2026年7月1日", "H40.1.1"])
    day = date(2026, 7, 1)
    assert read_days(text).to_list() == [day, day, None, None, day, day, None]


@given(st.dates(date(2019, 5, 1), date(2117, 12, 31)), st.sampled_from("./-"))
def test_every_day_of_an_era_is_found(day, mark):
    year = day.year - 2018
    kanji = f"令和{'元' if year == 1 else year}年{day.month}月{day.day}日"
    letter = mark.join([f"R{year}", str(day.month), str(day.day)])
    western = f"{day.year}年{day.month}月{day.day}日"
    assert read_days(pl.Series([kanji, letter, western])).to_list() == [day] * 3
