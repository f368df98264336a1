"""What the history really says, from files that came in to the forecast that goes out."""

from datetime import date, timedelta

import numpy as np
import pytest
from httpx import AsyncClient

from tests.api.conftest import rows
from tests.conftest import Work

LAST = date(2026, 6, 30)
DAYS = 240
EMPTY = range(40, 90)  # days ago on which OUT was out of stock
BULK_DAY, BULK = 50, 800
NEW_DAYS = 5
CAMPAIGN = {"starts_on": "2026-07-04", "ends_on": "2026-07-10", "discount_depth": 0.3}


def day(ago: int) -> str:
    return str(LAST - timedelta(days=ago))


def sales() -> list[tuple[str, str, int, int]]:
    """SKU, customer, days ago, quantity."""
    rng = np.random.default_rng(4)
    lines = []

    def sell(sku: str, rate: float, since: int, but: range = range(0)) -> None:
        for ago in range(since, -1, -1):
            units = int(rng.poisson(rate)) if ago not in but else 0
            lines.extend((sku, f"C{rng.integers(300)}", ago, 1) for _ in range(units))

    for sku in ("OUT", "BULK", "BACK", "PROMO"):
        lines.append((sku, "C1", DAYS - 1, 1))
        sell(sku, 4.0, DAYS - 1, EMPTY if sku == "OUT" else range(0))
    for number in range(40):
        since = 60 + 3 * number
        lines.append((f"TOP-{number:02}", "C2", since, 1))
        sell(f"TOP-{number:02}", 2.0, since)
    lines.append(("NEW", "C3", NEW_DAYS - 1, 2))
    lines.append(("NEW", "C4", 1, 1))
    lines.append(("BULK", "WHOLESALER", BULK_DAY, BULK))
    lines += [("BACK", "MISTAKEN", 12, 700), ("BACK", "MISTAKEN", 9, -700)]
    return lines


def files() -> dict[str, str]:
    lines = sales()
    categories = {sku: "Tops" if sku[:3] in {"TOP", "NEW", "UNS"} else "" for sku, *_ in lines}
    categories["UNSOLD"] = "Tops"
    stock = [("OUT", ago, 0 if ago in EMPTY else 30) for ago in range(DAYS)]
    stock += [("UNSOLD", ago, 8) for ago in range(3)]
    return {
        "products": "sku_id,category,list_price,unit_cost\n"
        + "".join(f"{sku},{name},3000,1000\n" for sku, name in categories.items()),
        "sales": "order_id,sku_id,location_id,customer_id,sold_at,quantity,unit_price\n"
        + "".join(
            f"O{number},{sku},EC,{customer},{day(ago)},{quantity},3000\n"
            for number, (sku, customer, ago, quantity) in enumerate(lines)
        ),
        "stock": "sku_id,location_id,counted_on,on_hand\n"
        + "".join(f"{sku},EC,{day(ago)},{on_hand}\n" for sku, ago, on_hand in stock),
    }


async def forecast(client: AsyncClient, work: Work, **more: object) -> int:
    """Send all files, forecast, and answer the run's number."""
    for kind, text in files().items():
        answer = await client.post(f"/imports/{kind}", content=text.encode())
        assert answer.status_code == 202, answer.text
    await work()
    campaign = {"name": "July", "sku_ids": ["PROMO"], "fixed_cost": 0, **CAMPAIGN}
    answer = await client.post("/campaigns", json=campaign)
    assert answer.status_code == 201, answer.text
    answer = await client.post("/forecasts", json={"horizon_weeks": 8})
    assert answer.status_code == 202, answer.text
    await work()
    [run] = (await client.get("/forecasts")).json()["items"]
    assert run["status"] == "finished"
    return run["forecast_run_id"]


@pytest.mark.one_server
async def test_a_forecast_is_of_what_would_have_sold(client: AsyncClient, work: Work):
    run = await forecast(client, work)
    told = {
        sku: (await client.get(f"/sku/{sku}/forecast?location_id=EC&step=day")).json()
        for sku in ("OUT", "BULK", "BACK", "PROMO", "TOP-01", "NEW", "UNSOLD")
    }
    found = await rows(client, f"/forecasts/{run}/findings")
    by_code: dict[str, list[dict[str, object]]] = {}
    for finding in found:
        by_code.setdefault(finding["code"], []).append(finding)
    weekly = {sku: np.array([week["mean"] for week in body["weeks"]]) for sku, body in told.items()}

    # 50 of 240 days without goods: a fifth of the demand is estimated, and the forecast is whole
    assert told["OUT"]["estimated_share"] == pytest.approx(50 / DAYS, abs=0.02)
    assert told["OUT"]["data_flags"] == ["estimated_demand"]
    assert 20 < weekly["OUT"].mean() < 36
    [stockout] = by_code["stockout"]
    assert stockout["sku_id"] == "OUT"
    assert stockout["detail"]["unmet_units"] == pytest.approx(50 * 4, rel=0.15)
    assert told["BULK"]["estimated_share"] is None
    assert told["BULK"]["data_flags"] == ["stockouts_unknown"]

    [bulk] = by_code["bulk_order"]
    assert (bulk["sku_id"], bulk["found_on"]) == ("BULK", day(BULK_DAY))
    assert BULK <= bulk["detail"]["units"] < BULK + 15
    assert bulk["detail"]["used_units"] < 15
    for sku in ("BULK", "BACK"):
        assert 20 < weekly[sku].mean() < 36, sku

    days = np.array([one["mean"] for one in told["PROMO"]["days"]])
    assert days[3:10].sum() / days[24:31].sum() == pytest.approx(0.7**-2, rel=0.15)
    tried = (await client.get("/sku/PROMO/sell-through?depth=0.3")).json()["what_if"]
    assert tried["current_depth"] == pytest.approx(0.3 * days[3:10].sum() / days.sum(), abs=2e-3)
    [promotion] = by_code["promotion"]
    assert (promotion["sku_id"], promotion["found_on"]) == ("PROMO", CAMPAIGN["starts_on"])
    assert promotion["detail"] == {"last_on": CAMPAIGN["ends_on"], "lift": pytest.approx(2.041)}

    for sku in ("NEW", "UNSOLD"):
        assert told[sku]["demand_class"] == "new"
        assert told[sku]["method_reason"] == "borrowed"
        assert "launches in Tops" in told[sku]["borrowed_from"]
        assert {"new_item", "borrowed"} <= set(told[sku]["data_flags"])
        assert "new_item" in (await client.get(f"/sku/{sku}/sell-through")).json()["data_flags"]
    assert 3 < weekly["NEW"].mean() < 14
    assert 0 < weekly["UNSOLD"].mean() < weekly["NEW"].mean()
    assert told["TOP-01"]["borrowed_from"] is None
    assert {f["sku_id"] for f in by_code["borrowed"]} >= {"NEW", "UNSOLD"}
    assert by_code.keys() <= {"stockout", "bulk_order", "promotion", "borrowed"}


@pytest.mark.one_server
async def test_by_the_week_it_says_the_same(client: AsyncClient, work: Work):
    answer = await client.put(
        "/policies/tenant", json={"overrides": {"forecast_step_days": 7}, "note": "by the week"}
    )
    assert answer.status_code == 200, answer.text
    run = await forecast(client, work)
    out = (await client.get("/sku/OUT/forecast")).json()
    assert out["estimated_share"] == pytest.approx(50 / DAYS, abs=0.03)
    tried = (await client.get("/sku/PROMO/sell-through?depth=0.3")).json()["what_if"]
    assert 0 < tried["current_depth"] < 0.15
    new = (await client.get("/sku/NEW/forecast")).json()
    assert "launches in Tops" in new["borrowed_from"]
    codes = {finding["code"] for finding in await rows(client, f"/forecasts/{run}/findings")}
    assert {"stockout", "bulk_order", "promotion", "borrowed"} <= codes
