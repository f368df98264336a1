"""Where partitions are worked on: in this process, in others of this machine, or on a cluster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app import compute

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 20  # that a scheduler may take to answer
DEATHS = 3  # of workers that had a partition in their hands, before the run is given up


class NoDistributed(Exception):
    """Dask is not installed."""


class NoScheduler(Exception):
    """No Dask scheduler answers at this address, or it has no workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Who does the work.

    Attributes:
        processes: of this machine, at least 1.
        scheduler: address of a Dask scheduler such as ``tcp://10.0.0.5:8786``, whose workers are
            to do it instead; they must reach the database and have this package installed.
    """

    processes: int = 1
    scheduler: str | None = None

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        progress: Callable[[int], object],
    ) -> Iterator[Result]:
        """Apply a function to every task; yield results as they come.

        A single task is done here: it takes less time than to start another process. A worker
        that dies costs its own task only, which is done again.
        """
        if self.scheduler is not None:
            yield from _on_cluster(self.scheduler, function, tasks, progress)
        elif len(tasks) == 1:
            yield function(tasks[0])
            progress(1)
        else:
            processes = min(self.processes, len(tasks))
            yield from compute.run(function, tasks, processes=processes, progress=progress)


def _on_cluster(
    scheduler: str,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    progress: Callable[[int], object],
) -> Iterator[Result]:
    try:
        from distributed import Client, as_completed  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NoDistributed(
            "Dask is not installed; install the extra: pip install 'ltv-zaiko[distributed]'"
        ) from error
    with _client(Client, scheduler) as client:
        # Not pure: a task writes to the database, so the same one asked for again is done again.
        futures = client.map(function, tasks, pure=False, retries=DEATHS)
        finished = as_completed(futures)  # type: ignore[no-untyped-call]
        for done, future in enumerate(finished, start=1):
            result: Result = future.result()
            future.release()
            progress(done)
            yield result


def _client(client: Any, scheduler: str) -> Any:
    try:
        found = client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoScheduler(f"no Dask scheduler answers at {scheduler}") from error
    if not found.scheduler_info()["workers"]:
        found.close()
        raise NoScheduler(f"the Dask scheduler at {scheduler} has no workers")
    return found
