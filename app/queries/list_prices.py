"""List prices (定価) by day: what the price history tells, before it what the master does."""


def price_stretches(sku_ids: str | None = None) -> str:
    """One row for each stretch of days in which a SKU has one list price (null: none is known).

    The stretches of a SKU, ``valid_from`` to before ``valid_until``, leave no gap and do not
    overlap, so that a join by day finds exactly one.

    Args:
        sku_ids: a query for the SKUs that are wanted; None: all.
    """
    wanted = f"WHERE sku_id IN ({sku_ids})" if sku_ids else ""
    # Neither a window nor a correlated subquery, which the server would not run in parallel.
    return f"""
        SELECT told.sku_id, told.valid_from, told.list_price,
               coalesce(min(later.valid_from), 'infinity') AS valid_until
        FROM (
            SELECT sku_id, valid_from, list_price FROM price_history {wanted}
            UNION ALL
            SELECT sku_id, '-infinity', list_price FROM sku {wanted}
        ) AS told
        LEFT JOIN price_history AS later
               ON later.sku_id = told.sku_id AND later.valid_from > told.valid_from
        GROUP BY 1, 2, 3
    """
