"""Servers are started, killed, shared and brought back, all for real."""

import os
import signal
import subprocess
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from app.postgres import (
    AlreadySupervised,
    EmbeddedPostgres,
    StartFailed,
    default_folder,
    running,
    supervisor,
)
from tests.postgres.live import (
    answer,
    answers_again,
    eventually,
    linux_only,
    run,
    servers_in,
    supervising,
)


def test_starts_answers_and_stops(base):
    before = base.stat()
    server = EmbeddedPostgres(base / "new")
    assert not server.is_owner
    server.start()
    try:
        assert server.is_owner
        assert run(server.url, "SHOW listen_addresses") == ""
        assert run(server.url, "SHOW work_mem") == "32MB"
        assert run(server.url, "SHOW TimeZone") == "UTC"
        assert run(server.url, "SELECT datcollate FROM pg_database WHERE datname = 'zaiko'") == "C"
        assert run(server.url, "SHOW server_encoding") == "UTF8"
    finally:
        server.stop()
        server.stop()
    assert (server.is_owner, server.pid) == (False, None)
    assert (base.stat().st_mode, base.stat().st_uid) == (before.st_mode, before.st_uid)
    assert servers_in(base) == []
    with server:  # the same object may start again
        assert run(server.url, "SELECT 1") == 1


def test_the_server_comes_back_after_kill_9(folder):
    with EmbeddedPostgres(folder) as server:
        run(server.url, "CREATE TABLE before_kill AS SELECT 43 AS answer")
        killed = server.pid
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: answers_again(server.url))
        assert server.pid != killed
        assert run(server.url, "SELECT answer FROM before_kill") == 43


@linux_only
def test_a_busy_backend_that_outlives_its_server_does_not_keep_the_next_one_out(folder):
    at_work = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%1000000000000)'"
    with EmbeddedPostgres(folder) as server:
        busy = psycopg.connect(server.url)
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        eventually(lambda: run(server.url, at_work) == 1)
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: answers_again(server.url))
        busy.close()


def test_after_many_starts_in_vain_it_says_so_and_comes_back_when_it_can(
    folder, monkeypatch, caplog
):
    monkeypatch.setattr(supervisor, "RESTARTS", 2)
    monkeypatch.setattr(supervisor, "PATIENT_SECONDS", 0.1)
    with EmbeddedPostgres(folder) as server:
        control = folder / "pgdata/global/pg_control"
        control.rename(folder / "pg_control")
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: "stays down after 2 restarts" in caplog.text)
        (folder / "pg_control").rename(control)
        eventually(lambda: answers_again(server.url))
    assert caplog.text.count("stays down") == 1
    assert "could not open file" in caplog.text
    assert "pg_control" in caplog.text


@linux_only
def test_the_server_ends_with_its_killed_supervisor_and_starts_under_the_next(folder, base):
    with supervising(folder) as (process, _, url):
        run(url, "CREATE TABLE under_another AS SELECT 43 AS answer")
        process.kill()
        process.wait()
        with EmbeddedPostgres(folder) as server:
            assert run(server.url, "SELECT answer FROM under_another") == 43
    assert servers_in(base) == []
    assert "shutting down" in (folder / "server.log").read_text()


@linux_only
def test_the_thread_that_calls_start_may_end_long_before_the_server(folder):
    server = EmbeddedPostgres(folder)
    caller = Thread(target=server.start)
    caller.start()
    caller.join()
    pid = server.pid
    try:
        assert answer(server.url) == 42
        assert "fast shutdown" not in (folder / "server.log").read_text().rpartition("ready")[2]
        assert server.pid == pid
    finally:
        server.stop()


@linux_only
def test_ctrl_c_in_the_terminal_does_not_reach_the_server(folder):
    with EmbeddedPostgres(folder) as server:
        assert os.getpgid(server.pid) != os.getpgrp()


def test_one_supervisor_at_a_time_and_running_shares_its_server(folder):
    with supervising(folder) as (process, pid, url):
        with pytest.raises(AlreadySupervised, match=rf"pid {process.pid}\) .*{folder}"):
            EmbeddedPostgres(folder).start()
        with running(folder) as shared:
            assert shared == url
            assert answer(shared) == 42
        assert answer(url) == 42
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not answers_again(url))
        with running(folder) as shared:  # waits until the owner has brought it back
            assert answer(shared) == 42


def test_running_starts_and_stops_a_server_where_none_runs(folder):
    with running(folder) as url:
        assert answer(url) == 42
    with pytest.raises(psycopg.OperationalError):
        answer(url)


def test_an_orphan_is_ended_and_replaced(folder):
    server = EmbeddedPostgres(folder)
    with server:  # leaves a configuration behind
        command, child = server.cluster.server(), server.cluster.child()
    orphan = subprocess.Popen(command, stderr=subprocess.DEVNULL, **child)
    with orphan:
        eventually(lambda: server.cluster.postmaster() == (orphan.pid, "ready"))
        with server:
            assert orphan.wait() == 0
            assert server.pid != orphan.pid
            assert answer(server.url) == 42


def test_a_process_number_in_use_again_does_not_prevent_the_start(folder):
    server = EmbeddedPostgres(folder)
    with server:
        child = server.cluster.child()
    stranger = subprocess.Popen(["sleep", "60"], **child)
    with stranger:
        owner = (folder / "pgdata").stat()
        stale = folder / "pgdata/postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{folder}/pgdata\n1\n5432\n\n\n0 0\nready\n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        stale.chmod(0o600)
        with server:
            assert answer(server.url) == 42
        assert stranger.poll() is None
        stranger.kill()


def test_a_start_that_takes_too_long_is_given_up(folder):
    with pytest.raises(StartFailed, match=r"not ready within 0 seconds.*server\.log"):
        EmbeddedPostgres(folder, start_timeout=0.0).start()
    with EmbeddedPostgres(folder) as server:
        assert answer(server.url) == 42


def test_a_server_that_refuses_says_why(folder):
    settings = folder / "pgdata/postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("shared_buffers = 'lots'\n")
    with pytest.raises(StartFailed, match=r"invalid value for parameter .shared_buffers."):
        EmbeddedPostgres(folder).start()
    settings.write_text(before)
    with EmbeddedPostgres(folder) as server:
        assert answer(server.url) == 42


def test_the_server_does_not_need_its_log(folder):
    with EmbeddedPostgres(folder) as server:
        pid = server.pid
        (folder / "server.log").unlink()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: answers_again(server.url))
        assert (folder / "server.log").exists()


def test_the_data_goes_where_the_system_keeps_such_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    parent = Path("/var/lib") if os.geteuid() == 0 else tmp_path
    assert default_folder() == parent / "ltv-zaiko"


def test_the_log_is_kept_short(folder):
    (folder / "server.log").write_bytes(b"x" * (supervisor.LOG_LIMIT + 1))
    with EmbeddedPostgres(folder) as server:
        eventually((folder / "server.log.1").exists)
        eventually(lambda: (folder / "server.log").stat().st_size < supervisor.LOG_LIMIT)
        assert answer(server.url) == 42
    assert "shut down" in (folder / "server.log").read_text()
