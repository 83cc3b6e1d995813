"""Sophia MCP: code search, swarms, cost and memory for coding assistants."""

__version__ = "0.1.0"
