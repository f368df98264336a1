"""The forecast on published demand: what was promised of it, from an origin that is held out."""

from datetime import date
from functools import reduce
from operator import add

import numpy as np
import polars as pl
import pytest

from app.domain.forecasting import engine
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup
from tests.domain.real_purchases import read

SETTINGS = ForecastSettings(prophet=ProphetSetup(country=None))


def matrix(lines, step_days):
    """Lines (series, group, day, units) as demand, groups, their demand, and the calendar."""
    as_of = lines["day"].max()
    ago = ((pl.lit(as_of) - pl.col("day")).dt.total_days() // step_days).alias("ago")
    sold = lines.with_columns(ago, pl.col("units").cast(pl.Float64))
    sold = sold.group_by("series", "group", "ago").agg(pl.col("units").sum().clip(lower_bound=0))
    keys = sold.select("series", "group").unique().sort("series").with_row_index("row")
    sold = sold.join(keys, on=["series", "group"])
    periods = int(sold["ago"].max()) + 1
    demand = np.zeros((len(keys), periods))
    demand[sold["row"].to_numpy(), periods - 1 - sold["ago"].to_numpy()] = sold["units"].to_numpy()
    group = keys["group"].rank("dense").to_numpy().astype(np.int64) - 1
    totals = np.zeros((group.max() + 1, periods))
    np.add.at(totals, group, demand)
    demand[~np.maximum.accumulate(demand > 0, axis=1)] = np.nan
    return demand, group, totals, Calendar(as_of, step_days)


def forecast(lines, step_days, horizon):
    demand, group, totals, calendar = matrix(lines, step_days)
    shared = engine.prepare_shared(totals, calendar=calendar, horizon=horizon, settings=SETTINGS)
    pieces = [
        engine.Series(demand[rows], group[rows], np.full(len(rows), -1))
        for rows in np.array_split(np.arange(len(demand)), 3)
    ]
    scores = reduce(add, [engine.selection_scores(piece, shared) for piece in pieces])
    choice = engine.choose(scores, SETTINGS)
    found = [engine.forecast(piece, shared, choice) for piece in pieces]
    for part in found:
        assert np.isfinite(part.mean).all()
        assert np.isfinite(part.sum_variance).all()
        assert part.failure == [None] * len(part.mean)
    return reduce(add, [part.accuracy for part in found])


def of_all(accuracy, measure):
    return {
        row["model"]: row[measure]
        for row in accuracy.rows()
        if (row["demand_class"], row["first_day"], row["last_day"]) == ("all", 1, 28)
    }


def held(accuracy):
    return {
        row["days"]: row["coverage"]
        for row in accuracy.lead_time_rows()
        if (row["demand_class"], row["level"]) == ("all", 0.95)
    }


def test_online_retail_by_the_week_is_no_worse_than_tsb_and_imapa():
    lines = read("online_retail_ii.parquet").unique(maintain_order=True)
    lines = lines.filter(pl.col("CustomerID").is_not_null() & (pl.col("Price") > 0))
    accuracy = forecast(
        lines.select(
            series="StockCode",
            group=pl.lit("all"),
            day=pl.col("InvoiceDate").cast(pl.Date),
            units="Quantity",
        ),
        7,
        26,
    )
    for measure in ("rmsse", "scaled_pinball"):
        found = of_all(accuracy, measure)
        assert found["ensemble"] <= 1.005 * min(found["tsb"], found["imapa"])
        assert found["ensemble"] < min(
            found[model] for model in ("plain_prophet", "moving_average", "seasonal_naive")
        )


def test_products_and_stores_of_vn2_do_not_break_it():
    accuracy = forecast(
        read("vn2_weekly_dev.parquet").select(
            series=pl.format("{}|{}", "Store", "Product"),
            group="Store",
            day=pl.col("week").cast(pl.Date),
            units="sales",
        ),
        7,
        26,
    )
    found = of_all(accuracy, "rmsse")
    assert found["ensemble"] < min(found["plain_prophet"], found["seasonal_naive"])
    assert min(held(accuracy).values()) > 0.94


def test_car_parts_that_hardly_ever_sell_do_not_break_it():
    lines = read("carparts_monthly.parquet").filter(pl.col("sales").is_not_null())
    months = lines["month"].dt.year() * 12 + lines["month"].dt.month()
    weeks = pl.Series((months - months.min()).to_numpy() * 7)
    lines = lines.filter((pl.col("sales") > 0).any().over("part"))
    accuracy = forecast(
        lines.select(
            series="part",
            group=pl.lit("all"),
            day=pl.lit(date(2010, 1, 4)) + pl.duration(days=weeks),
            units="sales",
        ),
        7,
        12,
    )
    found = of_all(accuracy, "rmsse")
    assert found["ensemble"] < min(found["plain_prophet"], found["tsb"], found["imapa"])


@pytest.mark.slow
def test_m5_by_the_day():
    accuracy = forecast(
        read("m5_daily_train.parquet").select(
            series=pl.format(
                "{}|{}", pl.col("item_id").cast(pl.String), pl.col("store_id").cast(pl.String)
            ),
            group=pl.format(
                "{}|{}", pl.col("dept_id").cast(pl.String), pl.col("store_id").cast(pl.String)
            ),
            day=pl.col("date").cast(pl.Date),
            units="quantity_sold",
        ),
        1,
        182,
    )
    for measure in ("rmsse", "scaled_pinball"):
        found = of_all(accuracy, measure)
        rest = ("plain_prophet", "moving_average", "seasonal_naive", "imapa", "top_down")
        assert found["ensemble"] < min(found[model] for model in rest)
    assert held(accuracy) == pytest.approx({7: 0.95, 14: 0.95, 28: 0.95}, abs=0.01)
