"""Text as it is kept: what looks the same and only was encoded otherwise becomes the same.

Codes and names from a cp932 file and from a utf-8 file have to meet. Unicode has two characters
for some that cp932 has once, and Macintosh writes が as か and a mark. Of each pair the one is kept
that people type and that cp932 can write, so that exports survive.

Nothing else is folded: Ａ１ and A1, ｶﾅ and カナ are two codes, since two codes that became one
would sell each other's stock. Unicode's own normal form NFC would fold too much: it makes 神 of 神,
and of the Å in cp932 one that cp932 cannot write.
"""

import re
import unicodedata

import polars as pl

LONGEST = 1000  # characters; far beyond what a cell may hold, and marks without end are slow
KEPT_OF_PAIR = {
    "〜": "～",  # U+301C, U+FF5E: cp932's 0x8160
    "−": "－",  # U+2212, U+FF0D: 0x817C
    "‖": "∥",  # U+2016, U+2225: 0x8161
    "—": "―",  # U+2014, which cp932 cannot write, U+2015: 0x815C
    "￠": "¢",  # U+FFE0, U+00A2: 0x8191; cp932 writes the one that the rest of the world types,
    "￡": "£",  # U+FFE1, U+00A3: 0x8192
    "￢": "¬",  # U+FFE2, U+00AC: 0x81CA
}
MARKS = "\u0300-\u036f\u1161-\u1175\u11a8-\u11c2\u3099\u309a"  # accents, Hangul, ゛ and ゜
MARKED = re.compile(f".[{MARKS}]+")
PAIR = f"[{''.join(KEPT_OF_PAIR)}]"

# An apostrophe says 'no formula' to a spreadsheet; exports, ours too, put it there.
GUARD = r"^'('*[=+\-@＝＋－＠\t])"

FULL_WIDTH = {**{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)}, "　": " "}


def unified(text: pl.Series) -> pl.Series:
    """Texts as they are kept; each one of ``KEPT_OF_PAIR``, marks joined to their letters."""
    if is_ascii(text):
        return text
    is_marked = text.str.contains(f"[{MARKS}]") & (text.str.len_chars() <= LONGEST)
    if is_marked.any():
        marked = text.filter(is_marked).unique()
        text = text.replace(marked, pl.Series([_joined(each) for each in marked]))
    return text.str.replace_many(KEPT_OF_PAIR) if text.str.contains(PAIR).any() else text


def unified_name(name: str) -> str:
    """The name of a column as it is kept, by the same rules."""
    return "".join(KEPT_OF_PAIR.get(letter, letter) for letter in _joined(name[:LONGEST]))


def without_guard(text: pl.Series) -> pl.Series:
    """Texts without the apostrophe that keeps a spreadsheet from running them."""
    if not text.str.starts_with("'").any():
        return text
    return text.str.replace(GUARD, "${1}").str.strip_chars()


def is_ascii(text: pl.Series) -> bool:
    """Whether no text holds anything beyond ASCII, so that there is nothing to look for."""
    return bool(text.str.len_bytes().sum() == text.str.len_chars().sum())


def half_width(text: pl.Series) -> pl.Series:
    """Texts with full-width digits, letters and signs made plain; for days, never for codes."""
    return text if is_ascii(text) else text.str.replace_many(FULL_WIDTH)


def _joined(text: str) -> str:
    return MARKED.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)
