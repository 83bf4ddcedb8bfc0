"""A host that another system lists: what its readers tell and the store takes in."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Listed"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A host as the other system declares it; empty where it says nothing."""

    where: str
    """Its number in the file."""
    name: str
    address: str = ""
    role: str = ""
    """A role of the vocabulary, and only where what the system says of it is clear."""
    location: str = ""
