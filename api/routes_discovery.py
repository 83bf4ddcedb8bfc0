"""The API for Prometheus' HTTP service discovery: what its exporters are to ask, from the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from api.discovering import Kind, Wanted, find_targets
from api.routes import told_errors
from inventory.words import InputError

if TYPE_CHECKING:
    from api.app import Desk

Code = Annotated[str | None, Query(max_length=100)]


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
        kind: Kind,
        agency: Code = None,
        level: Code = None,
        role: Code = None,
        network: Code = None,
        silent: Annotated[bool, Query(description="Also what is known and does not answer now.")] = False,
    ) -> list[TargetGroup]:
        """Targets for snmp_exporter, blackbox_exporter, node_exporter or windows_exporter at the newest snapshot.

        Of devices those that answer; of websites and lines all that are declared. No label holds a secret.
        """
        wanted, at = Wanted(agency, level, role, network, silent), (await desk.current()).at
        try:
            found = await store.read(find_targets, vocabulary, kind, wanted, at)
        except InputError as error:
            raise HTTPException(404, str(error)) from None
        return [TargetGroup.model_validate(group) for group in found]

    return router
