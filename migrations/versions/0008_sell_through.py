"""The sell-through of every series: when it is sold out, what is left of it, is that in time.

It follows from stock, forecasts and policy; the next evaluation fills it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "sell_through",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="The stock is of the end of this day"
        ),
        sa.Column("on_hand", sa.Integer(), nullable=False, comment="Units (手持在庫)"),
        sa.Column("sell_out_p10", sa.Date()),
        sa.Column("sell_out_p50", sa.Date()),
        sa.Column("sell_out_p90", sa.Date()),
        sa.Column("season_ends_on", sa.Date()),
        sa.Column("target_on", sa.Date(), comment="適正完売日"),
        sa.Column("days_late", sa.Integer(), comment="Median sell-out less target"),
        sa.Column("sold_out_probability", sa.REAL(), comment="By the end of the season"),
        sa.Column("units_left", sa.Double(), comment="Expected at the end of the season"),
        sa.Column("units_left_low", sa.Double(), comment="10 % quantile"),
        sa.Column("units_left_high", sa.Double(), comment="90 % quantile"),
        sa.Column("late_probability", sa.REAL()),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("verdict_reason", sa.Text(), nullable=False),
        sa.Column("data_flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("sku_id", "location_id", name="pk_sell_through"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("sell_through")
