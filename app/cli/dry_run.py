# ruff: noqa: PLC0415 - what a command needs is imported when it runs
"""``zaiko import --dry-run``: how the first rows would be read, as a table."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from app.cli.stopping import stopping

if TYPE_CHECKING:
    from app.services.imports.preview import Preview
    from app.services.imports.profiles import Profile
    from app.settings import Settings


def show(
    settings: "Settings", kind: str, file: Path, encoding: str | None, mapping: str | None
) -> None:
    """Print what an import would make of the file's first rows."""
    from app.services.imports.preview import preview

    profile = _profile(settings, kind, mapping)
    with tempfile.TemporaryDirectory() as folder:
        found = stopping.run(
            preview(
                file,
                kind=kind,
                profile=profile,
                encoding=encoding,
                scratch=Path(folder) / "scratch",
                today=datetime.now(ZoneInfo(settings.timezone)).date(),
                timezone=settings.timezone,
            )
        )
    _print(found)


def _profile(settings: "Settings", kind: str, mapping: str | None) -> "Profile | None":
    """The profile, for which a database is asked only if it is not built in."""
    from app.services.imports.built_in import PROFILES
    from app.services.imports.mappings import find_profile

    if mapping is None:
        return None
    if mapping in PROFILES and PROFILES[mapping].kind == kind:
        return PROFILES[mapping]

    from app import migrations
    from app.database import connect, sessions_of
    from app.launcher import database

    async def find(url: str) -> "Profile | None":
        engine = connect(url, pool_size=1)
        try:
            async with sessions_of(engine)() as session:
                return await find_profile(session, mapping, kind)
        finally:
            await engine.dispose()

    with database(settings) as url:
        migrations.migrate(url)
        return stopping.run(find(url))


def _print(found: "Preview") -> None:
    console = Console()
    console.print(f"encoding: {found.encoding}; looked at {found.looked_at}", markup=False)
    origins = Table("our column", "comes from", "their column or value", box=None)
    for column in found.columns:
        theirs = ", ".join(column["file_columns"])
        told = theirs or str(column["default"] or "")
        origins.add_row(column["name"], column["comes_from"], told)
    console.print(origins)
    for warning in found.warnings:
        console.print(f"warning: {warning}", markup=False)
    names = [column["name"] for column in found.columns if column["comes_from"] != "nothing"]
    rows = Table("row", *names, box=None)
    for row in found.rows:
        if row["values"] is not None:
            cells = (row["values"][name] for name in names)
            rows.add_row(str(row["row_no"]), *("" if v is None else str(v) for v in cells))
    console.print(rows)
    for row in found.rows:
        for reject in row["rejects"]:
            why = f"{reject['reason_ja']} / {reject['reason_en']}"
            console.print(f"row {row['row_no']} rejected: {reject['code']}: {why}", markup=False)
