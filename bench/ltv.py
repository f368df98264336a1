"""The fit of BG/NBD and Gamma-Gamma on all customers of the sample.

The peer is what one writes down first: the same likelihoods over all customers at once in NumPy,
and scipy's optimiser with differences in place of a gradient, from the same starts. (On this
problem L-BFGS-B beats Nelder-Mead, so L-BFGS-B it is.)
"""

from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import polars as pl
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from app.domain.bg_nbd import SCALED_HISTORY, fit_bg_nbd
from app.domain.ltv import purchase_summary, value_customers
from app.domain.ltv_model import ModelName, ModelRules, fit_customer_model
from app.domain.policy import Policy
from app.domain.returns import net_returns
from app.services.sample import COST_SHARE, FILE
from app.services.valuation import contribution
from bench.measure import Result, paired, seconds

ROUNDS = 7
MOST_SECONDS = 1.0
CDNOW_FILE = Path(__file__).resolve().parents[2] / "shared/data/cdnow_sample.parquet"
CDNOW = {"r": 0.2426, "alpha": 4.4135, "a": 0.7929, "b": 2.4258}  # Fader, Hardie & Lee 2005
TOLERANCE = 1e-3
# As in app.domain.bg_nbd and app.domain.gamma_gamma.
BG_NBD_STARTS = ([0.0, 1.5, 0.0, 0.5], [-1.0, 0.0, -0.5, 1.0])
GAMMA_GAMMA_STARTS = (np.log([2.0, 2.0, 1.0]), np.log([6.0, 4.0, 0.5]))


def sample_purchases() -> tuple[pd.DataFrame, date]:
    """Goods that customers of the sample bought and kept, with the margin of each line."""
    frame = pl.read_parquet(FILE).unique(maintain_order=True)
    is_cancelled = pl.col("Invoice").str.starts_with("C")
    frame = frame.filter(
        pl.col("CustomerID").is_not_null()
        & (pl.col("Price") > 0)
        & pl.col("StockCode").str.contains(r"^\d{5}")
        & (is_cancelled == (pl.col("Quantity") < 0))
    )
    lines = pd.DataFrame(
        {
            "customer_id": frame["CustomerID"].to_numpy(),
            "sku_id": frame["StockCode"].to_list(),
            "sold_at": frame["InvoiceDate"].to_numpy(),
            "quantity": frame["Quantity"].to_numpy(),
            "unit_price": frame["Price"].to_numpy(),
        }
    )
    kept = net_returns(lines).lines.query("net_quantity > 0")
    cost = COST_SHARE * kept.groupby("sku_id")["unit_price"].transform("median")
    kept = kept.assign(unit_cost=cost, sold_on=kept["sold_at"].dt.normalize())
    purchases = kept.assign(margin=contribution(kept, Policy()))
    return purchases, purchases["sold_on"].max().date()


def plain_bg_nbd(x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> float:
    """Log-likelihood at the optimum, in scaled time."""
    scale = SCALED_HISTORY / T.max()
    recency, T = recency * scale, T * scale

    def loss(log_params: np.ndarray) -> float:
        r, alpha, a, b = np.exp(log_params)
        purchases = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        active = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
        gone = (
            betaln(a + 1, b + np.maximum(x, 1) - 1)
            - betaln(a, b)
            - (r + x) * np.log(alpha + recency)
        )
        gone = np.where(x > 0, gone, -np.inf)
        return -float(np.mean(purchases + np.logaddexp(active, gone)))

    return -min(_minimum(loss, start) for start in BG_NBD_STARTS) * x.size


def plain_gamma_gamma(x: np.ndarray, m: np.ndarray) -> float:
    """Log-likelihood of the mean spends at the optimum, with money in units of their mean."""
    m = m / m.mean()

    def loss(log_params: np.ndarray) -> float:
        p, q, v = np.exp(log_params)
        value = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        value += (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(v + x * m)
        return -float(np.mean(value))

    return -min(_minimum(loss, start) for start in GAMMA_GAMMA_STARTS) * x.size


def _minimum(loss, start) -> float:
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    return float(minimize(loss, start, method="L-BFGS-B", options=options).fun)


def cdnow() -> dict[str, float] | None:
    """Parameters on the published data, per week; None where the data are not there."""
    if not CDNOW_FILE.exists():
        return None
    frame = pl.read_parquet(CDNOW_FILE)
    purchases = pd.DataFrame(
        {
            "customer_id": frame["sample_id"].to_numpy(),
            "sold_on": frame["date"].to_numpy(),
            "margin": frame["spend"].to_numpy(),
        }
    )
    x, recency, T, _ = purchase_summary(purchases, date(1997, 9, 30)).to_numpy(float).T
    model, _ = fit_bg_nbd(x, recency, T)
    return {name: getattr(model, name) for name in CDNOW}


def results() -> list[Result]:
    purchases, as_of = sample_purchases()
    customers = purchase_summary(purchases, as_of)
    days = purchases.groupby(["customer_id", "sold_on"])["margin"].sum().to_numpy()
    rules = ModelRules()
    fitted = fit_customer_model(customers, days, rules=rules)
    if fitted.name is not ModelName.BG_NBD or fitted.purchases_fit is None or not fitted.spend_fit:
        raise RuntimeError(f"the sample is not valued by BG/NBD and Gamma-Gamma: {fitted}")
    x, recency, T, m = customers.to_numpy(float).T
    counts = (x > 0) & (m > 0)
    cut = np.minimum(m[counts], fitted.spend_cap)

    def plain() -> tuple[float, float]:
        return plain_bg_nbd(x, recency, T), plain_gamma_gamma(x[counts], cut)

    at_peer = plain()
    scale = x.sum() * np.log(SCALED_HISTORY / T.max()), counts.sum() * np.log(cut.mean())
    at_ours = fitted.purchases_fit.log_likelihood, fitted.spend_fit.log_likelihood
    pairs = paired(
        lambda: seconds(lambda: fit_customer_model(customers, days, rules=rules)),
        lambda: seconds(plain),
        rounds=ROUNDS,
        more_is_better=False,
    )
    found = cdnow()
    checks = {f"seconds <= {MOST_SECONDS:g}": median(pairs.ours) <= MOST_SECONDS}
    if found is not None:
        checks[f"CDNOW within {TOLERANCE:g} of the published"] = all(
            abs(found[name] - CDNOW[name]) <= TOLERANCE for name in CDNOW
        )
    return [
        Result(
            name="ltv",
            unit="s",
            peer_name="scipy L-BFGS-B without gradient on the plain likelihoods",
            pairs=pairs,
            checks=checks,
            details={
                "customers": len(customers),
                "valuation_seconds": seconds(lambda: value_customers(purchases, as_of=as_of)),
                "log_likelihood_above_peer": {
                    "bg_nbd": at_ours[0] - (at_peer[0] + scale[0]),
                    "gamma_gamma": at_ours[1] - (at_peer[1] - scale[1]),
                },
                "cdnow": found or "not measured: ../shared/data/cdnow_sample.parquet is not there",
            },
        )
    ]
