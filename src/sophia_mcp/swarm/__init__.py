"""Patterns of several agents that truly execute: steps, debate, gates, timelines."""
