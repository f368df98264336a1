"""What can keep the embedded database from running; every message says what to do."""


class PostgresError(Exception):
    """The embedded database cannot be used."""


class OtherMajorVersion(PostgresError):
    """The data folder was written by another major version of PostgreSQL."""


class DiskFull(PostgresError):
    """The disk of the data folder has too little free space."""


class FolderNotUsable(PostgresError):
    """The data folder cannot be written, or not entered by the database's account."""


class StartFailed(PostgresError):
    """The server ended by itself, or did not accept connections in time."""


class StillInUse(StartFailed):
    """Processes of an earlier server still hold the cluster."""


class AlreadySupervised(PostgresError):
    """Another living process runs the server of this folder."""
