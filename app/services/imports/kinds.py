"""What may be imported: the columns of each kind of file."""

from dataclasses import dataclass
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
