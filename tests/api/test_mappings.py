"""Mapping profiles: stored in versions, named by imports, refused where they say nothing."""

import pytest
from httpx import AsyncClient, Response

from app.database import Sessions
from tests.api.conftest import pages, problem, rows
from tests.api.sending import Send, sender, table
from tests.conftest import Work

POS = {
    "columns": {"伝票": "order_id", "商品": "sku_id", "数": "quantity", "千円": "unit_price"},
    "made": {"sold_at": {"columns": ["日", "時"], "separator": " ", "optional": ["時"]}},
    "units": {"unit_price": {"multiply": 1000}},
    "leave_out": {"商品": ["送料"]},
}
SALES = "伝票,日,時,商品,数,千円\nA-1,2026-06-01,10:30,S-1,2,1.5\nA-2,2026-06-02,,送料,1,0.5\n"


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


async def put(client: AsyncClient, name: str, kind: str, definition: object, **more) -> Response:
    headers = more.pop("headers", None)
    body = {"kind": kind, "definition": definition, **more}
    return await client.put(f"/mappings/{name}", json=body, headers=headers)


async def test_a_profile_is_stored_in_versions_and_an_import_keeps_which_it_used(
    client, send, sessions: Sessions
):
    first = await put(client, "pos", "sales", POS, note="POS")
    assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
    sent = await send("sales", SALES, mapping="pos")
    assert sent.counts == {"new": 1}
    assert sent.batch["options"]["mapping"] == sent.summary["mapping"] == "pos@1"
    assert sent.summary["warnings"] == [
        "1 rows in which '商品' is '送料' were left out, as the mapping says"
    ]
    assert await table(sessions, "SELECT unit_price::float, sold_at::text FROM sale") == [
        (1500, "2026-06-01 01:30:00+00")
    ]
    second = await put(client, "pos", "sales", {**POS, "units": {}})
    assert second.json()["version"] == 2
    assert (await client.get("/mappings/pos")).json() == second.json()
    assert (await client.get("/mappings/pos?version=1")).json() == first.json()
    assert (await send("sales", SALES, mapping="pos@1")).counts == {"same": 1}
    assert (await send("sales", SALES, mapping="pos")).counts == {"changed": 1}
    problem(await client.get("/mappings/pos?version=3"), 404, "unknown-mapping")


async def test_a_file_sent_before_a_new_version_is_read_as_it_was_sent(client, work, sessions):
    await put(client, "pos", "sales", POS)
    await client.post("/imports/sales", content=SALES.encode(), params={"mapping": "pos"})
    await put(client, "pos", "sales", {**POS, "units": {}})
    await work()
    assert await table(sessions, "SELECT unit_price::float FROM sale") == [(1500,)]


async def test_the_list_holds_built_in_and_own_ones_in_pages(client: AsyncClient):
    await put(client, "a-pos", "sales", POS)
    await put(client, "zz-pos", "sales", POS)
    await put(client, "a-pos", "sales", POS)
    all_of_them = await rows(client, "/mappings")
    names = [item["name"] for item in all_of_them]
    assert names == sorted(names)
    assert {"online_retail_ii", "yahoo_quantity", "makeshop_products", "a-pos"} <= set(names)
    assert [i["version"] for i in all_of_them if i["name"] == "a-pos"] == [2]
    paged = await pages(client, "/mappings", limit=3)
    assert [item["name"] for page in paged for item in page] == names
    assert all(item["source"] for item in all_of_them if item["is_builtin"])
    sales = await rows(client, "/mappings", kind="sales")
    assert [i["name"] for i in sales] == ["a-pos", "online_retail_ii", "shopify_orders", "zz-pos"]


async def test_what_is_built_in_stays_and_a_lost_update_is_refused(client: AsyncClient):
    problem(await put(client, "yahoo_quantity", "stock", {}), 409, "built-in-mapping")
    assert (await put(client, "pos", "sales", POS, headers={"If-Match": '"0"'})).status_code == 200
    stale = await put(client, "pos", "sales", POS, headers={"If-Match": '"0"'})
    assert problem(stale, 412, "stale-mapping")["detail"] == "version 1 is the newest, not 0"
    assert (await put(client, "pos", "sales", POS, headers={"If-Match": "1"})).status_code == 200
    problem(await put(client, "pos", "stock", {"columns": {}}), 409, "other-kind")


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ({"colums": {}}, "definition.colums: is no part of a profile (did you mean 'columns'?)"),
        ({"columns": []}, "definition.columns: must be an object"),
        (
            {"columns": {"A": "quantitiy"}},
            "definition.columns.A: 'quantitiy' is no column of sales (did you mean 'quantity'?)",
        ),
        ({"columns": {"A": 3}}, "definition.columns.A: must be a text"),
        ({"columns": {"A\x00": None}}, "definition.columns: holds a character that cannot be"),
        ({"defaults": {"sku_id": "today"}}, "definition.defaults.sku_id: 'today' is for days only"),
        ({"units": {"sku_id": {"multiply": 2}}}, "definition.units.sku_id: 'sku_id' is no amount"),
        ({"units": {"quantity": {"multiply": 1.5}}}, "definition.units.quantity.multiply: 'quanti"),
        (
            {"units": {"unit_price": 1000}},
            'definition.units.unit_price: must be {"multiply": 1000}',
        ),
        (
            {"units": {"unit_price": {"multiply": "x"}}},
            "definition.units.unit_price.multiply: must",
        ),
        (
            {"units": {"quantity": {"tax_included": 0.1}}},
            "definition.units.quantity: 'quantity' is",
        ),
        (
            {"units": {"unit_price": {"tax_included": 10}}},
            "definition.units.unit_price.tax_include",
        ),
        ({"made": {"sku_id": {"columns": ["a"]}}}, "definition.made.sku_id: must be"),
        (
            {"made": {"sku_id": {"columns": ["a"], "separator": "-", "optional": ["a"]}}},
            "definition.made.sku_id.optional: must name some of the columns, and not all",
        ),
        (
            {"columns": {"x": "sku_id"}, "made": {"sku_id": {"first_of": ["a"]}}},
            "definition.made.sku_id: a column is mapped to 'sku_id' already",
        ),
        ({"leave_out": {"a": "b"}}, "definition.leave_out.a: must be a list of 1 to 500 texts"),
        ({"leave_out": {"a": ["*", ""]}}, "definition.leave_out.a: '*' is filled with anything"),
        (
            {"leave_out": {"a": ["*"]}, "leave_out_within": {"b": "c"}},
            "definition.leave_out_within.b: leave_out leaves out no row by it",
        ),
        ({"required_theirs": {"a": {}}}, "definition.required_theirs.a: must have reason_ja"),
        ({"daily_totals": 1}, "definition.daily_totals: must be true or false"),
        ({"cancellation_prefix": ""}, "definition.cancellation_prefix: must not be empty"),
        ({"negative_stock": "keep"}, "definition.negative_stock: means nothing for sales"),
    ],
)
async def test_a_mistake_in_a_definition_is_named_with_its_place(client, definition, why):
    answer = await put(client, "pos", "sales", definition)
    assert problem(answer, 422, "profile-error")["detail"].startswith(why)
    assert (await client.get("/mappings/pos")).status_code == 404


async def test_a_word_that_is_no_choice_of_ours_is_named(client: AsyncClient):
    answer = await put(client, "p", "products", {"values": {"item_class": {"通年": "stapel"}}})
    assert "'stapel' is none of staple, seasonal, service" in answer.json()["detail"]
    answer = await put(client, "p", "stock", {"negative_stock": "drop"})
    assert answer.json()["detail"] == "definition.negative_stock: must be 'keep', or left out"


async def test_an_unknown_mapping_is_refused_before_the_file_is_kept(client, settings):
    for mapping in ("nobody", "yahoo_quantity", "pos@", "@1", "yahoo_quantity@0"):
        answer = await client.post("/imports/sales", content=b"x", params={"mapping": mapping})
        assert "known: online_retail_ii" in problem(answer, 422, "unknown-profile")["detail"]
    assert list(settings.uploads_folder().iterdir()) == []


async def test_shifted_rows_are_told_one_by_one_and_as_a_whole(send: Send):
    rows = "order_id,sku_id,sold_at,quantity,unit_price\n"
    rows += "".join(f"A-{n},S-1,2026-06-01,2,1\n" for n in range(300))
    rows += "".join(f",B-{n},S-1,2026-06-01,2\n" for n in range(150))
    sent = await send("sales", rows)
    assert sent.counts == {"new": 300, "rejected": 150}
    assert sent.summary["rejected_by_reason"] == {"column_shifted": 150}
    assert (await sent.rejects())[0] == (301, "sold_at", "column_shifted", "S-1")
    assert sent.summary["warnings"] == [
        (
            "column 'order_id' is empty in all rows 301 to 450 and filled in 100.0% of the others:"
            " the file has another layout there"
        ),
        (
            "all rows 301 to 450 are rejected with column_shifted in 'sold_at', and hardly any"
            " others: do columns shift there?"
        ),
    ]
