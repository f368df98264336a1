"""Sending files to the import, and what came of them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from httpx import AsyncClient, Response
from sqlalchemy import text

from app.database import Sessions
from tests.conftest import Work

Send: TypeAlias = Callable[..., Awaitable[Any]]


class Sent:
    """An import whose job has ended."""

    def __init__(self, client: AsyncClient, job: dict[str, Any], batch: dict[str, Any]) -> None:
        self._client = client
        self.job = job
        self.batch = batch
        self.summary = batch["summary"]
        self.path = f"/imports/{batch['import_id']}"

    @property
    def counts(self) -> dict[str, int]:
        """What became of the rows, which must add up."""
        fates = ("new", "changed", "same", "rejected", "held_back")
        counts = {name: self.summary[name] for name in fates}
        assert sum(counts.values()) == self.summary["read"]
        return {name: count for name, count in counts.items() if count}

    async def rejects(self) -> list[tuple[int, str, str, str | None]]:
        answer = await self._client.get(f"{self.path}/rejects", params={"limit": 10_000})
        fields = ("row_no", "column_name", "code", "value")
        return [tuple(item[name] for name in fields) for item in answer.json()["items"]]

    async def rejected_rows(self) -> bytes:
        """The file of rejected rows, as it is downloaded."""
        answer = await self._client.get(f"{self.path}/rejects", params={"format": "file"})
        assert answer.status_code == 200, answer.text
        return answer.content

    async def only_error(self) -> str:
        """Why the whole file failed; nothing of it may be there."""
        assert self.job["status"] == "failed"
        assert self.summary is None
        assert await self.rejects() == []
        return self.job["error"]


def sender(client: AsyncClient, work: Work) -> Send:
    """Sends files one after the other by HTTP and runs their jobs; one file, one answer."""

    async def send(kind: str, *contents: str | bytes, **params: str) -> Any:
        answers = [
            await client.post(
                f"/imports/{kind}",
                content=content.encode() if isinstance(content, str) else content,
                params=params,
            )
            for content in contents
        ]
        await work()
        sent = [await _ended(client, answer) for answer in answers]
        return sent[0] if len(sent) == 1 else sent

    return send


async def _ended(client: AsyncClient, answer: Response) -> Sent:
    assert answer.status_code == 202, answer.text
    job = (await client.get(answer.headers["Location"])).json()
    assert job["status"] in {"succeeded", "failed"}, job
    batch = (await client.get(f"/imports/{answer.json()['import_id']}")).json()
    return Sent(client, job, batch)


async def table(sessions: Sessions, statement: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    async with sessions() as session:
        return [tuple(row) for row in await session.execute(text(statement))]
