"""Which answers does the parser give? Those of a version."""

from __future__ import annotations

import importlib.metadata

VERSION = f"20+{importlib.metadata.version('tree-sitter-language-pack')}"
"""Grows with every change of what ``parse`` answers; blobs of another version are redone."""
