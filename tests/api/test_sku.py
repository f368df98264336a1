"""One SKU: its master data, its state, its forecast, its buyers."""

from datetime import date, timedelta

import pytest
from httpx import AsyncClient

from app.database import Sessions
from app.models import Forecast, ForecastRun
from tests.api import given
from tests.api.conftest import problem, rows
from tests.api.given import Sku
from tests.conftest import Work
from tests.make import COST, LAST_DAY, PRICE, RATES


async def test_the_state_at_a_glance_says_what_the_longer_answers_say(shop: AsyncClient):
    state = (await shop.get("/sku/STEADY")).json()
    verdict = (await shop.get("/sku/STEADY/disposition")).json()
    forecast = (await shop.get("/sku/STEADY/forecast")).json()
    ltv = (await shop.get("/sku/STEADY/ltv")).json()
    [level] = await rows(shop, "/inventory", sku_id="STEADY")
    assert (state["decision"], state["sell_score"]) == (verdict["decision"], verdict["sell_score"])
    assert state["weekly_demand"] == forecast["weeks"][0]["mean"]
    assert state["demand_class"] == forecast["demand_class"]
    assert state["buyer_ltv_index"] == ltv["ltv_index"]
    assert state["inventory"] == [level]
    assert (state["list_price"], state["unit_cost"], state["style_id"]) == (PRICE, COST, "STEAD")
    assert state["is_listed"] is True
    assert state["data_flags"] == []


async def test_an_item_nobody_has_evaluated_shows_what_is_known(
    client: AsyncClient, sessions: Sessions
):
    sku = Sku(sku_id="NEW", unit_cost=1.2345, is_cost_derived=True, is_listed=False)
    await given.add(sessions, sku)
    state = (await client.get("/sku/NEW")).json()
    assert state["inventory"] == []
    unknown = ("decision", "sell_score", "weekly_demand", "demand_class", "buyer_ltv_index")
    assert [state[name] for name in unknown] == [None] * 5
    assert state["unit_cost"] == 1.2345
    assert state["data_flags"] == ["derived_cost", "unlisted"]
    problem(await client.get("/sku/NEW/forecast"), 404, "not-forecast")
    problem(await client.get("/sku/NEW/ltv"), 404, "no-buyer-ltv")


@pytest.mark.parametrize("sku_id", ["A/B", "品 1", "a%b", "x?y", "x#y", "../x", "%2F"])
async def test_sku_codes_are_taken_as_they_are(
    client: AsyncClient, sessions: Sessions, sku_id: str
):
    await given.add(
        sessions, Sku(sku_id=sku_id), given.disposition(sku_id, 1.0), given.evaluation()
    )
    quoted = "".join(f"%{byte:02X}" for byte in sku_id.encode())
    assert (await client.get(f"/sku/{quoted}")).json()["sku_id"] == sku_id
    assert (await client.get(f"/sku/{quoted}/disposition")).json()["sku_id"] == sku_id
    problem(await client.get(f"/sku/{quoted}/forecast"), 404, "not-forecast")


async def test_search_takes_the_text_as_it_is(client: AsyncClient, sessions: Sessions):
    named = {"A": "100% cotton", "B": "100 cotton", "C": "snow_white", "D": "snow white"}
    await given.add(sessions, *(Sku(sku_id=k, name=v) for k, v in named.items()))
    await given.add(sessions, Sku(sku_id="E", style_id="Snow-9"), Sku(sku_id="F"))

    async def found(search: str) -> list[str]:
        return [item["sku_id"] for item in await rows(client, "/sku", search=search)]

    assert await found("100%") == ["A"]
    assert await found("snow_") == ["C"]
    assert await found("SNOW") == ["C", "D", "E"]
    assert await found("\\") == []
    assert await found("'; DROP TABLE sku; --") == []
    assert await found("") == ["A", "B", "C", "D", "E", "F"]


async def test_a_forecast_names_its_weeks_its_method_and_the_reason(shop: AsyncClient):
    for sku_id in RATES:
        body = (await shop.get(f"/sku/{sku_id}/forecast")).json()
        assert (body["sku_id"], body["location_id"]) == (sku_id, "EC")
        assert body["as_of"] == LAST_DAY.isoformat()
        first = LAST_DAY + timedelta(days=1)
        assert [date.fromisoformat(week["week_start"]) for week in body["weeks"]] == [
            first + timedelta(weeks=n) for n in range(26)
        ]
        for week in body["weeks"]:
            levels = [float(level) for level in week["quantiles"]]
            values = list(week["quantiles"].values())
            assert levels == sorted(levels)
            assert values == sorted(values)
            assert week["mean"] >= 0
        assert body["method_reason_ja"]
        assert body["method_reason_en"].endswith(".")


async def test_of_several_locations_the_one_with_the_largest_first_week_answers(
    client: AsyncClient, sessions: Sessions
):
    """A shop that is closed on the first day may be the largest all the same."""

    def forecast(location_id: str, first_day: float, others: float) -> Forecast:
        return Forecast(
            sku_id="A",
            location_id=location_id,
            forecast_run_id=1,
            starts_on=LAST_DAY + timedelta(days=1),
            step_days=1,
            demand_class="smooth",
            method="tsb",
            method_reason="equal_weights",
            yhat=[first_day] + 6 * [others],
            sum_variance=7 * [20.0],
            level_cv2=0.1,
            estimated_share=0.0,
        )

    run = ForecastRun(as_of=LAST_DAY, horizon_weeks=1, step_days=1, status="finished")
    await given.add(sessions, Sku(sku_id="A"), run)
    await given.add(sessions, forecast("CLOSED", 0.0, 9.0), forecast("OPEN", 5.0, 2.0))
    body = (await client.get("/sku/A/forecast")).json()
    assert (body["location_id"], body["weeks"][0]["mean"]) == ("CLOSED", 54)


async def test_a_forecast_at_another_location_is_not_there(shop: AsyncClient):
    same = await shop.get("/sku/STEADY/forecast?location_id=EC")
    assert same.json() == (await shop.get("/sku/STEADY/forecast")).json()
    answer = await shop.get("/sku/STEADY/forecast?location_id=SHIBUYA")
    told = problem(answer, 404, "not-forecast")["detail"]
    assert told == "sku_id 'STEADY' has no forecast: there is no location 'SHIBUYA'"


async def test_why_there_is_no_forecast_is_said(own_shop: AsyncClient, own_work: Work):
    async def why(sku_id: str, **params: str) -> str:
        answer = await own_shop.get(f"/sku/{sku_id}/forecast", params=params)
        return problem(answer, 404, "not-forecast")["detail"].partition(" has no forecast: ")[2]

    sold = [("OLD", "EC", "2012-01-31"), ("LATE", "EC", "2026-07-01"), ("ADDED", "EC", LAST_DAY)]
    sold += [("STORES", f"S{n}", LAST_DAY) for n in range(5)]
    lines = [f"N{n},{sku},{day},1,1000,{at}" for n, (sku, at, day) in enumerate(sold)]
    files = {
        "products": [
            "sku_id,item_class",
            "IDLE,staple",
            "GONE,staple",
            "AWAY,staple",
            "POST,service",
        ],
        "sales": ["order_id,sku_id,sold_at,quantity,unit_price,location_id", *lines],
        "stock": [
            "sku_id,location_id,counted_on,on_hand",
            "GONE,EC,2026-06-01,3",
            "GONE,EC,2026-06-30,0",
            "AWAY,EC,2026-06-30,3",
        ],
    }
    for kind, told in files.items():
        answer = await own_shop.post(f"/imports/{kind}", content="\n".join(told).encode())
        assert answer.status_code == 202, answer.text
    await own_work()
    assert await why("IDLE") == "it has never sold and never been in stock"
    assert await why("IDLE", location_id="EC") == "it has never sold and never been in stock there"
    assert await why("GONE") == "it has never sold, and none is in stock by the last count"
    assert (await why("AWAY")).startswith("it has never sold; its stock came after")
    assert await why("POST") == "it is a service"
    assert await why("OLD") == "it last sold on 2012-01-31, before the history looked at"
    assert await why("LATE") == (
        "it first sold on 2026-07-01, after 2026-06-30, as of which all is forecast"
    )
    assert await why("ADDED") == "no forecast has been made since its sales came"
    assert await why("STORES", location_id="EC") == (
        "it has sold at other locations only: S0, S1, S2 and 2 more"
    )


async def test_where_nothing_is_forecast_yet_it_is_said(client: AsyncClient, sessions: Sessions):
    await given.add(sessions, Sku(sku_id="NEW"))
    told = problem(await client.get("/sku/NEW/forecast"), 404, "not-forecast")["detail"]
    assert told == "sku_id 'NEW' has no forecast: no forecast has been made yet"


async def test_buyers_are_counted_as_the_sales_say(shop: AsyncClient):
    sales = given.csv_rows("sales")
    bought: dict[str, int] = {}
    for line in sales:
        if line["sku_id"] == "SLOW" and line["customer_id"]:
            bought[line["customer_id"]] = bought.get(line["customer_id"], 0) + int(line["quantity"])
    body = (await shop.get("/sku/SLOW/ltv")).json()
    assert body["buyers"] == sum(units > 0 for units in bought.values())
    assert 0 < body["effective_buyers"] <= body["buyers"] + 0.01
    assert body["buyer_ltv_low"] < body["buyer_ltv"] < body["buyer_ltv_high"]
    assert sum(body["segment_mix"].values()) == pytest.approx(1, abs=0.001)
