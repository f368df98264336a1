"""What sell-through foretells, against four weeks that a real retailer then sold (M5).

Stock is drawn, demand is real: each item's own past up to 28 days before the end makes a forecast
(the mean of its last 28 days, the errors of its totals), and the days after tell what was left.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.lead_time import dispersion, rolling_errors
from app.domain.forecasting.settings import ForecastSettings
from app.domain.sell_through.days import Demand
from app.domain.sell_through.outlook import BAND, Outlook, left_quantile, outlook
from app.domain.sell_through.own_past import dispersion_together
from app.domain.sell_through.stock_left import Floats
from app.domain.sell_through.together import outlook_together
from tests.domain.real_purchases import read

AHEAD = 28
WEEKS = (6, 13, 27)  # columns of the days that are looked at
STORES = ["CA_1", "TX_2", "WI_3"]
CALENDAR = Calendar(date(2016, 1, 1))
SETTINGS = ForecastSettings()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Items that sold of late: what they sold, what is foreseen, what then came."""

    past: Floats
    group: np.typing.NDArray[np.str_]  # store and department
    demand: Demand
    came: Floats  # units asked for up to each day after


@cache
def shelf() -> Shelf:
    lines = read("m5_daily_train.parquet").filter(pl.col("store_id").is_in(STORES))
    lines = lines.with_columns(
        pl.concat_str("store_id", "dept_id", "item_id", separator="|").alias("item"),
        (pl.col("date").max() - pl.col("date")).dt.total_days().alias("ago"),
    )
    items = lines["item"].unique().sort()
    row = lines["item"].replace_strict(items, pl.int_range(len(items), eager=True))
    days = int(lines["ago"].max()) + 1  # type: ignore[arg-type]
    sold = np.zeros((len(items), days))
    sold[row.to_numpy(), days - 1 - lines["ago"].to_numpy()] = lines["quantity_sold"].to_numpy()
    past, then = sold[:, :-AHEAD], sold[:, -AHEAD:]
    lives = past[:, -56:].sum(axis=1) >= 4
    lives &= past[:, -AHEAD:].sum(axis=1) > 0
    past, then = past[lives], then[lives]
    past = np.where(np.maximum.accumulate(past > 0, axis=1), past, np.nan)
    errors = rolling_errors(past, past.shape[1], CALENDAR, SETTINGS)
    total = np.maximum(errors.total, 1.0)
    beyond = np.maximum(errors.squared / total - 1, 0.0) * errors.windows / total
    usual = np.repeat(np.median(beyond, axis=0)[None], len(past), axis=0)
    ratio = dispersion(errors, usual, AHEAD, SETTINGS)
    mean = np.nanmean(past[:, -AHEAD:], axis=1)[:, None] * np.arange(1, AHEAD + 1)
    names = items.to_numpy()[lives]
    return Shelf(
        past=past,
        group=np.array(["|".join(name.split("|")[:2]) for name in names]),
        demand=Demand(mean, ratio * mean),
        came=np.cumsum(then, axis=1),
    )


def beyond_band(seen: Outlook, stock: Floats, left: Floats) -> tuple[Floats, Floats]:
    """Whether less than the band (n, weeks) was left, and whether more."""
    low, high = (
        left_quantile(seen.left_at_most, stock, p, shape=(len(stock), AHEAD))[:, WEEKS]
        for p in BAND
    )
    return left[:, WEEKS] < low, left[:, WEEKS] > high


@pytest.mark.slow
def test_a_band_holds_what_was_left_of_single_items():
    rng = np.random.default_rng(1)
    at = shelf()
    wanted = at.demand.mean[:, -1] * rng.uniform(0.2, 1.6, len(at.past))
    stock = np.maximum(rng.poisson(wanted), 1).astype(float)
    seen = outlook(stock, [at.demand])
    left = np.maximum(stock[:, None] - at.came, 0.0)
    less, more = (found.mean(axis=0) for found in beyond_band(seen, stock, left))
    assert (less < 0.11).all()
    assert (more < 0.11).all()
    assert seen.expected_left[:, -1].mean() == pytest.approx(left[:, -1].mean(), rel=0.08)
    chance, gone = seen.sold_out[:, -1], left[:, -1] == 0
    for lowest in (0.0, 0.2, 0.4, 0.6, 0.8):
        those = (chance >= lowest) & (chance <= lowest + 0.2)
        assert gone[those].mean() == pytest.approx(chance[those].mean(), abs=0.12)


@pytest.mark.slow
@pytest.mark.parametrize("size", [3, 20])
def test_a_band_holds_what_was_left_of_several_together(size: int):
    rng = np.random.default_rng(2)
    at = shelf()
    groups = [name for name in np.unique(at.group) if (at.group == name).sum() >= size]
    less, more, chances, gone = [], [], [], []
    for name in rng.choice(groups, 300):
        rows = rng.choice(np.flatnonzero(at.group == name), size, replace=False)
        members = at.demand.at(rows)
        factor = rng.uniform(0.2, 1.6) * rng.uniform(0.6, 1.4, size)
        stock = rng.poisson(members.mean[:, -1] * factor).astype(float)
        past = np.nansum(at.past[rows], axis=0)
        past[: np.argmax(past > 0)] = np.nan
        few = np.floor(0.05 * stock.sum())
        ratio = dispersion_together(past, CALENDAR, members, SETTINGS)
        seen = outlook_together(stock, [members], ratio, sold_out_units=few)
        left = np.maximum(stock[:, None] - at.came[rows], 0).sum(axis=0)[None]
        below, above = beyond_band(seen, stock.sum()[None], left)
        less.append(below[0])
        more.append(above[0])
        chances.append(seen.sold_out[0, -1])
        gone.append(left[0, -1] <= few)
    assert (np.mean(less, axis=0) < 0.15).all()
    assert (np.mean(more, axis=0) < 0.15).all()
    assert np.mean(gone) == pytest.approx(np.mean(chances), abs=0.1)
