"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "api_key",
        sa.Column("api_key_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "prefix", sa.Text(), nullable=False, comment="First characters, to recognise a key by"
        ),
        sa.Column(
            "key_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of a 256-bit random key"
        ),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("api_key_id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    op.create_table(
        "campaign",
        sa.Column("campaign_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column(
            "discount_depth", sa.Double(), nullable=False, comment="Share off the list price"
        ),
        sa.Column("fixed_cost", sa.Double(), nullable=False),
        sa.Column(
            "is_derived",
            sa.Boolean(),
            nullable=False,
            comment="Inferred from prices in the sales, not announced",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_campaign_ends_after_it_starts")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign")),
    )
    op.create_table(
        "customer_ltv",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("first_sold_on", sa.Date(), nullable=False),
        sa.Column("last_sold_on", sa.Date(), nullable=False),
        sa.Column("purchase_days", sa.Integer(), nullable=False),
        sa.Column(
            "revenue", sa.Double(), nullable=False, comment="Money spent so far, net of returns"
        ),
        sa.Column("frequency", sa.Double(), nullable=False, comment="Repeat purchase days (x)"),
        sa.Column(
            "recency",
            sa.Double(),
            nullable=False,
            comment="Weeks from first to last purchase (t_x)",
        ),
        sa.Column(
            "age", sa.Double(), nullable=False, comment="Weeks from first purchase to as_of (T)"
        ),
        sa.Column(
            "monetary_value", sa.Double(), nullable=False, comment="Margin per repeat purchase day"
        ),
        sa.Column("p_alive", sa.Double(), nullable=False),
        sa.Column("expected_purchases", sa.Double(), nullable=False, comment="Within the horizon"),
        sa.Column(
            "ltv", sa.Double(), nullable=False, comment="Discounted margin expected from now on"
        ),
        sa.Column("ltv_low", sa.Double(), nullable=False, comment="5 % quantile"),
        sa.Column("ltv_high", sa.Double(), nullable=False, comment="95 % quantile"),
        sa.Column("cpm_segment", sa.Text(), nullable=False),
        sa.Column("is_high_ltv", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_ltv")),
    )
    op.create_index(
        op.f("ix_customer_ltv_cpm_segment"), "customer_ltv", ["cpm_segment"], unique=False
    )
    op.create_table(
        "disposition",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("evaluated_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column(
            "decision",
            sa.Text(),
            sa.Computed("answer ->> 'decision'", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "stake",
            sa.Double(),
            sa.Computed("abs((answer ->> 'advantage')::double precision)", persisted=True),
            nullable=False,
            comment="Money at stake: the size of the advantage",
        ),
        sa.PrimaryKeyConstraint(
            "sku_id", "location_id", "evaluated_on", name=op.f("pk_disposition")
        ),
    )
    op.create_index(
        "ix_disposition_evaluated_on_stake",
        "disposition",
        ["evaluated_on", "stake", "sku_id"],
        unique=False,
    )
    op.create_table(
        "evaluation",
        sa.Column("evaluation_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_evaluation")),
    )
    op.create_table(
        "forecast",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("forecast_run_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "starts_on", sa.Date(), nullable=False, comment="First day of the first forecast week"
        ),
        sa.Column("demand_class", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("method_reason", sa.Text(), nullable=False, comment="Code: why this method"),
        sa.Column(
            "yhat", postgresql.ARRAY(sa.REAL()), nullable=False, comment="Mean units per week"
        ),
        sa.Column(
            "quantiles",
            postgresql.ARRAY(sa.REAL(), dimensions=2),
            nullable=False,
            comment="Units per week, one row a level of the run's quantile_levels",
        ),
        sa.Column(
            "level_cv2",
            sa.Double(),
            nullable=False,
            comment="Squared CV of the demand level, beyond Poisson noise",
        ),
        sa.Column(
            "sum_variance",
            postgresql.ARRAY(sa.REAL()),
            nullable=False,
            comment="Variance of this series' own L-week-sum errors, L = 1, 2, …",
        ),
        sa.PrimaryKeyConstraint("sku_id", "location_id", name=op.f("pk_forecast")),
    )
    op.create_table(
        "forecast_run",
        sa.Column("forecast_run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Last day of history used"),
        sa.Column("horizon_weeks", sa.Integer(), nullable=False),
        sa.Column(
            "summary",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Series per method, failures",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("forecast_run_id", name=op.f("pk_forecast_run")),
    )
    op.create_table(
        "import_batch",
        sa.Column("import_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Encoding and mapping asked for",
        ),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "summary",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Counts read, new, changed, same, rejected, unlisted; null until done",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_import_batch")),
    )
    op.create_index(op.f("ix_import_batch_job_id"), "import_batch", ["job_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("job_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True, comment="What it is doing now"),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_unfinished",
        "job",
        ["job_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "location",
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("location_type", sa.Text(), nullable=False, comment="店舗/EC/モール/倉庫"),
        sa.Column("channel", sa.Text(), nullable=False, comment="販路"),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "location_type IN ('store', 'ec', 'mall', 'warehouse')",
            name=op.f("ck_location_location_type_known"),
        ),
        sa.PrimaryKeyConstraint("location_id", name=op.f("pk_location")),
    )
    op.create_table(
        "ltv_model",
        sa.Column("ltv_model_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "fit",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Parameters, likelihood, hold-out calibration, warnings",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("ltv_model_id", name=op.f("pk_ltv_model")),
    )
    op.create_table(
        "order_list",
        sa.Column("order_list_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("item_class", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=True, comment="Null: all locations"),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Stock and forecast as of this day"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), nullable=False),
        sa.Column(
            "summary",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Lines, units, amount, why not ordered",
        ),
        sa.Column(
            "data_flags",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Lines resting on derived figures",
        ),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True, comment="Name of the API key"),
        sa.PrimaryKeyConstraint("order_list_id", name=op.f("pk_order_list")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_order_list_idempotency_key")),
    )
    op.create_table(
        "policy_version",
        sa.Column("policy_version_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "overrides",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Only what differs from the default",
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False, comment="Name of the API key"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("policy_version_id", name=op.f("pk_policy_version")),
        sa.UniqueConstraint("scope", "version", name=op.f("uq_policy_version_scope_version")),
    )
    op.create_table(
        "sale",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column(
            "line_key",
            sa.Text(),
            nullable=False,
            comment="Line number as given, else SKU and its nth line in the order",
        ),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True, comment="Null: guest (非会員)"),
        sa.Column("sold_on", sa.Date(), nullable=False, comment="Business date of the shop"),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "quantity", sa.Integer(), nullable=False, comment="Units; negative = return (返品)"
        ),
        sa.Column(
            "unit_price",
            sa.Numeric(precision=14, scale=4, asdecimal=False),
            nullable=False,
            comment="Money paid per unit, ex tax",
        ),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line_key", name=op.f("pk_sale")),
    )
    op.create_index("ix_sale_sku_id_sold_on", "sale", ["sku_id", "sold_on"], unique=False)
    op.create_index("ix_sale_sold_on", "sale", ["sold_on"], unique=False)
    op.create_table(
        "sku",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("style_id", sa.Text(), nullable=True, comment="商品番号"),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("color", sa.Text(), nullable=True),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("item_class", sa.Text(), nullable=False),
        sa.Column("list_price", sa.Double(), nullable=True, comment="Money, ex tax (定価)"),
        sa.Column("unit_cost", sa.Double(), nullable=True, comment="Money, ex tax (原価)"),
        sa.Column(
            "is_price_derived",
            sa.Boolean(),
            nullable=False,
            comment="The list price is an assumption drawn from sales",
        ),
        sa.Column(
            "is_cost_derived",
            sa.Boolean(),
            nullable=False,
            comment="The unit cost is an assumption, not a purchase price",
        ),
        sa.Column("sales_end_on", sa.Date(), nullable=True),
        sa.Column(
            "is_listed",
            sa.Boolean(),
            nullable=False,
            comment="False: known from sales or stock only (未登録)",
        ),
        sa.CheckConstraint(
            "item_class IN ('staple', 'seasonal', 'service')", name=op.f("ck_sku_item_class_known")
        ),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_sku")),
    )
    op.create_index(op.f("ix_sku_style_id"), "sku", ["style_id"], unique=False)
    op.create_table(
        "sku_ltv",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("buyers", sa.Integer(), nullable=False),
        sa.Column(
            "effective_buyers", sa.Double(), nullable=False, comment="Kish's n_eff of the weights"
        ),
        sa.Column(
            "buyer_ltv",
            sa.Double(),
            nullable=False,
            comment="Shrunk buyer-mix LTV per buyer, money",
        ),
        sa.Column(
            "standard_error",
            sa.Double(),
            nullable=True,
            comment="Null where too few buyers tell how they differ",
        ),
        sa.Column(
            "ltv_index",
            sa.Double(),
            nullable=True,
            comment="1 = the average buyer; null where that one is worth nothing",
        ),
        sa.Column(
            "statement",
            sa.Text(),
            nullable=False,
            comment="confident, enough or category_average",
        ),
        sa.Column(
            "segment_mix",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="CPM segment: share of buyers",
        ),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_sku_ltv")),
    )
    op.create_table(
        "stock_level",
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False, comment="Units (手持在庫)"),
        sa.Column("on_order", sa.Integer(), nullable=False, comment="Units (発注残)"),
        sa.Column("allocated", sa.Integer(), nullable=False, comment="Units (引当済)"),
        sa.Column("last_received_on", sa.Date(), nullable=True),
        sa.Column(
            "is_derived",
            sa.Boolean(),
            nullable=False,
            comment="Replayed from sales under an assumption, not counted",
        ),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sku_id", "location_id", "counted_on", name=op.f("pk_stock_level")),
    )
    op.create_table(
        "campaign_effect",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "measured_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("effect", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.campaign_id"],
            name=op.f("fk_campaign_effect_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_effect")),
    )
    op.create_table(
        "campaign_sku",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.campaign_id"],
            name=op.f("fk_campaign_sku_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "sku_id", name=op.f("pk_campaign_sku")),
    )
    op.create_table(
        "import_reject",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "row_no", sa.BigInteger(), nullable=False, comment="Data row in the file, from 1"
        ),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["import_batch.import_id"],
            name=op.f("fk_import_reject_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "import_id", "row_no", "column_name", "code", name=op.f("pk_import_reject")
        ),
    )
    op.create_table(
        "order_line",
        sa.Column("order_line_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_list_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("inventory_position", sa.Double(), nullable=False, comment="Units (有効在庫)"),
        sa.Column("safety_stock", sa.Double(), nullable=False, comment="Units (安全在庫)"),
        sa.Column("reorder_point", sa.Double(), nullable=False, comment="Units (発注点)"),
        sa.Column("order_up_to", sa.Double(), nullable=False, comment="Units (補充点)"),
        sa.Column(
            "needed_quantity", sa.Double(), nullable=False, comment="Units before MOQ, lot, maximum"
        ),
        sa.Column(
            "quantity", sa.BigInteger(), nullable=False, comment="Units to order (推奨発注数)"
        ),
        sa.Column("unit_cost", sa.Double(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("days_of_supply_before", sa.Double(), nullable=True),
        sa.Column("days_of_supply_after", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False, comment="Code: why this quantity"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_line_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["order_list_id"],
            ["order_list.order_list_id"],
            name=op.f("fk_order_line_order_list_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("order_line_id", name=op.f("pk_order_line")),
    )
    op.create_index(
        op.f("ix_order_line_order_list_id"), "order_line", ["order_list_id"], unique=False
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index(op.f("ix_order_line_order_list_id"), table_name="order_line")
    op.drop_table("order_line")
    op.drop_table("import_reject")
    op.drop_table("campaign_sku")
    op.drop_table("campaign_effect")
    op.drop_table("stock_level")
    op.drop_table("sku_ltv")
    op.drop_index(op.f("ix_sku_style_id"), table_name="sku")
    op.drop_table("sku")
    op.drop_index("ix_sale_sold_on", table_name="sale")
    op.drop_index("ix_sale_sku_id_sold_on", table_name="sale")
    op.drop_table("sale")
    op.drop_table("policy_version")
    op.drop_table("order_list")
    op.drop_table("ltv_model")
    op.drop_table("location")
    op.drop_index(
        "ix_job_unfinished",
        table_name="job",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.drop_table("job")
    op.drop_index(op.f("ix_import_batch_job_id"), table_name="import_batch")
    op.drop_table("import_batch")
    op.drop_table("forecast_run")
    op.drop_table("forecast")
    op.drop_table("evaluation")
    op.drop_index("ix_disposition_evaluated_on_stake", table_name="disposition")
    op.drop_table("disposition")
    op.drop_index(op.f("ix_customer_ltv_cpm_segment"), table_name="customer_ltv")
    op.drop_table("customer_ltv")
    op.drop_table("campaign")
    op.drop_table("api_key")
