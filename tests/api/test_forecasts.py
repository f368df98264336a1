"""Forecast runs over HTTP: asked for, done by the worker, looked at, measured."""

import asyncio
from datetime import date, timedelta
from typing import get_args

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.auth import Scope
from app.database import Sessions
from app.domain.forecasting.outliers import OutlierCode
from app.domain.forecasting.pattern import CLASSES
from app.models import Forecast, ForecastFinding, ForecastRun, RunStatus
from app.schemas.forecasts import FindingName
from app.services.forecasting.findings import FindingCode
from app.settings import Settings
from tests.api import given
from tests.api.conftest import pages, problem, rows
from tests.conftest import Work, client_of
from tests.make import LAST_DAY, RATES

MODELS = {"ensemble", "seasonal_naive", "moving_average", "plain_prophet"}


async def submit(client: AsyncClient, work: Work, **asked: object) -> dict:
    """The job of a run that was asked for, when it has ended."""
    answer = await client.post("/forecasts", json=asked)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/jobs/{answer.json()['job_id']}"
    await work()
    return (await client.get(answer.headers["Location"])).json()


async def run_of(client: AsyncClient, work: Work, **asked: object) -> dict:
    job = await submit(client, work, **asked)
    assert job["status"] == "succeeded", job
    return (await client.get(f"/forecasts/{job['result']['forecast_run_id']}")).json()


async def in_force(client: AsyncClient) -> dict[str, dict]:
    """The forecast of every SKU, without what names its run."""
    found = {sku: (await client.get(f"/sku/{sku}/forecast?step=day")).json() for sku in RATES}
    return {
        sku: {name: told for name, told in body.items() if name != "created_at"}
        for sku, body in found.items()
    }


def without_run(forecasts: dict[str, dict]) -> dict[str, dict]:
    return {sku: body | {"forecast_run_id": None} for sku, body in forecasts.items()}


async def test_a_run_of_everything_says_what_came_of_it(own_shop: AsyncClient, own_work: Work):
    run = await run_of(own_shop, own_work)
    assert (run["status"], run["as_of"], run["step_days"]) == ("finished", str(LAST_DAY), 1)
    assert (run["horizon_weeks"], run["sku_ids"], run["location_ids"]) == (26, None, None)
    summary = run["summary"]
    assert summary["series"] == len(RATES)
    assert sum(summary["classes"].values()) == len(RATES)
    assert sum(summary["methods"].values()) == len(RATES)
    assert set(summary["members"]) == set(CLASSES)
    assert (summary["failed"], summary["failures"]) == (0, {})
    listed = await rows(own_shop, "/forecasts")
    assert listed[0] == run
    assert listed == sorted(listed, key=lambda row: -row["forecast_run_id"])


async def test_the_same_run_again_forecasts_the_same(own_shop: AsyncClient, own_work: Work):
    await run_of(own_shop, own_work)  # the shop's campaign came after its evaluation
    before = await in_force(own_shop)
    run = await run_of(own_shop, own_work)
    after = await in_force(own_shop)
    assert without_run(after) == without_run(before)
    assert {body["forecast_run_id"] for body in after.values()} == {run["forecast_run_id"]}


async def test_a_run_for_some_leaves_the_others_as_they_were(own_shop: AsyncClient, own_work: Work):
    before = await in_force(own_shop)
    run = await run_of(own_shop, own_work, sku_ids=["STEADY", "SLOW", "STEADY"], horizon_weeks=4)
    assert (run["sku_ids"], run["summary"]["series"]) == (["SLOW", "STEADY"], 2)
    after = await in_force(own_shop)
    mine = ("STEADY", "SLOW")
    assert all(len(after[sku]["weeks"]) == 4 for sku in mine)
    assert all(after[sku]["forecast_run_id"] == run["forecast_run_id"] for sku in mine)
    rest = [sku for sku in RATES if sku not in mine]
    assert {sku: after[sku] for sku in rest} == {sku: before[sku] for sku in rest}
    # it is the run for all that says how far order lists can look; a short forecast is none
    listed = await own_shop.post("/order-lists", json={"as_of": "2026-08-01"})
    assert "STEADY" not in [line["sku_id"] for line in listed.json()["lines"]]


async def test_a_run_for_some_locations_is_about_these(own_shop: AsyncClient, own_work: Work):
    run = await run_of(own_shop, own_work, location_ids=["EC"], horizon_weeks=1)
    assert run["location_ids"] == ["EC"]
    assert run["summary"]["series"] == len(RATES)


async def test_a_run_as_of_a_day_gone_by_sees_nothing_later(own_shop: AsyncClient, own_work: Work):
    run = await run_of(own_shop, own_work, as_of="2026-03-31", horizon_weeks=2)
    body = (await own_shop.get("/sku/STEADY/forecast")).json()
    assert (run["as_of"], body["as_of"]) == ("2026-03-31", "2026-03-31")
    assert [week["week_start"] for week in body["weeks"]] == ["2026-04-01", "2026-04-08"]


async def test_a_run_that_only_measures_leaves_what_is_in_force(
    own_shop: AsyncClient, own_work: Work
):
    before = await in_force(own_shop)
    listed = (await own_shop.get("/sell-through")).json()
    job = await submit(own_shop, own_work, as_of="2026-03-31", in_force=False)
    assert job["status"] == "succeeded", job
    told = job["result"]
    assert (told["as_of"], told["in_force"]) == ("2026-03-31", False)
    path = f"/forecasts/{told['forecast_run_id']}"
    run = (await own_shop.get(path)).json()
    assert (run["status"], run["summary"]["in_force"]) == ("finished", False)
    assert (await own_shop.get(f"{path}/accuracy")).json()["items"]
    assert await in_force(own_shop) == before
    assert (await own_shop.get("/sell-through")).json() == listed
    ordered = (await own_shop.post("/order-lists", json={})).json()
    assert ordered["as_of"] == str(LAST_DAY)
    async with own_shop.app.state.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM forecast_draft")) == 0


async def test_what_waits_is_not_asked_for_twice(client: AsyncClient):
    first = (await client.post("/forecasts", json={"horizon_weeks": 8})).json()
    same = (await client.post("/forecasts", json={"horizon_weeks": 8})).json()
    other = (await client.post("/forecasts", json={"horizon_weeks": 9})).json()
    assert first == same
    assert other["job_id"] != first["job_id"]


async def test_a_request_sent_again_with_its_key_is_answered_with_its_job(
    client: AsyncClient, work: Work
):
    async def asked(key: str | None, **body: object) -> dict:
        headers = {"Idempotency-Key": key} if key else {}
        answer = await client.post("/forecasts", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return answer.json()

    first = await asked("k1", horizon_weeks=8)
    assert await asked("k1", horizon_weeks=8) == first
    assert await asked("k2", horizon_weeks=8) != first
    await work()
    ended = (await client.get(f"/jobs/{first['job_id']}")).json()
    assert ended["error"] == "import sales first"
    assert await asked("k1", horizon_weeks=8) == first
    assert await asked(None, horizon_weeks=8) != first
    again = {"Idempotency-Key": "k1"}
    other = await client.post("/forecasts", json={"horizon_weeks": 9}, headers=again)
    problem(other, 409, "idempotency-conflict")


async def test_one_key_sent_by_several_at_once_brings_one_job(client: AsyncClient):
    key = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(client.post("/forecasts", json={}, headers=key) for _ in range(4))
    )
    assert len({answer.json()["job_id"] for answer in answers}) == 1


async def test_nothing_to_forecast_is_said(client: AsyncClient, work: Work, sessions: Sessions):
    assert (await submit(client, work))["error"] == "import sales first"
    await given.add(sessions, given.Sku(sku_id="UNSOLD"))
    line = "order_id,sku_id,sold_at,quantity,unit_price\nO1,A,2026-06-01,1,1000\n"
    await client.post("/imports/sales", content=line.encode())
    await work()
    job = await submit(client, work, sku_ids=["UNSOLD"])
    assert job["status"] == "failed"
    assert job["error"] == "nothing of what was asked for has sold lately, up to 2026-06-01"


@pytest.mark.parametrize("step", [1, 7])
async def test_a_shop_that_has_sold_on_one_day_only_is_forecast(
    client: AsyncClient, work: Work, step: int
):
    line = "order_id,sku_id,sold_at,quantity,unit_price\nO1,A,2026-06-01,3,1000\n"
    await client.post("/imports/sales", content=line.encode())
    await client.put("/policies/tenant", json={"overrides": {"forecast_step_days": step}})
    run = await run_of(client, work)
    assert (run["summary"]["series"], run["summary"]["history_periods"]) == (1, 1)
    body = (await client.get("/sku/A/forecast")).json()
    assert (body["demand_class"], body["accuracy"]) == ("new", None)
    assert all(0 < week["mean"] < 1000 for week in body["weeks"])
    accuracy = (await client.get(f"/forecasts/{run['forecast_run_id']}/accuracy")).json()
    assert (accuracy["items"], accuracy["lead_times"]) == ([], [])


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"horizon_weeks": 0}, "horizon_weeks"),
        ({"horizon_weeks": 520}, "horizon_weeks"),
        ({"horizon_weeks": "x"}, "horizon_weeks"),
        ({"horizon_weeks": "4"}, "horizon_weeks"),
        ({"horizon_weeks": 4.0}, "horizon_weeks"),
        ({"horizon_weeks": True}, "horizon_weeks"),
        ({"sku_ids": [22423]}, "sku_ids"),
        ({"location_ids": [True]}, "location_ids"),
        ({"as_of": "2999-01-01"}, "lies in the future"),
        ({"as_of": "yesterday"}, "YYYY-MM-DD"),
        ({"sku_ids": []}, "sku_ids"),
        ({"in_force": "no"}, "in_force"),
        ({"workers": 3}, "workers"),
        ({"scheduler": "tcp://10.0.0.5:8786"}, "scheduler"),
    ],
)
async def test_what_cannot_be_meant_is_refused(client: AsyncClient, asked: dict, where: str):
    answer = await client.post("/forecasts", json=asked)
    assert where in problem(answer, 422, "invalid-request")["detail"]


async def test_unknown_skus_and_locations_are_named(own_shop: AsyncClient):
    answer = await own_shop.post("/forecasts", json={"sku_ids": ["STEADY", "NONE"]})
    told = problem(answer, 422, "unknown-skus")["detail"]
    assert told == "sku_ids not in the catalogue: NONE"
    planets = [f"MARS{n:02}" for n in range(12)]
    answer = await own_shop.post("/forecasts", json={"location_ids": ["EC", *planets]})
    told = problem(answer, 422, "unknown-locations")["detail"]
    assert told == f"location_ids that are not known: {', '.join(planets[:10])} and 2 more"


@pytest.mark.parametrize("path", ["", "/accuracy", "/findings"])
async def test_a_run_that_does_not_exist(client: AsyncClient, path: str):
    problem(await client.get(f"/forecasts/99{path}"), 404, "unknown-forecast-run")


async def test_an_unknown_country_is_the_runs_mistake_and_nothing_else_s(
    own_shop: AsyncClient, shop_copy: str, settings: Settings
):
    before = await in_force(own_shop)
    elsewhere = Work(shop_copy, settings.model_copy(update={"country": "QX"}))
    job = await submit(own_shop, elsewhere)
    assert job["status"] == "failed"
    assert "QX" in job["error"]
    assert await in_force(own_shop) == before
    assert (await rows(own_shop, "/forecasts"))[0]["status"] == "abandoned"


async def test_accuracy_is_told_by_class_horizon_and_model(shop: AsyncClient):
    [run] = await rows(shop, "/forecasts")
    body = (await shop.get(f"/forecasts/{run['forecast_run_id']}/accuracy")).json()
    assert body["as_of"] == str(LAST_DAY)
    assert body["tested_from"] == str(LAST_DAY - timedelta(days=27))
    found = {(row["model"], row["demand_class"], row["horizon"]): row for row in body["items"]}
    assert len(found) == len(body["items"])
    assert {model for model, _, _ in found} >= MODELS
    assert {horizon for _, _, horizon in found} >= {"1-7", "1-28"}
    whole = found["ensemble", "all", "1-28"]
    assert 0 < whole["rmsse"] < found["seasonal_naive", "all", "1-28"]["rmsse"]
    assert whole["wape"] > 0
    assert -1 <= whole["bias"] <= 1
    assert whole["series"] > 0
    assert 0.8 < whole["coverage"]["0.95"] <= 1
    assert whole["scaled_pinball"] > 0
    lead = {(row["demand_class"], row["days"]): row for row in body["lead_times"]}
    assert {days for name, days in lead if name == "all"} == {7, 14, 28}
    levels = lead["all", 14]["levels"]
    assert levels["0.9"]["coverage"] <= levels["0.95"]["coverage"] <= levels["0.98"]["coverage"]
    assert levels["0.9"]["stock"] < levels["0.98"]["stock"]
    told = (await shop.get("/sku/STEADY/forecast")).json()["accuracy"]
    assert told["demand_class"] in CLASSES
    assert told["rmsse"] == found["ensemble", told["demand_class"], "1-28"]["rmsse"]


async def test_findings_come_by_page_and_by_code(client: AsyncClient, sessions: Sessions):
    run = ForecastRun(
        as_of=LAST_DAY, horizon_weeks=1, step_days=1, status=RunStatus.FINISHED, summary={}
    )
    await given.add(sessions, run)
    found = [
        ForecastFinding(
            forecast_run_id=run.forecast_run_id,
            series_number=n,
            sku_id=f"S{n}",
            location_id="EC",
            found_on=date(2026, 6, n + 1) if n % 2 else None,
            code="bulk_order" if n % 2 else "failed",
            detail={"units": n},
        )
        for n in range(5)
    ]
    await given.add(sessions, *found)
    path = f"/forecasts/{run.forecast_run_id}/findings"
    by_page = await pages(client, path, limit=2)
    assert [[item["sku_id"] for item in page] for page in by_page] == [
        ["S0", "S1"],
        ["S2", "S3"],
        ["S4"],
    ]
    assert by_page[0][1]["found_on"] == "2026-06-02"
    assert by_page[0][1]["detail"] == {"units": 1}
    bulk = await rows(client, path, code="bulk_order")
    assert [item["sku_id"] for item in bulk] == ["S1", "S3"]
    refused = problem(await client.get(f"{path}?code=bogus"), 422, "invalid-request")
    assert all(f"'{name}'" in refused["detail"] for name in get_args(FindingName))


def test_every_code_of_a_finding_can_be_asked_for():
    assert sorted(get_args(FindingName)) == sorted([*FindingCode, *OutlierCode])


async def test_reading_and_running_need_their_own_scope(evaluated: str, settings: Settings):
    reader = await client_of(evaluated, settings, [Scope.FORECAST_READ])
    assert (await reader.get("/forecasts")).status_code == 200
    problem(await reader.post("/forecasts", json={}), 403, "missing-scope")
    await reader.aclose()


async def test_days_add_up_to_weeks_and_their_quantiles_do_not(shop: AsyncClient):
    body = (await shop.get("/sku/STEADY/forecast?step=day")).json()
    days, weeks = body["days"], body["weeks"]
    assert len(days) == 7 * len(weeks)
    assert days[0]["day"] == weeks[0]["week_start"] == str(LAST_DAY + timedelta(days=1))
    for number, week in enumerate(weeks):
        mine = days[7 * number : 7 * number + 7]
        assert sum(day["mean"] for day in mine) == pytest.approx(week["mean"], abs=0.05)
        assert sum(day["quantiles"]["0.95"] for day in mine) > week["quantiles"]["0.95"]
    assert "weekly_forecast" not in body["data_flags"]
    assert (await shop.get("/sku/STEADY/forecast")).json() == body | {"days": None}
    problem(await shop.get("/sku/STEADY/forecast?step=month"), 422, "invalid-request")


async def test_forecasts_by_the_week_serve_all_who_read_them(own_shop: AsyncClient, own_work: Work):
    by_day = {sku: body["weeks"][0]["mean"] for sku, body in (await in_force(own_shop)).items()}
    policy = {"overrides": {"forecast_step_days": 7}}
    assert (await own_shop.put("/policies/tenant", json=policy)).status_code == 200
    assert (await own_shop.post("/evaluations")).status_code == 202
    await own_work()
    body = (await own_shop.get("/sku/STEADY/forecast?step=day")).json()
    assert (len(body["weeks"]), body["days"]) == (26, None)
    assert "weekly_forecast" in body["data_flags"]
    weekly = (await own_shop.get("/sku/STEADY/forecast")).json()
    assert weekly["data_flags"] == [f for f in body["data_flags"] if f != "weekly_forecast"]
    by_week = {sku: body["weeks"][0]["mean"] for sku, body in (await in_force(own_shop)).items()}
    assert by_week["STEADY"] == pytest.approx(by_day["STEADY"], rel=0.2)
    assert (await own_shop.get("/sku/STEADY")).json()["weekly_demand"] == by_week["STEADY"]
    listed = await own_shop.post("/order-lists", json={})
    assert "SHORT" in [line["sku_id"] for line in listed.json()["lines"]]
    [run] = [row for row in await rows(own_shop, "/forecasts") if row["step_days"] == 7]
    assert run["status"] == "finished"
    refused = await own_shop.put("/policies/tenant", json={"overrides": {"forecast_step_days": 2}})
    assert "1 or 7" in problem(refused, 422, "policy-error")["detail"]


async def test_what_is_stored_is_whole_and_the_drafts_are_gone(own_shop: AsyncClient):
    async with own_shop.app.state.sessions() as session:
        steady = await session.get(Forecast, ("STEADY", "EC"))
        kept = await session.scalar(text("SELECT count(*) FROM forecast_draft"))
    assert steady is not None
    assert kept == 0
    assert (steady.starts_on, steady.step_days) == (LAST_DAY + timedelta(days=1), 1)
    assert len(steady.yhat) == len(steady.sum_variance) == 182
    assert all(units >= 0 for units in steady.yhat)
    assert steady.sum_variance == sorted(steady.sum_variance)
