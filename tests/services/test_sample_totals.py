"""Online Retail II through the import that customers use, against the published answer key.

The key counts lines with a customer, a quantity and a price above zero, and of exact repeats one.
Returns and guests, which it leaves out, are loaded as well and told apart.
"""

import json
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.database import connect, sessions_of
from app.services.imports import loading
from app.services.sample import FILE
from tests.conftest import SERVERS, drop_database, new_database

LINES = 1_067_371


async def _load(url: str, file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    engine = connect(url, pool_size=2)
    sessions = sessions_of(engine)
    async with sessions.begin() as session:
        batch = await loading.receive(
            session,
            kind="sales",
            file_name=file.name,
            encoding=None,
            mapping="online_retail_ii",
        )
    summary = await loading.run_import(
        sessions,
        _no_progress,
        import_id=batch.import_id,
        file=file,
        today=date(2026, 7, 1),
        timezone="Europe/London",
        size_limit=2**29,
    )
    async with sessions() as session:
        kept = await session.execute(
            text("""
                SELECT count(*) AS lines, count(DISTINCT customer_id) AS customers,
                       count(DISTINCT sku_id) AS skus, count(DISTINCT order_id) AS orders,
                       sum(quantity * unit_price)::float AS revenue,
                       min(sold_on) AS first, max(sold_on) AS last
                FROM sale WHERE quantity > 0 AND customer_id IS NOT NULL
            """)
        )
        rejected = await session.scalar(
            text("SELECT count(DISTINCT row_no) FROM import_reject WHERE import_id = :id"),
            {"id": batch.import_id},
        )
        found = {**kept.mappings().one(), "rejected": rejected}
    await engine.dispose()
    return summary, found


async def _no_progress(step: str, done: int, total: int) -> None:
    pass


@pytest.mark.slow
async def test_the_sample_adds_up_to_the_answer_key(tmp_path):
    server = json.loads(os.environ[SERVERS])["postgresql-18"]  # one is enough: it takes its time
    url = new_database(server)
    summary, kept = await _load(url, Path(shutil.copy(FILE, tmp_path / "sales.parquet")))
    drop_database(server, url)

    assert summary["read"] == LINES
    assert (summary["new"], summary["changed"], summary["same"]) == (1_027_016, 0, 0)
    assert summary["rejected"] == kept["rejected"] == LINES - 1_027_016
    assert sum(part["lines"] for part in summary["totals"].values()) == summary["new"]
    assert summary["rejected_by_reason"] == {
        "exact_repeat": 34_147,
        "not_a_sale": 3_457,
        "price_not_above_zero": 2_745,
        "negative": 5,
        "cancellation_not_negative": 1,
    }
    key = {
        "lines": 779_425,
        "customers": 5_878,
        "skus": 4_631,
        "orders": 36_969,
        "revenue": 17_374_804.27,
    }
    assert summary["totals"]["customer_sales"] == key
    assert {name: kept[name] for name in key} == pytest.approx(key, abs=0.005)
    assert (kept["first"], kept["last"]) == (date(2009, 12, 1), date(2011, 12, 9))
    returns = summary["totals"]["returns"]
    assert returns["lines"] == 19_103
    assert returns["revenue"] == pytest.approx(-1_462_424.18, abs=0.005)
