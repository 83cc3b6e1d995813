"""`sophia health`: is this installation able to work? For machines and for people in a hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App


@click.command("health")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(as_json: bool) -> int:
    """Open both stores and the embedder, and say whether they answer.

    Example: sophia health --json
    """
    from sophia_mcp.cli.session import with_app

    async def work(app: App) -> dict[str, Any]:
        return await app.health()

    health = with_app(work)
    if as_json:
        output.machine(health)
    else:
        output.show(f"status {health['status']}")
        for part, state in health["parts"].items():
            output.show(f"  {part}: {state}")
    return output.DONE if health["status"] == "ok" else output.FAILED
