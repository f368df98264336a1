"""What a customer spends when they buy: the Gamma-Gamma model.

A customer's purchases vary around a mean of their own, and those means vary between customers:
a purchase is Gamma(p, ν) with ν ~ Gamma(q, v) over the customers. The few purchases of one
customer are so pulled towards what customers spend in general. How much is spent is taken to
have nothing to do with how often; `app.domain.ltv` warns where the data say otherwise.

"Spend" is whatever is to be valued: here contribution margin per purchase day.

Sources: Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42; Fader & Hardie
(2013), The Gamma-Gamma Model of Monetary Value (note 025, brucehardie.com).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import betaln, digamma

from app.domain.likelihood import Fit, maximise

Floats: TypeAlias = np.typing.NDArray[np.float64]

# As good as infinitely many earlier customers: one customer's own purchases then weigh nothing.
ALL_ALIKE = 1e9
# Identical margins (or a single one) would leave the gamma distribution without a shape.
LEAST_VARIATION = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaGamma:
    p: float  # shape of a purchase around the customer's mean
    q: float  # shape of ν over the customers
    v: float  # rate of ν, in money

    def expected_spend(
        self, frequency: Floats, monetary_value: Floats, *, otherwise: float
    ) -> Floats:
        """What each customer spends per purchase, in expectation.

        Args:
            frequency: x, purchases that ``monetary_value`` is the mean of, (n,).
            monetary_value: m, money per purchase, (n,); ignored where x is 0, and taken as 0
                where negative.
            otherwise: the answer where the model has no mean (p·x + q <= 1).

        Returns:
            Money per purchase (n,).
        """
        spent = frequency * np.maximum(monetary_value, 0.0)
        purchases = self.p * frequency + self.q - 1
        has_mean = purchases > 0
        mean = self.p * (self.v + spent) / np.where(has_mean, purchases, 1.0)
        return np.where(has_mean, mean, otherwise)


def fit_gamma_gamma(frequency: Floats, monetary_value: Floats) -> tuple[GammaGamma, Fit]:
    """Estimate the spread of spending within and between customers.

    Args:
        frequency: x, purchases that ``monetary_value`` is the mean of, (n,).
        monetary_value: m, money per purchase, (n,). Only customers with x > 0 and m > 0 count.

    Returns:
        The model, and the fit with log parameters in the order p, q, v.

    Raises:
        ValueError: if no customer counts.
    """
    counts = (frequency > 0) & (monetary_value > 0)
    if not counts.any():
        raise ValueError("no customer has bought again at a profit")
    x, m = frequency[counts], monetary_value[counts]
    scale = float(m.mean())
    total = x * m / scale

    def loss(log_params: Floats) -> tuple[float, Floats]:
        # total / v is beta prime with shapes p·x and q.
        p, q, v = np.exp(log_params)
        log_spent = -np.log1p(v / total)
        log_unspent = -np.log1p(total / v)
        value = -betaln(p * x, q) + p * x * log_spent + q * log_unspent
        both = digamma(p * x + q)
        slope = [
            np.mean(p * x * (both - digamma(p * x) + log_spent)),
            np.mean(q * (both - digamma(q) + log_unspent)),
            np.mean(q * np.exp(log_spent) - p * x * np.exp(log_unspent)),
        ]
        return -float(value.mean()), -np.array(slope)

    starts = [np.log([2.0, 2.0, 1.0]), np.log([6.0, 4.0, 0.5])]
    fit = maximise(loss, starts, observations=x.size)
    log_params = fit.log_params + np.array([0.0, 0.0, np.log(scale)])
    p, q, v = np.exp(log_params).tolist()
    fit = Fit(
        log_params=log_params,
        covariance=fit.covariance,
        # Density of m itself, which the scaled totals have cancelled out.
        log_likelihood=fit.log_likelihood - float(np.log(m).sum()),
        converged=fit.converged,
    )
    return GammaGamma(p=p, q=q, v=v), fit


def pooled_spend(margins: Floats) -> GammaGamma:
    """The same mean spend for every customer: too few have bought again to tell them apart.

    Args:
        margins: money per purchase, all purchases of all customers, (n,); n may be 0.

    Returns:
        A model without differences between customers, with the mean and the coefficient of
        variation of ``margins``; a mean of 0 where they average to a loss.
    """
    mean = max(float(margins.mean()), 0.0) if margins.size else 0.0
    variation = float(margins.std()) / mean if mean > 0 else 1.0
    p = 1 / max(variation, LEAST_VARIATION) ** 2
    return GammaGamma(p=p, q=ALL_ALIKE, v=mean * (ALL_ALIKE - 1) / p)
