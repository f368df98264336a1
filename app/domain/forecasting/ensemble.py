"""Which members a class of demand is forecast by: all of them, unless fewer are proven better.

Every subset of the members, with equal weights, forecasts the past from several origins. What is
kept of it are sums, so that a data set may be scored in pieces, in any order and by any number of
processes, and the choice is the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.members import ALL, MEMBERS, Member, bit
from app.domain.forecasting.pattern import CLASSES
from app.domain.forecasting.settings import ForecastSettings

BASELINES = (ALL, ALL & ~bit(Member.TOP_DOWN))  # equal weights, with and without top-down
FALLBACK = bit(Member.TSB) | bit(Member.IMAPA)  # need nothing but a sale


class ChoiceReason(StrEnum):
    """Why a class is forecast by its members."""

    EQUAL_WEIGHTS = "equal_weights"  # no subset was better everywhere
    PROVEN = "proven"  # a subset was, from every origin
    SHORT_HISTORY = "short_history"  # too few origins to prove anything


@dataclass(frozen=True, slots=True)
class SubsetSums:
    """Sums over series of the scaled errors (RMSSE) of every subset of members.

    Attributes:
        count: series (origins, classes).
        rmsse: Σ RMSSE (origins, classes, subsets).
        gain: Σ d (baselines, origins, classes, subsets), d = RMSSE of the baseline − RMSSE.
        gain_squared: Σ d².
        top_down_units: units forecast top-down (origins,).
        actual_units: units that the same series then sold (origins,).
    """

    count: Ints
    rmsse: Floats
    gain: Floats
    gain_squared: Floats
    top_down_units: Floats
    actual_units: Floats

    @classmethod
    def none(cls, origins: int) -> Self:
        """Of no series at all."""
        shape = (origins, len(CLASSES), ALL + 1)
        return cls(
            np.zeros(shape[:2], np.int64),
            np.zeros(shape),
            np.zeros((len(BASELINES), *shape)),
            np.zeros((len(BASELINES), *shape)),
            np.zeros(origins),
            np.zeros(origins),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.count + other.count,
            self.rmsse + other.rmsse,
            self.gain + other.gain,
            self.gain_squared + other.gain_squared,
            self.top_down_units + other.top_down_units,
            self.actual_units + other.actual_units,
        )

    @property
    def top_down_bias(self) -> float:
        """Units that top-down forecast too many, or too few, as a share of those sold.

        Without its sign, for a bias that turns from origin to origin is no better; the mean over
        the origins, 0 without any.
        """
        sold = self.actual_units
        excess = np.abs(self.top_down_units - sold)
        share = np.divide(excess, sold, out=np.zeros_like(sold), where=sold > 0)
        return float(share.mean()) if len(share) else 0.0


@dataclass(frozen=True, slots=True)
class MemberChoice:
    """The members of every class, in the order of ``CLASSES``, and why."""

    masks: tuple[int, ...]
    reasons: tuple[ChoiceReason, ...]
    top_down_bias: float
    top_down_dropped: bool


def score_subsets(
    sums: SubsetSums,
    origin: int,
    mean: Floats,
    usable: Ints,
    actual: Floats,
    scale: Floats,
    code: Ints,
) -> None:
    """Add what one origin shows of some series to the sums, in place.

    Args:
        sums: as from `SubsetSums.none`.
        origin: which of the origins.
        mean: of every member (M, n, H).
        usable: mask (n,) of the members that count; the others' places are left empty.
        actual: units sold (n, H).
        scale: mean squared change of the history (n,); series without any are left out.
        code: class (n,), -1 where the series was not on sale yet.
    """
    _score(
        mean,
        usable,
        actual,
        scale,
        code,
        np.array(BASELINES),
        FALLBACK,
        sums.count[origin],
        sums.rmsse[origin],
        sums.gain[:, origin],
        sums.gain_squared[:, origin],
    )
    shared = (code >= 0) & ((usable & bit(Member.TOP_DOWN)) > 0)
    sums.top_down_units[origin] += mean[MEMBERS.index(Member.TOP_DOWN), shared].sum()
    sums.actual_units[origin] += actual[shared].sum()


def choose_members(
    sums: SubsetSums, settings: ForecastSettings, present: int = ALL
) -> MemberChoice:
    """Equal weights, unless a subset was better from every origin and by a paired t above 3.

    Of several such subsets the one with the smallest error takes it. Top-down is no candidate
    where its aggregates were biased. ``present`` is the mask of the members that there are.
    """
    bias = sums.top_down_bias
    dropped = bias > settings.top_down_bias
    allowed = BASELINES[int(dropped)] & present
    chosen = [_class_members(sums, c, int(dropped), allowed, settings) for c in range(len(CLASSES))]
    return MemberChoice(
        tuple(mask for mask, _ in chosen), tuple(reason for _, reason in chosen), bias, dropped
    )


def _class_members(
    sums: SubsetSums, code: int, baseline: int, everyone: int, settings: ForecastSettings
) -> tuple[int, ChoiceReason]:
    count = sums.count[:, code]
    too_few = count.sum() < settings.least_series or (count == 0).any()
    if len(count) < settings.origins or too_few:
        return everyone, ChoiceReason.SHORT_HISTORY
    gain, squared = sums.gain[baseline, :, code], sums.gain_squared[baseline, :, code]
    n, total = count.sum(), gain.sum(axis=0)
    variance = np.maximum(squared.sum(axis=0) - total**2 / n, 0.0) / max(n - 1, 1)
    error = np.sqrt(variance * n)
    t = np.divide(total, error, out=np.zeros_like(total), where=error > 0)
    subsets = np.arange(ALL + 1)
    candidate = (subsets > 0) & ((subsets & ~everyone) == 0) & (subsets != everyone)
    proven = candidate & (gain > 0).all(axis=0) & (t > settings.proof_t)
    if not proven.any():
        return everyone, ChoiceReason.EQUAL_WEIGHTS
    error_sum = np.where(proven, sums.rmsse[:, code].sum(axis=0), np.inf)
    return int(np.argmin(error_sum)), ChoiceReason.PROVEN


def weights(masks: Ints, usable: Ints) -> Floats:
    """Equal weights (n, M) of the members of each series' mask that are usable.

    Where none of them is, those that need nothing but a sale stand in.
    """
    present = masks & usable
    present = np.where(present == 0, FALLBACK, present)
    takes_part = (present[:, None] >> np.arange(len(MEMBERS))) & 1
    share: Floats = takes_part / takes_part.sum(axis=1, keepdims=True)
    return share


def combine(mean: tuple[Floats, ...], weight: Floats, horizon: int) -> Floats:
    """Weighted mean (n, H) of the members' forecasts."""
    answer = np.zeros((len(weight), horizon))
    for member, forecast in enumerate(mean):
        answer += weight[:, member, None] * forecast
    return answer


@compiled
def _score(
    mean: Floats,
    usable: Ints,
    actual: Floats,
    scale: Floats,
    code: Ints,
    baselines: Ints,
    fallback: int,
    count: Ints,
    rmsse: Floats,
    gain: Floats,
    gain_squared: Floats,
) -> None:
    members, n, horizon = mean.shape
    gram = np.zeros((members, members))
    score = np.zeros(rmsse.shape[1])
    for i in range(n):
        if code[i] < 0 or not scale[i] > 0:
            continue
        for a in range(members):  # mean product of two members' errors
            for b in range(a + 1):
                total = 0.0
                for h in range(horizon):
                    y = actual[i, h]
                    total += (mean[a, i, h] - y) * (mean[b, i, h] - y)
                gram[a, b] = gram[b, a] = total / horizon
        for subset in range(1, len(score)):
            present = subset & usable[i]
            if present == 0:
                present = fallback
            squared, size = 0.0, 0
            for a in range(members):
                if (present >> a) & 1:
                    size += 1
                    for b in range(members):
                        if (present >> b) & 1:
                            squared += gram[a, b]
            score[subset] = np.sqrt(max(squared, 0.0) / (size * size) / scale[i])
        count[code[i]] += 1
        for subset in range(1, len(score)):
            rmsse[code[i], subset] += score[subset]
            for base in range(len(baselines)):
                d = score[baselines[base]] - score[subset]
                gain[base, code[i], subset] += d
                gain_squared[base, code[i], subset] += d * d
