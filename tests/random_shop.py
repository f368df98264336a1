"""A small retailer made at random, and its views counted out line by line, slow and plain.

Several stores and channels, returns, corrected lines, list prices from three sources, SKUs without
style, cost, price or size, counts that are missing, receipts, transfers and losses.
"""

import csv
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

Row = dict[str, Any]
FIRST, LAST = date(2026, 2, 20), date(2026, 6, 30)
COUNTS = (date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 30))
LOCATIONS = [
    {"location_id": "GINZA", "location_type": "store", "channel": "store"},
    {"location_id": "UMEDA", "location_type": "store", "channel": "store"},
    {"location_id": "MALL", "location_type": "mall", "channel": "mall"},
    {"location_id": "EC", "location_type": "ec", "channel": "ec"},
]
CHANNEL = {row["location_id"]: row["channel"] for row in LOCATIONS}
PART = Decimal("0.0001")  # the smallest money there is
CATEGORIES = ("Ladies", "Ladies/Coats", "Ladies/Tops", "LadiesShoes", "Mens/Tops", "")


class Shop:
    """The retailer's files as rows, as they stand after the correction."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.products = [self._product(n) for n in range(24)]
        self.by_sku = {row["sku_id"]: row for row in self.products}
        self.prices = [
            {
                "sku_id": row["sku_id"],
                "valid_from": day,
                "list_price": self.rng.randint(50, 99) + PART * 6667,
            }
            for row in self.products[::3]
            for day in (date(2026, 3, 10), date(2026, 5, 20), date(2026, 6, 25))
        ]
        self.sales = [self._line(n) for n in range(1500)]
        self.corrections = self._correct()
        self.stock = [
            {
                "sku_id": row["sku_id"],
                "location_id": place["location_id"],
                "counted_on": day,
                "on_hand": self.rng.choice((0, 0, 1, 3, 8)),
                "on_order": self.rng.choice((0, 5)),
                "allocated": self.rng.choice((0, 1)),
                "last_received_on": (
                    self.rng.choice(("", date(2026, 4, 1))) if is_received(row) else ""
                ),
            }
            for row in self.products
            for place in LOCATIONS
            for day in COUNTS
            if self.rng.random() < 0.8
        ]
        self.movements = [self._movement(n) for n in range(200)]

    def _product(self, n: int) -> Row:
        pick = self.rng.choice
        style = f"ST{n // 4}"
        return {
            "sku_id": f"S{n:02}",
            "style_id": "" if n >= 21 else style,
            "name": f"品 {n}",
            "color": pick(("Navy", "Grey")),
            "size": "" if n // 4 == 4 else "SML"[n % 3],
            "category": CATEGORIES[n // 4 % 6],
            "brand": pick(("A", "B", "")),
            "season_code": pick(("26SS", "25AW", "")),
            "item_class": pick(("staple", "seasonal")),
            "list_price": "" if n % 5 == 4 else 100 + n + PART * 3333,
            "unit_cost": "" if n % 7 == 6 else 40 + n + PART * 1111,
        }

    def _line(self, n: int) -> Row:
        rng = self.rng
        price = rng.choice((60, 80 + PART * 5000, 100 + PART * 3333, 130 + PART))
        return {
            "order_id": f"O{n // 3}",
            "line_no": str(n),
            "sku_id": rng.choice(self.products[:22])["sku_id"],  # two never sell
            "location_id": rng.choice(LOCATIONS)["location_id"],
            "sold_at": FIRST + timedelta(days=rng.randint(0, (LAST - FIRST).days)),
            "quantity": rng.choice((1, 1, 1, 2, 3, -1, -2)),
            "unit_price": price,
            "list_price": rng.choice(("", "", price, 140 + PART * 7777)),
        }

    def _correct(self) -> list[Row]:
        """Lines told otherwise a second time: other quantities, prices, days, places."""
        found = []
        for line in self.sales[::17]:
            line |= {
                "quantity": self.rng.choice((1, 4, -3)),
                "unit_price": 77 + PART * 7777,
                "sold_at": line["sold_at"] - timedelta(days=self.rng.choice((0, 40))),
                "location_id": self.rng.choice(LOCATIONS)["location_id"],
            }
            found.append(line)
        return found

    def _movement(self, n: int) -> Row:
        kind = self.rng.choice(("receipt", "transfer", "supplier_return", "adjustment", "loss"))
        size = self.rng.randint(1, 9)
        sign = {"receipt": 1, "supplier_return": -1, "loss": -1}.get(kind)
        return {
            "receipt_id": f"R{n}",
            "sku_id": self.rng.choice([row for row in self.products if is_received(row)])["sku_id"],
            "location_id": self.rng.choice(LOCATIONS)["location_id"],
            "moved_on": self.rng.choice((*COUNTS, date(2026, 5, 1), date(2026, 6, 12))),
            "quantity": size * (sign or self.rng.choice((1, -1))),
            "movement_type": kind,
        }

    def sent(self) -> list[tuple[str, list[Row]]]:
        """What is sent, kind by kind, in this order; the sales before their correction first."""
        first = [
            line | {"quantity": 9, "sold_at": date(2026, 3, 3)}
            if line in self.corrections
            else line
            for line in self.sales
        ]
        return [
            ("locations", LOCATIONS),
            ("products", self.products),
            ("prices", self.prices),
            ("sales", first),
            ("sales", self.corrections),
            ("stock", self.stock),
            ("receipts", self.movements),
        ]

    def list_price(self, sku_id: str, day: date) -> Decimal | None:
        told = [p for p in self.prices if p["sku_id"] == sku_id and p["valid_from"] <= day]
        if told:
            return max(told, key=lambda p: p["valid_from"])["list_price"]
        return self.by_sku[sku_id]["list_price"] or None

    def style(self, sku_id: str) -> str:
        return self.by_sku[sku_id]["style_id"] or sku_id


def is_received(product: Row) -> bool:
    """Of one SKU in six nothing is known to have come in."""
    return int(product["sku_id"][1:]) % 6 != 5


def as_csv(rows: list[Row]) -> bytes:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def figures(shop: Shop, lines: Iterable[Row]) -> Row:
    """What lines add up to: units, money, margin, list value."""
    found: Row = defaultdict(Decimal, gross_margin=None)
    for line in lines:
        sku, units = shop.by_sku[line["sku_id"]], line["quantity"]
        revenue = units * line["unit_price"]
        found["units"] += units
        found["units_returned"] += max(-units, 0)
        found["revenue"] += revenue
        if sku["unit_cost"] != "":
            margin = revenue - units * sku["unit_cost"]
            found["gross_margin"] = (found["gross_margin"] or 0) + margin
        price = line["list_price"] or shop.list_price(line["sku_id"], line["sold_at"])
        if price is not None:
            found["list_value"] += units * price
            found["discount"] += units * price - revenue
    return found


def sales_by(
    shop: Shop, key: Callable[[Row], tuple[str, ...]], is_wanted: Callable[[Row], bool]
) -> dict[tuple[str, ...], Row]:
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for line in shop.sales:
        if is_wanted(line):
            groups[key(line)].append(line)
    return {name: figures(shop, lines) for name, lines in sorted(groups.items())}


def last_counts(shop: Shop, as_of: date) -> list[Row]:
    last: dict[tuple[str, str], Row] = {}
    for row in shop.stock:
        key = (row["sku_id"], row["location_id"])
        if row["counted_on"] <= as_of:
            last[key] = max(last.get(key, row), row, key=lambda r: r["counted_on"])
    return list(last.values())


def stock_by(
    shop: Shop,
    key: Callable[[Row], tuple[str, str]],
    is_wanted: Callable[[Row], bool],
    *,
    as_of: date,
    days: int,
) -> dict[tuple[str, str], Row]:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in last_counts(shop, as_of):
        if is_wanted(row):
            groups[key(row)].append(row)
    return {name: _stock(shop, rows, as_of, days) for name, rows in sorted(groups.items())}


def _stock(shop: Shop, rows: list[Row], as_of: date, days: int) -> Row:
    first = as_of - timedelta(days=days - 1)
    keys = {(row["sku_id"], row["location_id"]) for row in rows}

    def is_here(row: Row) -> bool:
        return (row["sku_id"], row["location_id"]) in keys

    ever = [x for x in shop.sales if is_here(x) and x["sold_at"] <= as_of]
    sold = figures(shop, [x for x in ever if x["sold_at"] >= first])
    stock = sum(row["on_hand"] for row in rows)
    units = max(sold["units"], 0)
    priced = [(r["on_hand"], shop.list_price(r["sku_id"], as_of)) for r in rows]
    at_list = [n * price for n, price in priced if price is not None]
    costs = {sku_id: shop.by_sku[sku_id]["unit_cost"] for sku_id, _ in keys}
    with_cost = [row for row in rows if costs[row["sku_id"]] != ""]
    mean_cost = Decimal(0)
    for row in with_cost:
        counts = [
            r["on_hand"]
            for r in shop.stock
            if (r["sku_id"], r["location_id"]) == (row["sku_id"], row["location_id"])
            and first <= r["counted_on"] <= as_of
        ]
        counts = counts or [row["on_hand"]]
        mean_cost += Decimal(sum(counts)) / len(counts) * costs[row["sku_id"]]
    bought = [x["sold_at"] for x in ever if x["quantity"] > 0]
    received = [r["last_received_on"] for r in rows if r["last_received_on"]] + [
        m["moved_on"]
        for m in shop.movements
        if is_here(m) and m["movement_type"] == "receipt" and m["moved_on"] <= as_of
    ]
    value = max(sold["list_value"], 0)
    margin = sum_margin(shop, [x for x in ever if x["sold_at"] >= first], with_cost)
    return {
        "on_hand": stock,
        "on_order": sum(row["on_order"] for row in rows),
        "inventory_position": sum(r["on_hand"] + r["on_order"] - r["allocated"] for r in rows),
        "counted_on": str(max(row["counted_on"] for row in rows)),
        "units_sold": sold["units"],
        "revenue": sold["revenue"],
        "sell_through_rate": units / (units + stock) if units + stock else None,
        "sell_through_value": (
            value / (value + sum(at_list)) if at_list and value + sum(at_list) else None
        ),
        "days_of_supply": stock * days / units if units else None,
        "value_at_cost": (
            sum(r["on_hand"] * costs[r["sku_id"]] for r in with_cost) if with_cost else None
        ),
        "value_at_list": sum(at_list) if at_list else None,
        "gross_margin": margin,
        "gmroi": margin * 365 / days / mean_cost if with_cost and mean_cost else None,
        "discount_rate": (
            sold["discount"] / sold["list_value"] if sold["list_value"] > 0 else None
        ),
        "last_sold_on": str(max(bought)) if bought else None,
        "last_received_on": str(max(received)) if received else None,
        "age_days": (as_of - max(received)).days if received else None,
    }


def sum_margin(shop: Shop, lines: list[Row], with_cost: list[Row]) -> Decimal | None:
    """Nothing sold of what has a cost is a margin of nothing, not an unknown one."""
    if not with_cost:
        return None
    return figures(shop, lines)["gross_margin"] or Decimal(0)
