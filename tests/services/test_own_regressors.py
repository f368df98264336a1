"""Which series of a run get a Prophet of their own, and what comes of it."""

import numpy as np
import pytest
from sqlalchemy import text

from app.database import Sessions
from app.services.forecasting import runs
from app.services.forecasting.planning import Order, plan
from app.services.forecasting.running import Workers
from tests.services import planned
from tests.services.planned import AS_OF

DAYS = 280
LIFT = 3.0  # of 25 % off: an elasticity of 3.8, where the policy assumes 2
# SKU → units on a usual day. RARELY has one promotion only, ALWAYS is never without; FEW, MANY and
# SLOW have one in a week of every four, NEVER has none.
USUAL = {"ALWAYS": 30, "FEW": 15, "MANY": 25, "NEVER": 30, "RARELY": 30, "SLOW": 3}
ORDER = Order(as_of=AS_OF, horizon_weeks=4, step_days=1, country="JP", own_regressors=1)
FOUND = text("""
    SELECT sku_id, method, method_reason, failure, yhat FROM forecast ORDER BY sku_id, location_id
""")


def promoted(sku: str, ago: int) -> bool:
    weekly = sku in ("FEW", "MANY", "SLOW") and ago // 7 % 4 == 3
    return weekly or sku == "ALWAYS" or (sku == "RARELY" and 20 <= ago < 30)


def fill(connection) -> None:
    rng = np.random.default_rng(3)
    columns = {"item_class": "staple", "is_price_derived": False, "is_cost_derived": False}
    planned.insert(
        connection,
        "sku",
        [{"sku_id": sku, "list_price": 100, "is_listed": True} | columns for sku in USUAL],
    )
    lines = []
    for sku, usual in USUAL.items():
        for ago in range(DAYS):
            units = int(rng.poisson(usual * (LIFT if promoted(sku, ago) else 1)))
            lines += [(sku, "EC", ago, units, None)] * (units > 0)
    planned.sell(connection, lines)
    prices = [
        {"sku_id": sku, "valid_from": planned.day(ago), "list_price": 100, "selling_price": price}
        for sku in USUAL
        for ago in range(DAYS, -29, -1)
        if promoted(sku, ago) != promoted(sku, ago + 1) or ago == DAYS
        for price in (75 if promoted(sku, ago) else 100,)
    ]
    planned.insert(connection, "price_history", prices)
    connection.commit()


def lift_of(sku: str, yhat: list[float]) -> float:
    off = np.array([promoted(sku, -ahead) for ahead in range(1, 29)])
    assert off.sum() == 7
    mean = np.array(yhat)
    return mean[off].mean() / mean[~off].mean()


@pytest.mark.one_server
async def test_the_best_seller_among_the_promoted_learns_from_its_own(
    database: str, sessions: Sessions
):
    with planned.connect(database) as connection:
        fill(connection)
    async with sessions.begin() as session:
        few = await plan(session, ORDER)
    numbers = dict(zip(USUAL, range(len(USUAL)), strict=True))
    assert few.own == (numbers["MANY"],)
    forecasts = []
    for size in (5000, 2):
        order = Order(
            as_of=AS_OF,
            horizon_weeks=4,
            step_days=1,
            country="JP",
            own_regressors=10,
            partition_series=size,
        )
        computed = await runs.compute(sessions, silent, order, Workers())
        assert computed.plan.own == (numbers["FEW"], numbers["MANY"])
        async with sessions.begin() as session:
            await runs.finish(session, computed)
            forecasts.append([tuple(row) for row in await session.execute(FOUND)])
    by_sku = {row[0]: row[1:] for row in forecasts[0]}
    for sku in ("FEW", "MANY"):
        method, reason, failure, yhat = by_sku[sku]
        assert (reason, failure) == ("own_regressors", None)
        assert method.endswith("+own_prophet")
        assert lift_of(sku, yhat) == pytest.approx(LIFT, rel=0.1)
    # without a Prophet of its own either: its elasticity is its own, if less surely
    assert 2.3 < lift_of("SLOW", by_sku["SLOW"][3]) < 3.3
    for sku in ("ALWAYS", "NEVER", "RARELY", "SLOW"):
        assert "own_prophet" not in by_sku[sku][0]
    for whole, part in zip(*forecasts, strict=True):
        assert whole[:4] == part[:4]
        assert whole[4] == pytest.approx(part[4], rel=1e-5)


async def silent(step: str, done: int, total: int) -> None:
    pass
