"""What may be imported: the columns of each kind of file."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial


class ColumnType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    NUMBER = "number"
    SHARE = "share"  # 0 to 1
    DATE = "date"
    MOMENT = "moment"  # a date, or a date and time of the shop's clock
    FLAG = "flag"


MONEY_DECIMALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a kind of file.

    Attributes:
        name: what it is called, in the file and in our tables.
        type: how its text is read.
        required: whether a row without it is turned away.
        instead: columns which together make it good where it is missing.
        default: what an empty cell means.
        at_least: the least number that is sound.
        choices: the only texts allowed, in our spelling.
        spellings: other spellings of the choices, as they are met in Japan, and ours.
        may_be_future: whether a day may lie after today.
    """

    name: str
    type: ColumnType = ColumnType.TEXT
    required: bool = False
    instead: tuple[str, ...] = ()
    default: str | None = None
    at_least: float | None = None
    choices: tuple[str, ...] = ()
    spellings: dict[str, str] = field(default_factory=dict)
    may_be_future: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    columns: tuple[Column, ...]

    @property
    def required(self) -> list[Column]:
        return [column for column in self.columns if column.required]

    def told(self) -> str:
        """Its columns in Markdown, those it needs in bold."""
        return ", ".join(f"**{c.name}**" if c.required else c.name for c in self.columns)


class KindName(StrEnum):
    PRODUCTS = "products"
    LOCATIONS = "locations"
    CUSTOMERS = "customers"
    SALES = "sales"
    STOCK = "stock"
    RECEIPTS = "receipts"
    PRICES = "prices"
    SUPPLIERS = "suppliers"
    SOURCING = "sourcing"
    CAMPAIGNS = "campaigns"


LOCATION_TYPES = {
    "店舗": "store",
    "直営店": "store",
    "ＥＣ": "ec",
    "モール": "mall",
    "倉庫": "warehouse",
}
ITEM_CLASSES = {
    "定番": "staple",
    "シーズン": "seasonal",
    "季節": "seasonal",
    "サービス": "service",
    "送料": "service",
}
MOVEMENTS = {
    "入荷": "receipt",
    "入庫": "receipt",
    "仕入": "receipt",
    "移動": "transfer",
    "仕入返品": "supplier_return",
    "返品": "supplier_return",
    "調整": "adjustment",
    "棚卸調整": "adjustment",
    "廃棄": "loss",
    "紛失": "loss",
    "ロス": "loss",
}
LANES = {"仕入": "purchase", "発注": "purchase", "移動": "transfer", "製造": "make"}
ROUNDINGS = {
    "切上": "up",
    "切り上げ": "up",
    "切捨": "down",
    "切り捨て": "down",
    "四捨五入": "nearest",
}
PRICE_BREAKS = {"全量": "all_units", "超過分": "incremental"}
CONDITIONS = {"なし": "none", "金額": "amount", "数量": "quantity", "重量": "weight"}
YES_OR_NO = {"はい": "true", "いいえ": "false", "有": "true", "無": "false", "○": "true"}

key = partial(Column, required=True)
text = Column
whole = partial(Column, type=ColumnType.INTEGER)
units = partial(Column, type=ColumnType.INTEGER, at_least=0)
money = partial(Column, type=ColumnType.MONEY, at_least=0)
number = partial(Column, type=ColumnType.NUMBER, at_least=0)
share = partial(Column, type=ColumnType.SHARE, at_least=0)
day = partial(Column, type=ColumnType.DATE)
coming_day = partial(Column, type=ColumnType.DATE, may_be_future=True)
moment = partial(Column, type=ColumnType.MOMENT)
flag = partial(
    Column,
    type=ColumnType.FLAG,
    default="false",
    choices=("true", "false", "1", "0"),
    spellings=YES_OR_NO,
)


def choice(name: str, spellings: dict[str, str], default: str | None) -> Column:
    choices = tuple(dict.fromkeys(spellings.values()))
    return Column(name=name, choices=choices, spellings=spellings, default=default)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="products",
            columns=(
                key(name="sku_id"),
                text(name="style_id"),
                text(name="name"),
                text(name="color"),
                text(name="size"),
                text(name="category"),
                text(name="brand"),
                text(name="jan"),
                choice("item_class", ITEM_CLASSES, default="staple"),
                text(name="season_code"),
                money(name="list_price"),
                money(name="unit_cost"),
                flag(name="is_price_derived"),
                flag(name="is_cost_derived"),
                coming_day(name="sales_start_on"),
                coming_day(name="sales_end_on"),
                share(name="max_discount_depth"),
            ),
        ),
        Kind(
            name="locations",
            columns=(
                key(name="location_id"),
                text(name="name"),
                choice("location_type", LOCATION_TYPES, default="store"),
                text(name="channel"),
            ),
        ),
        Kind(
            name="customers",
            columns=(
                key(name="customer_id"),
                day(name="registered_on"),
                text(name="rank"),
                text(name="prefecture"),
                text(name="gender"),
                units(name="birth_year"),
                flag(name="is_mailable"),
            ),
        ),
        Kind(
            name="sales",
            columns=(
                key(name="order_id"),
                text(name="line_no"),
                key(name="sku_id"),
                text(name="sku_name"),
                text(name="location_id", default="EC"),
                text(name="channel"),
                text(name="customer_id"),
                moment(name="sold_at", required=True),
                whole(name="quantity", required=True),
                money(name="unit_price", required=True, instead=("list_price",)),
                money(name="list_price"),
                Column(name="discount", type=ColumnType.MONEY),
                text(name="coupon_code"),
                text(name="campaign_code"),
            ),
        ),
        Kind(
            name="stock",
            columns=(
                key(name="sku_id"),
                key(name="location_id"),
                day(name="counted_on", required=True),
                units(name="on_hand", required=True),
                units(name="on_order", default="0"),
                units(name="allocated", default="0"),
                day(name="last_received_on"),
                flag(name="is_derived"),
            ),
        ),
        Kind(
            name="receipts",
            columns=(
                key(name="receipt_id"),
                text(name="line_no"),
                key(name="sku_id"),
                key(name="location_id"),
                day(name="moved_on", required=True),
                whole(name="quantity", required=True),
                choice("movement_type", MOVEMENTS, default="receipt"),
                text(name="supplier_id"),
                money(name="unit_cost"),
            ),
        ),
        Kind(
            name="prices",
            columns=(
                key(name="sku_id"),
                coming_day(name="valid_from", required=True),
                money(name="list_price", required=True),
                money(name="selling_price"),
            ),
        ),
        Kind(
            name="suppliers",
            columns=(
                key(name="supplier_id"),
                text(name="name"),
                choice("order_condition", CONDITIONS, default="none"),
                number(name="order_threshold"),
                money(name="shipping_free_from"),
                text(name="cutoff_time"),
                text(name="currency"),
                text(name="payment_terms"),
            ),
        ),
        Kind(
            name="sourcing",
            columns=(
                key(name="sku_id"),
                key(name="supplier_id"),
                text(name="location_id", default="*"),
                choice("lane_type", LANES, default="purchase"),
                coming_day(name="effective_from", default="1900-01-01"),
                units(name="price_from_quantity", default="1"),
                coming_day(name="effective_to"),
                units(name="priority", default="1"),
                text(name="supplier_sku"),
                number(name="lead_time_days"),
                number(name="lead_time_sd"),
                units(name="lead_time_samples"),
                number(name="hard_safety_days"),
                number(name="soft_safety_days"),
                units(name="moq"),
                units(name="lot_size"),
                units(name="max_quantity"),
                choice("rounding", ROUNDINGS, default="up"),
                units(name="batch_window_days"),
                units(name="fence_days"),
                text(name="order_weekdays"),
                text(name="closed_days"),
                text(name="pack_unit"),
                units(name="units_per_pack"),
                money(name="unit_price"),
                choice("price_break", PRICE_BREAKS, default="all_units"),
                share(name="discount_depth"),
                text(name="currency"),
                units(name="capacity"),
            ),
        ),
        Kind(
            name="campaigns",
            columns=(
                key(name="campaign_code"),
                key(name="sku_id"),
                text(name="name"),
                coming_day(name="starts_on", required=True),
                coming_day(name="ends_on", required=True),
                share(name="discount_depth", default="0"),
                money(name="fixed_cost", default="0"),
            ),
        ),
    )
}
