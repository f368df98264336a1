"""The command line: what it says, where, and with which exit status."""

import json
import os
import pty
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from tests.conftest import SERVERS
from tests.postgres.conftest import memory_disk
from tests.running import ZAIKO, empty_database, environment, zaiko

COMMANDS = ["run", "serve", "worker", "migrate", "import", "evaluate", "forecast", "openapi", "key"]
NOWHERE = "postgresql://zaiko:s3cret@127.0.0.1:1/zaiko"
SALES = "order_id,sku_id,sold_at,quantity,unit_price\nA,1,2026-01-05,2,100\n"


@pytest.fixture
def nothing() -> Iterator[str]:
    """An empty database on one of the servers; a command does not care which."""
    with empty_database(next(iter(json.loads(os.environ[SERVERS]).values()))) as url:
        yield url


@pytest.fixture
def home() -> Iterator[Path]:
    """A data folder that the database's account may enter, which pytest's own is not."""
    home = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk()))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home)


def failure(ended: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """What a command that failed says: on stderr alone, without a traceback or a password."""
    assert ended.returncode == status, ended
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("command", [*COMMANDS, "key create", "key list", "key revoke"])
def test_every_command_explains_itself(command):
    ended = CliRunner().invoke(cli, [*command.split(), "--help"], prog_name="zaiko")
    assert ended.exit_code == 0
    assert ended.stdout.strip().startswith(f"Usage: zaiko {command}")


def test_the_command_itself_explains_itself(tmp_path):
    ended = zaiko(tmp_path, "--help")
    assert ended.returncode == 0
    assert all(f"  {command} " in ended.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dance"], "No such command"),
        (["evaluate", "--as-of", "2026-02-30"], "2026-02-30"),
        (["evaluate", "--as-of", "yesterday"], "yesterday"),
        (["forecast", "--as-of", "2999-01-01"], "future"),
        (["forecast", "--workers", "0"], "--workers"),
        (["forecast", "--workers", "2", "--scheduler", "tcp://10.0.0.5:8786"], "not both"),
        (["import", "sales", "nowhere.csv"], "nowhere.csv"),
        (["import", "weather", "nowhere.csv"], "weather"),
        (["run", "--port", "70000"], "--port"),
        (["key", "create", "bob"], "scope"),
        (["key", "create", "bob", "--scope", "everything"], "inventory:read"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused_with_status_2(words, said, tmp_path):
    assert said in failure(zaiko(tmp_path, *words), status=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZAIKO_TIMEZONE", "Mars"),
        ("ZAIKO_UPLOAD_LIMIT_MB", "abc"),
        ("ZAIKO_DATABASE_URL", "mysql://root:s3cret@db/shop"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(name, value, tmp_path):
    said = failure(zaiko(tmp_path, "migrate", **{name: value}))
    assert said.startswith(f"zaiko: setting {name}: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("words", [["migrate"], ["run"]])
def test_a_database_that_is_down_is_one_sentence(words, tmp_path):
    said = failure(zaiko(tmp_path, *words, ZAIKO_DATABASE_URL=NOWHERE, PORT="48231"))
    assert said.startswith("zaiko: the database cannot be used: ")
    assert len(said.splitlines()) == 1


def test_an_unknown_profile_is_refused_and_nothing_is_kept(nothing, home):
    (home / "sales.csv").write_text(SALES)
    words = ("import", "sales", "sales.csv", "--mapping", "nobody")
    said = failure(zaiko(home, *words, ZAIKO_DATABASE_URL=nothing))
    assert list((home / "uploads").iterdir()) == []
    assert "mapping 'nobody' is not known for sales" in said


def test_a_forecast_of_nothing_says_so(nothing, home):
    said = failure(zaiko(home, "forecast", "--workers", "1", ZAIKO_DATABASE_URL=nothing))
    assert said.splitlines()[-1] == "zaiko: import sales first"


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    said = failure(zaiko(tmp_path, "migrate", ZAIKO_DATA_DIR=str(tmp_path / "file" / "data")))
    assert "ZAIKO_DATA_DIR" in said
    assert len(said.splitlines()) == 1


def test_a_key_is_alone_on_the_last_line_even_when_its_command_migrates(nothing, tmp_path):
    def key(*words: str) -> subprocess.CompletedProcess[str]:
        return zaiko(tmp_path, "key", *words, ZAIKO_DATABASE_URL=nothing)

    created = key("create", "bob", "--scope", "admin")
    assert created.returncode == 0, created.stderr
    secret = created.stdout.splitlines()[-1]
    assert secret.startswith("zk_")
    assert len(secret.split()) == 1

    listed = key("list").stdout
    assert "bob" in listed
    assert secret not in listed
    assert key("revoke", "bob").returncode == 0
    assert failure(key("revoke", "bob")) == "zaiko: no key named 'bob' is in force\n"


def test_a_file_goes_in_and_a_mistake_comes_out_without_server_or_worker_of_ones_own(home):
    (home / "sales.csv").write_text(SALES)
    status, out, shown = on_a_terminal(home, "import", "sales", "sales.csv")
    assert status == 0, shown
    assert json.loads(out)["new"] == 1
    assert "import sales: " in shown
    assert "━" in shown

    (home / "bad.csv").write_text(SALES + "B,1,never,2,100\n" * 2)
    said = failure(zaiko(home, "import", "sales", "bad.csv"))
    assert "zaiko: 2 of 3 rows are bad, more than half, so nothing was loaded" in said
    forced = zaiko(home, "import", "sales", "bad.csv", "--force")
    assert forced.returncode == 0, forced.stderr
    assert json.loads(forced.stdout)["rejected"] == 2

    refused = zaiko(home, "evaluate", "--as-of", "2020-01-01")
    said = failure(refused)
    assert said.endswith("zaiko: there are no sales up to 2020-01-01\n")
    assert "━" not in said


def on_a_terminal(home: Path, *words: str) -> tuple[int, str, str]:
    """Exit status, standard output, and what a person sees of a command."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ZAIKO, *words],
        env=environment(home, TERM="xterm"),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = b""
    with process:
        with suppress(OSError):  # raised when the other end is closed
            while chunk := os.read(terminal, 4096):
                shown += chunk
        out = process.stdout.read()
    os.close(terminal)
    return process.returncode, out, shown.decode(errors="replace")


def test_a_dry_run_shows_how_a_file_would_be_read_and_asks_no_database(tmp_path):
    file = tmp_path / "quantity.csv"
    file.write_text("code,sub-code,quantity,mode\nabc,abc-red,5,\nabc,abc-blue,3,+\n", "cp932")
    words = ("import", "stock", str(file), "--mapping", "yahoo_quantity", "--dry-run")
    ended = zaiko(tmp_path, *words, ZAIKO_DATABASE_URL=NOWHERE, COLUMNS="200")
    assert ended.returncode == 0, ended
    assert "looked at the whole file" in ended.stdout
    assert re.search(r"sku_id +made +sub-code, code", ended.stdout)
    assert re.search(r"\n +1 +abc-red +EC +\d{4}-\d\d-\d\d +5 ", ended.stdout)
    assert "row 2 rejected: relative_quantity: on_hand の「+3」は在庫数ではなく" in ended.stdout
    file.write_bytes(b"PK\x03\x04")
    ended = zaiko(tmp_path, *words, ZAIKO_DATABASE_URL=NOWHERE)
    assert failure(ended) == "zaiko: this is a workbook or zip archive; save the sheet as CSV\n"


def test_a_stored_profile_is_named_as_a_built_in_one_is(nothing, home):
    assert zaiko(home, "migrate", ZAIKO_DATABASE_URL=nothing).returncode == 0
    definition = json.dumps({"columns": {"品番": "sku_id", "千円": "list_price"}})
    with psycopg.connect(nothing) as connection:
        connection.execute(
            "INSERT INTO mapping_profile (name, version, kind, definition, created_by)"
            " VALUES ('pos', 1, 'products', %s, 'test')",
            [definition],
        )
    (home / "p.csv").write_text("品番,千円\nS-1,5\n", "cp932")
    words = ("import", "products", "p.csv", "--mapping", "pos@1")
    shown = zaiko(home, *words, "--dry-run", ZAIKO_DATABASE_URL=nothing)
    assert shown.returncode == 0, shown
    assert "encoding: cp932; looked at the whole file" in shown.stdout
    ended = zaiko(home, *words, ZAIKO_DATABASE_URL=nothing)
    assert ended.returncode == 0, ended
    assert '"mapping": "pos@1"' in ended.stdout
    assert '"new": 1' in ended.stdout
