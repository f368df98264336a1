"""``python -m bench.import_once``: one import in a process of its own, as a worker would run it.

Reads one JSON object from stdin: url, kind, file, mapping; prints one: seconds, peak memory of the
process, the import's summary. Its memory is then that of the import, not of the benchmark.
"""

import asyncio
import json
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.compute import give_memory_back
from app.database import connect, sessions_of
from app.services.imports import loading
from app.settings import Settings


async def load(url: str, kind: str, file: Path, mapping: str | None) -> dict[str, Any]:
    engine = connect(url, pool_size=2)
    sessions, settings = sessions_of(engine), Settings()
    clock = asyncio.get_running_loop().time
    started = clock()
    async with sessions.begin() as session:
        batch = await loading.receive(
            session, kind=kind, file_name=file.name, encoding=None, mapping=mapping
        )
    summary = await loading.run_import(
        sessions,
        _no_progress,
        import_id=batch.import_id,
        file=file,
        today=datetime.now(UTC).date(),
        timezone=settings.timezone,
        size_limit=settings.upload_limit_mb * 2**20,
    )
    seconds = clock() - started
    await engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "peak_gb": peak, "summary": summary}


async def _no_progress(step: str, done: int, total: int) -> None:
    pass


if __name__ == "__main__":
    give_memory_back()
    asked = json.load(sys.stdin)
    asked["file"] = Path(asked["file"])
    print(json.dumps(asyncio.run(load(**asked))))
