"""Policy (判定ポリシー): the merchant's assumptions, each with a default, a range and its origin.

None of these numbers can be read off the stock or the sales. They are shown beside every answer
that rests on them, and a merchandiser changes them without a release.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any


def _value(
    default: float | tuple[float, ...],
    low: float,
    high: float,
    unit: str,
    ja: str,
    en: str,
    source: str = "assumption of this product, to be confirmed by the merchant",
) -> Any:
    metadata = {"low": low, "high": high, "unit": unit, "ja": ja, "en": en, "source": source}
    return field(default=default, metadata=metadata)


class PolicyError(ValueError):
    """A policy value does not exist or lies outside its range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All policy values; see each field's metadata for unit, range and source."""

    holding_rate: float = _value(
        0.25, 0, 2, "share of cost a year", "在庫保有費率", "Cost of holding stock for a year"
    )
    storage_cost: float = _value(
        0.0, 0, 1e6, "money per unit and week", "保管料", "Storage fee on top of the holding rate"
    )
    discount_rate: float = _value(
        0.08, 0, 1, "a year", "割引率", "Rate at which later money is discounted"
    )
    variable_cost_rate: float = _value(
        0.05, 0, 0.9, "share of price", "変動費率", "Selling cost: payment, picking, shipping"
    )
    cash_premium: float = _value(
        0.0, 0, 1, "share", "早期現金化の価値", "Extra worth of cash within the first four weeks"
    )
    ltv_erosion: float = _value(
        0.10,
        0,
        1,
        "share of LTV per unit of depth",
        "値引きによるLTV低下率",
        "Share of a buyer's LTV lost per unit of discount depth",
    )
    brand_loss: float = _value(
        0.15, 0, 2, "share of margin", "ブランド毀損率", "Margin lost after a markdown ends"
    )
    brand_loss_weeks: float = _value(
        8, 0, 52, "weeks", "値引き後の反動期間", "Weeks the dip after a markdown lasts"
    )
    elasticity: float = _value(
        2.0,
        0.3,
        5,
        "% units per % price",
        "価格弾力性",
        "Price elasticity where none is measured",
        "rounded between Tellis 1988 (1.76) and Bijmolt et al. 2005 (2.62), as remembered",
    )
    elasticity_sd: float = _value(
        0.7, 0, 3, "same", "価格弾力性の不確かさ", "Standard deviation of the elasticity"
    )
    new_buyer_share: float = _value(
        0.25, 0, 1, "share", "新規客比率", "Share of an item's buyers who are new customers"
    )
    staple_salvage: float = _value(
        0.75,
        0,
        1,
        "share of cost",
        "定番の残価率",
        "What a unit of a staple left over is still worth",
    )
    seasonal_salvage: float = _value(
        0.15, 0, 1, "share of list price", "シーズン品の残価率", "Carry-over value of a leftover"
    )
    staple_horizon_weeks: float = _value(
        26, 4, 52, "weeks", "判定期間", "How far ahead staples are judged"
    )
    review_weeks: float = _value(2, 1, 8, "weeks", "見直し間隔", "Weeks between reviews of a price")
    max_depth: float = _value(0.5, 0.1, 0.7, "share", "最大値引率", "Deepest discount allowed")
    action_cost: float = _value(
        0.0, 0, 1e6, "money per item", "値札替え費用", "Cost of repricing one item once"
    )
    watch_band: float = _value(
        0.15, 0, 0.5, "probability", "様子見の幅", "Distance from 1/2 that counts as undecided"
    )
    margin_share: float = _value(
        0.45,
        0.01,
        1,
        "share of revenue",
        "限界利益率",
        "Contribution margin of a sale whose item has no cost",
    )
    ltv_horizon_weeks: float = _value(52, 4, 260, "weeks", "LTV期間", "How far ahead LTV looks")
    high_ltv_share: float = _value(
        0.20, 0.01, 0.9, "share of customers", "優良客比率", "Top share counted as high-LTV"
    )
    cpm_amount: float = _value(
        70_000,
        0,
        1e9,
        "money",
        "CPM累計金額",
        "Cumulative spend that parts コツコツ from 流行 and 優良",
        "LTV-Lab's published CPM definition (yen); set it in the shop's own currency",
    )
    service_level: float = _value(
        0.95, 0.5, 0.999, "probability", "サービス率", "Chance of no stockout in an order cycle"
    )
    lead_time_weeks: float = _value(
        2, 0, 26, "weeks", "調達リードタイム", "Weeks from order to receipt"
    )
    order_review_weeks: float = _value(
        1, 0, 12, "weeks", "発注間隔", "Weeks between two order lists"
    )
    order_cover_weeks: float = _value(
        52, 1, 104, "weeks", "最大カバー週数", "Never order more than so many weeks of demand"
    )
    sell_through_weeks: float = _value(
        13, 1, 104, "weeks", "消化率の期間", "Weeks over which sell-through and pace are counted"
    )


DEFAULT = Policy()


def with_overrides(overrides: dict[str, Any]) -> Policy:
    """The default policy with some values replaced.

    Raises:
        PolicyError: naming the value that is unknown, no number, or out of its range.
    """
    known = {f.name: f for f in fields(Policy)}
    for name, value in overrides.items():
        if name not in known:
            raise PolicyError(f"'{name}' is no policy value; see GET /policies for all of them")
        low, high = known[name].metadata["low"], known[name].metadata["high"]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PolicyError(f"{name} must be a number, not {value!r}")
        if not low <= value <= high:
            raise PolicyError(f"{name} = {value:g} is outside its range {low:g} to {high:g}")
    return replace(DEFAULT, **overrides)
