"""Category paths: every way of writing one is the same path, as the import keeps it."""

import polars as pl
import pytest

from app.domain.category_path import category_path
from app.services.imports.completing import complete

WRITTEN = ["Edge>Sub", "Edge > Sub", "Edge＞Sub", "/Edge/Sub/", "Edge／Sub", "Edge/Sub", ">", "a"]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_path_is_written_as_the_import_keeps_it(text: str):
    kept = complete("products", pl.DataFrame({"category": [text]}), None, "Asia/Tokyo")
    assert category_path(text) == (kept["category"][0] or "")


def test_levels_are_separated_by_slashes():
    assert [category_path(text) for text in WRITTEN] == ["Edge/Sub"] * 6 + ["", "a"]
