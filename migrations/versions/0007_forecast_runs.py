"""Forecasts in periods of days or weeks, made in partitions; their accuracy and findings.

Forecasts follow from the sales: those in force before are of another shape and are let go, in both
directions. The next evaluation, or `zaiko forecast`, makes them anew.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

REALS = postgresql.ARRAY(sa.REAL())
PERIOD_DAYS = "Days in a period: 1 or 7"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _empty()
    _widen_runs()
    _reshape_forecasts()
    _make_workings()
    _make_records()


def _empty() -> None:
    op.execute("DELETE FROM forecast")
    op.execute("DELETE FROM forecast_run")


def _widen_runs() -> None:
    texts = postgresql.ARRAY(sa.Text())
    op.add_column(
        "forecast_run", sa.Column("step_days", sa.Integer(), nullable=False, comment=PERIOD_DAYS)
    )
    op.add_column("forecast_run", sa.Column("status", sa.Text(), nullable=False))
    op.add_column("forecast_run", sa.Column("sku_ids", texts, comment="Only these SKUs; null: all"))
    op.add_column(
        "forecast_run", sa.Column("location_ids", texts, comment="Only these locations; null: all")
    )
    op.add_column(
        "forecast_run",
        sa.Column(
            "choice",
            postgresql.JSONB(),
            comment="What each class is forecast by; kept for runs of some series",
        ),
    )
    op.add_column("forecast_run", sa.Column("finished_at", sa.DateTime(timezone=True)))
    op.alter_column(
        "forecast_run", "summary", comment="Series per class, members chosen and why, failures"
    )


def _reshape_forecasts() -> None:
    op.drop_column("forecast", "quantiles")
    op.add_column(
        "forecast", sa.Column("step_days", sa.Integer(), nullable=False, comment=PERIOD_DAYS)
    )
    op.add_column(
        "forecast",
        sa.Column(
            "promotion_depth",
            REALS,
            comment="Discount depth of the promotion in the period that ends on as_of, and in each"
            " to come; null: none is known",
        ),
    )
    op.add_column(
        "forecast",
        sa.Column(
            "promotion_sd",
            REALS,
            comment="How far its unsure effect moves each period, all alike; within sum_variance",
        ),
    )
    op.add_column(
        "forecast",
        sa.Column(
            "estimated_share",
            sa.REAL(),
            comment="Share of the history's demand that is estimated, for want of stock; null:"
            " stock is not counted often enough to know",
        ),
    )
    op.add_column(
        "forecast",
        sa.Column(
            "borrowed_from",
            sa.Text(),
            comment="The items from whose sales a new one is forecast",
        ),
    )
    op.add_column(
        "forecast", sa.Column("failure", sa.Text(), comment="Why a simpler method stands in")
    )
    op.create_index("ix_forecast_forecast_run_id", "forecast", ["forecast_run_id"])
    comments = {
        "starts_on": "First day of the first period",
        "method": "Members of the mean, joined by +",
        "yhat": "Mean units per period",
        "sum_variance": "Variance of this series' own L-period-sum errors, L = 1, 2, …",
    }
    for column, comment in comments.items():
        op.alter_column("forecast", column, comment=comment)


def _of_run() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["forecast_run_id"], ["forecast_run.forecast_run_id"], ondelete="CASCADE"
    )


def _make_workings() -> None:
    op.create_table(
        "forecast_series",
        sa.Column("forecast_run_id", sa.BigInteger(), nullable=False),
        sa.Column("series_number", sa.Integer(), nullable=False, comment="From 0"),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column(
            "group_number",
            sa.Integer(),
            nullable=False,
            comment="Location and top-level category, from 0",
        ),
        sa.Column("first_sold_on", sa.Date(), comment="Null: never sold"),
        _of_run(),
        sa.PrimaryKeyConstraint("forecast_run_id", "series_number", name="pk_forecast_series"),
    )
    op.create_table(
        "forecast_partition",
        sa.Column("forecast_run_id", sa.BigInteger(), nullable=False),
        sa.Column("partition_number", sa.Integer(), nullable=False, comment="From 0"),
        sa.Column("first_number", sa.Integer(), nullable=False, comment="Its first series"),
        sa.Column("last_number", sa.Integer(), nullable=False, comment="Its last series"),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        _of_run(),
        sa.PrimaryKeyConstraint(
            "forecast_run_id", "partition_number", name="pk_forecast_partition"
        ),
    )
    op.create_table(
        "forecast_draft",
        sa.Column("forecast_run_id", sa.BigInteger(), nullable=False),
        sa.Column("series_number", sa.Integer(), nullable=False),
        sa.Column("demand_class", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("method_reason", sa.Text(), nullable=False),
        sa.Column("yhat", REALS, nullable=False),
        sa.Column("sum_variance", REALS, nullable=False),
        sa.Column("level_cv2", sa.Double(), nullable=False),
        sa.Column("promotion_depth", REALS),
        sa.Column("promotion_sd", REALS),
        sa.Column("usual_yhat", REALS, comment="The mean without promotions; null: as yhat"),
        sa.Column("estimated_share", sa.REAL()),
        sa.Column("borrowed_from", sa.Text()),
        sa.Column("failure", sa.Text()),
        sa.PrimaryKeyConstraint("forecast_run_id", "series_number", name="pk_forecast_draft"),
        prefixes=["UNLOGGED"],
    )


def _make_records() -> None:
    op.create_table(
        "forecast_accuracy",
        sa.Column("forecast_run_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("demand_class", sa.Text(), nullable=False, comment="all: every class"),
        sa.Column("horizon", sa.Text(), nullable=False, comment="Days ahead, as 1-7"),
        sa.Column(
            "measures",
            postgresql.JSONB(),
            nullable=False,
            comment="series, rmsse, wape, bias, scaled_pinball, coverage; of lead_time by level",
        ),
        _of_run(),
        sa.PrimaryKeyConstraint(
            "forecast_run_id", "model", "demand_class", "horizon", name="pk_forecast_accuracy"
        ),
    )
    op.create_table(
        "forecast_finding",
        sa.Column(
            "forecast_finding_id", sa.BigInteger(), sa.Identity(always=False), nullable=False
        ),
        sa.Column("forecast_run_id", sa.BigInteger(), nullable=False),
        sa.Column("series_number", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), comment="The day it is about, if one"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        _of_run(),
        sa.PrimaryKeyConstraint("forecast_finding_id", name="pk_forecast_finding"),
    )
    op.create_index(
        "ix_forecast_finding_forecast_run_id",
        "forecast_finding",
        ["forecast_run_id", "code", "forecast_finding_id"],
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    for table in ("finding", "accuracy", "draft", "partition", "series"):
        op.drop_table(f"forecast_{table}")
    _empty()
    op.drop_index("ix_forecast_forecast_run_id", table_name="forecast")
    added = ("failure", "borrowed_from", "estimated_share", "promotion_sd", "promotion_depth")
    for column in (*added, "step_days"):
        op.drop_column("forecast", column)
    op.add_column(
        "forecast",
        sa.Column(
            "quantiles",
            postgresql.ARRAY(sa.REAL(), dimensions=2),
            nullable=False,
            comment="Units per week, one row a level of the run's quantile_levels",
        ),
    )
    for column in ("finished_at", "choice", "location_ids", "sku_ids", "status", "step_days"):
        op.drop_column("forecast_run", column)
