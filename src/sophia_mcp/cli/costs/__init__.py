"""The commands of `sophia cost`, one file each: the file name is the command (with an underscore behind
it where Python keeps the word for itself), ``COMMAND`` its click command."""

from __future__ import annotations

import click

from sophia_mcp.registry import Folder

COSTS: Folder[click.Command] = Folder(__name__, "COMMAND", click.Command)
