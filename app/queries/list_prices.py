"""List prices (定価) by day: what the price history tells, before it what the master does."""

PARTS = 10_000  # of the money's unit, that a price is counted in: it has four decimals


def price_paths(sku_ids: str | None = None) -> str:
    """The SKUs, each with its list prices one after the other, as SQL; read by ``price_on``.

    Beside the columns of ``sku``, whose ``list_price`` is the first (null: not known), those of
    the history: ``days`` (from which on) and ``prices``. In arrays, since a join by day would look
    at all prices of a SKU for each of its days.

    Args:
        sku_ids: a query for the SKUs that are wanted; None: all.
    """
    wanted = f"WHERE sku_id IN ({sku_ids})" if sku_ids else ""
    return f"""
        SELECT sku.*, history.days, history.prices
        FROM sku LEFT JOIN (
            SELECT sku_id, array_agg(valid_from ORDER BY valid_from) AS days,
                   array_agg(list_price ORDER BY valid_from) AS prices
            FROM price_history {wanted} GROUP BY sku_id
        ) AS history USING (sku_id) {wanted}
    """


def price_on(day: str, of: str) -> str:
    """The list price on a day, as SQL; ``of`` names a row of ``price_paths``."""
    return f"coalesce({of}.prices[width_bucket({day}, {of}.days)], {of}.list_price)"


def in_parts(price: str) -> str:
    """A price in whole parts of a ten-thousandth, as SQL.

    Whole numbers of type float8 add up without error, in any order, as far as an answer can show:
    so the sums of groups are that of the whole. Those of type numeric take much longer.
    """
    return f"round({price} * {PARTS})"


def exactly(price: str) -> str:
    """The same price with its four decimals as a numeric, as SQL."""
    return f"({in_parts(price)}::numeric / {PARTS})"
