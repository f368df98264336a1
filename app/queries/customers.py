"""Customers, their segments, and who buys what."""

import polars as pl
from sqlalchemy import RowMapping, delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.cpm import CpmCell
from app.models import CustomerLtv, LtvModel, SkuLtv
from app.queries.staging import copy_rows

SEGMENTS = text("""
    SELECT cpm_segment AS segment, count(*) AS customers, avg(ltv) AS mean_ltv,
           sum(ltv) AS total_ltv, sum(revenue) AS revenue,
           avg(nullif(p_alive, 'NaN')) AS mean_p_alive,
           count(*) FILTER (WHERE is_high_ltv) AS high_ltv_customers
    FROM customer_ltv GROUP BY cpm_segment
    ORDER BY array_position(CAST(:cells AS text[]), cpm_segment)
""")


async def segments(session: AsyncSession) -> list[RowMapping]:
    """Head count and value per CPM segment, in the order of the stages."""
    cells = [cell.value for cell in CpmCell]
    return list((await session.execute(SEGMENTS, {"cells": cells})).mappings())


async def customer(session: AsyncSession, customer_id: str) -> CustomerLtv | None:
    return await session.get(CustomerLtv, customer_id)


async def latest_model(session: AsyncSession) -> LtvModel | None:
    statement = select(LtvModel).order_by(LtvModel.ltv_model_id.desc()).limit(1)
    return await session.scalar(statement)


async def sku_ltv(session: AsyncSession, sku_id: str) -> SkuLtv | None:
    return await session.get(SkuLtv, sku_id)


async def sku_ltvs_page(
    session: AsyncSession, *, limit: int, after: tuple[float, str] | None
) -> list[SkuLtv]:
    """SKUs by buyer-mix LTV, the highest first."""
    statement = select(SkuLtv).order_by(SkuLtv.buyer_ltv.desc(), SkuLtv.sku_id).limit(limit)
    if after is not None:
        ltv, sku_id = after
        statement = statement.where(
            (SkuLtv.buyer_ltv < ltv) | ((SkuLtv.buyer_ltv == ltv) & (SkuLtv.sku_id > sku_id))
        )
    return list(await session.scalars(statement))


async def replace_customers(session: AsyncSession, customers: pl.DataFrame | None) -> None:
    """Put newly valued customers in force instead of those before; None: nobody is known."""
    await session.execute(delete(CustomerLtv))
    if customers is not None:
        await copy_rows(session, "customer_ltv", customers)
    else:
        await session.execute(delete(LtvModel))


async def replace_sku_ltvs(session: AsyncSession, skus: pl.DataFrame | None) -> None:
    """Put newly valued SKUs in force instead of those before; None: nobody is known."""
    await session.execute(delete(SkuLtv))
    if skus is not None:
        await copy_rows(session, "sku_ltv", skus)
