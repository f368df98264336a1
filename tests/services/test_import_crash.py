"""A database that crashes under an import: its unlogged stage comes back empty."""

from datetime import date

import psycopg
import pytest
from sqlalchemy import make_url, text

from app.services.imports import loading

ROWS = "".join(f"O{n},A,2026-01-05,1,100\n" for n in range(50))
SALES = "order_id,sku_id,sold_at,quantity,unit_price\n" + ROWS


async def test_rows_lost_from_the_stage_are_never_taken_for_all(database, sessions, tmp_path):
    file = tmp_path / "sales.csv"
    file.write_text(SALES)
    async with sessions.begin() as session:
        batch = await loading.receive(
            session, kind="sales", file_name="sales.csv", encoding=None, mapping=None
        )

    async def crash(step: str, done: int, total: int) -> None:
        if done < total or crash.is_over:
            return
        crash.is_over = True
        with psycopg.connect(database, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                [make_url(database).database],
            )
            stages = other.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'"
            ).fetchall()
            for (stage,) in stages:
                other.execute(f"TRUNCATE staging.{stage}")

    crash.is_over = False
    how = {
        "import_id": batch.import_id,
        "file": file,
        "today": date(2026, 6, 30),
        "timezone": "Asia/Tokyo",
        "size_limit": 2**20,
    }
    with pytest.raises(Exception):  # noqa: B017 - however the lost connection shows
        await loading.run_import(sessions, crash, **how)
    assert crash.is_over
    summary = await loading.run_import(sessions, crash, **how)
    assert summary["new"] == 50
    async with sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM sale")) == 50
