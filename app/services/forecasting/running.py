"""Where partitions are worked on: in this process, in others of this machine, or on a cluster."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from app.compute import Pool, WorkerDied

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 8  # that a scheduler may take to answer
RETRIES = 3  # by Dask, of work that raised; how many workers may die is the scheduler's to say


class NoDistributed(Exception):
    """Dask is not installed."""


class NoScheduler(Exception):
    """No Dask scheduler answers at this address, it has no workers, or it went away."""


class WorkersKeepDying(Exception):
    """The same partition has cost the lives of several workers."""


class Crew(Protocol):
    """Those who do the work, for as many rounds as there are."""

    def run(
        self,
        function: Callable[[Task], Result],
        chunks: Sequence[Task],
        *,
        progress: Callable[[int], object],
    ) -> Iterator[Result]:
        """Apply a function to every task; yield results as they come.

        A worker that dies costs its own task only, which is done again.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Who is to do the work.

    Attributes:
        processes: of this machine, at least 1.
        scheduler: address of a Dask scheduler such as ``tcp://10.0.0.5:8786``, whose workers are
            to do it instead; they must reach the database and have this package installed.
    """

    processes: int = 1
    scheduler: str | None = None

    @contextmanager
    def at_work(self, tasks: int) -> Iterator[Crew]:
        """Those who work on so many tasks; a single one takes less time than to start a process.

        Raises:
            NoDistributed: a scheduler is named, and Dask is not installed.
            NoScheduler: it does not answer, or has no workers.
        """
        if self.scheduler is not None:
            with _client(self.scheduler) as client, client.as_current():
                yield _Cluster(client)
        elif tasks == 1:
            yield _Here()
        else:
            with Pool(min(self.processes, tasks)) as pool:
                yield _Processes(pool)


class _Here:
    """This process."""

    def run(
        self,
        function: Callable[[Task], Result],
        chunks: Sequence[Task],
        *,
        progress: Callable[[int], object],
    ) -> Iterator[Result]:
        for done, task in enumerate(chunks, start=1):
            yield function(task)
            progress(done)


class _Processes:
    """Processes of this machine."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def run(
        self,
        function: Callable[[Task], Result],
        chunks: Sequence[Task],
        *,
        progress: Callable[[int], object],
    ) -> Iterator[Result]:
        try:
            yield from self._pool.run(function, chunks, progress=progress)
        except WorkerDied as error:
            raise WorkersKeepDying(
                "worker processes keep dying, most likely for want of memory; try fewer"
            ) from error


class _Cluster:
    """The workers of a Dask scheduler."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(
        self,
        function: Callable[[Task], Result],
        chunks: Sequence[Task],
        *,
        progress: Callable[[int], object],
    ) -> Iterator[Result]:
        from distributed import CancelledError, KilledWorker, as_completed  # noqa: PLC0415 - an extra

        # Not pure: a task writes to the database, so the same one asked for again is done again.
        futures = self._client.map(function, chunks, pure=False, retries=RETRIES)
        finished = as_completed(futures)  # type: ignore[no-untyped-call]
        for done, future in enumerate(finished, start=1):
            try:
                result: Result = future.result()
            except KilledWorker as error:
                raise WorkersKeepDying(
                    "the cluster's workers keep dying, most likely for want of memory"
                ) from error
            except CancelledError as error:
                raise NoScheduler("the Dask scheduler went away, and its work with it") from error
            future.release()
            progress(done)
            yield result


def _client(scheduler: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NoDistributed(
            "Dask is not installed; install the extra: pip install 'ltv-zaiko[distributed]'"
        ) from error
    try:
        asyncio.run(_greet(scheduler))
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever answers there, and however: it is no scheduler
        raise NoScheduler(f"no Dask scheduler answers at {scheduler}") from error
    if not client.scheduler_info()["workers"]:
        client.close()  # type: ignore[no-untyped-call]
        raise NoScheduler(f"the Dask scheduler at {scheduler} has no workers")
    return client


async def _greet(scheduler: str) -> None:
    """Make sure that whoever listens there speaks as Dask does.

    Dask's own client waits for ever for the greeting of one that listens and is silent.
    """
    from distributed.comm.core import connect  # noqa: PLC0415 - an extra

    async with asyncio.timeout(CONNECT_SECONDS):
        comm = await connect(scheduler, timeout=CONNECT_SECONDS)  # type: ignore[no-untyped-call]
        comm.abort()
