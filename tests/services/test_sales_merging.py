"""Lines of sales at the edges of what is let in."""

import pytest
from sqlalchemy import select

from app.models import SalesDaily
from tests.importing import Importer


@pytest.fixture
def importer(sessions, settings) -> Importer:
    return Importer(sessions, settings)


async def test_the_largest_lines_that_are_let_in_can_be_added_up(sessions, importer):
    line = "A-{n},S-1,2026-06-01,{quantity},9999999999\n"
    lines = "".join(line.format(n=n, quantity=2**31 - 1) for n in range(3))
    summary = await importer.load("sales", f"order_id,sku_id,sold_at,quantity,unit_price\n{lines}")
    assert summary["new"] == 3
    async with sessions() as session:
        [day] = await session.scalars(select(SalesDaily))
    assert day.units == 3 * (2**31 - 1)
    assert day.revenue == pytest.approx(3 * (2**31 - 1) * 9999999999.0)
