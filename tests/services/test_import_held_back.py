"""The counts of a file of which nothing is loaded."""

import pytest

from app.models import ImportBatch
from app.services.imports.outcome import MostlyBad
from tests.importing import Importer

HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,CustomerID\n"
GOOD = "1,85123A,HEART,2,2011-12-09,2.95,17850\n"
BAD = "2,85123A,HEART,two,2011-12-09,2.95,17850\n"


async def test_a_repeat_in_a_file_that_is_held_back_is_counted_but_once(sessions, settings):
    importer = Importer(sessions, settings)
    run = await importer.received("sales", HEADER + 2 * GOOD + 3 * BAD, "online_retail_ii")
    with pytest.raises(MostlyBad):
        await importer.run(*run)
    async with sessions() as session:
        summary = (await session.get(ImportBatch, run[0])).summary
    assert (summary["read"], summary["rejected"], summary["held_back"]) == (5, 4, 1)
    assert summary["rejected_by_reason"] == {"exact_repeat": 1, "not_a_whole_number": 3}
