"""The API for Prometheus' HTTP service discovery: what its exporters are to ask, from the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, StringConstraints

from api.discovering import Kind, Wanted, find_targets
from api.routes import told_errors
from inventory.strict_yaml import nearest
from inventory.words import InputError

if TYPE_CHECKING:
    from api.app import Desk

Codes = Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Query(max_length=1000)]

_FILTERS = ("agency", "level", "role", "network", "silent")


class TargetGroup(BaseModel):
    """One target with its labels, as Prometheus' HTTP service discovery reads it."""

    targets: list[str]
    labels: dict[str, str]


def discovery_router(desk: Desk) -> APIRouter:
    """The routes, reading from the desk's workspace."""
    router = APIRouter(prefix="/api/v1/sd", responses=told_errors(401, 404, 422, 503))
    store, vocabulary = desk.workspace.store, desk.workspace.vocabulary

    @router.get("/{kind}", tags=["prometheus"])
    async def discover_targets(
        request: Request,
        kind: Kind,
        agency: Codes = [],  # noqa: B006
        level: Codes = [],  # noqa: B006
        role: Codes = [],  # noqa: B006
        network: Codes = [],  # noqa: B006
        silent: Annotated[bool, Query(description="Also what is known and does not answer now.")] = False,
    ) -> list[TargetGroup]:
        """Targets for snmp_exporter, blackbox_exporter, node_exporter or windows_exporter at the newest snapshot.

        Of devices those that answer; of websites and lines all that are declared. A filter may be given several times:
        each of its values fits. No label holds a secret.
        """
        # A filter with a slip of the pen would be none, and a Prometheus would ask the whole province.
        for name in request.query_params:
            if name not in _FILTERS:
                told = f"found the parameter {name!r:.100}, expected {', '.join(_FILTERS)}{nearest(name, _FILTERS)}"
                raise HTTPException(422, told)
        wanted, at = Wanted(agency, level, role, network, silent), (await desk.current()).at
        try:
            found = await store.read(find_targets, vocabulary, kind, wanted, at)
        except InputError as error:
            raise HTTPException(404, str(error)) from None
        return [TargetGroup.model_validate(group) for group in found]

    return router
