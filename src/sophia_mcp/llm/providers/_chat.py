"""How is a question written as a chat completion, and how is the answer read? Shared by every provider
that speaks that protocol, whatever carries the bytes.

Nothing an endpoint sends is trusted to have the right shape: what cannot be read becomes a
ProviderError, and what a service says about a failure is quoted without secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sophia_mcp.errors import ContextTooLong, ProviderError
from sophia_mcp.llm.counting import usage
from sophia_mcp.llm.form import instructed, strict
from sophia_mcp.llm.providers import Hear
from sophia_mcp.ops.retry import asked_wait_s, told
from sophia_mcp.security.secrets import mask
from sophia_mcp.types import Ask, Finish, Reply

Schema = Literal["format", "tool", "words"]
"""How a schema is sent: as response format, as the one tool that must be called, or in words."""

TOOL = "answer"
_RETRIED = frozenset({408, 409, 425, 429, *range(500, 600)} - {501, 505})
_UNCHARGED = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
_NO_CREDIT = re.compile(
    r"(?i)insufficient[_ ]quota|billing|credit balance|payment required|exceeded your current quota"
)
_TOO_LONG = re.compile(
    r"(?i)context[_ ](?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|(?:input|prompt).{0,60}exceeds? .{0,60}(?:limit|maximum|max|context)|reduce the length"
    r"|input is too long|exceed.{0,30}max(?:imum)?.{0,20}tokens? allowed|max_tokens.{0,40}exceed context"
)  # fmt: skip
_NO_SCHEMA = re.compile(
    r"(?i)response_format|json_schema|structured output|tool_choice|\btools?\b|function call"
)
_REASONS = re.compile(r"(?:^|[/.])(?:gpt-(?:[5-9]|\d\d)|o\d)")
_THOUGHT = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)
_FINISH: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filter",
    "safety": "filter",
    "recitation": "filter",
    "refusal": "filter",
}
_ANSWER_CHARS_PER_TOKEN = 40
_QUOTED = 240


@dataclass(frozen=True, slots=True)
class Style:
    """What an endpoint and a model take. ``marks``: shared messages are marked for the vendor's prompt
    cache. ``temperature``: the model accepts one. ``limit`` names what bounds the answer."""

    schema: Schema = "format"
    marks: bool = False
    temperature: bool = True
    limit: str = "max_tokens"


def style(abilities: frozenset[str], vendor: str, model: str, wanted: str, *, direct: bool) -> Style:
    """The style for a model. ``wanted`` is a person's own choice (``auto``: none). A ``direct``
    endpoint honours a response format unless the model is known not to; a gateway drops it for
    vendors that have none, so the tool call is the safer way there."""
    claude = "claude" in model.lower() or vendor == "anthropic"
    if wanted in ("format", "tool", "words"):
        schema: Schema = wanted  # type: ignore[assignment]
    elif (direct and not claude) or vendor in ("openai", "azure-openai", "perplexity-ai"):
        schema = "format" if not abilities or "schema" in abilities else "tool"
    else:
        schema = "tool"
    if schema == "tool" and wanted == "auto" and abilities and "force" not in abilities:
        schema = "words"
    limit = "max_completion_tokens" if _REASONS.search(model.lower()) else "max_tokens"
    return Style(schema, claude, not abilities or "sampling" in abilities, limit)


class Manners:
    """What endpoints said they do not take, by model. An endpoint that refuses a parameter is asked
    without it from then on: the refusal costs nothing, and is worth one repetition."""

    def __init__(self) -> None:
        self._learned: dict[str, Style] = {}

    def style(self, model: str, usual: Style) -> Style:
        """The style for a model, as far as it has been learned."""
        return self._learned.get(model, usual)

    def heed(self, model: str, style: Style, error: ProviderError) -> ProviderError:
        """The error, made transient where the same question would be asked otherwise now."""
        if error.status not in (400, 404, 422):
            return error
        said, other = error.why, style
        if "max_completion_tokens" in said and style.limit == "max_tokens":
            other = replace(other, limit="max_completion_tokens")
        elif "max_completion_tokens" in said:
            other = replace(other, limit="max_tokens")
        if "temperature" in said:
            other = replace(other, temperature=False)
        if _NO_SCHEMA.search(said):
            other = replace(other, schema="words")
        if "cache_control" in said:
            other = replace(other, marks=False)
        if other != style:
            self._learned[model] = other
            error.transient = True
        return error


def body(ask: Ask, model: str, style: Style, *, stream: bool) -> dict[str, Any]:
    """The JSON of a request."""
    if ask.schema is not None and style.schema == "words":
        ask = instructed(ask)
    made: dict[str, Any] = {"model": model, "messages": _messages(ask, style)}
    made[style.limit] = ask.max_tokens
    if ask.temperature is not None and style.temperature:
        made["temperature"] = ask.temperature
    if ask.processing in ("flex", "priority"):
        made["service_tier"] = ask.processing
    if ask.schema is not None and style.schema == "format":
        wanted = {"name": TOOL, "schema": dict(ask.schema), "strict": strict(ask.schema)}
        made["response_format"] = {"type": "json_schema", "json_schema": wanted}
    if ask.schema is not None and style.schema == "tool":
        tool = {"name": TOOL, "description": "Give the answer.", "parameters": dict(ask.schema)}
        made["tools"] = [{"type": "function", "function": tool}]
        made["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
    if stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return made


def _messages(ask: Ask, style: Style) -> list[dict[str, Any]]:
    shared = [i for i, message in enumerate(ask.messages) if message.shared] if style.marks else []
    made: list[dict[str, Any]] = []
    for number, message in enumerate(ask.messages):
        text = message.text.encode("utf-8", "replace").decode()
        content: Any = text
        if shared and number == shared[-1]:
            content = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
        made.append({"role": message.role, "content": content})
    return made


@dataclass(frozen=True, slots=True)
class Failure:
    """Turns what went wrong at one endpoint into errors. ``who`` names it; ``secrets`` are values that
    must not be quoted; ``setting`` is where a person mends it."""

    who: str
    setting: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def of_status(self, status: int, text: str, headers: Mapping[str, str]) -> ProviderError:
        """The error a service answered with."""
        said = self.quoted(_message(text))
        what, why = f"{self.who} refused the question", f"it answered {status}: {said}"
        if status in (400, 413, 422, 500) and _TOO_LONG.search(said):
            return ContextTooLong(
                f"the question is too long for {self.who}",
                why=why,
                next="send less, or use a model with a larger window",
                status=status,
                charged=False,
            )
        poor = status in (402, 429) and _NO_CREDIT.search(said) is not None
        wait_s = asked_wait_s(headers)
        return ProviderError(
            what if status < 500 else f"{self.who} failed",
            why=why,
            next=self._next(status, told(wait_s), poor=poor),
            transient=status in _RETRIED and not poor,
            retry_after_s=wait_s,
            status=status,
            charged=status not in _UNCHARGED,
        )

    def _next(self, status: int, wait: str, *, poor: bool) -> str:
        if poor:
            return "add credit at the provider"
        if status in (401, 403):
            return f"check {self.setting}.key"
        if 300 <= status < 400:
            return (
                f"write the address it redirects to in {self.setting}.base_url, if it is the right one"
            )
        if status < 500 and status != 429:
            return f"check the model and {self.setting}"
        return f"{wait}, or set llm.fallback to another provider"

    def broken(self, why: str, *, sent: bool = True) -> ProviderError:
        """A connection that failed, or an answer that cannot be read."""
        return ProviderError(
            f"{self.who} failed",
            why=why,
            next="try again later; `sophia debug doctor` checks the connection"
            if sent
            else f"check that it runs, and {self.setting}.base_url",
            transient=True,
            charged=sent,
        )

    def quoted(self, text: str) -> str:
        """What a service said, short, on one line, without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "•••")
        return mask(" ".join(text[:2000].split())).text[:_QUOTED] or "nothing more"


class Heard:
    """An answer as it arrives: text, how it ended, and what it used. ``vendor`` decides how an unclear
    usage report is read."""

    def __init__(self, ask: Ask, failure: Failure, vendor: str) -> None:
        self._ask, self._failure, self.vendor = ask, failure, vendor
        self._texts: list[str] = []
        self._calls: list[str] = []
        self._usage: dict[str, Any] = {}
        self._ended = self._finish = ""
        self._model = ""
        self._size = 0

    def add(self, chunk: Any) -> str:
        """Take one event of a stream, or a whole answer; returns the text it brought.

        Raises ProviderError when it is an error event or no chat completion at all.
        """
        if not isinstance(chunk, Mapping):
            raise self._failure.broken("it sent something that is no chat completion")
        if chunk.get("error"):
            raise self._failure.of_status(_status(chunk["error"]), json.dumps(chunk), {})
        self._model = str(chunk.get("model") or self._model)
        self._usage = usage.merge(self._usage, chunk)
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            if choices is None and (self._usage or not chunk):
                return ""
            raise self._failure.broken("it sent something that is no chat completion")
        brought = "".join(self._choice(choice) for choice in choices[:1])
        self._size += len(brought)
        return brought

    def _choice(self, choice: Any) -> str:
        if not isinstance(choice, Mapping) or self._ended:
            return ""
        message = choice.get("delta") or choice.get("message") or {}
        text = _text(message.get("content")) if isinstance(message, Mapping) else ""
        call = _arguments(message.get("tool_calls")) if isinstance(message, Mapping) else ""
        refusal = message.get("refusal") if isinstance(message, Mapping) else None
        if isinstance(refusal, str) and refusal:
            text, self._finish = text + refusal, "refusal"
        self._texts.append(text)
        self._calls.append(call)
        ended = choice.get("finish_reason")
        if isinstance(ended, str) and ended.lower().endswith("error"):
            # Gateways end a stream so when the vendor's failed in the middle.
            raise self._failure.broken(f"the answer was cut off: {self._failure.quoted(ended)}")
        if isinstance(ended, str) and ended:
            self._ended = ended
        return text + call

    @property
    def enough(self) -> bool:
        """Whether far more came than was asked for: an endpoint that does not stop is stopped."""
        return self._size > _ANSWER_CHARS_PER_TOKEN * self._ask.max_tokens + 20_000

    @property
    def ended(self) -> bool:
        """Whether the answer said how it ended."""
        return bool(self._ended)

    def reply(self, provider: str, model: str) -> Reply:
        """The whole answer. Raises ProviderError when there is none."""
        called, said = "".join(self._calls), "".join(self._texts)
        text = called or _THOUGHT.sub("", said, count=1)
        finish = _FINISH.get((self._finish or self._ended).lower(), "stop")
        if self.enough:
            finish = "length"
        if not text.strip() and finish == "stop":
            raise self._failure.broken("its answer is empty")
        # What a stream that was stopped had counted so far leaves out what it went on to send.
        counted = self._usage if self.ended or not self.enough else {}
        used = usage.normalise(counted, self.vendor) if counted else None
        return Reply(text, self._model or model, provider, finish, used)


async def streamed(lines: AsyncIterator[str], heard: Heard, hear: Hear | None, failure: Failure) -> None:
    """Read server-sent events into ``heard``. Raises ProviderError when the stream ends early."""
    async for line in lines:
        event = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if not event:
            if line.startswith("{"):  # an endpoint that ignores `stream` answers whole
                event = line
            else:
                continue
        if event == "[DONE]":
            break
        brought = heard.add(parsed(event, failure))
        if brought and hear is not None:
            hear(brought)
        if heard.enough:
            return
    if not heard.ended:
        raise failure.broken("the answer was cut off: the stream ended early")


def parsed(text: str, failure: Failure) -> Any:
    """JSON of an endpoint. A gateway wraps what comes under another content type. Raises ProviderError."""
    try:
        found = json.loads(text)
        wrapped = found.get("html-message") if isinstance(found, Mapping) else None
        return json.loads(wrapped) if isinstance(wrapped, str) else found
    except (ValueError, RecursionError):
        raise failure.broken(f"it sent what is no JSON: {failure.quoted(text[:80])}") from None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _arguments(calls: Any) -> str:
    """The arguments of the first tool call; endpoints send them as text, or as the object itself."""
    if not isinstance(calls, list):
        return ""
    for call in calls:
        if not isinstance(call, Mapping) or call.get("index", 0) not in (0, None):
            continue
        function = call.get("function")
        given = function.get("arguments") if isinstance(function, Mapping) else None
        return given if isinstance(given, str) else json.dumps(given) if given is not None else ""
    return ""


def _message(text: str) -> str:
    """The sentence inside an error body, or the body."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return re.sub(r"<[^>]{0,200}>", " ", text)
    while isinstance(found, list) and found:
        found = found[0]
    for key in ("error", "message", "detail"):
        if isinstance(found, Mapping) and found.get(key):
            found = found[key]
    if isinstance(found, Mapping):
        code = found.get("code")
        return f"{code}: {json.dumps(found)}" if isinstance(code, str) else json.dumps(found)
    return str(found)


def _status(error: Any) -> int:
    """The status an error event stands for."""
    code = error.get("code", error.get("status")) if isinstance(error, Mapping) else None
    if isinstance(code, int) and 400 <= code < 600:
        return code
    kind = json.dumps(error)
    return 429 if "rate_limit" in kind or "overloaded" in kind else 500
