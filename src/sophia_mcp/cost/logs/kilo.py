"""What did Kilo CLI spend? It is built on opencode and keeps its messages the same way."""

from __future__ import annotations

from functools import partial

from sophia_mcp.cost.logs import Client
from sophia_mcp.cost.logs.opencode import files, read

CLIENT = Client("Kilo CLI", files("kilo"), partial(read, seller="kilocode"))
