"""What defines an address of Terraform, and how do files write it? ``resource "aws_vpc" "main"`` as ``aws_vpc.main``."""

from __future__ import annotations

from sophia_mcp.search.places import symbols
from sophia_mcp.search.view.atlas import Atlas, Mask
from sophia_mcp.store.database import Transaction

_BLOCKS = ("data", "module", "output", "provider", "resource", "variable")
_SHORT = {"resource": "", "variable": "var."}
"""What an expression writes for the word that begins a block; others are written as they are."""


async def defined(
    tx: Transaction, atlas: Atlas, text: str, allowed: Mask | None
) -> tuple[str, str] | None:
    """The name of the block that an address means, and what expressions write for it; None where there is none."""
    first, _, rest = text.partition(".")
    if not rest:
        return None
    name = text if first in _BLOCKS else f"variable.{rest}" if first == "var" else f"resource.{text}"
    found = await symbols.definitions(tx, atlas, name, "", allowed)
    if not any(item.exact and atlas.languages[item.file] == "hcl" for item in found):
        return None
    block, _, inner = name.partition(".")
    return name, f"{_SHORT[block]}{inner}" if block in _SHORT else name
