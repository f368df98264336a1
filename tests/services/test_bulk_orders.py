"""The largest orders of the cells that look like one, and what is usual in the shop."""

import math
from dataclasses import replace

import numpy as np
import pytest

from app.domain.forecasting.outliers import Usual
from app.queries.bulk_orders import largest_orders, usual_amounts
from tests.services import planned


@pytest.fixture
def connection(database):
    with planned.connect(database) as connection:
        yield connection


def test_largest_orders_come_in_the_order_of_the_cells(connection):
    lines = [("A", "EC", 3, 5, None), ("A", "EC", 3, 40, None), ("A", "EC", 3, -50, "X")]
    lines += [("A", "EC", 4, 7, None), ("A", "SHOP", 3, 900, None), ("B", "EC", 0, 2, None)]
    planned.sell(connection, lines)
    of = planned.plan(connection, [("A", "EC"), ("B", "EC")])
    found = largest_orders(connection, of, np.array([1, 0, 0, 0]), np.array([0, -3, -4, -9]))
    assert found.tolist() == pytest.approx([2, 40, 7, math.nan], nan_ok=True)
    weeks = replace(of, step_days=7)
    assert largest_orders(connection, weeks, np.array([0]), np.array([0])).tolist() == [40]
    assert len(largest_orders(connection, of, np.zeros(0, int), np.zeros(0, int))) == 0


async def test_the_usual_is_told_by_days_with_sales(connection, sessions):
    planned.sell(connection, [("A", "EC", 3, 5, None), ("A", "EC", 4, 20, None)])
    connection.execute(
        "INSERT INTO sku (sku_id, item_class, is_price_derived, is_cost_derived,"
        " is_listed) VALUES ('A', 'staple', false, false, true)"
    )
    connection.commit()
    async with sessions() as session:
        usual = await usual_amounts(session, since=planned.SINCE, as_of=planned.AS_OF)
        none = await usual_amounts(session, since=planned.AS_OF, as_of=planned.AS_OF)
    assert usual.log_mean == pytest.approx(math.log(10))
    assert usual.log_sd == pytest.approx(math.log(4) / math.sqrt(2))
    assert none == Usual()
