"""What did Kilo Code, the editor extension, spend? It keeps its tasks as Cline does."""

from __future__ import annotations

from functools import partial

from sophia_mcp.cost.logs import Client
from sophia_mcp.cost.logs.cline import files, read

CLIENT = Client("Kilo Code", files("kilocode.kilo-code"), partial(read, client="kilocode"))
