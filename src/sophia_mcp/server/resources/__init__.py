"""The resources of the server, one file each; ``RESOURCE`` is the record.

Whatever a resource tells, a tool tells too: many clients show resources to nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sophia_mcp.registry import Folder


@dataclass(frozen=True)
class ResourceRecord:
    """One resource or template. ``read(state, **parameters)`` makes its text; its parameters are
    those of the URI. ``complete`` names the parameters that are repositories."""

    uri: str
    title: str
    description: str
    mime_type: str
    read: Callable[..., Awaitable[Any]]
    complete: tuple[str, ...] = ()


RESOURCES: Folder[ResourceRecord] = Folder(
    __name__, "RESOURCE", ResourceRecord, group="sophia_mcp.resources"
)
