"""A dry run: how the first rows of a file would be read; nothing is stored."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from app.services.imports.checking import check, without_blanks
from app.services.imports.csv_text import FAULT, LINE, ROW
from app.services.imports.file_watch import FileWatch
from app.services.imports.kinds import KINDS, Column
from app.services.imports.matching import Reading, can, match_columns
from app.services.imports.opening import Table, open_table, start_of
from app.services.imports.profiles import Profile
from app.services.imports.reasons import explain

ROWS = 20
LOOKED_AT = 4 << 20  # bytes of a CSV, unpacked
PARQUET_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import would make of a file's first rows.

    Attributes:
        encoding: ``utf-8``, ``cp932`` or ``parquet``.
        separator: of a CSV's fields; None of Parquet.
        file_columns: the names in the file's header.
        mapping: the profile it was read under.
        columns: of each column of ours, where it comes from.
        rows: the first rows, each with its values, or with the reasons against it.
        warnings: columns left aside, rows left out.
        looked_at: how much of the file this rests on.
    """

    encoding: str
    separator: str | None
    file_columns: list[str]
    mapping: str | None
    columns: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    warnings: list[str]
    looked_at: str


async def preview(
    file: Path,
    *,
    kind: str,
    profile: Profile | None,
    encoding: str | None,
    scratch: Path,
    today: date,
    timezone: str,
) -> Preview:
    """Read a file's first rows as an import would, beside the event loop.

    Raises:
        UnreadableFile, UnusableColumns: as the import of the file would.
    """

    def read() -> Preview:
        scratch.mkdir()
        try:
            start, is_whole = start_of(file, scratch, LOOKED_AT)
            table = open_table(
                start,
                encoding=encoding,
                scratch=scratch,
                size_limit=2 * LOOKED_AT,
                first_rows=PARQUET_ROWS,
            )
            reading = match_columns(table.columns, KINDS[kind], profile and profile.on(today))
            return _read(table, reading, is_whole=is_whole, today=today, timezone=timezone)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    return await asyncio.to_thread(read)


def _read(table: Table, reading: Reading, *, is_whole: bool, today: date, timezone: str) -> Preview:
    told = FileWatch(table.columns, reading)
    rows = _first_rows(table, told)
    good, rejects = check(rows, reading, today=today, timezone=timezone)
    profile = reading.profile
    looked_at = "the whole file" if is_whole else f"the first {LOOKED_AT // 2**20} MB"
    if table.encoding == "parquet" and table.rows == PARQUET_ROWS:
        looked_at = f"the first {PARQUET_ROWS} rows"
    return Preview(
        encoding=table.encoding,
        separator=table.separator if table.encoding != "parquet" else None,
        file_columns=table.columns,
        mapping=profile.label if profile else None,
        columns=[_origin(column, reading, table.columns) for column in reading.kind.columns],
        rows=_told(rows, good, rejects),
        warnings=[*reading.warnings, *told.warnings],
        looked_at=looked_at,
    )


def _first_rows(table: Table, told: FileWatch) -> pl.DataFrame:
    found: pl.DataFrame | None = None
    try:
        for batch in table.batches:
            rows = told.of_this_kind(without_blanks(batch, table.columns))
            found = rows if found is None else pl.concat([found, rows])
            if len(found) >= ROWS:
                break
    finally:
        table.batches.close()
    if found is None:
        texts = dict.fromkeys([*table.columns, FAULT, LINE], pl.String)
        return pl.DataFrame(schema={ROW: pl.Int64, **texts})
    return found.head(ROWS)


def _origin(column: Column, reading: Reading, file_columns: list[str]) -> dict[str, Any]:
    """Where a column of ours comes from."""
    profile = reading.profile
    default = profile.defaults.get(column.name) if profile else None
    source = reading.source_of.get(column.name)
    made = profile.made.get(column.name) if profile else None
    comes_from, theirs = "nothing", list[str]()
    if made and can(made, file_columns):
        comes_from, theirs = "made", [name for name in made.columns if name in file_columns]
    elif source is not None:
        comes_from, theirs = "column", [source]
    elif default is not None or column.default is not None:
        comes_from = "default"
    return {
        "name": column.name,
        "type": column.type.value,
        "is_required": column.required,
        "comes_from": comes_from,
        "file_columns": theirs,
        "default": default if default is not None else column.default,
    }


def _told(rows: pl.DataFrame, good: pl.DataFrame, rejects: pl.DataFrame) -> list[dict[str, Any]]:
    read = {row.pop("row_no"): row for row in good.iter_rows(named=True)}
    reasons: dict[int, list[dict[str, Any]]] = {}
    for reject in rejects.iter_rows(named=True):
        ja, en = explain(reject["code"], reject["column_name"], reject["value"])
        reason = {name: reject[name] for name in ("column_name", "code", "value")}
        reasons.setdefault(reject["row_no"], []).append(
            {**reason, "reason_ja": ja, "reason_en": en}
        )
    return [
        {
            "row_no": number,
            "values": {name: _plain(value) for name, value in read[number].items()}
            if number in read
            else None,
            "rejects": reasons.get(number, []),
        }
        for number in rows[ROW].to_list()
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
