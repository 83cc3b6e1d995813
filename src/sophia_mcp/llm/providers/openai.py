"""Any OpenAI-compatible endpoint: Ollama, LM Studio, vLLM, llama.cpp, or a vendor.

The key goes to the configured host and nowhere else: redirects are not followed. The HTTP client is the
one the protocol's SDK brings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from sophia_mcp.errors import ProviderError
from sophia_mcp.llm.providers import Hear, Provider
from sophia_mcp.llm.providers._body import beginning, lines, whole
from sophia_mcp.llm.providers._chat import Failure, Heard, Manners, Style, body, parsed, streamed, style
from sophia_mcp.ops.address import fault, host_of, loopback
from sophia_mcp.registry import refuse_unknown
from sophia_mcp.types import Ask, Reply

if TYPE_CHECKING:
    import httpx2

SETTING = "llm.openai"
_CONNECT_S = 10.0
_KNOWN = ("base_url", "key", "abilities", "vendor", "schema", "allow_http", "has_model")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and how. ``key`` looks the secret up; ``vendor`` is the name its prices are listed
    under; ``abilities`` says what a model can (empty: not known)."""

    base_url: str
    key: Callable[[], str] = field(default=lambda: "", repr=False)
    vendor: str = ""
    schema: str = "auto"
    abilities: Callable[[str], frozenset[str]] = lambda model: frozenset()


class OpenAILLM:
    """Asks one endpoint. ``aclose`` ends its connections."""

    name = "openai"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client: httpx2.AsyncClient | None = None
        self._opening = anyio.Lock()
        self._manners = Manners()
        self._failure = Failure(f"the endpoint at {host_of(endpoint.base_url)}", SETTING)

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """One attempt."""
        client = await self._open()

        import httpx2

        chosen = self._style(ask.model)
        sent = body(ask, ask.model, chosen, stream=hear is not None)
        timeout = httpx2.Timeout(ask.deadline_s, connect=_CONNECT_S, pool=None)
        heard = Heard(ask, self._failure, self._endpoint.vendor)
        try:
            async with client.stream("POST", "chat/completions", json=sent, timeout=timeout) as response:
                await self._read(response, heard, hear)
        except ProviderError as error:
            raise self._manners.heed(ask.model, chosen, error) from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise self._failure.broken(
                f"no connection: {self._failure.quoted(str(error))}", sent=False
            ) from None
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise self._failure.broken(f"the connection failed: {type(error).__name__}") from None
        return heard.reply(self._endpoint.vendor or self.name, ask.model)

    async def aclose(self) -> None:
        """Close the connections; another question opens new ones."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _read(self, response: httpx2.Response, heard: Heard, hear: Hear | None) -> None:
        if response.status_code != 200:
            text = await beginning(response.aiter_bytes())
            raise self._failure.of_status(response.status_code, text, response.headers)
        if hear is not None:
            await streamed(lines(response.aiter_bytes(), self._failure), heard, hear, self._failure)
            return
        text = await whole(response.aiter_bytes(), self._failure)
        heard.add(parsed(text, self._failure))

    def _style(self, model: str) -> Style:
        own = self._endpoint
        usual = style(own.abilities(model), own.vendor, model, own.schema, direct=True)
        return self._manners.style(model, usual)

    async def _open(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                # Left behind by a cancel, which the import would else outlast; nothing of it is open yet.
                key, client = await anyio.to_thread.run_sync(
                    _made, self._endpoint, abandon_on_cancel=True
                )
                self._failure = Failure(self._failure.who, SETTING, (key,) if key else ())
                self._client = client
            return self._client


def _made(endpoint: Endpoint) -> tuple[str, httpx2.AsyncClient]:
    """The key and a client; slow on first use, for it imports the library and reads certificates."""
    import httpx2

    key = endpoint.key()
    return key, httpx2.AsyncClient(
        base_url=endpoint.base_url.rstrip("/") + "/",
        headers={"Authorization": f"Bearer {key}"} if key else {},
        limits=httpx2.Limits(max_connections=128, max_keepalive_connections=16),
        trust_env=not loopback(host_of(endpoint.base_url)),
    )


def _lack(options: Mapping[str, Any]) -> str:
    base_url = str(options.get("base_url") or "")
    if not base_url:
        return f"{SETTING}.base_url is not set"
    wrong = fault(base_url, SETTING, allow_plain=bool(options.get("allow_http")))
    if wrong is not None:
        return f"{wrong.what}: {wrong.why}"
    return "" if options.get("has_model", True) else f"{SETTING}.standard is not set"


def _open(options: Mapping[str, Any]) -> OpenAILLM:
    """Options: ``base_url``; optionally ``key`` (a callable), ``vendor``, ``abilities``, ``schema``
    (``auto``, ``format``, ``tool``, ``words``), ``allow_http``. Raises BadSetting, NotAllowed."""
    refuse_unknown(options, _KNOWN, "the LLM provider openai")
    base_url = str(options.get("base_url") or "")
    wrong = fault(base_url, SETTING, allow_plain=bool(options.get("allow_http")))
    if wrong is not None:
        raise wrong
    given = {name: options[name] for name in ("key", "vendor", "schema", "abilities") if name in options}
    return OpenAILLM(Endpoint(base_url, **given))


PROVIDER = Provider(
    "any OpenAI-compatible endpoint: Ollama, LM Studio, vLLM, a vendor",
    free=False,
    lack=_lack,
    open=_open,
)
