"""Which items and places a view is of."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a caller asks for; None: whatever it is.

    Attributes:
        category: a path; it takes what lies below as well, ``Ladies`` also ``Ladies/Coats``.
        search: text that the SKU's id, style or name contains.
    """

    sku_id: str | None = None
    style_id: str | None = None
    category: str | None = None
    season_code: str | None = None
    item_class: str | None = None
    brand: str | None = None
    search: str | None = None
    location_id: str | None = None
    channel: str | None = None

    def of_skus(self) -> str:
        """The condition on ``sku``, as SQL."""
        where = [
            f"sku.{name} = :{name}"
            for name in ("sku_id", "season_code", "item_class", "brand")
            if getattr(self, name) is not None
        ]
        if self.style_id is not None:
            where.append("coalesce(sku.style_id, sku.sku_id) = :style_id")
        if self.category is not None:
            where.append("(sku.category = :category OR starts_with(sku.category, :below_category))")
        if self.search is not None:
            where.append(
                "strpos(lower(concat_ws(' ', sku.sku_id, sku.style_id, sku.name)), lower(:search))"
                " > 0"
            )
        return " AND ".join(where) or "true"

    def of_locations(self) -> str:
        """The condition on ``location``, as SQL."""
        names = [n for n in ("location_id", "channel") if getattr(self, n) is not None]
        return " AND ".join(f"location.{name} = :{name}" for name in names) or "true"

    def bound(self) -> dict[str, Any]:
        """Values of the parameters that both conditions name."""
        names = ("sku_id", "style_id", "season_code", "item_class", "brand", "search")
        found = {name: getattr(self, name) for name in (*names, "location_id", "channel")}
        if self.category is not None:
            path = self.category.rstrip("/")
            found |= {"category": path, "below_category": f"{path}/"}
        return {name: value for name, value in found.items() if value is not None}
