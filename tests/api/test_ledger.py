"""The stock ledger, what is flagged in the views of the stock, and size runs; by hand."""

from datetime import date
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Sessions
from app.models import PriceHistory, StockMovement
from tests.api import given
from tests.api.conftest import pages, problem, rows
from tests.api.given import Location, Sku
from tests.conftest import Work

MAY, JUNE, JULY = date(2026, 5, 31), date(2026, 6, 30), date(2026, 7, 31)


def moved(receipt_id: str, quantity: int, on: date, kind: str = "receipt", **more: Any) -> Any:
    fields = {"sku_id": "A", "location_id": "EC", "line_key": "1", "import_id": 1} | more
    return StockMovement(
        receipt_id=receipt_id, quantity=quantity, moved_on=on, movement_type=kind, **fields
    )


async def sell(client: AsyncClient, work: Work, *lines: str) -> None:
    header = "order_id,sku_id,location_id,sold_at,quantity,unit_price\n"
    await client.post("/imports/sales", content=(header + "\n".join(lines) + "\n").encode())
    await work()


@pytest.fixture
async def books(client: AsyncClient, work: Work, sessions: Sessions) -> AsyncClient:
    """SKU A: 10, then 7 as it should be, then 3 where 5 are expected; B is counted once."""
    await given.add(
        sessions,
        Location(location_id="EC"),
        Sku(sku_id="A", list_price=100.0, unit_cost=40.0),
        Sku(sku_id="B"),
        *(given.stock("A", n, counted_on=day) for n, day in ((10, MAY), (7, JUNE), (3, JULY))),
        given.stock("B", 5, counted_on=JUNE),
        moved("0", 99, MAY),  # on the day of the count: it is in it
        moved("1", 6, date(2026, 6, 1)),
        moved("2", -2, date(2026, 6, 2), "transfer"),
        moved("3", -1, date(2026, 6, 3), "supplier_return"),
        moved("4", 2, date(2026, 6, 4), "adjustment"),
        moved("5", -1, JUNE, "loss"),
    )
    await sell(
        client,
        work,
        "1,A,EC,2026-05-31,4,100",  # before the first count
        "2,A,EC,2026-06-01,6,100",
        "3,A,EC,2026-06-30,2,100",  # before the second count
        "4,A,EC,2026-06-30,-1,100",
        "5,A,EC,2026-07-01,3,100",
        "6,A,EC,2026-07-20,-1,100",
    )
    return client


async def test_the_ledger_adds_up_between_two_counts(books: AsyncClient):
    june, july = await rows(books, "/inventory/ledger", sku_id="A", location_id="EC")
    assert june == {
        "sku_id": "A",
        "location_id": "EC",
        "opened_on": "2026-05-31",
        "closed_on": "2026-06-30",
        "opening": 10,
        "received": 6,
        "transferred": -2,
        "returned_to_supplier": -1,
        "adjusted": 2,
        "lost": -1,
        "sold": 8,
        "returned": 1,
        "expected": 7,
        "counted": 7,
        "difference": 0,
        "data_flags": [],
    }
    assert (july["opening"], july["sold"], july["returned"], july["expected"]) == (7, 3, 1, 5)
    assert (july["counted"], july["difference"]) == (3, -2)
    assert await rows(books, "/inventory/ledger", differences_only=True) == [july]
    assert await rows(books, "/inventory/ledger", sku_id="B") == []
    assert await rows(books, "/inventory/ledger", location_id="nowhere") == []


async def test_the_ledger_pages_by_sku_location_and_day(client: AsyncClient, sessions: Sessions):
    places = [Location(location_id=name) for name in ("EC", "店")]
    skus = [Sku(sku_id=name) for name in ("A", "B", "C")]
    counts = [
        given.stock(sku.sku_id, n, location_id=place.location_id, counted_on=day)
        for sku in skus
        for place in places
        for n, day in ((1, MAY), (2, JUNE), (2, JULY))
    ]
    await given.add(sessions, *places, *skus, *counts)
    whole = await rows(client, "/inventory/ledger")
    keys = [(row["sku_id"], row["location_id"], row["closed_on"]) for row in whole]
    assert keys == sorted(keys)
    assert len(set(keys)) == 12
    for limit in (1, 5):
        found = await pages(client, "/inventory/ledger", limit=limit)
        assert [row for page in found for row in page] == whole
    different = await pages(client, "/inventory/ledger", limit=1, differences_only=True)
    assert [row for page in different for row in page] == whole[::2]


async def flags(client: AsyncClient, **asked: Any) -> dict[str, list[str]]:
    found = await rows(client, "/inventory", **asked)
    return {row["sku_id"] or row["style_id"]: row["data_flags"] for row in found}


async def test_a_count_that_does_not_follow_is_flagged_while_it_is_the_last(books: AsyncClient):
    assert (await flags(books))["A"] == ["contradicting_stock"]
    assert (await flags(books, as_of=str(JUNE)))["A"] == []
    assert (await flags(books, by="all", level="style"))["A"] == ["contradicting_stock"]
    assert (await flags(books, sort="-on_hand", channel="store"))["A"] == ["contradicting_stock"]


async def test_what_was_derived_contradicts_nothing(client: AsyncClient, sessions: Sessions):
    await given.add(
        sessions,
        Location(location_id="EC"),
        Sku(sku_id="A", list_price=1.0, unit_cost=1.0),
        given.stock("A", 10, counted_on=MAY, is_derived=True),
        given.stock("A", 4, counted_on=JUNE),
    )
    assert (await flags(client))["A"] == []
    [row] = await rows(client, "/inventory/ledger")
    assert (row["difference"], row["data_flags"]) == (-6, ["derived_stock"])


async def test_every_doubt_is_flagged_and_a_style_has_those_of_its_skus(
    client: AsyncClient, sessions: Sessions
):
    full = {"style_id": "ST", "list_price": 5.0, "unit_cost": 2.0}
    await given.add(
        sessions,
        Location(location_id="EC"),
        Sku(sku_id="FINE", **full),
        Sku(sku_id="NEGATIVE", **full),
        Sku(sku_id="STALE", **full),
        Sku(sku_id="ASSUMED", **full, is_cost_derived=True, is_price_derived=True),
        Sku(sku_id="NEW", style_id="ST", is_listed=False),
        Sku(sku_id="PRICED", style_id="ST", unit_cost=2.0),
        PriceHistory(sku_id="PRICED", valid_from=MAY, list_price=9.0),
        *(given.stock(sku, 1) for sku in ("FINE", "ASSUMED", "NEW", "PRICED")),
        given.stock("NEGATIVE", -1),
        given.stock("STALE", 1, counted_on=MAY, is_derived=True),
    )
    assert await flags(client) == {
        "ASSUMED": ["derived_cost", "derived_list_price"],
        "FINE": [],
        "NEGATIVE": ["negative_stock"],
        "NEW": ["no_cost", "no_list_price", "unlisted"],
        "PRICED": [],
        "STALE": ["derived_stock", "stale"],
    }
    assert await flags(client, level="style") == {
        "ST": [
            "derived_stock",
            "derived_cost",
            "derived_list_price",
            "negative_stock",
            "stale",
            "no_cost",
            "no_list_price",
            "unlisted",
        ]
    }
    [before] = await rows(client, "/inventory", as_of=str(MAY), by="all")
    assert (before["sku_id"], before["data_flags"]) == ("STALE", ["derived_stock"])
    [style] = await rows(client, "/inventory", level="style")
    assert (style["on_hand"], style["value_at_list"]) == (4, 3 * 5 + 9)  # what is negative is not
    assert style["value_at_cost"] == 4 * 2


async def test_a_size_run_is_of_all_the_style_and_of_the_place_asked_for(
    client: AsyncClient, sessions: Sessions
):
    variants = [(color, size) for color in ("Navy", "Grey") for size in ("S", "M")]
    await given.add(
        sessions,
        Location(location_id="EC", channel="ec"),
        Location(location_id="GINZA"),
        *(
            Sku(sku_id=f"{color} {size}", style_id="COAT", color=color, size=size, brand=color)
            for color, size in variants
        ),
        Sku(sku_id="CAP", size="F"),
        Sku(sku_id="BAG"),
        Sku(sku_id="WRAP", style_id="COAT", item_class="service", size="F"),
        given.stock("Navy S", 2),
        given.stock("Navy S", 0, location_id="GINZA"),
        given.stock("Navy M", 0),
        given.stock("Grey S", 1, location_id="GINZA"),
        given.stock("CAP", 1),
        given.stock("BAG", 1),
    )

    async def runs(**asked: Any) -> dict[str, tuple[float, list[str]]]:
        found = await rows(client, "/inventory", level="style", **asked)
        return {
            f"{row['style_id']} {row['location_id'] or row['channel']}": (
                row["size_run"],
                row["missing_sizes"],
            )
            for row in found
        }

    assert await runs() == {
        "BAG EC": (None, None),
        "CAP EC": (1, []),
        "COAT EC": (0.25, ["Grey M", "Grey S", "Navy M"]),
        "COAT GINZA": (0.25, ["Grey M", "Navy M", "Navy S"]),
    }
    everywhere = {"COAT None": (0.5, ["Grey M", "Navy M"])}
    assert await runs(by="all", style_id="COAT") == everywhere
    assert await runs(by="all", brand="Navy") == everywhere
    assert (await runs(by="channel", channel="ec"))["COAT ec"][0] == 0.25
    assert {row["size_run"] for row in await rows(client, "/inventory")} == {None}


async def test_cells_are_safe_and_what_cp932_lacks_is_told_before_anything_is_sent(
    client: AsyncClient, sessions: Sessions
):
    await given.add(
        sessions,
        Location(location_id="EC"),
        Sku(sku_id="=A1", name="＝HYPERLINK(1)", style_id="髙島屋"),
        given.stock("=A1", -3),
    )
    for encoding in ("utf-8", "cp932"):
        answer = await client.get(f"/inventory?format=csv&encoding={encoding}")
        text = answer.content.decode("utf-8-sig" if encoding == "utf-8" else "cp932")
        assert text.splitlines()[1].startswith("'=A1,EC,'＝HYPERLINK(1),髙島屋,store,")
        assert ",-3," in text
        charset = "shift_jis" if encoding == "cp932" else "utf-8"
        assert answer.headers["content-type"] == f"text/csv; charset={charset}"
        assert 'filename="inventory-2026-06-30.csv"' in answer.headers["content-disposition"]
    await given.add(sessions, Sku(sku_id="B", name="𠮷野家"), given.stock("B", 1))
    body = problem(await client.get("/inventory?format=csv&encoding=cp932"), 409, "unencodable")
    assert body["detail"].startswith("line 3: '𠮷' (U+20BB7)")
    assert (await client.get("/inventory?format=csv")).status_code == 200


async def test_an_empty_list_is_a_header(client: AsyncClient):
    headers = {
        "/inventory?format=csv": "sku_id,location_id,name,",
        "/sales?group_by=sku,month&format=csv": "sku,month,units,",
    }
    for path, header in headers.items():
        [line] = (await client.get(path)).content.decode("utf-8-sig").splitlines()
        assert line.startswith(header)
