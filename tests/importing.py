"""Imports run as a worker does, without one."""

from datetime import date
from pathlib import Path
from typing import Any

from app.database import Sessions
from app.services.imports import loading
from app.settings import Settings

TODAY = date(2026, 7, 1)


async def go_on(step: str, done: int, total: int) -> None:
    assert 0 <= done <= total


class Importer:
    """Receives files into a database and runs their imports.

    Args:
        sessions: of the database.
        settings: the data folder takes the files.
    """

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._folder = settings.uploads
        self._folder.mkdir(parents=True, exist_ok=True)

    async def received(
        self, kind: str, content: str | bytes, mapping: str | None = None
    ) -> tuple[int, Path]:
        """The number of a new import, and its file."""
        async with self._sessions.begin() as session:
            batch = await loading.receive(
                session, kind=kind, file_name="f", encoding=None, mapping=mapping
            )
        file = self._folder / f"{batch.import_id}"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return batch.import_id, file

    async def run(self, import_id: int, file: Path, progress: Any = go_on) -> dict[str, Any]:
        return await loading.run_import(
            self._sessions,
            progress,
            import_id=import_id,
            file=file,
            today=TODAY,
            timezone="Asia/Tokyo",
            size_limit=2**30,
        )

    async def load(self, kind: str, content: str | bytes, progress: Any = go_on) -> dict[str, Any]:
        """The summary of a file, received and run."""
        return await self.run(*await self.received(kind, content), progress)
