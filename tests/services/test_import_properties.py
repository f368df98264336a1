"""Any files of sales, in any order, leave behind what a dictionary of lines says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.database import Sessions
from app.settings import Settings
from tests.importing import Importer
from tests.sales_model import DAILY, SALES, Model, Row, csv_of

OWN = ("order_id", "sku_id", "sold_at", "quantity")
EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PARTITIONS = text("""
    SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace = 'history'::regnamespace AND relkind = 'r'
""")


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[Row]]:
    """A small file: few orders and days, so that files meet; some columns may be left out."""
    prices = draw(st.sampled_from([["unit_price"], ["list_price"], ["unit_price", "list_price"]]))
    others = draw(st.sets(st.sampled_from(["line_no", "location_id", "customer_id", "discount"])))
    row = st.fixed_dictionaries(
        {
            "order_id": st.sampled_from(["O1", "O2", "O3"]),
            "line_no": st.sampled_from(["", "1", "2"]),
            "sku_id": st.sampled_from(["A", "B"]),
            "location_id": st.sampled_from(["", "S1", "S2"]),
            "customer_id": st.sampled_from(["", "C1"]),
            "sold_at": st.sampled_from(["2025-12-31", "2026-01-01", "2026-02-03", "2026-06-30"]),
            "quantity": st.sampled_from(["-2", "-1", "1", "2", "3"]),
            "unit_price": st.sampled_from(["0", "99.5", "100", "33.3333"]),
            "list_price": st.sampled_from(["120", "100.25"]),
            "discount": st.sampled_from(["", "12", "60"]),
        }
    )
    return [*OWN, *prices, *sorted(others)], draw(st.lists(row, min_size=1, max_size=8))


def sale(**more: str) -> Row:
    row = {"order_id": "O1", "sku_id": "A", "sold_at": "2026-01-01", "quantity": "1"}
    return {**row, "unit_price": "100", "location_id": "S1", **more}


@pytest.fixture
def importer(sessions: Sessions, settings: Settings) -> Importer:
    return Importer(sessions, settings)


async def forget_all(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for partition in list(await session.scalars(PARTITIONS)):
            await session.execute(text(f"DROP TABLE {partition}"))
        await session.execute(text("TRUNCATE sku, location, import_reject"))


async def stored(sessions: Sessions, statement: str) -> list[tuple[Any, ...]]:
    async with sessions() as session:
        return sorted(tuple(row) for row in await session.execute(text(statement)))


MOVED_WITHOUT_ITS_PLACE = [
    ([*OWN, "unit_price", "location_id"], [sale()]),
    ([*OWN, "unit_price"], [sale(sold_at="2026-01-02")]),
]
MORE_TAKEN_OFF = [
    ([*OWN, "list_price", "discount"], [sale(list_price="120", discount=off)])
    for off in ("12", "60")
]


@EXAMPLES
@example(MOVED_WITHOUT_ITS_PLACE)
@example(MORE_TAKEN_OFF)
@given(st.lists(files(), min_size=2, max_size=4))
async def test_sales_and_their_daily_sums_are_those_of_a_dictionary(sessions, importer, sent):
    await forget_all(sessions)
    model = Model()
    for columns, rows in [*sent, sent[-1]]:
        told = model.take(columns, rows)
        summary = await importer.load("sales", csv_of(columns, rows))
        assert {name: summary[name] for name in told} == told
        assert await stored(sessions, SALES) == model.sales()
        assert await stored(sessions, DAILY) == model.daily()
    assert told["new"] == told["changed"] == 0
