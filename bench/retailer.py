"""Sales of a retailer with many stores, day by day: M5's where it is there, else drawn alike."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

M5 = Path("../shared/data/m5_daily_train.parquet")
SKUS, STORES, DAYS = 3049, 10, 403
FIRST = date(2015, 3, 4)
DAY_ROWS = 1_000_000
PROFILE = {
    "columns": {
        "item_id": "sku_id",
        "dept_id": None,
        "store_id": "location_id",
        "date": "sold_at",
        "quantity_sold": "quantity",
    },
    "defaults": {"unit_price": "0"},
    "daily_totals": True,
}


def whole(place: Path) -> tuple[Path, str]:
    """A file of some 12 million rows, one a SKU, store and day, and whose sales they are."""
    file = place / "retailer.parquet"
    if M5.exists():
        return shutil.copyfile(M5, file), "M5"
    rng = np.random.default_rng(1)
    pace = rng.gamma(0.5, 2.5, SKUS * STORES)
    series = pl.DataFrame({"number": np.arange(SKUS * STORES)}).select(
        item_id=pl.format("ITEM_{}", pl.col("number") % SKUS),
        dept_id=pl.format("DEPT_{}", pl.col("number") % 7),
        store_id=pl.format("STORE_{}", pl.col("number") // SKUS),
    )
    days = [
        series.with_columns(
            date=pl.lit(FIRST + timedelta(days=day)),
            quantity_sold=pl.Series(rng.poisson(pace).astype(np.int16)),
        )
        for day in range(DAYS)
    ]
    pl.concat(days).sort("item_id", "store_id", "date").write_parquet(file)
    return file, "drawn at random, as many rows as M5"


def night(file: Path, place: Path, rows: int) -> Path:
    """The next night's file: new lines of the following day, and corrections of the last one."""
    sales = pl.scan_parquet(file)
    last = sales.select(pl.col("date").max()).collect().item()
    known = sales.filter(pl.col("date") == last).head(rows // 2).collect()
    later = known.with_columns(date=pl.lit(last + timedelta(days=1)))
    both = pl.concat([known.with_columns(quantity_sold=pl.col("quantity_sold") + 1), later])
    target = place / "night.csv"
    both.with_columns(pl.col("date").dt.date()).write_csv(target)
    return target
