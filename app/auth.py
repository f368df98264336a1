"""Who may call: API keys, kept as hashes, and the scopes they carry."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from fastapi import Request
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.models import ApiKey

KEY_BYTES = 32
TRUST_SECONDS = 10.0  # how long a key read from the database is believed: revoking takes so long
TRUSTED_KEYS = 1000


class Unauthenticated(Exception):
    """The request carries no valid API key."""


class MissingScope(Exception):
    """The API key does not carry the scope this operation needs."""


class UnknownKey(Exception):
    """No API key has this name."""


class Scope(StrEnum):
    INVENTORY_READ = "inventory:read"
    DISPOSITION_READ = "disposition:read"
    FORECAST_READ = "forecast:read"
    FORECAST_WRITE = "forecast:write"
    LTV_READ = "ltv:read"
    LTV_WRITE = "ltv:write"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    IMPORTS_WRITE = "imports:write"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    ADMIN = "admin"  # everything


@dataclass(frozen=True, slots=True)
class Caller:
    """The key a request came with."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class _Trusted:
    digest: bytes
    caller: Caller
    until: float


class KeyRing:
    """Looks keys up by their hash, and believes what it read for some seconds."""

    def __init__(self, reader: AsyncEngine) -> None:
        self._reader = reader
        self._trusted: dict[bytes, _Trusted] = {}

    async def caller(self, key: str) -> Caller:
        """The caller a key belongs to.

        Raises:
            Unauthenticated: if the key is malformed, unknown or revoked.
        """
        if not key.startswith("zk_") or not key.isascii() or len(key) > 100:
            raise Unauthenticated("the API key is malformed: keys start with zk_")
        digest = _digest(key)
        known = self._trusted.get(digest)
        if known and known.until > monotonic() and hmac.compare_digest(known.digest, digest):
            return known.caller
        self._trusted.pop(digest, None)
        statement = select(ApiKey.name, ApiKey.scopes, ApiKey.key_hash).where(
            ApiKey.key_hash == digest, ApiKey.revoked_at.is_(None)
        )
        async with self._reader.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None or not hmac.compare_digest(row.key_hash, digest):
            raise Unauthenticated("the API key is unknown or revoked")
        caller = Caller(row.name, frozenset(row.scopes))
        if len(self._trusted) >= TRUSTED_KEYS:
            self._trusted.clear()
        self._trusted[digest] = _Trusted(digest, caller, monotonic() + TRUST_SECONDS)
        return caller


def _digest(key: str) -> bytes:
    # The key is 256 random bits, so a plain hash cannot be guessed back; no salt is needed.
    return hashlib.sha256(key.encode()).digest()


async def authenticate(request: Request) -> Caller:
    """The caller of a request, by header ``X-API-Key`` or a bearer token.

    The headers are read here, not by FastAPI's security classes: four nested dependencies would
    cost a hot read more than its query does. ``app.openapi`` publishes both schemes.
    """
    given = request.headers.get("x-api-key")
    if not given:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            raise Unauthenticated("send an API key in the header X-API-Key")
    ring: KeyRing = request.app.state.keys
    return await ring.caller(given.strip())


async def create_key(session: AsyncSession, name: str, scopes: list[Scope]) -> str:
    """Issue a key; it can be read here and never again."""
    key = f"zk_{secrets.token_urlsafe(KEY_BYTES)}"
    session.add(
        ApiKey(name=name, prefix=key[:8], key_hash=_digest(key), scopes=[s.value for s in scopes])
    )
    await session.flush()
    return key


async def key_is_valid(session: AsyncSession, key: str) -> bool:
    statement = select(ApiKey.api_key_id).where(
        ApiKey.key_hash == _digest(key), ApiKey.revoked_at.is_(None)
    )
    return await session.scalar(statement) is not None


async def list_keys(session: AsyncSession) -> list[ApiKey]:
    return list(await session.scalars(select(ApiKey).order_by(ApiKey.api_key_id)))


async def revoke_key(session: AsyncSession, name: str) -> int:
    """Revoke all keys of a name; return how many.

    Raises:
        UnknownKey: if there is none in force.
    """
    statement = (
        update(ApiKey)
        .where(ApiKey.name == name, ApiKey.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiKey.api_key_id)
    )
    revoked = list(await session.scalars(statement))
    if not revoked:
        raise UnknownKey(f"no key named '{name}' is in force")
    return len(revoked)
