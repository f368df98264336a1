"""A retailer's whole data; sales in partitions by quarter, with their daily sums."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SKU = (
    ("brand", sa.Text(), None),
    ("jan", sa.Text(), "JAN/GTIN as printed"),
    ("season_code", sa.Text(), None),
    ("sales_start_on", sa.Date(), None),
    (
        "max_discount_depth",
        sa.Double(),
        "The deepest discount the brand allows, share of the list price",
    ),
)
QUARTERS = """
    DO $$
    DECLARE first date;
    BEGIN
        FOR first IN SELECT DISTINCT date_trunc('quarter', sold_on)::date FROM sale_before LOOP
            EXECUTE format(
                'CREATE TABLE history.%I PARTITION OF {table} FOR VALUES FROM (%L) TO (%L)',
                '{table}_' || to_char(first, 'YYYY"q"Q'), first, first + interval '3 months'
            );
        END LOOP;
    END $$
"""
FILL = """
    INSERT INTO sale (order_id, line_key, sold_on, sku_id, location_id, customer_id, sold_at,
                      quantity, unit_price, import_id)
    SELECT order_id, line_key, sold_on, sku_id, location_id, customer_id, sold_at,
           quantity, unit_price, import_id
    FROM sale_before
"""
ADD_UP = """
    INSERT INTO sales_daily (sku_id, location_id, sold_on, units, units_returned, revenue,
                             list_value, unpriced_units, unpriced_revenue)
    SELECT sku_id, location_id, sold_on, sum(quantity),
           coalesce(-sum(quantity) FILTER (WHERE quantity < 0), 0), sum(quantity * unit_price),
           0, sum(quantity), sum(quantity * unit_price)
    FROM sale GROUP BY 1, 2, 3
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("CREATE SCHEMA history")
    for name, kind, comment in SKU:
        op.add_column("sku", sa.Column(name, kind, comment=comment))
    op.alter_column("sku", "category", comment="Path, the levels parted by '/'")
    op.add_column(
        "campaign", sa.Column("campaign_code", sa.Text(), comment="The back office's own number")
    )
    op.create_unique_constraint(op.f("uq_campaign_campaign_code"), "campaign", ["campaign_code"])
    _make_masters()
    _make_movements()
    _part_sales()


def _make_masters() -> None:
    op.create_table(
        "price_history",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("list_price", sa.Double(), nullable=False, comment="Money, ex tax (定価)"),
        sa.Column("selling_price", sa.Double(), comment="Money asked for, ex tax (販売価格)"),
        sa.PrimaryKeyConstraint("sku_id", "valid_from", name=op.f("pk_price_history")),
    )
    op.create_table(
        "customer",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("registered_on", sa.Date()),
        sa.Column("rank", sa.Text()),
        sa.Column("prefecture", sa.Text()),
        sa.Column("gender", sa.Text()),
        sa.Column("birth_year", sa.Integer()),
        sa.Column("is_mailable", sa.Boolean(), nullable=False, comment="May be sent mail (配信可)"),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer")),
    )
    op.create_table(
        "supplier",
        sa.Column("supplier_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column(
            "order_condition",
            sa.Text(),
            nullable=False,
            comment="What an order has to reach: none, amount, quantity, weight",
        ),
        sa.Column("order_threshold", sa.Double(), comment="So much of it"),
        sa.Column("shipping_free_from", sa.Double(), comment="Money"),
        sa.Column("cutoff_time", sa.Text(), comment="HH:MM of the order day"),
        sa.Column("currency", sa.Text()),
        sa.Column("payment_terms", sa.Text()),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("supplier_id", name=op.f("pk_supplier")),
    )
    op.create_table(
        "sourcing",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column(
            "supplier_id",
            sa.Text(),
            nullable=False,
            comment="Of a transfer the location that gives",
        ),
        sa.Column("location_id", sa.Text(), nullable=False, comment="* = all locations"),
        sa.Column(
            "lane_type",
            sa.Text(),
            nullable=False,
            comment="purchase 仕入, transfer 移動, make 製造",
        ),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column(
            "price_from_quantity",
            sa.Integer(),
            nullable=False,
            comment="Units from which unit_price holds",
        ),
        sa.Column("effective_to", sa.Date()),
        sa.Column("priority", sa.Integer(), nullable=False, comment="0 = only by hand"),
        sa.Column("supplier_sku", sa.Text()),
        sa.Column("lead_time_days", sa.Double(), comment="Mean"),
        sa.Column("lead_time_sd", sa.Double(), comment="Days"),
        sa.Column(
            "lead_time_samples",
            sa.Integer(),
            comment="Receipts that mean and deviation rest on",
        ),
        sa.Column("hard_safety_days", sa.Double()),
        sa.Column("soft_safety_days", sa.Double()),
        sa.Column("moq", sa.Integer()),
        sa.Column("lot_size", sa.Integer()),
        sa.Column("max_quantity", sa.Integer()),
        sa.Column("rounding", sa.Text(), nullable=False, comment="To lots: up, down, nearest"),
        sa.Column("batch_window_days", sa.Integer()),
        sa.Column("fence_days", sa.Integer()),
        sa.Column("order_weekdays", sa.Text()),
        sa.Column(
            "closed_days",
            sa.Text(),
            comment="On which the supplier neither takes orders nor ships",
        ),
        sa.Column("pack_unit", sa.Text()),
        sa.Column("units_per_pack", sa.Integer()),
        sa.Column("unit_price", sa.Double(), comment="Money, ex tax"),
        sa.Column(
            "price_break",
            sa.Text(),
            nullable=False,
            comment="Whether unit_price holds for all_units or for those above",
        ),
        sa.Column("discount_depth", sa.Double(), comment="Share off it"),
        sa.Column("currency", sa.Text()),
        sa.Column("capacity", sa.Integer(), comment="Units a day"),
        sa.PrimaryKeyConstraint(
            "sku_id",
            "supplier_id",
            "location_id",
            "lane_type",
            "effective_from",
            "price_from_quantity",
            name=op.f("pk_sourcing"),
        ),
    )


def _make_movements() -> None:
    op.create_table(
        "stock_movement",
        sa.Column("receipt_id", sa.Text(), nullable=False, comment="Number of the slip (伝票)"),
        sa.Column("line_key", sa.Text(), nullable=False),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("moved_on", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="Units in; negative: out"),
        sa.Column(
            "movement_type",
            sa.Text(),
            nullable=False,
            comment="receipt, transfer, supplier_return, adjustment, loss",
        ),
        sa.Column("supplier_id", sa.Text()),
        sa.Column("unit_cost", sa.Double(), comment="Money, ex tax"),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "receipt_id", "line_key", "location_id", name=op.f("pk_stock_movement")
        ),
    )
    op.create_index(
        "ix_stock_movement_sku_id", "stock_movement", ["sku_id", "location_id", "moved_on"]
    )


def _sale_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column(
            "line_key",
            sa.Text(),
            nullable=False,
            comment="Line number as given, else SKU and its nth line in the order",
        ),
        sa.Column("sold_on", sa.Date(), nullable=False, comment="Business date of the shop"),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), comment="Null: guest (非会員)"),
        sa.Column("sold_at", sa.DateTime(timezone=True)),
        sa.Column(
            "quantity", sa.Integer(), nullable=False, comment="Units; negative = return (返品)"
        ),
        sa.Column(
            "unit_price",
            sa.Numeric(14, 4),
            nullable=False,
            comment="Money paid per unit, ex tax",
        ),
    ]


def _part_sales() -> None:
    _set_aside("sale")
    op.create_table(
        "sale",
        *_sale_columns(),
        sa.Column("list_price", sa.Numeric(14, 4), comment="As the receipt tells it"),
        sa.Column("coupon_code", sa.Text()),
        sa.Column("campaign_code", sa.Text()),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "order_id", "line_key", "location_id", "sold_on", name=op.f("pk_sale")
        ),
        postgresql_partition_by="RANGE (sold_on)",
    )
    op.create_index("ix_sale_sku_id_sold_on", "sale", ["sku_id", "sold_on"])
    money = sa.Numeric()
    op.create_table(
        "sales_daily",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("sold_on", sa.Date(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False, comment="Net of returns"),
        sa.Column("units_returned", sa.BigInteger(), nullable=False),
        sa.Column("revenue", money, nullable=False, comment="Net, money"),
        sa.Column(
            "list_value",
            money,
            nullable=False,
            comment="Units at the list price their line tells, money",
        ),
        sa.Column(
            "unpriced_units",
            sa.BigInteger(),
            nullable=False,
            comment="Net units whose line tells no list price",
        ),
        sa.Column("unpriced_revenue", money, nullable=False, comment="And the money paid for them"),
        sa.PrimaryKeyConstraint("sku_id", "location_id", "sold_on", name=op.f("pk_sales_daily")),
        postgresql_partition_by="RANGE (sold_on)",
    )
    for table in ("sale", "sales_daily"):
        op.execute(QUARTERS.format(table=table))
    op.execute(FILL)
    op.execute(ADD_UP)
    op.drop_table("sale_before")


def _set_aside(table: str) -> None:
    op.drop_index("ix_sale_sku_id_sold_on", table_name=table)
    op.drop_constraint(op.f("pk_sale"), table)
    op.rename_table(table, f"{table}_before")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("DROP INDEX ix_sale_sku_id_sold_on")
    op.execute("ALTER TABLE sale RENAME TO sale_before")
    op.execute("ALTER TABLE sale_before RENAME CONSTRAINT pk_sale TO pk_sale_before")
    op.create_table(
        "sale",
        *_sale_columns(),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line_key", name=op.f("pk_sale")),
    )
    op.execute(FILL)
    op.create_index("ix_sale_sku_id_sold_on", "sale", ["sku_id", "sold_on"])
    op.create_index("ix_sale_sold_on", "sale", ["sold_on"])
    for table in ("sale_before", "sales_daily", "stock_movement", "sourcing", "supplier"):
        op.drop_table(table)
    for table in ("customer", "price_history"):
        op.drop_table(table)
    op.drop_column("campaign", "campaign_code")
    op.alter_column("sku", "category", comment=None)
    for name, *_ in SKU:
        op.drop_column("sku", name)
    op.execute("DROP SCHEMA history")
