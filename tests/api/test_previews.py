"""The dry run: what an import would make of the first rows, and nothing stored."""

import gzip
import json

import polars as pl
import pytest
from httpx import AsyncClient

from tests.api.conftest import problem
from tests.api.sending import table

SALES = "order_id,sku_id,sold_at,quantity,unit_price,colour\nA-1,S-1,2026-06-01,2,99.5,red\n"


async def preview(client: AsyncClient, kind: str, content: bytes | str, **params: str):
    body = content.encode() if isinstance(content, str) else content
    answer = await client.post(f"/imports/{kind}/preview", content=body, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_shows_values_origins_and_reasons_and_stores_nothing(client, settings, sessions):
    found = await preview(client, "sales", SALES + "A-2,,x,0,1,\n")
    assert (found["encoding"], found["separator"]) == ("utf-8", ",")
    assert (found["mapping"], found["looked_at"]) == (None, "the whole file")
    assert found["file_columns"][-1] == "colour"
    assert found["warnings"] == ["column 'colour' is not known and was left aside"]
    origins = {column["name"]: column for column in found["columns"]}
    assert origins["quantity"]["comes_from"] == "column"
    assert origins["quantity"]["file_columns"] == ["quantity"]
    assert (origins["location_id"]["comes_from"], origins["location_id"]["default"]) == (
        "default",
        "EC",
    )
    assert origins["coupon_code"]["comes_from"] == "nothing"
    good, bad = found["rows"]
    assert good["values"]["quantity"] == 2
    assert good["values"]["unit_price"] == 99.5
    assert good["values"]["sold_at"] == "2026-06-01T00:00:00+09:00"
    assert (bad["row_no"], bad["values"]) == (2, None)
    assert [reject["code"] for reject in bad["rejects"]] == [
        "missing",
        "not_a_date",
        "zero_quantity",
    ]
    assert bad["rejects"][0]["reason_ja"] == "sku_id がありません"
    assert list(settings.uploads_folder().iterdir()) == []
    assert await table(sessions, "SELECT count(*) FROM import_batch") == [(0,)]


async def test_a_draft_is_tried_before_it_is_stored(client: AsyncClient):
    draft = {"columns": {"品番": "sku_id", "税込": "list_price"}}
    draft["units"] = {"list_price": {"tax_included": 0.10}}
    file = {"file": ("p.csv", "品番,税込\nS-1,1100\n".encode("cp932"))}
    answer = await client.post(
        "/imports/products/preview", files=file, data={"profile": json.dumps(draft)}
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["encoding"], found["mapping"]) == ("cp932", "draft")
    assert found["rows"][0]["values"]["list_price"] == 1000
    wrong = {"profile": json.dumps({"columns": {"品番": "sku"}})}
    answer = await client.post("/imports/products/preview", files=file, data=wrong)
    assert "'sku' is no column of products" in problem(answer, 422, "profile-error")["detail"]
    answer = await client.post("/imports/products/preview", files=file, data={"profile": "{"})
    assert "is no JSON" in problem(answer, 422, "invalid-request")["detail"]
    answer = await client.post(
        "/imports/products/preview?mapping=x", files=file, data={"profile": "{}"}
    )
    problem(answer, 422, "invalid-request")
    answer = await client.post(
        "/imports/products/preview", files=file, data={"profile": "x" * 300_000}
    )
    problem(answer, 422, "wrong-upload")


async def test_twenty_rows_are_shown_whatever_the_file_is(client: AsyncClient, tmp_path):
    lines = SALES + "".join(f"A-{n},S-1,2026-06-01,2,1,\n" for n in range(2, 50))
    assert len((await preview(client, "sales", lines))["rows"]) == 20
    assert len((await preview(client, "sales", gzip.compress(lines.encode())))["rows"]) == 20
    file = tmp_path / "s.parquet"
    pl.DataFrame({"sku_id": [f"S-{n}" for n in range(5000)]}).write_parquet(file)
    found = await preview(client, "products", file.read_bytes())
    assert (found["encoding"], found["separator"], len(found["rows"])) == ("parquet", None, 20)
    assert found["looked_at"] == "the first 1000 rows"
    assert len((await preview(client, "products", gzip.compress(file.read_bytes())))["rows"]) == 20
    assert (await preview(client, "sales", SALES.partition("\n")[0] + "\n"))["rows"] == []


async def test_of_a_large_file_only_the_start_is_looked_at(client: AsyncClient):
    lines = SALES + "A-2,S-1,2026-06-01,2,1,\n" * 200_000
    found = await preview(client, "sales", gzip.compress(lines.encode() + b"\xff\xff\xff\n"))
    assert found["looked_at"] == "the first 4 MB"
    assert len(found["rows"]) == 20


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"PK\x03\x04xxxx", "unreadable-file"),
        (b"a,b\n1,2\n", "unusable-columns"),
        (gzip.compress(gzip.compress(b"a,b\n")), "unreadable-file"),
        (gzip.compress(SALES.encode())[:-12], "unreadable-file"),
        (gzip.compress(b"x" * 5_000_000), "unreadable-file"),
        (b"", "wrong-upload"),
    ],
    ids=["workbook", "columns", "gzip twice", "cut off", "one line", "empty"],
)
async def test_a_file_that_cannot_be_read_is_a_problem(client, settings, content, slug):
    answer = await client.post("/imports/sales/preview", content=content)
    problem(answer, 422, slug)
    assert list(settings.uploads_folder().iterdir()) == []
