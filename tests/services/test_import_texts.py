"""The same text in another encoding is the same; another text stays another."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.imports.csv_text import column_names
from app.services.imports.texts import KEPT_OF_PAIR, unified, unified_name
from tests.services.checking import checked, loaded, rejected
from tests.services.test_import_files import rows

HALVES = [*range(0x81, 0xA0), *range(0xE0, 0xFD)]


def read(*texts: str) -> list[str]:
    return unified(pl.Series(texts)).to_list()


def cp932_characters() -> list[str]:
    pairs = (bytes([first, second]) for first in HALVES for second in range(0x40, 0xFD))
    found = {pair.decode("cp932", "ignore") for pair in pairs}
    return sorted(each for each in found if len(each) == 1 and each.isprintable())


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        (b"\x81\x60", "\u301c"),
        (b"\x81\x7c", "\u2212"),
        (b"\x81\x61", "\u2016"),
        (b"\x81\x5c", "\u2014"),
        (b"\x81\x91", "\u00a2"),
        (b"\x81\x92", "\u00a3"),
        (b"\x81\xca", "\u00ac"),
    ],
)
def test_what_cp932_has_once_is_one_text_from_either_file(tmp_path, code, typed):
    line = "a,b\n品番" + "A{0}1,袖{0}\n"
    cp932 = rows(tmp_path, line.encode("cp932").replace(b"{0}", code))
    utf_8 = rows(tmp_path, line.format(typed).encode())
    ours = [
        [loaded("sales", "sku_id", table[0][0]), loaded("sales", "sku_name", table[0][1])]
        for table in (cp932, utf_8)
    ]
    assert ours[0] == ours[1]
    assert ours[0][0].encode("cp932") == "品番A".encode("cp932") + code + b"1"


def test_every_character_of_cp932_is_written_as_it_was_read():
    characters = cp932_characters()
    assert len(characters) > 7000
    for kept, character in zip(read(*characters), characters, strict=True):
        assert kept.encode("cp932") == character.encode("cp932")
        assert kept == KEPT_OF_PAIR.get(character, character)


def test_what_a_macintosh_writes_in_two_is_one():
    name = "ガラスのプレート がぎ Café 한글"
    assert loaded("sales", "sku_name", unicodedata.normalize("NFD", name)) == name
    assert loaded("sales", "sku_id", "か\u3099-1") == "が-1"
    assert read("か\u3099", "x", "が") == ["が", "x", "が"]


def test_characters_that_only_look_alike_are_kept_apart():
    apart = [
        "Ａ１",
        "A1",
        "ｶﾞ",
        "ガ",
        "神",
        "\ufa19",
        "\u212b",
        "Å",
        "①",
        "1",
        "髙",
        "高",
        "﨑",
        "崎",
    ]
    assert read(*apart) == apart
    good, _ = checked("sales", *({"sku_id": code} for code in ("０１", "01", "1")))
    assert good["sku_id"].to_list() == ["０１", "01", "1"]


def test_codes_keep_their_zeros():
    assert loaded("products", "sku_id", "0000123") == "0000123"
    assert loaded("sales", "customer_id", "00") == "00"


def test_characters_that_cp932_lacks_are_read_all_the_same():
    assert loaded("sales", "sku_name", "¥ 𠮷 é") == "¥ 𠮷 é"


def test_text_is_as_long_as_it_is_kept():
    split = unicodedata.normalize("NFD", "が" * 200)
    assert loaded("sales", "sku_name", split) == "が" * 200
    _, rejects = checked("sales", {"sku_name": "a" + "\u0301" * 100_000})
    assert rejects["code"].to_list() == ["too_long"]


@given(st.text())
def test_what_is_kept_is_kept_the_second_time(text):
    [once] = read(text)
    assert read(once) == [once]
    assert unified_name(text) == once


def test_column_names_are_unified_too():
    assert column_names(["単価〜", "か\u3099ら"]) == ["単価～", "がら"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("'=A1", "=A1"),
        ("'+1", "+1"),
        ("'-A", "-A"),
        ("'@x", "@x"),
        ("'＝１", "＝１"),
        ("'−1", "－1"),
        ("''=A1", "'=A1"),
        ("'\tx", "x"),
        ("'60s", "'60s"),
        ("'", "'"),
        ("5'=", "5'="),
    ],
)
def test_the_apostrophe_before_a_formula_is_taken_off(text, kept):
    assert loaded("sales", "sku_id", text) == kept


def test_nothing_but_an_apostrophe_before_nothing():
    assert loaded("sales", "sku_name", "'\t") == "'"
    assert rejected("sales", "sku_id", "\t") == "missing"
