"""Bad input: each mistake is named with its place, and the rest of the file still loads."""

import csv
import gzip
import io

import polars as pl
import pytest
from httpx import AsyncClient

from tests.api.sending import Send, sender, table
from tests.conftest import Work

pytestmark = pytest.mark.one_server

SALES = "order_id,sku_id,sold_at,quantity,unit_price\n"


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


async def test_good_rows_load_beside_bad_ones_and_every_bad_one_says_why(client, send, sessions):
    sent = await send(
        "sales",
        "order_id,sku_id,sku_name,sold_at,quantity,unit_price\r\n"
        "A-1,S-1,長袖シャツ,2026-06-01,1,1980\r\n"
        ",S-1,,2026-06-01,1,1980\r\n"
        'A-3,S-3,"quoted ""x"",\r\n\\.\r\nand broken",2026-06-01 10:00,-1, 1980.0 \r\n'
        "A-4,S-1,,2026-13-01,1.5,1e400\r\n"
        "A-5,S-1,,2999-01-01,1,-5\r\n"
        "\r\n"
        "A-6,S-1,,2026-06-01,1,1980,extra\r\n"
        "A-7,S-1,\r\n"
        'A-8,S-1,"open,2026-06-01,1,1980\r\n'
        "A\x009,S-1,,2026-06-01,1,NaN\r\n"
        f"A-10,S-1,{'x' * 300},2026-06-01,1,1980\r\n"
        "A-11,S-1,,2026-06-01,9999999999,1980\r\n"
        'A-12,S-12,6" PLATE,2026-06-01,1,1980',
        force="true",
    )
    assert sent.job["status"] == "succeeded"
    assert sent.counts == {"new": 3, "rejected": 9}
    assert sent.summary["warnings"] == ["1 blank rows were left out"]
    assert await sent.rejects() == [
        (2, "order_id", "missing", None),
        (4, "quantity", "not_a_whole_number", "1.5"),
        (4, "sold_at", "not_a_date", "2026-13-01"),
        (4, "unit_price", "out_of_range", "1e400"),
        (5, "sold_at", "in_future", "2999-01-01"),
        (5, "unit_price", "negative", "-5"),
        (7, "", "too_many_fields", "A-6,S-1,,2026-06-01,1,1980,extra"),
        (8, "", "too_few_fields", "A-7,S-1,"),
        (9, "", "unclosed_quote", 'A-8,S-1,"open,2026-06-01,1,1980'),
        (10, "order_id", "bad_character", "A␀9"),
        (10, "unit_price", "not_an_amount", "NaN"),
        (11, "sku_name", "too_long", "x" * 200),
        (12, "quantity", "out_of_range", "9999999999"),
    ]
    assert sent.summary["rejected_by_reason"]["out_of_range"] == 2
    found = "SELECT order_id, quantity, name FROM sale JOIN sku USING (sku_id) ORDER BY order_id"
    assert await table(sessions, found) == [
        ("A-1", 1, "長袖シャツ"),
        ("A-12", 1, '6" PLATE'),
        ("A-3", -1, 'quoted "x", \\. and broken'),
    ]


async def test_rejects_are_paged_and_explained_in_both_languages(client, send):
    sent = await send("sales", SALES + "A-1,S-1,2026-06-01,0,1980\n" * 5)
    found, after = [], ""
    while after is not None:
        page = (
            await client.get(f"{sent.path}/rejects", params={"limit": 2, "after": after})
        ).json()
        found += page["items"]
        after = page["next"]
    assert [reject["row_no"] for reject in found] == [1, 2, 3, 4, 5]
    assert found[0] == {
        "row_no": 1,
        "column_name": "quantity",
        "code": "zero_quantity",
        "value": "0",
        "reason_ja": "数量が0です",
        "reason_en": "the quantity is zero",
    }


async def test_all_rejects_come_as_csv_that_a_spreadsheet_may_open(client, send):
    rows = "".join(f"A-{n},S-1,2026-06-01,=1+{n},1980\n" for n in range(1, 10_002))
    sent = await send("sales", SALES + rows + "A-0,S-1,2026-06-01,1,1980\n")
    answer = await client.get(f"{sent.path}/rejects", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"rejects-{sent.batch['import_id']}.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [line["row_no"] for line in lines] == [str(n) for n in range(1, 10_002)]
    assert lines[-1] == {
        "row_no": "10001",
        "column_name": "quantity",
        "code": "not_a_whole_number",
        "value": "'=1+10001",
        "reason_ja": "quantity の「=1+10001」は整数ではありません",
        "reason_en": "quantity '=1+10001' is not a whole number",
    }


async def test_a_file_without_a_good_row_fails_and_tells_its_first_mistake(client, send):
    sent = await send("stock", "sku_id,location_id,counted_on,on_hand\nS-1,EC,2026-06-01,-3\n")
    assert sent.job["status"] == "failed"
    assert sent.job["error"] == (
        "all 1 rows were rejected; the first: row 1, on_hand '-3' is negative."
        f" See {sent.path}/rejects"
    )
    assert await sent.rejects() == [(1, "on_hand", "negative", "-3")]
    assert sent.counts == {"rejected": 1}


async def test_a_header_without_rows_fails(client, send):
    for sent in await send("sales", SALES, SALES.strip(), SALES + "\n,,,,\n"):
        assert sent.job["error"] == "the file has a header but no rows"
        assert sent.counts == {}


async def test_unknown_columns_are_left_aside_and_told(client, send):
    sent = await send("products", "sku_id,nmae,row_no\nS-1,Shirt,5\n")
    assert sent.counts == {"new": 1}
    assert sent.summary["warnings"] == [
        "column 'nmae' is not known and was left aside (did you mean 'name'?)",
        "column 'row_no' is not known and was left aside",
    ]


async def test_the_last_of_rows_with_the_same_key_counts(client, send):
    products = await send("products", "sku_id,name\nS-1,old\nS-2,x\nS-1,new\n")
    assert await products.rejects() == [(1, "sku_id", "duplicate_key", "S-1")]
    assert products.counts == {"new": 2, "rejected": 1}
    lines = await send(
        "sales",
        SALES.strip()
        + ",line_no\n"
        + "A-1,S-1,2026-06-01,1,100,1\n"
        + "A-1,S-2,2026-06-01,1,100,2\n"
        + "A-1,S-1,2026-06-01,3,100,1\n"
        + "A-1,S-1,2026-06-01,1,100,\n",
    )
    assert await lines.rejects() == [(1, "order_id", "duplicate_key", "A-1 1 EC")]
    assert lines.counts == {"new": 3, "rejected": 1}


async def test_equal_lines_without_a_number_are_both_sold(client, send):
    sent = await send("sales", SALES + "A-1,S-1,2026-06-01,1,100\n" * 2)
    assert sent.counts == {"new": 2}


async def test_what_is_wrong_with_a_whole_file_is_the_jobs_error(send):
    whole = {
        b"order_id,quantity\nA-1,1\n": "missing column 'sku_id', 'sold_at', 'unit_price' for sales",
        b"order\x00no,b\n1,2\n": "the file has: order␀no, b",
        SALES.encode("utf-16"): "the file is UTF-16",
        b"a,b\n\xff\xff\n": "the file is neither utf-8 nor cp932: line 2",
        b"PK\x03\x04workbook": "save the sheet as CSV",
        b"\x1f\x8b\x08damaged": "the gzip file is damaged",
        gzip.compress(b""): "the file is empty",
        b"PAR1damagedPAR1": "the Parquet file is damaged",
        b"a,a\n1,2\n": "the header names column 'a' more than once",
        nested_parquet(): "column 'sku_id' of the Parquet file is List",
        gzip.compress(SALES.encode() + b"A-1,S-1,2026-06-01,1,1980\n" * 900_000): (
            "unpacked, the file is larger than 20 MB"  # twenty times the limit for uploads
        ),
    }
    for sent, said in zip(await send("sales", *whole), whole.values(), strict=True):
        assert said in await sent.only_error()


async def test_a_wrongly_named_encoding_is_told_with_the_line(send):
    japanese = "sku_id,name\nS-1,シャツ\n"
    sent = await send("products", japanese.encode("cp932"), encoding="utf-8")
    assert await sent.only_error() == (
        "the file is not utf-8: line 2 holds bytes that are no character of it;"
        " it can be read as cp932"
    )
    sent = await send("products", japanese.encode(), encoding="cp932")
    assert "utf-8" in await sent.only_error()


def nested_parquet() -> bytes:
    target = io.BytesIO()
    pl.DataFrame({"sku_id": [["S-1"]]}).write_parquet(target)
    return target.getvalue()


async def test_damage_in_the_middle_leaves_nothing(send, sessions, settings):
    target = io.BytesIO()
    pl.DataFrame({"sku_id": [f"S-{n}" for n in range(250_000)]}).write_parquet(
        target, row_group_size=50_000
    )
    content = bytearray(target.getvalue())
    middle = len(content) * 3 // 4
    content[middle : middle + 1000] = bytes(1000)
    sent = await send("products", bytes(content))
    assert "the Parquet file is damaged" in await sent.only_error()
    assert await table(sessions, "SELECT * FROM sku") == []
    assert await table(sessions, "SELECT * FROM pg_tables WHERE schemaname = 'staging'") == []
    assert list(settings.uploads.iterdir()) == []


async def test_japanese_files_of_excel_load_with_their_names(send, sessions):
    content = "sku_id,name,color\nA-1,長袖シャツ①,紺\n".encode("cp932")
    sent = await send("products", content)
    assert sent.summary["encoding"] == "cp932"
    assert await table(sessions, "SELECT name, color FROM sku") == [("長袖シャツ①", "紺")]


async def test_parquet_and_tabs_and_gzip_load_the_same_row(send):
    target = io.BytesIO()
    pl.DataFrame(
        {
            "order_id": ["A-1"],
            "sku_id": ["S-1"],
            "sold_at": pl.Series(["2026-06-01 10:00"]).str.to_datetime("%Y-%m-%d %H:%M"),
            "quantity": [1.0],
            "unit_price": [1980],
        }
    ).write_parquet(target)
    line = "A-1,S-1,2026/6/1 10:00,1,1980\n"
    assert (await send("sales", target.getvalue())).counts == {"new": 1}
    assert (await send("sales", (SALES + line).replace(",", "\t"))).counts == {"same": 1}
    assert (await send("sales", gzip.compress((SALES + line).encode()))).counts == {"same": 1}
