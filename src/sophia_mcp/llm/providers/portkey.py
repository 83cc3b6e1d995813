"""Portkey: the hosted gateway, or its open-source one on a machine of yours.

A model is written ``@slug/model``. The hosted gateway knows slugs by itself, and a target may give a
virtual key instead. A self-hosted gateway knows neither, so each slug is a target that is expanded to
the vendor's name and key. The gateway's own key goes to the gateway's host only, and a vendor's key
only to a gateway of your own.

The gateway's SDK carries the bytes. It is imported on the first question, in a thread; it repeats
nothing, reads no variables, and its answers are read as bytes, because its own objects lose headers.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.to_thread

from sophia_mcp.errors import BadSetting, ProviderError
from sophia_mcp.llm.providers import Hear, Provider
from sophia_mcp.llm.providers._body import MAX_REFUSAL, beginning, lines, whole
from sophia_mcp.llm.providers._chat import Failure, Heard, Manners, body, parsed, streamed, style
from sophia_mcp.ops.address import fault, host_of, loopback, within
from sophia_mcp.registry import refuse_unknown
from sophia_mcp.types import Ask, Reply

if TYPE_CHECKING:
    import httpx
    from portkey_ai import AsyncPortkey

SETTING = "llm.portkey"
HOSTED = "https://api.portkey.ai/v1"
_DOMAINS = ("portkey.ai", "portkeysandbox.com")
_CONNECT_S = 10.0
_NO_KEY = "none"
_KNOWN = "base_url key gateway config targets abilities allow_http has_model".split()
_VENDORS = {
    "openai": "openai|gpt",
    "anthropic": "anthropic|claude",
    "google": "google|gemini",
    "mistral-ai": "mistral",
    "groq": "groq",
    "x-ai": r"x-?ai|grok",
    "deepseek": "deepseek",
    "together-ai": "together",
    "cohere": "cohere",
    "perplexity-ai": "perplexity",
    "openrouter": "openrouter",
    "huggingface": "hugging-?face",
    "bedrock": "bedrock",
    "vertex-ai": "vertex",
    "azure-openai": "azure",
}
"""What a slug's own name says about whose models it serves; `target.provider` says it better."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a slug stands for. ``provider`` is the gateway's name of the vendor. ``headers`` are further
    facts the vendor needs, such as a region, by the gateway's names without their prefix."""

    provider: str = ""
    key: Callable[[], str] | None = field(default=None, repr=False)
    virtual_key: Callable[[], str] | None = field(default=None, repr=False)
    custom_host: str = ""
    schema: str = "auto"
    headers: Mapping[str, Callable[[], str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the gateway is, and what its slugs mean. ``hosted``: it knows slugs by itself."""

    base_url: str
    hosted: bool
    key: Callable[[], str] = field(default=lambda: "", repr=False)
    config: str = ""
    targets: Mapping[str, Target] = field(default_factory=dict)
    abilities: Callable[[str], frozenset[str]] = lambda model: frozenset()


@dataclass(frozen=True, slots=True)
class _Route:
    """One model, as the gateway is told of it."""

    model: str
    vendor: str
    client: AsyncPortkey
    failure: Failure
    schema: str


class PortkeyLLM:
    """Asks the gateway. ``aclose`` ends its connections."""

    name = "portkey"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._clients: dict[str, tuple[AsyncPortkey, Failure]] = {}
        self._http: httpx.AsyncClient | None = None
        self._opening = anyio.Lock()
        self._manners = Manners()

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """One attempt."""
        route = await self._route(ask.model)
        usual = style(
            self._gateway.abilities(route.model), route.vendor, route.model, route.schema, direct=False
        )
        chosen = self._manners.style(ask.model, usual)
        sent = body(ask, route.model, chosen, stream=hear is not None)
        heard = Heard(ask, route.failure, route.vendor)
        try:
            async with AsyncExitStack() as stack:
                response = await self._send(stack, route, sent, ask)
                heard.vendor = response.headers.get("x-portkey-provider") or route.vendor
                await self._read(response, heard, hear, route.failure)
        except ProviderError as error:
            raise self._manners.heed(ask.model, chosen, error) from None
        return heard.reply(heard.vendor or self.name, route.model)

    async def aclose(self) -> None:
        """Close the connections; the SDK's own ``close`` leaves them open."""
        http, self._http = self._http, None
        self._clients.clear()
        if http is not None:
            await http.aclose()

    async def _send(
        self, stack: AsyncExitStack, route: _Route, sent: dict[str, Any], ask: Ask
    ) -> httpx.Response:
        """The gateway's answer with its body still to come. Raises ProviderError."""
        import httpx
        from portkey_ai._vendor import openai as vendored

        completions = route.client.openai_client.chat.completions
        try:
            answered = await stack.enter_async_context(
                completions.with_streaming_response.create(
                    **sent,
                    extra_headers=_labels(ask),
                    timeout=httpx.Timeout(ask.deadline_s, connect=_CONNECT_S, pool=None),
                )
            )
        except vendored.APIStatusError as error:
            text = (await error.response.aread()).decode("utf-8", "replace")
            raise route.failure.of_status(error.status_code, text, error.response.headers) from None
        except vendored.APIConnectionError as error:
            cause = error.__cause__
            unsent = isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout)
            why = f"no connection: {route.failure.quoted(str(cause))}" if unsent else _named(error)
            raise route.failure.broken(why, sent=not unsent) from None
        except vendored.APIError as error:
            raise route.failure.broken(_named(error)) from None
        response: httpx.Response = answered.http_response
        return response

    async def _read(
        self, response: httpx.Response, heard: Heard, hear: Hear | None, failure: Failure
    ) -> None:
        import httpx

        try:
            if response.status_code != 200:
                text = await beginning(response.aiter_bytes())
                raise failure.of_status(response.status_code, text, response.headers)
            if hear is not None:
                await streamed(lines(response.aiter_bytes(), failure), heard, hear, failure)
                return
            text = await whole(response.aiter_bytes(), failure)
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise failure.broken(f"the connection failed: {type(error).__name__}") from None
        heard.add(parsed(text, failure))

    async def _route(self, model: str) -> _Route:
        """How a model is asked for. Raises BadSetting for a slug a self-hosted gateway cannot know."""
        slug, bare = split(model)
        gateway = self._gateway
        if not slug and len(gateway.targets) == 1 and not gateway.config:
            slug = next(iter(gateway.targets))
        target = gateway.targets.get(slug)
        if target is None and not gateway.hosted and not gateway.config:
            raise BadSetting(
                f"no target is set for the model {model!r}",
                why="a self-hosted gateway does not know slugs by itself",
                next=f"set provider and key in [{SETTING}.targets.{slug or 'NAME'}]",
            )
        client, failure = await self._client(slug, target)
        expanded = target is not None and (not gateway.hosted or _given(target))
        maker = (target.provider if target is not None else "") or vendor(slug, bare)
        asked = bare if expanded or not slug else model
        return _Route(asked, maker, client, failure, target.schema if target is not None else "auto")

    async def _client(self, slug: str, target: Target | None) -> tuple[AsyncPortkey, Failure]:
        """The SDK's client for one target; all share one pool of connections."""
        async with self._opening:
            if slug not in self._clients:
                # Left behind by a cancel, which the import would else outlast; nothing of it is open yet.
                made = await anyio.to_thread.run_sync(
                    self._make, self._http, target, abandon_on_cancel=True
                )
                self._http, self._clients[slug] = made
            return self._clients[slug]

    def _make(
        self, http: httpx.AsyncClient | None, target: Target | None
    ) -> tuple[httpx.AsyncClient, tuple[AsyncPortkey, Failure]]:
        """In a thread: imports, certificates and looking secrets up take their time."""
        import httpx
        from portkey_ai import AsyncPortkey

        gateway = self._gateway
        if http is None:
            http = httpx.AsyncClient(
                follow_redirects=False,
                trust_env=not loopback(host_of(gateway.base_url)),
                limits=httpx.Limits(max_connections=128, max_keepalive_connections=16),
                event_hooks={"response": [_shortened]},
            )
        key = gateway.key()
        facts, secrets = _headers(target, gateway)
        client = AsyncPortkey(
            api_key=key or _NO_KEY,  # given always, or the SDK would take one from a variable
            base_url=gateway.base_url,
            http_client=http,
            config=gateway.config or None,
            strict_open_ai_compliance=False,
            **facts,
        )
        sdk = client.openai_client
        sdk.max_retries = 0  # the guard repeats
        sdk.organization = sdk.project = None
        sdk.api_key = ""  # or it would send a placeholder as the vendor's key
        if not key:
            sdk._custom_headers = {
                name: value
                for name, value in sdk._custom_headers.items()
                if name.lower() != "x-portkey-api-key"
            }
        known = tuple(secret for secret in (key, *secrets) if secret)
        return http, (client, Failure(f"Portkey at {host_of(gateway.base_url)}", SETTING, known))


async def _shortened(response: httpx.Response) -> None:
    """Let a refusal end early: the SDK reads it whole, however much comes."""
    import httpx

    if response.status_code < 400:
        return
    sent = response.stream

    class Beginning(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in sent:  # type: ignore[union-attr]
                yield piece[: MAX_REFUSAL - size]
                size += len(piece)
                if size >= MAX_REFUSAL:
                    return

        async def aclose(self) -> None:
            await sent.aclose()  # type: ignore[union-attr]

    response.stream = Beginning()


def _headers(target: Target | None, gateway: Gateway) -> tuple[dict[str, Any], list[str]]:
    """What the SDK is told of a target, and which of it is secret."""
    if target is None:
        return {}, []
    facts: dict[str, Any] = {}
    virtual = target.virtual_key() if target.virtual_key is not None else ""
    key = target.key() if target.key is not None else ""
    further = {name: value() for name, value in target.headers.items()}
    if virtual:
        facts["virtual_key"] = virtual
    elif target.provider and (not gateway.hosted or further):
        facts["provider"] = target.provider
    if key:
        facts["Authorization"] = f"Bearer {key}"
    if target.custom_host:
        facts["custom_host"] = target.custom_host
    facts |= {name.replace("-", "_"): value for name, value in further.items()}
    return facts, [virtual, key, *further.values()]


def _given(target: Target) -> bool:
    """Whether a target says by itself who answers, so that the slug is not sent."""
    return target.virtual_key is not None or bool(target.headers)


def _labels(ask: Ask) -> dict[str, str]:
    """What the gateway's own log shows beside a call: ids only."""
    facts = {name: getattr(ask.labels, name) for name in ("run", "step", "pattern", "agent")}
    shown = {name: re.sub(r"[^\x20-\x7e]", "?", value)[:128] for name, value in facts.items() if value}
    if not shown:
        return {}
    headers = {"x-portkey-metadata": json.dumps(shown)}
    return headers | ({"x-portkey-trace-id": shown["run"]} if "run" in shown else {})


def split(model: str) -> tuple[str, str]:
    """The slug and the model of ``@slug/model``; no slug: empty."""
    if not model.startswith("@"):
        return "", model
    slug, _, bare = model[1:].partition("/")
    return slug, bare


def vendor(slug: str, model: str) -> str:
    """Whose models a slug serves, by its name or the model's; empty: neither says."""
    for text in (slug, model):
        for name, pattern in _VENDORS.items():
            if re.search(rf"(?i)(?:^|[^a-z])(?:{pattern})", text):
                return name
    return ""


def _named(error: Exception) -> str:
    cause = error.__cause__
    return f"the connection failed: {type(cause or error).__name__}"


def hosted(base_url: str, gateway: Literal["auto", "hosted", "local"]) -> bool:
    """Whether a gateway knows slugs by itself: Portkey's own does."""
    if gateway != "auto":
        return gateway == "hosted"
    return any(within(host_of(base_url), domain) for domain in _DOMAINS)


def _misplaced(targets: Mapping[str, Target]) -> BadSetting | None:
    """A vendor's key that would go to the hosted gateway."""
    for slug, target in targets.items():
        if target.key is not None:
            return BadSetting(
                f"{SETTING}.targets.{slug}.key would be sent to the hosted gateway",
                why="a vendor's key goes to a gateway of your own only",
                next="store the key there and use its slug, or a virtual_key",
            )
    return None


def _lack(options: Mapping[str, Any]) -> str:
    base_url = str(options.get("base_url") or HOSTED)
    wrong = fault(base_url, SETTING, allow_plain=bool(options.get("allow_http")))
    if wrong is not None:
        return f"{wrong.what}: {wrong.why}"
    if hosted(base_url, options.get("gateway", "auto")):
        if options.get("key") is None:
            return f"{SETTING}.key is not set, nor is PORTKEY_API_KEY"
        if wrong := _misplaced(options.get("targets") or {}):
            return f"{wrong.what}: {wrong.why}"
    elif not options.get("targets") and not options.get("config"):
        return f"{SETTING}.targets names no vendor for the gateway at {host_of(base_url)}"
    return "" if options.get("has_model", True) else f"{SETTING}.standard names no model"


def _open(options: Mapping[str, Any]) -> PortkeyLLM:
    """Options: ``base_url``, ``key`` (a callable), ``gateway`` (``auto``, ``hosted``, ``local``),
    ``config`` (a saved config's id), ``targets`` (slug: `Target`), ``abilities``, ``allow_http``.
    Raises BadSetting, NotAllowed."""
    refuse_unknown(options, _KNOWN, "the LLM provider portkey")
    base_url = str(options.get("base_url") or HOSTED)
    wrong = fault(base_url, SETTING, allow_plain=bool(options.get("allow_http")))
    if wrong is not None:
        raise wrong
    is_hosted = hosted(base_url, options.get("gateway", "auto"))
    if is_hosted and (misplaced := _misplaced(options.get("targets") or {})) is not None:
        raise misplaced
    given = {
        name: options[name] for name in ("key", "config", "targets", "abilities") if options.get(name)
    }
    return PortkeyLLM(Gateway(base_url, is_hosted, **given))


PROVIDER = Provider(
    "Portkey: every vendor through the hosted gateway, or your own", free=False, lack=_lack, open=_open
)
