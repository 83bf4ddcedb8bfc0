"""Writes what was found into NetBox: what Dophu made there is kept as it was found, all else is left alone."""

from __future__ import annotations

from exporters.netbox.push import LISTS, push
from exporters.netbox.wanted import Content
from exporters.netbox.writing import Change, Failure, Left, Pushed, Wire

__all__ = ["LISTS", "Change", "Content", "Failure", "Left", "Pushed", "Wire", "push"]
