"""Which languages are known, and which one is a file written in?"""

from __future__ import annotations

from types import MappingProxyType

from sophia_mcp.index.languages import compiled, declarative, dynamic, functional, managed

LANGUAGES = MappingProxyType(
    {
        record.name: record
        for family in (dynamic, compiled, managed, functional, declarative)
        for record in family.RECORDS
    }
)
"""Every language record by name."""
