"""Parquet is read as text, or refused with what is wrong, and no row of it is lost."""

import gzip
import io
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from tests.services.test_import_files import MANY, refusal, rows


def parquet(compression: str = "zstd", **columns) -> bytes:
    target = io.BytesIO()
    pl.DataFrame(columns).write_parquet(target, compression=compression)
    return target.getvalue()


def test_parquet_values_become_text_that_the_checks_understand(tmp_path):
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    content = parquet(
        day=[date(2026, 7, 1)],
        instant=[noon],
        local=[noon.replace(tzinfo=None)],
        number=[2.0],
        whole=[3],
        flag=[True],
        nothing=[None],
    )
    assert rows(tmp_path, content) == [
        (
            "2026-07-01",
            "2026-07-01 12:00:00.000000+00:00",
            "2026-07-01 12:00:00.000000",
            "2.0",
            "3",
            "true",
            None,
        )
    ]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": [[1, 2]]}, "column 'a' of the Parquet file is List"),
        ({"a": [{"x": 1}]}, "column 'a' of the Parquet file is Struct"),
        ({"a": [b"x"]}, "column 'a' of the Parquet file is Binary"),
        ({"a": [timedelta(1)]}, "column 'a' of the Parquet file is Duration"),
        ({"a": ["1"], " a": ["2"]}, "names a column more than once"),
    ],
)
def test_parquet_that_is_no_plain_table_is_refused(tmp_path, columns, said):
    assert said in refusal(tmp_path, parquet(**columns))


@pytest.mark.parametrize("harm", ["cut", "magic", "length", "footer", "page", "announced size"])
def test_damaged_parquet_is_refused_wherever_it_is_damaged(tmp_path, harm):
    content = bytearray(parquet("uncompressed", a=[n * 1.5 for n in range(1000)]))
    place = {"magic": -4, "length": -8, "footer": -60, "page": 4}.get(harm)
    if harm == "cut":
        del content[-20:]
    elif harm == "announced size":  # more memory than there is: it aborts whoever reads it
        content[14] = 255
    else:
        content[place : place + 4] = b"\xff\xff\xff\xff"
    assert refusal(tmp_path, bytes(content)).startswith("the Parquet file is damaged: ")


def test_parquet_that_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    bomb = parquet(a=["1"] * 100_000, b=["2"] * 100_000)
    assert len(bomb) < 2000
    assert "larger than" in refusal(tmp_path, bomb, size_limit=100_000)


def test_a_day_beyond_all_calendars_is_told_as_its_number_and_no_row_is_lost(tmp_path):
    many = 250_000
    days = pl.Series([15_000] * many, dtype=pl.Int32)
    days[240_000] = 2**31 - 1
    times = pl.Series([1_300_000_000_000_000] * many)
    times[150_000] = 2**63 - 1
    found = rows(
        tmp_path,
        parquet(
            day=days.cast(pl.Date),
            time=times.cast(pl.Datetime("us")),
            zoned=times.cast(pl.Datetime("us", "Asia/Tokyo")),
            nano=pl.Series([10**18] * many).cast(pl.Datetime("ns")),
        ),
        size_limit=10 * MANY,
    )
    assert len(found) == many
    assert found[0][0] == "2011-01-26"
    assert found[240_000][0] == str(2**31 - 1)
    assert found[150_000][1:3] == (str(2**63 - 1), str(2**63 - 1))
    assert found[-1][3].startswith("2001-09-09 01:46:40")


def test_gzip_around_it_is_unpacked(tmp_path):
    assert rows(tmp_path, gzip.compress(parquet(a=["1"]))) == [("1",)]


def test_a_text_that_a_few_bytes_unfold_is_cut_where_no_cell_ends(tmp_path):
    [(found,)] = set(rows(tmp_path, parquet(a=["x" * 20_000] * 1000)))
    assert found == "x" * 1000
