"""Views of stock and sales against the lines they are made of, counted out slow and plain."""

import asyncio
import csv
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import astuple
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from app.auth import Scope
from app.queries import sales, stock_view
from app.queries.selection import Selection
from app.routers.paging import cursor, list_name
from app.settings import Settings
from tests.api.conftest import pages, problem, rows
from tests.conftest import Work, client_of, drop_database, new_database
from tests.random_shop import CHANNEL, LAST, Row, Shop, as_csv, sales_by, stock_by

SHOP = Shop(7)
WEEKS = 9
PLACES = ("location", "channel", "all")
FILTERS: dict[str, tuple[dict[str, str], Callable[[Row], bool]]] = {
    "all": ({}, lambda row: True),
    "channel": ({"channel": "store"}, lambda row: CHANNEL[row["location_id"]] == "store"),
    "location": ({"location_id": "EC"}, lambda row: row["location_id"] == "EC"),
    "category": (
        {"category": "Ladies"},
        lambda row: of(row, "category") in {"Ladies", "Ladies/Coats", "Ladies/Tops"},
    ),
    "category as a file may write it": (
        {"category": " Ladies > Coats"},
        lambda row: of(row, "category") == "Ladies/Coats",
    ),
    "season": ({"season_code": "26SS"}, lambda row: of(row, "season_code") == "26SS"),
    "class, brand": (
        {"item_class": "seasonal", "brand": "A"},
        lambda row: (of(row, "item_class"), of(row, "brand")) == ("seasonal", "A"),
    ),
    "style": ({"style_id": "ST2"}, lambda row: SHOP.style(row["sku_id"]) == "ST2"),
    "style that is a SKU": ({"style_id": "S21"}, lambda row: row["sku_id"] == "S21"),
    "sku": ({"sku_id": "S03"}, lambda row: row["sku_id"] == "S03"),
}
each_filter = pytest.mark.parametrize("name", FILTERS)


def of(row: Row, column: str) -> Any:
    return SHOP.by_sku[row["sku_id"]][column]


async def send(url: str, settings: Settings) -> None:
    client = await client_of(url, settings, [Scope.ADMIN])
    for kind, those in SHOP.sent():
        answer = await client.post(f"/imports/{kind}", content=as_csv(those))
        assert answer.status_code == 202, answer.text
    await Work(url, settings)()
    for job in (await client.get("/jobs", params={"limit": 100})).json()["items"]:
        assert job["status"] == "succeeded", job
        assert job["result"]["rejected"] == 0, job
    await client.aclose()


@pytest.fixture(scope="module")
def filled(server: str) -> Iterator[str]:
    """The URL of a database that holds the random shop; read only."""
    url = new_database(server)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), worker_processes=1, log_level="ERROR")
        asyncio.run(send(url, settings))
    yield url
    drop_database(server, url)


@pytest.fixture
async def views(filled: str, settings: Settings) -> AsyncIterator[AsyncClient]:
    client = await client_of(filled, settings, [Scope.ADMIN])
    yield client
    await client.aclose()


# Of figures that are no sums the last digit shown may fall either way.
LAST_DIGIT = {
    **dict.fromkeys(("sell_through_rate", "sell_through_value", "gmroi", "discount_rate"), 1e-4),
    "days_of_supply": 0.01,
}


def is_right(name: str, found: Any, expected: Any) -> bool:
    """Units and money to the last digit, since all of them add up to something."""
    if name in LAST_DIGIT and expected is not None:
        return found is not None and abs(found - float(expected)) <= 0.51 * LAST_DIGIT[name]
    return found == (float(expected) if isinstance(expected, Decimal) else expected)


def differences(found: Row, expected: Row) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (found[name], value) for name, value in expected.items()}
    return {name: pair for name, pair in pairs.items() if not is_right(name, *pair)}


ITEMS: dict[str, Callable[[Row], str]] = {
    "sku": lambda row: row["sku_id"],
    "style": lambda row: SHOP.style(row["sku_id"]),
}
WHERE: dict[str, Callable[[Row], str]] = {
    "location": lambda row: row["location_id"],
    "channel": lambda row: CHANNEL[row["location_id"]],
    "all": lambda row: "",
}


@each_filter
@pytest.mark.parametrize("as_of", [None, date(2026, 6, 5), date(2026, 4, 30)])
async def test_stock_is_what_the_lines_come_to(views: AsyncClient, name: str, as_of: date | None):
    filters, is_wanted = FILTERS[name]
    for level, item in ITEMS.items():
        for by, place in WHERE.items():

            def key(row: Row, item: Any = item, place: Any = place) -> tuple[str, str]:
                return item(row), place(row)

            day = as_of or LAST
            expected = stock_by(SHOP, key, is_wanted, as_of=day, days=WEEKS * 7)
            asked = {**filters, "level": level, "by": by, "weeks": WEEKS}
            found = await rows(views, "/inventory", **asked, **({"as_of": day} if as_of else {}))
            assert [item_key(row, level, by) for row in found] == list(expected)
            for row in found:
                assert differences(row, expected[item_key(row, level, by)]) == {}, (row, asked)


def item_key(row: Row, level: str, by: str) -> tuple[str, str]:
    place = {"location": row["location_id"], "channel": row["channel"], "all": ""}[by]
    return row["sku_id" if level == "sku" else "style_id"], place


ADDED = (
    *("on_hand", "on_order", "allocated", "inventory_position", "units_sold", "revenue"),
    *("value_at_cost", "value_at_list", "gross_margin"),
)


@each_filter
async def test_stock_ties_at_every_level(views: AsyncClient, name: str):
    totals = set()
    by_style: dict[tuple[str, str], list[float]] = {}
    for level in ITEMS:
        for by in PLACES:
            found = await rows(views, "/inventory", **FILTERS[name][0], level=level, by=by)
            totals.add(tuple(round(sum(row[n] or 0 for row in found), 4) for n in ADDED))
            sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * len(ADDED))
            for row in found:
                place = item_key(row, level, by)[1]
                style = SHOP.style(row["sku_id"]) if level == "sku" else row["style_id"]
                for i, column in enumerate(ADDED):
                    sums[style, f"{by} {place}"][i] += row[column] or 0
            for key, values in sums.items():
                exactly = [round(value, 4) for value in values]
                assert by_style.setdefault(key, exactly) == exactly
    assert len(totals) == 1


GROUPS: dict[str, Callable[[Row], str]] = {
    "channel": lambda line: CHANNEL[line["location_id"]],
    "location": lambda line: line["location_id"],
    "sku": lambda line: line["sku_id"],
    "style": lambda line: SHOP.style(line["sku_id"]),
    "category": lambda line: of(line, "category"),
    "season": lambda line: of(line, "season_code"),
    "brand": lambda line: of(line, "brand"),
    "item_class": lambda line: of(line, "item_class"),
    "day": lambda line: str(line["sold_at"]),
    "week": lambda line: str(
        date.fromordinal(line["sold_at"].toordinal() - line["sold_at"].weekday())
    ),
    "month": lambda line: str(line["sold_at"])[:7],
}
COMBINED = ("channel,month", "sku,month", "style,week", "brand,season,location", "day,channel,week")


@each_filter
@pytest.mark.parametrize("period", [None, (date(2026, 3, 9), date(2026, 6, 25))])
async def test_sales_are_what_the_lines_come_to(
    views: AsyncClient, name: str, period: tuple[date, date] | None
):
    filters, is_wanted = FILTERS[name]
    first, last = period or (date.min, date.max)
    asked = dict(filters) | ({"start": str(first), "end": str(last)} if period else {})
    totals = set()
    names_of = ("units", "units_returned", "revenue", "list_value", "discount")
    for group in (*GROUPS, *COMBINED, "all"):
        names = [] if group == "all" else group.split(",")
        expected = sales_by(
            SHOP,
            lambda line, names=names: tuple(GROUPS[n](line) for n in names),
            lambda line: is_wanted(line) and first <= line["sold_at"] <= last,
        )
        found = await rows(views, "/sales", **asked, group_by=group)
        assert [tuple(row["key"].values()) for row in found] == list(expected), group
        for row in found:
            sums = expected[tuple(row["key"].values())]
            wanted = {n: sums[n] for n in (*names_of, "gross_margin")}
            listed = sums["list_value"]
            wanted["discount_rate"] = sums["discount"] / listed if listed > 0 else None
            assert differences(row, wanted) == {}, row
        added = (*names_of, "gross_margin")
        totals.add(tuple(round(sum(row[n] or 0 for row in found), 4) for n in added))
    assert len(totals) == 1


LISTS = [
    *(f"/inventory?sort={s}{c}" for c in stock_view.SORTS for s in ("", "-")),
    *(f"/inventory?level=style&by={by}&sort=-gmroi" for by in PLACES),
    *(f"/inventory?level={level}&by={by}" for level in ITEMS for by in PLACES),
    "/inventory?sort=days_of_supply&channel=store",
    *(f"/sales?group_by=sku,location&sort={s}{c}" for c in sales.SORTS for s in ("", "-")),
    "/sales?group_by=sku",
    "/sales?group_by=all",
    "/sales?group_by=all&sort=-revenue",
]


@pytest.mark.parametrize("path", LISTS)
async def test_every_order_pages_and_is_the_same_as_csv(views: AsyncClient, path: str):
    whole = await rows(views, path)
    limit = max(1, len(whole) // 3)
    found = await pages(views, path, limit=limit)
    assert [row for page in found for row in page] == whole
    assert all(len(page) == limit for page in found[:-1])
    _, _, sort = path.partition("sort=")
    if sort:
        column = sort.split("&")[0].removeprefix("-")
        values = [row[column] for row in whole if row[column] is not None]
        assert values == sorted(values, reverse=sort.startswith("-"))
        assert all(row[column] is None for row in whole[len(values) :])
    for encoding, name in (("utf-8", "utf-8-sig"), ("cp932", "cp932")):
        answer = await views.get(f"{path}&format=csv&encoding={encoding}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-length"] == str(len(answer.content))
        lines = list(csv.DictReader(StringIO(answer.content.decode(name), newline="")))
        assert lines == [as_cells(row) for row in whole]


def as_cells(row: Row) -> dict[str, str]:
    fields = {name: value for name, value in row.items() if name != "key"}
    flat = {**row.get("key", {}), **fields}
    return {name: cell(value) for name, value in flat.items()}


def cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else str(value)


async def test_a_cursor_is_of_its_filters_and_its_order_only(views: AsyncClient):
    for path, others in {
        "/inventory?sort=on_hand": ("sort=-on_hand", "sort=gmroi", "", "sort=on_hand&brand=A"),
        "/sales?group_by=sku": ("group_by=sku&sort=revenue", "group_by=sku&channel=ec"),
        "/inventory/ledger": ("sku_id=S01", "differences_only=true"),
        "/inventory/movements": ("sku_id=S01", "location_id=EC"),
    }.items():
        after = (
            (await views.get(path, params={"limit": 1})).json()["next"]
            if "?" not in path
            else (await views.get(f"{path}&limit=1")).json()["next"]
        )
        assert after
        for other in others:
            answer = await views.get(f"{path.partition('?')[0]}?{other}&after={after}")
            problem(answer, 422, "bad-cursor")


@pytest.mark.parametrize("sort", [None, "revenue"])
async def test_nothing_comes_after_the_only_row(views: AsyncClient, sort: str | None):
    name = list_name("sales", [], astuple(Selection()), None, None, sort)
    asked = {"group_by": "all", "after": cursor((name, *([True, 1.0] if sort else [])))}
    answer = await views.get("/sales", params=asked | ({"sort": sort} if sort else {}))
    assert answer.json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "path",
    [
        "/inventory?level=color",
        "/inventory?by=country",
        "/inventory?sort=name",
        "/inventory?sort=--gmroi",
        "/inventory?weeks=0",
        "/inventory?format=xlsx",
        "/inventory?encoding=latin-1",
        "/inventory?item_class=other",
        "/sales?sort=key",
        "/sales?group_by=all,month",
        "/sales?group_by=all,all",
        "/sales?group_by=hour",
        "/inventory/ledger?sort=difference",
    ],
)
async def test_what_a_view_does_not_know_is_refused(views: AsyncClient, path: str):
    problem(await views.get(path), 422, "invalid-request")
