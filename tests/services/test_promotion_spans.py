"""Days below the list price, by announced campaigns and by price history."""

import pytest

from app.queries.promotions import promotion_spans
from tests.services import planned


@pytest.fixture
def connection(database):
    with planned.connect(database) as connection:
        yield connection


def campaign(connection, code, first, last, depth, *, is_derived=False):
    planned.insert(
        connection,
        "campaign",
        [
            {
                "name": code,
                "starts_on": planned.day(first),
                "ends_on": planned.day(last),
                "discount_depth": depth,
                "fixed_cost": 0,
                "campaign_code": code,
                "is_derived": is_derived,
            }
        ],
    )
    connection.execute(
        "INSERT INTO campaign_sku SELECT campaign_id, 'A' FROM campaign WHERE campaign_code = %s",
        [code],
    )


def test_campaigns_and_prices_of_history_and_horizon(connection):
    planned.sell(
        connection, [("A", "EC", 3, 5, None), ("A", "TO", 3, 5, None), ("B", "EC", 3, 1, None)]
    )
    campaign(connection, "past", 20, 10, 0.3)
    campaign(connection, "coming", -5, -90, 0.2)
    campaign(connection, "long ago", 3000, 2990, 0.2)
    campaign(connection, "far off", -300, -310, 0.2)
    campaign(connection, "inferred", 20, 10, 0.5, is_derived=True)
    prices = [(40, 100, 80), (30, 100, 100), (20, 0, 0), (15, 100, None), (8, 100, 50)]
    planned.insert(
        connection,
        "price_history",
        [
            {"sku_id": "B", "valid_from": planned.day(d), "list_price": p, "selling_price": s}
            for d, p, s in prices
        ],
    )
    of = planned.plan(connection, [("A", "EC"), ("A", "TO"), ("B", "EC")])
    rows = promotion_spans(connection, of, until=planned.day(-28))
    names = ("number", "first_day", "last_day", "depth")
    found = list(zip(*(rows[name].tolist() for name in names), strict=True))
    mine = [(-20, -10, 0.3), (5, 28, 0.2)]
    assert sorted(found) == [
        *[(0, *span) for span in mine],
        *[(1, *span) for span in mine],
        (2, -40, -31, pytest.approx(0.2)),
        (2, -8, 28, 0.5),
    ]
