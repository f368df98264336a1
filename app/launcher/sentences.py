"""What went wrong, in one sentence for whoever typed the command."""

import sys

# By name, so that saying what is wrong does not take the time to load what was not needed.
TOLD_AS_THEY_ARE = (
    "app.auth.UnknownKey",
    "app.launcher.following.JobFailed",
    "app.launcher.lending.WorkerKeepsEnding",
    "app.launcher.serving.PortTaken",
    "app.migrations.CannotMigrate",
    "app.postgres.PostgresError",
    "app.services.imports.csv_text.UnreadableFile",
    "app.services.imports.mappings.UnknownProfile",
    "app.services.imports.matching.UnusableColumns",
    "app.worker.process.NotMigrated",
)
OF_THE_DATABASE = ("sqlalchemy.exc.DBAPIError", "psycopg.Error", "asyncpg.PostgresError")


def sentence(error: Exception) -> str:
    """One line that says what is wrong; never a URL, whose password it would give away."""
    if _is(error, TOLD_AS_THEY_ARE):
        return str(error)
    if _is(error, ("pydantic.ValidationError",)) and getattr(error, "title", "") == "Settings":
        return "; ".join(_setting(found["loc"], found["msg"]) for found in error.errors())  # type: ignore[attr-defined]
    if _is(error, OF_THE_DATABASE):
        return f"the database cannot be used: {_one_line(getattr(error, 'orig', None) or error)}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}"
    if isinstance(error, OSError):
        return f"the database cannot be reached: {_one_line(error)}"
    what = f"{type(error).__name__}: {_one_line(error)}"
    return f"internal error, {what}; ZAIKO_LOG_LEVEL=DEBUG shows where"


def _is(error: Exception, names: tuple[str, ...]) -> bool:
    """Whether an error is of a class; one whose module is not loaded cannot have been raised."""
    places = (name.rpartition(".") for name in names)
    return any(
        isinstance(error, getattr(sys.modules[module], name))
        for module, _, name in places
        if module in sys.modules
    )


def _setting(place: tuple[int | str, ...], message: str) -> str:
    name = "_".join(str(part) for part in place).upper()
    return f"setting ZAIKO_{name}: {message.removeprefix('Value error, ')}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
