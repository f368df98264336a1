"""Rejected rows are downloaded as they stood, corrected, sent again, and then all is in."""

import gzip
import io

import polars as pl
import pytest
from httpx import AsyncClient

from tests.api.conftest import problem
from tests.api.sending import Send, sender, table
from tests.conftest import Work

pytestmark = pytest.mark.one_server

COLUMNS = "order_id,sku_id,sku_name,sold_at,quantity,unit_price,note"
ASIDE = "zaiko_row,zaiko_reason_ja,zaiko_reason_en,zaiko_line_no"
WHOLE = (
    f"{COLUMNS}\r\n"
    "A-1,S-1,長袖シャツ①,2026-06-01,1,1980,～\r\n"
    'A-2,S-2,"綿,麻 6"" ""ﾆｯﾄ""",2026-06-02,2,980, 髙 \r\n'
    "A-3,S-3,\\{NULL},2026-06-03,1,500,NULL\r\n"
    'A-4,S-1,長袖シャツ①,2026-06-04,1,1980,"二\r\n行"\r\n'
    "A-5,S-2,,2026-06-05,1,980,\r\n"
    "A-6,S-2,帽子,2026-06-05,1,980,\r\n"
    "A-7,S-2,帽子,2026-06-05,1,980,\r\n"
)
# what is written for what should be
MISTAKES = {
    "2026-06-02,2,": "2026-06-32,二,",
    "2026-06-03": "いつか",
    "2026-06-04": "",
}
SALES = "SELECT order_id, sku_id, sold_on::text, quantity, unit_price FROM sale ORDER BY 1"


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


def spoilt(text: str) -> str:
    for right, wrong in MISTAKES.items():
        text = text.replace(right, wrong)
    return text


def corrected(text: str) -> str:
    """The rows as a person leaves them who mends the cells and nothing else."""
    lines = text.split("\r\n")
    for right, wrong in MISTAKES.items():
        lines = [line.replace(f",{wrong}", f",{right}", 1) if wrong else line for line in lines]
    return "\r\n".join(lines).replace("長袖シャツ①,,1", "長袖シャツ①,2026-06-04,1")


@pytest.mark.parametrize("encoding", ["cp932", "utf-8"])
async def test_rejects_corrected_and_sent_again_come_to_the_same_as_a_good_file(
    send, sessions, encoding
):
    assert (await send("sales", WHOLE)).counts == {"new": 7}
    wanted = await table(sessions, SALES)
    await table_emptied(sessions)
    sent = await send("sales", spoilt(WHOLE).encode(encoding))
    assert sent.counts == {"new": 4, "rejected": 3}
    content = await sent.rejected_rows()
    assert content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8")
    text = content.decode("cp932" if encoding == "cp932" else "utf-8-sig")
    assert text == (
        f"{COLUMNS},{ASIDE}\r\n"
        'A-2,S-2,"綿,麻 6"" ""ﾆｯﾄ""",2026-06-32,二,980, 髙 ,2,'
        "quantity の「二」は整数ではありません; "
        "sold_at の「2026-06-32」は日付(2026-07-01、2026年7月1日、令和8年7月1日など)ではありません,"
        "\"quantity '二' is not a whole number; "
        "sold_at '2026-06-32' is not a date (2026-07-01 or as Japan writes it, with or without"
        ' time)",S-2#1\r\n'
        "A-3,S-3,\\{NULL},いつか,1,500,NULL,3,"
        "sold_at の「いつか」は日付(2026-07-01、2026年7月1日、令和8年7月1日など)ではありません,"
        "\"sold_at 'いつか' is not a date (2026-07-01 or as Japan writes it, with or without"
        ' time)",S-3#1\r\n'
        'A-4,S-1,長袖シャツ①,,1,1980,"二\r\n行",4,sold_at がありません,sold_at is missing,'
        "S-1#1\r\n"
    )
    again = await send("sales", content, force="true")
    assert again.job["error"].startswith("all 3 rows were rejected")
    assert [reject[1:] for reject in await again.rejects()] == [
        reject[1:] for reject in await sent.rejects()
    ]
    assert (await again.rejected_rows()).count(b"zaiko_") == 4
    mended = await send("sales", corrected(text).encode(encoding))
    assert mended.counts == {"new": 3}
    assert mended.summary["encoding"] == encoding
    assert mended.summary["warnings"] == ["column 'note' is not known and was left aside"]
    assert await table(sessions, SALES) == wanted
    assert (await mended.rejected_rows()).decode(encoding).strip("\ufeff\r\n") == (
        f"{COLUMNS},{ASIDE}"
    )


async def table_emptied(sessions) -> None:
    async with sessions.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("TRUNCATE sale")


ORDER = "order_id,sku_id,sold_at,quantity,unit_price\n"
LINES = [f"A-1,S-1,2026-06-01,{n},100\n" for n in (1, 2, 3, 4, -1, -2)]
BROKEN = [line.replace("06-01", "06-31") for line in LINES]
UNITS = "SELECT quantity FROM sale ORDER BY 1"
WANTED = [(-2,), (-1,), (1,), (2,), (3,), (4,)]


async def test_lines_of_an_order_that_come_back_correct_none_that_are_loaded(send, sessions):
    mixed = [BROKEN[0], LINES[1], LINES[2], BROKEN[3], BROKEN[4], LINES[5]]
    sent = await send("sales", ORDER + "".join(mixed))
    assert sent.counts == {"new": 3, "rejected": 3}
    content = (await sent.rejected_rows()).decode("utf-8-sig").replace("'-1", "-1")
    first = content.replace("06-31", "06-01", 1)  # the others are still wrong
    part = await send("sales", first, force="true")
    assert part.counts == {"new": 1, "rejected": 2}
    rest = (await part.rejected_rows()).decode("utf-8-sig").replace("'-1", "-1")
    rest = rest.replace("06-31", "06-01")
    assert (await send("sales", rest)).counts == {"new": 2}
    assert await table(sessions, UNITS) == WANTED
    mended = content.replace("06-31", "06-01")
    assert (await send("sales", mended)).counts == {"same": 3}
    await send("sales", ORDER + "".join(LINES))
    assert await table(sessions, UNITS) == WANTED  # as they all stand in one file


async def test_a_line_that_comes_back_takes_its_own_place_however_often_the_file_came(
    send, sessions
):
    """As a nightly export of the last seven days does."""
    night = ORDER + LINES[0] + LINES[1].replace(",2,100", ",2,x") + LINES[2]
    await send("sales", night)
    again = await send("sales", night)
    assert again.counts == {"same": 2, "rejected": 1}
    content = (await again.rejected_rows()).decode("utf-8-sig").replace(",x,", ",100,")
    assert (await send("sales", content)).counts == {"new": 1}
    assert (await send("sales", content)).counts == {"same": 1}
    assert (await send("sales", ORDER + "".join(LINES[:3]))).counts == {"same": 3}
    assert await table(sessions, UNITS) == [(1,), (2,), (3,)]


async def test_receipts_that_come_back_take_their_own_places(send, sessions):
    header = "receipt_id,sku_id,location_id,moved_on,quantity\n"
    slips = header + "T1,A,EC,2026-06-01,5\nT1,A,EC,2026-06-32,3\n"
    await send("receipts", slips, force="true")
    content = (await (await send("receipts", slips)).rejected_rows()).decode("utf-8-sig")
    assert (await send("receipts", content.replace("-32", "-30"))).counts == {"new": 1}
    assert await table(sessions, "SELECT quantity FROM stock_movement ORDER BY 1") == [(3,), (5,)]


async def test_tills_of_two_shops_may_use_the_same_numbers(send, sessions):
    header = "order_id,sku_id,location_id,sold_at,quantity,unit_price\n"
    await send("sales", header + "1001,A,GINZA,2026-06-01,1,100\n")
    sent = await send("sales", header + "1001,A,UMEDA,2026-06-01,2,100\n")
    assert sent.counts == {"new": 1}
    assert await table(sessions, UNITS) == [(1,), (2,)]


async def test_the_number_of_a_line_may_be_anything_at_all(send):
    header = ORDER.strip() + ",zaiko_line_no\n"
    rows = [f"A-{n},S-1,2026-06-01,1,100,{n}{n}\n" for n in range(5)]
    odd = [f"B,S-1,2026-06-01,1,100,{text}\n" for text in ("x", "", "-1", "9" * 30, "1.5")]
    assert (await send("sales", header + "".join(rows + odd))).counts == {"new": 10}


SPLIT = "order_id\tsku_id\tsold_at\tquantity\tunit_price\n"
UNSPLIT = [
    "A-1\tS-1\t2026-06-01\t1\t100\t" + "x" * 300,
    'A-2\t"S-\t2026-06-01\t1\t100',
    "A-3\tS-1\t",
    'A-4\t"S-1"\t2026-06-01\t1\t100\t"one\ntwo"',
]


async def test_lines_that_could_not_be_split_come_back_whole_and_may_be_mended_there(
    send, sessions
):
    sent = await send("sales", SPLIT + "\n".join(UNSPLIT) + "\n")
    before = await sent.rejects()
    assert [reject[2] for reject in before] == [
        "too_many_fields",
        "unclosed_quote",
        "too_few_fields",
        "too_many_fields",
    ]
    content = (await sent.rejected_rows()).decode("utf-8-sig")
    header, first, *_ = content.split("\r\n")
    assert header.split("\t")[5:] == [*ASIDE.split(","), "zaiko_line"]
    assert first.split("\t")[:5] == [""] * 5
    assert first.endswith('\t"' + UNSPLIT[0] + '"')
    again = await send("sales", content)
    assert await again.rejects() == before
    assert (await again.rejected_rows()).decode("utf-8-sig") == content.replace(
        f"\t{sent.batch['import_id']}.", f"\t{again.batch['import_id']}."
    )
    mended = (
        content.replace("\t" + "x" * 300, "")
        .replace('""S-\t', "S-2\t")
        .replace("\t\t\t\t\t3\t", "A-3\tS-3\t2026-06-01\t3\t100\t3\t")
    )
    loaded = await send("sales", mended)
    assert loaded.counts == {"new": 3, "rejected": 1}
    assert await table(sessions, SALES) == [
        ("A-1", "S-1", "2026-06-01", 1, 100),
        ("A-2", "S-2", "2026-06-01", 1, 100),
        ("A-3", "S-3", "2026-06-01", 3, 100),
    ]


async def test_a_cell_of_several_lines_is_no_line(send):
    sent = await send("products", 'sku_id,zaiko_line\n,"S-1\nS-2"\n,S-3\n,\n')
    assert sent.counts == {"new": 1, "rejected": 1}
    assert await sent.rejects() == [(1, "", "too_many_fields", "S-1")]
    assert sent.summary["warnings"] == ["1 blank rows were left out"]


async def test_what_another_row_stands_for_is_not_to_be_corrected(send):
    sent = await send("products", "sku_id,name\nS-1,old\nS-1,new\nS-2,x\n,y\n")
    assert sent.counts == {"new": 2, "rejected": 2}
    assert (await sent.rejected_rows()).decode("utf-8-sig") == (
        f"sku_id,name,{ASIDE}\r\n,y,4,sku_id がありません,sku_id is missing,\r\n"
    )


async def test_a_nul_and_what_cp932_lacks_do_not_fail_the_download(send):
    content = "sku_id,name,color\n漢,シャツ,紺\nA\x001,シャツ,紺\n".encode("cp932")
    sent = await send("products", content)
    before = await sent.rejects()
    assert before == [(2, "sku_id", "bad_character", "A␀1")]
    content = await sent.rejected_rows()
    assert content.splitlines()[1].startswith("A\x001,シャツ,紺,2,".encode("cp932"))
    again = await send("products", content, encoding="cp932")
    assert await again.rejects() == [(1, *before[0][1:])]


async def test_parquet_and_gzip_come_out_as_text(send):
    target = io.BytesIO()
    pl.DataFrame({"sku_id": ["S-1", None], "name": ["x", "帽子"]}).write_parquet(target)
    text = f"sku_id,name,{ASIDE}\r\n,帽子,2,sku_id がありません,sku_id is missing,\r\n"
    sent = await send("products", target.getvalue())
    assert await sent.rejected_rows() == text.encode("utf-8-sig")
    sent = await send("products", gzip.compress("sku_id,name\nS-1,x\n,帽子\n".encode("cp932")))
    assert await sent.rejected_rows() == text.encode("cp932")


async def test_more_rows_than_a_page_come_once_each_in_the_order_of_the_file(send):
    rows = "".join(f"S-{n},{'x' if n % 3 else '1'}\n" for n in range(4000))
    sent = await send("products", "sku_id,list_price\n" + rows, force="true")
    lines = (await sent.rejected_rows()).decode("utf-8-sig").splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [f"S-{n}" for n in range(4000) if n % 3]


async def test_of_a_file_that_could_not_be_read_no_rows_are_kept(client, send):
    for content in ("name\nShirt\n", b"\xff\xff\n"):
        sent = await send("products", content)
        answer = await client.get(f"{sent.path}/rejects", params={"format": "file"})
        problem(answer, 404, "rows-not-kept")
