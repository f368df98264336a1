"""Rejected rows as they stood in their file, and what is needed to write such a file again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "import_batch",
        sa.Column(
            "source",
            postgresql.JSONB(),
            nullable=True,
            comment="Columns, separator and encoding of the file; null until opened",
        ),
    )
    op.create_table(
        "import_reject_row",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "row_no", sa.BigInteger(), nullable=False, comment="Data row in the file, from 1"
        ),
        sa.Column(
            "cells",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="As they stood, in the order of the file's columns",
        ),
        sa.Column(
            "line",
            sa.Text(),
            nullable=True,
            comment="The line as it stood, where it could not be split into cells",
        ),
        sa.Column(
            "line_key",
            sa.Text(),
            nullable=True,
            comment="By which the line will be known once it is corrected",
        ),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["import_batch.import_id"],
            name=op.f("fk_import_reject_row_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "row_no", name=op.f("pk_import_reject_row")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("import_reject_row")
    op.drop_column("import_batch", "source")
