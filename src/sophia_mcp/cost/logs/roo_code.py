"""What did Roo Code spend? It grew out of Cline and keeps its tasks the same way."""

from __future__ import annotations

from functools import partial

from sophia_mcp.cost.logs import Client
from sophia_mcp.cost.logs.cline import files, read

CLIENT = Client("Roo Code", files("rooveterinaryinc.roo-cline"), partial(read, client="roo"))
