"""The views of stock and sales on a retailer of 30,490 positions and 12.3 million sales lines.

``/inventory``: its first page over HTTP against the statements it makes, run by the driver alone.
365 days of one SKU: the time of the statement at the database. ``/sales`` by channel and month over
everything: seconds over HTTP. The latter two have no peer; what is asked of them stands as one.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.auth import Scope, create_key
from app.database import connect, libpq_url, sessions_of
from app.queries import inventory, sales
from app.queries.selection import Selection
from app.queries.stock_view import View
from app.services import stock_views
from bench import big_shop, client, database
from bench.api import service
from bench.measure import Pairs, Result, paired, say, seconds

ROUNDS = 10
MOST_TIMES_SQL = 3
MOST_MS_OF_A_YEAR = 20
MOST_SECONDS_OF_ALL = 2
Statement = tuple[str, tuple[Any, ...]]


class Driver:
    """Statements run by asyncpg itself on one connection, their rows fetched."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(asyncpg.connect(libpq_url(url)))

    def __call__(self, statements: list[Statement]) -> float:
        async def run() -> None:
            for statement, arguments in statements:
                await self._connection.fetch(statement, *arguments)

        return seconds(lambda: self._loop.run_until_complete(run()))

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()


async def _statements(url: str, ask: Callable[[Any], Any]) -> list[Statement]:
    """What a question sends to the database, as the driver takes it."""
    engine: AsyncEngine = connect(url, pool_size=1)
    found: list[Statement] = []

    def note(_c: object, _d: object, statement: str, arguments: Any, *_: object) -> None:
        found.append((statement, tuple(arguments)))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        async with sessions_of(engine)() as session:
            await ask(session)
    finally:
        await engine.dispose()
    return found


async def _first_page(session: Any) -> None:
    first, day = await stock_views.period(session, None, None)
    view = View(selection=Selection(), as_of=day, first=first)
    await stock_views.stock_page(session, view, limit=101)


async def _year(session: Any) -> None:
    start = big_shop.LAST - timedelta(days=364)
    days = await sales.sales_by(
        session,
        ["day"],
        Selection(sku_id="S01234"),
        start=start,
        end=big_shop.LAST,
        limit=366,
    )
    assert len(days) > 350


async def _prepare(url: str) -> tuple[str, date | None, int]:
    engine = connect(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            key = await create_key(session, "bench", [Scope.INVENTORY_READ])
            last = await inventory.last_sale_day(session)
            sums = await session.scalar(text("SELECT count(*) FROM sales_daily"))
            return key, last, int(sums or 0)
    finally:
        await engine.dispose()


def results() -> list[Result]:
    with database.folder() as place, database.server(place) as url:
        say("making 14 months of sales …")
        lines = asyncio.run(big_shop.fill(url))
        return measured(url, place, lines)


def measured(url: str, place: Path, lines: int) -> list[Result]:
    """The figures on a filled database."""
    key, last, sums = asyncio.run(_prepare(url))
    assert last == big_shop.LAST
    size = {"sales_lines": lines, "daily_sums": sums, "positions": big_shop.SKUS * big_shop.STORES}
    driver = Driver(url)
    try:
        with service(url, place) as (_, port):

            def ask(path: str) -> float:
                return seconds(lambda: client.body_of(port, client.get(path, **{"X-API-Key": key})))

            page = client.body_of(port, client.get("/inventory", **{"X-API-Key": key}))
            assert len(json.loads(page)["items"]) == 100
            return [
                _of_page(lambda: ask("/inventory"), url, driver, size),
                _of_year(url, driver, size),
                _of_all(lambda: ask("/sales?group_by=channel,month"), size),
            ]
    finally:
        driver.close()


def _of_page(ask: Callable[[], float], url: str, driver: Driver, size: dict[str, Any]) -> Result:
    statements = asyncio.run(_statements(url, _first_page))
    for _ in range(3):
        ask()  # fills caches and pools
        driver(statements)
    pairs = paired(ask, lambda: driver(statements), rounds=ROUNDS, more_is_better=False)
    times = 1 / median(pairs.ratios)
    return Result(
        name="views_inventory_page",
        unit="s",
        peer_name="its own statements by the driver",
        pairs=pairs,
        checks={f"times_its_sql <= {MOST_TIMES_SQL}": times <= MOST_TIMES_SQL},
        details={"times_its_sql": times, "statements": len(statements), **size},
    )


def _of_year(url: str, driver: Driver, size: dict[str, Any]) -> Result:
    statements = asyncio.run(_statements(url, _year))
    driver(statements)
    took = [1000 * driver(statements) for _ in range(ROUNDS)]
    return Result(
        name="views_year_of_a_sku",
        unit="ms",
        peer_name="what is asked",
        pairs=Pairs(ours=took, peer=[float(MOST_MS_OF_A_YEAR)] * ROUNDS),
        checks={f"ms <= {MOST_MS_OF_A_YEAR}": median(took) <= MOST_MS_OF_A_YEAR},
        details=size,
    )


def _of_all(ask: Callable[[], float], size: dict[str, Any]) -> Result:
    ask()
    took = [ask() for _ in range(ROUNDS)]
    return Result(
        name="views_sales_of_all",
        unit="s",
        peer_name="what is asked",
        pairs=Pairs(ours=took, peer=[float(MOST_SECONDS_OF_ALL)] * ROUNDS),
        checks={f"seconds <= {MOST_SECONDS_OF_ALL}": median(took) <= MOST_SECONDS_OF_ALL},
        details=size,
    )
