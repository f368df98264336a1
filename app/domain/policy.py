"""Policy (判定ポリシー): the merchant's assumptions, each with a default, a range and its origin.

None of these numbers can be read off the stock or the sales. They are shown beside every answer
that rests on them, and a merchandiser changes them without a release.
"""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from app.domain.policy_forecast import ForecastPolicy
from app.domain.policy_value import PolicyError, checked
from app.domain.policy_value import policy_value as _value

if TYPE_CHECKING:
    import pandas as pd


CPM_SOURCE = "LTV-Lab's published CPM definition"

Money = TypeVar("Money", float, "pd.Series[float]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(ForecastPolicy):
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
    ending_brand_loss_weeks: float = _value(
        2,
        0,
        52,
        "weeks",
        "終売予定品の反動期間",
        "The same for items whose sales end: they leave before a longer dip matters",
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
        "What a unit left over of an item that goes on selling is still worth",
    )
    seasonal_salvage: float = _value(
        0.15,
        0,
        1,
        "share of list price",
        "終売予定品の残価率",
        "Carry-over value of a leftover of an item whose sales end",
    )
    staple_horizon_weeks: int = _value(
        26, 4, 52, "weeks", "判定期間", "How far ahead items are judged that go on selling"
    )
    review_weeks: int = _value(2, 1, 8, "weeks", "見直し間隔", "Weeks between reviews of a price")
    price_weeks: int = _value(
        4, 1, 26, "weeks", "実売価格の期間", "Weeks whose median price paid is the price in force"
    )
    depth_grid: tuple[float, ...] = _value(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.7),
        0.01,
        0.95,
        "shares",
        "値引率の刻み",
        "Depths that a markdown may have; the deepest allowed is one of them in any case",
    )
    max_depth: float = _value(0.5, 0.1, 0.7, "share", "最大値引率", "Deepest discount allowed")
    action_cost: float = _value(
        0.0, 0, 1e6, "money per item", "値札替え費用", "Cost of repricing one item once"
    )
    watch_band: float = _value(
        0.15, 0, 0.5, "probability", "様子見の幅", "Distance from 1/2 that counts as undecided"
    )
    is_cautious: int = _value(
        0, 0, 1, "1: yes, 0: no", "慎重", "Sell only if it pays at every elasticity considered"
    )
    min_advantage: float = _value(
        500,
        0,
        1e7,
        "money",
        "行動に値する差額",
        "Advantage of selling below which it is not worth the trouble: watch",
        "assumption of this product (yen); set it in the shop's own currency",
    )
    needless_sellout: float = _value(
        0.5,
        0.05,
        1,
        "probability",
        "不要な値引きの基準",
        "Chance to sell out at full price from which a discount is called needless",
    )
    margin_share: float = _value(
        0.45,
        0.01,
        1,
        "share of revenue",
        "限界利益率",
        "Contribution margin of a sale whose item has no cost",
    )
    ltv_horizon_weeks: int = _value(52, 4, 260, "weeks", "LTV期間", "How far ahead LTV looks")
    high_ltv_share: float = _value(
        0.20, 0.01, 0.9, "share of customers", "優良客比率", "Top share counted as high-LTV"
    )
    high_ltv_cells: int = _value(
        1,
        0,
        1,
        "1: yes, 0: no",
        "優良現役・流行現役を優良客に含む",
        "Whether these two CPM cells count as high-LTV whole, besides the top share",
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
    cpm_steady_days: int = _value(
        90,
        1,
        3650,
        "days",
        "CPM在籍日数(コツコツ以上)",
        "First to last purchase: from here on no longer よちよち",
        CPM_SOURCE,
    )
    cpm_loyal_days: int = _value(
        210,
        1,
        3650,
        "days",
        "CPM在籍日数(優良)",
        "First to last purchase: from here on 優良 rather than 流行",
        CPM_SOURCE,
    )
    cpm_away_days: int = _value(
        240,
        1,
        3650,
        "days",
        "CPM離脱日数",
        "Days without a purchase from which a customer counts as 離脱",
        CPM_SOURCE,
    )
    service_level: float = _value(
        0.95, 0.5, 0.999, "probability", "サービス率", "Chance of no stockout in an order cycle"
    )
    lead_time_weeks: int = _value(
        2, 0, 26, "weeks", "調達リードタイム", "Weeks from order to receipt"
    )
    order_review_weeks: int = _value(1, 1, 12, "weeks", "発注間隔", "Weeks between two order lists")
    order_cover_weeks: float = _value(
        52, 1, 104, "weeks", "最大カバー週数", "Nothing is ordered beyond so many weeks of demand"
    )
    campaign_pre_weeks: int = _value(
        8,
        2,
        52,
        "weeks",
        "施策前の比較期間",
        "Weeks before a campaign that it is compared with; at least four times its own length",
    )
    campaign_control_weeks: float = _value(
        0.75,
        0,
        1,
        "share of weeks",
        "対照品の条件",
        "Share of the weeks before in which an item must have sold to be a control",
    )
    needless_share: float = _value(
        0.7,
        0,
        1,
        "share of units",
        "不要な値引きの割合",
        "Share of a campaign's units that would have sold anyway, from which it is needless",
    )
    sell_through_weeks: float = _value(
        13, 1, 104, "weeks", "消化率の期間", "Weeks over which sell-through and pace are counted"
    )
    clearance_weeks: float = _value(
        4,
        0,
        52,
        "weeks",
        "クリアランス期間",
        "From the target sell-out date 適正完売日 to the end of sales: time to clear what is left",
        by_item=True,
    )
    sell_out_tolerance_weeks: float = _value(
        2,
        0,
        26,
        "weeks",
        "適正完売日の許容幅",
        "Weeks before and after the target date within which a sell-out is on time",
        by_item=True,
    )
    sold_out_share: float = _value(
        0.05,
        0,
        0.5,
        "share of stock",
        "完売とみなす残数率",
        "Share of several SKUs' stock that may be left when they count as sold out together",
    )

    def __post_init__(self) -> None:
        self.check()
        if self.cpm_steady_days > self.cpm_loyal_days:
            raise PolicyError("cpm_steady_days must not be more than cpm_loyal_days")

    @property
    def horizon_weeks(self) -> int:
        """How far ahead to forecast: as items are judged, and as an order takes and has to last."""
        return max(self.staple_horizon_weeks, self.lead_time_weeks + self.order_review_weeks)

    def assumed_cost(self, price: Money) -> Money:
        """Unit cost of an item whose own is not known: what leaves the margin share of a sale.

        P(1 − f) − c = margin_share · P
        """
        share: float = max(1 - self.variable_cost_rate - self.margin_share, 0.0)
        return price * share


DEFAULT = Policy()


def with_overrides(overrides: dict[str, Any]) -> Policy:
    """The default policy with some values replaced; a list of numbers may be one number.

    Raises:
        PolicyError: naming the value that is unknown, no number, or out of its range.
    """
    known = {f.name: f for f in fields(Policy)}
    for name in overrides:
        if name not in known:
            raise PolicyError(f"'{name}' is no policy value; see GET /policies for all of them")
    values: dict[str, Any] = {name: checked(known[name], overrides[name]) for name in overrides}
    return replace(DEFAULT, **values)
