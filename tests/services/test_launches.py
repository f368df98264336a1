"""Launches by group and age, what series are like, and what lies there unsold."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from app.domain.forecasting.launch_curves import LaunchDay
from app.queries import launches
from app.services.forecasting.planning import Order, plan
from tests.services import planned

PLANNED = """
    SELECT sku_id, location_id, first_sold_on
    FROM forecast_series JOIN forecast_run USING (forecast_run_id)
    WHERE status = 'running' ORDER BY series_number
"""


@pytest.fixture
def connection(database):
    with planned.connect(database) as connection:
        yield connection


def sku(sku_id, **known):
    given = {"item_class": "staple", "is_price_derived": False, "is_cost_derived": False}
    return {"sku_id": sku_id, "is_listed": True, **given, **known}


def fill(connection):
    like = {"category": "Coats", "list_price": 9000, "season_code": "26SS"}
    skus = [sku("OLD"), sku("A", **like), sku("B", **like), sku("C", list_price=0), sku("D")]
    planned.insert(connection, "sku", [*skus, sku("FEE", item_class="service")])
    lines = [("OLD", "EC", 100, 1, None), ("OLD", "EC", 99, 1, None), ("FEE", "EC", 10, 1, None)]
    lines += [("A", "EC", 10, 4, None), ("A", "EC", 10, 1000, None), ("A", "EC", 8, 3, None)]
    lines += [("B", "EC", 1, 2, None), ("C", "EC", 0, 1, None), ("B", "GINZA", 5, 2, None)]
    planned.sell(connection, lines)
    stock = [("D", "EC", 20, 0), ("D", "EC", 9, 3), ("D", "EC", 2, 3), ("A", "EC", 2, 5)]
    stock += [("D", "GINZA", 9, 3), ("D", "GINZA", 2, 0), ("D", "WAREHOUSE", 2, 100)]
    planned.insert(connection, "stock_level", [planned.count(*row) for row in stock])


async def test_launches_add_up_by_group_and_age(connection, sessions):
    fill(connection)
    connection.commit()
    async with sessions() as session:
        rows = await launches.launch_days(session, as_of=planned.AS_OF, most_units=50.0)
    assert all(isinstance(row, LaunchDay) for row in rows)
    found = {
        (*row.groups[0], row.age) if row.category else ("", None, "", row.age): (
            row.units,
            row.launches,
        )
        for row in rows
    }
    coats, other = ("Coats", 13, "26SS"), ("", None, "")
    assert found.pop((*other, 0)) == (1, 1)
    assert found.pop((*coats, 0)) == (50 + 2, 2)
    assert found.pop((*coats, 1)) == (0, 2)
    assert found.pop((*coats, 2)) == (3, 1)
    assert found == {(*coats, age): (0, 1) for age in range(3, 11)}


async def test_what_lies_there_unsold_is_a_series_too(connection, sessions):
    fill(connection)
    of = planned.plan(connection, [("A", "EC"), ("C", "EC"), ("D", "EC")])
    coats, other = ("Coats", 13, "26SS"), ("", None, "")
    assert launches.likeness(connection, of) == [coats, other, other]
    since = launches.stocked_since(connection, of)
    assert (since["number"].tolist(), since["offset"].tolist()) == ([2], [-9])
    connection.commit()
    order = Order(as_of=planned.AS_OF, horizon_weeks=4, step_days=1, country="JP")
    for wanted in (order, replace(order, sku_ids=["D"])):
        async with sessions.begin() as session:
            await plan(session, wanted)
            found = (await session.execute(text(PLANNED))).all()
        sold = [tuple(row[:2]) for row in found if row.first_sold_on is not None]
        assert [tuple(row[:2]) for row in found if row.first_sold_on is None] == [("D", "EC")]
        all_sold = [("A", "EC"), ("B", "EC"), ("B", "GINZA"), ("C", "EC"), ("OLD", "EC")]
        assert sold == (all_sold if wanted is order else [])
