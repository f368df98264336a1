"""How often a customer will buy again, and whether they still are one: BG/NBD and MBG/NBD.

While active, a customer buys at random (Poisson) at a rate λ of their own; after each purchase
they leave for good with a probability p of their own. Over the customers, λ ~ Gamma(r, α) and
p ~ Beta(a, b). In the modified form (MBG) a customer may already leave after the first
purchase, so that somebody who bought once need not count as active for ever.

Both forms are one formula in k, the times a customer is known to have stayed: k = x, or x + 1
in the modified form. Time is in weeks; x, t_x and T are the columns ``frequency``, ``recency``
and ``T`` of `app.domain.ltv.purchase_summary`.

Sources: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science
24(2); Batislam, Denizel & Filiztekin (2007), International Journal of Research in Marketing 24.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from app.domain.likelihood import Fit, maximise

Floats: TypeAlias = np.typing.NDArray[np.float64]

# Expected purchases have removable singularities at a = 1 and at a + b = 1, and ₂F₁ as computed
# here at whole r - a.
SINGULAR_WITHIN = 1e-6
# Time is scaled so that the longest history is this long; α is then of the order of 1.
SCALED_HISTORY = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BgNbd:
    """A customer base: purchase rates Gamma(r, α) per week, leaving probabilities Beta(a, b).

    With ``a`` = 0 nobody ever leaves, which is the NBD model.
    """

    r: float
    alpha: float
    a: float
    b: float
    is_modified: bool = False  # MBG: may leave after the first purchase as well

    def times_stayed(self, frequency: Floats) -> Floats:
        """k: how often an active customer has had the choice to leave, and stayed."""
        return frequency + self.is_modified

    def p_alive(self, frequency: Floats, recency: Floats, T: Floats) -> Floats:
        """The chance that each customer is still active at the end of their history.

        Args:
            frequency: x, purchases after the first, (n,).
            recency: t_x, weeks from the first purchase to the last, (n,).
            T: weeks from the first purchase to today, (n,).

        Returns:
            Shares (n,), 1 for whoever never had the choice to leave.
        """
        if self.a == 0:
            return np.ones_like(T)
        log_params = np.log([self.r, self.alpha, self.a, self.b])
        k = self.times_stayed(frequency)
        return expit(-_log_odds_gone(log_params, frequency, recency, T, k))

    def expected_purchases(
        self, weeks: float, frequency: Floats, recency: Floats, T: Floats
    ) -> Floats:
        """Purchases to expect from each customer in the next ``weeks`` weeks.

        Args:
            weeks: how far ahead, t > 0.
            frequency: x, (n,).
            recency: t_x in weeks, (n,).
            T: weeks, (n,).

        Returns:
            Purchases (n,), the chance of having left included.

        Source:
            Fader, Hardie & Lee (2005), eq. 10, after Euler's transformation of ₂F₁: its
            arguments then no longer grow with x, so that nothing overflows.
        """
        if self.a == 0:
            return (self.r + frequency) / (self.alpha + T) * weeks
        a = self.a
        gaps = (a - 1, a + self.b - 1, self.r - a - round(self.r - a))
        if min(abs(gap) for gap in gaps) < SINGULAR_WITHIN:
            a += 2 * SINGULAR_WITHIN
        k = self.times_stayed(frequency)
        c, z = a + self.b - 1 + k, weeks / (self.alpha + T + weeks)
        with np.errstate(over="ignore", invalid="ignore"):
            stays = (1 - z) ** (a - 1) * hyp2f1(c - self.r - frequency, a - 1, c, z)
            while_active = c / (a - 1) * (1 - stays)
        # The series fails at extremes, above all where a is in the hundreds. Customers then
        # differ little in p, and its mean does.
        p = a / (a + self.b + k)
        if_alike = -np.expm1(-(self.r + frequency) * np.log1p(p * weeks / (self.alpha + T))) / p
        while_active = np.where(np.isfinite(while_active), while_active, if_alike)
        return self.p_alive(frequency, recency, T) * while_active


def fit_bg_nbd(
    frequency: Floats, recency: Floats, T: Floats, *, is_modified: bool = False
) -> tuple[BgNbd, Fit]:
    """Estimate the customer base from the histories of its customers.

    Args:
        frequency: x, (n,).
        recency: t_x in weeks, (n,), 0 where x is 0.
        T: weeks, (n,).
        is_modified: fit MBG/NBD instead of BG/NBD.

    Returns:
        The model, and the fit with log parameters in the order r, α, a, b.

    Raises:
        ValueError: if there is no history, or one that cannot be (negative, or t_x > T).
    """
    if not T.size or T.max() <= 0:
        raise ValueError("no customer has a history yet")
    if not ((frequency >= 0) & (recency >= 0) & (recency <= T)).all():
        raise ValueError("every history needs frequency >= 0 and 0 <= recency <= T")
    scale = SCALED_HISTORY / T.max()
    # Histories are grained by the day, so many customers share theirs: count each one once.
    histories, count = np.unique(
        np.column_stack([frequency, recency, T]), axis=0, return_counts=True
    )
    x, recency_scaled, T_scaled = histories[:, 0], histories[:, 1] * scale, histories[:, 2] * scale
    share = count / T.size
    k = x + is_modified

    def loss(log_params: Floats) -> tuple[float, Floats]:
        value, slope = _log_likelihood(log_params, x, recency_scaled, T_scaled, k)
        return -float(share @ value), -(slope @ share)

    starts = [np.array([0.0, 1.5, 0.0, 0.5]), np.array([-1.0, 0.0, -0.5, 1.0])]
    fit = maximise(loss, starts, observations=T.size)
    log_params = fit.log_params - np.array([0.0, np.log(scale), 0.0, 0.0])
    r, alpha, a, b = np.exp(log_params).tolist()
    fit = Fit(
        log_params=log_params,
        covariance=fit.covariance,
        # Per week instead of per scaled unit of time: each purchase carries one density.
        log_likelihood=fit.log_likelihood + float(frequency.sum() * np.log(scale)),
        converged=fit.converged,
    )
    return BgNbd(r=r, alpha=alpha, a=a, b=b, is_modified=is_modified), fit


def _log_odds_gone(
    log_params: Floats, frequency: Floats, recency: Floats, T: Floats, k: Floats
) -> Floats:
    """Log odds that a customer left after the last purchase, against being active: (n,)."""
    r, alpha, _, b = np.exp(log_params)
    silence = np.log1p((T - recency) / (alpha + recency))
    odds = log_params[2] - np.log(b + np.maximum(k, 1) - 1) + (r + frequency) * silence
    return np.where(k > 0, odds, -np.inf)


def _log_likelihood(
    log_params: Floats, x: Floats, recency: Floats, T: Floats, k: Floats
) -> tuple[Floats, Floats]:
    """Log-likelihood of each history (n,), and its slope along each log parameter (4, n)."""
    r, alpha, a, b = np.exp(log_params)
    log_odds = _log_odds_gone(log_params, x, recency, T, k)
    purchases = gammaln(r + x) - gammaln(r) + r * log_params[1] - (r + x) * np.log(alpha + T)
    stays = betaln(a, b + k) - betaln(a, b)
    gone = expit(log_odds)
    last_seen = (1 - gone) * np.log(alpha + T) + gone * np.log(alpha + recency)
    exposure = (1 - gone) / (alpha + T) + gone / (alpha + recency)
    both = digamma(a + b) - digamma(a + b + k)
    slope = np.stack(
        [
            r * (digamma(r + x) - digamma(r) + log_params[1] - last_seen),
            r - alpha * (r + x) * exposure,
            a * both + gone,
            b * (both + digamma(b + k) - digamma(b) - gone / (b + np.maximum(k, 1) - 1)),
        ]
    )
    return purchases + stays + np.logaddexp(0.0, log_odds), slope
