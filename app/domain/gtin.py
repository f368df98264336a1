"""Bar codes of articles: JAN (EAN) 13 and 8, UPC 12, GTIN 14, and the digit that checks them.

A code of the shop's own, インストアコード with prefix 20 to 29, is checked like any other.
"""

import polars as pl

LENGTHS = (8, 12, 13, 14)
DIGITS = max(LENGTHS)


def check_digit(body: str) -> int:
    """The last digit of a code, from all those before it.

    From the right they weigh 3, 1, 3, 1, …; the check digit fills their sum up to a multiple of
    ten (GS1 General Specifications).
    """
    weighed = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body[::-1], 1))
    return -weighed % 10


def is_valid(codes: pl.Series) -> pl.Series:
    """Whether texts are codes of 8, 12, 13 or 14 plain digits of which the last one checks.

    Null where there is no code. A 13-digit code that lost its leading zero is valid as the UPC
    that it is.
    """
    has_form = codes.str.contains(r"^[0-9]+$") & codes.str.len_bytes().is_in(LENGTHS)
    code = pl.when(has_form).then(codes).cast(pl.Int64)
    # The digits from the right, check digit first, weigh 1, 3, 1, 3, …; leading zeros nothing.
    weighed = pl.sum_horizontal(
        code // 10**place % 10 * (1, 3)[place % 2] for place in range(DIGITS)
    )
    return has_form & pl.select(weighed % 10 == 0).to_series()
