"""Folders of all kinds: new, half made, foreign, closed, full, oddly named."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.postgres import DiskFull, EmbeddedPostgres, FolderNotUsable, OtherMajorVersion
from tests.postgres.live import (
    eventually,
    linux_only,
    root_only,
    run,
    small_disk,
    supervising,
    supervisor_of,
)


def test_an_interrupted_initdb_leaves_nothing_behind(base):
    folder = base / "interrupted"
    with supervisor_of(folder) as process:
        eventually(lambda: any(folder.glob("pgdata.unfinished-*/*")))
        process.kill()
    assert not (folder / "pgdata").exists()
    with EmbeddedPostgres(folder) as server:
        assert run(server.url, "SELECT 1") == 1
    assert not any(folder.glob("*unfinished*"))


def test_another_major_version_is_refused(base):
    folder = base / "older"
    (folder / "pgdata").mkdir(parents=True)
    (folder / "pgdata/PG_VERSION").write_text("14\n")
    with pytest.raises(OtherMajorVersion, match=rf"{folder}/pgdata .*PostgreSQL 14, .*18\.\d"):
        EmbeddedPostgres(folder).start()


def test_a_folder_of_something_else_is_not_touched(base):
    folder = base / "foreign"
    (folder / "pgdata").mkdir(parents=True)
    (folder / "pgdata/letter.txt").write_text("dear")
    with pytest.raises(FolderNotUsable, match="not a PostgreSQL cluster"):
        EmbeddedPostgres(folder).start()
    assert (folder / "pgdata/letter.txt").read_text() == "dear"


def test_too_little_space_is_refused_before_anything_is_written(base):
    with pytest.raises(DiskFull, match=r"Only \d+ MB are free .* needs 1\d+ MB"):
        EmbeddedPostgres(base / "small", minimum_free=2**60).start()
    assert [path.name for path in (base / "small").iterdir()] == ["lock"]


@root_only
@linux_only
def test_a_full_disk_is_called_full(base):
    with small_disk(base / "disk", "150m") as disk:
        server = EmbeddedPostgres(disk / "d", minimum_free=0)
        for room in (20, 0):  # too little for a new cluster; nothing left for a start
            fill = disk / f"fill{room}"
            free = shutil.disk_usage(disk).free - room * 2**20
            fill.write_bytes(b"0" * free)
            with pytest.raises(DiskFull, match=f"{disk}/d is full"):
                server.start()
            fill.unlink()
            with server:
                assert run(server.url, "SELECT 1") == 1


@root_only
def test_a_folder_the_account_may_not_enter_is_refused(base):
    closed = base / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(FolderNotUsable, match=f"may not enter {closed}: set ZAIKO_DATA_DIR"):
        EmbeddedPostgres(closed / "d").start()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0


@root_only
def test_an_ordinary_user_runs_it_too(base):
    nobody = pwd.getpwnam("nobody")
    as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    pythons = filter(None, (sys.executable, shutil.which("python3", path="/usr/bin")))
    python = next((python for python in pythons if runs(python, **as_nobody)), None)
    if python is None:
        pytest.skip("every Python here is closed to other accounts")
    home = base / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    with supervising(home / "d", python=python, **as_nobody) as (_, pid, url):
        assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
        assert run(url, "SELECT 1") == 1
    with EmbeddedPostgres(home / "d") as server:  # later as root, which keeps the account
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid


def test_a_long_or_odd_path_has_its_socket_elsewhere(base):
    folder = base / ("長い name's, " * 6)
    with EmbeddedPostgres(folder) as server:
        socket_folder = Path(server.url.partition("host=")[2])
        assert socket_folder.parent == Path(tempfile.gettempdir()).resolve()
        assert socket_folder.stat().st_mode & 0o777 == 0o700
        assert run(server.url, "SELECT 1") == 1
    assert not socket_folder.exists()


@root_only
def test_a_socket_folder_that_somebody_else_made_is_not_used(base):
    folder = base / ("x" * 90)
    squatted = EmbeddedPostgres(folder).cluster.socket_folder
    squatted.mkdir()
    os.chown(squatted, 12345, 12345)
    try:
        with pytest.raises(FolderNotUsable, match="belongs to somebody else"):
            EmbeddedPostgres(folder).start()
    finally:
        squatted.rmdir()


def runs(python: str, **identity) -> bool:
    """Whether that account can run that Python, and it is recent enough for us."""
    recent = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        asked = subprocess.run([python, "-c", recent], cwd="/", check=False, **identity)
    except PermissionError:
        return False
    return asked.returncode == 0
