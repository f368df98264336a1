"""What sales files leave behind, said in plain Python: a dictionary of lines, added up anew."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, str]  # a row of a file, by column
Line: TypeAlias = dict[str, Any]

FIELDS = ("sku_id", "location_id", "customer_id", "sold_on", "quantity", "unit_price", "list_price")
SALES = f"SELECT order_id, line_key, {', '.join(FIELDS)} FROM sale"
DAILY = """
    SELECT sku_id, location_id, sold_on, units, units_returned, revenue, list_value,
           unpriced_units, unpriced_revenue FROM sales_daily
"""


def csv_of(columns: list[str], rows: list[Row]) -> str:
    lines = [columns, *([row[name] for name in columns] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


@dataclass
class Model:
    """All lines that are known, by order, line key and location."""

    lines: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def take(self, columns: list[str], rows: list[Row]) -> dict[str, int]:
        """Take a file in; how many of its rows are new, changed, same, rejected."""
        stated = {"sku_id", "sold_on", "quantity", "unit_price", *columns}
        told = {key: line for key, line in _keyed(columns, rows)}  # noqa: C416 - the last counts
        counts = Counter(new=0, changed=0, same=0, rejected=len(rows) - len(told))
        for key, line in told.items():
            known = self.lines.get(key)
            if known is None:
                counts["new"] += 1
                self.lines[key] = line
                continue
            corrected = {name: line[name] if name in stated else known[name] for name in FIELDS}
            if "discount" in columns and line["list_price"] is not None:
                corrected["list_price"] = line["list_price"]
            counts["same" if corrected == known else "changed"] += 1
            self.lines[key] = corrected
        return dict(counts)

    def sales(self) -> list[tuple[Any, ...]]:
        return sorted((*key[:2], *line.values()) for key, line in self.lines.items())

    def daily(self) -> list[tuple[Any, ...]]:
        """SKU, place, day and their sums, as the table ``sales_daily`` has them."""
        sums: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0])
        for line in self.lines.values():
            total = sums[line["sku_id"], line["location_id"], line["sold_on"]]
            units, price, listed = line["quantity"], line["unit_price"], line["list_price"]
            is_unpriced = listed is None
            total[0] += units
            total[1] += max(-units, 0)
            total[2] += units * price
            total[3] += 0 if is_unpriced else units * listed
            total[4] += units if is_unpriced else 0
            total[5] += units * price if is_unpriced else 0
        return sorted((*key, *total) for key, total in sums.items())


def _keyed(columns: list[str], rows: list[Row]) -> list[tuple[tuple[str, str, str], Line]]:
    """Lines with what knows them: their number, or else SKU and how manieth of it in the order."""
    nth: Counter[tuple[str, str, str, bool]] = Counter()
    keyed = []
    for row in rows:
        cells = {name: row[name] or None for name in columns}
        units = int(row["quantity"])
        key, place = cells.get("line_no"), cells.get("location_id") or "EC"
        if key is None:
            of = (row["order_id"], row["sku_id"], place, units < 0)
            nth[of] += 1
            key = f"{row['sku_id']}#{'r' if units < 0 else ''}{nth[of]}"
        paid, listed, off = (
            None if cells.get(name) is None else Decimal(cells[name])
            for name in ("unit_price", "list_price", "discount")
        )
        off = None if off is None else off / abs(units)
        line = {
            "sku_id": row["sku_id"],
            "location_id": place,
            "customer_id": cells.get("customer_id"),
            "sold_on": date.fromisoformat(row["sold_at"]),
            "quantity": units,
            "unit_price": paid if paid is not None else max(listed - (off or 0), Decimal(0)),
            "list_price": listed if listed is not None or off is None else paid + off,
        }
        keyed.append(((row["order_id"], key, place), line))
    return keyed
