"""Any OpenAI-compatible ``/embeddings`` endpoint. Opt-in: text leaves the machine.

Nothing is sent unless the caller allows it, every text is masked first, every attempt reserves its
tokens from a hard budget, and only encrypted or loopback connections are made. The key is a value that
the caller resolved; it is sent in one header and appears nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import numpy as np

from sophia_mcp.embed import options as given
from sophia_mcp.embed.batch import Batching, embed_all
from sophia_mcp.embed.budget import Budget, about_tokens
from sophia_mcp.embed.providers import Model, Provider, Vectors, normalised
from sophia_mcp.errors import BadSetting, NotAllowed, ProviderError
from sophia_mcp.ops.address import fault
from sophia_mcp.ops.retry import asked_wait_s, told
from sophia_mcp.registry import refuse_unknown
from sophia_mcp.types import Passage

if TYPE_CHECKING:
    import httpx2

MAX_CHARACTERS = 24_000
"""Of a longer text only the beginning is sent: about 8,000 tokens, the limit of common models."""

MAX_WAIT_S = 60.0
"""A Retry-After beyond this is not waited for."""

MAX_ANSWER = 64 << 20
"""Bytes of one answer, well above a full batch of the longest vectors in JSON."""

_MASKED, _QUOTED = 10_000, 200
"""Characters of a refusal that are searched for secrets, and that are quoted: one across the cut would show its
beginning, and a huge answer would take long to search."""

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to ask. ``dimensions`` 0 takes what the first answer has; another number is
    demanded of every answer. ``mask`` removes secrets from a text before it leaves."""

    base_url: str
    model: str
    mask: Callable[[str], str]
    key: str = field(default="", repr=False)
    dimensions: int = 0
    timeout_s: float = 30.0
    attempts: int = 4
    first_wait_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a batch is tried, the first wait between two attempts, and the longest Retry-After that is
    waited for."""

    attempts: int
    first_wait_s: float
    longest_wait_s: float


_BRIEF = Patience(attempts=2, first_wait_s=0.1, longest_wait_s=0.5)
"""For a question, whose asker waits."""

Spend = Callable[[Sequence[str], Callable[[], Awaitable[int | None]]], Awaitable[None]]
"""Makes one attempt with these texts: what it is given to call sends them, and says how many tokens the
service counted."""


async def _unbooked(texts: Sequence[str], send: Callable[[], Awaitable[int | None]]) -> None:
    """An attempt that nobody counts."""
    await send()


class OpenAIEmbedder:
    """Asks one endpoint, in batches. ``aclose`` ends its connections."""

    def __init__(
        self,
        endpoint: Endpoint,
        budget: Budget,
        batching: Batching = Batching(),  # noqa: B008 - frozen
        spend: Spend = _unbooked,
    ) -> None:
        wrong = fault(endpoint.base_url, "embed", cargo="source", permit="")
        if wrong is not None:
            raise wrong
        url = urlsplit(endpoint.base_url)
        host = url.hostname if url.port is None else f"{url.hostname}:{url.port}"
        self._endpoint = endpoint
        self._budget = budget
        self._batching = batching
        self._spend = spend
        # A model that is told how long its vectors shall be makes others for each length.
        size = f"/{endpoint.dimensions}" if endpoint.dimensions else ""
        self._id = f"openai-{endpoint.model}@{host}{size}"
        self._patient = Patience(endpoint.attempts, endpoint.first_wait_s, MAX_WAIT_S)
        self._dimensions = endpoint.dimensions
        self._client: httpx2.AsyncClient | None = None

    @property
    def model(self) -> Model:
        """``dimensions`` is 0 until the endpoint has answered once, unless they were given."""
        return Model(self._id, self._dimensions, local=False)

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        ask = partial(self._ask, patience=self._patient)
        rows = await embed_all(self._prepared(passages), self._batching, ask)
        return rows if len(passages) else np.zeros((0, self._dimensions), np.float32)

    async def query(self, text: str) -> Vectors:
        row: Vectors = (await self._ask(self._prepared([Passage((), text)]), _BRIEF))[0]
        return row

    async def aclose(self) -> None:
        """Close the connections. The embedder may be used again; it opens new ones."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def _prepared(self, passages: Sequence[Passage]) -> list[str]:
        """Texts as they are sent: header first, masked, cut. An endpoint refuses an empty text."""
        mask = self._endpoint.mask
        texts = (" > ".join(passage.header) + "\n" + passage.text for passage in passages)
        masked = (mask(text).strip()[:MAX_CHARACTERS] for text in texts)
        return [text.encode("utf-8", "replace").decode() or " " for text in masked]

    async def _ask(self, texts: Sequence[str], patience: Patience) -> Vectors:
        """One batch, tried again while that makes sense."""
        import stamina
        from stamina.instrumentation import set_on_retry_hooks

        # Else each wait writes a line to standard output, which is somebody's answer.
        set_on_retry_hooks([])
        attempts = stamina.retry_context(
            on=partial(_wait_of, longest_s=patience.longest_wait_s),
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first_wait_s,
            wait_max=8.0,
            wait_jitter=patience.first_wait_s,
        )
        async for attempt in attempts:
            with attempt:
                return await self._attempt(texts)
        raise AssertionError("a retry ends with an answer or an error")

    async def _attempt(self, texts: Sequence[str]) -> Vectors:
        reserved = self._budget.reserve(texts)
        answered: list[Vectors] = []

        async def send() -> int | None:
            rows, tokens = await self._sent(texts)
            self._budget.settle(reserved, tokens)
            answered.append(rows)
            return tokens

        await self._spend(texts, send)
        return answered[0]

    async def _sent(self, texts: Sequence[str]) -> tuple[Vectors, int | None]:
        """The rows of one request, and the tokens that the service counted."""
        import httpx2

        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "input": list(texts),
            "encoding_format": "float",
        }
        if self._endpoint.dimensions:
            body["dimensions"] = self._endpoint.dimensions
        try:
            # The client's own limit holds between two pieces of an answer: one that trickles never meets it.
            with anyio.fail_after(self._endpoint.timeout_s):
                async with self._open().stream("POST", "/embeddings", json=body) as response:
                    answer = await self._whole(response)
        except (httpx2.TimeoutException, TimeoutError):
            seconds = self._endpoint.timeout_s
            raise self._failed(f"it did not answer within {seconds:g} s", transient=True) from None
        except httpx2.HTTPError as error:
            raise self._failed(
                f"the connection failed: {type(error).__name__}",
                "see whether it runs at embed.base_url, or use the local embedder static",
                transient=True,
                charged=not isinstance(error, httpx2.ConnectError),
            ) from None
        if response.status_code == 200:
            return self._read(answer, len(texts))
        status = response.status_code
        said = f"it answered {status}: {self._quote(answer) or 'nothing more'}"
        if status in _RETRIED:
            wait_s = asked_wait_s(response.headers)
            hint = f"{told(wait_s)}, or use the local embedder static"
            raise self._failed(
                said, hint, transient=True, retry_after_s=wait_s, status=status, charged=False
            )
        hint = "check embed.key" if status in (401, 403) else "check embed.model and base_url"
        raise self._failed(said, hint, status=status, charged=False)

    async def _whole(self, response: httpx2.Response) -> bytes:
        """All of an answer, counted while it is read: an endpoint that does not stop is given up."""
        read = bytearray()
        async for piece in response.aiter_bytes():
            read += piece
            if len(read) > MAX_ANSWER:
                raise self._failed(f"it sent more than {MAX_ANSWER >> 20} MiB and did not stop")
        return bytes(read)

    def _read(self, sent: bytes, count: int) -> tuple[Vectors, int | None]:
        """The rows of an answer in the order asked, and the tokens it reports."""
        try:
            answer = json.loads(sent)
            entries = sorted(answer["data"], key=lambda entry: entry["index"])
            places = [entry["index"] for entry in entries]
            rows = np.array([entry["embedding"] for entry in entries], np.float32)
            tokens = (answer.get("usage") or {}).get("prompt_tokens")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._failed("its answer is not a list of embeddings") from None
        if places != list(range(count)):
            raise self._failed(f"it answered {len(places)} embeddings for {count} texts")
        wanted = self._dimensions or rows.shape[-1]
        if rows.ndim != 2 or rows.shape[1] != wanted:
            raise self._failed(
                f"its vectors have {rows.shape[-1]} dimensions, not {wanted}",
                "set embed.dimensions to what the model answers, or restart where it is another model by now,"
                " and index again",
            )
        rows = normalised(rows, self._id)
        if not (np.linalg.norm(rows, axis=1) > 0).all():
            raise self._failed("one of its vectors is zero")
        self._dimensions = wanted
        return rows, tokens if isinstance(tokens, int) else None

    def _open(self) -> httpx2.AsyncClient:
        import httpx2

        if self._client is None:
            headers = {"authorization": f"Bearer {self._endpoint.key}"} if self._endpoint.key else {}
            self._client = httpx2.AsyncClient(
                base_url=self._endpoint.base_url.rstrip("/"),
                headers=headers,
                timeout=self._endpoint.timeout_s,
                follow_redirects=False,
                trust_env=False,
            )
        return self._client

    def _quote(self, answer: bytes) -> str:
        """The beginning of an answer, without the key and without other secrets."""
        quoted = answer.decode("utf-8", "replace").replace("\n", " ")
        if self._endpoint.key:
            quoted = quoted.replace(self._endpoint.key, "•••")
        return self._endpoint.mask(quoted[:_MASKED])[:_QUOTED]

    def _failed(
        self,
        why: str,
        hint: str = "try again later, or use the local embedder static",
        **facts: Any,
    ) -> ProviderError:
        what = f"the embedding endpoint for {self._endpoint.model} failed"
        return ProviderError(what, why=why, next=hint, **facts)


def _wait_of(error: Exception, longest_s: float = MAX_WAIT_S) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if not isinstance(error, ProviderError) or not error.transient:
        return False
    if error.retry_after_s is None:
        return True
    return error.retry_after_s if error.retry_after_s <= longest_s else False


def _open(options: Mapping[str, object]) -> OpenAIEmbedder:
    """Options: ``base_url``, ``model``, ``mask`` (a callable), ``send_source`` (must be true),
    ``max_tokens``, and optionally ``key``, ``dimensions``, ``count_tokens``, ``timeout_s``, ``spend`` (see
    `Spend`)."""
    name = "openai"
    known = "base_url model mask send_source max_tokens key dimensions count_tokens timeout_s spend"
    refuse_unknown(options, known.split(), f"the embedder {name}")
    if options.get("send_source") is not True:
        raise NotAllowed(
            "the embedder openai sends source text to an endpoint",
            why="nobody has allowed that",
            next="set embed.send_source to true, or use the local embedder static",
        )
    mask, count = options.get("mask"), options.get("count_tokens", about_tokens)
    if not callable(mask) or not callable(count):
        raise BadSetting(
            "the embedder openai needs mask and count_tokens as callables", next="pass both"
        )
    budget = Budget(int(str(options.get("max_tokens") or 0)), count)
    endpoint = Endpoint(
        base_url=given.text(name, options, "base_url"),
        model=given.text(name, options, "model"),
        mask=mask,
        key=str(options.get("key") or ""),
        dimensions=int(str(options.get("dimensions") or 0)),
        timeout_s=float(str(options.get("timeout_s") or 30.0)),
    )
    spend: Any = options.get("spend") or _unbooked
    return OpenAIEmbedder(endpoint, budget, spend=spend)


PROVIDER = Provider("any OpenAI-compatible endpoint; source leaves the machine", local=False, open=_open)
