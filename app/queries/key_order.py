"""Lists in any order, by key: which rows come after the last one seen."""

from typing import Any

After = tuple[Any, ...]


def rows_after(after: After | None, keys: list[str], *, is_falling: bool | None) -> str:
    """The condition, as SQL, on rows that come after ``after``; ``true`` on the first page.

    Args:
        after: the keys of the last row seen; before them, where the list has a sort value, whether
            that row had one, and the value.
        keys: the columns that know a row, in their order.
        is_falling: the direction of the column ``sort_value``, nulls last; None: by keys only.

    Returns:
        SQL over the parameters of ``bound_after``.
    """
    if after is None:
        return "true"
    if not keys:
        return "false"  # nothing comes after the only row
    names = ", ".join(f"CAST(:after_{i} AS text)" for i in range(len(keys)))
    is_later = f"({', '.join(keys)}) > ({names})"
    if is_falling is None:
        return is_later
    has_value = after[0]
    if not has_value:
        return f"(sort_value IS NULL AND {is_later})"
    beyond = "<" if is_falling else ">"
    value = "CAST(:after_value AS float8)"
    return (
        f"(sort_value {beyond} {value} OR sort_value IS NULL"
        f" OR (sort_value = {value} AND {is_later}))"
    )


def bound_after(after: After | None, *, has_sort: bool) -> dict[str, Any]:
    """Values of the parameters that ``rows_after`` names."""
    if after is None:
        return {}
    keys = after[2:] if has_sort else after
    found = {f"after_{i}": key for i, key in enumerate(keys)}
    return found | ({"after_value": after[1]} if has_sort and after[0] else {})


def order_by(keys: list[str], *, is_falling: bool | None) -> str:
    """The order itself, as SQL."""
    value = (
        [] if is_falling is None else [f"sort_value {'DESC' if is_falling else 'ASC'} NULLS LAST"]
    )
    return ", ".join([*value, *keys]) or "1"
