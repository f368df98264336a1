"""The demand of a piece, whatever the pieces."""

import random
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import make_url

from app.queries import forecast_partitions
from app.services.forecasting.planning import Order, plan
from app.services.forecasting.reading import Piece, is_stock_known, read
from tests.services import planned
from tests.services.planned import AS_OF


def fill(connection) -> None:
    """Nine SKUs in two places, with all that the reading is about."""
    rng = random.Random(5)
    names = [f"S{number}" for number in range(8)]
    lines = [("S0", "EC", 200, 2, None), ("S0", "GINZA", 200, 2, None)]
    for number, name in enumerate(names):
        for ago in range(180 - 10 * number):
            if rng.random() < 0.7:
                place, customer = rng.choice(("EC", "GINZA")), rng.choice("abc")
                lines.append((name, place, ago, rng.choice((1, 2, 3)), customer))
    lines += [("S3", "EC", 20, 900, "d"), ("S4", "GINZA", 9, -2, "a"), ("S5", "EC", 3, -1, "b")]
    planned.insert(
        connection,
        "sku",
        [
            {"sku_id": name, "item_class": "staple", "category": "Tops", "list_price": 100}
            | {"is_price_derived": False, "is_cost_derived": False, "is_listed": True}
            for name in (*names, "UNSOLD")
        ],
    )
    planned.sell(connection, lines)
    counts = [("S1", "EC", ago, 0 if 30 < ago < 60 else 5) for ago in range(150)]
    planned.insert(
        connection,
        "stock_level",
        [planned.count(*row) for row in [*counts, ("UNSOLD", "GINZA", 4, 7)]],
    )
    planned.insert(
        connection,
        "price_history",
        [
            {"sku_id": "S6", "valid_from": planned.day(d), "list_price": 100, "selling_price": p}
            for d, p in ((50, 80), (40, None), (-3, 50))
        ],
    )
    connection.commit()


@pytest.mark.parametrize("step_days", [1, 7])
@pytest.mark.one_server
async def test_a_series_is_read_the_same_in_any_piece(database, sessions, step_days):
    with planned.connect(database) as connection:
        fill(connection)
    order = Order(as_of=AS_OF, horizon_weeks=4, step_days=step_days, country="JP")
    async with sessions.begin() as session:
        planned_run = await plan(session, order)
    [whole] = planned_run.partitions
    url = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    with forecast_partitions.connection(url) as connection:

        def piece(first: int, last: int) -> tuple[Piece, np.ndarray]:
            of = replace(whole.slice, first=first, last=last)
            return read(connection, planned_run, of), is_stock_known(connection, of)

        last = whole.slice.last
        entire, entire_known = piece(0, last)
        parts = [piece(k, min(k + 4, last)) for k in range(0, last + 1, 5)]

    def joined(of):
        return np.concatenate([of(part) for part, _ in parts])

    assert np.array_equal(
        entire.series.demand, joined(lambda part: part.series.demand), equal_nan=True
    )
    assert np.array_equal(
        entire.series.actual, joined(lambda part: part.series.actual), equal_nan=True
    )
    assert np.array_equal(entire.estimated_share, joined(lambda part: part.estimated_share))
    assert np.array_equal(entire_known, np.concatenate([known for _, known in parts]))
    told = [
        (part.keys.sku_id[f.row], part.keys.location_id[f.row], f.code, f.found_on, str(f.detail))
        for part, _ in [(entire, None), *parts]
        for f in part.findings
    ]
    half = len(told) // 2
    assert sorted(told[:half], key=str) == sorted(told[half:], key=str)
    assert {code for _, _, code, _, _ in told} == {"bulk_order", "stockout", "promotion"}
    assert list(zip(entire.keys.sku_id, entire.keys.location_id, strict=True))[-1] == (
        "UNSOLD",
        "GINZA",
    )
    actual = entire.series.actual
    row = dict(
        zip(zip(entire.keys.sku_id, entire.keys.location_id, strict=True), actual, strict=True)
    )
    assert np.nanmax(row["S3", "EC"]) >= 900  # damped in the demand, and yet sold
    without_goods = slice(-(58 // step_days), -(33 // step_days))
    assert np.isnan(row["S1", "EC"][without_goods]).any()
    assert not np.isnan(row["S1", "GINZA"][without_goods]).any()
    assert entire.series.past_promotion is None  # S6's was earlier
    unsold = entire.series.demand[-1]
    assert np.isnan(unsold[: -(4 // step_days) - 1]).all()
    assert (unsold[-(4 // step_days) - 1 :] == 0).all()
    assert entire.series.promotion is not None
    assert (entire.series.promotion[12:14] > 1).any(axis=1).all()  # S6 at both places
