"""`zaiko run`: one command brings everything up and down, and nothing that dies is lost."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.conftest import memory_disk
from tests.postgres.live import linux_only
from tests.running import Running, eventually, free_port, zaiko

pytestmark = [linux_only, pytest.mark.slow]
EVALUATE = {"url": "/evaluations", "json": {}}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the database's account may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk())).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_what_is_killed_comes_back_and_the_answers_are_those_of_an_undisturbed_run(folder):
    with Running(folder) as running:
        running.until_ready()
        running.load_shop()
        assert running.ended(running.http.post(**EVALUATE))["attempts"] == 1
        undisturbed = running.verdicts()
        assert len(undisturbed) == 26

        job = running.begun(running.http.post(**EVALUATE), "forecasting")
        os.kill(running.worker(), signal.SIGKILL)
        os.kill(running.database(), signal.SIGKILL)
        eventually(lambda: running.answers("/dispositions"))

        second = zaiko(folder, "run", "--no-sample", "--port", str(free_port()))
        assert (second.returncode, second.stdout) == (1, "")
        assert "already runs the database" in second.stderr
        assert "Traceback" not in second.stderr

        assert running.ended(job)["attempts"] == 2
        assert running.verdicts() == undisturbed

        job = running.begun(running.http.post(**EVALUATE), "forecasting")
        assert running.stopped_by(signal.SIGINT, signal.SIGINT) == 0
        assert running.processes() == {}
        assert "Traceback" not in running.said()
    with Running(folder) as again:
        again.until_ready()
        assert again.ended(job)["attempts"] == 1
        assert again.verdicts() == undisturbed


def test_it_ends_whole_however_it_is_ended(folder):
    with Running(folder) as starting:
        eventually(starting.database)
        assert starting.stopped_by(signal.SIGTERM) == 0
        assert starting.processes() == {}
    with Running(folder) as running:
        running.until_ready()
        greeting = (folder / "out").read_text()
        assert f"http://127.0.0.1:{running.port}/docs" in greeting
        assert running.http.headers["X-API-Key"] in greeting
        taken = zaiko(folder, "serve", "--port", str(running.port))
        assert (taken.returncode, len(taken.stderr.splitlines())) == (1, 1)
        assert f"cannot listen on 127.0.0.1 port {running.port}" in taken.stderr
        log = folder / "worker.log"
        log.write_bytes(b"x" * 11 * 2**20)
        eventually(lambda: log.stat().st_size < 2**20)
        assert (folder / "worker.log.1").stat().st_size == 11 * 2**20
        running.process.kill()
        eventually(lambda: running.processes() == {})
    with Running(folder) as again:
        again.until_ready()
        assert again.http.headers["X-API-Key"] == running.http.headers["X-API-Key"]
        assert again.stopped_by(signal.SIGTERM) == 0
        assert again.processes() == {}
