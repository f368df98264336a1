"""The folder of the embedded PostgreSQL: made ready for a server, and its troubles put into words.

The folder holds ``lock`` (who runs the server, and its URL), ``pgdata`` (the cluster),
``postgresql.conf``, ``server.log``, ``run`` (the socket; there is no port) and, where needed,
``pgbin`` (a copy of the programs). Nothing above the folder is ever changed.
"""

import errno
import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from app.postgres import binaries, processes
from app.postgres.errors import (
    DiskFull,
    FolderNotUsable,
    OtherMajorVersion,
    PostgresError,
    StartFailed,
    StillInUse,
)

MIB = 2**20
SOCKET = ".s.PGSQL.5432"
ELSEWHERE = "set ZAIKO_DATA_DIR to another folder"
FULL = r"No space left on device|[Cc]heck free disk space"
TELLING = r"(FATAL|PANIC|ERROR|HINT|error|hint): |LOG:  (could not|invalid|unrecognized|syntax)"
CONFIGURATION = """\
# Written by LTV-Zaiko at every start. What you change with ALTER SYSTEM wins over this file.
include 'pgdata/postgresql.conf'
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
max_connections = 60
max_locks_per_transaction = 512  # sales lie in a table a quarter
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


class Cluster:
    """One data folder and the programs that serve it.

    Args:
        folder: where everything is kept.
        bindir: folder of the PostgreSQL programs; found by itself when not given.
    """

    def __init__(self, folder: Path, bindir: Path | None) -> None:
        self.folder = folder
        self.pgdata = folder / "pgdata"
        self.log_file = folder / "server.log"
        self.socket_folder = _socket_folder(folder)
        self._bindir = bindir
        self._account: pwd.struct_passwd | None = None

    @property
    def url(self) -> str:
        """For libpq and all drivers that read its addresses."""
        return f"postgresql://zaiko@/zaiko?host={self.socket_folder}"

    def prepare(self) -> None:
        """Make everything a server needs; harmless where it is there already.

        Raises:
            PostgresError: when no server can run here, and why.
            OSError: see ``explained``.
        """
        self._account = _server_account(self.pgdata)
        self._check_entrance()
        self._choose_programs()
        self._make_socket_folder()
        processes.sweep(self.folder, "pgdata.unfinished-*")
        if (self.pgdata / "PG_VERSION").exists():
            self._check_major()
        else:
            self._initialise()
        draft = self.folder / "postgresql.conf.unfinished"
        draft.write_text(CONFIGURATION.format(socket_folder=self.socket_folder), "utf-8")
        draft.chmod(0o644)
        draft.rename(self.folder / "postgresql.conf")

    def server(self) -> list[str | Path]:
        """The command that runs the server in the foreground."""
        settings = self.folder / "postgresql.conf"
        return [self._program("postgres"), "-D", self.pgdata, "-c", f"config_file={settings}"]

    def postmaster(self) -> tuple[int, str]:
        """Process id and status (starting, ready, stopping) the server last wrote; 0 if none."""
        try:
            lines = (self.pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return 0, ""
        return abs(int(lines[0])) if lines else 0, lines[7].strip() if len(lines) > 7 else ""

    def child(self) -> dict[str, Any]:
        """How a program is started here: bound to the calling thread, and apart from the terminal.

        Our own environment holds secrets and PG* variables, neither of which is for the server.
        LC_ALL keeps its messages recognisable.
        """
        kept = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
        }
        return {
            "env": kept | {"LC_ALL": "C"},
            "cwd": self.folder,
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,  # Ctrl-C in the terminal is for us, not for the server
            "preexec_fn": processes.dying_with_us(),
            **self._identity(),
        }

    def create_database(self) -> None:
        """Make the database ``zaiko`` where it is missing."""
        wanted = (
            "SELECT 'CREATE DATABASE zaiko' WHERE NOT EXISTS"
            " (SELECT FROM pg_database WHERE datname = 'zaiko') \\gexec"
        )
        options = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket_folder), "-U", "zaiko"]
        done = subprocess.run(
            [self._program("psql"), *options, "postgres"],
            **self.child() | {"stdin": None},
            input=wanted,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise self.failure("The database zaiko could not be made", done.stderr)

    def explained(self, error: OSError) -> PostgresError:
        """What a refusal of the operating system means for the data folder."""
        what = f"{error.strerror}: {error.filename or self.folder}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(
                f"The disk of {self.folder} is full ({what}): make room, or {ELSEWHERE}."
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            return FolderNotUsable(f"{self.folder} cannot hold the data ({what}): {ELSEWHERE}.")
        return PostgresError(f"The database in {self.folder} cannot be started ({what}).")

    def failure(self, what: str, output: str) -> PostgresError:
        """What a program's messages mean.

        Args:
            what: what did not come about, as the beginning of a sentence.
            output: what the program has written.
        """
        lines = output.strip().splitlines()
        full = any(re.search(FULL, line) and "shared memory" not in line for line in lines)
        if full or shutil.disk_usage(self.folder).free < MIB:  # a full disk keeps no log either
            return DiskFull(
                f"{what}: the disk of {self.folder} is full. Make room, or {ELSEWHERE}."
            )
        telling = [line for line in lines if re.search(TELLING, line)]
        said = " / ".join((telling or lines)[-4:]) or "it said nothing"
        kind: type[PostgresError] = StartFailed
        if "is still in use" in output or '"postmaster.pid" already exists' in output:
            kind = StillInUse
        elif "Permission denied" in output or "wrong ownership" in output:
            kind = FolderNotUsable
        return kind(f"{what}: {said} (the whole log is {self.log_file}).")

    def _program(self, name: str) -> Path:
        assert self._bindir
        return self._bindir / name

    def _identity(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _check_entrance(self) -> None:
        """As root: ask the kernel whether the server's account gets as far as the folder."""
        if self._account is None:
            return
        enter = 'for step do cd "$step" 2>/dev/null || { printf %s "$step"; exit 1; }; done'
        steps = [*reversed(self.folder.parents), self.folder]
        tried = subprocess.run(
            ["/bin/sh", "-c", enter, "sh", *steps],
            cwd="/",
            stdout=subprocess.PIPE,
            check=False,
            **self._identity(),
        )
        if tried.returncode:
            raise FolderNotUsable(
                f"The database runs as account {self._account.pw_name}, which may not enter"
                f" {os.fsdecode(tried.stdout)}: {ELSEWHERE}, such as /var/lib/ltv-zaiko."
            )

    def _choose_programs(self) -> None:
        found = self._bindir or binaries.find()
        if found is None or binaries.version(found) is None:
            raise PostgresError(
                f"No PostgreSQL {binaries.MINIMUM_MAJOR} or later was found: install the"
                " locked requirements, or name the folder of its programs in ZAIKO_PG_BINDIR."
            )
        if binaries.version(found, **self._identity()) is None:
            found = binaries.copy(found, self.folder / "pgbin")
        if binaries.version(found, **self._identity()) is None:
            raise FolderNotUsable(
                f"The database's account cannot run the programs in {found}; if that disk is"
                f" mounted noexec, {ELSEWHERE}."
            )
        self._bindir = found

    def _make_socket_folder(self) -> None:
        folder, account = self.socket_folder, self._account
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # under the system's temporary folder anybody may have been first
        trusted = {os.geteuid(), account.pw_uid if account else os.geteuid()}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in trusted:
            raise FolderNotUsable(f"{folder} belongs to somebody else: remove it, or {ELSEWHERE}.")
        folder.chmod(0o700)
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def _check_major(self) -> None:
        assert self._bindir
        theirs = (self.pgdata / "PG_VERSION").read_text().strip()
        version = binaries.version(self._bindir) or ""
        if theirs != str(binaries.major(version)):
            raise OtherMajorVersion(
                f"{self.pgdata} was written by PostgreSQL {theirs}, and this is PostgreSQL"
                f" {version}: name programs of major {theirs} in ZAIKO_PG_BINDIR, or {ELSEWHERE}."
            )

    def _initialise(self) -> None:
        """Make the cluster under another name, so that it is either whole or not there."""
        if self.pgdata.exists() and any(self.pgdata.iterdir()):
            raise FolderNotUsable(
                f"{self.pgdata} is not a PostgreSQL cluster: move it away, or {ELSEWHERE}."
            )
        draft = Path(tempfile.mkdtemp(prefix="pgdata.unfinished-", dir=self.folder))
        if self._account:
            os.chown(draft, self._account.pw_uid, self._account.pw_gid)
        options = (
            "--auth-local=trust --auth-host=reject --encoding=UTF8 --locale=C --data-checksums"
        )
        done = subprocess.run(  # the socket's folder is closed to others, hence trust
            [self._program("initdb"), "-D", draft, "-U", "zaiko", *options.split()],
            **self.child(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            raise self.failure("The data folder could not be made", done.stderr)
        draft.rename(self.pgdata)
        entry = os.open(self.folder, os.O_RDONLY)
        os.fsync(entry)
        os.close(entry)


def _socket_folder(folder: Path) -> Path:
    """A socket's path must be short, and plain enough to stand in a URL and in the settings."""
    inside = folder / "run"
    if len(str(inside / SOCKET)) <= 100 and re.fullmatch(r"[\w./-]+", str(inside), re.ASCII):
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"zaiko-{name}"


def _server_account(pgdata: Path) -> pwd.struct_passwd | None:
    """Under which account the server runs, as root; PostgreSQL refuses to run as root itself."""
    if os.geteuid() != 0:
        return None
    if pgdata.exists() and (owner := pgdata.stat().st_uid):
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            raise FolderNotUsable(f"{pgdata} belongs to no account (uid {owner}).") from None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError("As root the database needs an account postgres or nobody: make one.")
