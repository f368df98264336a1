"""A file more than half bad changes nothing unless forced, and every row read is accounted for."""

import pytest
from httpx import AsyncClient

from tests.api.sending import Send, sender, table
from tests.conftest import Work

pytestmark = pytest.mark.one_server

SALES = "order_id,sku_id,sold_at,quantity,unit_price\n"
GOOD = [f"A-{n},S-{n},2026-06-01,1,100\n" for n in range(4)]
BAD = [
    "B-1,S-1,2026-06-31,1,100\n",
    "B-2,S-1,2026-06-01,0,100\n",
    "B-3,S-1,2026-06-31,one,100\n",
    "B-4,,2026-06-31,1,x\n",
    "B-5,S-1,2026-06-01,1,100,more\n",
]
ALL_TABLES = ("sale", "sku", "location")


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


async def rows_in_tables(sessions) -> list[int]:
    return [(await table(sessions, f"SELECT count(*) FROM {name}"))[0][0] for name in ALL_TABLES]


async def test_a_file_more_than_half_bad_stops_before_it_changes_anything(send, sessions):
    sent = await send("sales", SALES + "".join([*GOOD, *BAD]) + ",,,,\n")
    assert sent.job["status"] == "failed"
    assert sent.job["error"] == (
        "5 of 9 rows are bad, more than half, so nothing was loaded; most often not_a_date in 3"
        " (row 5: sold_at '2026-06-31' is not a date (2026-07-01 or as Japan writes it, with or"
        " without time)),"
        " missing in 1 (row 8: sku_id is missing), not_a_whole_number in 1 (row 7: quantity 'one'"
        f" is not a whole number). See {sent.path}/rejects, or send the file again with force=true"
        " (zaiko import --force) to load its good rows all the same"
    )
    assert sent.counts == {"rejected": 5, "held_back": 4}
    assert sent.summary["unlisted"] == {"skus": 0, "locations": 0}
    assert len({reject[0] for reject in await sent.rejects()}) == 5
    assert (await sent.rejected_rows()).count(b"B-") == 5
    assert await rows_in_tables(sessions) == [0, 0, 0]
    assert await table(sessions, "SELECT * FROM pg_tables WHERE schemaname = 'staging'") == []


async def test_forced_it_loads_its_good_rows(send, sessions):
    sent = await send("sales", SALES + "".join([*GOOD, *BAD]), force="true")
    assert sent.job["status"] == "succeeded"
    assert sent.batch["options"]["force"] is True
    assert sent.counts == {"new": 4, "rejected": 5}
    assert await rows_in_tables(sessions) == [4, 4, 1]


async def test_half_is_not_more_than_half(send):
    assert (await send("sales", SALES + "".join([*GOOD, *BAD[:4]]))).counts == {
        "new": 4,
        "rejected": 4,
    }


async def test_repeats_and_what_a_profile_turns_away_are_not_bad(send):
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,CustomerID,Country\n"
    line = "1,S-1,x,{},2026-06-01 10:00:00,{},,\n"
    written_off = line.format(-1, 2) + line.format(1, 0) + "C" + line.format(1, 2)
    sent = await send(
        "sales", header + line.format(1, 2) * 5 + written_off, mapping="online_retail_ii"
    )
    assert sent.counts == {"new": 1, "rejected": 7}
    keys = "sku_id,name\n" + "".join(f"S-2,{n}\n" for n in range(5))
    assert (await send("products", keys)).counts == {"new": 1, "rejected": 4}


FILES = [
    ("sales", SALES + "".join(GOOD)),
    ("sales", SALES + "".join(GOOD[:2]) + "A-2,S-2,2026-06-02,5,100\n\n,,,,\n" + BAD[0]),
    ("sales", SALES + "".join(GOOD * 2) + "\n" + BAD[4] + " , ,,,\n"),
    ("sales", SALES + "".join([*BAD, *GOOD[:1]])),
    ("sales", SALES.strip() + ",line_no\n" + "A-9,S-1,2026-06-01,1,100,1\n" * 3),
    ("products", "sku_id,name\nS-1,a\nS-1,b\n\nS-9,c\n,d\n"),
    ("products", "sku_id,name\nS-1,b\nS-9,e\n"),
    ("stock", "sku_id,location_id,counted_on,on_hand\nS-1,EC,2026-06-01,1\n" + ",,,\n" * 3),
    ("stock", "sku_id,location_id,counted_on,on_hand\n" + "S-1,EC,2026-06-01,2\n" * 2),
]
FATES = [
    (4, {"new": 4}),
    (4, {"changed": 1, "same": 2, "rejected": 1}),
    (9, {"new": 4, "changed": 1, "same": 3, "rejected": 1}),
    (6, {"rejected": 5, "held_back": 1}),
    (3, {"new": 1, "rejected": 2}),
    (4, {"new": 1, "changed": 1, "rejected": 2}),
    (2, {"changed": 1, "same": 1}),
    (1, {"new": 1}),
    (2, {"changed": 1, "rejected": 1}),
]


async def test_every_row_that_was_read_is_accounted_for(send):
    found = []
    for kind, content in FILES:
        sent = await send(kind, content)
        found.append((sent.summary["read"], sent.counts))  # which checks that they add up
        reasons = sent.summary["rejected_by_reason"]
        assert sum(reasons.values()) >= sent.summary["rejected"] >= max(reasons.values(), default=0)
    assert found == FATES
