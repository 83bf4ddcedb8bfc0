"""Dashboards: one module builds one Grafana dashboard over the metrics of exporters.prometheus."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

__all__ = ["DashboardModule", "Language", "as_json", "load_dashboards", "write_dashboards"]

Language = Literal["vi", "en"]


class DashboardModule(Protocol):
    """One dashboard.

    A module of this package that has a `build` function is a dashboard, and its file name is the dashboard's name.
    Its uid is "dophu-NAME", with "-en" after it in English, so that both languages can live in one Grafana.
    """

    def build(self, language: Language = "vi") -> Dashboard:
        """The dashboard with its texts in `language`."""
        ...


def load_dashboards() -> Mapping[str, DashboardModule]:
    """Every dashboard by name; the folder is the registry."""
    found: dict[str, DashboardModule] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(loaded, "build"):
            found[module.name] = cast(DashboardModule, loaded)
    return found


def as_json(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana reads it (classic model)."""
    told: dict[str, Any] = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    return told


def write_dashboards(out: Path, language: Language = "vi") -> list[Path]:
    """Write every dashboard into the folder `out` as UID.json (classic model, schemaVersion 41) and return the files.

    The folder is made if it is missing; the same program always writes the same bytes, so files may be kept under
    version control. OSError where `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for module in load_dashboards().values():
        dashboard = as_json(module.build(language))
        text = json.dumps(dashboard, sort_keys=True, indent=2, ensure_ascii=False)
        file = out / f"{dashboard['uid']}.json"
        file.write_text(text + "\n", encoding="utf-8")
        written.append(file)
    return written
