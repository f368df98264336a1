"""Bar codes that do not check are told, and loaded all the same."""

import polars as pl

from app.services.imports.barcodes import Unchecked, unchecked


def good(*codes: str | None) -> pl.DataFrame:
    return pl.DataFrame({"jan": codes}, schema={"jan": pl.String})


def test_codes_that_do_not_check_are_counted_by_row_and_shown_once():
    found = unchecked(good("4901234567894", "4901234567895", None, "123", "4901234567895"))
    assert found == Unchecked(rows=3, examples=("4901234567895", "123"))
    assert found.warning == (
        "jan is no valid code in 3 rows (8, 12, 13 or 14 digits, the last of which checks):"
        " 4901234567895, 123"
    )


def test_nothing_is_said_where_all_check_or_none_are_given():
    for frame in (good(), good(None), good("49012347", "2012345678903")):
        assert unchecked(frame) == Unchecked()
        assert unchecked(frame).warning is None


def test_batches_add_up():
    first, second = good(*"abcd"), good(*"defg")
    found = unchecked(first) + unchecked(second)
    assert found == Unchecked(rows=8, examples=tuple("abcde"))
    assert Unchecked() + found == found
