"""Sales without the campaign: difference-in-differences on ratios, with permutation errors.

The treated group would have gone on at its own earlier rate, times the growth of the controls.
How far such an estimate strays by itself is seen by handing the label "treated" to other units
of the panel (SKUs, stores or cities) and estimating again.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.stats import t as student_t

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]
Indices: TypeAlias = np.typing.NDArray[np.intp]


class Interval(NamedTuple):
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The treated group in one window against its own past; None where it has none."""

    observed: float  # units sold in the window
    counterfactual: float | None  # units that would have sold
    lift: float | None  # observed ÷ counterfactual − 1
    standard_error: float | None  # of observed − counterfactual, units
    interval: Interval | None  # of observed − counterfactual, units

    @property
    def units(self) -> float | None:
        """Units gained (lost, if negative) in the window."""
        return None if self.counterfactual is None else self.observed - self.counterfactual

    @property
    def lift_interval(self) -> Interval | None:
        if self.interval is None or self.counterfactual is None:
            return None
        return Interval(*(units / self.counterfactual for units in self.interval))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffInDiff:
    """What a panel says about one campaign; every number is finite or None."""

    campaign: Change
    aftermath: Change | None  # 需要先食い: the window after the campaign
    correlation: float  # between the errors of campaign and aftermath
    p_value: float | None  # of the lift, two-sided
    pre_trend: Change  # second half of the pre-period on its first half: should be no change
    pre_trend_p_value: float | None
    level_effect: float  # units per unit of the panel and period, if levels moved in parallel
    critical_value: float  # standard errors from an estimate to either end of its interval
    treated_units: int
    control_units: int
    pre_periods: int
    campaign_periods: int


def diff_in_diff(
    sales: Floats,
    treated: Bools,
    *,
    pre_periods: int,
    campaign_periods: int,
    seed: int,
    draws: int = 499,
    confidence: float = 0.95,
    controls_per_stratum: int = 50,
) -> DiffInDiff:
    """Estimate what a campaign added to the sales of the treated units.

    With sums over units and periods, P before and Q in a window, T treated and C controls:
    counterfactual B = P_T·Q_C/P_C, lift = Q_T/B − 1. The p-value is the share of label
    placements whose lift is at least as large in size. The standard error max(Q_T, B)·sd is
    that of the lifts of the same placements once the lift found is taken out of the treated
    units; it grows with 1 + lift, as over-dispersed counts do. Intervals are Student's with
    two fewer degrees of freedom than units.

    Args:
        sales: units sold, units × periods (days or weeks, in order), no gaps; columns after
            pre-period and campaign are the aftermath.
        treated: which rows were in the campaign; the others are controls it did not touch.
        pre_periods: columns before the campaign, at least 2.
        campaign_periods: columns of the campaign.
        seed: of the label placements; all are tried where there are no more than ``draws``.
        draws: label placements.
        confidence: of the intervals.
        controls_per_stratum: labels change hands only among units of similar pre-period
            sales, in groups of at least this many controls, since small sellers are noisier.

    Raises:
        ValueError: if a sale is missing, a group or a window empty, a label not a boolean.

    Source:
        Ratio form of difference-in-differences with Fisher's permutation test; the errors are
        in-space placebos (Abadie, Diamond & Hainmueller 2010) of groups as large as the treated.
    """
    windows = _windows(sales, treated, pre_periods, campaign_periods)
    panel = _Panel(
        treated,
        _placements(treated, windows[0], controls_per_stratum, draws, np.random.default_rng(seed)),
        float(student_t.ppf((1 + confidence) / 2, max(len(treated) - 2, 1))),
    )
    pre, during, after, first_half, second_half = windows
    campaign, p_value, errors = panel.change(pre, during)
    aftermath, _, after_errors = panel.change(pre, after)
    pre_trend, pre_trend_p_value, _ = panel.change(first_half, second_half)
    has_aftermath = sales.shape[1] > pre_periods + campaign_periods
    rate_change = during / campaign_periods - pre / pre_periods
    return DiffInDiff(
        campaign=campaign,
        aftermath=aftermath if has_aftermath else None,
        correlation=_correlation(errors, after_errors) if has_aftermath else 0.0,
        p_value=p_value,
        pre_trend=pre_trend,
        pre_trend_p_value=pre_trend_p_value,
        level_effect=float(rate_change[treated].mean() - rate_change[~treated].mean()),
        critical_value=panel.critical_value,
        treated_units=int(treated.sum()),
        control_units=int((~treated).sum()),
        pre_periods=pre_periods,
        campaign_periods=campaign_periods,
    )


def _windows(
    sales: Floats, treated: Bools, pre_periods: int, campaign_periods: int
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Units sold per row before, in and after the campaign, and in the halves before it."""
    if sales.ndim != 2 or not np.isfinite(sales).all():
        raise ValueError("sales must be a units × periods table without gaps")
    if treated.shape != sales.shape[:1] or treated.dtype != np.bool_:
        raise ValueError("every row needs a true or false label")
    if not treated.any() or treated.all():
        raise ValueError("both treated and control units are needed")
    end = pre_periods + campaign_periods
    if pre_periods < 2 or campaign_periods < 1 or end > sales.shape[1]:
        raise ValueError("the panel has no such pre-period and campaign")
    half = pre_periods // 2
    spans = [
        slice(pre_periods),
        slice(pre_periods, end),
        slice(end, None),
        slice(half),
        slice(half, pre_periods),
    ]
    before, during, after, first, second = (
        sales[:, span].sum(axis=1, dtype=np.float64) for span in spans
    )
    return before, during, after, first, second


@dataclass(frozen=True, slots=True)
class _Panel:
    """The labels, and all the other ways they could have fallen."""

    treated: Bools
    placements: Indices  # placements × treated units: rows that play the treated
    critical_value: float

    def change(self, base: Floats, window: Floats) -> tuple[Change, float | None, Floats]:
        """The change from base to window, its p-value, and its errors by placement.

        Args:
            base: units sold per row in the window compared with.
            window: units sold per row in the window asked about.
        """
        observed = float(window[self.treated].sum())
        base_treated, base_controls = base[self.treated].sum(), base[~self.treated].sum()
        growth = window[~self.treated].sum() / base_controls if base_controls > 0 else 0.0
        counterfactual = float(base_treated * growth)
        if counterfactual <= 0:
            nothing = Change(
                observed=observed,
                counterfactual=None,
                lift=None,
                standard_error=None,
                interval=None,
            )
            return nothing, None, np.zeros(len(self.placements))
        lift = observed / counterfactual - 1
        # the 1e-9 counts the actual placement as at least as extreme as itself
        p_value = float(np.mean(np.abs(self._lifts(base, window)) >= abs(lift) * (1 - 1e-9)))
        without = window.copy()
        if observed > 0:
            without[self.treated] /= 1 + lift
        errors = self._lifts(base, without)
        error, interval = self._spread(errors), None
        if error is not None:
            error *= max(observed, counterfactual)
            reach, gained = self.critical_value * error, observed - counterfactual
            interval = Interval(gained - reach, gained + reach)
        estimate = Change(
            observed=observed,
            counterfactual=counterfactual,
            lift=lift,
            standard_error=error,
            interval=interval,
        )
        return estimate, p_value, errors

    def _spread(self, errors: Floats) -> float | None:
        """Standard deviation of a lift; placements without sales before the window say nothing."""
        known = errors[np.isfinite(errors)]
        units = len(self.treated)
        if units < 3 or len(known) < 2:
            return None
        # two group rates are fitted, a permutation variance allows for one
        return float(np.std(known)) * sqrt((units - 1) / (units - 2))

    def _lifts(self, base: Floats, window: Floats) -> Floats:
        """Lift of each placement: infinite if it sold from nothing, 0 if it sold nothing."""
        base_treated = base[self.placements].sum(axis=1)
        sold = window[self.placements].sum(axis=1)
        base_controls, control_sold = base.sum() - base_treated, window.sum() - sold
        expected = base_treated * control_sold
        got = sold * base_controls
        lifts = np.where(got > 0, np.inf, 0.0)
        np.divide(got, expected, out=lifts, where=expected > 0)
        return np.where(expected > 0, lifts - 1, lifts)


def _placements(
    treated: Bools, size: Floats, controls_per_stratum: int, draws: int, rng: np.random.Generator
) -> Indices:
    """Rows that play the treated in each placement; the first placement is the actual one."""
    actual = np.flatnonzero(treated)
    if comb(len(treated), len(actual)) <= draws:
        return np.array(list(combinations(range(len(treated)), len(actual))), np.intp)
    stratum = _strata(treated, size, controls_per_stratum)
    drawn = []
    for label in np.unique(stratum[treated]):
        rows = np.flatnonzero(stratum == label)
        places = int(treated[rows].sum())
        shuffled = rng.random((draws, len(rows))).argpartition(places - 1, axis=1)
        drawn.append(rows[shuffled[:, :places]])
    return np.vstack([actual, np.hstack(drawn)])


def _strata(treated: Bools, size: Floats, controls_per_stratum: int) -> Indices:
    """The finest equal groups by size in which all treated units find enough controls."""
    rank = np.empty(len(size), np.intp)
    rank[np.argsort(size, kind="stable")] = np.arange(len(size))
    for strata in range(len(size) // controls_per_stratum, 1, -1):
        stratum = rank * strata // len(size)
        controls = np.bincount(stratum[~treated], minlength=strata)
        if controls[stratum[treated]].min() >= controls_per_stratum:
            return stratum
    return np.zeros_like(rank)


def _correlation(left: Floats, right: Floats) -> float:
    """Correlation of two errors over the placements that know both."""
    known = np.isfinite(left) & np.isfinite(right)
    x, y = left[known] - left[known].mean(), right[known] - right[known].mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 0 else 0.0
