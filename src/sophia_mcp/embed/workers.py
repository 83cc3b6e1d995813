"""How does a worker process get its encoder? By name: what crosses the border must be picklable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from sophia_mcp.embed.providers import PROVIDERS, LocalEmbedder
from sophia_mcp.embed.quantise import QuantisedEncoder
from sophia_mcp.errors import BadSetting


def encoder_opener(
    provider: str, options: Mapping[str, object] | None = None
) -> Callable[[], QuantisedEncoder] | None:
    """A picklable call that opens the encoder in a worker, or None for a provider that is not local."""
    if not PROVIDERS.load(provider).local:
        return None
    return partial(open_encoder, provider, dict(options or {}))


def open_encoder(provider: str, options: Mapping[str, object]) -> QuantisedEncoder:
    """Open a local provider as an encoder. Raises BadSetting for a provider that is not local."""
    embedder = PROVIDERS.load(provider).open(options)
    if not isinstance(embedder, LocalEmbedder):
        raise BadSetting(
            f"the embedder {provider} cannot run inside a worker",
            why="it has no encode(); only local providers have",
            next="embed in the parent process instead",
        )
    return QuantisedEncoder(embedder)
