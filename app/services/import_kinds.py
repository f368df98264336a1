"""What may be imported: the columns of each kind of file, and profiles for files of others.

A profile maps somebody's own columns to ours and states, as data, the cleaning that file needs;
every row it turns away is reported with its reason.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class ColumnType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"
    MOMENT = "moment"  # a date, or a date and time of the shop's clock
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: ColumnType = ColumnType.TEXT
    required: bool = False
    default: str | None = None
    at_least: float | None = None
    choices: tuple[str, ...] = ()
    may_be_future: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    columns: tuple[Column, ...]

    @property
    def required(self) -> list[str]:
        return [column.name for column in self.columns if column.required]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a foreign file is read.

    Attributes:
        columns: their column name to ours; columns mapped to None are known and left out.
        defaults: values for columns of ours that the file does not have.
        cancellation_prefix: order ids that start so are returns; a line with a quantity of
            the wrong sign for its order is not a sale.
        price_above_zero: lines without a positive price are write-offs, not sales.
        drop_exact_repeats: the file repeats whole lines by mistake, not by purchase.
        source: where the file and the need for these rules come from.
    """

    name: str
    kind: str
    columns: dict[str, str | None]
    defaults: dict[str, str] = field(default_factory=dict)
    cancellation_prefix: str | None = None
    price_above_zero: bool = False
    drop_exact_repeats: bool = False
    source: str = ""


INTEGER, MONEY, DATE, FLAG = (
    ColumnType.INTEGER,
    ColumnType.MONEY,
    ColumnType.DATE,
    ColumnType.FLAG,
)
FLAGS = ("true", "false", "1", "0")

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="sales",
            columns=(
                Column(name="order_id", required=True),
                Column(name="line_no"),
                Column(name="sku_id", required=True),
                Column(name="sku_name"),
                Column(name="location_id", default="EC"),
                Column(name="customer_id"),
                Column(name="sold_at", type=ColumnType.MOMENT, required=True),
                Column(name="quantity", type=INTEGER, required=True),
                Column(name="unit_price", type=MONEY, required=True, at_least=0),
            ),
        ),
        Kind(
            name="stock",
            columns=(
                Column(name="sku_id", required=True),
                Column(name="location_id", required=True),
                Column(name="counted_on", type=DATE, required=True),
                Column(name="on_hand", type=INTEGER, required=True, at_least=0),
                Column(name="on_order", type=INTEGER, default="0", at_least=0),
                Column(name="allocated", type=INTEGER, default="0", at_least=0),
                Column(name="last_received_on", type=DATE),
                Column(name="is_derived", type=FLAG, default="false", choices=FLAGS),
            ),
        ),
        Kind(
            name="products",
            columns=(
                Column(name="sku_id", required=True),
                Column(name="style_id"),
                Column(name="name"),
                Column(name="color"),
                Column(name="size"),
                Column(name="category"),
                Column(
                    name="item_class",
                    default="staple",
                    choices=("staple", "seasonal", "service"),
                ),
                Column(name="list_price", type=MONEY, at_least=0),
                Column(name="unit_cost", type=MONEY, at_least=0),
                Column(name="is_price_derived", type=FLAG, default="false", choices=FLAGS),
                Column(name="is_cost_derived", type=FLAG, default="false", choices=FLAGS),
                Column(name="sales_end_on", type=DATE, may_be_future=True),
            ),
        ),
    )
}

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="online_retail_ii",
            kind="sales",
            columns={
                "Invoice": "order_id",
                "StockCode": "sku_id",
                "Description": "sku_name",
                "Quantity": "quantity",
                "InvoiceDate": "sold_at",
                "Price": "unit_price",
                "CustomerID": "customer_id",
                "Country": None,
            },
            defaults={"location_id": "EC"},
            cancellation_prefix="C",
            price_above_zero=True,
            drop_exact_repeats=True,
            source=(
                "Chen, D., Online Retail II, UCI Machine Learning Repository, CC BY 4.0: "
                "1-9 December 2010 stands in both of its sheets; stock corrections and bad debts "
                "stand among the sales with quantity or price not above zero."
            ),
        ),
    )
}

# code: (Japanese, English), with {column} and {value} to fill in
REASONS = {
    "missing": ("{column} がありません", "{column} is missing"),
    "too_many_fields": (
        "見出しより項目が多い行です",
        "the row has more fields than the header",
    ),
    "too_few_fields": (
        "見出しより項目が少ない行です",
        "the row has fewer fields than the header",
    ),
    "unclosed_quote": (
        '引用符「"」が閉じられていません',
        "a quotation mark is opened and never closed",
    ),
    "bad_character": (
        "{column} に使えない文字(NUL)があります",
        "{column} holds a NUL character, which cannot be stored",
    ),
    "too_long": (
        "{column} が200文字を超えています",
        "{column} is longer than 200 characters",
    ),
    "not_a_whole_number": (
        "{column} の「{value}」は整数ではありません",
        "{column} '{value}' is not a whole number",
    ),
    "not_an_amount": (
        "{column} の「{value}」は金額ではありません",
        "{column} '{value}' is not an amount of money",
    ),
    "not_a_date": (
        "{column} の「{value}」は日付(YYYY-MM-DD)ではありません",
        "{column} '{value}' is not a date (YYYY-MM-DD, with or without HH:MM:SS)",
    ),
    "no_such_time": (
        "{column} の「{value}」は店舗の時計に存在しない時刻です(夏時間の切替)",
        "{column} '{value}' is an hour that the shop's clock leaps over (daylight saving)",
    ),
    "not_a_choice": (
        "{column} の「{value}」は {choices} のいずれでもありません",
        "{column} '{value}' is none of {choices}",
    ),
    "negative": (
        "{column} の「{value}」が負です",
        "{column} '{value}' is negative",
    ),
    "in_future": (
        "{column} の「{value}」は未来の日付です",
        "{column} '{value}' lies in the future",
    ),
    "out_of_range": (
        "{column} の「{value}」は大きすぎます",
        "{column} '{value}' is too large",
    ),
    "zero_quantity": ("数量が0です", "the quantity is zero"),
    "duplicate_key": (
        "同じキー「{value}」が後の行にもあります(後の行を採用)",
        "the key '{value}' appears again further down; the last row counts",
    ),
    "exact_repeat": (
        "注文「{value}」の同一明細の重複です",
        "the whole line of order '{value}' stands in the file before",
    ),
    "price_not_above_zero": (
        "単価「{value}」が0以下です(販売ではなく在庫調整・貸倒)",
        "the price '{value}' is not above zero: a write-off, not a sale",
    ),
    "not_a_sale": (
        "取消ではないのに数量「{value}」が負です(在庫調整)",
        "the quantity '{value}' is negative but the order is no cancellation: a stock correction",
    ),
    "cancellation_not_negative": (
        "取消なのに数量「{value}」が正です",
        "the order is a cancellation but its quantity '{value}' is positive",
    ),
}


CHOICES = {column.name: column.choices for kind in KINDS.values() for column in kind.columns}


def explain(code: str, column: str, value: str | None) -> tuple[str, str]:
    """The reason of a reject in Japanese and English."""
    japanese, english = REASONS[code]
    words = {
        "column": column,
        "value": value or "",
        "choices": ", ".join(CHOICES.get(column, ())),
    }
    return japanese.format_map(words), english.format_map(words)
