"""What may be read, what must not be shown, and how untrusted text is made harmless."""

from __future__ import annotations
