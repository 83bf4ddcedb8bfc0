"""Asks a Prometheus over its HTTP API, bounded in time and size, and remembers that it is away.

The form of questions and answers: https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

__all__ = ["Answer", "Prometheus", "Series", "Window"]

_PATIENCE = 30.0
"""Seconds that one question may take."""
_LARGEST = 32 << 20
"""Bytes of an answer; what is longer is refused."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time and the distance between its points, in seconds since 1970."""

    start: float
    end: float
    step: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and its points (time, value) with those that are NaN left out."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def newest(self) -> float | None:
        """The last value; None where every one is NaN."""
        return self.points[-1][1] if self.points else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Prometheus said to one expression: series, or why there are none."""

    series: tuple[Series, ...] = ()
    error: str = ""


class Prometheus:
    """One server. Once it cannot be reached it is not asked again, so that many questions do not wait for it each."""

    def __init__(self, address: str) -> None:
        """Keep the address, such as http://127.0.0.1:9090; user:password@ may stand in it, and a path follow it."""
        self._address = address.rstrip("/")
        self._shown = re.sub(r"//[^/]*@", "//", self._address)
        self._client = httpx2.Client(timeout=_PATIENCE)
        self._away = ""

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def now(self, expression: str, at: float) -> Answer:
        """The expression's values at one instant."""
        return self._ask("query", {"query": expression, "time": f"{at:.3f}"})

    def over(self, expression: str, window: Window) -> Answer:
        """The expression's values over a span of time."""
        span = {"start": f"{window.start:.3f}", "end": f"{window.end:.3f}", "step": f"{window.step:g}"}
        return self._ask("query_range", {"query": expression, **span})

    def _ask(self, path: str, parameters: Mapping[str, str]) -> Answer:
        if self._away:
            return Answer(error=self._away)
        try:
            with self._client.stream("POST", f"{self._address}/api/v1/{path}", data=parameters) as response:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _LARGEST:
                        return Answer(error=f"found an answer of more than {_LARGEST >> 20} MB")
                return _read(bytes(body), response.status_code)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self._away = _short(f"{self._shown}: {error or type(error).__name__}")
            return Answer(error=self._away)


def _read(body: bytes, status: int) -> Answer:
    """An answer's series; of a refusal, the server's own words."""
    try:
        told = json.loads(body)
        if told["status"] != "success":
            return Answer(error=_short(f"HTTP {status}: {told['error']}"))
        data = told["data"]
        if data["resultType"] == "scalar":
            return Answer((Series({}, _points([data["result"]])),))
        return Answer(tuple(_series(entry) for entry in data["result"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Answer(error=_short(f"HTTP {status}: found no answer of Prometheus: {body[:_SHOWN]!r}"))


def _series(entry: Mapping[str, Any]) -> Series:
    labels = {str(name): str(value) for name, value in entry["metric"].items()}
    return Series(labels, _points(entry["values"] if "values" in entry else [entry["value"]]))


def _points(told: list[Any]) -> tuple[tuple[float, float], ...]:
    points = ((float(at), float(value)) for at, value in told)
    return tuple(point for point in points if not math.isnan(point[1]))


def _short(text: str) -> str:
    """An error on one printable line."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
