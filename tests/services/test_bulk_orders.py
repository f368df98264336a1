"""The largest orders of the cells that look like one, and what is usual in the shop."""

import math

import pytest

from app.queries.bulk_orders import LARGEST_ORDERS, USUAL_AMOUNTS
from tests.services import planned


@pytest.fixture
def connection(database):
    with planned.connect(database) as connection:
        yield connection


def test_largest_orders_come_in_the_order_of_the_cells(connection):
    lines = [("A", "EC", 3, 5, None), ("A", "EC", 3, 40, None), ("A", "EC", 3, -50, "X")]
    lines += [("A", "EC", 4, 7, None), ("A", "SHOP", 3, 900, None), ("B", "EC", 0, 2, None)]
    planned.sell(connection, lines)
    bound = planned.plan(connection, [("A", "EC"), ("B", "EC")])
    cells = {"numbers": [1, 0, 0, 0], "offsets": [0, -3, -4, -9]}
    found = [units for (units,) in connection.execute(LARGEST_ORDERS, bound | cells)]
    assert found == [2, 40, 7, None]
    weeks = {"numbers": [0], "offsets": [0], "step": 7}
    assert connection.execute(LARGEST_ORDERS, bound | weeks).fetchall() == [(40,)]


def test_the_usual_is_told_by_days_with_sales(connection):
    planned.sell(connection, [("A", "EC", 3, 5, None), ("A", "EC", 4, 20, None)])
    bound = planned.plan(connection, [("A", "EC")])
    mean, spread = connection.execute(USUAL_AMOUNTS, bound).fetchone()
    assert mean == pytest.approx(math.log(10))
    assert spread == pytest.approx(math.log(4) / math.sqrt(2))
