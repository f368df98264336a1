"""Maximum likelihood for models whose parameters are all positive.

Working with the logarithm of each parameter keeps it positive without constraints, and
makes the estimate's error closer to normal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.optimize import minimize

Floats: TypeAlias = np.typing.NDArray[np.float64]

# Beyond e^±10 the likelihoods used here are flat: the parameter has gone to its limit.
LOG_LIMIT = 10.0
# A direction the data say nothing about gets a standard deviation of 2 on the log scale (a
# factor of seven either way) instead of an infinite one, so that draws stay usable.
LEAST_INFORMATION = 0.25
# Per observation: at this slope the optimum is exact to more digits than the data support.
FLAT_GRADIENT = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well the data fix the parameters of a model."""

    log_params: Floats  # (k,)
    covariance: Floats  # (k, k), of the log parameters
    log_likelihood: float  # of all observations together
    converged: bool

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Parameters that the data would also support: (size, k), positive.

        Normal on the log scale, with the fit's covariance.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        spread = vectors * np.sqrt(np.maximum(values, 0.0))
        draws: Floats = np.exp(
            self.log_params + rng.standard_normal((size, values.size)) @ spread.T
        )
        return draws


def maximise(
    loss: Callable[[Floats], tuple[float, Floats]], starts: Sequence[Floats], *, observations: float
) -> Fit:
    """Find the parameters under which the data are likeliest.

    Args:
        loss: of the log parameters (k,): minus the mean log-likelihood per observation, and its
            gradient (k,).
        starts: log parameters to start from; the best end is kept, since the surface of a
            mixture model may have more than one hollow.
        observations: how many observations the mean was taken over.

    Returns:
        The best fit. Its covariance is the inverse of the observed information, from central
        differences of the gradient.
    """
    limits = [(-LOG_LIMIT, LOG_LIMIT)] * len(starts[0])
    ends = [
        minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=limits,
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
        )
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    at: Floats = best.x
    step = 1e-4
    steps = np.eye(at.size) * step
    rows = [(loss(at + one)[1] - loss(at - one)[1]) / (2 * step) for one in steps]
    information = np.array(rows) * observations
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    slope = float(np.abs(loss(at)[1]).max())
    return Fit(
        log_params=at,
        covariance=(vectors / np.maximum(values, LEAST_INFORMATION)) @ vectors.T,
        log_likelihood=-float(best.fun) * observations,
        # The line search may give up for lack of digits when it already stands at the optimum.
        converged=bool(best.success) or slope < FLAT_GRADIENT,
    )
