"""Order lists: proposed once per key, approved, handed over as JSON or CSV."""

import asyncio
import csv
from io import StringIO

import pytest
from httpx import AsyncClient

from app.database import Sessions
from app.schemas.order_lists import OrderLineBody
from tests.api import given
from tests.api.conftest import problem
from tests.api.given import Location
from tests.conftest import Work
from tests.make import COST, LAST_DAY

ONCE = {"Idempotency-Key": "erp-1"}


async def test_a_list_orders_what_is_short_and_explains_the_rest(own_shop: AsyncClient):
    answer = await own_shop.post("/order-lists", json={"item_class": "staple"})
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["Location"] == f"/order-lists/{body['order_list_id']}"
    assert (body["status"], body["as_of"]) == ("proposed", LAST_DAY.isoformat())
    lines = {line["sku_id"]: line for line in body["lines"]}
    assert "SHORT" in lines
    assert lines.keys().isdisjoint({"EXCESS", "OVERSTOCKED", "DEAD"})
    short = lines["SHORT"]
    assert short["inventory_position"] == 5 <= short["reorder_point"]
    assert short["quantity"] == round(short["order_up_to"] - 5)
    assert short["amount"] == short["quantity"] * COST == short["quantity"] * short["unit_cost"]
    summary = body["summary"]
    assert summary["lines"] == len(lines)
    assert summary["units"] == sum(line["quantity"] for line in body["lines"])
    assert summary["amount"] == sum(line["amount"] for line in body["lines"])
    assert summary["items_considered"] == len(lines) + sum(summary["not_ordered"].values())
    assert (await own_shop.get(answer.headers["Location"])).json() == body


async def test_all_of_the_request_is_optional(own_shop: AsyncClient):
    without = await own_shop.post("/order-lists")
    empty = await own_shop.post("/order-lists", json={})
    assert (without.status_code, empty.status_code) == (201, 201)
    assert without.json()["summary"] == empty.json()["summary"]
    assert without.json()["order_list_id"] != empty.json()["order_list_id"]


async def test_the_same_key_answers_the_same_list(own_shop: AsyncClient):
    first = await own_shop.post("/order-lists", json={}, headers=ONCE)
    again = await own_shop.post("/order-lists", json={"item_class": "staple"}, headers=ONCE)
    other = await own_shop.post("/order-lists", json={}, headers={"Idempotency-Key": "erp-2"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert other.json()["order_list_id"] != first.json()["order_list_id"]


async def test_the_same_key_with_another_request_is_a_conflict(own_shop: AsyncClient):
    await own_shop.post("/order-lists", json={}, headers=ONCE)
    for request in ({"location_id": "EC"}, {"as_of": "2026-07-01"}):
        answer = await own_shop.post("/order-lists", json=request, headers=ONCE)
        problem(answer, 409, "idempotency-conflict")
    assert len((await own_shop.get("/order-lists")).json()["items"]) == 1


async def test_ten_retries_at_once_make_one_list(own_shop: AsyncClient):
    answers = await asyncio.gather(
        *(own_shop.post("/order-lists", json={}, headers=ONCE) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_list_id"] for answer in answers}) == 1
    assert len((await own_shop.get("/order-lists")).json()["items"]) == 1


async def test_a_key_that_cannot_be_kept_is_refused(client: AsyncClient):
    for key in (b"", b"x" * 201, b"a\x00b"):
        answer = await client.post("/order-lists", json={}, headers={"Idempotency-Key": key})
        body = problem(answer, 422, "invalid-request")
        assert body["errors"][0]["loc"] == ["header", "idempotency-key"]


async def test_nothing_to_order_is_a_conflict_that_says_why(
    client: AsyncClient, own_shop: AsyncClient
):
    body = problem(await client.post("/order-lists", json={}), 409, "nothing-to-order")
    assert "no forecast yet" in body["detail"]
    answer = await own_shop.post("/order-lists", json={"location_id": "NOWHERE"})
    assert "'NOWHERE'" in problem(answer, 404, "unknown-location")["detail"]


async def test_a_day_that_the_forecast_does_not_cover_is_refused(own_shop: AsyncClient):
    early = await own_shop.post("/order-lists", json={"as_of": "2026-06-29"})
    assert "begins after 2026-06-30" in problem(early, 409, "outside-forecast")["detail"]
    # 182 days of forecast, of which an order has to last 21
    answers = {
        day: await own_shop.post("/order-lists", json={"as_of": day})
        for day in ("2026-07-06", "2026-07-07", "2026-12-08", "2026-12-09")
    }
    assert [answer.status_code for answer in answers.values()] == [201, 201, 201, 409]
    assert "covers 26 weeks" in answers["2026-12-09"].json()["detail"]
    flags = [answer.json().get("data_flags", []) for answer in answers.values()]
    assert ["stale_forecast" in told for told in flags] == [False, True, True, False]


@pytest.mark.slow
@pytest.mark.one_server
@pytest.mark.parametrize("end", ["low", "high"])
async def test_every_policy_that_is_allowed_gives_a_list_or_says_why_not(
    own_shop: AsyncClient, own_work: Work, end: str
):
    defaults = (await own_shop.get("/policies")).json()["values"]
    overrides = {value["name"]: value[end] for value in defaults}
    changed = await own_shop.put("/policies/tenant", json={"overrides": overrides})
    assert changed.status_code == 200
    before = await own_shop.post("/order-lists", json={})
    assert before.status_code in {201, 409}, before.text
    await own_shop.post("/evaluations", json={})
    await own_work()
    assert (await own_shop.get("/jobs?limit=1")).json()["items"][0]["error"] is None
    after = await own_shop.post("/order-lists", json={})
    assert after.status_code == 201, after.text


async def test_nothing_is_ordered_beyond_the_longest_cover(own_shop: AsyncClient):
    async def longest(weeks: float) -> float:
        overrides = {"order_cover_weeks": weeks, "service_level": 0.999}
        await own_shop.put("/policies/tenant", json={"overrides": overrides})
        lines = (await own_shop.post("/order-lists", json={})).json()["lines"]
        return max(line["days_of_supply_after"] for line in lines if line["quantity"] > 1)

    usual = await longest(52)
    assert await longest(4) <= 28 < usual


SALES = "order_id,sku_id,sold_at,quantity,unit_price,location_id\n"


async def test_what_lacks_a_stock_record_or_a_forecast_is_counted_and_named(
    client: AsyncClient, work: Work
):
    files = {
        "sales": SALES
        + "".join(
            f"{where}{n},SOLD,2026-06-{n:02},5,3000,{where}\n"
            for n in range(1, 29)
            for where in ("EC", "TOKYO")
        ),
        "stock": "sku_id,location_id,counted_on,on_hand\n"
        "SOLD,EC,2026-06-30,3\nNEVER-SOLD,EC,2026-06-30,3\n",
    }
    for kind, text in files.items():
        await client.post(f"/imports/{kind}", content=text.encode())
    await client.post("/evaluations", json={})
    await work()
    body = (await client.post("/order-lists", json={})).json()
    [line] = body["lines"]
    assert (line["sku_id"], line["location_id"]) == ("SOLD", "EC")
    assert body["summary"]["not_ordered"] == {"no_stock_record": 1, "no_forecast": 1}
    assert body["summary"]["items_considered"] == 3
    only = await client.post("/order-lists", json={"location_id": "TOKYO"})
    told = problem(only, 409, "nothing-to-order")["detail"]
    assert told == "none of 1 items has to be ordered: 1 no_stock_record"


async def test_what_has_been_approved_is_on_order_until_stock_is_counted_again(
    own_shop: AsyncClient, own_work: Work
):
    first = (await own_shop.post("/order-lists", json={})).json()
    await own_shop.post(f"/order-lists/{first['order_list_id']}/approve")
    again = await own_shop.post("/order-lists", json={})
    assert "enough_stock" in problem(again, 409, "nothing-to-order")["detail"]
    counted = "sku_id,location_id,counted_on,on_hand\nSHORT,EC,2026-07-01,5\n"
    await own_shop.post("/imports/stock", content=counted.encode())
    await own_work()
    [line] = (await own_shop.post("/order-lists", json={})).json()["lines"]
    assert (line["sku_id"], line["inventory_position"]) == ("SHORT", 5)


async def test_stock_that_a_later_count_passed_over_is_flagged(
    own_shop: AsyncClient, own_work: Work
):
    counted = "sku_id,location_id,counted_on,on_hand\nSTEADY,EC,2026-07-01,1\n"
    await own_shop.post("/imports/stock", content=counted.encode())
    await own_work()
    body = (await own_shop.post("/order-lists", json={})).json()
    assert {"STEADY", "SHORT"} <= {line["sku_id"] for line in body["lines"]}
    assert "stale_stock" in body["data_flags"]


async def test_what_ends_before_an_order_arrives_is_not_ordered(
    own_shop: AsyncClient, own_work: Work
):
    async def ordered(sales_end_on: str) -> bool:
        text = f"sku_id,sales_end_on\nSHORT,{sales_end_on}\n"
        await own_shop.post("/imports/products", content=text.encode())
        await own_work()
        lines = (await own_shop.post("/order-lists", json={})).json()["lines"]
        return "SHORT" in {line["sku_id"] for line in lines}

    assert not await ordered("2026-07-14")  # a lead time of two weeks
    assert await ordered("2026-07-15")


async def test_approval_names_who_and_when_and_stays(own_shop: AsyncClient):
    path = (await own_shop.post("/order-lists", json={})).headers["Location"]
    first = await own_shop.post(f"{path}/approve")
    body = first.json()
    assert (first.status_code, body["status"], body["approved_by"]) == (200, "approved", "test")
    assert body["approved_at"] >= body["created_at"]
    both = await asyncio.gather(*(own_shop.post(f"{path}/approve") for _ in range(2)))
    assert [again.json() for again in both] == [body, body]
    assert (await own_shop.get(path)).json()["approved_at"] == body["approved_at"]


async def test_the_export_holds_what_the_list_holds(own_shop: AsyncClient):
    created = await own_shop.post("/order-lists", json={})
    path, lines = created.headers["Location"], created.json()["lines"]
    assert (await own_shop.get(f"{path}/export?format=json")).json() == lines
    for encoding in ("utf-8", "cp932"):
        answer = await own_shop.get(f"{path}/export?encoding={encoding}")
        assert answer.status_code == 200
        name = f"order-list-{created.json()['order_list_id']}.csv"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8")
        text = answer.content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        table = list(csv.DictReader(StringIO(text, newline="")))
        assert list(table[0]) == list(OrderLineBody.model_fields)
        told = [{n: "" if v is None else str(v) for n, v in line.items()} for line in lines]
        assert table == told
        assert "\r\n" in text


async def test_a_cell_is_never_a_formula(client: AsyncClient, sessions: Sessions):
    dangerous = ["=1+1", "+1", "-A1", "@SUM(A1)", "\t=1", "＝1+1"]
    await given.add(sessions, Location(location_id="EC"), given.order_list())
    await given.add(
        sessions,
        *(given.order_line(1, sku_id, amount=float(-n)) for n, sku_id in enumerate(dangerous)),
        given.order_line(1, '品"番,1\n2', amount=-99.0),
    )
    text = (await client.get("/order-lists/1/export")).content.decode("utf-8-sig")
    table = list(csv.DictReader(StringIO(text, newline="")))
    assert [row["sku_id"] for row in table] == [f"'{s}" for s in dangerous] + ['品"番,1\n2']
    assert table[0]["inventory_position"] == "-3.0", "a number is no formula"
    told = (await client.get("/order-lists/1/export?format=json")).json()
    assert [line["sku_id"] for line in told] == [*dangerous, '品"番,1\n2']


async def test_a_character_that_cp932_lacks_is_named(client: AsyncClient, sessions: Sessions):
    await given.add(sessions, Location(location_id="EC"), given.order_list(), given.order_list())
    await given.add(
        sessions,
        given.order_line(1, "髙島屋①-1", amount=2.0),
        given.order_line(1, "CAFÉ", amount=1.0),
        given.order_line(2, "髙島屋①-1"),
    )
    answer = await client.get("/order-lists/1/export?encoding=cp932")
    body = problem(answer, 409, "unencodable")
    assert "line 3: 'É' (U+00C9) does not exist in cp932" in body["detail"]
    assert (await client.get("/order-lists/1/export?encoding=utf-8")).status_code == 200
    fits = await client.get("/order-lists/2/export?encoding=cp932")
    assert "髙島屋①-1" in fits.content.decode("cp932")
    assert "shift_jis" in fits.headers["Content-Type"]


async def test_lines_come_by_amount_and_those_without_a_cost_last(
    client: AsyncClient, sessions: Sessions
):
    await given.add(sessions, given.order_list())
    amounts = {"A": 5.0, "B": None, "C": 7.0, "D": 5.0}
    await given.add(
        sessions, *(given.order_line(1, sku, amount=amount) for sku, amount in amounts.items())
    )
    lines = (await client.get("/order-lists/1")).json()["lines"]
    assert [line["sku_id"] for line in lines] == ["C", "A", "D", "B"]
    assert lines[-1]["amount"] is None


@pytest.mark.parametrize("item_class", ["seasonal", "service", "", None, 1])
async def test_only_staples_are_ordered_so_far(client: AsyncClient, item_class: object):
    answer = await client.post("/order-lists", json={"item_class": item_class})
    body = problem(answer, 422, "invalid-request")
    assert body["errors"][0]["loc"] == ["body", "item_class"]
