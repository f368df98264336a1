"""Whether a campaign paid: units into yen, the discount given for nothing, and the verdict.

A discount is paid on every unit sold, also on those that would have sold at full price; it
pays only if the units it added earn that back. When the panel cannot tell, neither do we.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, sqrt

from app.domain.diff_in_diff import Change, DiffInDiff, Interval
from app.domain.doubts import WITHHOLDING, Doubt, EffectPolicy, doubts_about


class Verdict(StrEnum):
    EFFECTIVE = "effective"
    JUSTIFIED_CLEARANCE = "justified_clearance"
    NEEDLESS_DISCOUNT = "needless_discount"
    LOSS = "loss"  # it sold more, but not enough for its discount and cost
    UNDECIDED = "undecided"

    @property
    def label(self) -> str:
        return {
            Verdict.EFFECTIVE: "有効",
            Verdict.JUSTIFIED_CLEARANCE: "赤字だが在庫整理として妥当",
            Verdict.NEEDLESS_DISCOUNT: "不要な値引き",
            Verdict.LOSS: "赤字",
            Verdict.UNDECIDED: "判定不能",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignTerms:
    """Money of the campaign, ex-tax; averages over the promoted items, weighted by units sold.

    Raises:
        ValueError: if a number is missing, a cost negative or a share outside [0, 1).
    """

    list_price: float  # P, yen per unit
    discount: float  # d, share of the list price given away
    unit_cost: float  # c, yen per unit
    variable_cost_rate: float  # f, share of the net price (card, mall and shipping fees)
    cost: float  # media, coupons and work, yen
    salvage_value: float | None = None  # yen per unit left over; None: no stock to clear
    holding_cost_saved: float = 0.0  # yen per unit sold rather than left

    def __post_init__(self) -> None:
        if not (self.list_price > 0 and 0 <= self.discount < 1):
            raise ValueError("list_price must be positive, discount in [0, 1)")
        if not (0 <= self.variable_cost_rate < 1 and self.cost >= 0 and self.unit_cost >= 0):
            raise ValueError("variable_cost_rate lies in [0, 1); costs are not negative")
        if not isfinite((self.salvage_value or 0.0) + self.holding_cost_saved + self.cost):
            raise ValueError("money must be finite")

    @property
    def full_margin(self) -> float:
        """Yen per unit sold at list price: P(1−f) − c."""
        return self.list_price * (1 - self.variable_cost_rate) - self.unit_cost

    @property
    def campaign_margin(self) -> float:
        """Yen per unit sold in the campaign: P(1−d)(1−f) − c."""
        return self.full_margin - self.discount * self.list_price * (1 - self.variable_cost_rate)

    @property
    def break_even_multiple(self) -> float | None:
        """Sales multiple Q/B that repays the discount; None: no volume does."""
        return self.full_margin / self.campaign_margin if self.campaign_margin > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Unpromoted items of the same category, in the campaign window."""

    change: Change
    list_price: float  # yen per unit
    unit_margin: float  # yen per unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The campaign in units and yen, against the counterfactual."""

    pull_forward_units: float  # 需要先食い: at most 0, as far as counted
    cannibalised_units: float  # 共食い: negative, or positive for a halo, as far as counted
    incremental_units: float  # with both
    incremental_revenue: float
    incremental_margin: float  # after the cost of the campaign
    incremental_margin_interval: Interval | None
    clearance_benefit: float | None  # salvage loss and holding cost spared; not in the margin
    needless_discount: float  # 定価で売れた分の値引き
    needless_share: float | None  # of the units sold; None if none were
    roi: float | None  # incremental margin per yen of cost; None without cost
    roi_with_ltv: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEffect:
    verdict: Verdict
    doubts: tuple[Doubt, ...]
    measured: DiffInDiff
    break_even_multiple: float | None
    accounts: Accounts | None  # None: the panel gives no counterfactual


def campaign_effect(
    measured: DiffInDiff,
    terms: CampaignTerms,
    *,
    period_days: int,
    policy: EffectPolicy,
    neighbours: Neighbours | None = None,
    ltv_change: float = 0.0,
    is_unfinished: bool = False,
) -> CampaignEffect:
    """Account for a measured campaign and judge it.

    Effective: the whole interval of the incremental margin lies above 0. A needless discount:
    most of what sold would have sold anyway, and the margin lies below 0 as a whole, or below 0
    while sales stayed short of the break-even multiple. A loss: the whole interval lies below 0
    though the campaign did sell more. Either is justified where clearing the stock outweighs it.

    Args:
        measured: the estimate for the promoted items.
        terms: prices and costs.
        period_days: days in one period of the panel (1 or 7).
        policy: when the estimate is believed.
        neighbours: the same estimate for unpromoted items that may lose or gain.
        ltv_change: yen of LTV won with new customers less that lost with old ones.
        is_unfinished: whether the campaign goes on after the last day measured.

    Source:
        This product's own definition, methods §5.4; there a proven loss is called needless even
        where nearly all units came by the discount, which would be the wrong lesson.
    """
    doubts = doubts_about(measured, period_days, policy, is_unfinished=is_unfinished)
    accounts = _accounts(measured, terms, policy, neighbours, ltv_change)
    verdict = Verdict.UNDECIDED
    if accounts is not None and WITHHOLDING.isdisjoint(doubts):
        verdict = _verdict(accounts, measured, terms, policy)
    return CampaignEffect(
        verdict=verdict,
        doubts=doubts,
        measured=measured,
        break_even_multiple=terms.break_even_multiple,
        accounts=accounts,
    )


def _accounts(
    measured: DiffInDiff,
    terms: CampaignTerms,
    policy: EffectPolicy,
    neighbours: Neighbours | None,
    ltv_change: float,
) -> Accounts | None:
    """Units and yen of the campaign against the counterfactual B, with Q units sold.

    Incremental margin = Q·(P(1−d)(1−f)−c) − B·(P(1−f)−c) + pull-forward at full margin
    + neighbours at theirs − cost;  needless discount = d·P·(1−f)·min(Q, B).
    """
    sold, baseline = measured.campaign.observed, measured.campaign.counterfactual
    if baseline is None:
        return None
    price, full, reduced = terms.list_price, terms.full_margin, terms.campaign_margin
    pulled = min(_counted(measured.aftermath, policy), 0.0)
    units = sold - baseline + pulled
    revenue = (sold * (1 - terms.discount) - baseline + pulled) * price
    margin = sold * reduced + (pulled - baseline) * full - terms.cost
    shifted = 0.0
    if neighbours is not None:
        shifted = _counted(neighbours.change, policy)
        units += shifted
        revenue += shifted * neighbours.list_price
        margin += shifted * neighbours.unit_margin
    error = _margin_error(measured, full, neighbours if shifted else None, with_dip=pulled < 0)
    interval = None
    if error is not None:
        reach = measured.critical_value * error
        interval = Interval(margin - reach, margin + reach)
    spared = None
    if terms.salvage_value is not None:
        spared = units * (terms.unit_cost - terms.salvage_value + terms.holding_cost_saved)
    return Accounts(
        pull_forward_units=pulled,
        cannibalised_units=shifted,
        incremental_units=units,
        incremental_revenue=revenue,
        incremental_margin=margin,
        incremental_margin_interval=interval,
        clearance_benefit=spared,
        needless_discount=(full - reduced) * min(sold, baseline),
        needless_share=min(sold, baseline) / sold if sold > 0 else None,
        roi=margin / terms.cost if terms.cost > 0 else None,
        roi_with_ltv=(margin + ltv_change) / terms.cost if terms.cost > 0 else None,
    )


def _counted(change: Change | None, policy: EffectPolicy) -> float:
    """Units of a side effect, 0 as long as it may well be noise."""
    if change is None or change.units is None or change.standard_error is None:
        return 0.0
    return change.units if abs(change.units) > policy.counted_z * change.standard_error else 0.0


def _margin_error(
    measured: DiffInDiff, full_margin: float, neighbours: Neighbours | None, *, with_dip: bool
) -> float | None:
    """Standard error of the incremental margin, yen; prices, costs and sales are known."""
    error = measured.campaign.standard_error
    if error is None:
        return None
    variance = error**2
    dip = measured.aftermath.standard_error if measured.aftermath and with_dip else None
    if dip is not None:
        variance += dip**2 + 2 * measured.correlation * error * dip
    variance *= full_margin**2
    if neighbours is not None and neighbours.change.standard_error is not None:
        variance += (neighbours.unit_margin * neighbours.change.standard_error) ** 2
    return sqrt(variance)


def _verdict(
    accounts: Accounts, measured: DiffInDiff, terms: CampaignTerms, policy: EffectPolicy
) -> Verdict:
    margin, interval = accounts.incremental_margin, accounts.incremental_margin_interval
    lift, share = measured.campaign.lift, accounts.needless_share
    if interval is None or lift is None:
        return Verdict.UNDECIDED
    if interval.low > 0:
        return Verdict.EFFECTIVE
    multiple = terms.break_even_multiple
    falls_short = multiple is None or 1 + lift < multiple
    is_given_away = terms.discount > 0 and share is not None and share >= policy.needless_share
    if interval.high >= 0 and not (is_given_away and falls_short and margin <= 0):
        return Verdict.UNDECIDED
    if margin + (accounts.clearance_benefit or 0.0) > 0:
        return Verdict.JUSTIFIED_CLEARANCE
    return Verdict.NEEDLESS_DISCOUNT if is_given_away else Verdict.LOSS
