"""What the decisions are told of a SKU's prices."""

from datetime import date

from httpx import AsyncClient

from app.database import Sessions
from app.models import PriceHistory, Sku
from app.queries.positions import positions
from tests.api.given import DAY, add, stock
from tests.conftest import Work


async def prices(sessions: Sessions, as_of: date) -> dict[str, float]:
    async with sessions() as session:
        frame = await positions(session, as_of, price_weeks=13)
    return dict(zip(frame["sku_id"], frame["list_price"], strict=True))


async def test_the_list_price_is_that_of_the_day_where_its_history_is_known(sessions: Sessions):
    await add(
        sessions,
        Sku(sku_id="A", list_price=1000.0),
        Sku(sku_id="B", list_price=500.0),
        PriceHistory(sku_id="A", valid_from=date(2026, 1, 1), list_price=1200.0),
        PriceHistory(sku_id="A", valid_from=date(2026, 7, 1), list_price=1500.0),
        stock("A", 3),
        stock("B", 3),
        stock("A", 3, counted_on=date(2025, 12, 31)),
    )
    assert await prices(sessions, DAY) == {"A": 1200.0, "B": 500.0}
    assert await prices(sessions, date(2026, 7, 1)) == {"A": 1500.0, "B": 500.0}
    assert await prices(sessions, date(2025, 12, 31)) == {"A": 1000.0}


async def test_the_last_price_paid_is_the_median_of_its_day(
    client: AsyncClient, work: Work, sessions: Sessions
):
    """Whichever of the day's lines stands first: long ago, so no line of the last weeks tells."""
    for prices_paid in ("900 100 500", "100 500 900", "500 900 100"):
        lines = [f"{n},A,EC,2025-03-01,1,{p}\n" for n, p in enumerate(prices_paid.split())]
        sales = "order_id,sku_id,location_id,sold_at,quantity,unit_price\n" + "".join(lines)
        await client.post("/imports/sales", content=sales.encode())
        stocked = b"sku_id,location_id,counted_on,on_hand\nA,EC,2026-06-30,8\n"
        await client.post("/imports/stock", content=stocked)
        await work()
        async with sessions() as session:
            frame = await positions(session, DAY, price_weeks=13)
        assert list(frame["paid_price"]) == [500.0], prices_paid
