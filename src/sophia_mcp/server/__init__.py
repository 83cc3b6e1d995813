"""The agent's door: MCP over stdio and over HTTP on loopback, in both protocol eras."""
