"""Imports (取込): the files that were sent, and the rows of them that were turned away."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ImportBatch(Base, kw_only=True):
    __tablename__ = "import_batch"

    import_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    kind: Mapped[str]
    file_name: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(comment="Encoding and mapping asked for")
    job_id: Mapped[int | None] = mapped_column(default=None, index=True)
    source: Mapped[dict[str, Any] | None] = mapped_column(
        default=None, comment="Columns, separator and encoding of the file; null until opened"
    )
    summary: Mapped[dict[str, Any] | None] = mapped_column(
        default=None, comment="Counts read, new, changed, same, rejected, unlisted; null until done"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


class ImportReject(Base, kw_only=True):
    __tablename__ = "import_reject"

    import_id: Mapped[int] = mapped_column(
        ForeignKey("import_batch.import_id", ondelete="CASCADE"), primary_key=True
    )
    row_no: Mapped[int] = mapped_column(primary_key=True, comment="Data row in the file, from 1")
    column_name: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str | None] = mapped_column(default=None)


class ImportRejectRow(Base, kw_only=True):
    __tablename__ = "import_reject_row"

    import_id: Mapped[int] = mapped_column(
        ForeignKey("import_batch.import_id", ondelete="CASCADE"), primary_key=True
    )
    row_no: Mapped[int] = mapped_column(primary_key=True, comment="Data row in the file, from 1")
    cells: Mapped[list[str | None] | None] = mapped_column(
        ARRAY(Text), comment="As they stood, in the order of the file's columns"
    )
    line: Mapped[str | None] = mapped_column(
        comment="The line as it stood, where it could not be split into cells"
    )
    line_key: Mapped[str | None] = mapped_column(
        default=None, comment="By which the line will be known once it is corrected"
    )
