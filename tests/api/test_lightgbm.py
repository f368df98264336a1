"""LightGBM as one more method of a run: asked for by the policy, and where it is not installed."""

import sys
from dataclasses import replace

import pytest
from httpx import AsyncClient

from app.services.forecasting import runs
from app.services.forecasting.running import Workers
from tests.api.test_forecast_workers import ORDER, in_force, same, sessions, silent
from tests.api.test_forecasts import run_of, submit
from tests.conftest import Work

__all__ = ["sessions"]

ASKED = {"overrides": {"forecast_lightgbm": 1}}


@pytest.mark.one_server
async def test_the_policy_asks_for_it(own_shop: AsyncClient, own_work: Work):
    before = await run_of(own_shop, own_work, horizon_weeks=4)
    assert (await own_shop.put("/policies/tenant", json=ASKED)).status_code == 200
    run = await run_of(own_shop, own_work, horizon_weeks=4)
    for told, has in ((before, False), (run, True)):
        methods = "+".join(told["summary"]["methods"])
        path = f"/forecasts/{told['forecast_run_id']}/accuracy"
        measured = (await own_shop.get(path)).json()["items"]
        assert ("lightgbm" in methods) == has
        assert ("lightgbm" in {row["model"] for row in measured}) == has


@pytest.mark.one_server
async def test_where_it_is_not_installed_the_job_says_how_to_get_it(
    own_shop: AsyncClient, own_work: Work, monkeypatch
):
    assert (await own_shop.put("/policies/tenant", json=ASKED)).status_code == 200
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    job = await submit(own_shop, own_work)
    assert job["status"] == "failed"
    assert job["error"].startswith("LightGBM is not installed: pip install 'ltv-zaiko[ml]'")


@pytest.mark.slow
@pytest.mark.one_server
async def test_several_processes_learn_what_one_does(sessions):
    found = []
    for processes in (1, 2):
        order = replace(ORDER, lightgbm=True)
        computed = await runs.compute(sessions, silent, order, Workers(processes=processes))
        async with sessions.begin() as session:
            await runs.finish(session, computed)
        found.append(await in_force(sessions))
    same(found[1], found[0])
    assert any("lightgbm" in row[2] for row in found[0])
