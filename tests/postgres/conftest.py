import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres
from tests.postgres.live import eventually, run, servers_in


@pytest.fixture(scope="package")
def base() -> Iterator[Path]:
    """A folder that the server's account may enter, which pytest's own is not."""
    base = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk()))
    base.chmod(0o755)
    yield base.resolve()
    eventually(lambda: servers_in(base.resolve()) == [])
    shutil.rmtree(base)


@pytest.fixture(scope="package")
def folder(base: Path) -> Path:
    """A cluster that holds one row; whoever breaks it mends it."""
    with EmbeddedPostgres(base / "shared") as server:
        run(server.url, "CREATE TABLE fact AS SELECT 42 AS answer")
    return base / "shared"


def memory_disk() -> Path | None:
    """Where files cost no waiting for a disk, if programs can be run from there."""
    disk = Path("/dev/shm")
    if sys.platform != "linux" or not disk.is_dir() or os.statvfs(disk).f_flag & os.ST_NOEXEC:
        return None
    return disk if shutil.disk_usage(disk).free > 2**30 else None
