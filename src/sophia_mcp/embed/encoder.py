"""How does a worker process embed chunks? It opens the embedder by name and hands back int8 rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.providers import PROVIDERS, LocalEmbedder
from sophia_mcp.embed.quantise import quantise
from sophia_mcp.errors import BadSetting
from sophia_mcp.types import Passage


@dataclass(frozen=True, slots=True)
class Encoder:
    """A local embedder whose vectors are quantised at once."""

    embedder: LocalEmbedder

    def encode(self, passages: Sequence[Passage]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """int8 rows (n, dimensions) and their n scales."""
        return quantise(self.embedder.encode(passages))


def open_encoder(provider: str, options: Mapping[str, Any]) -> Encoder:
    """Open a local provider in this process. Raises BadSetting when it is not local."""
    embedder = PROVIDERS.load(provider).open(options)
    if not isinstance(embedder, LocalEmbedder):
        raise BadSetting(f"the embedder {provider} is not local", why="workers never use a network")
    return Encoder(embedder)
