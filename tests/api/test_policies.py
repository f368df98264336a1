"""Policies: the defaults, what the merchant changes, and what is refused."""

import asyncio
from typing import Any

from httpx import AsyncClient, Response

from app.database import Sessions
from app.domain.policy import DEFAULT
from tests.api import given
from tests.api.conftest import problem


async def change(client: AsyncClient, scope: str = "tenant", **request: Any) -> Response:
    return await client.put(f"/policies/{scope}", json={"overrides": {}, **request})


def values(body: dict[str, Any]) -> dict[str, Any]:
    return {value["name"]: value for value in body["values"]}


async def test_untouched_every_value_is_a_default_with_its_range_and_origin(client: AsyncClient):
    body = (await client.get("/policies")).json()
    assert (body["scope"], body["version"]) == ("tenant", 0)
    for name, value in values(body).items():
        default = getattr(DEFAULT, name)
        is_list = isinstance(default, tuple)
        assert value["value"] == value["default"] == (list(default) if is_list else default)
        for number in default if is_list else [default]:
            assert value["low"] <= number <= value["high"]
        assert value["comes_from"] == "default"
        assert value["ja"]
        assert value["en"]
        assert value["unit"]
        assert value["source"]


async def test_a_change_is_a_version_and_what_is_left_out_goes_back(client: AsyncClient):
    answer = await change(client, overrides={"holding_rate": 0.3, "max_depth": 0.4}, note="rent")
    assert answer.status_code == 200
    assert answer.json() == (await client.get("/policies")).json()
    changed = values(answer.json())["holding_rate"]
    assert (changed["value"], changed["comes_from"]) == (0.3, "version 1")
    body = (await change(client, overrides={"max_depth": 0.4})).json()
    assert body["version"] == 2
    assert values(body)["holding_rate"]["comes_from"] == "default"
    assert values(body)["max_depth"]["comes_from"] == "version 2"
    back = (await change(client)).json()
    assert {value["comes_from"] for value in back["values"]} == {"default"}
    assert back["version"] == 3


async def test_a_policy_decides_what_is_answered(own_shop: AsyncClient):
    usual = (await own_shop.get("/inventory?sku_id=STEADY")).json()["items"][0]
    await change(own_shop, overrides={"sell_through_weeks": 26})
    longer = (await own_shop.get("/inventory?sku_id=STEADY")).json()["items"][0]
    assert longer["units_sold"] > usual["units_sold"]


async def test_a_value_that_does_not_exist_or_fit_is_named_and_nothing_changes(client: AsyncClient):
    for name, value, why in (
        ("holding_rte", 0.3, "'holding_rte' is no policy value"),
        ("holding_rate", 2.01, "outside its range 0 to 2"),
        ("holding_rate", -0.01, "outside its range 0 to 2"),
        ("max_depth", 1e308, "outside its range"),
        ("lead_time_weeks", 2.5, "must be a whole number"),
        ("holding_rate", [0.3], "must be a number"),
        ("depth_grid", [0.1, 2], "depth_grid = 2.0 is outside its range"),
        ("depth_grid", [], "at least one number"),
        ("cpm_steady_days", 400, "not be more than cpm_loyal_days"),
    ):
        answer = await change(client, overrides={"service_level": 0.9, name: value})
        assert why in problem(answer, 422, "policy-error")["detail"]
    for value in ("0.3", True, None, ["0.3"], {}):
        answer = await change(client, overrides={"holding_rate": value})
        body = problem(answer, 422, "invalid-request")
        assert body["errors"][0]["loc"][:3] == ["body", "overrides", "holding_rate"]
    assert (await client.get("/policies")).json()["version"] == 0


async def test_both_ends_of_a_range_belong_to_it(client: AsyncClient):
    defaults = (await client.get("/policies")).json()["values"]
    for end in ("low", "high"):
        answer = await change(client, overrides={v["name"]: v[end] for v in defaults})
        lists = {v["name"] for v in defaults if isinstance(v["default"], list)}
        assert {name: v["value"] for name, v in values(answer.json()).items()} == {
            v["name"]: [v[end]] if v["name"] in lists else v[end] for v in defaults
        }


async def test_a_list_may_be_one_number_and_comes_back_in_order(client: AsyncClient):
    for sent, kept in (([0.3, 0.1, 0.3], [0.1, 0.3]), (0.2, [0.2])):
        body = (await change(client, overrides={"depth_grid": sent})).json()
        assert values(body)["depth_grid"]["value"] == kept


async def test_another_scope_is_not_kept(client: AsyncClient):
    for scope in ("coats", "TENANT", "location:EC", "category:", "season:", "category"):
        body = problem(await change(client, scope), 404, "unknown-scope")
        assert "is not kept" in body["detail"]
        problem(await client.get(f"/policies/{scope}"), 404, "unknown-scope")
    body = problem(await change(client, "category:Coats"), 404, "unknown-scope")
    assert "no SKU is of category 'Coats'" in body["detail"]
    assert "no SKU is of season '26SS'" in (await change(client, "season:26SS")).json()["detail"]


async def add_coats(sessions: Sessions) -> None:
    await given.add(
        sessions,
        given.Sku(sku_id="A", category="Ladies/Coats/Long", season_code="26SS"),
        given.Sku(sku_id="B", category="Ladies"),
    )


async def test_a_category_has_what_the_one_around_it_has(client: AsyncClient, sessions: Sessions):
    await add_coats(sessions)
    await change(client, overrides={"clearance_weeks": 5, "holding_rate": 0.3})
    await change(client, "category:Ladies", overrides={"sell_out_tolerance_weeks": 3})
    answer = await change(client, "category:Ladies/Coats", overrides={"clearance_weeks": 6})
    assert answer.status_code == 200
    assert answer.json() == (await client.get("/policies/category:Ladies/Coats")).json()
    body = (await client.get("/policies/category:Ladies/Coats/Long")).json()
    assert (body["scope"], body["version"]) == ("category:Ladies/Coats/Long", 0)
    found = {name: (v["value"], v["comes_from"]) for name, v in values(body).items()}
    assert found == {
        "clearance_weeks": (6, "category:Ladies/Coats version 1"),
        "sell_out_tolerance_weeks": (3, "category:Ladies version 1"),
    }
    season = values((await client.get("/policies/season:26SS")).json())
    assert (season["clearance_weeks"]["value"], season["clearance_weeks"]["comes_from"]) == (
        5,
        "tenant version 1",
    )
    assert season["sell_out_tolerance_weeks"]["comes_from"] == "default"
    whole = (await client.get("/policies")).json()
    assert whole["scopes"] == ["category:Ladies", "category:Ladies/Coats"]
    assert {v["name"] for v in whole["values"] if v["by_item"]} == set(found)
    assert whole == (await client.get("/policies/tenant")).json()
    back = (await change(client, "category:Ladies/Coats")).json()
    assert (back["version"], back["scopes"]) == (2, ["category:Ladies"])
    assert values(back)["clearance_weeks"]["comes_from"] == "tenant version 1"


async def test_a_category_goes_by_every_way_its_path_is_written(
    client: AsyncClient, sessions: Sessions
):
    await add_coats(sessions)
    answer = await change(client, "category:Ladies%3ECoats", overrides={"clearance_weeks": 6})
    assert answer.json()["scope"] == "category:Ladies/Coats"
    for written in ("Ladies/Coats", "Ladies > Coats", "Ladies＞Coats", "/Ladies/Coats/"):
        assert (await client.get(f"/policies/category:{written}")).json() == answer.json()
    assert (await client.get("/policies")).json()["scopes"] == ["category:Ladies/Coats"]
    for nothing in (">", "/"):
        problem(await client.get(f"/policies/category:{nothing}"), 404, "unknown-scope")


async def test_what_holds_for_all_is_not_a_categorys_to_set(
    client: AsyncClient, sessions: Sessions
):
    await add_coats(sessions)
    for overrides, why in (
        ({"holding_rate": 0.3}, "holding_rate holds for all"),
        ({"clearance_weeks": 99}, "outside its range"),
        ({"clearance_wks": 9}, "no policy value"),
    ):
        for scope in ("category:Ladies", "season:26SS"):
            answer = await change(client, scope, overrides=overrides)
            assert why in problem(answer, 422, "policy-error")["detail"]


async def test_versions_are_counted_scope_by_scope(client: AsyncClient, sessions: Sessions):
    await add_coats(sessions)
    await change(client, overrides={"clearance_weeks": 5})
    answer = await change(client, "season:26SS", overrides={}, expected_version=1)
    problem(answer, 412, "stale-policy")
    assert (await change(client, "season:26SS", expected_version=0)).json()["version"] == 1


async def test_a_change_of_a_version_seen_too_long_ago_is_refused(client: AsyncClient):
    assert (await change(client, expected_version=0)).status_code == 200
    answer = await change(client, expected_version=0)
    body = problem(answer, 412, "stale-policy")
    assert body["detail"] == "version 1 is in force, not 0"
    assert (await change(client, expected_version=1)).json()["version"] == 2


async def test_of_two_who_change_the_same_version_at_once_one_is_refused(client: AsyncClient):
    answers = await asyncio.gather(*(change(client, expected_version=0) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_changes_at_once_are_all_kept_in_order(client: AsyncClient):
    answers = await asyncio.gather(*(change(client) for _ in range(4)))
    assert sorted(answer.json()["version"] for answer in answers) == [1, 2, 3, 4]
