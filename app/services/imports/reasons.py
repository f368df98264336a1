"""Why rows are turned away, in Japanese and English."""

from app.services.imports.kinds import KINDS

# code: (Japanese, English), with {column} and {value} to fill in
REASONS = {
    "missing": ("{column} がありません", "{column} is missing"),
    "too_many_fields": (
        "見出しより項目が多い行です",
        "the row has more fields than the header",
    ),
    "too_few_fields": (
        "見出しより項目が少ない行です",
        "the row has fewer fields than the header",
    ),
    "unclosed_quote": (
        '引用符「"」が閉じられていません',
        "a quotation mark is opened and never closed",
    ),
    "bad_character": (
        "{column} に使えない文字(NUL)があります",
        "{column} holds a NUL character, which cannot be stored",
    ),
    "too_long": (
        "{column} が200文字を超えています",
        "{column} is longer than 200 characters",
    ),
    "not_a_whole_number": (
        "{column} の「{value}」は整数ではありません",
        "{column} '{value}' is not a whole number",
    ),
    "not_an_amount": (
        "{column} の「{value}」は金額ではありません",
        "{column} '{value}' is not an amount of money",
    ),
    "not_a_number": (
        "{column} の「{value}」は数ではありません",
        "{column} '{value}' is not a number",
    ),
    "not_a_date": (
        "{column} の「{value}」は日付(2026-07-01、2026年7月1日、令和8年7月1日など)ではありません",
        "{column} '{value}' is not a date (2026-07-01 or as Japan writes it, with or without time)",
    ),
    "no_such_time": (
        "{column} の「{value}」は店舗の時計に存在しない時刻です(夏時間の切替)",
        "{column} '{value}' is an hour that the shop's clock leaps over (daylight saving)",
    ),
    "not_a_choice": (
        "{column} の「{value}」は {choices} のいずれでもありません",
        "{column} '{value}' is none of {choices}",
    ),
    "negative": (
        "{column} の「{value}」が負です",
        "{column} '{value}' is negative",
    ),
    "not_a_share": (
        "{column} の「{value}」は0〜1(または0〜100%)の割合ではありません",
        "{column} '{value}' is no share between 0 and 1 (or 0 % and 100 %)",
    ),
    "ends_before_it_starts": (
        "終了日「{value}」が開始日より前です",
        "the last day '{value}' lies before the first",
    ),
    "discount_above_price": (
        "{column} の「{value}」が定価×数量を超えています",
        "{column} '{value}' is more than the line is worth at its list price",
    ),
    "in_future": (
        "{column} の「{value}」は未来の日付です",
        "{column} '{value}' lies in the future",
    ),
    "out_of_range": (
        "{column} の「{value}」は大きすぎます",
        "{column} '{value}' is too large",
    ),
    "spreadsheet_error": (
        "{column} が表計算ソフトのエラー値「{value}」です",
        "{column} is '{value}', an error of the spreadsheet that wrote the file",
    ),
    "column_shifted": (
        "項目がずれています。{column} の「{value}」は隣の列の値です",
        "columns are shifted in this row: '{value}' in {column} belongs one column aside",
    ),
    "relative_quantity": (
        "{column} の「{value}」は在庫数ではなく増減(+/−)です",
        "{column} '{value}' is a change of stock (+/-), not a count",
    ),
    "zero_quantity": ("数量が0です", "the quantity is zero"),
    "duplicate_key": (
        "同じキー「{value}」が後の行にもあります(後の行を採用)",
        "the key '{value}' appears again further down; the last row counts",
    ),
    "exact_repeat": (
        "注文「{value}」の同一明細の重複です",
        "the whole line of order '{value}' stands in the file before",
    ),
    "price_not_above_zero": (
        "単価「{value}」が0以下です(販売ではなく在庫調整・貸倒)",
        "the price '{value}' is not above zero: a write-off, not a sale",
    ),
    "not_a_sale": (
        "取消ではないのに数量「{value}」が負です(在庫調整)",
        "the quantity '{value}' is negative but the order is no cancellation: a stock correction",
    ),
    "cancellation_not_negative": (
        "取消なのに数量「{value}」が正です",
        "the order is a cancellation but its quantity '{value}' is positive",
    ),
}

CHOICES = {
    column.name: (*column.choices, *column.spellings)
    for kind in KINDS.values()
    for column in kind.columns
}


def explain(code: str, column: str, value: str | None) -> tuple[str, str]:
    """The reason of a reject in Japanese and English."""
    japanese, english = REASONS[code]
    words = {
        "column": column,
        "value": value or "",
        "choices": ", ".join(CHOICES.get(column, ())),
    }
    return japanese.format_map(words), english.format_map(words)
