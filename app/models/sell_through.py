"""Sell-through (消化予測) of every series, as of the last evaluation."""

from datetime import date

from sqlalchemy import Integer
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from app.models.base import Base


class SellThrough(Base, kw_only=True):
    """What is asked of all of them at once; an answer about one is computed when it is asked."""

    __tablename__ = "sell_through"

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date] = mapped_column(comment="The stock is of the end of this day")
    on_hand: Mapped[int] = mapped_column(Integer, comment="Units (手持在庫)")
    sell_out_p10: Mapped[date | None]
    sell_out_p50: Mapped[date | None]
    sell_out_p90: Mapped[date | None]
    season_ends_on: Mapped[date | None]
    target_on: Mapped[date | None] = mapped_column(comment="適正完売日")
    days_late: Mapped[int | None] = mapped_column(Integer, comment="Median sell-out less target")
    sold_out_probability: Mapped[float | None] = mapped_column(
        REAL, comment="By the end of the season"
    )
    units_left: Mapped[float | None] = mapped_column(comment="Expected at the end of the season")
    units_left_low: Mapped[float | None] = mapped_column(comment="10 % quantile")
    units_left_high: Mapped[float | None] = mapped_column(comment="90 % quantile")
    late_probability: Mapped[float | None] = mapped_column(REAL)
    verdict: Mapped[str]
    verdict_reason: Mapped[str]
    data_flags: Mapped[list[str]] = mapped_column(ARRAY(Text))
