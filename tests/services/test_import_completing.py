"""What a line tells of its prices, and what follows from it."""

import pytest

from app.services.imports.completing import complete
from app.services.imports.profiles import Profile
from tests.services.checking import checked

ZONE = "Asia/Tokyo"
TOTALS = Profile(name="totals", kind="sales", columns={}, daily_totals=True)


def prices(profile: Profile | None = None, **cells: str | None) -> tuple[float, float | None]:
    """(paid, list) of a line with these cells, which has to be good."""
    row = {"unit_price": None, **cells}
    if profile:
        row |= {"sku_id": "S-1", "sold_at": "2026-06-30"}
    good, rejects = checked("sales", row, profile=profile)
    assert rejects.is_empty(), rejects
    whole = complete("sales", good, profile, ZONE)
    return whole["unit_price"].item(), whole["list_price"].item()


def reason(**cells: str | None) -> tuple[str, str]:
    good, rejects = checked("sales", {"unit_price": None, **cells})
    assert good.is_empty()
    [reject] = rejects.rows(named=True)
    return reject["column_name"], reject["code"]


@pytest.mark.parametrize(
    ("cells", "paid", "listed"),
    [
        ({"unit_price": "80"}, 80, None),
        ({"unit_price": "80", "list_price": "100"}, 80, 100),
        ({"unit_price": "80", "discount": "40"}, 80, 100),
        ({"list_price": "100"}, 100, 100),
        ({"list_price": "100", "discount": "40"}, 80, 100),
        ({"list_price": "100", "discount": "200"}, 0, 100),
        ({"list_price": "100", "discount": "40", "quantity": "-2"}, 80, 100),
        ({"list_price": "100", "discount": "-40", "quantity": "-2"}, 80, 100),
        ({"list_price": "33.3333", "discount": "0.0001"}, 33.3332, 33.3333),
    ],
)
def test_a_line_of_two_tells_its_other_price(cells, paid, listed):
    assert prices(**cells) == (paid, listed)


def test_a_total_of_nothing_has_the_prices_it_tells():
    assert prices(TOTALS, quantity="0", list_price="100", discount="0") == (100, 100)
    assert prices(TOTALS, quantity="0", unit_price="80", discount="5") == (80, None)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"list_price": "100", "discount": "201"}, "discount_above_price"),
        ({"unit_price": "0", "list_price": "100", "discount": "201"}, "discount_above_price"),
        ({"unit_price": "100", "discount": "-1"}, "negative"),
        ({"unit_price": "9999999999", "discount": "9999999999"}, "out_of_range"),
    ],
)
def test_a_discount_that_cannot_be_is_told(cells, code):
    assert reason(**cells) == ("discount", code)


def test_what_is_free_by_its_discount_is_no_sale_where_the_profile_says_so():
    profile = Profile(
        name="p", kind="sales", columns={"Invoice": "order_id"}, price_above_zero=True
    )
    row = {"Invoice": "A", "sku_id": "S", "sold_at": "2026-06-30", "quantity": "1"}
    _, rejects = checked("sales", {**row, "list_price": "100", "discount": "100"}, profile=profile)
    assert rejects["code"].to_list() == ["price_not_above_zero"]


@pytest.mark.parametrize(
    ("told", "kept"),
    [("モール", "mall"), ("ＥＣ", "ec"), ("EC", "ec"), ("店舗", "store"), ("Rakuten", "Rakuten")],
)
def test_a_channel_is_told_in_the_words_of_the_types(told, kept):
    good, _ = checked("sales", {"channel": told})
    assert complete("sales", good, None, ZONE)["channel"].item() == kept
