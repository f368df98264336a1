"""消化予測 over HTTP: SKUs, styles, locations, the list; with stock and demand that are known."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from httpx import AsyncClient
from scipy.stats import nbinom
from sqlalchemy import text

from app.database import Sessions
from app.models import Forecast, ForecastRun, SalesDaily
from app.services.sell_through.listing import renew_list
from tests.api import given
from tests.api.conftest import pages, problem, rows
from tests.api.given import DAY, Location, Sku

DAYS = 182
SEASON_END = DAY + timedelta(days=70)


def forecast(sku_id: str, rate: float, *, ratio: float = 3.0, **more: Any) -> Forecast:
    """Of an even rate a day, whose totals vary so many times as much as Poisson."""
    days, step = more.pop("days", DAYS), more.pop("step_days", 1)
    periods = range(1, days // step + 1)
    fields: dict[str, Any] = {
        "location_id": "EC",
        "forecast_run_id": 1,
        "starts_on": DAY + timedelta(days=1),
        "demand_class": "smooth",
        "method": "tsb",
        "method_reason": "equal_weights",
        "level_cv2": 0.1,
        "estimated_share": 0.0,
    }
    return Forecast(
        sku_id=sku_id,
        step_days=step,
        yhat=[rate * step for _ in periods],
        sum_variance=[ratio * rate * step * n for n in periods],
        **(fields | more),
    )


def sku(sku_id: str, **more: Any) -> Sku:
    return Sku(sku_id=sku_id, **({"sales_end_on": SEASON_END} | more))


async def fill(sessions: Sessions, *things: Any) -> None:
    await given.add(
        sessions,
        ForecastRun(as_of=DAY, horizon_weeks=26, step_days=1, status="finished"),
        Location(location_id="EC"),
        *things,
    )


async def ask(client: AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def day_gone(stock: int, rate: float, chance: float, ratio: float = 3.0) -> date | None:
    """Day by day: the first on which so many units are asked for with the chance."""
    for n in range(1, DAYS + 1):
        m = rate * n
        if nbinom.sf(stock - 1, m / (ratio - 1), 1 / ratio) >= chance:
            return DAY + timedelta(days=n)
    return None


async def test_a_sku_sells_out_when_its_demand_says(client: AsyncClient, sessions: Sessions):
    await fill(sessions, sku("A"), given.stock("A", 100), forecast("A", 2.0))
    body = await ask(client, "/sku/A/sell-through", step="day")
    assert (body["sku_id"], body["style_id"], body["location_id"]) == ("A", None, None)
    assert (body["on_hand"], body["as_of"], body["sold_out_units"]) == (100, str(DAY), 0)
    for name, chance in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        assert body["sell_out_on"][name] == str(day_gone(100, 2.0, chance))
    assert (body["season_ends_on"], body["target_on"]) == (
        str(SEASON_END),
        str(SEASON_END - timedelta(weeks=4)),
    )
    assert len(body["curve"]) == DAYS
    at_end = body["curve"][69]
    assert at_end["on"] == str(SEASON_END)
    assert at_end["expected_demand"] == 140
    assert at_end["expected_left"] == body["units_left_at_season_end"]
    assert at_end["left_high"] == body["units_left_high"]
    chance = nbinom.sf(99, 70, 1 / 3)
    assert body["sold_out_by_season_end_probability"] == round(chance, 4)
    half = date.fromisoformat(body["sell_out_on"]["p50"])
    assert body["days_late"] == (half - date.fromisoformat(body["target_on"])).days
    assert (body["verdict"], body["verdict_reason"]) == ("on_time", "sold_out_on_time")
    chances = [body[f"{name}_probability"] for name in ("early", "on_time", "late")]
    assert sum(chances) == pytest.approx(1, abs=2e-4)
    assert body["data_flags"] == []
    assert body["what_if"] is None
    weekly = await ask(client, "/sku/A/sell-through", location_id="EC")
    assert weekly["curve"] == body["curve"][6::7]
    assert weekly | {"curve": 0, "location_id": None} == body | {"curve": 0}


async def test_a_forecast_by_the_week_tells_the_same(client: AsyncClient, sessions: Sessions):
    await fill(
        sessions,
        *(sku("A"), given.stock("A", 100), forecast("A", 2.0)),
        *(sku("B"), given.stock("B", 100), forecast("B", 2.0, step_days=7)),
    )
    a, b = [await ask(client, f"/sku/{name}/sell-through") for name in "AB"]
    assert a | {"sku_id": "B"} == b


@pytest.mark.parametrize(
    ("on_hand", "rate", "verdict"), [(20, 2.0, "early"), (500, 2.0, "late"), (100, 2.0, "on_time")]
)
async def test_early_late_and_on_time(
    client: AsyncClient, sessions: Sessions, on_hand: int, rate: float, verdict: str
):
    await fill(sessions, sku("A"), given.stock("A", on_hand), forecast("A", rate))
    body = await ask(client, "/sku/A/sell-through")
    assert body["verdict"] == verdict
    assert body["verdict_ja"]
    assert body["verdict_en"].endswith(".")


async def test_another_end_of_sales_may_be_tried(client: AsyncClient, sessions: Sessions):
    await fill(
        sessions,
        *(sku("A"), given.stock("A", 100), forecast("A", 2.0)),
        *(sku("B", sales_end_on=None), given.stock("B", 100), forecast("B", 2.0)),
    )
    a = await ask(client, "/sku/A/sell-through")
    b = await ask(client, "/sku/B/sell-through", ends_on=str(SEASON_END))
    assert a == b | {"sku_id": "A"}
    soon = await ask(client, "/sku/A/sell-through", ends_on=str(DAY + timedelta(days=35)))
    assert (soon["season_ends_on"], soon["verdict"]) == (str(DAY + timedelta(days=35)), "late")
    assert soon["curve"] == a["curve"]
    style = await ask(client, "/styles/B/sell-through", ends_on=str(DAY - timedelta(days=1)))
    assert style["verdict_reason"] == "past_season_end"
    for extreme in ("0001-01-01", "1999-12-31", "2100-01-01", "9999-12-31"):
        for path in ("sku/A", "styles/B"):
            answer = await client.get(f"/{path}/sell-through?ends_on={extreme}")
            problem(answer, 422, "invalid-request")
            assert "2000-01-01 to 2099-12-31" in answer.text
    for edge in ("2000-01-01", "2099-12-31"):
        assert (await ask(client, "/sku/A/sell-through", ends_on=edge))["season_ends_on"] == edge


async def test_an_end_beyond_the_horizon_is_told_as_far_as_it_is_known(
    client: AsyncClient, sessions: Sessions
):
    never = date(9999, 12, 31)  # as some masters write that there is none
    await fill(
        sessions,
        *(sku("SOON", sales_end_on=never), given.stock("SOON", 10), forecast("SOON", 2.0)),
        *(sku("SLOW", sales_end_on=never), given.stock("SLOW", 5000), forecast("SLOW", 2.0)),
        *(sku("EVEN", sales_end_on=never), given.stock("EVEN", 350), forecast("EVEN", 2.0)),
        # its tolerance begins within the horizon and ends after it
        sku("EDGE", sales_end_on=DAY + timedelta(days=DAYS + 28)),
        *(given.stock("EDGE", 355), forecast("EDGE", 2.0)),
    )
    async with sessions.begin() as session:
        await renew_list(session)
    listed = {row["sku_id"]: row for row in await rows(client, "/sell-through")}
    found = {name: await ask(client, f"/sku/{name}/sell-through") for name in listed}
    verdicts = {name: body["verdict_reason"] for name, body in found.items()}
    assert verdicts == {
        "SOON": "sold_out_early",
        "SLOW": "beyond_horizon",
        "EVEN": "sold_out_early",
        "EDGE": "beyond_horizon",
    }
    for name, body in found.items():
        assert (body["on_time_probability"], body["late_probability"]) == (None, None)
        assert "beyond_horizon" in body["data_flags"]
        assert listed[name]["verdict_reason"] == verdicts[name]
        if name != "EDGE":
            assert body["days_late"] is None
            assert listed[name]["days_late"] is None
    assert found["SOON"]["early_probability"] == 1
    assert found["SLOW"]["early_probability"] is None
    even = found["EVEN"]
    assert even["early_probability"] == even["curve"][-1]["sold_out_probability"]
    assert 0.5 <= even["early_probability"] < 1
    assert 0 < found["EDGE"]["early_probability"] < 0.5


async def test_what_cannot_be_told_is_null_and_says_why(client: AsyncClient, sessions: Sessions):
    long_ago = DAY - timedelta(days=9)
    await fill(
        sessions,
        *(sku("NO-STOCK"), given.stock("NO-STOCK", 0), forecast("NO-STOCK", 1)),
        *(sku("NEGATIVE"), given.stock("NEGATIVE", -4), forecast("NEGATIVE", 1)),
        *(sku("NO-COUNT"), forecast("NO-COUNT", 1)),
        *(sku("NO-FORECAST"), given.stock("NO-FORECAST", 9)),
        *(sku("NO-END", sales_end_on=None), given.stock("NO-END", 9), forecast("NO-END", 1)),
        *(sku("PAST", sales_end_on=long_ago), given.stock("PAST", 9), forecast("PAST", 1)),
        *(sku("SHORT"), given.stock("SHORT", 90), forecast("SHORT", 1, days=14)),
        *(sku("DEAD"), given.stock("DEAD", 9), forecast("DEAD", 0.0)),
        *(sku("HUGE"), given.stock("HUGE", 9), forecast("HUGE", 1e6)),
        *(sku("OLD"), given.stock("OLD", 9, counted_on=DAY + timedelta(days=400))),
        forecast("OLD", 1),
        *(sku("LONG-AGO"), given.stock("LONG-AGO", 9, counted_on=long_ago)),
        *(forecast("LONG-AGO", 1), sku("NOTHING")),
    )
    cases: dict[str, tuple[str, list[str]]] = {
        "NO-STOCK": ("no_stock", ["stale"]),
        "NEGATIVE": ("no_stock", ["negative_stock", "stale"]),
        "NO-COUNT": ("no_stock", ["no_stock_count"]),
        "NO-FORECAST": ("no_forecast", ["stale", "no_forecast"]),
        "NO-END": ("no_season_end", ["stale"]),
        "PAST": ("past_season_end", ["stale", "past_sales_end"]),
        "SHORT": ("beyond_horizon", ["stale", "beyond_horizon"]),
        "DEAD": ("sold_out_late", ["stale"]),
        "HUGE": ("sold_out_early", ["stale"]),
        "OLD": ("past_season_end", ["forecast_outdated", "past_sales_end"]),
        "LONG-AGO": ("sold_out_early", ["stale", "old_stock_count"]),
        "NOTHING": ("no_stock", ["no_stock_count", "no_forecast"]),
    }
    found = {name: await ask(client, f"/sku/{name}/sell-through", depth=0.3) for name in cases}
    for name, (reason, flags) in cases.items():
        body = found[name]
        told = [flag for flag in body["data_flags"] if flag != "assumed_full_price"]
        assert (body["verdict_reason"], told) == (reason, flags), name
    none = {"p10": None, "p50": None, "p90": None}
    at_once = dict.fromkeys(none, str(DAY))
    assert found["NO-STOCK"]["sell_out_on"] == found["NEGATIVE"]["sell_out_on"] == at_once
    for name in ("NO-COUNT", "NO-FORECAST", "DEAD", "SHORT", "OLD", "NOTHING"):
        assert found[name]["sell_out_on"] == none, name
    assert found["NEGATIVE"]["on_hand"] == -4
    assert found["NO-COUNT"]["on_hand"] is None
    assert found["PAST"]["units_left_at_season_end"] == 9
    assert found["PAST"]["sold_out_by_season_end_probability"] == 0
    assert found["SHORT"]["units_left_at_season_end"] is None
    assert found["SHORT"]["horizon_ends_on"] == str(DAY + timedelta(days=14))
    assert found["NO-END"]["target_on"] is None
    assert found["DEAD"]["units_left_at_season_end"] == 9
    assert found["HUGE"]["sell_out_on"]["p90"] == str(DAY + timedelta(days=1))
    assert found["NO-FORECAST"]["curve"] == found["NOTHING"]["curve"] == []


async def test_a_forecast_of_days_gone_by_is_said_to_be_outdated(
    client: AsyncClient, sessions: Sessions
):
    long_ago = {"starts_on": DAY - timedelta(days=40), "days": 28}
    first, last = long_ago["starts_on"], DAY - timedelta(days=13)
    await fill(
        sessions,
        *(sku("OLD", style_id="ST"), given.stock("OLD", 9), forecast("OLD", 1, **long_ago)),
        *(sku("WEEKS", style_id="ST"), given.stock("WEEKS", 9)),
        forecast("WEEKS", 1, step_days=7, **long_ago),
        *(sku("NONE"), given.stock("NONE", 9)),
        # one day of it is still to come
        *(sku("LAST"), given.stock("LAST", 9)),
        forecast("LAST", 1, starts_on=DAY - timedelta(days=26), days=28),
    )
    async with sessions.begin() as session:
        await renew_list(session)
    listed = {row["sku_id"]: row for row in await rows(client, "/sell-through")}
    for path in ("/sku/OLD", "/sku/WEEKS", "/styles/ST"):
        body = await ask(client, f"{path}/sell-through", depth=0.2)
        assert (body["verdict"], body["verdict_reason"]) == ("cannot_tell", "forecast_outdated")
        assert body["what_if"]["verdict_en"] == body["verdict_en"]
        for sentence in (body["verdict_ja"], body["verdict_en"]):
            assert all(str(day) in sentence for day in (first, last, DAY))
        assert (body["as_of"], body["horizon_ends_on"]) == (str(DAY), str(last))
        assert "forecast_outdated" in body["data_flags"]
        assert "no_forecast" not in body["data_flags"]
    for name in ("OLD", "WEEKS"):
        assert listed[name]["verdict_reason"] == "forecast_outdated"
        assert listed[name]["data_flags"] == ["forecast_outdated"]
    assert listed["NONE"]["verdict_reason"] == "no_forecast"
    assert listed["LAST"]["verdict_reason"] == "beyond_horizon"
    [group] = (await ask(client, "/locations/EC/sell-through"))["groups"]
    assert {"no_forecast", "forecast_outdated"} <= set(group["data_flags"])


async def test_stock_counted_after_the_forecast_was_made_meets_what_is_left_of_it(
    client: AsyncClient, sessions: Sessions
):
    counted = DAY + timedelta(days=10)
    await fill(sessions, sku("A"), given.stock("A", 60, counted_on=counted), forecast("A", 2.0))
    body = await ask(client, "/sku/A/sell-through", step="day")
    assert body["as_of"] == str(counted)
    assert body["curve"][0]["on"] == str(counted + timedelta(days=1))
    assert len(body["curve"]) == DAYS - 10
    gone = day_gone(60, 2.0, 0.5)
    assert gone
    assert body["sell_out_on"]["p50"] == str(gone + timedelta(days=10))


async def test_a_deeper_discount_sells_out_sooner_and_is_less_sure(
    client: AsyncClient, sessions: Sessions
):
    verdict = given.disposition("A", 1.0)
    verdict.answer["current_depth"] = 0.1
    await fill(
        sessions,
        sku("A", max_discount_depth=0.3),
        *(given.stock("A", 300), forecast("A", 2.0), verdict, given.evaluation()),
    )
    tried = {d: (await ask(client, "/sku/A/sell-through", depth=d)) for d in (0, 0.1, 0.3, 0.5)}
    gone = [tried[d]["what_if"]["sell_out_on"]["p50"] or "9999" for d in tried]
    assert gone == sorted(gone, reverse=True)
    assert gone[-1] < gone[1]
    same = tried[0.1]["what_if"]
    assert same["demand_factor"] == {"low": 1, "middle": 1, "high": 1}
    assert same["sell_out_on"] == tried[0.1]["sell_out_on"]
    assert same["curve"] == tried[0.1]["curve"]
    deep = tried[0.5]["what_if"]
    assert (deep["depth"], deep["current_depth"]) == (0.5, 0.1)
    factor = deep["demand_factor"]
    assert factor["middle"] == pytest.approx((0.5 / 0.9) ** -2)
    assert factor["low"] < factor["middle"] < factor["high"]
    assert deep["sell_out_p50"]["earliest"] <= deep["sell_out_on"]["p50"]
    assert deep["sell_out_p50"]["latest"] >= deep["sell_out_on"]["p50"]
    assert [tried[d]["data_flags"] for d in tried] == [[]] * 3 + [["deeper_than_allowed"]]
    dearer = tried[0]["what_if"]["units_left_at_season_end"]
    assert dearer > tried[0]["units_left_at_season_end"]


def promoted(sku_id: str, rate: float, depths: list[float], **more: Any) -> Forecast:
    """A forecast that counts on promotions, the first depth being that of its last day."""
    found = forecast(sku_id, rate, promotion_depth=depths, **more)
    lifted = [m * (1 - depth) ** -2 for m, depth in zip(found.yhat, depths[1:], strict=True)]
    found.yhat, found.sum_variance = lifted, [3 * sum(lifted[: n + 1]) for n in range(len(lifted))]
    return found


async def test_a_promotion_is_not_counted_twice(client: AsyncClient, sessions: Sessions):
    running, coming = [0.3] + [0.3] * 14 + [0.0] * 14, [0.0] * 15 + [0.3] * 14
    cheap = {name: given.disposition(name, 1.0) for name in ("RUNS", "COMES", "WEEKS")}
    for name, depth in (("RUNS", 0.3), ("COMES", 0.1), ("WEEKS", 0.3)):
        cheap[name].answer["current_depth"] = depth
    await fill(
        sessions,
        *(sku(name, style_id="ST") for name in cheap),
        *(given.stock(name, 500) for name in cheap),
        promoted("RUNS", 2.0, running, days=28),
        promoted("COMES", 2.0, coming, days=28),
        promoted("WEEKS", 2.0, [0.3, 0.3, 0.3, 0.0, 0.0], days=28, step_days=7),
        *(*cheap.values(), given.evaluation()),
    )

    async def then(path: str, depth: float) -> list[float]:
        found = (await ask(client, f"{path}/sell-through", depth=depth, step="day"))["what_if"]
        totals = [point["expected_demand"] for point in found["curve"]]
        return [b - a for a, b in zip([0.0, *totals[:-1]], totals, strict=True)]

    def daily(*halves: float) -> Any:
        """Days of the first two weeks and of the other two; the mean over three elasticities."""
        betas = [2 - 1.2 * 0.7, 2, 2 + 1.2 * 0.7]
        k = [sum(one**-beta for beta in betas) / 3 for one in halves]
        return pytest.approx([k[0]] * 14 + [k[1]] * 14, rel=0.01)

    lift = 0.7**-2
    for name in ("RUNS", "WEEKS"):
        for depth in (0.0, 0.2, 0.3, 0.5):
            found = np.array(await then(f"/sku/{name}", depth))
            found[:14] /= 2 * lift
            found[14:] /= 2
            assert found == daily(min(1, (1 - depth) / 0.7), 1 - depth), (name, depth)
    for depth in (0.0, 0.1, 0.3, 0.5):
        found = np.array(await then("/sku/COMES", depth))
        found[:14] /= 2
        found[14:] /= 2 * lift
        assert found == daily((1 - depth) / 0.9, min(1, (1 - depth) / 0.7)), depth
    each = [np.array(await then(f"/sku/{name}", 0.4)) for name in cheap]
    assert await then("/styles/ST", 0.4) == pytest.approx(sum(each), abs=0.05)
    [group] = (await ask(client, "/locations/EC/sell-through", depth=0.4))["groups"]
    assert group["what_if"]["curve"][-1]["expected_demand"] == pytest.approx(
        sum(one.sum() for one in each), abs=0.05
    )
    same = (await ask(client, "/sku/RUNS/sell-through", depth=0.0))["what_if"]
    assert same["demand_factor"] == {"low": 1, "middle": 1, "high": 1}
    assert same["current_depth"] == pytest.approx(0.3 * lift / (1 + lift), abs=1e-3)


def sales(sku_id: str, units: list[int], location_id: str = "EC") -> list[SalesDaily]:
    """Sales of the last days up to the forecast's."""
    return [
        SalesDaily(
            sku_id=sku_id,
            location_id=location_id,
            sold_on=DAY - timedelta(days=len(units) - 1 - n),
            units=sold,
            units_returned=0,
            revenue=sold * 100.0,
            list_value=0.0,
            unpriced_units=sold,
            unpriced_revenue=0.0,
        )
        for n, sold in enumerate(units)
        if sold
    ]


async def partition(sessions: Sessions) -> None:
    """Room for the sales of two quarters."""
    async with sessions.begin() as session:
        await session.execute(
            text(
                "CREATE TABLE history.sales_daily_test PARTITION OF sales_daily"
                " FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')"
            )
        )


async def a_style(sessions: Sessions) -> None:
    await partition(sessions)
    await fill(
        sessions,
        Location(location_id="OSAKA"),
        *(sku(f"A-{size}", style_id="A", category="Ladies/Coats") for size in "SML"),
        sku("B", category="Gents"),
        *(given.stock("A-S", 60), given.stock("A-M", 20), given.stock("A-L", 0)),
        given.stock("A-M", 10, location_id="OSAKA"),
        given.stock("B", 10),
        *(forecast("A-S", 0.5), forecast("A-M", 2.0), forecast("A-L", 1.0)),
        forecast("A-M", 1.0, location_id="OSAKA"),
        forecast("B", 1.0),
        *sales("A-S", [1, 0] * 60),
        *sales("A-M", [2] * 120),
        *sales("A-L", [1] * 120),
    )


async def test_a_styles_stock_is_not_fungible(client: AsyncClient, sessions: Sessions):
    await a_style(sessions)
    body = await ask(client, "/styles/A/sell-through")
    assert (body["sku_id"], body["style_id"], body["skus"], body["locations"]) == (None, "A", 3, 2)
    assert (body["on_hand"], body["sold_out_units"]) == (90, 4)
    alone = [
        await ask(client, f"/sku/{name}/sell-through", location_id=place)
        for name, place in (("A-S", "EC"), ("A-M", "EC"), ("A-L", "EC"), ("A-M", "OSAKA"))
    ]
    for number, point in enumerate(body["curve"]):
        left = [one["curve"][number]["expected_left"] for one in alone]
        assert point["expected_left"] == pytest.approx(sum(left), abs=0.03)
        assert 0 <= point["left_low"] <= point["left_high"] <= 90
    # one heap of 90 would meet 4.5 a day; of S there are 60 for one every other day
    assert body["units_left_at_season_end"] > 20
    here = await ask(client, "/styles/A/sell-through", location_id="EC")
    assert (here["on_hand"], here["locations"]) == (80, 1)
    assert (await ask(client, "/styles/B/sell-through"))["skus"] == 1
    everywhere = await ask(client, "/sku/A-M/sell-through")
    assert (everywhere["on_hand"], everywhere["locations"]) == (30, 2)


async def test_a_count_dated_ahead_harms_nothing_else(client: AsyncClient, sessions: Sessions):
    await a_style(sessions)
    before = await ask(client, "/locations/EC/sell-through", category="Ladies")
    ahead = DAY + timedelta(days=5000)
    await given.add(sessions, sku("A-XL", style_id="A", category="Ladies/Coats"))
    await given.add(sessions, given.stock("A-XL", 7, counted_on=ahead), forecast("A-XL", 1.0))
    after = await ask(client, "/locations/EC/sell-through", category="Ladies")
    [old], [new] = before["groups"], after["groups"]
    assert new["as_of"] == old["as_of"] == str(DAY)
    assert new["on_hand"] == old["on_hand"] + 7
    for then, now in zip(old["curve"], new["curve"], strict=True):
        assert now["expected_left"] == pytest.approx(then["expected_left"] + 7, abs=0.02)


async def test_where_one_of_several_has_stock_it_is_told_exactly(
    client: AsyncClient, sessions: Sessions
):
    await a_style(sessions)
    await given.add(sessions, sku("C", style_id="C"), sku("D", style_id="C"))
    await given.add(sessions, given.stock("C", 10), forecast("C", 1.0), forecast("D", 1.0))
    style = await ask(client, "/styles/C/sell-through")
    alone = await ask(client, "/sku/C/sell-through")
    same = ("sell_out_on", "units_left_low", "units_left_high", "verdict", "late_probability")
    assert [style[name] for name in same] == [alone[name] for name in same]


async def test_the_forecast_of_a_style_is_the_sum_of_its_skus(
    client: AsyncClient, sessions: Sessions
):
    await a_style(sessions)
    body = await ask(client, "/styles/A/forecast", step="day")
    assert (body["skus"], body["locations"], body["as_of"]) == (3, 2, str(DAY))
    assert [week["mean"] for week in body["weeks"]] == [31.5] * 26
    assert [day["mean"] for day in body["days"]] == [4.5] * DAYS
    assert body["total"]["mean"] == 4.5 * DAYS
    for part in (*body["weeks"], *body["days"], body["total"]):
        values = list(part["quantiles"].values())
        assert values == sorted(values)
    widest = body["total"]["quantiles"]["0.95"] - body["total"]["quantiles"]["0.05"]
    week = body["weeks"][0]["quantiles"]
    assert widest < 26 * (week["0.95"] - week["0.05"]) or week["0.95"] == week["0.05"]
    assert (await ask(client, "/styles/A/forecast", location_id="OSAKA"))["days"] is None
    sku_weeks = await ask(client, "/styles/B/forecast")
    own = (await client.get("/sku/B/forecast")).json()
    assert sku_weeks["weeks"] == own["weeks"]


async def test_a_style_that_is_forecast_by_the_week_has_no_days_and_says_so(
    client: AsyncClient, sessions: Sessions
):
    await fill(sessions, *(sku(name, style_id="ST") for name in "AB"), forecast("A", 1.0))
    assert (
        "weekly_forecast"
        not in (await ask(client, "/styles/ST/forecast", step="day"))["data_flags"]
    )
    await given.add(sessions, forecast("B", 1.0, step_days=7))
    body = await ask(client, "/styles/ST/forecast", step="day")
    assert (body["days"], body["data_flags"]) == (None, ["weekly_forecast"])
    assert (await ask(client, "/styles/ST/forecast"))["data_flags"] == []


async def test_a_forecast_of_a_new_item_is_flagged(client: AsyncClient, sessions: Sessions):
    await fill(
        sessions,
        *(sku("MEAN", style_id="ST"), given.stock("MEAN", 50)),
        forecast("MEAN", 1.0, method="shrunken_mean", method_reason="new"),
        *(sku("CURVE", style_id="ST"), given.stock("CURVE", 50)),
        forecast(
            *("CURVE", 1.0),
            method="launch_curve",
            method_reason="borrowed",
            borrowed_from="Coats",
        ),
        *(sku("KNOWN"), given.stock("KNOWN", 50), forecast("KNOWN", 1.0)),
    )
    async with sessions.begin() as session:
        await renew_list(session)
    listed = {row["sku_id"]: row["data_flags"] for row in await rows(client, "/sell-through")}
    both = ["new_item", "borrowed"]
    for path, flags in (
        ("sku/MEAN", ["new_item"]),
        ("sku/CURVE", both),
        ("styles/ST", both),
        ("sku/KNOWN", []),
    ):
        for view in ("sell-through", "forecast"):
            assert (await ask(client, f"/{path}/{view}"))["data_flags"] == flags, (path, view)
        assert listed.get(path.removeprefix("sku/"), flags) == flags
    [group] = (await ask(client, "/locations/EC/sell-through"))["groups"]
    assert group["data_flags"] == both


async def test_a_location_is_told_whole_or_by_category(client: AsyncClient, sessions: Sessions):
    await a_style(sessions)
    [whole] = (await ask(client, "/locations/EC/sell-through"))["groups"]
    assert (whole["category"], whole["skus"], whole["on_hand"]) == (None, 4, 90)
    assert sum(whole["verdicts"].values()) == 4
    parts = (await ask(client, "/locations/EC/sell-through", by="category", depth=0.3))["groups"]
    assert [(part["category"], part["on_hand"]) for part in parts] == [
        ("Gents", 10),
        ("Ladies/Coats", 80),
    ]
    left = sum(part["units_left_at_season_end"] for part in parts)
    assert left == pytest.approx(whole["units_left_at_season_end"], abs=0.03)
    for part in parts:
        assert part["what_if"]["curve"][5]["expected_left"] <= part["curve"][5]["expected_left"]
    [ladies] = (await ask(client, "/locations/EC/sell-through", category="Ladies"))["groups"]
    assert ladies["on_hand"] == 80
    assert (await ask(client, "/locations/EC/sell-through", category="Shoes"))["groups"] == []
    daily = (await ask(client, "/locations/EC/sell-through", step="day"))["groups"][0]
    assert daily["curve"][6::7] == whole["curve"]


async def test_the_list_says_what_each_answer_says(client: AsyncClient, sessions: Sessions):
    await a_style(sessions)
    async with sessions.begin() as session:
        counts = await renew_list(session)
        again = await renew_list(session)
    listed = await rows(client, "/sell-through")
    assert counts == again
    assert sum(counts.values()) == len(listed) == 5
    keys = [(row["sku_id"], row["location_id"]) for row in listed]
    assert keys == sorted(keys)
    for row in listed:
        one = await ask(
            client, f"/sku/{row['sku_id']}/sell-through", location_id=row["location_id"]
        )
        assert [row[f"sell_out_{p}"] for p in ("p10", "p50", "p90")] == list(
            one["sell_out_on"].values()
        )
        same = ("as_of", "on_hand", "season_ends_on", "target_on", "days_late", "verdict")
        assert [row[name] for name in same] == [one[name] for name in same]
        pairs = {
            "units_left": "units_left_at_season_end",
            "units_left_low": "units_left_low",
            "units_left_high": "units_left_high",
            "sold_out_probability": "sold_out_by_season_end_probability",
            "late_probability": "late_probability",
            "verdict_reason": "verdict_reason",
            "data_flags": "data_flags",
        }
        for name, its in pairs.items():
            assert row[name] == (
                one[its] if not isinstance(one[its], float) else pytest.approx(one[its], abs=2e-4)
            ), name


async def test_the_list_is_filtered_sorted_and_paged(client: AsyncClient, sessions: Sessions):
    await a_style(sessions)
    assert (await ask(client, "/sell-through"))["items"] == []
    async with sessions.begin() as session:
        await renew_list(session)
    listed = await rows(client, "/sell-through")
    late = await rows(client, "/sell-through", verdict="late")
    assert late == [row for row in listed if row["verdict"] == "late"]
    assert {row["sku_id"] for row in late} == {"A-S"}
    ladies = await rows(client, "/sell-through", category="Ladies", location_id="OSAKA")
    assert [row["sku_id"] for row in ladies] == ["A-M"]
    for sort in ("-units_left", "days_late", "-late_probability", "on_hand", "value_left"):
        name, falls = sort.removeprefix("-"), sort.startswith("-")
        small = [
            row for page in await pages(client, "/sell-through", sort=sort, limit=2) for row in page
        ]
        assert sorted(small, key=str) == sorted(listed, key=str)
        values = [row[name] for row in small if row[name] is not None]
        assert values == sorted(values, reverse=falls)
        assert all(row[name] is None for row in small[len(values) :])
    answer = await client.get("/sell-through", params={"format": "csv", "sort": "-units_left"})
    lines = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert [line["sku_id"] for line in lines] == [
        row["sku_id"] for row in await rows(client, "/sell-through", sort="-units_left")
    ]


async def test_what_is_not_gone_within_the_horizon_is_the_latest(
    client: AsyncClient, sessions: Sessions
):
    soon = DAY + timedelta(days=30)
    for name, stock in (("A", 100), ("B", 3000), ("C", 150)):
        await given.add(sessions, sku(name, sales_end_on=soon), given.stock(name, stock))
    await fill(sessions, *(forecast(name, 2.0) for name in "ABC"), sku("D"), given.stock("D", 0))
    async with sessions.begin() as session:
        await renew_list(session)
    found = await rows(client, "/sell-through", sort="-days_late")
    assert [(row["sku_id"], row["days_late"] is None) for row in found] == [
        ("B", True),
        ("C", False),
        ("A", False),
        ("D", True),
    ]


async def test_curves_as_csv(client: AsyncClient, sessions: Sessions):
    await a_style(sessions)
    for path, key in (
        ("/sku/A-M/sell-through", "sku_id"),
        ("/styles/A/sell-through", "style_id"),
        ("/locations/EC/sell-through?by=category", "category"),
    ):
        body = (await client.get(path)).json()
        curve = body["curve"] if "curve" in body else body["groups"][0]["curve"]
        joint = "&" if "?" in path else "?"
        answer = await client.get(f"{path}{joint}format=csv&depth=0.2")
        assert answer.headers["content-type"].startswith("text/csv")
        lines = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
        assert [line["on"] for line in lines[: len(curve)]] == [point["on"] for point in curve]
        assert float(lines[3]["expected_left"]) == curve[3]["expected_left"]
        assert float(lines[3]["what_if_expected_left"]) <= curve[3]["expected_left"]
        assert key in lines[0]


async def test_codes_that_a_spreadsheet_would_run_are_made_safe(
    client: AsyncClient, sessions: Sessions
):
    await fill(sessions, sku("=1+1"), given.stock("=1+1", 5), forecast("=1+1", 1.0))
    answer = await client.get("/sku/%3D1%2B1/sell-through?format=csv")
    assert answer.text.splitlines()[1].startswith("'=1+1,")


async def test_what_does_not_exist_is_named(client: AsyncClient, sessions: Sessions):
    await fill(sessions, sku("A", style_id="ST"))
    problem(await client.get("/sku/X/sell-through"), 404, "unknown-sku")
    problem(await client.get("/styles/X/sell-through"), 404, "unknown-style")
    problem(await client.get("/styles/A/sell-through"), 404, "unknown-style")
    problem(await client.get("/styles/X/forecast"), 404, "unknown-style")
    problem(await client.get("/styles/ST/forecast"), 404, "not-forecast")
    problem(await client.get("/locations/X/sell-through"), 404, "unknown-location")
    there = "?location_id=X"
    problem(await client.get(f"/sku/A/sell-through{there}"), 404, "unknown-location")
    problem(await client.get(f"/styles/ST/sell-through{there}"), 404, "unknown-location")
    for wrong in ("depth=1", "depth=-0.1", "depth=nan", "depth=x", "step=month"):
        answer = await client.get(f"/sku/A/sell-through?{wrong}")
        problem(answer, 422, "invalid-request")
    problem(await client.get("/sell-through?sort=name"), 422, "invalid-request")


async def test_seasons_and_categories_have_windows_of_their_own(
    client: AsyncClient, sessions: Sessions
):
    await fill(
        sessions,
        sku("A", category="Ladies/Coats", season_code="26SS"),
        sku("B", category="Ladies/Coats"),
        sku("C", category="Ladies"),
        sku("D"),
        *(given.stock(name, 9) for name in "ABCD"),
    )

    async def windows() -> list[int]:
        found = [await ask(client, f"/sku/{name}/sell-through") for name in "ABCD"]
        return [body["clearance_days"] for body in found]

    async def put(scope: str, weeks: float | None) -> None:
        values = {} if weeks is None else {"clearance_weeks": weeks}
        answer = await client.put(f"/policies/{scope}", json={"overrides": values})
        assert answer.status_code == 200, answer.text

    assert await windows() == [28] * 4
    await put("tenant", 5)
    await put("category:Ladies", 3)
    await put("category:Ladies/Coats", 2)
    await put("season:26SS", 1)
    assert await windows() == [7, 14, 21, 35]
    await put("category:Ladies/Coats", None)
    assert await windows() == [7, 21, 21, 35]


async def test_an_evaluated_shop_is_listed_whole(shop: AsyncClient):
    listed = await rows(shop, "/sell-through")
    stock = await rows(shop, "/inventory")
    assert [row["sku_id"] for row in listed] == [row["sku_id"] for row in stock]
    assert {row["verdict_reason"] for row in listed} <= {"no_season_end", "no_stock"}
    short = next(row for row in listed if row["sku_id"] == "SHORT")
    assert date.fromisoformat(short["sell_out_p50"]) < DAY + timedelta(days=14)
    excess = next(row for row in listed if row["sku_id"] == "EXCESS")
    assert excess["sell_out_p90"] is None
    body = await ask(shop, "/sku/SHORT/sell-through")
    assert body["sell_out_on"]["p50"] == short["sell_out_p50"]
