"""What a reader of a dashboard may choose: plan, level, goal, control and agencies, shown by name and asked by code."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.models import dashboard as model

from dashboards._panels import AGENCY, SOURCE
from inventory.words import Title


def choice(
    name: str,
    label: Title,
    language: str,
    expression: str,
    value: str,
    text: str,
    first: tuple[Title, str] | None = None,
) -> grafana.QueryVariable:
    """A variable whose values are the label `value` of the series of `expression`, shown as their label `text`.

    `first` is the text and value chosen at the start; without it Grafana takes the first one.
    """
    variable = (
        grafana.QueryVariable(name)
        .label(label.in_language(language))
        .datasource(SOURCE)
        .query({"query": f"query_result({expression})", "refId": "StandardVariableQuery"})
        .regex(f'/[{{,]{value}="(?<value>[^"]+)|[{{,]{text}="(?<text>[^"]+)/g')
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )
    if first is not None:
        title, chosen = first
        variable.current(model.VariableOption(selected=True, text=title.in_language(language), value=chosen))
    return variable


def level_choice(language: str) -> grafana.QueryVariable:
    """The variable `level`: one administrative level, or all of them together."""
    return choice(
        "level",
        Title("Cấp", "Level"),
        language,
        "dophu_level_info",
        "level",
        f"title_{language}",
        first=(Title("Tất cả các cấp", "All levels"), "all"),
    )


def agency_choice(language: str) -> grafana.QueryVariable:
    """The variable `agency`: any number of the agencies of the chosen level."""
    # No agency has the level "all": then, and only then, the second half gives every agency.
    every = 'dophu_agency_info and on () absent(dophu_agency_info{level="$level"})'
    expression = f'dophu_agency_info{{level="$level"}} or ({every})'
    variable = choice("agency", AGENCY, language, expression, "agency", f"name_{language}")
    return variable.multi(True).include_all(True).current(model.VariableOption(True, ["All"], ["$__all"]))
