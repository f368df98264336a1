"""What the decisions are told of a SKU's prices."""

from datetime import date

from app.database import Sessions
from app.models import PriceHistory, Sku
from app.queries.positions import positions
from tests.api.given import DAY, add, stock


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
