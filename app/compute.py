"""Work that takes a processor for long, in other processes: the only concurrency helper.

Processes are spawned, never forked: a fork would share CmdStan's temporary directory, and two fits
that write into one directory corrupt each other (facebook/prophet#2160).
"""

import ctypes
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

# One thread a process: the processes themselves fill the machine.
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


# mallopt(3)'s numbers for the size from which memory is given back at once, and at a heap's end.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 2**20  # bytes
SHORT = 2**11  # bytes: with what is around it less than PIPE_BUF


def give_memory_back() -> None:
    """Let this process return large blocks to the machine as soon as they are free.

    glibc raises its threshold to the largest block ever freed, so that after a million sales lines
    a third of a gigabyte stays with the process for good. Elsewhere nothing happens.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)
        libc.mallopt(M_TRIM_THRESHOLD, LARGE)


class WorkerDied(Exception):
    """A worker process ended in the middle of its work, and again when the work was repeated."""


@dataclass(slots=True, eq=False)
class _Task(Generic[Chunk]):
    chunk: Chunk
    deaths: int = 0  # workers that died while they had it


class Pool:
    """Worker processes that are started once and kept for several rounds of work.

    Args:
        processes: how many, at least 1.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._executor: ProcessPoolExecutor | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="zaiko-", ignore_cleanup_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._directory.cleanup()

    def _end(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def _alive(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(self._directory.name,),
            )
        return self._executor

    def run(
        self,
        function: Callable[[Chunk], Result],
        chunks: Iterable[Chunk],
        *,
        progress: Callable[[int], object] = lambda done: None,  # noqa: ARG005
        attempts: int = 2,
    ) -> Iterator[Result]:
        """Apply a function to every chunk; yield results as they come.

        Chunks are drawn only as workers become free, so neither all chunks nor all results are in
        memory at once. Results come in the order in which they are finished. An exception raised
        by the function is raised here. Leaving the iterator early stops the workers.

        Args:
            function: picklable, so of a module, possibly wrapped in `functools.partial`. It runs
                again on a chunk whose worker died.
            chunks: picklable arguments.
            progress: called with the number of chunks finished, after each.
            attempts: times a chunk may be in the hands of workers that die.

        Raises:
            WorkerDied: if workers keep dying, for instance for want of memory.
        """
        tasks = map(_Task, chunks)
        unfinished: list[_Task[Chunk]] = []
        done = 0
        while True:
            try:
                for result in self._results(function, tasks, unfinished):
                    done += 1
                    progress(done)
                    yield result
                return  # noqa: TRY300 - the loop is for pools that broke
            except BrokenProcessPool as error:
                self._end()
                for task in unfinished:
                    task.deaths += 1
                if any(task.deaths >= attempts for task in unfinished):
                    raise WorkerDied(str(error)) from error
            except BaseException:
                self._end()
                raise

    def _results(
        self,
        function: Callable[[Chunk], Result],
        tasks: Iterator[_Task[Chunk]],
        unfinished: list[_Task[Chunk]],
    ) -> Iterator[Result]:
        """Keep two tasks a process in the pool; ``unfinished`` holds those without a result."""
        pool, work = self._alive(), partial(_answer, function)
        running = {pool.submit(work, task.chunk): task for task in unfinished}
        while True:
            for task in islice(tasks, 2 * self._processes - len(unfinished)):
                unfinished.append(task)
                running[pool.submit(work, task.chunk)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = _taken(future.result())
                unfinished.remove(running.pop(future))
                yield result


def _answer(function: Callable[[Chunk], Result], chunk: Chunk) -> bytes | Path:
    """In the worker: the pickled result, or the file in which it is if it is long.

    A worker that is killed while it writes to the pool's pipe leaves half an answer there, for
    the rest of which the parent would wait for ever. What is shorter than PIPE_BUF is written
    whole or not at all.
    """
    answer = pickle.dumps(function(chunk), pickle.HIGHEST_PROTOCOL)
    if len(answer) <= SHORT:
        return answer
    handle, name = tempfile.mkstemp()
    with os.fdopen(handle, "wb") as file:
        file.write(answer)
    return Path(name)


def _taken(answer: bytes | Path) -> Any:
    """In the parent: the result itself."""
    if isinstance(answer, bytes):
        return pickle.loads(answer)  # noqa: S301 - from a process of ours
    with answer.open("rb") as file:
        result = pickle.load(file)  # noqa: S301
    answer.unlink()
    return result


def _begin(directory: str) -> None:
    """Give the worker its own temporary directory and one thread, and tie it to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us
    for name in THREAD_LIMITS:
        os.environ[name] = "1"
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(dir=directory)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # a parent that was killed cannot stop its workers
