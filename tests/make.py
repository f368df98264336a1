"""Files for tests: a small shop whose sales follow known rates, as CSV that anyone could send."""

from datetime import date, timedelta
from functools import cache

import numpy as np

LAST_DAY = date(2026, 6, 30)
WEEKS = 80
# units a week, and units on hand at the end: which SKUs are healthy, short, in excess, dead
RATES = {
    "STEADY": (20.0, 200),
    "SHORT": (20.0, 5),
    "EXCESS": (6.0, 900),
    "SLOW": (0.4, 3),
    "OVERSTOCKED": (0.4, 60),
    "DEAD": (0.0, 40),
    **{f"OTHER-{n:02}": (4.0, 60) for n in range(20)},
}
PRICE, COST = 3000.0, 1200.0
CAMPAIGN = {
    "name": "May markdown",
    "starts_on": "2026-05-04",
    "ends_on": "2026-05-17",
    "discount_depth": 0.2,
    "fixed_cost": 10000,
    "sku_ids": ["OTHER-00", "OTHER-01", "OTHER-02"],
}


@cache
def shop() -> dict[str, str]:
    """CSV texts by kind: products, sales (400 customers and guests, some returns), stock."""
    return {"products": _products(), "sales": _sales(), "stock": _stock()}


def _products() -> str:
    rows = [f"{sku},{sku[:5]},{sku.title()},{PRICE:g},{COST:g}" for sku in RATES]
    return "sku_id,style_id,name,list_price,unit_cost\n" + "\n".join(rows) + "\n"


def _stock() -> str:
    rows = [f"{sku},EC,{LAST_DAY},{on_hand}" for sku, (_, on_hand) in RATES.items()]
    return "sku_id,location_id,counted_on,on_hand\n" + "\n".join(rows) + "\n"


def _sales() -> str:
    rng = np.random.default_rng(20260630)
    rows = []
    for day_no in range(WEEKS * 7):
        day = LAST_DAY - timedelta(days=WEEKS * 7 - 1 - day_no)
        for sku, (rate, _) in RATES.items():
            daily = rate / 7 if rate else (0.5 if day_no < 200 else 0.0)
            in_campaign = CAMPAIGN["starts_on"] <= str(day) <= CAMPAIGN["ends_on"]
            if in_campaign and sku in CAMPAIGN["sku_ids"]:
                daily *= 2
            for _ in range(rng.poisson(daily)):
                customer = int(rng.gamma(0.7, 140)) % 500
                name = f"C{customer:03}" if rng.random() < 0.8 else ""
                rows.append((f"O{len(rows):06}", sku, name, day, 1))
    returned = [("R" + order, sku, name, LAST_DAY, -1) for order, sku, name, _, _ in rows[::200]]
    lines = [f"{o},{s},EC,{c},{d},{q},{PRICE:g}" for o, s, c, d, q in [*rows, *returned]]
    header = "order_id,sku_id,location_id,customer_id,sold_at,quantity,unit_price\n"
    return header + "\n".join(lines) + "\n"
