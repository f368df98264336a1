"""The embedded PostgreSQL, for machines that were given no other: ``with running(folder) as url``.

``supervisor`` starts, watches and stops the server, ``cluster`` prepares its folder, ``binaries``
finds its programs, ``processes`` deals with what runs already.
"""

from app.postgres.errors import (
    AlreadySupervised,
    DiskFull,
    FolderNotUsable,
    OtherMajorVersion,
    PostgresError,
    StartFailed,
    StillInUse,
)
from app.postgres.supervisor import EmbeddedPostgres, default_folder, running

__all__ = [
    "AlreadySupervised",
    "DiskFull",
    "EmbeddedPostgres",
    "FolderNotUsable",
    "OtherMajorVersion",
    "PostgresError",
    "StartFailed",
    "StillInUse",
    "default_folder",
    "running",
]
