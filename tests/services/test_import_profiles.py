"""What a profile says of a file's values: units, words, columns made of several."""

import polars as pl
import pytest

from app.services.imports.csv_text import FAULT
from app.services.imports.definitions import profile_of
from app.services.imports.file_watch import FileWatch
from app.services.imports.kinds import KINDS
from app.services.imports.matching import UnusableColumns, match_columns
from tests.services.checking import checked

STOCK = {"sku_id": "S-1", "location_id": "EC", "counted_on": "2026-06-30"}


def read(kind: str, definition: dict, **row: str | None):
    """The only row's good values, or its reasons."""
    good, rejects = checked(kind, row, profile=profile_of("p", kind, definition))
    if good.is_empty():
        return [(name, code) for _, name, code, _ in rejects.rows()]
    return good.row(0, named=True)


@pytest.mark.parametrize(
    ("unit", "text", "price"),
    [
        ({"tax_included": 0.10}, "1100", 1000),
        ({"tax_included": 0.08}, "1080", 1000),
        ({"multiply": 1000}, "1.98", 1980),
        ({"multiply": 0.01}, "198000", 1980),
    ],
)
def test_prices_in_another_unit(unit, text, price):
    found = read("products", {"units": {"list_price": unit}}, sku_id="S", list_price=text)
    assert found["list_price"] == price


def test_quantities_in_packs_stay_whole_and_within_bounds():
    packs = {"units": {"on_hand": {"multiply": 12}}}
    assert read("stock", packs, **STOCK, on_hand="5")["on_hand"] == 60
    assert read("stock", packs, **STOCK, on_hand="200000000") == [("on_hand", "out_of_range")]
    huge = {"units": {"on_hand": {"multiply": 1_000_000}}}
    assert read("stock", huge, **STOCK, on_hand="9000000000000000000") == [
        ("on_hand", "out_of_range")
    ]
    assert read("stock", packs, **STOCK, on_hand="1.5") == [("on_hand", "not_a_whole_number")]


def test_words_of_theirs_are_ours_or_nothing():
    words = {"values": {"item_class": {"通年": "staple", "企画": "シーズン", "-": None}}}
    for theirs, ours in (("通年", "staple"), ("企画", "seasonal"), (" - ", "staple")):
        assert read("products", words, sku_id="S", item_class=theirs)["item_class"] == ours
    assert read("products", words, sku_id="S", item_class="別") == [("item_class", "not_a_choice")]


def test_a_column_is_made_of_all_its_parts_or_is_missing():
    made = {
        "made": {"sku_id": {"columns": ["style", "color", "size"], "separator": "-"}},
        "columns": {"color": "color"},
    }
    found = read("products", made, style=" AB1 ", color="赤", size="S")
    assert (found["sku_id"], found["color"]) == ("AB1-赤-S", "赤")
    assert read("products", made, style="AB1", color="赤", size=" ") == [("sku_id", "missing")]
    optional = {"sku_id": {**made["made"]["sku_id"], "optional": ["color", "size"]}}
    assert read("products", {"made": optional}, style="AB1", size="S")["sku_id"] == "AB1-S"


def test_the_first_that_is_filled_counts():
    first = {"made": {"sku_id": {"first_of": ["sub-code", "code"]}}}
    assert read("products", first, code="a", **{"sub-code": "a-red"})["sku_id"] == "a-red"
    assert read("products", first, code="a", **{"sub-code": ""})["sku_id"] == "a"
    assert read("products", first, code="a")["sku_id"] == "a"


def test_negative_stock_is_kept_only_where_it_is_said_to_be_real():
    assert read("stock", {}, **STOCK, on_hand="-2") == [("on_hand", "negative")]
    assert read("stock", {"negative_stock": "keep"}, **STOCK, on_hand="-2")["on_hand"] == -2


def test_daily_totals_need_no_order():
    row = {"sku_id": "S", "sold_at": "2026-06-30", "quantity": "0", "unit_price": "1"}
    assert read("sales", {"daily_totals": True}, **row)["quantity"] == 0


def test_parts_that_a_file_lacks_are_named_with_a_hint():
    made = profile_of(
        "p", "products", {"made": {"sku_id": {"columns": ["品番", "色"], "separator": "-"}}}
    )
    with pytest.raises(UnusableColumns, match=r"missing column '色' .*did you mean '色名'"):
        match_columns(["品番", "色名"], KINDS["products"], made)


def test_brackets_and_letters_of_any_width_are_one_name():
    mapped = profile_of("p", "products", {"columns": {"商品管理番号(URL)": "sku_id"}})
    reading = match_columns(["商品管理番号（ＵＲＬ）"], KINDS["products"], mapped)
    assert reading.source_of == {"sku_id": "商品管理番号（ＵＲＬ）"}
    assert reading.warnings == []


def test_rows_go_with_one_of_their_order_that_is_left_out_even_in_a_later_batch():
    columns = ["order", "cancelled"]
    rows = [("1", None), ("2", " yes "), ("2", ""), (None, "x"), (None, None), ("3", None)]
    rules = {"leave_out": {"cancelled": ["*"]}, "leave_out_within": {"cancelled": "order"}}
    mapped = {"columns": {"order": "sku_id", "cancelled": None}, **rules}
    reading = match_columns(columns, KINDS["products"], profile_of("p", "products", mapped))
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    frame = frame.with_columns(pl.lit(None, pl.String).alias(FAULT))
    for size in (1, 2, 6):
        watch = FileWatch(columns, reading)
        kept = pl.concat([watch.of_this_kind(batch) for batch in frame.iter_slices(size)])
        assert kept["order"].to_list() == ["1", None, "3"]
        assert watch.warnings == [
            "2 rows in which 'cancelled' is filled were left out, as the mapping says",
            (
                "1 rows that share their 'order' with rows left out for their 'cancelled' were left"
                " out, as the mapping says"
            ),
        ]
