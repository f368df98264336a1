"""Days and times as they are written in files, in the many ways that systems write them.

Years before 1900 are taken for misread ones (11/1/5), years after 9999 cannot be stored. A bare
number is a day only as YYYYMMDD: the serial numbers of spreadsheets (46203) are none, since nothing
in a file tells them from any other number.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TypeAlias

import polars as pl

from app.services.imports.eras import has_japanese_days, western_days

EARLIEST, LATEST = date(1900, 1, 1), date(9999, 12, 31)
MICROSECONDS = pl.Datetime("us")
UNPARTED = "%Y%m%d"
DAYS = ("%Y-%m-%d", UNPARTED)
TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
INSTANTS = ("%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%d %H:%M %#z")
MIDNIGHT = r" 0?0:00(?::00(?:\.0+)?)?$"  # how spreadsheets and Parquet write a day

Way: TypeAlias = Callable[[pl.Series], pl.Series]


def read_days(text: pl.Series) -> pl.Series:
    """Dates, null where the text is none."""
    return _first_read(text, [partial(_whole_day, form) for form in DAYS])


def read_moments(text: pl.Series, timezone: str) -> pl.Series:
    """Instants: as written with their zone, else by the shop's clock; days from their start.

    Null where the text is none, or a time that the clock leaps over.
    """
    ways: list[Way] = [
        *(partial(_by_clock, form, timezone) for form in TIMES),
        *(partial(_start_of_day, form, timezone) for form in DAYS),
        *(partial(_instant, form, timezone) for form in INSTANTS),
    ]
    return _first_read(text, ways)


def is_time(text: pl.Series) -> pl.Series:
    """Whether a text is a day and time without a zone, on whatever clock."""
    return _first_read(text, [partial(_time, form) for form in TIMES]).is_not_null()


def _plain(text: pl.Series) -> pl.Series:
    return text.str.replace_all("/", "-", literal=True).str.replace("T", " ", literal=True)


def _first_read(text: pl.Series, ways: list[Way]) -> pl.Series:
    """What the first of the ways that can read a text makes of it; each sees what is left.

    Most files are written in the first way from end to end, so only what that leaves is looked at
    for Japanese days.
    """
    plain = _plain(text)
    read = ways[0](plain)
    is_left = read.is_null() & text.is_not_null()
    more = ways[1:]
    if is_left.any() and has_japanese_days(left := _only(text, is_left)):
        plain, more = _plain(western_days(left)), ways
    for way in more:
        is_left = read.is_null() & plain.is_not_null()
        if not is_left.any():
            break
        read = read.zip_with(~is_left, way(_only(plain, is_left)))
    is_sound = read.dt.date().is_between(EARLIEST, LATEST)
    return _only(read, is_sound)


def _only(text: pl.Series, is_kept: pl.Series) -> pl.Series:
    return pl.select(pl.when(is_kept).then(text)).to_series()


def _whole_day(form: str, text: pl.Series) -> pl.Series:
    return _day(form, text.str.replace(MIDNIGHT, ""))


def _day(form: str, text: pl.Series) -> pl.Series:
    if form == UNPARTED:  # 2026111 may be of January or of November
        text = _only(text, text.str.len_bytes() == 8)
    return text.str.strptime(pl.Date, form, strict=False)


def _time(form: str, text: pl.Series) -> pl.Series:
    return text.str.strptime(MICROSECONDS, form, strict=False)


def _instant(form: str, timezone: str, text: pl.Series) -> pl.Series:
    return _time(form, text).dt.convert_time_zone(timezone)


def _by_clock(form: str, timezone: str, text: pl.Series) -> pl.Series:
    return _on_clock(_time(form, text), timezone)


def _start_of_day(form: str, timezone: str, text: pl.Series) -> pl.Series:
    midnight = _day(form, text).cast(MICROSECONDS)
    later = midnight.dt.offset_by("1h")  # where the clock leaps over midnight
    start = _on_clock(midnight, timezone)
    return start.zip_with(start.is_not_null(), _on_clock(later, timezone))


def _on_clock(local: pl.Series, timezone: str) -> pl.Series:
    return local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
