"""Returns taken off the day of their purchase in SQL, against the same over all lines."""

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from app.domain.demand import weekly_demand
from app.domain.returns import net_returns
from app.queries import forecast_partitions
from app.queries.return_deltas import return_deltas
from tests.domain.real_purchases import read
from tests.services import planned


@pytest.fixture
def connection(database):
    with planned.connect(database) as connection:
        yield connection


def weekly_by_lines(connection):
    """Series and weekly demand matrix, as `net_returns` has it from all lines."""
    rows = connection.execute(
        "SELECT sku_id, location_id, customer_id, sold_on,"
        " coalesce(sold_at AT TIME ZONE 'UTC', sold_on::timestamp), quantity FROM sale"
        " ORDER BY order_id, line_key"
    ).fetchall()
    names = ["sku_id", "location_id", "customer_id", "sold_on", "sold_at", "quantity"]
    kept = net_returns(pd.DataFrame(rows, columns=names)).lines
    kept["quantity"] = kept["net_quantity"]
    return weekly_demand(kept, as_of=planned.AS_OF)


def weekly_by_days(connection, series, weeks, *, parts=1):
    """The same from daily sums and deltas, in some partitions."""
    whole = planned.plan(connection, series, planned.day(7 * weeks - 1), step_days=7)
    demand = np.zeros((len(series), weeks))
    for part in range(parts):
        first, last = len(series) * part // parts, len(series) * (part + 1) // parts - 1
        of = replace(whole, first=first, last=last)
        known = forecast_partitions.keys(connection, of)
        for number, offsets, units in forecast_partitions.sales(connection, of, known):
            demand[number, weeks - 1 + offsets] += units
        back = return_deltas(connection, of, known)
        demand[back["number"], weeks - 1 + back["offset"]] -= back["units"]
        assert (back["units"] > 0).all()
    return demand


@pytest.mark.parametrize("seed", range(3))
def test_they_agree_with_all_lines_of_a_random_shop(connection, seed):
    rng = random.Random(seed)
    lines = [
        (
            rng.choice("STUV"),
            rng.choice(("EC", "GINZA")),
            rng.randrange(60),
            rng.choice((1, 2, 5, -1, -2)),
            rng.choice(("a", "b", "c", None)),
        )
        for _ in range(600)
    ]
    planned.sell(connection, lines)
    series, demand = weekly_by_lines(connection)
    keys = list(series.itertuples(index=False, name=None))
    for parts in (1, 3):
        ours = weekly_by_days(connection, keys, demand.shape[1], parts=parts)
        assert np.array_equal(ours, np.nan_to_num(demand))


def test_a_return_elsewhere_and_of_a_guest(connection):
    lines = [("S", "EC", 30, 4, "a"), ("S", "GINZA", 20, -3, "a"), ("S", "GINZA", 20, -1, None)]
    planned.sell(connection, [*lines, ("S", "GINZA", 25, 2, "b"), ("S", "EC", 1, -9, "c")])
    of = planned.plan(connection, [("S", "EC"), ("S", "GINZA")])
    rows = return_deltas(connection, of, forecast_partitions.keys(connection, of))
    assert [rows[name].tolist() for name in ("number", "offset", "units")] == [[0], [-30], [3]]


@pytest.mark.slow
@pytest.mark.one_server
def test_they_agree_with_all_lines_of_online_retail_to_the_unit(connection):
    frame = read("online_retail_ii.parquet").unique(maintain_order=True)
    frame = frame.filter((pl.col("Price") > 0) & pl.col("StockCode").str.contains(r"^\d{5}"))
    # its last day becomes that of the plan
    shift = pl.lit(planned.AS_OF) - frame["InvoiceDate"].dt.date().max()
    sold_at = pl.col("InvoiceDate") + shift
    lines = frame.with_row_index("line").select(
        pl.col("Invoice"),
        pl.format("{}", pl.col("line").cast(pl.String).str.zfill(8)),
        pl.lit("EC"),
        sold_at.dt.date(),
        sold_at.dt.strftime("%Y-%m-%d %H:%M:%S+00").alias("sold_at"),
        pl.col("StockCode"),
        pl.col("CustomerID"),
        pl.col("Quantity"),
        pl.lit(1).alias("price"),
        pl.lit(1).alias("import"),
    )
    columns = (
        "order_id, line_key, location_id, sold_on, sold_at, sku_id, customer_id, quantity,"
        " unit_price, import_id"
    )
    with connection.cursor().copy(f"COPY sale ({columns}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(lines.write_csv(include_header=False))
    planned.add_up(connection)
    connection.execute("ANALYZE sale")
    series, demand = weekly_by_lines(connection)
    keys = list(series.itertuples(index=False, name=None))
    weeks = demand.shape[1]
    assert (len(keys), weeks) > (4_000, 100)
    ours = weekly_by_days(connection, keys, weeks, parts=2)
    assert np.array_equal(ours, np.nan_to_num(demand))
    assert connection.execute("SELECT sum(units_returned) FROM sales_daily").fetchone()[0] > 0
