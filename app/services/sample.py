"""The bundled sample: real sales, and what has to be assumed beside them.

Online Retail II holds neither stock nor cost. Its sales come in by the import service like
anybody's; what is assumed is written into files of products and stock, marked as derived, and
imported the same way.

* list price: the price most often paid in the last 26 weeks in which the SKU sold;
* unit cost: half of the median price paid;
* stock: a simple ordering rule replayed over the sales (``domain.sample_stock``);
* campaign: the widest markdown found in the prices (``domain.sample_campaign``);
* codes that do not begin with five digits are postage, fees and corrections, not goods.
"""

import asyncio
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.demand import weekly_demand
from app.domain.policy_scopes import TENANT
from app.domain.returns import net_returns
from app.domain.sample_campaign import find_markdown
from app.domain.sample_stock import replay_stock
from app.queries import campaigns as campaign_queries
from app.queries import history, imports, inventory
from app.services import campaigns, evaluation, ordering, policies
from app.services.imports import loading
from app.services.jobs import Progress, Sessions

FILE = Path(__file__).resolve().parent.parent / "sample" / "online_retail_ii.parquet"
COST_SHARE = 0.5
PRICE_WEEKS = 26
LOCATION = "EC"
CURRENCY = "GBP"
POLICY = {"cpm_amount": 560.0, "min_advantage": 4.0}
POLICY_NOTE = "sample: 70,000 and 500 yen in pounds, at about 125 yen a pound in 2011"


async def load(
    sessions: Sessions,
    progress: Progress,
    *,
    uploads: Path,
    today: date,
    timezone: str,
    size_limit: int,
    processes: int,
    country: str = "JP",
) -> dict[str, Any]:
    """Load the sample, evaluate it, and prepare an example of everything; safe to run again."""

    async def bring(kind: str, file: Path, mapping: str | None) -> dict[str, Any]:
        name = FILE.name if mapping else f"sample-{kind}.csv"
        import_id = await _batch(sessions, kind, name, mapping)
        return await loading.run_import(
            sessions,
            progress,
            import_id=import_id,
            file=file,
            today=today,
            timezone=timezone,
            size_limit=size_limit,
        )

    sales = uploads / f"sample-{uuid4().hex}.parquet"
    shutil.copyfile(FILE, sales)
    loaded = await bring("sales", sales, "online_retail_ii")
    sales.unlink()
    await progress("deriving stock, cost and campaign", 0, 1)
    products, stock, markdown = await _assumed(sessions)
    for kind, frame in (("products", products), ("stock", stock)):
        file = uploads / f"sample-{uuid4().hex}.csv"
        frame.write_csv(file)
        await bring(kind, file, None)
        file.unlink()
    campaign_id = await _prepared(sessions, markdown)
    evaluated = await evaluation.evaluate(
        sessions,
        progress,
        as_of=None,
        processes=processes,
        currency=CURRENCY,
        country=country,
    )
    return {
        "sales": loaded,
        "evaluation": evaluated,
        **await _shown(sessions, progress, campaign_id),
    }


async def _prepared(sessions: Sessions, markdown: Any) -> int | None:
    async with sessions.begin() as session:
        campaign_id = await _example_campaign(session, markdown)
        await _set_policy(session)
    return campaign_id


async def _shown(sessions: Sessions, progress: Progress, campaign_id: int | None) -> dict[str, Any]:
    """A campaign that is measured, and an order list."""
    if campaign_id is not None:
        await campaigns.measure(sessions, progress, campaign_id=campaign_id)
    return {"campaign_id": campaign_id, "order_list_id": await _example_order_list(sessions)}


async def _example_order_list(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        order_list = await ordering.propose_order_list(
            session, item_class="staple", location_id=None, as_of=None, idempotency_key="sample"
        )
        return order_list.order_list_id


async def _assumed(sessions: Sessions) -> tuple[pl.DataFrame, pl.DataFrame, Any]:
    """Products, stock and markdown derived from the sales as they were loaded."""
    async with sessions() as session:
        as_of = await inventory.last_sale_day(session)
        assert as_of is not None
        lines = await history.sales_lines(session, as_of)
    return await asyncio.to_thread(_derived, lines, as_of)


async def _set_policy(session: AsyncSession) -> None:
    """The sample's currency in the policy, unless somebody has set another."""
    if (await policies.policy_in_force(session)).version == 0:
        await policies.change_policy(
            session,
            scope=TENANT,
            overrides=dict(POLICY),
            note=POLICY_NOTE,
            changed_by="sample",
            expected_version=None,
        )


async def _batch(sessions: Sessions, kind: str, file_name: str, mapping: str | None) -> int:
    """The import of this part of the sample, begun before or new."""
    async with sessions.begin() as session:
        known = await imports.sample_batch(session, kind)
        if known is not None:
            return known.import_id
        batch = await loading.receive(
            session, kind=kind, file_name=file_name, encoding=None, mapping=mapping
        )
        batch.options = {**batch.options, "sample": True}
        return batch.import_id


def _derived(lines: pd.DataFrame, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame, Any]:
    """Products, stock, and the markdown that serves as an example of a campaign."""
    purchases = net_returns(lines).lines
    purchases = purchases.assign(quantity=purchases["net_quantity"])
    purchases = purchases[purchases["quantity"] > 0]
    is_goods = purchases["sku_id"].astype(str).str.match(r"\d{5}")
    goods = purchases[is_goods].assign(
        sku_id=lambda frame: frame["sku_id"].astype(object),
        location_id=lambda frame: frame["location_id"].astype(object),
    )
    return (
        _products(lines, goods),
        _stock(goods, as_of),
        find_markdown(goods),
    )


def _products(lines: pd.DataFrame, goods: pd.DataFrame) -> pl.DataFrame:
    """Prices, derived cost, class and style of every SKU that was ever sold."""
    last = goods.groupby("sku_id")["sold_on"].transform("max")
    recent = goods[goods["sold_on"] > last - pd.Timedelta(weeks=PRICE_WEEKS)]
    counts = recent.groupby(["sku_id", "unit_price"]).size().reset_index(name="lines")
    usual = counts.sort_values(["lines", "unit_price"]).groupby("sku_id")["unit_price"].last()
    median = goods.groupby("sku_id")["unit_price"].median()
    skus = pd.Index(lines["sku_id"].cat.categories, dtype=object)
    is_goods = skus.str.match(r"\d{5}")
    price, cost = usual.reindex(skus), (COST_SHARE * median).reindex(skus).round(4)
    return pl.DataFrame(
        {
            "sku_id": skus.to_list(),
            "style_id": [sku[:5] if ok else None for sku, ok in zip(skus, is_goods, strict=True)],
            "item_class": np.where(is_goods, "staple", "service").tolist(),
            "list_price": price.to_numpy(),
            "unit_cost": cost.to_numpy(),
            "is_price_derived": price.notna().to_numpy(),
            "is_cost_derived": cost.notna().to_numpy(),
        }
    ).with_columns(pl.col("list_price", "unit_cost").fill_nan(None))


def _stock(goods: pd.DataFrame, as_of: date) -> pl.DataFrame:
    series, units = weekly_demand(goods, as_of=as_of)
    replayed = replay_stock(units, series["sku_id"].to_list())
    weeks_ago = units.shape[1] - 1 - replayed["last_received_week"]
    received = [
        None if np.isnan(weeks) else as_of - timedelta(weeks=int(weeks)) for weeks in weeks_ago
    ]
    return pl.DataFrame(
        {
            "sku_id": replayed["sku_id"].to_list(),
            "location_id": [LOCATION] * len(replayed),
            "counted_on": [as_of] * len(replayed),
            "on_hand": replayed["on_hand"].to_numpy().astype(int),
            "on_order": replayed["on_order"].to_numpy().astype(int),
            "allocated": replayed["allocated"].to_numpy().astype(int),
            "last_received_on": received,
            "is_derived": [True] * len(replayed),
        },
        schema_overrides={"last_received_on": pl.Date},
    )


async def _example_campaign(session: AsyncSession, markdown: Any) -> int | None:
    if markdown is None:
        return None
    known = await campaign_queries.campaigns_page(session, limit=1, after=None)
    if known:
        return known[0].campaign_id
    found = await campaigns.create_campaign(
        session,
        name="値下げ(価格から推定)/ markdown seen in the prices",
        starts_on=markdown.starts_on,
        ends_on=markdown.ends_on,
        discount_depth=markdown.depth,
        fixed_cost=0.0,
        sku_ids=list(markdown.sku_ids),
        is_derived=True,
    )
    return found.campaign_id
