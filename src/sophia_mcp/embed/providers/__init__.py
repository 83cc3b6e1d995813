"""What does a model make of a text? The seam of embedders: one file per provider.

Every file defines ``PROVIDER``, a frozen :class:`Provider`. ``PROVIDERS.names()`` lists them without
importing one; entry points of the group ``sophia_mcp.embedders`` add more.

Vectors are float32 and l2-normalised. A text in which the model knows nothing (empty, only symbols)
is the zero vector, so that it is similar to nothing; anything that is not finite is refused.
Vectors of models with different ids are never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.errors import ProviderError
from sophia_mcp.registry import Folder
from sophia_mcp.types import Passage

Vectors = NDArray[np.float32]

__all__ = [
    "PROVIDERS",
    "Embedder",
    "LocalEmbedder",
    "Model",
    "Passage",
    "Provider",
    "Vectors",
    "normalised",
]


@dataclass(frozen=True, slots=True)
class Model:
    """Which vectors these are. ``id`` changes whenever the same text would get another vector;
    ``local`` says that no text leaves the machine."""

    id: str
    dimensions: int
    local: bool


class Embedder(Protocol):
    """Turns passages and questions into vectors of one model."""

    @property
    def model(self) -> Model:
        """The model, the same for the whole life of the embedder."""
        ...

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        """(len(passages), dimensions), in order. Raises ProviderError, BudgetExceeded, NotAllowed."""
        ...

    async def query(self, text: str) -> Vectors:
        """(dimensions,) of a question. Raises as ``documents``."""
        ...


@runtime_checkable
class LocalEmbedder(Protocol):
    """An embedder that also answers at once, without an event loop: for index worker processes."""

    @property
    def model(self) -> Model:
        """As the embedder's."""
        ...

    def encode(self, passages: Sequence[Passage]) -> Vectors:
        """What ``documents`` answers. Pure."""
        ...

    def encode_query(self, text: str) -> Vectors:
        """What ``query`` answers. Pure."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of the registry. ``open`` takes the options it names, ignores none silently, and
    does not touch the network. ``local`` providers open a :class:`LocalEmbedder`."""

    summary: str
    local: bool
    open: Callable[[Mapping[str, object]], Embedder]


PROVIDERS: Folder[Provider] = Folder(__name__, "PROVIDER", Provider, group="sophia_mcp.embedders")


def normalised(rows: Vectors, model: str) -> Vectors:
    """Rows of length 1; zero rows stay zero. Raises ProviderError on anything not finite."""
    if not np.isfinite(rows).all():
        raise ProviderError(
            f"the embedding model {model} answered with numbers that are not finite",
            why="its weights or its endpoint are damaged",
            next="choose another model, or download this one again",
        )
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
