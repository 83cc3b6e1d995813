"""Which languages are known, and which one is a file written in?"""

from __future__ import annotations

from types import MappingProxyType

from sophia_mcp.index.languages import compiled, dynamic, managed

LANGUAGES = MappingProxyType(
    {record.name: record for family in (dynamic, compiled, managed) for record in family.RECORDS}
)
"""Every language record by name."""
