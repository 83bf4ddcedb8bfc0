"""What Grafana does with a dashboard before it asks Prometheus: it finds the values of variables and fills them in."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: The characters that Grafana escapes in the value of a variable that can take several values.
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")

#: The agency that is chosen where only one can be: of those in the sample and in the lab, most is known of it.
KNOWN = "so-khcn"


def ask(server: str, path: str, **parameters: str) -> Any:
    """The data of one answer of Prometheus's HTTP API; a refusal raises with the server's own words."""
    body = urllib.parse.urlencode(parameters).encode()
    request = urllib.request.Request(f"{server}/api/v1/{path}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{parameters}: {refused.read().decode()}") from refused


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every panel, those inside rows included."""
    return [inner for panel in dashboard["panels"] for inner in (panel, *panel.get("panels", ()))]


def targets(dashboard: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every query with its panel."""
    return ((panel, target) for panel in panels(dashboard) for target in panel.get("targets", ()))


def queries(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """The expression behind each query variable."""
    found = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"])
            assert asked, variable["query"]
            found[variable["name"]] = asked[1]
    return found


def options(series: Sequence[Mapping[str, Any]], pattern: str) -> list[tuple[str, str]]:
    """Text and value of each option that the variable's `pattern` takes out of the lines of a query_result."""
    assert pattern.startswith("/") and pattern.endswith("/g")
    python = re.compile(pattern[1:-2].replace("(?<", "(?P<"))
    found = []
    for entry in series:
        labels = dict(entry["metric"])
        name = labels.pop("__name__", "")
        line = name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
        groups: dict[str, str] = {}
        for match in python.finditer(line):
            groups |= {key: value for key, value in match.groupdict().items() if value is not None}
        assert set(groups) == {"text", "value"}, line
        found.append((groups["text"], groups["value"]))
    return sorted(found, key=lambda option: option[0].casefold())


def fill(expression: str, values: Mapping[str, str]) -> str:
    """The expression with the values of the variables in the place of their names."""
    filled = re.sub(r"\$(\w+)", lambda match: values.get(match[1], match[0]), expression)
    assert "$" not in filled, filled
    return filled


def settle(server: str, dashboard: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """The values that a freshly opened dashboard has (of agencies alone, KNOWN), and the options of every variable."""
    values: dict[str, str] = {}
    offered: dict[str, list[tuple[str, str]]] = {}
    by_name = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    for name, expression in queries(dashboard).items():
        variable = by_name[name]
        found = options(ask(server, "query", query=fill(expression, values))["result"], variable["regex"])
        assert found, f"{name} has nothing to choose from"
        offered[name] = found
        current = variable.get("current", {}).get("value")
        if current == ["$__all"]:
            # As in Prometheus's string literals, so that each backslash is there twice.
            values[name] = "|".join(_SPECIAL.sub(lambda m: "\\\\" + m[0], value) for _, value in found)
        else:
            known = {value for _, value in found}
            values[name] = current or (KNOWN if KNOWN in known else found[0][1])
            assert values[name] in known
    return values, offered
