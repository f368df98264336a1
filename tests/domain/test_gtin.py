"""Check digits of bar codes."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.gtin import check_digit, is_valid

BODIES = st.sampled_from([7, 11, 12, 13]).flatmap(
    lambda length: st.text(st.sampled_from("0123456789"), min_size=length, max_size=length)
)


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("490123456789", 4),
        ("03600029145", 2),  # UPC
        ("629104150021", 3),  # the example that GS1 gives
        ("4901234", 7),
    ],
)
def test_check_digits_as_published(body, digit):
    assert check_digit(body) == digit


def test_codes_of_every_length_and_of_the_shop_itself():
    codes = ["49012347", "036000291452", "4901234567894", "14901234567891", "2012345678903"]
    assert is_valid(pl.Series(codes)).to_list() == [True] * 5
    in_store = [f"{prefix}1234567890" for prefix in range(20, 30)]
    assert is_valid(pl.Series([f"{each}{check_digit(each)}" for each in in_store])).all()


@pytest.mark.parametrize(
    "code",
    [
        "4901234567895",
        "4901234567984",
        "490123456789",
        "0",
        "",
        "４９０１２３４５６７８９４",
        "4901234 567894",
    ],
)
def test_what_does_not_check(code):
    assert is_valid(pl.Series([code])).to_list() == [False]


def test_no_code_is_neither_right_nor_wrong():
    assert is_valid(pl.Series([None, "49012347"])).to_list() == [None, True]


@given(BODIES, st.data())
def test_one_wrong_digit_never_checks(body, data):
    code = f"{body}{check_digit(body)}"
    place = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from(sorted(set("0123456789") - {code[place]})))
    wrong = code[:place] + other + code[place + 1 :]
    assert is_valid(pl.Series([code, wrong])).to_list() == [True, False]
