"""Indexes for what is read by day: how far the sales reach, and when a location was last counted."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_index("ix_sales_daily_sold_on", "sales_daily", ["sold_on"])
    op.create_index(
        "ix_stock_level_location_id_counted_on", "stock_level", ["location_id", "counted_on"]
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index("ix_stock_level_location_id_counted_on", table_name="stock_level")
    op.drop_index("ix_sales_daily_sold_on", table_name="sales_daily")
