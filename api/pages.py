"""The pages that people read: a plan's coverage, the members behind a figure, one agency, one asset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from api.app import Desk


def pages_router(desk: Desk) -> APIRouter:
    """The routes of the pages."""
    return APIRouter()
