"""Numbers as they are written in files: plain, or as ledgers and spreadsheets in Japan do.

1,234 and ￥1,234 and １，２３４円; ▲3 and △3 for minus three. Commas have to part threes: 1,23
and 0,123 are decimals of another country, or a slip. (1,234) is refused: it may mean a negative
or an 'of which', and a wrong sign is worse than a rejected row.
"""

from collections.abc import Callable

import polars as pl

DIGIT, FIRST, COMMA, POINT = "[0-9０-９]", "[1-9１-９]", "[,，]", "[.．]"
YEN, GAP = r"[¥￥\\＼]", "[ 　]?"  # cp932 shows its backslash as a yen sign
SIGN = "([-+－＋−▲△])"
WHOLE = f"(?:{DIGIT}+|{FIRST}{DIGIT}{{0,2}}(?:{COMMA}{DIGIT}{{3}})+)"


def _written(number: str) -> str:
    return f"^(?:{SIGN}?{GAP}{YEN}?{GAP}|{YEN}{GAP}{SIGN})(?:{number}){GAP}円?$"


WRITTEN_WHOLE = _written(f"{WHOLE}(?:{POINT}[0０]+)?")
WRITTEN_AMOUNT = _written(f"{WHOLE}(?:{POINT}{DIGIT}*)?|{POINT}{DIGIT}+")

DECORATION = r"[,，¥￥\\＼円 　]"
PLAIN = {
    **{chr(ord("０") + digit): str(digit) for digit in range(10)},
    **dict.fromkeys("－−▲△", "-"),
    "＋": "+",
    "．": ".",
}


def read_whole_numbers(text: pl.Series) -> pl.Series:
    """Whole numbers, null where the text is none or beyond 64 bits."""
    return _read(text, _whole, WRITTEN_WHOLE)


def read_amounts(text: pl.Series) -> pl.Series:
    """Decimal numbers, null where the text is none; infinite where it is beyond all floats."""
    return _read(text, _amount, WRITTEN_AMOUNT)


def is_whole_number(text: pl.Expr) -> pl.Expr:
    """Whether a text is a whole number, of whatever size."""
    return text.str.contains(WRITTEN_WHOLE)


def has_digit(text: pl.Expr) -> pl.Expr:
    """Whether a text that reads as infinite is a number too large, not the word for it."""
    return text.str.contains(DIGIT)


def _read(text: pl.Series, as_number: Callable[[pl.Series], pl.Series], form: str) -> pl.Series:
    """Plain numbers as they are; what is left in a batch, if anything is, as it is written."""
    read = as_number(text)
    is_left = read.is_null() & text.is_not_null()
    if not is_left.any():
        return read
    is_written = is_left & text.str.contains(form)
    left = pl.select(pl.when(is_written).then(text)).to_series()
    plain = left.str.replace_all(DECORATION, "").str.replace_many(PLAIN)
    return read.zip_with(~is_written, as_number(plain))


def _whole(text: pl.Series) -> pl.Series:
    return text.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)


def _amount(text: pl.Series) -> pl.Series:
    return text.cast(pl.Float64, strict=False)
