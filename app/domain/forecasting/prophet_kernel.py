"""The inner loops of the batched Prophet: one series after the other, compiled.

No series sees another, and no matrix product runs over several of them, so a result does not
depend on which series share a batch. The derivation is in `prophet_map`; the letters are as there.
"""

from math import sqrt
from typing import Any

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.compiled import compiled

TOLERANCE = 1e-10  # of the variance, relative; and of a pull, relative to its bound
MOST_ROUNDS = 200
STEEPEST = 0.95  # the secant lengthens a step up to twentyfold
LEAST_VARIANCE = 1e-15  # in units of the largest value squared; below it, all is rounding
LEAST_PIVOT = 1e-15  # in units of the first hinge's length squared
NONE: Any = np.int64(0)  # a literal would be a type of its own, and compiled for apart
SMALL_SHARE = 1e-7  # of the residual, below which differences of sums have lost their digits


@compiled
def noise_variance(squares: float, rows: int) -> float:
    """The v that minimises T/2·log v + squares/(2v) + 2v: root of 4v² + Tv = squares."""
    return max(2.0 * squares / (rows + sqrt(rows * rows + 16.0 * squares)), LEAST_VARIANCE)


@compiled
def active_optimum(
    curvature: Floats, rhs: Floats, size: int, least: float, factor: Floats, target: Floats
) -> None:
    """Solve curvature·target = rhs for the active changepoints, by Cholesky."""
    for i in range(size):
        for j in range(i + 1):
            total = curvature[i, j]
            for q in range(j):
                total -= factor[i, q] * factor[j, q]
            if i == j:
                factor[i, i] = sqrt(max(total, least))
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(size):
        total = rhs[i]
        for q in range(i):
            total -= factor[i, q] * target[q]
        target[i] = total / factor[i, i]
    for i in range(size - 1, -1, -1):
        total = target[i]
        for q in range(i + 1, size):
            total -= factor[q, i] * target[q]
        target[i] = total / factor[i, i]


@compiled
def pull_on(
    free: Floats, b: Floats, c: Floats, g: Floats, shrink: Floats,
    x: Floats, active: Ints, size: int, z: Floats, pull: Floats,
) -> None:  # fmt: skip
    """Ridge coefficients z best for the slope changes x, and the pull on each slope change."""
    for j in range(len(pull)):
        pull[j] = free[j]
    for p in range(len(z)):
        total = b[p]
        for i in range(size):
            total -= c[p, active[i]] * x[active[i]]
        z[p] = total * shrink[p]
        for j in range(len(pull)):
            pull[j] -= c[p, j] * z[p]
    for i in range(size):
        for j in range(len(pull)):
            pull[j] -= g[active[i], j] * x[active[i]]


@compiled
def lasso(
    a: Floats, b: Floats, c: Floats, g: Floats, shrink: Floats, bound: float,
    x: Floats, sign: Floats, active: Ints, size: int, z: Floats, work: Floats,
) -> int:  # fmt: skip
    """Exact slope changes x for one variance of the noise, starting from those given.

    Within a set of active changepoints and their signs the optimum solves a linear system. Walk
    towards it; the first slope change to reach zero leaves. At the optimum of the set, the
    changepoint that is pulled hardest beyond the bound joins; when there is none, all is optimal.

    Returns:
        How many changepoints are active.
    """
    changepoints = len(a)
    free, pull, target, rhs = work[0], work[1], work[2], work[3]
    curvature, factor = work[4 : 4 + changepoints], work[4 + changepoints :]
    pull_on(a, b, c, g, shrink, x, active, NONE, z, free)
    joined = -1
    for _ in range(20 * changepoints + 20):
        while size > 0:
            for i in range(size):
                for j in range(i + 1):
                    total = g[active[i], active[j]]
                    for p in range(len(z)):
                        total -= c[p, active[i]] * shrink[p] * c[p, active[j]]
                    curvature[i, j] = total
                rhs[i] = free[active[i]] - bound * sign[active[i]]
            active_optimum(curvature, rhs, size, LEAST_PIVOT * g[0, 0], factor, target)
            step, leaving = 1.0, -1
            for i in range(size):
                now = x[active[i]]
                if target[i] * sign[active[i]] <= 0.0:
                    share = now / (now - target[i]) if now != target[i] else 0.0
                    if share < step:
                        step, leaving = share, i
            for i in range(size):
                x[active[i]] += step * (target[i] - x[active[i]])
            if leaving < 0:
                break
            gone = active[leaving]
            x[gone], sign[gone] = 0.0, 0.0
            size -= 1
            for i in range(leaving, size):
                active[i] = active[i + 1]
            if gone == joined and step == 0.0:  # pulled beyond the bound by rounding only
                pull_on(a, b, c, g, shrink, x, active, size, z, pull)
                return size
        pull_on(a, b, c, g, shrink, x, active, size, z, pull)
        hardest, joined = bound * (1.0 + TOLERANCE), -1
        for j in range(changepoints):
            if sign[j] == 0.0 and abs(pull[j]) > hardest:
                hardest, joined = abs(pull[j]), j
        if joined < 0:
            break
        active[size], sign[joined] = joined, np.sign(pull[joined])
        size += 1
    return size


@compiled
def residual_squares(y: Floats, basis: Floats, z: Floats, x: Floats) -> float:
    """Sum of squared residuals, from the residuals themselves."""
    total = 0.0
    ridge = len(z)
    for t in range(len(y)):
        residual = y[t]
        for p in range(ridge):
            residual -= basis[t, p] * z[p]
        for j in range(len(x)):
            residual -= basis[t, ridge + j] * x[j]
        total += residual * residual
    return total


@compiled
def solve_series(
    y: Floats, basis: Floats, d: Floats, c: Floats, g: Floats, tau: float,
    z: Floats, x: Floats, products: Floats, work: Floats,
) -> tuple[float, int]:  # fmt: skip
    """Optimum of one scaled series: fills z and x, answers the noise variance and the rounds.

    Begins above every stationary variance (that of no fit at all) and descends. The step of the
    alternation shrinks by a nearly constant factor each round, which the secant anticipates.
    """
    rows, ridge = len(y), len(d)
    for p in range(len(products)):
        products[p] = 0.0
    total = 0.0
    for t in range(rows):
        if y[t] != 0.0:  # most days of most series
            total += y[t] * y[t]
            for p in range(basis.shape[1]):
                products[p] += y[t] * basis[t, p]
    b, a = products[:ridge], products[ridge:]
    sign, active = np.zeros(len(x)), np.empty(len(x), np.int64)
    shrink = np.empty(ridge)
    for j in range(len(x)):
        x[j] = 0.0
    size, rounds, slope = NONE, 0, 0.0
    variance, before, step_before = noise_variance(total, rows), 0.0, 0.0
    for rounds in range(1, MOST_ROUNDS + 1):
        for p in range(ridge):
            shrink[p] = 1.0 / (d[p] + variance)
        bound = variance / tau
        size = lasso(a, b, c, g, shrink, bound, x, sign, active, size, z, work)
        squares = total
        for p in range(ridge):
            squares -= z[p] * (b[p] + variance * z[p])
        for i in range(size):
            squares -= x[active[i]] * a[active[i]] + bound * abs(x[active[i]])
        if squares < SMALL_SHARE * total:
            squares = residual_squares(y, basis, z, x)
        step = np.log(noise_variance(squares, rows) / variance)
        if abs(step) <= TOLERANCE:
            break
        if rounds > 1 and step_before != 0.0:
            slope = min(max(1.0 + (step - step_before) / before, 0.0), STEEPEST)
        before, step_before = step / (1.0 - slope), step
        variance = max(variance * np.exp(before), LEAST_VARIANCE)
    return variance, rounds


@compiled
def solve_rows(
    demand: Floats, rows: Ints, columns: Ints, scale: Floats,
    basis: Floats, d: Floats, c: Floats, g: Floats, tau: float,
    z: Floats, x: Floats, variance: Floats, rounds: Ints,
) -> None:  # fmt: skip
    """Optima of these rows of the demand matrix over these of its columns."""
    changepoints = x.shape[1]
    y = np.empty(len(columns))
    products = np.empty(basis.shape[1])
    work = np.empty((4 + 2 * changepoints, changepoints))
    for i in range(len(rows)):
        for t in range(len(columns)):
            y[t] = demand[rows[i], columns[t]] / scale[i]
        variance[i], rounds[i] = solve_series(y, basis, d, c, g, tau, z[i], x[i], products, work)


@compiled
def project(coefficients: Floats, basis: Floats, scale: Floats) -> Floats:
    """scale·(coefficients·basis), row by row: (n, Q) and (Q, H) make (n, H)."""
    n, horizon = len(coefficients), basis.shape[1]
    answer = np.zeros((n, horizon))
    for i in range(n):
        for q in range(basis.shape[0]):
            weight = coefficients[i, q] * scale[i]
            if weight != 0.0:
                for h in range(horizon):
                    answer[i, h] += weight * basis[q, h]
    return answer
