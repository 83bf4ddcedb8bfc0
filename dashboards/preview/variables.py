"""Settles the variables of a dashboard as a freshly opened Grafana does, and fills them into its expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.preview.prometheus import Prometheus, Series
from inventory.words import InputError, Title

__all__ = ["Choice", "fill", "offered", "settle", "variable_names"]

_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")
"""The signs that are escaped in the value of a variable that can have several."""
_ALL = "$__all"


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable as it stands: how it is called, what is chosen in words, and what stands for it in expressions."""

    name: str
    label: str
    shown: str
    value: str
    offered: bool = True
    """Whether there is anything to choose."""
    error: str = ""
    """Why there is nothing; empty where the server had nothing to offer."""


def variable_names(dashboard: Mapping[str, Any]) -> list[str]:
    """The variables whose values a Prometheus tells."""
    return [variable["name"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]


def settle(
    dashboard: Mapping[str, Any], chosen: Mapping[str, str], prometheus: Prometheus, at: float
) -> dict[str, Choice]:
    """Every variable, in the order of the dashboard, in which a later one may use those before it.

    Args:
        chosen: values by the names of variables, in place of what Grafana would choose.

    Raises:
        InputError: a value that was chosen is not offered.
    """
    settled: dict[str, Choice] = {}
    for variable in dashboard["templating"]["list"]:
        name, label = variable["name"], variable.get("label") or variable["name"]
        if variable["type"] == "query":
            values = {known: choice.value for known, choice in settled.items()}
            settled[name] = _ask(variable, label, values, chosen.get(name), prometheus, at)
        elif variable["type"] == "textbox":
            text = str(variable.get("query") or "")
            settled[name] = Choice(name, label, text, text)
    return settled


def _ask(
    variable: Mapping[str, Any],
    label: str,
    values: Mapping[str, str],
    wanted: str | None,
    prometheus: Prometheus,
    at: float,
) -> Choice:
    name = variable["name"]
    asked = re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"], re.DOTALL)
    if asked is None:
        return Choice(name, label, "–", "", False, f"{variable['query']['query']!r} is no query_result(…)")
    answer = prometheus.now(fill(asked[1], values), at)
    options = offered(answer.series, variable["regex"])
    if not options:
        return Choice(name, label, "–", "", False, answer.error)
    texts = {value: text for text, value in options}
    if wanted is not None:
        if wanted not in texts:
            raise InputError(
                Title(
                    f"--set: gặp {name}={wanted}, cần một trong {', '.join(sorted(texts)[:20])}",
                    f"--set: found {name}={wanted}, expected one of {', '.join(sorted(texts)[:20])}",
                )
            )
        picked = [wanted]
    else:
        picked = _first(variable.get("current") or {}, [value for _, value in options])
    if picked == [_ALL]:
        shown = str((variable.get("current") or {}).get("text", ["All"])[0])
        return Choice(name, label, shown, _joined(texts))
    several = bool(variable.get("multi"))
    return Choice(name, label, ", ".join(texts[v] for v in picked), _joined(picked) if several else picked[0])


def _first(current: Mapping[str, Any], known: list[str]) -> list[str]:
    """What is chosen at the start: what the dashboard says as far as it is offered, else the first one."""
    value = current.get("value")
    wanted = value if isinstance(value, list) else [value] if value else []
    if _ALL in wanted:
        return [_ALL]
    return [one for one in wanted if one in known] or known[:1]


def _joined(values: Iterable[str]) -> str:
    """Several values as one regular expression inside a string of PromQL, where each backslash stands twice."""
    return "|".join(_SPECIAL.sub(lambda sign: "\\\\" + sign[0], value) for value in values)


def offered(series: Iterable[Series], pattern: str) -> list[tuple[str, str]]:
    """Text and value of each option that a variable's pattern (/…/g) takes out of the lines of a query_result."""
    python = re.compile(pattern.removeprefix("/").removesuffix("g").removesuffix("/").replace("(?<", "(?P<"))
    found: dict[str, str] = {}
    for one in series:
        labels = dict(one.labels)
        name = labels.pop("__name__", "")
        line = name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
        groups: dict[str, str] = {}
        for match in python.finditer(line):
            groups |= {key: value for key, value in match.groupdict().items() if value is not None}
        if "value" in groups:
            found[groups["value"]] = groups.get("text", groups["value"])
    return sorted(((text, value) for value, text in found.items()), key=lambda option: option[0].casefold())


def fill(text: str, values: Mapping[str, str]) -> str:
    """An expression, title or path with the values of the variables in the place of $name and ${name}."""
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda match: values.get(match[1] or match[2], match[0]), text)
