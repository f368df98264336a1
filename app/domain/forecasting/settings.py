"""What the forecast assumes: each number once, with where it comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSettings:
    """Numbers that the forecast assumes; those without a source were chosen by backtest.

    Lengths are in days; `Calendar.periods` turns them into periods.
    """

    quantile_levels: tuple[float, ...] = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
    adi_cut: float = 1.32  # Syntetos, Boylan & Croston 2005
    cv2_cut: float = 0.49  # the same
    new_days: int = 56
    inactive_days: int = 182
    origins: int = 3  # rolling origins from which members are chosen; one more is kept untouched
    origin_days: int = 28  # between origins, and forecast from each
