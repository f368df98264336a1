"""Published purchase histories, read from a folder ``shared`` beside the checkout."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

DATA = Path(__file__).resolve().parents[2] / "../shared/data"


def read(name: str) -> pl.DataFrame:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs {name} in ../shared/data")
    return pl.read_parquet(path)


def cdnow(name: str, customer: str) -> pd.DataFrame:
    """Columns customer_id, sold_on, margin (here: sales, US dollars)."""
    frame = read(name)
    return pd.DataFrame(
        {
            "customer_id": frame[customer].to_numpy(),
            "sold_on": frame["date"].to_numpy(),
            "margin": frame["spend"].to_numpy(),
        }
    )


def cdnow_sample() -> pd.DataFrame:
    return cdnow("cdnow_sample.parquet", "sample_id")


def cdnow_master() -> pd.DataFrame:
    return cdnow("cdnow_master.parquet", "customer_id")


def online_retail() -> pd.DataFrame:
    """Lines of known customers without duplicates; cancellations have negative quantities."""
    frame = read("online_retail_ii.parquet").unique(maintain_order=True)
    frame = frame.filter(pl.col("CustomerID").is_not_null() & (pl.col("Price") > 0))
    return pd.DataFrame(
        {
            "customer_id": frame["CustomerID"].to_numpy(),
            "sku_id": frame["StockCode"].to_list(),
            "sold_at": frame["InvoiceDate"].to_numpy(),
            "quantity": frame["Quantity"].to_numpy(),
            "unit_price": frame["Price"].to_numpy(),
        }
    )
