"""The part of the policy that says how demand is forecast."""

from dataclasses import dataclass

from app.domain.policy_value import PolicyError
from app.domain.policy_value import policy_value as _value


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPolicy:
    """Policy values of the forecast; see `policy.Policy`, which has them among its own."""

    forecast_step_days: int = _value(
        1, 1, 7, "1: days, 7: weeks", "予測の単位", "Days in a period of the forecast"
    )
    forecast_lightgbm: int = _value(
        0,
        0,
        1,
        "1: yes, 0: no",
        "LightGBMを予測に使う",
        "One more forecasting method, LightGBM; needs ltv-zaiko[ml], makes a run longer",
        "off: the other methods need no extra package",
    )
    forecast_own_regressors: int = _value(
        0,
        0,
        500,
        "series",
        "専用のProphetで値引き効果を学ぶ主力商品の数",
        "So many promoted best sellers have a Prophet of their own; worth it by weeks only",
        "off: better on orange juice by weeks, but too low where days vary much",
    )

    def check(self) -> None:
        """Raise PolicyError if a value is none of those it may have."""
        if self.forecast_step_days not in {1, 7}:
            raise PolicyError("forecast_step_days must be 1 or 7")
