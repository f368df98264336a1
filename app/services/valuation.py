"""Value customers, and through them the SKUs they buy."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.cpm import HIGH_VALUE_CELLS, CpmThresholds, cpm_cells, high_value_customers
from app.domain.exposure import orders_per_unit
from app.domain.ltv import CustomerValues, value_customers
from app.domain.ltv_link import BuyerMix, buyer_mix
from app.domain.policy import Policy
from app.models import LtvModel
from app.queries.customers import replace_customers, replace_sku_ltvs


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    customers: pd.DataFrame  # as stored in customer_ltv, indexed by customer_id
    values: CustomerValues
    mix: BuyerMix
    orders_per_unit: pd.Series  # by sku_id
    usual_orders_per_unit: float
    segment_shares: dict[str, dict[str, float]]  # sku_id: CPM cell: share of buyers
    thresholds: CpmThresholds
    is_cost_derived: bool


def contribution(lines: pd.DataFrame, policy: Policy) -> pd.Series:
    """Money each purchase line contributes: net price less selling cost less unit cost.

    ``lines`` has ``net_quantity``, ``unit_price``, ``unit_cost`` (NaN where unknown: the cost
    that the policy assumes for such a price stands in).
    """
    price = lines["unit_price"]
    cost = lines["unit_cost"].fillna(policy.assumed_cost(price))
    return lines["net_quantity"] * (price * (1 - policy.variable_cost_rate) - cost)


def value(
    purchases: pd.DataFrame, categories: pd.Series, *, as_of: date, policy: Policy
) -> Valuation | None:
    """Everything about customers that follows from their purchases; None without any of them.

    Args:
        purchases: purchase lines with ``net_quantity`` > 0 (returns taken off) and the columns
            of ``queries.history.sales_lines``; those of guests are left out.
        categories: category by ``sku_id``, of every SKU that may want a buyers' LTV.
        as_of: the day seen from.
        policy: horizon, rates, CPM borders.
    """
    purchases = purchases[purchases["customer_id"].notna()]
    if purchases.empty:
        return None
    kept = purchases.assign(
        margin=contribution(purchases, policy),
        revenue=purchases["net_quantity"] * purchases["unit_price"],
        customer_id=purchases["customer_id"].astype(object),
        sku_id=purchases["sku_id"].astype(object),
        units=purchases["net_quantity"],
    )
    values = value_customers(
        kept,
        as_of=as_of,
        horizon_weeks=policy.ltv_horizon_weeks,
        annual_discount_rate=policy.discount_rate,
    )
    facts = _facts(kept)
    thresholds = _cpm_thresholds(policy)
    cells = cpm_cells(facts, as_of=as_of, thresholds=thresholds)
    ltv = values.customers["ltv"]
    per_unit, usual_per_unit = orders_per_unit(kept)
    customers = values.customers.join(facts).assign(
        cpm_segment=cells.astype(str),
        is_high_ltv=high_value_customers(
            ltv,
            cells,
            top_share=policy.high_ltv_share,
            high_cells=HIGH_VALUE_CELLS if policy.high_ltv_cells else (),
        ),
    )
    return Valuation(
        customers=customers,
        values=values,
        mix=buyer_mix(kept, ltv, as_of=as_of, categories=categories),
        orders_per_unit=per_unit,
        usual_orders_per_unit=usual_per_unit,
        segment_shares=_segment_shares(kept, cells),
        thresholds=thresholds,
        is_cost_derived=bool(purchases["is_cost_derived"].any()),
    )


def _facts(purchases: pd.DataFrame) -> pd.DataFrame:
    """What each customer has done so far, as ``cpm_cells`` asks for it."""
    by_customer = purchases.groupby("customer_id")
    return pd.DataFrame(
        {
            "first_on": by_customer["sold_on"].min(),
            "last_on": by_customer["sold_on"].max(),
            "purchase_days": by_customer["sold_on"].nunique(),
            "sales": by_customer["revenue"].sum(),
        }
    )


def _cpm_thresholds(policy: Policy) -> CpmThresholds:
    return CpmThresholds(
        away_days=policy.cpm_away_days,
        steady_days=policy.cpm_steady_days,
        loyal_days=policy.cpm_loyal_days,
        high_sales=policy.cpm_amount,
    )


def _segment_shares(lines: pd.DataFrame, cells: pd.Series) -> dict[str, dict[str, float]]:
    pairs = lines[["sku_id", "customer_id"]].drop_duplicates()
    cell = cells.astype(str).reindex(pairs["customer_id"]).to_numpy()
    counts = pd.crosstab(pairs["sku_id"], cell)
    shares = counts.div(counts.sum(axis=1), axis=0).round(4)
    return {
        str(sku): {str(name): share for name, share in row.items() if share > 0}
        for sku, row in shares.to_dict("index").items()
    }


async def save_valuation(
    session: AsyncSession, valuation: Valuation | None, *, as_of: date
) -> None:
    """Put the values in force; where nobody is identified, nobody has any."""
    await replace_customers(session, _customer_rows(valuation.customers) if valuation else None)
    await replace_sku_ltvs(session, _sku_rows(valuation, as_of) if valuation else None)
    if valuation:
        name = valuation.values.model.name
        session.add(LtvModel(as_of=as_of, name=name, fit=_fit(valuation)))
        await session.flush()


def _fit(valuation: Valuation) -> dict[str, Any]:
    mix = valuation.mix
    fit: dict[str, Any] = _known(
        {
            **asdict(valuation.values.model),
            "buyer_mix": {
                "k": mix.k,
                "population_mean": mix.population_mean,
                "customer_sd": mix.customer_sd,
            },
            "cpm": asdict(valuation.thresholds),
            "is_cost_derived": valuation.is_cost_derived,
        }
    )
    return fit


def _known(value: Any) -> Any:
    """The value with None for what is not a number, which JSON has no word for."""
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _customer_rows(customers: pd.DataFrame) -> pl.DataFrame:
    names = {
        "first_sold_on": "first_on",
        "last_sold_on": "last_on",
        "purchase_days": "purchase_days",
        "revenue": "sales",
        "frequency": "frequency",
        "recency": "recency",
        "age": "T",
        "monetary_value": "monetary_value",
        "p_alive": "p_alive",
        "expected_purchases": "expected_purchases",
        "ltv": "ltv",
        "ltv_low": "ltv_low",
        "ltv_high": "ltv_high",
        "cpm_segment": "cpm_segment",
        "is_high_ltv": "is_high_ltv",
    }
    columns: dict[str, Any] = {ours: customers[theirs].to_numpy() for ours, theirs in names.items()}
    columns["cpm_segment"] = customers["cpm_segment"].to_list()
    frame = pl.DataFrame({"customer_id": customers.index.to_list(), **columns})
    return frame.with_columns(pl.col("first_sold_on", "last_sold_on").cast(pl.Date))


def _sku_rows(valuation: Valuation, as_of: date) -> pl.DataFrame:
    skus = valuation.mix.skus
    skus = skus[skus["buyers"] > 0]
    return pl.DataFrame(
        {
            "sku_id": skus.index.to_list(),
            "as_of": [as_of] * len(skus),
            "buyers": skus["buyers"].to_numpy(),
            "effective_buyers": skus["n_eff"].to_numpy(),
            "buyer_ltv": skus["ltv"].to_numpy(),
            "standard_error": skus["se"].to_numpy(),
            "ltv_index": skus["index"].to_numpy(),
            "statement": skus["confidence"].to_list(),
            "segment_mix": [
                json.dumps(valuation.segment_shares.get(str(sku), {})) for sku in skus.index
            ],
        }
    ).with_columns(pl.col("buyer_ltv", "standard_error", "ltv_index").fill_nan(None))
