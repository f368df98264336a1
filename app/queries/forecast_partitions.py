"""What a worker reads of its partition and writes of it, over a connection of its own.

Workers are plain processes, here or on other machines; they use psycopg, not the service's engine.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg

from app.queries.binary_copy import HEADER, TRAILER, Floats, Ints, grouped, packed

SESSION = "-c jit=off -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10"

# The keys are a range of the primary key, so that a partition costs what it holds, not a table.
FROM_SALES = """
    FROM forecast_series AS series JOIN sales_daily AS daily
         ON daily.sku_id = series.sku_id AND daily.location_id = series.location_id
    WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
      AND daily.sku_id BETWEEN %(from)s AND %(to)s
      AND sold_on >= %(since)s AND sold_on <= %(as_of)s AND units + units_returned > 0
"""
DAILY_SALES = f"""
    COPY (
        SELECT series_number, array_agg(sold_on - %(as_of)s::date),
               array_agg((units + units_returned)::float8)
        {FROM_SALES}
        GROUP BY series_number
    ) TO STDOUT (FORMAT binary)
"""
WEEKLY_SALES = f"""
    COPY (
        SELECT series_number, array_agg(week), array_agg(sold) FROM (
            SELECT series_number, -((%(as_of)s::date - sold_on) / 7) AS week,
                   sum(units + units_returned)::float8 AS sold
            {FROM_SALES}
            GROUP BY 1, 2
        ) AS weeks
        GROUP BY series_number
    ) TO STDOUT (FORMAT binary)
"""
SERIES = """
    SELECT group_number, first_sold_on, sku_id, location_id FROM forecast_series
    WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
    ORDER BY series_number
"""
DRAFT = (
    "forecast_run_id",
    "series_number",
    "demand_class",
    "method",
    "method_reason",
    "yhat",
    "sum_variance",
    "promotion_depth",
    "promotion_sd",
    "usual_yhat",
    "level_cv2",
    "estimated_share",
    "borrowed_from",
    "failure",
)
FINDING = """
    COPY forecast_finding
        (forecast_run_id, series_number, sku_id, location_id, found_on, code, detail)
    FROM STDIN
"""


class RunIsOver(Exception):
    """The run that a partition belongs to was given up, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some series of a run, and the days of their history."""

    run_id: int
    first: int  # number of the first series
    last: int
    since: date  # first day of the history
    as_of: date
    step_days: int

    @property
    def series(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The series of a slice, in their order."""

    group: np.typing.NDArray[np.int64]
    first_sold_on: list[date | None]
    sku_id: list[str]
    location_id: list[str]


def connection(url: str) -> psycopg.Connection[Any]:
    """A connection for one partition, that nobody else uses."""
    return psycopg.connect(url, options=SESSION)


def keys(connection: psycopg.Connection[Any], of: Slice) -> Keys:
    """The series of a slice.

    Raises:
        RunIsOver: if they are there no more.
    """
    rows = connection.execute(SERIES, named(of)).fetchall()
    if len(rows) != of.series:
        raise RunIsOver(f"forecast run {of.run_id} was given up")
    group, first, sku_id, location_id = zip(*rows, strict=True)
    return Keys(
        group=np.array(group, np.int64),
        first_sold_on=list(first),
        sku_id=list(sku_id),
        location_id=list(location_id),
    )


def sales(
    connection: psycopg.Connection[Any], of: Slice, known: Keys
) -> Iterator[tuple[int, Ints, Floats]]:
    """Of each series that has sold its number, period offsets (0: the last) and gross units."""
    span = {"from": min(known.sku_id), "to": max(known.sku_id)}
    statement = DAILY_SALES if of.step_days == 1 else WEEKLY_SALES
    yield from grouped(copied(connection, statement, named(of) | span))


def copied(connection: psycopg.Connection[Any], statement: str, known: dict[str, Any]) -> bytearray:
    """All that a binary COPY sends."""
    data = bytearray()
    with connection.cursor().copy(statement, known) as copy:
        for row in copy:
            data += row
    return data


def begin_writing(connection: psycopg.Connection[Any], of: Slice, partition: int) -> None:
    """Make room for a partition's rows: what an earlier attempt has written is thrown away.

    Raises:
        RunIsOver: if the run was given up.
    """
    locked = connection.execute(
        "SELECT 1 FROM forecast_partition WHERE forecast_run_id = %s AND partition_number = %s"
        " FOR UPDATE",
        [of.run_id, partition],
    ).fetchone()
    if locked is None:
        raise RunIsOver(f"forecast run {of.run_id} was given up")
    for table in ("forecast_draft", "forecast_finding"):
        connection.execute(
            f"DELETE FROM {table} WHERE forecast_run_id = %(run)s"
            " AND series_number BETWEEN %(first)s AND %(last)s",
            named(of),
        )


def write_drafts(connection: psycopg.Connection[Any], groups: Sequence[dict[str, Any]]) -> None:
    """Append rows to the drafts: each group has the columns ``DRAFT``, as ``packed`` takes them."""
    statement = f"COPY forecast_draft ({', '.join(DRAFT)}) FROM STDIN (FORMAT binary)"
    with connection.cursor().copy(statement) as copy:
        copy.write(HEADER)
        for group in groups:
            columns = {name: group[name] for name in DRAFT}
            copy.write(packed(len(group["series_number"]), columns))
        copy.write(TRAILER)


def write_findings(
    connection: psycopg.Connection[Any],
    of: Slice,
    found: Sequence[tuple[int, str, str, date | None, str, dict[str, Any]]],
) -> None:
    """Keep findings: number of the series, SKU, location, day, code and detail of each."""
    with connection.cursor().copy(FINDING) as copy:
        for number, sku_id, location_id, found_on, code, detail in found:
            text = json.dumps(detail, ensure_ascii=False)
            copy.write_row((of.run_id, number, sku_id, location_id, found_on, code, text))


def mark_done(connection: psycopg.Connection[Any], run_id: int, partition: int) -> None:
    connection.execute(
        "UPDATE forecast_partition SET is_done = true"
        " WHERE forecast_run_id = %s AND partition_number = %s",
        [run_id, partition],
    )


def named(of: Slice) -> dict[str, Any]:
    """What the statements about a partition are bound to: both numbers and both days included."""
    return {
        "run": of.run_id,
        "first": of.first,
        "last": of.last,
        "since": of.since,
        "as_of": of.as_of,
        "step": of.step_days,
    }
