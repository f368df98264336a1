"""Where each kind of import goes: its table, its natural key, and how its columns are staged."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The table of a kind.

    Attributes:
        table: its name.
        key: what knows a row: its natural key.
        columns: columns that the file brings, with their types in the stage.
        staged: columns that the stage has beside them, for the import's own use.
        fixed: columns with a value of ours (SQL; ``:import_id`` is bound).
        follows: columns that are stated whenever another one is: who states the price also states
            that it is no assumption.
        numbered: the column whose lines are numbered where the file does not do it.
    """

    table: str
    key: tuple[str, ...]
    columns: dict[str, str]
    staged: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    follows: dict[str, str] = field(default_factory=dict)
    numbered: str | None = None

    @property
    def stage(self) -> dict[str, str]:
        """Columns of the stage with their types; a reserved row only keeps the place of a line."""
        reserved = {"is_reserved": "boolean"} if self.numbered else {}
        return {"row_no": "bigint", **self.columns, **self.staged, **reserved}


def _typed(**columns: str) -> dict[str, str]:
    """Columns by type, as ``text="a b", date="c"``."""
    return {name: kind for kind, names in columns.items() for name in names.split()}


OF_IMPORT = {"import_id": "CAST(:import_id AS bigint)"}
LISTED = {"is_listed": "true"}

TARGETS = {
    "products": Target(
        table="sku",
        key=("sku_id",),
        columns=_typed(
            text="sku_id style_id name color size category brand jan item_class season_code",
            float8="list_price unit_cost max_discount_depth",
            boolean="is_price_derived is_cost_derived",
            date="sales_start_on sales_end_on",
        ),
        fixed=LISTED,
        follows={
            "is_price_derived": "list_price",
            "is_cost_derived": "unit_cost",
            "is_listed": "sku_id",
        },
    ),
    "locations": Target(
        table="location",
        key=("location_id",),
        columns=_typed(text="location_id name location_type channel"),
        fixed=LISTED,
        follows={"is_listed": "location_id"},
    ),
    "customers": Target(
        table="customer",
        key=("customer_id",),
        columns=_typed(
            text="customer_id rank prefecture gender",
            date="registered_on",
            integer="birth_year",
            boolean="is_mailable",
        ),
        fixed=LISTED,
        follows={"is_listed": "customer_id"},
    ),
    "sales": Target(
        table="sale",
        key=("order_id", "line_key", "location_id"),
        columns=_typed(
            text="order_id line_key sku_id location_id customer_id coupon_code campaign_code",
            date="sold_on",
            timestamptz="sold_at",
            integer="quantity",
            numeric="unit_price list_price",
        ),
        staged=_typed(text="sku_name channel"),
        fixed=OF_IMPORT,
        follows={"sold_on": "sold_at", "unit_price": "list_price"},
        numbered="order_id",
    ),
    "stock": Target(
        table="stock_level",
        key=("sku_id", "location_id", "counted_on"),
        columns=_typed(
            text="sku_id location_id",
            date="counted_on last_received_on",
            integer="on_hand on_order allocated",
            boolean="is_derived",
        ),
        fixed=OF_IMPORT,
        follows={"is_derived": "on_hand"},
    ),
    "receipts": Target(
        table="stock_movement",
        key=("receipt_id", "line_key", "location_id"),
        columns=_typed(
            text="receipt_id line_key sku_id location_id movement_type supplier_id",
            date="moved_on",
            integer="quantity",
            float8="unit_cost",
        ),
        fixed=OF_IMPORT,
        numbered="receipt_id",
    ),
    "prices": Target(
        table="price_history",
        key=("sku_id", "valid_from"),
        columns=_typed(text="sku_id", date="valid_from", float8="list_price selling_price"),
    ),
    "suppliers": Target(
        table="supplier",
        key=("supplier_id",),
        columns=_typed(
            text="supplier_id name order_condition cutoff_time currency payment_terms",
            float8="order_threshold shipping_free_from",
        ),
        fixed=LISTED,
        follows={"is_listed": "supplier_id"},
    ),
    "sourcing": Target(
        table="sourcing",
        key=(
            "sku_id",
            "supplier_id",
            "location_id",
            "lane_type",
            "effective_from",
            "price_from_quantity",
        ),
        columns=_typed(
            text=(
                "sku_id supplier_id location_id lane_type supplier_sku rounding order_weekdays"
                " closed_days pack_unit currency price_break"
            ),
            date="effective_from effective_to",
            integer=(
                "price_from_quantity priority moq lot_size max_quantity batch_window_days"
                " fence_days units_per_pack capacity lead_time_samples"
            ),
            float8=(
                "lead_time_days lead_time_sd hard_safety_days soft_safety_days unit_price"
                " discount_depth"
            ),
        ),
    ),
    "campaigns": Target(
        table="campaign",
        key=("campaign_code", "sku_id"),
        columns=_typed(
            text="campaign_code sku_id name",
            date="starts_on ends_on",
            float8="discount_depth fixed_cost",
        ),
    ),
}
