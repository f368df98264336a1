"""What we export is data to a spreadsheet, and comes back as it was."""

import csv
from io import StringIO

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.schemas.csv import Unencodable, csv_text, encoded, safe_cell
from tests.services.checking import checked, loaded
from tests.services.test_import_files import rows

FORMULA_LIKE = st.text(st.sampled_from("=+-@＝＋－＠'\t019.A あ,\"〜"), min_size=1, max_size=8)


@pytest.mark.parametrize("cell", ["-5", "-5.25", "-0", "5", 5, -5, -2.5, None, True, "A-1", "'60s"])
def test_numbers_and_plain_text_are_exported_as_they_are(cell):
    assert safe_cell(cell) == cell


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-", "-A", "-5-5", "-5\n", "-1e5", "-.5", "－5", "-５", "@A", "'=A", "''+"],
)
def test_what_may_be_a_formula_gets_an_apostrophe(cell):
    assert safe_cell(cell) == f"'{cell}"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FORMULA_LIKE, min_size=1, max_size=5), st.sampled_from(["utf-8", "cp932"]))
def test_what_was_imported_is_exported_and_imported_again(tmp_path, texts, encoding):
    stored, _ = checked("products", *({"sku_id": text} for text in texts))
    assume(len(stored))
    content = encoded(csv_text(["sku_id"], stored.select("sku_id").to_dicts()), encoding)
    again, rejects = checked("products", *({"sku_id": text} for (text,) in rows(tmp_path, content)))
    assert rejects.is_empty()
    assert again["sku_id"].to_list() == stored["sku_id"].to_list()


@given(st.text(min_size=1))
def test_any_cell_is_no_formula_and_one_apostrophe_from_its_text(text):
    cell = safe_cell(text)
    assert cell in {text, f"'{text}"}
    if cell[0] in "=+-@＝＋－＠\t\r\n":
        assert float(cell) <= 0
    written = csv_text(["a"], [{"a": text}])
    assert list(csv.reader(StringIO(written, newline="")))[1] == [cell]


def test_a_negative_number_in_an_export_comes_back_as_a_number():
    assert loaded("sales", "quantity", safe_cell("-5")) == -5
    assert loaded("sales", "quantity", safe_cell("+5")) == 5


def test_every_character_that_cp932_lacks_is_named_with_its_first_line():
    text = csv_text(["名称"], [{"名称": each} for each in ("é—", "髙", "𠮷é", "¥")])
    with pytest.raises(Unencodable) as refused:
        encoded(text, "cp932")
    assert str(refused.value) == (
        "line 2: 'é' (U+00E9), line 2: '—' (U+2014), line 4: '𠮷' (U+20BB7), line 5: '¥' (U+00A5)"
        " do not exist in cp932; export as utf-8"
    )


def test_one_character_that_cp932_lacks_is_named_in_one():
    with pytest.raises(Unencodable, match=r"^line 1: '𠮷' \(U\+20BB7\) does not exist in cp932;"):
        encoded("𠮷野家𠮷", "cp932")


def test_hundreds_of_such_characters_do_not_fill_the_answer():
    with pytest.raises(Unencodable) as refused:
        encoded("".join(chr(code) for code in range(0x1000, 0x1100)), "cp932")
    assert str(refused.value).count("U+") == 20
    assert " and 236 more do not exist" in str(refused.value)


def test_what_cp932_has_is_written_with_it():
    assert encoded("髙﨑①㈱～－", "cp932").decode("cp932") == "髙﨑①㈱～－"
    assert encoded("a", "utf-8") == b"\xef\xbb\xbfa"
