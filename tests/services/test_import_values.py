"""Each value is either loaded as what it says, or rejected with its row, column and reason."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.services.imports.reasons import explain
from tests.services.checking import TODAY, checked, loaded, rejected


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), (" 12 ", 12), ("1.0", 1), ("+5", 5), ("-3", -3), ("2147483647", 2**31 - 1)],
)
def test_whole_numbers(text, number):
    assert loaded("sales", "quantity", text) == number


@pytest.mark.parametrize("text", ["1.5", "NaN", "inf", "二", "1e3", ".0", "1\x002"])
def test_what_is_no_whole_number(text):
    good, rejects = checked("sales", {"quantity": text})
    assert good.is_empty()
    assert rejects["code"].to_list() == ["not_a_whole_number"]
    assert rejects["value"].item() == text.replace("\x00", "␀")


@pytest.mark.parametrize(
    "text", ["2147483648", "-2147483648", "-9223372036854775808", "99999999999999999999", "1" * 150]
)
def test_whole_numbers_beyond_all_stock(text):
    assert rejected("sales", "quantity", text) == "out_of_range"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1980", 1980), (" 12.5 ", 12.5), ("5.", 5), (".5", 0.5), ("1e3", 1000), ("2.95004", 2.95)],
)
def test_amounts(text, amount):
    assert loaded("sales", "unit_price", text) == amount


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NaN", "not_an_amount"),
        ("inf", "not_an_amount"),
        ("-infinity", "not_an_amount"),
        (".", "not_an_amount"),
        ("1e400", "out_of_range"),
        ("-1e400", "out_of_range"),
        ("1e10", "out_of_range"),
        ("9999999999.99999", "out_of_range"),
        ("-1", "negative"),
        (None, "missing"),
        ("  ", "missing"),
    ],
)
def test_what_is_no_price(text, code):
    assert rejected("sales", "unit_price", text) == code


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-30",
        "2026/6/30",
        "20260630",
        " 2026-06-30 ",
        "2026/06/30 0:00",
        "2026-06-30T00:00:00",
    ],
)
def test_days(text):
    assert loaded("stock", "counted_on", text) == date(2026, 6, 30)


@pytest.mark.parametrize(
    "text",
    [
        "2011-13-01",
        "2011-02-29",
        "30.6.2026",
        "11/1/5",
        "0000-01-01",
        "-0044-03-15",
        "+12026-01-01",
        "2026-06-30 12:00",
        "today",
    ],
)
def test_what_is_no_day(text):
    assert rejected("stock", "counted_on", text) == "not_a_date"


def test_the_future_is_rejected_but_for_the_end_of_sales():
    assert loaded("stock", "counted_on", "2026-07-01") == TODAY
    assert rejected("stock", "counted_on", "2026-07-02") == "in_future"
    assert rejected("sales", "sold_at", "2026-07-02 00:00") == "in_future"
    assert loaded("products", "sales_end_on", "9999-12-31") == date(9999, 12, 31)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-30", datetime(2026, 6, 29, 15, tzinfo=UTC)),
        ("2026/6/30 9:05", datetime(2026, 6, 30, 0, 5, tzinfo=UTC)),
        ("2026-06-30 09:05:06.789", datetime(2026, 6, 30, 0, 5, 6, 789_000, tzinfo=UTC)),
        ("2026-06-30T09:05:06", datetime(2026, 6, 30, 0, 5, 6, tzinfo=UTC)),
        ("2026-06-30T09:05:06Z", datetime(2026, 6, 30, 9, 5, 6, tzinfo=UTC)),
        ("2026-06-30T09:05:06.5+02:00", datetime(2026, 6, 30, 7, 5, 6, 500_000, tzinfo=UTC)),
        ("2026-06-30 09:05:06-0330", datetime(2026, 6, 30, 12, 35, 6, tzinfo=UTC)),
        ("2026-06-30 09:05 +09", datetime(2026, 6, 30, 0, 5, tzinfo=UTC)),
    ],
)
def test_moments_by_their_zone_else_by_the_shops_clock(text, instant):
    assert loaded("sales", "sold_at", text) == instant


@pytest.mark.parametrize("text", ["2011-13-01 10:00", "2026-06-30 24:00", "10:00", "2026-06-30 x"])
def test_what_is_no_moment(text):
    assert rejected("sales", "sold_at", text) == "not_a_date"


def test_an_hour_that_the_clock_leaps_over_is_no_time_and_one_that_comes_twice_is_the_first():
    new_york = {"timezone": "America/New_York"}
    assert rejected("sales", "sold_at", "2026-03-08 02:30", **new_york) == "no_such_time"
    assert loaded("sales", "sold_at", "2026-03-08T02:30Z", **new_york)
    twice = loaded("sales", "sold_at", "2025-11-02 01:30", **new_york)
    assert twice.astimezone(UTC) == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)


def test_a_day_begins_where_its_midnight_is_leapt_over():
    start = loaded("sales", "sold_at", "2018-11-04", timezone="America/Sao_Paulo")
    assert start.astimezone(ZoneInfo("America/Sao_Paulo")).date() == date(2018, 11, 4)


@pytest.mark.parametrize(("text", "flag"), [("1", True), ("TRUE", True), ("0", False)])
def test_flags(text, flag):
    assert loaded("stock", "is_derived", text) is flag


def test_choices_are_read_in_any_case_and_named_where_they_are_missed():
    assert loaded("products", "item_class", "Seasonal") == "seasonal"
    assert rejected("products", "item_class", "winter") == "not_a_choice"
    assert rejected("stock", "is_derived", "maybe") == "not_a_choice"
    japanese, english = explain("not_a_choice", "item_class", "winter")
    assert english.startswith("item_class 'winter' is none of staple, seasonal, service, 定番")
    assert japanese.startswith("item_class の「winter」は staple, seasonal, service, 定番")


def test_text_is_kept_on_one_line_and_bounded():
    assert loaded("sales", "sku_name", " 長袖\r\nシャツ ") == "長袖 シャツ"
    assert loaded("sales", "sku_name", "あ" * 200) == "あ" * 200
    good, rejects = checked("sales", {"sku_name": "あ" * 201}, {"sku_name": "x" * 10**6})
    assert good.is_empty()
    assert rejects["code"].to_list() == ["too_long"] * 2
    assert rejects["value"].str.len_chars().to_list() == [200, 200]


def test_a_character_that_cannot_be_stored_is_rejected_and_shown():
    _, rejects = checked("sales", {"order_id": "A\x001"})
    assert rejects.rows() == [(1, "order_id", "bad_character", "A␀1")]


def test_negative_stock_is_rejected_and_a_negative_sale_is_a_return():
    assert rejected("stock", "on_hand", "-1") == "negative"
    assert loaded("sales", "quantity", "-1") == -1
    assert rejected("sales", "quantity", "0") == "zero_quantity"
