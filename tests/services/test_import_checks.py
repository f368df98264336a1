"""Rows are loaded or rejected whole, whatever stands in them, and columns found by their names."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.imports.built_in import PROFILES
from app.services.imports.checking import without_blanks
from app.services.imports.completing import complete
from app.services.imports.csv_text import FAULT, LINE, ROW
from app.services.imports.kinds import KINDS
from app.services.imports.matching import UnusableColumns, match_columns
from app.services.imports.reasons import REASONS, explain
from tests.services.checking import SALE, STOCK, checked, loaded


def test_a_row_with_several_mistakes_is_told_all_of_them():
    good, rejects = checked(
        "sales", {"order_id": None, "quantity": "x", "unit_price": "-5e12", "sold_at": "tomorrow"}
    )
    assert good.is_empty()
    assert sorted(rejects.select("column_name", "code").rows()) == [
        ("order_id", "missing"),
        ("quantity", "not_a_whole_number"),
        ("sold_at", "not_a_date"),
        ("unit_price", "negative"),
        ("unit_price", "out_of_range"),
    ]


def test_what_is_left_empty_takes_its_default():
    good, _ = checked("stock", {"on_order": "", "allocated": None})
    assert good.select("on_order", "allocated", "is_derived").row(0) == (0, 0, False)
    assert loaded("sales", "location_id", "") == "EC"


def test_a_profile_reads_foreign_columns_and_applies_its_cleaning():
    profile = PROFILES["online_retail_ii"]
    line = {
        "Invoice": "489434",
        "StockCode": "85048",
        "Description": "LIGHTS",
        "Quantity": "12",
        "InvoiceDate": "2009-12-01 07:45:00",
        "Price": "6.95",
        "CustomerID": "13085",
        "Country": "United Kingdom",
    }
    changes = [
        {},
        {"Quantity": "-12"},
        {"Price": "0"},
        {"Invoice": "C489434", "Quantity": "-1", "Price": "0"},
        {"Invoice": "C489434"},
    ]
    good, rejects = checked("sales", *({**line, **change} for change in changes), profile=profile)
    assert good["row_no"].to_list() == [1, 4]
    assert rejects.select("row_no", "column_name", "code").rows() == [
        (2, "quantity", "not_a_sale"),
        (5, "quantity", "cancellation_not_negative"),
        (3, "unit_price", "price_not_above_zero"),
    ]


def test_unknown_columns_are_left_aside_with_a_hint():
    columns = [*SALE, "Custmer_Id", "weather", "row_no"]
    warnings = match_columns(columns, KINDS["sales"], None).warnings
    assert warnings == [
        "column 'Custmer_Id' is not known and was left aside (did you mean 'customer_id'?)",
        "column 'weather' is not known and was left aside",
        "column 'row_no' is not known and was left aside",
    ]
    good, _ = checked("sales", {"row_no": "77"})
    assert good["row_no"].to_list() == [1]


def test_a_column_in_full_width_is_another_column_and_hinted_at():
    columns = [*SALE, "ＣＵＳＴＯＭＥＲ＿ＩＤ"]
    [warning] = match_columns(columns, KINDS["sales"], None).warnings
    assert "(did you mean 'customer_id'?)" in warning
    with pytest.raises(UnusableColumns, match=r"'sku_id' \(did you mean 'ＳＫＵ_ＩＤ'\?\)"):
        match_columns(["ＳＫＵ_ＩＤ"], KINDS["products"], None)


def test_hundreds_of_unknown_columns_do_not_fill_the_answer():
    warnings = match_columns([*SALE, *map(str, range(500))], KINDS["sales"], None).warnings
    assert len(warnings) == 21
    assert warnings[-1] == "so were 480 more columns"


def test_missing_columns_are_all_named_with_what_the_file_has():
    with pytest.raises(UnusableColumns) as missing:
        match_columns(["order_id", "品番", "Sold_At", "quantity"], KINDS["sales"], None)
    assert str(missing.value) == (
        "missing column 'sku_id', 'sold_at' (did you mean 'Sold_At'?), 'unit_price' for sales;"
        " the file has: order_id, 品番, Sold_At, quantity"
    )


def test_missing_columns_of_a_profile_are_named_as_the_profile_names_them():
    with pytest.raises(UnusableColumns, match=r"missing column 'StockCode', 'InvoiceDate'"):
        match_columns(
            ["Invoice", "Quantity", "Price"], KINDS["sales"], PROFILES["online_retail_ii"]
        )


def test_of_two_columns_for_one_thing_the_profiles_counts():
    columns = [*PROFILES["online_retail_ii"].columns, "order_id"]
    reading = match_columns(columns, KINDS["sales"], PROFILES["online_retail_ii"])
    assert reading.source_of["order_id"] == "Invoice"
    assert reading.warnings == ["column 'order_id' is not known and was left aside"]


def test_rows_that_hold_nothing_are_left_out_and_the_others_keep_their_numbers():
    nothing = pl.lit(None, pl.String)
    batch = pl.DataFrame({"a": ["1", "", None, " "], "b": ["2", "　", None, "3"]}).select(
        pl.int_range(1, 5, dtype=pl.Int64).alias(ROW),
        pl.all(),
        nothing.alias(FAULT),
        nothing.alias(LINE),
    )
    assert without_blanks(batch, ["a", "b"])[ROW].to_list() == [1, 4]


WORDS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.text(st.sampled_from("0123456789+-.eE,_ /:TZ\x00\n"), max_size=22),
    st.text(
        st.sampled_from("0１2３,，.．－▲¥￥円 年月日時分秒令和平成昭RHS元'=〜か\u3099"), max_size=16
    ),
    st.sampled_from([*SALE.values(), *STOCK.values(), "NaN", "inf", "1e400", "true", "staple"]),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.datetimes().map(str),
)
TABLES = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.lists(
            st.fixed_dictionaries({c.name: WORDS for c in KINDS[kind].columns}),
            min_size=1,
            max_size=4,
        ),
    )
)


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_any_rows_are_loaded_or_rejected_and_none_is_lost(table):
    kind, rows = table
    good, rejects = checked(kind, *rows)
    assert len(complete(kind, good, None, "Asia/Tokyo")) == len(good)
    numbers = [*good["row_no"], *rejects["row_no"].unique()]
    assert sorted(numbers) == list(range(1, len(rows) + 1))
    assert rejects.select("row_no", "column_name", "code").is_unique().all()
    for _, column, code, value in rejects.rows():
        assert code in REASONS
        assert "\x00" not in (value or "")
        assert all(explain(code, column, value))
    required = [c.name for c in KINDS[kind].required if not c.instead]
    assert good.select(required).null_count().sum_horizontal().item() == 0
