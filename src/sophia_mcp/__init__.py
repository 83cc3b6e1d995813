"""Sophia MCP: code search, swarms, cost and connectors for coding assistants."""

__version__ = "0.1.0"
