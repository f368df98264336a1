"""New items borrow from those that were new before them."""

import pickle

import numpy as np
import polars as pl
import pytest

from app.domain.forecasting.launch_curves import (
    CURVE_DAYS,
    LEAST_LAUNCHES,
    LaunchDay,
    groups_of,
    launch_curves,
)
from tests.domain.real_purchases import read


def launches(category, rate, count, *, band=None, season="", until=CURVE_DAYS):
    """``count`` launches that sell five on their first day and ``rate`` on each after it."""
    return [
        LaunchDay(
            category=category,
            price_band=band,
            season_code=season,
            age=age,
            units=count * (rate if age else 5.0),
            launches=count,
        )
        for age in range(until)
    ]


def test_an_item_borrows_from_the_nearest_group_with_enough_launches():
    few, enough = LEAST_LAUNCHES - 5, LEAST_LAUNCHES
    curves = launch_curves(
        [
            *launches("Coats", 1.0, few, band=13, season="26SS"),
            *launches("Coats", 2.0, enough, band=14, season="26SS"),
            *launches("Hats", 9.0, few),
        ]
    )
    coats, new, hats = groups_of("Coats", 14, "26SS"), ("Coats", 13, "26SS"), ("Hats", None, "")
    assert coats == (("Coats", 14, "26SS"), ("Coats",), ())
    assert curves.names[curves.row("Coats", 14, "26SS")] == (
        "30 launches in Coats, priced 16384 to 32768, season 26SS"
    )
    assert curves.names[curves.row(*new)] == "55 launches in Coats"
    assert curves.names[curves.row(*hats)] == "80 launches of all items"
    assert curves.names[curves.row("", 14, "26SS")] == "80 launches of all items"
    assert curves.mean[curves.row(*new), 0] == 5
    assert curves.mean[curves.row(*new), 50] == pytest.approx((25 + 2 * 30) / 55)
    assert pickle.loads(pickle.dumps(curves)).names == curves.names


def test_earlier_curves_stand_in_the_rows_of_todays():
    few, enough = LEAST_LAUNCHES - 5, LEAST_LAUNCHES
    now = launch_curves(
        [
            *launches("Coats", 2.0, enough, band=14, season="26SS"),
            *launches("Hats", 9.0, enough),
        ]
    )
    then = launch_curves([*launches("Coats", 1.0, enough, band=14), *launches("Hats", 4.0, few)])
    aligned = then.in_rows_of(now)
    assert aligned.row_of == now.row_of
    assert aligned.mean.shape == now.mean.shape

    def rate(*group):
        return aligned.mean[now.row(*group), 50]

    assert rate("Coats", 14, "26SS") == 1.0  # of all coats: that season had no launch yet
    assert rate("Hats", None, "") == rate("", None, "") == pytest.approx((30 + 4 * 25) / 55)


def test_without_launches_there_is_no_curve():
    assert launch_curves([]) is None
    assert launch_curves(launches("Coats", 1.0, LEAST_LAUNCHES - 1)) is None


def test_its_own_sales_scale_the_curve_the_more_the_older_it_is():
    curves = launch_curves(launches("Coats", 2.0, 40))
    row = np.zeros(4, np.int64)
    demand = np.full((4, 30), np.nan)
    demand[1, -1] = 50  # ten times as much as usual, on one day
    demand[2, -21:] = 20
    demand[2, 9] = 50  # the same for three weeks
    demand[3, -21:] = 0  # lay there for three weeks unsold
    ahead = curves.forecast(demand, row, 200)
    assert ahead.shape == (4, 200)
    assert ahead[0, :2].tolist() == [5, 2]
    assert (ahead[:, 150:] == ahead[:, [150]]).all()
    assert ahead[1, 0] == pytest.approx(2 * (50.5 / 5.5) ** 0.5)
    assert 17 < ahead[2, 0] < 20
    assert 0 < ahead[3, 0] < 0.1
    one = curves.forecast(demand[[2]], row[:1], 200)
    assert np.array_equal(one, ahead[[2]])


def test_ages_that_few_launches_have_reached_go_on_flat():
    short = launch_curves(launches("", 2.0, 40, until=3))
    assert short.mean[0, :4].tolist() == [5, 2, 2, 2]
    older = launches("", 3.0, 5)[70:]
    assert launch_curves([*launches("", 2.0, 40, until=70), *older]).mean[0, 80] == 2


def test_by_the_week_the_first_sale_lies_anywhere_in_its_week():
    curves = launch_curves(launches("", 2.0, 40), step_days=7)
    assert curves.mean[0, :3].tolist() == [5 + 3 * 2, 14, 14]


def test_new_items_of_m5_are_forecast_better_than_by_a_mean_drawn_to_the_usual():
    frame = read("m5_daily_train.parquet").with_columns(
        pl.col("item_id", "store_id", "dept_id").cast(pl.String),
        pl.col("date").cast(pl.Date),
    )
    frame = frame.filter(pl.col("quantity_sold") > 0)
    key = ["item_id", "store_id"]
    begun = frame.group_by(key, maintain_order=True).agg(
        pl.col("date").min().alias("first"), pl.col("dept_id").first()
    )
    day0, last = frame["date"].min(), frame["date"].max()
    begun = begun.filter((begun["first"] - day0).dt.total_days() >= 28).sort(key)
    frame = frame.join(begun.with_row_index("row").select(*key, "row"), on=key)
    sold = np.zeros((len(begun), (last - day0).days + 1))
    day = (frame["date"] - day0).dt.total_days().to_numpy()
    sold[frame["row"].to_numpy(), day] = frame["quantity_sold"].to_numpy()
    first = (begun["first"] - day0).dt.total_days().to_numpy()
    category = begun["dept_id"].to_numpy()
    ours = usual = units = 0.0
    for origin in (310, 390):
        known = [
            LaunchDay(
                category=name,
                price_band=None,
                season_code="",
                age=age,
                units=sold[at, first[at] + age].sum(),
                launches=len(at),
            )
            for name in np.unique(category)
            for age in range(CURVE_DAYS)
            if len(at := np.flatnonzero((category == name) & (first + age < origin)))
        ]
        curves = launch_curves(known)
        new = np.flatnonzero((first < origin) & (first > origin - 56))
        rows = np.array([curves.row(name, None, "") for name in category[new]])
        history = np.where(np.arange(origin) >= first[new, None], sold[new, :origin], np.nan)
        actual = sold[new, origin : origin + 28].sum(axis=1)
        total = curves.forecast(history, rows, 28).sum(axis=1)
        age = origin - first[new]
        rate = (np.nansum(history, axis=1) + 14 * 0.6) / (age + 14)  # 0.6 a day: M5's median
        ours += np.abs(total - actual).sum()
        usual += np.abs(28 * rate - actual).sum()
        units += actual.sum()
    assert ours / units < 0.95 * usual / units
