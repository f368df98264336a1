"""Numbers as ledgers and spreadsheets write them are read as what they say, or not at all."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.imports.numbers import read_amounts, read_whole_numbers
from tests.services.checking import checked, loaded, rejected

FULL_WIDTH = str.maketrans("0123456789,.-+", "０１２３４５６７８９，．－＋")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234", 1234),
        ("1,234,567", 1_234_567),
        ("１２，３４５", 12_345),
        ("１2，３4５", 12_345),
        ("¥1,234", 1234),
        ("￥1,234", 1234),
        ("\\1,234", 1234),
        ("＼1234", 1234),
        ("1,234円", 1234),
        ("1,234 円", 1234),
        ("¥ 1,234", 1234),
        ("￥　１２３４", 1234),
        ("１．０", 1),
        ("1,000.00", 1000),
        ("＋５", 5),
        ("－３", -3),
        ("−3", -3),
        ("▲3", -3),
        ("△3", -3),
        ("▲ 1,234", -1234),
        ("▲￥1,234円", -1234),
        ("-¥1,234", -1234),
        ("¥-1,234", -1234),
        ("'-5", -5),
        ("0012", 12),
    ],
)
def test_numbers_as_ledgers_write_them(text, number):
    assert loaded("sales", "quantity", text) == number
    if number >= 0:
        assert loaded("sales", "unit_price", text) == number


@pytest.mark.parametrize(
    ("text", "amount"), [("¥1,980.50", 1980.5), ("．５", 0.5), ("５．", 5), ("１２．５円", 12.5)]
)
def test_amounts_as_ledgers_write_them(text, amount):
    assert loaded("sales", "unit_price", text) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("1,23", "12,34", "1234,567", "12,34,567", "1,,234", ",123", "1,234,", "0,123", "1,2345"),
        *("1.234,50", "1，23"),  # decimals as they are written in Europe
        *("(1,234)", "（５）"),  # a negative, or an 'of which'
        *("①", "5²", "½", "二", "１ｅ３", "1,234e3", "－inf", "ＮａＮ"),
        *("¥", "円", "▲", "¥¥5", "--5", "▲-5", "5-", "5円円", "円5", "$5", "5個", "1 234", "．"),
    ],
)
def test_what_is_no_number(text):
    assert rejected("sales", "quantity", text) == "not_a_whole_number"
    assert rejected("sales", "unit_price", text) == "not_an_amount"


@pytest.mark.parametrize(
    "text", ["2,147,483,648", "９９９９９９９９９９９９９９９９９９９９９", "▲2,147,483,648"]
)
def test_whole_numbers_beyond_all_stock_however_written(text):
    assert rejected("sales", "quantity", text) == "out_of_range"


def test_amounts_beyond_all_money_however_written():
    assert rejected("sales", "unit_price", "10,000,000,000") == "out_of_range"
    assert rejected("sales", "unit_price", "９" * 199) == "out_of_range"
    _, rejects = checked("sales", {"unit_price": "１" * 400})
    assert rejects["code"].to_list() == ["out_of_range"]


def test_a_negative_in_a_ledgers_way_is_negative():
    assert rejected("stock", "on_hand", "△1") == "negative"
    assert rejected("sales", "unit_price", "▲1,980") == "negative"


def test_a_rejected_number_is_told_as_it_was_written():
    _, rejects = checked("sales", {"quantity": " １，２３ "})
    assert rejects["value"].to_list() == ["１，２３"]


@given(st.integers(-(10**12), 10**12), st.booleans(), st.sampled_from(["", "¥", "￥"]))
def test_a_number_is_the_same_in_groups_and_in_full_width(number, is_wide, yen):
    written = f"{'-' if number < 0 else ''}{yen}{abs(number):,}"
    text = pl.Series([written.translate(FULL_WIDTH) if is_wide else written, None])
    assert read_whole_numbers(text).to_list() == [number, None]
    assert read_amounts(text).to_list() == [float(number), None]


def test_in_one_batch_each_is_read_in_its_own_way():
    text = pl.Series(["5", "1,000", None, "x", "６", "7"])
    assert read_whole_numbers(text).to_list() == [5, 1000, None, None, 6, 7]


def test_codes_are_never_read_as_numbers():
    for code in ("007", "０７", "1,234", "1e5", "4901234567894", "1.0", "-5"):
        assert loaded("sales", "sku_id", code) == code
