"""The yardstick: a server with one tool that does nothing, run by the SDK itself."""

from mcp.server import MCPServer

server = MCPServer("empty", version="1", log_level="WARNING")


@server.tool()
async def nothing() -> str:
    """Nothing."""
    return ""


if __name__ == "__main__":
    server.run()
