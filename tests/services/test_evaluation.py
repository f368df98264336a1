"""An evaluation: whole results, the same again, whatever happens on the way."""

from datetime import date

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.database import Sessions
from app.services.evaluation import NothingToEvaluate, evaluate

SALES = "order_id,sku_id,customer_id,sold_at,quantity,unit_price\n" + "".join(
    f"O{n},{'AB'[n % 2]},C{n % 7},2026-0{1 + n % 6}-{1 + n % 28:02},{1 + n % 3},1000\n"
    for n in range(120)
)
PRODUCTS = "sku_id,list_price,unit_cost\nA,1000,400\nB,1000,400\nUNPRICED,,\n"
STOCK = (
    "sku_id,location_id,counted_on,on_hand\n"
    "A,EC,2026-06-28,500\nB,EC,2026-06-28,1\nUNPRICED,EC,2026-06-28,9\n"
)
STEPS = ["reading sales", "valuing customers", "forecasting", "deciding", "saving"]


class Killed(Exception):
    """What a killed worker looks like from inside."""


async def silent(step: str, done: int, total: int) -> None:
    pass


@pytest.fixture
async def filled(client: AsyncClient, work) -> AsyncClient:
    for kind, csv in (("products", PRODUCTS), ("sales", SALES), ("stock", STOCK)):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    return client


async def run(sessions: Sessions, progress=silent, as_of=None):
    return await evaluate(sessions, progress, as_of=as_of, processes=1, currency="JPY")


async def everything(sessions: Sessions) -> list[tuple]:
    async with sessions() as session:
        rows = await session.execute(
            text("""
            SELECT 'disposition', sku_id, CAST(answer AS text) FROM disposition
            UNION ALL SELECT 'forecast', sku_id, CAST(yhat AS text) FROM forecast
            UNION ALL SELECT 'customer', customer_id, CAST(ltv AS text) FROM customer_ltv
            ORDER BY 1, 2
        """)
        )
        return [tuple(row) for row in rows]


async def test_without_sales_there_is_nothing_to_evaluate(sessions: Sessions):
    with pytest.raises(NothingToEvaluate, match="import sales first"):
        await run(sessions)


async def test_a_day_before_the_first_sale_has_nothing_to_evaluate(filled, sessions: Sessions):
    with pytest.raises(NothingToEvaluate, match="2020-01-01"):
        await run(sessions, as_of=date(2020, 1, 1))


async def test_every_priced_item_in_stock_is_judged_and_the_rest_is_counted(filled, sessions):
    summary = await run(sessions)
    assert summary["without_list_price"] == 1
    assert sum(summary["decisions"].values()) == 2
    assert (await filled.get("/sku/A/disposition")).json()["evaluated_on"] == "2026-06-28"
    unpriced = await filled.get("/sku/UNPRICED/disposition")
    assert unpriced.status_code == 404
    assert unpriced.json()["type"] == "/problems/not-evaluated"


async def test_evaluating_again_gives_the_same_answers(filled, sessions: Sessions):
    await run(sessions)
    first = await everything(sessions)
    await run(sessions)
    assert await everything(sessions) == first


@pytest.mark.parametrize("fatal", STEPS)
async def test_killed_at_any_step_and_run_again_it_ends_right(filled, sessions, fatal):
    await run(sessions)
    undisturbed = await everything(sessions)

    async def die(step: str, done: int, total: int) -> None:
        if step == fatal:
            raise Killed

    with pytest.raises(Killed):
        await run(sessions, die)
    assert await everything(sessions) == undisturbed, "readers see whole results all the time"
    await run(sessions)
    assert await everything(sessions) == undisturbed


async def test_a_changed_policy_is_in_the_next_verdict(filled, sessions: Sessions):
    await run(sessions)
    before = (await filled.get("/sku/A/disposition")).json()
    answer = await filled.put("/policies/tenant", json={"overrides": {"holding_rate": 2.0}})
    assert answer.status_code == 200
    await run(sessions)
    after = (await filled.get("/sku/A/disposition")).json()
    assert (before["policy_version"], after["policy_version"]) == (0, 1)
    assert after["input_hash"] != before["input_hash"]
    assert after["sell_score"] > before["sell_score"]


async def test_guests_alone_give_forecasts_and_verdicts_but_no_ltv(client, work, sessions):
    guests = "".join(f"G{n},A,,2026-0{1 + n % 6}-{1 + n % 28:02},1,1000\n" for n in range(60))
    header = SALES.partition("\n")[0] + "\n"
    for kind, csv in (("products", PRODUCTS), ("sales", header + guests), ("stock", STOCK)):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    summary = await run(sessions)
    assert summary["customers"] == 0
    answer = (await client.get("/sku/A/disposition")).json()
    assert answer["segments_as_of"] is None
    assert "average_buyer_ltv" in answer["data_flags"]
    assert (await client.get("/sku/A/ltv")).json()["type"] == "/problems/no-buyer-ltv"


async def test_a_return_is_taken_off_the_sale_it_belongs_to(client, work, sessions):
    returned = "R1,A,C0,2026-06-28,-40,1000\n"
    bulk = "Q1,A,C0,2026-06-27,40,1000\n"
    for kind, csv in (
        ("products", PRODUCTS),
        ("sales", SALES + bulk + returned),
        ("stock", STOCK),
    ):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    summary = await run(sessions)
    assert summary["returns"] == {"units": 40.0, "units_matching_no_purchase": 0.0}
    with_bulk = (await client.get("/ltv/customers/C0")).json()
    assert with_bulk["revenue"] == pytest.approx(
        1000 * sum(1 + n % 3 for n in range(120) if n % 7 == 0)
    )


async def test_an_evaluation_of_a_day_gone_by_is_in_force_as_a_whole(filled, sessions: Sessions):
    await run(sessions)
    await run(sessions, as_of=date(2026, 4, 30))
    verdict = (await filled.get("/sku/A/forecast")).json()
    assert verdict["as_of"] == "2026-04-30"
    assert (await filled.get("/ltv/segments")).json()["as_of"] == "2026-04-30"
    assert (await filled.get("/dispositions")).json()["items"] == []  # no stock was counted by then
    await run(sessions)
    assert (await filled.get("/sku/A/disposition")).json()["evaluated_on"] == "2026-06-28"
    assert (await filled.get("/sku/A/forecast")).json()["as_of"] == "2026-06-28"


async def test_a_shop_of_one_customer_is_evaluated_and_says_what_it_cannot_tell(
    client, work, sessions
):
    sales = SALES.partition("\n")[0] + "\nO1,A,C1,2026-06-01,1,1000\nO2,A,C2,2026-06-28,1,1000\n"
    for kind, csv in (("products", PRODUCTS), ("sales", sales), ("stock", STOCK)):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    await run(sessions)
    for path in ("/ltv/model", "/ltv/skus", "/sku/A/ltv", "/ltv/segments", "/ltv/customers/C1"):
        assert (await client.get(path)).status_code == 200, path
    ltv = (await client.get("/sku/A/ltv")).json()
    assert ltv["statement"] == "category_average"
    assert (await client.get("/ltv/model")).json()["fit"]["back_test"] is None
    assert (await client.get("/sku/A/disposition")).status_code == 200


async def test_customers_and_prices_that_are_gone_leave_no_stale_answers(
    filled, sessions: Sessions
):
    await run(sessions)
    assert (await filled.get("/ltv/segments")).json()["items"]
    async with sessions.begin() as session:
        await session.execute(text("UPDATE sale SET customer_id = NULL"))
        await session.execute(text("UPDATE sku SET list_price = NULL"))
    await run(sessions)
    assert (await filled.get("/ltv/segments")).json()["items"] == []
    assert (await filled.get("/ltv/model")).status_code == 404
    assert (await filled.get("/dispositions")).json()["items"] == []


async def test_a_sku_at_two_locations_has_two_forecasts_and_verdicts(client, work, sessions):
    header = "order_id,sku_id,customer_id,location_id,sold_at,quantity,unit_price\n"
    sales = header + "".join(
        f"{where}{n},A,C{n % 7},{where},2026-0{1 + n % 6}-{1 + n % 28:02},{units},1000\n"
        for n in range(60)
        for where, units in (("EC", 3), ("TOKYO", 1))
    )
    stock = "sku_id,location_id,counted_on,on_hand\nA,EC,2026-06-28,5\nA,TOKYO,2026-06-28,900\n"
    for kind, csv in (("products", PRODUCTS), ("sales", sales), ("stock", stock)):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    await run(sessions)
    verdicts = (await client.get("/dispositions")).json()["items"]
    assert {verdict["location_id"] for verdict in verdicts} == {"EC", "TOKYO"}
    forecasts = {
        where: (await client.get(f"/sku/A/forecast?location_id={where}")).json()["weeks"][0]["mean"]
        for where in ("EC", "TOKYO")
    }
    assert forecasts["EC"] == pytest.approx(3 * forecasts["TOKYO"], rel=0.05)
    sku = (await client.get("/sku/A")).json()
    assert sku["weekly_demand"] == pytest.approx(sum(forecasts.values()), abs=0.02)
    assert (
        sku["decision_location_id"]
        == max(verdicts, key=lambda v: abs(v["advantage"]))["location_id"]
    )


async def test_a_category_with_buyers_enough_lends_its_own_mean(client, work, sessions):
    products = "sku_id,list_price,unit_cost,category\n" + "".join(
        f"{kind}{n},1000,400,{kind}\n" for kind in ("DEAR", "CHEAP") for n in range(6)
    )
    header = SALES.partition("\n")[0] + "\n"
    sales = header + "".join(
        f"{kind}{c}-{day},{kind}{c % 6},{kind}{c},2026-0{1 + day // 28}-{1 + day % 28:02},1,1000\n"
        for kind, step in (("DEAR", 7), ("CHEAP", 80))
        for c in range(60)
        for day in range(c % 5, 160, step)
    )
    for kind, csv in (("products", products), ("sales", sales)):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    await run(sessions)
    items = (await client.get("/ltv/skus?limit=100")).json()["items"]
    assert {item["statement"] for item in items} == {"category_average"}
    ltv = {item["sku_id"]: item["buyer_ltv"] for item in items}
    assert len(set(ltv.values())) == 2
    assert ltv["DEAR0"] == ltv["DEAR5"] > 1.5 * ltv["CHEAP0"]


async def test_an_item_sold_many_years_ago_or_mistyped_as_so_hurts_nobody(client, work, sessions):
    old = "".join(
        f"OLD{n},OLD,C1,{day},1,1000\n"
        for n, day in enumerate(("1900-01-01", "2002-10-01", "2017-06-30"))
    )
    for kind, csv in (
        ("products", PRODUCTS + "OLD,1000,400\n"),
        ("sales", SALES + old),
        ("stock", STOCK + "OLD,EC,2026-06-28,3\n"),
    ):
        await client.post(f"/imports/{kind}", content=csv.encode())
    await work()
    await run(sessions)
    weeks = (await client.get("/sku/OLD/forecast")).json()["weeks"]
    assert {week["mean"] for week in weeks} == {0.0}
    assert (await client.get("/sku/OLD/disposition")).status_code == 200
    assert (await client.get("/sku/A/forecast")).json()["weeks"][0]["mean"] > 0
