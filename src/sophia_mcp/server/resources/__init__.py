"""The resources of the server, one file each; ``RESOURCE`` is the record.

Whatever a resource tells, a tool tells too: many clients show resources to nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sophia_mcp.registry import Folder


@dataclass(frozen=True)
class ResourceRecord:
    """One resource or template. ``read(state, **parameters)`` makes its text; its parameters are
    those of the URI. ``offers(state)`` gives the values of a parameter that a client may complete."""

    uri: str
    title: str
    description: str
    mime_type: str
    read: Callable[..., Awaitable[Any]]
    offers: Mapping[str, Callable[[Any], Awaitable[Sequence[str]]]] = field(default_factory=dict)


RESOURCES: Folder[ResourceRecord] = Folder(
    __name__, "RESOURCE", ResourceRecord, group="sophia_mcp.resources"
)
