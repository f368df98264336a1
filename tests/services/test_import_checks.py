"""Each value is either loaded as what it says, or rejected with its row, column and reason."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.import_checks import UnusableColumns, check, match_columns, without_blanks
from app.services.import_csv import FAULT, LINE, ROW
from app.services.import_kinds import KINDS, PROFILES, REASONS, explain

TODAY = date(2026, 7, 1)
SALE = {
    "order_id": "A-1",
    "sku_id": "S-1",
    "sold_at": "2026-06-30",
    "quantity": "2",
    "unit_price": "1980",
}
STOCK = {"sku_id": "S-1", "location_id": "EC", "counted_on": "2026-06-30", "on_hand": "3"}
PRODUCT = {"sku_id": "S-1"}
ROWS = {"sales": SALE, "stock": STOCK, "products": PRODUCT}


def checked(kind: str, *rows: dict, profile=None, timezone: str = "Asia/Tokyo"):
    """(good, rejects) of rows that differ from a good one in the given columns."""
    base = {} if profile else ROWS[kind]
    columns = list(dict.fromkeys(name for row in rows for name in {**base, **row}))
    frame = pl.DataFrame(
        [[{**base, **row}.get(name) for name in columns] for row in rows],
        schema=dict.fromkeys(columns, pl.String),
        orient="row",
    )
    nothing = pl.lit(None, pl.String)
    batch = frame.with_columns(
        pl.int_range(1, len(rows) + 1, dtype=pl.Int64).alias(ROW),
        nothing.alias(FAULT),
        nothing.alias(LINE),
    )
    reading = match_columns(columns, KINDS[kind], profile)
    return check(batch, reading, today=TODAY, timezone=timezone)


def loaded(kind: str, column: str, text: str | None, **more) -> object:
    """What a good value becomes."""
    good, rejects = checked(kind, {column: text}, **more)
    assert rejects.is_empty(), rejects
    return good[column].item()


def rejected(kind: str, column: str, text: str | None, **more) -> str:
    """The reason code; the reject names its column and value."""
    good, rejects = checked(kind, {column: text}, **more)
    assert good.is_empty()
    [reject] = rejects.rows(named=True)
    assert (reject["row_no"], reject["column_name"]) == (1, column)
    assert reject["value"] == (text.strip() if text and text.strip() else None)
    return reject["code"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), (" 12 ", 12), ("1.0", 1), ("+5", 5), ("-3", -3), ("2147483647", 2**31 - 1)],
)
def test_whole_numbers(text, number):
    assert loaded("sales", "quantity", text) == number


@pytest.mark.parametrize("text", ["1.5", "1,000", "NaN", "inf", "二", "１", "1e3", ".0", "1\x002"])
def test_what_is_no_whole_number(text):
    good, rejects = checked("sales", {"quantity": text})
    assert good.is_empty()
    assert rejects["code"].to_list() == ["not_a_whole_number"]
    assert rejects["value"].item() == text.replace("\x00", "␀")


@pytest.mark.parametrize(
    "text", ["2147483648", "-2147483648", "-9223372036854775808", "99999999999999999999", "1" * 150]
)
def test_whole_numbers_beyond_all_stock(text):
    assert rejected("sales", "quantity", text) == "out_of_range"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1980", 1980), (" 12.5 ", 12.5), ("5.", 5), (".5", 0.5), ("1e3", 1000), ("2.95004", 2.95)],
)
def test_amounts(text, amount):
    assert loaded("sales", "unit_price", text) == amount


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,980", "not_an_amount"),
        ("¥1980", "not_an_amount"),
        ("NaN", "not_an_amount"),
        ("inf", "not_an_amount"),
        ("-infinity", "not_an_amount"),
        (".", "not_an_amount"),
        ("1e400", "out_of_range"),
        ("-1e400", "out_of_range"),
        ("1e10", "out_of_range"),
        ("9999999999.99999", "out_of_range"),
        ("-1", "negative"),
        (None, "missing"),
        ("  ", "missing"),
    ],
)
def test_what_is_no_price(text, code):
    assert rejected("sales", "unit_price", text) == code


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-30",
        "2026/6/30",
        "20260630",
        " 2026-06-30 ",
        "2026/06/30 0:00",
        "2026-06-30T00:00:00",
    ],
)
def test_days(text):
    assert loaded("stock", "counted_on", text) == date(2026, 6, 30)


@pytest.mark.parametrize(
    "text",
    [
        "2011-13-01",
        "2011-02-29",
        "30.6.2026",
        "11/1/5",
        "0000-01-01",
        "-0044-03-15",
        "+12026-01-01",
        "2026-06-30 12:00",
        "令和8年6月30日",
        "today",
        "46203",
    ],
)
def test_what_is_no_day(text):
    assert rejected("stock", "counted_on", text) == "not_a_date"


def test_the_future_is_rejected_but_for_the_end_of_sales():
    assert loaded("stock", "counted_on", "2026-07-01") == TODAY
    assert rejected("stock", "counted_on", "2026-07-02") == "in_future"
    assert rejected("sales", "sold_at", "2026-07-02 00:00") == "in_future"
    assert loaded("products", "sales_end_on", "9999-12-31") == date(9999, 12, 31)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-30", datetime(2026, 6, 29, 15, tzinfo=UTC)),
        ("2026/6/30 9:05", datetime(2026, 6, 30, 0, 5, tzinfo=UTC)),
        ("2026-06-30 09:05:06.789", datetime(2026, 6, 30, 0, 5, 6, 789_000, tzinfo=UTC)),
        ("2026-06-30T09:05:06", datetime(2026, 6, 30, 0, 5, 6, tzinfo=UTC)),
        ("2026-06-30T09:05:06Z", datetime(2026, 6, 30, 9, 5, 6, tzinfo=UTC)),
        ("2026-06-30T09:05:06.5+02:00", datetime(2026, 6, 30, 7, 5, 6, 500_000, tzinfo=UTC)),
        ("2026-06-30 09:05:06-0330", datetime(2026, 6, 30, 12, 35, 6, tzinfo=UTC)),
        ("2026-06-30 09:05 +09", datetime(2026, 6, 30, 0, 5, tzinfo=UTC)),
    ],
)
def test_moments_by_their_zone_else_by_the_shops_clock(text, instant):
    assert loaded("sales", "sold_at", text) == instant


@pytest.mark.parametrize("text", ["2011-13-01 10:00", "2026-06-30 24:00", "10:00", "2026-06-30 x"])
def test_what_is_no_moment(text):
    assert rejected("sales", "sold_at", text) == "not_a_date"


def test_an_hour_that_the_clock_leaps_over_is_no_time_and_one_that_comes_twice_is_the_first():
    new_york = {"timezone": "America/New_York"}
    assert rejected("sales", "sold_at", "2026-03-08 02:30", **new_york) == "no_such_time"
    assert loaded("sales", "sold_at", "2026-03-08T02:30Z", **new_york)
    twice = loaded("sales", "sold_at", "2025-11-02 01:30", **new_york)
    assert twice.astimezone(UTC) == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)


def test_a_day_begins_where_its_midnight_is_leapt_over():
    start = loaded("sales", "sold_at", "2018-11-04", timezone="America/Sao_Paulo")
    assert start.astimezone(ZoneInfo("America/Sao_Paulo")).date() == date(2018, 11, 4)


@pytest.mark.parametrize(("text", "flag"), [("1", True), ("TRUE", True), ("0", False)])
def test_flags(text, flag):
    assert loaded("stock", "is_derived", text) is flag


def test_choices_are_read_in_any_case_and_named_where_they_are_missed():
    assert loaded("products", "item_class", "Seasonal") == "seasonal"
    assert rejected("products", "item_class", "winter") == "not_a_choice"
    assert rejected("stock", "is_derived", "maybe") == "not_a_choice"
    japanese, english = explain("not_a_choice", "item_class", "winter")
    assert english == "item_class 'winter' is none of staple, seasonal, service"
    assert "「winter」は staple, seasonal, service のいずれでもありません" in japanese


def test_text_is_kept_on_one_line_and_bounded():
    assert loaded("sales", "sku_name", " 長袖\r\nシャツ ") == "長袖 シャツ"
    assert loaded("sales", "sku_name", "あ" * 200) == "あ" * 200
    good, rejects = checked("sales", {"sku_name": "あ" * 201}, {"sku_name": "x" * 10**6})
    assert good.is_empty()
    assert rejects["code"].to_list() == ["too_long"] * 2
    assert rejects["value"].str.len_chars().to_list() == [200, 200]


def test_a_character_that_cannot_be_stored_is_rejected_and_shown():
    _, rejects = checked("sales", {"order_id": "A\x001"})
    assert rejects.rows() == [(1, "order_id", "bad_character", "A␀1")]


def test_negative_stock_is_rejected_and_a_negative_sale_is_a_return():
    assert rejected("stock", "on_hand", "-1") == "negative"
    assert loaded("sales", "quantity", "-1") == -1
    assert rejected("sales", "quantity", "0") == "zero_quantity"


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
    numbers = [*good["row_no"], *rejects["row_no"].unique()]
    assert sorted(numbers) == list(range(1, len(rows) + 1))
    assert rejects.select("row_no", "column_name", "code").is_unique().all()
    for _, column, code, value in rejects.rows():
        assert code in REASONS
        assert "\x00" not in (value or "")
        assert all(explain(code, column, value))
    required = KINDS[kind].required
    assert good.select(required).null_count().sum_horizontal().item() == 0
