"""Agents for the benchmark: they post prepared bodies to a running server and note when each was acknowledged."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

AGENTS = 20


@dataclass
class Answers:
    """What the agents were told."""

    seconds: list[float] = field(default_factory=list)
    """From when each body was due to its acknowledgement."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    wall: float = 0.0

    @property
    def per_second(self) -> float:
        """Acknowledged bodies per second."""
        return len(self.seconds) / self.wall

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the bodies was acknowledged."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))] * 1000


def post(port: int, tokens: Sequence[str], bodies: Sequence[bytes], rate: float | None = None) -> Answers:
    """Post each body once: as fast as AGENTS connections are answered, or `rate` of them a second, answered or not."""
    waiting: queue.SimpleQueue[tuple[int, float] | None] = queue.SimpleQueue()
    answers, lock = Answers(), threading.Lock()

    def agent() -> None:
        with _connected(port) as connection:
            while (turn := waiting.get()) is not None:
                number, due = turn
                began = due or time.perf_counter()
                connection.request("POST", f"/agents/{tokens[number % len(tokens)]}", bodies[number])
                answer = connection.getresponse()
                told = answer.read()
                with lock:
                    if answer.status == 200:
                        answers.seconds.append(time.perf_counter() - began)
                    else:
                        answers.refused.append((answer.status, told.decode(errors="replace")[:200]))

    agents = [threading.Thread(target=agent) for _ in range(AGENTS)]
    began = time.perf_counter()
    for thread in agents:
        thread.start()
    for number in range(len(bodies)):
        due = 0.0
        if rate is not None:
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
        waiting.put((number, due))
    for _ in agents:
        waiting.put(None)
    for thread in agents:
        thread.join()
    answers.wall = time.perf_counter() - began
    return answers


@contextmanager
def _connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()
