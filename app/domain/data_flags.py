"""What is doubtful about a row's figures, in the words that every answer uses (``data_flags``)."""

from collections.abc import Mapping
from typing import Any

# what is true of the row → the word for it, in the order they are told
WORDS = {
    "is_derived": "derived_stock",
    "is_cost_derived": "derived_cost",
    "is_price_derived": "derived_list_price",
    "is_negative": "negative_stock",
    "is_contradicting": "contradicting_stock",
    "is_stale": "stale",
    "lacks_cost": "no_cost",
    "lacks_price": "no_list_price",
    "is_unlisted": "unlisted",
    "has_no_count": "no_stock_count",
    "has_old_count": "old_stock_count",
    "has_no_forecast": "no_forecast",
    "has_old_forecast": "forecast_outdated",
    "is_weekly": "weekly_forecast",
    "is_past_end": "past_sales_end",
    "is_beyond_horizon": "beyond_horizon",
    "has_several_ends": "season_ends_differ",
    "is_stockout_unknown": "stockouts_unknown",
    "is_estimated": "estimated_demand",
    "is_new": "new_item",
    "is_borrowed": "borrowed",
    "has_failed": "failed",
    "lacks_depth": "assumed_full_price",
    "is_too_deep": "deeper_than_allowed",
}


def data_flags(row: Mapping[Any, Any]) -> list[str]:
    """The words for what is true of the row; what it does not tell is not true."""
    return [word for name, word in WORDS.items() if row.get(name)]
