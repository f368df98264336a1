"""Imports at the same time: as one after the other, never stuck, and nobody's reading held up."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import text

from app.database import connect, sessions_of
from tests.importing import Importer, go_on
from tests.sales_model import DAILY, SALES, Model, Row, csv_of

COLUMNS = ["order_id", "line_no", "sku_id", "location_id", "sold_at", "quantity", "unit_price"]
DAYS = ["2025-12-30", "2026-01-05", "2026-02-05", "2026-05-05"]
STOCK = "SELECT sku_id, location_id, counted_on::text, on_hand FROM stock_level"
SUMS_ANEW = """
    SELECT sku_id, location_id, sold_on, sum(quantity), sum(quantity * unit_price) FROM sale
    GROUP BY 1, 2, 3
"""
SUMS = "SELECT sku_id, location_id, sold_on, units, revenue FROM sales_daily"


@pytest.fixture
async def sessions(database):
    """With as many connections as two workers have."""
    engine = connect(database, pool_size=10)
    yield sessions_of(engine)
    await engine.dispose()


@pytest.fixture
def importer(sessions, settings) -> Importer:
    return Importer(sessions, settings)


async def stored(sessions, statement: str) -> list[tuple[Any, ...]]:
    async with sessions() as session:
        return sorted(tuple(row) for row in await session.execute(text(statement)))


def sales_rows(draw: random.Random) -> list[Row]:
    """Some of the same two hundred lines, each with a day, a SKU and a quantity of this file's."""
    return [
        {
            "order_id": f"O{line // 2}",
            "line_no": str(line % 2),
            "sku_id": f"S{draw.randrange(20)}",
            "location_id": draw.choice(["EC", "GINZA"]),
            "sold_at": draw.choice(DAYS),
            "quantity": str(draw.choice([-1, 1, 2, 3])),
            "unit_price": str(draw.choice([100, 250])),
        }
        for line in draw.sample(range(200), 120)
    ]


def after(*files: list[Row]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    model = Model()
    for rows in files:
        model.take(COLUMNS, rows)
    return model.sales(), model.daily()


def meeting(parties: int):
    """A progress that lets all imports begin to merge together."""
    together = asyncio.Barrier(parties)

    async def progress(step: str, done: int, total: int) -> None:
        if (step, done) == ("merging", 0):
            await together.wait()

    return progress


async def test_sales_that_overlap_end_as_in_one_order_or_the_other(sessions, importer):
    draw = random.Random(6)
    for _ in range(6):
        one, two = sales_rows(draw), sales_rows(draw)
        async with sessions.begin() as session:
            await session.execute(text("TRUNCATE sale, sales_daily"))
        progress = meeting(2)
        async with asyncio.timeout(60):
            await asyncio.gather(
                *(importer.load("sales", csv_of(COLUMNS, rows), progress) for rows in (one, two))
            )
        found = (await stored(sessions, SALES), await stored(sessions, DAILY))
        assert found in (after(one, two), after(two, one))


async def test_counts_that_overlap_end_as_in_one_order_or_the_other(sessions, importer):
    for round_no in range(6):
        counts = [
            [f"S{n},EC,2026-06-{1 + round_no:02},{of * 1000 + n}" for n in range(*lines)]
            for of, lines in ((1, (0, 60)), (2, (100, 30, -1)))
        ]
        files = ["sku_id,location_id,counted_on,on_hand\n" + "\n".join(rows) for rows in counts]
        progress = meeting(2)
        async with asyncio.timeout(60):
            told = await asyncio.gather(*(importer.load("stock", f, progress) for f in files))
        last = max((0, 1), key=lambda n: told[n]["changed"])
        assert told[last]["changed"] == 29
        rows = dict(row.rsplit(",", 1) for row in [*counts[1 - last], *counts[last]])
        wanted = sorted((*key.split(","), int(on_hand)) for key, on_hand in rows.items())
        day = f"2026-06-{1 + round_no:02}"
        assert [row for row in await stored(sessions, STOCK) if row[2] == day] == wanted


async def test_kinds_that_name_the_same_skus_and_places_do_not_get_stuck(sessions, importer):
    """Each in another order; the masters are listed whoever came first."""
    for round_no in range(4):
        skus = [f"{round_no}-{n}" for n in range(80)]
        files = {
            "products": ["sku_id,name", *(f"{sku},Shirt" for sku in skus)],
            "sales": [
                "order_id,sku_id,location_id,sold_at,quantity,unit_price",
                *(f"O{sku},{sku},GINZA,{DAYS[round_no]},1,100" for sku in reversed(skus)),
            ],
            "stock": [
                "sku_id,location_id,counted_on,on_hand",
                *(f"{sku},GINZA,2026-06-01,1" for sku in skus[40:] + skus[:40]),
            ],
            "receipts": [
                "receipt_id,line_no,sku_id,location_id,moved_on,quantity,supplier_id",
                *(f"R{sku},1,{sku},GINZA,2026-06-01,1,V{round_no}" for sku in skus[::-1]),
            ],
            "prices": ["sku_id,valid_from,list_price", *(f"{sku},2026-01-01,9" for sku in skus)],
            "locations": ["location_id,name", "GINZA,銀座"],
            "suppliers": ["supplier_id,name", f"V{round_no},丸山"],
        }
        progress = meeting(len(files))
        async with asyncio.timeout(60):
            await asyncio.gather(
                *(importer.load(kind, "\n".join(rows), progress) for kind, rows in files.items())
            )
    listed = "SELECT count(*), bool_and(is_listed), count(name) FROM {}"
    for master, rows in (("sku", 320), ("location", 1), ("supplier", 4)):
        assert await stored(sessions, listed.format(master)) == [(rows, True, rows)]
    for table, rows in (("sale", 320), ("stock_level", 320), ("stock_movement", 320)):
        assert await stored(sessions, f"SELECT count(*) FROM {table}") == [(rows,)]
    assert await stored(sessions, SUMS) == await stored(sessions, SUMS_ANEW)


async def test_everybody_reads_on_while_an_import_merges_into_old_and_new_quarters(
    client, sessions, importer
):
    header = ",".join(COLUMNS) + "\n"
    await importer.load("sales", header + "A,1,S,EC,2026-01-05,1,100\nB,1,S,EC,2026-01-06,2,100\n")
    await importer.load("stock", "sku_id,location_id,counted_on,on_hand\nS,EC,2026-06-01,1\n")
    answers = {}

    async def read_meanwhile(step: str, done: int, total: int) -> None:
        await go_on(step, done, total)
        async with asyncio.timeout(20):  # a lock that keeps readers out would hold it up for ever
            for path in ("/sales?group_by=day", "/inventory", "/sku/S"):
                answer = await client.get(path)
                assert answer.status_code == 200, answer.text
                answers[step, done, path] = answer.json()

    moved = "A,1,S,EC,2026-05-05,7,100\nB,1,S,EC,2026-01-06,5,100\nC,1,S,EC,2026-04-05,1,100\n"
    summary = await importer.load("sales", header + moved, read_meanwhile)
    assert (summary["new"], summary["changed"]) == (1, 2)
    at_last = answers["merging", 3, "/sales?group_by=day"]["items"]  # all merged, not committed
    assert [item["units"] for item in at_last] == [1, 2]
    after_it = (await client.get("/sales?group_by=day")).json()["items"]
    assert [item["units"] for item in after_it] == [5, 1, 7]
