"""How are embedder, index and search engine made?"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec

from sophia_mcp.app.parts import Parts
from sophia_mcp.errors import BadSetting, NotFound
from sophia_mcp.types import Passage

if TYPE_CHECKING:
    from sophia_mcp.cost.embedding import Spending
    from sophia_mcp.embed.providers import Embedder, Provider
    from sophia_mcp.index.build import Index, Model
    from sophia_mcp.index.views import View
    from sophia_mcp.search.answer import Engine
    from sophia_mcp.sections import Settings
    from sophia_mcp.store.database import Database

GARBAGE = (100_000, 20, 100)
"""After how many new values garbage is looked for, and how much more seldom among older ones. The map of ten
thousand files and the first question make fewer."""


async def open_embedder(parts: Parts) -> Embedder:
    """The embedder a person chose; a hosted one is asked only once for a content."""
    from sophia_mcp.embed.providers import PROVIDERS

    chosen = parts.settings.embed.provider
    try:
        provider = PROVIDERS.load(chosen)
    except NotFound as unknown:
        raise BadSetting(
            f"there is no embedder {chosen!r}",
            why=unknown.why,
            next="set embed.provider to one of those",
        ) from unknown
    options = _embed_options(parts.settings, key=True)
    if provider.local:
        return provider.open(options)
    from sophia_mcp.embed.fuse import Fused

    hosted = _hosted(provider, options, await _spending(parts))
    if (close := getattr(hosted, "aclose", None)) is not None:
        parts.stack.push_async_callback(close)
    return Fused(_kept(hosted, await parts.database()))


async def open_index(parts: Parts, apart: Callable[[View], Awaitable[None]]) -> Index:
    """What turns trees into the index; ``apart`` as for `Index`."""
    from sophia_mcp.index.build import Index
    from sophia_mcp.index.collect import Room
    from sophia_mcp.index.disk.ignore import Choice
    from sophia_mcp.index.run import Storage
    from sophia_mcp.store import text, trigrams, upkeep
    from sophia_mcp.types import LOCAL

    chosen, store = parts.settings.index, cast("Any", await parts.database())
    limit = chosen.store_limit_mb << 20
    index = Index(
        Storage(store, text.Fts5Text(), trigrams.SegmentedTrigrams(), LOCAL),
        model=_model(parts.settings, await parts.embedder()),
        jobs=await parts.jobs(),
        workers=chosen.workers,
        defaults=Choice(tuple(chosen.include), tuple(chosen.exclude), chosen.max_file_bytes),
        room=Room(
            limit,
            partial(upkeep.size, store),
            partial(upkeep.reclaim, store),
            partial(store.checkpoint, truncate=True),
        ),
        apart=apart,
    )
    parts.stack.push_async_callback(index.close)
    return index


async def open_engine(parts: Parts) -> Engine:
    """What answers questions from it."""
    from sophia_mcp.llm.counting import tokens
    from sophia_mcp.search.answer import Engine
    from sophia_mcp.store.text import Fts5Text
    from sophia_mcp.store.trigrams import SegmentedTrigrams
    from sophia_mcp.store.vectors import INDEXES

    # What was imported lives as long as the process. A question makes many short-lived values and few
    # cycles, so looking for those every 700 values costs a tenth of each answer.
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    vectors = INDEXES.load("flat")(parts.settings.home / "vectors")
    parts.stack.push_async_callback(vectors.close)
    return Engine(
        database=await parts.database(),
        text=Fts5Text(),
        trigrams=SegmentedTrigrams(),
        vectors=vectors,
        embedder=await parts.embedder(),
        index=await parts.index(),
        count_tokens=tokens.count,
    )


def _embed_options(settings: Settings, *, key: bool) -> dict[str, Any]:
    """What the person set for the embedder; the key is looked up only in the process that calls it."""
    from sophia_mcp.settings import secret

    chosen = msgspec.to_builtins(settings.embed).items()  # what is not as usual
    options = {name: value for name, value in chosen if name not in ("provider", "key")}
    if key and settings.embed.key:
        options["key"] = secret(settings.embed.key)
    return options


def _hosted(provider: Provider, options: dict[str, Any], spending: Spending) -> Embedder:
    """An embedder that sends text away: masked, counted by the exact tokenizer, and booked."""
    from sophia_mcp.llm.counting import tokens
    from sophia_mcp.security.secrets import mask

    # What it costs is the ledger's to know.
    own = {name: value for name, value in options.items() if name != "usd_per_million"}
    return provider.open(
        own
        | {
            "mask": lambda text: mask(text).text,
            "count_tokens": tokens.count,
            "spend": spending.spend,
        }
    )


async def _spending(parts: Parts) -> Spending:
    """The ledger and the budgets, for what the person's embedder sends."""
    from sophia_mcp.app.vendors import LOCAL_VENDOR
    from sophia_mcp.cost.embedding import Spending
    from sophia_mcp.ops.address import host_of, loopback

    chosen, money = parts.settings.embed, await parts.money()
    here = loopback(host_of(chosen.base_url))
    seller = LOCAL_VENDOR if here else money.catalogue.seller(chosen.base_url) or chosen.provider
    return Spending(money, seller, chosen.model, chosen.usd_per_million)


def _kept(hosted: Embedder, database: Database) -> Embedder:
    """The same, asked only once for a content."""
    from sophia_mcp.embed.cache import Cached, InStore
    from sophia_mcp.store.cache import Cache
    from sophia_mcp.types import LOCAL

    return Cached(hosted, InStore(Cache(database), LOCAL))


def _model(settings: Settings, embedder: Embedder) -> Model:
    """How the index makes vectors: in its workers where the model is local, else when words are stored."""
    from sophia_mcp.embed.workers import encoder_opener
    from sophia_mcp.index.build import Model

    opener = encoder_opener(settings.embed.provider, _embed_options(settings, key=False))
    if opener is not None:
        return Model(embedder.model.id, encoder=opener)
    from sophia_mcp.embed.quantise import quantise
    from sophia_mcp.embed.refusals import taken
    from sophia_mcp.index import distant

    async def embed(passages: Sequence[Passage]) -> distant.Made:
        found = await taken(embedder, passages)
        why = next((problem.why for problem in found.refused.values()), "")
        return distant.Made(*quantise(found.rows), why)

    async def dimensions() -> int:
        # What the embedder saw before is no answer: another model may answer under the name by now.
        return settings.embed.dimensions or len(await embedder.query("dimensions"))

    return Model(embedder.model.id, distant=distant.Model(embedder.model.id, embed, dimensions))
