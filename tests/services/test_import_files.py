"""What customers send is read as the table they meant, or refused with what is wrong and where."""

import csv
import gzip
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.services.imports.csv_text import FAULT, LINE, ROW, read_batches, read_header
from app.services.imports.opening import UnreadableFile, open_table

MANY = 10**6
EXAMPLES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# the characters that CSV turns on, and some that only look as if it did
TRICKY = st.text(st.sampled_from("ab\",\n\r\t '\x00あ\u2028\x0b\x85"), max_size=80)


def opened(folder: Path, content: bytes, encoding: str | None = None, size_limit: int = MANY):
    file, scratch = folder / "file", folder / "scratch"
    scratch.mkdir(exist_ok=True)
    file.write_bytes(content)
    return open_table(file, encoding=encoding, scratch=scratch, size_limit=size_limit)


def rows(folder: Path, content: bytes, **more) -> list[tuple[str | None, ...]]:
    """The fields of every row; nothing may be wrong with any of them."""
    batches = list(opened(folder, content, **more).batches)
    assert all(batch[FAULT].null_count() == len(batch) for batch in batches)
    return [row for batch in batches for row in batch.drop(ROW, FAULT, LINE).rows()]


def faults(folder: Path, content: bytes) -> list[tuple[int, str, str]]:
    """Row, fault and line of what could not be split."""
    frame = pl.concat(opened(folder, content).batches)
    return frame.filter(pl.col(FAULT).is_not_null()).select(ROW, FAULT, LINE).rows()


def refusal(folder: Path, content: bytes, **more) -> str:
    with pytest.raises(UnreadableFile) as refused:
        list(opened(folder, content, **more).batches)
    return str(refused.value)


MEANT = {
    "Unix": (b"a,b\n1,2\n3,4\n", [("1", "2"), ("3", "4")]),
    "Windows": (b"a,b\r\n1,2\r\n3,4\r\n", [("1", "2"), ("3", "4")]),
    "old Macintosh": (b"a,b\r1,2\r3,4\r", [("1", "2"), ("3", "4")]),
    "no line end at the end": (b"a,b\n1,2", [("1", "2")]),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,2\n", [("1", "2")]),
    "tabs": (b"a\tb\n1,5\t2\n", [("1,5", "2")]),
    "quotes": (b'a,b\n"1, ""x""","2"\n', [('1, "x"', "2")]),
    "line break in quotes": (b'a,b\r\n"1\r\nx",2\r\n3,4\r\n', [("1\r\nx", "2"), ("3", "4")]),
    "inch mark": (b'a,b\nA1,6" PLATE\nA2,8" PLATE\n', [("A1", '6" PLATE'), ("A2", '8" PLATE')]),
    "text after a quote": (b'a,b\n"1"x,2\n3,4\n', [("1x", "2"), ("3", "4")]),
    "commas after the last column": (b"a,b,,\n1,2,,\n3,4\n", [("1", "2"), ("3", "4")]),
    "quoted header": (b'"a","b\nc"\n1,2\n', [("1", "2")]),
    "NUL": (b"a,b\n1\x00,2\n", [("1\x00", "2")]),
    "header alone": (b"a,b", []),
}


@pytest.mark.parametrize(("content", "expected"), MEANT.values(), ids=MEANT)
def test_csv_is_read_as_it_was_meant(tmp_path, content, expected):
    assert rows(tmp_path, content) == expected


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("separator", [",", "\t"], ids=["comma", "tab"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_every_way_to_write_a_table_is_read(tmp_path, encoding, end, separator, is_packed):
    name = f"髙島屋{end}﨑①㈱"
    lines = [
        ["sku_id", " 商品名 ", "単価"],
        ["0012", f'"{name}"', '"1,980"'],
        ["A～1", "－ﾆｯﾄ", "5"],
    ]
    content = "".join(separator.join(line) + end for line in lines).encode(encoding)
    content = gzip.compress(content) if is_packed else content
    table = opened(tmp_path, content)
    assert table.columns == ["sku_id", "商品名", "単価"]
    assert table.encoding == encoding.removesuffix("-sig")
    table.batches.close()
    assert rows(tmp_path, content) == [("0012", name, "1,980"), ("A～1", "－ﾆｯﾄ", "5")]


def test_a_semicolon_separates_nothing(tmp_path):
    table = opened(tmp_path, b"a;b\n1;2\n")
    assert table.columns == ["a;b"]
    table.batches.close()


def test_a_header_may_have_spaces_and_columns_without_a_name(tmp_path):
    table = opened(tmp_path, b" a ,,b  c\n1,2,3\n")
    assert table.columns == ["a", "(column 2 has no name)", "b c"]
    table.batches.close()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"1,2,3", "too_many_fields"),
        (b"1,2,,4", "too_many_fields"),
        (b"1", "too_few_fields"),
        (b'"1,2', "unclosed_quote"),
    ],
)
def test_a_line_that_does_not_fit_costs_only_itself(tmp_path, line, fault):
    content = b"a,b\n5,6\n" + line + b"\n7,8\n"
    assert faults(tmp_path, content) == [(2, fault, line.decode())]
    good = pl.concat(opened(tmp_path, content).batches).filter(pl.col(FAULT).is_null())
    assert good.select(ROW, "a", "b").rows() == [(1, "5", "6"), (3, "7", "8")]


def test_an_unclosed_quote_in_a_long_file_costs_only_its_line(tmp_path):
    lines = [f"{n},x" for n in range(1, 5001)]
    lines[2999] = '3000,"x'
    content = "\n".join(["a,b", *lines]).encode()
    assert faults(tmp_path, content) == [(3000, "unclosed_quote", '3000,"x')]
    assert sum(len(batch) for batch in opened(tmp_path, content).batches) == 5000


def test_two_unclosed_quotes_do_not_swallow_the_lines_between_them(tmp_path):
    content = b'a,b\n1,"x\n2,x\n3,x\n4,"x\n5,x\n'
    assert [row for row, _, _ in faults(tmp_path, content)] == [1, 4]
    assert sum(len(batch) for batch in opened(tmp_path, content).batches) == 5


def test_a_file_full_of_unclosed_quotes_is_refused(tmp_path):
    content = b"a,b\n" + b'1\x00,"x\n' * 201
    assert refusal(tmp_path, content) == (
        'more than 100 quotation marks are opened and never closed; one of them in the line: 1␀,"x'
    )


@pytest.mark.parametrize("encoding", [None, "cp932"])
def test_japanese_from_excel_is_recognised(tmp_path, encoding):
    content = "品番,商品名\nA-1,長袖シャツ①\nA-2,ﾆｯﾄ 〜髙〜\n".replace("〜", "～").encode("cp932")
    table = opened(tmp_path, content, encoding)
    assert table.columns == ["品番", "商品名"]
    assert table.encoding == "cp932"
    assert pl.concat(table.batches)["商品名"].to_list() == ["長袖シャツ①", "ﾆｯﾄ ～髙～"]


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        ("a,b\n1,品\n".encode("cp932"), "utf-8", "not utf-8: line 2 holds bytes"),
        ("a,b\n1,品\n".encode("cp932"), "utf-8", "it can be read as cp932"),
        ("a,b\n1,品\n".encode(), "cp932", "it can be read as utf-8"),
        ("a,b\n1,品品\n".encode(), "cp932", "the file is utf-8, not cp932"),
        (b"a,b\n1,2\n3,\xff\xfe\n", None, "the file is neither utf-8 nor cp932: line 3"),
        ("a,b\n1,é,x\n".encode("latin-1"), None, "the file is neither utf-8 nor cp932: line 2"),
        ("a,b\n1,2\n".encode("utf-16"), None, "the file is UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), None, "the file is UTF-16"),
        (b"a,b\n1,2\n", "latin-1", "encoding 'latin-1' is not one of utf-8, cp932"),
        (b"PK\x03\x04[Content_Types].xml", None, "this is a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, "this is a workbook"),
        (b"", None, "the file is empty"),
        (gzip.compress(b"", mtime=0), None, "the file is empty"),
        (b"\n1,2\n", None, "the first line, the header, is empty"),
        (b" ,,\n1,2,3\n", None, "the first line, the header, is empty"),
        (b"a,b,a\n1,2,3\n", None, "the header names column 'a' more than once"),
        (b"a,b\n1," + b"x" * 2**25, None, "line 2 is longer than 16 MB"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, content, encoding, said):
    assert said in refusal(tmp_path, content, encoding=encoding)


def test_gzip_is_unpacked(tmp_path):
    assert rows(tmp_path, gzip.compress(b"a,b\n1,2\n", mtime=0)) == [("1", "2")]


@pytest.mark.parametrize("harm", ["cut", "header", "content", "checksum"])
def test_a_damaged_gzip_file_is_refused(tmp_path, harm):
    packed = bytearray(gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 1000))
    if harm == "cut":
        del packed[-20:]
    else:
        packed[{"header": 2, "content": 20, "checksum": -6}[harm]] ^= 0xFF
    assert "the gzip file is damaged" in refusal(tmp_path, bytes(packed))


def test_a_gzip_bomb_stops_at_the_limit(tmp_path):
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 2**20)
    assert refusal(tmp_path, bomb, size_limit=2**21) == "unpacked, the file is larger than 2 MB"
    assert (tmp_path / "scratch" / "unpacked").stat().st_size <= 2**21


@EXAMPLES
@given(
    st.one_of(
        st.binary(max_size=60),
        TRICKY.map(str.encode),
        st.binary(max_size=30).map(lambda some: b"\x1f\x8b\x08\x00" + some),
        st.binary(max_size=30).map(lambda some: b"PAR1" + some + b"PAR1"),
    )
)
def test_any_bytes_are_a_table_or_refused(tmp_path, content):
    try:
        batches = list(opened(tmp_path, content).batches)
    except UnreadableFile:
        return
    numbers = [number for batch in batches for number in batch[ROW]]
    assert numbers == list(range(1, len(numbers) + 1))


def split(text: str, chunk: int) -> list[tuple]:
    file = io.StringIO(text, newline="")
    columns, separator = read_header(file)
    batches = read_batches(file, columns, separator, chunk=chunk)
    return [row for batch in batches for row in batch.rows()]


@EXAMPLES
@given(TRICKY, st.integers(1, 20))
@example('"x\n\ny",b,c\n1,2,3\n', 1)
def test_any_text_is_split_as_spreadsheets_split_it_in_chunks_of_any_size(text, chunk):
    found = split("a,b,c\n" + text, chunk)
    assert found == split("a,b,c\n" + text, MANY)
    if any(row[-2] == "unclosed_quote" for row in found):
        return
    expected = list(csv.reader(io.StringIO(text, newline="")))
    assert len(found) == len(expected)
    for (_, *fields, fault, _), theirs in zip(found, expected, strict=True):
        is_blank = not any(field.strip() for field in theirs)
        if fault == "too_many_fields":
            assert any(field.strip() for field in theirs[3:])
        elif fault == "too_few_fields":
            assert len(theirs) < 3
            assert not is_blank
        else:
            assert [field or "" for field in fields] == [*theirs[:3], "", "", ""][:3]


@EXAMPLES
@given(st.lists(st.lists(st.text(max_size=10), min_size=2, max_size=2), max_size=8))
def test_what_is_written_as_csv_comes_back(table):
    target = io.StringIO()
    csv.writer(target).writerows([["a", "b"], *table])
    assert [[field or "" for field in row[1:-2]] for row in split(target.getvalue(), MANY)] == table


def test_a_header_without_end_or_with_too_many_names_is_refused_before_it_is_read_whole(tmp_path):
    assert "the header does not end within" in refusal(tmp_path, b'a,"b\n' + b"x,y\n" * 2000)
    assert "the header does not end within" in refusal(tmp_path, b"a" * (2**20 + 2))
    names = ",".join(f"c{n}" for n in range(40_000)).encode()
    assert refusal(tmp_path, names + b"\n") == "the header names 40000 columns; 5000 are the most"


def test_a_gzip_file_inside_another_is_named(tmp_path):
    twice = gzip.compress(gzip.compress(b"a,b\n1,2\n"))
    assert "inside the gzip file" in refusal(tmp_path, twice)
