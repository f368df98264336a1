"""CSV files that are written some rows at a time."""

import pytest

from app.schemas.csv import Unencodable
from app.schemas.sheet import IN_MEMORY, Sheet, TooManyRows


def test_a_long_list_waits_on_the_disk_and_comes_out_whole():
    sheet = Sheet(["n", "words"], "utf-8")
    row = {"n": 1, "words": ["x" * 500, "y"]}
    for _ in range(3):
        sheet.add([row] * 1000)
    written = b"".join(sheet.parts())
    assert len(written) > IN_MEMORY
    line = f"1,{'x' * 500}; y\r\n"
    assert written.decode("utf-8-sig") == "n,words\r\n" + line * 3000
    assert written.count(b"\xef\xbb\xbf") == 1


def test_more_rows_than_a_spreadsheet_opens_are_refused():
    sheet = Sheet(["n"], "cp932", most_rows=3).add([{"n": 1}] * 3)
    with pytest.raises(TooManyRows, match="more than 3 rows"):
        sheet.add([{"n": 2}])
    sheet.close()


def test_the_line_that_cannot_be_encoded_is_named_across_chunks():
    sheet = Sheet(["名"], "cp932").add([{"名": "一"}, {"名": "二\n三"}])
    with pytest.raises(Unencodable, match=r"line 6: '😀'"):
        sheet.add([{"名": "四"}, {"名": "😀"}])
    sheet.close()
