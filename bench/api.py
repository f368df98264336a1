"""``GET /sku/{sku_id}/disposition`` against a bare FastAPI route that reads one row by its key.

The figure is asked against a route as it is usually written. Ours reads by the driver, past
SQLAlchemy, so part of that ratio is this choice; what key, scope, log and ETag cost is told by the
second peer, which reads as ours does. No figure is asked of it.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from app.auth import Scope, create_key
from app.database import connect, sessions_of
from app.settings import Settings
from bench import client, database
from bench.measure import Pairs, Result, paired, processor_seconds, say

CONNECTIONS = 8
REQUESTS = 600  # a round is short, so that both sides meet the same load of the machine
ROUNDS = 20
LEAST_RATIO = 0.7
MOST_OF_CLIENT = 0.5  # of a processor


@contextmanager
def service(url: str, place: Path) -> Iterator[tuple[int, int]]:
    """The process id and the port of a running ``bench.api_server``."""
    with (place / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.api_server", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "ZAIKO_DATA_DIR": str(place)},
        )
        assert process.stdin
        assert process.stdout
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


async def _new_key(url: str) -> str:
    engine = connect(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            return await create_key(session, "bench", [Scope.DISPOSITION_READ])
    finally:
        await engine.dispose()


class Side:
    """One of the routes under load; keeps what every round showed."""

    def __init__(self, service: tuple[int, int], requests: list[bytes]) -> None:
        self._pid, self._port = service
        self._requests = requests
        self.forget()

    def forget(self) -> None:
        self.loads: list[client.Load] = []
        self.processor_seconds = 0.0

    def __call__(self) -> float:
        random.shuffle(self._requests)
        before = processor_seconds(self._pid)
        load = client.drive(self._port, iter(self._requests), connections=CONNECTIONS)
        self.processor_seconds += processor_seconds(self._pid) - before
        self.loads.append(load)
        return load.requests_per_second

    @property
    def processor_ms(self) -> float:
        """Of the service, for one request: this hardly depends on who else uses the machine."""
        return 1000 * self.processor_seconds / (len(self.loads) * REQUESTS)

    def latency(self) -> dict[str, float]:
        """Milliseconds, the median over the rounds."""
        return {f"p{p}": median(load.percentile_ms(p) for load in self.loads) for p in (50, 95)}


def results() -> list[Result]:
    random.seed(1)
    with database.folder() as place, database.server(place) as url:
        settings = Settings(data_dir=place, worker_processes=1, log_level="ERROR")
        say("evaluating a small shop …")
        skus = database.fill_with_copies(url, settings)
        key = asyncio.run(_new_key(url))
        with service(url, place) as running:
            return _measured(running, key, skus)


def _measured(running: tuple[int, int], key: str, skus: list[str]) -> list[Result]:
    asked = [skus[number % len(skus)] for number in range(REQUESTS)]
    headers = {"X-API-Key": key}
    ours = Side(running, [client.get(f"/sku/{s}/disposition", **headers) for s in asked])
    peers = {
        "api": ("bare FastAPI route", "/bare"),
        "api_driver": ("bare FastAPI route that reads by the driver, as ours does", "/bare-driver"),
    }
    answer = client.body_of(running[1], client.get(f"/sku/{skus[-1]}/disposition", **headers))
    assert json.loads(answer)["sku_id"] == skus[-1]
    found = []
    for name, (peer_name, path) in peers.items():
        peer = Side(running, [client.get(f"{path}/{s}") for s in asked])
        for side in (ours, peer):
            side()  # fills the pool and the caches of statements
            side.forget()
        pairs = paired(ours, peer, rounds=ROUNDS, more_is_better=True)
        least = LEAST_RATIO if name == "api" else None
        found.append(_result(name, peer_name, pairs, ours, peer, answer, least=least))
    return found


def _result(
    name: str,
    peer_name: str,
    pairs: Pairs,
    ours: Side,
    peer: Side,
    answer: bytes,
    *,
    least: float | None,
) -> Result:
    share = max(load.own_share for load in ours.loads + peer.loads)
    checks = {f"client_share <= {MOST_OF_CLIENT}": share <= MOST_OF_CLIENT}
    if least is not None:
        checks[f"ratio >= {least}"] = median(pairs.ratios) >= least
    return Result(
        name=name,
        unit="requests/s",
        peer_name=peer_name,
        pairs=pairs,
        checks=checks,
        details={
            "latency_ms": {"ours": ours.latency(), "peer": peer.latency()},
            "service_processor_ms": {"ours": ours.processor_ms, "peer": peer.processor_ms},
            "client_share": share,
            "connections": CONNECTIONS,
            "requests_per_round": REQUESTS,
            "answer_bytes": len(answer),
        },
    )
