"""A file whose layout changes half-way: told by row, and as a whole."""

import polars as pl
import pytest

from app.services.imports.csv_text import FAULT, LINE, ROW
from app.services.imports.file_watch import FileWatch
from app.services.imports.kinds import KINDS
from app.services.imports.matching import match_columns
from tests.services.checking import SALE, checked

SHIFTED = dict(zip(SALE, [None, *list(SALE.values())[:-1]], strict=True))


def test_a_row_whose_cells_stand_one_column_beside_has_one_reason():
    good, rejects = checked("sales", {}, SHIFTED)
    assert len(good) == 1
    assert rejects.rows() == [(2, "sold_at", "column_shifted", "S-1")]


def test_so_has_one_that_lacks_its_first_cell():
    left = dict(zip(SALE, [*list(SALE.values())[1:], None], strict=True))
    _, rejects = checked("sales", left)
    assert rejects["code"].to_list() == ["column_shifted"]


def test_cells_that_fit_nowhere_keep_their_reasons():
    _, rejects = checked("sales", {"quantity": "two", "unit_price": "x"})
    assert rejects["code"].to_list() == ["not_a_whole_number", "not_an_amount"]
    _, rejects = checked("sales", {"quantity": "2026-06-30"})
    assert rejects["code"].to_list() == ["not_a_whole_number"]


def batches(column: list[str | None], size: int) -> list[pl.DataFrame]:
    frame = pl.DataFrame(
        {"sku_id": column, "name": ["x"] * len(column)},
        schema={"sku_id": pl.String, "name": pl.String},
    )
    nothing = pl.lit(None, pl.String)
    frame = frame.with_columns(
        pl.int_range(1, len(column) + 1, dtype=pl.Int64).alias(ROW),
        nothing.alias(FAULT),
        nothing.alias(LINE),
    )
    return list(frame.iter_slices(size))


def watched(column: list[str | None], size: int, rejects: list[tuple] = ()) -> list[str]:
    watch = FileWatch(
        ["sku_id", "name"], match_columns(["sku_id", "name"], KINDS["products"], None)
    )
    schema = {"row_no": pl.Int64, "column_name": pl.String, "code": pl.String, "value": pl.String}
    told = pl.DataFrame(rejects, schema=schema, orient="row")
    for batch in batches(column, size):
        first, last = batch[ROW][0], batch[ROW][-1]
        part = told.filter(pl.col("row_no").is_between(first, last))
        watch.see(batch, pl.DataFrame(), part)
    return watch.warnings


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_a_stretch_without_a_column_is_told_whatever_the_batches(size):
    column = ["a"] * 300 + [None] + ["b"] * 99 + [""] * 150 + ["c"] * 451
    assert watched(column, size) == [
        (
            "column 'sku_id' is empty in all rows 401 to 550 and filled in 99.9% of the others:"
            " the file has another layout there"
        )
    ]


@pytest.mark.parametrize(
    "column",
    [
        ["a"] * 1000,
        [None] * 1000,
        ["a"] * 950 + [None] * 50,
        ["a", None] * 500,
        [None] * 200 + ["a", None] * 400,
    ],
)
def test_what_is_scattered_or_everywhere_or_short_is_not(column):
    assert watched(column, 333) == []


@pytest.mark.parametrize("size", [50, 5000])
def test_a_stretch_of_one_reason_is_told(size):
    rejects = [(n, "list_price", "not_an_amount", "x") for n in [3, *range(501, 701)]]
    assert watched(["a"] * 1000, size, rejects) == [
        (
            "all rows 501 to 700 are rejected with not_an_amount in 'list_price', and hardly any"
            " others: do columns shift there?"
        )
    ]


@pytest.mark.parametrize("text", ["#REF!", "#N/A"])
def test_an_error_of_a_spreadsheet_is_no_code(text):
    good, rejects = checked("stock", {"sku_id": text})
    assert good.is_empty()
    assert rejects.rows() == [(1, "sku_id", "spreadsheet_error", text)]
