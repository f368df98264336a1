"""A database with sales, stock and the plan of a forecast run, written row by row."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import psycopg
from sqlalchemy import make_url

from app.queries.forecast_partitions import Slice

AS_OF = date(2026, 6, 30)
SINCE = date(2025, 1, 1)


def day(ago: int) -> date:
    return AS_OF - timedelta(days=ago)


def connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(plain)
    for table in ("sale", "sales_daily"):
        connection.execute(
            f"CREATE TABLE history.{table}_all PARTITION OF {table}"
            " FOR VALUES FROM ('2000-01-01') TO ('2100-01-01')"
        )
    return connection


def insert(connection: psycopg.Connection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)


def count(sku: str, place: str, ago: int, on_hand: int) -> dict[str, Any]:
    """A row of stock_level."""
    return {
        "sku_id": sku,
        "location_id": place,
        "counted_on": day(ago),
        "on_hand": on_hand,
        "on_order": 0,
        "allocated": 0,
        "is_derived": False,
        "import_id": 1,
    }


def sell(connection: psycopg.Connection, lines: Iterable[tuple[Any, ...]]) -> None:
    """Lines (sku, location, days ago, quantity, customer or None), each an order of its own."""
    insert(
        connection,
        "sale",
        [
            {
                "order_id": f"O{number:04}",
                "line_key": "1",
                "location_id": place,
                "sold_on": day(ago),
                "sku_id": sku,
                "customer_id": customer,
                "quantity": quantity,
                "unit_price": 10,
                "import_id": 1,
            }
            for number, (sku, place, ago, quantity, customer) in enumerate(lines)
        ],
    )
    add_up(connection)


def add_up(connection: psycopg.Connection) -> None:
    """The daily sums of all lines."""
    connection.execute("""
        INSERT INTO sales_daily
        SELECT sku_id, location_id, sold_on, sum(quantity),
               coalesce(-sum(quantity) FILTER (WHERE quantity < 0), 0), 0, 0, 0, 0
        FROM sale GROUP BY 1, 2, 3
    """)


def plan(
    connection: psycopg.Connection,
    series: Iterable[tuple[str, str]],
    since: date = SINCE,
    step_days: int = 1,
) -> Slice:
    """Plan these series, numbered as they come, in one partition.

    The first sale of each is looked up.
    """
    found = connection.execute(
        "INSERT INTO forecast_run (as_of, horizon_weeks, step_days, status, summary)"
        " VALUES (%s, 4, 1, 'running', '{}') RETURNING forecast_run_id",
        [AS_OF],
    ).fetchone()
    assert found is not None
    numbered = list(enumerate(series))
    for number, (sku, place) in numbered:
        connection.execute(
            "INSERT INTO forecast_series VALUES (%(run)s, %(number)s, %(sku)s, %(place)s, -1,"
            " (SELECT min(sold_on) FROM sales_daily WHERE sku_id = %(sku)s"
            "  AND location_id = %(place)s AND units + units_returned > 0))",
            {"run": found[0], "number": number, "sku": sku, "place": place},
        )
    return Slice(
        run_id=found[0],
        first=0,
        last=len(numbered) - 1,
        since=since,
        as_of=AS_OF,
        step_days=step_days,
    )
