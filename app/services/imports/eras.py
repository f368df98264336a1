"""Days as Japan writes them: 2026年7月1日, 令和8年7月1日, R8.7.1, in full width or not."""

import polars as pl

from app.services.imports.texts import half_width, is_ascii

# era: (its letter, the year before its first, its first and last day). On the day of the change
# 1912-07-30 and 1926-12-25 were days of both eras.
ERAS = {
    "明治": ("M", 1867, 18680125, 19120730),
    "大正": ("T", 1911, 19120730, 19261225),
    "昭和": ("S", 1925, 19261225, 19890107),
    "平成": ("H", 1988, 19890108, 20190430),
    "令和": ("R", 2018, 20190501, 99991231),
}
OF_ERA = {name: era for kanji, era in ERAS.items() for name in (kanji, era[0])}
KANJI_DAY = r"^([^年]*)年 ?([0-9]{1,2})月 ?([0-9]{1,2})日 *"
KANJI_SECOND = r"([0-9]{1,2})時 ?([0-9]{1,2})分 ?([0-9]{1,2})秒$"
KANJI_MINUTE = r"([0-9]{1,2})時 ?([0-9]{1,2})分$"
DOTTED_DAY = r"^([0-9]{4})\.([0-9]{1,2})\.([0-9]{1,2})( .*)?$"
ASCII_ERA_OR_DOTS = r"^(?:[MTSHR]|[0-9]{4}\.)"
ERA_DAY = (
    rf"^(?<era>{'|'.join(OF_ERA)}) ?(?<year>元|[0-9]{{1,2}})[-/.](?<month>[0-9]{{1,2}})"
    r"[-/.](?<day>[0-9]{1,2})(?<rest>[ T].*)?$"
)


def has_japanese_days(text: pl.Series) -> bool:
    """Whether a look at the texts one by one may be worth its time."""
    return not is_ascii(text) or bool(text.str.contains(ASCII_ERA_OR_DOTS).any())


def western_days(text: pl.Series) -> pl.Series:
    """Texts with their day as ``2026-7-1`` and their time as ``13:05``; others as they are.

    Null where a day lies outside the era that it names: 平成40年 is a slip, not the year 2028.
    """
    plain = (
        half_width(text)
        .str.replace(KANJI_DAY, "${1}-${2}-${3} ")
        .str.replace(KANJI_SECOND, "${1}:${2}:${3}")
        .str.replace(KANJI_MINUTE, "${1}:${2}")
        .str.replace(DOTTED_DAY, "${1}-${2}-${3}${4}")
        .str.strip_chars()
    )
    is_of_era = plain.str.contains(ERA_DAY)
    if not is_of_era.any():
        return plain
    return plain.zip_with(~is_of_era.fill_null(value=False), _of_era(plain))


def _of_era(text: pl.Series) -> pl.Series:
    parts = text.str.extract_groups(ERA_DAY).struct.unnest()

    def of_era(place: int) -> pl.Expr:
        figures = {name: era[place] for name, era in OF_ERA.items()}
        return pl.col("era").replace_strict(figures, default=None, return_dtype=pl.Int64)

    in_era = pl.col("year").str.replace("元", "1", literal=True).cast(pl.Int64)
    year, month, day = in_era + of_era(1), pl.col("month"), pl.col("day")
    on = year * 10_000 + month.cast(pl.Int64) * 100 + day.cast(pl.Int64)
    western = pl.format("{}-{}-{}{}", year, month, day, pl.col("rest").fill_null(""))
    is_within = (in_era > 0) & on.is_between(of_era(2), of_era(3))
    return parts.select(pl.when(is_within).then(western)).to_series()
