"""Answers from a script: for tests, demonstrations and documents. No model, no network.

A script is TOML or JSON with a list ``reply``; the first entry that matches a question and is not used
up answers it. It can also misbehave as real services do.

::

    model = "scripted"              # the name that answers
    seed = 7                        # of `share`; the same questions then meet the same luck

    [[reply]]
    step = "review.security"        # glob over the step's key
    role = "security|style"         # regular expression over the agent's role
    prompt = "class Pool"           # regular expression over the whole prompt
    times = 1                       # how often this entry answers; default: always
    share = 0.1                     # which share of the matching questions it answers; default: all
    json = {findings = []}          # or: text = "...", or: file = "reply.json" beside the script
    finish = "stop"                 # or "length", "filter", "cut"
    latency_s = 0.2
    usage = {input_tokens = 900, output_tokens = 40, cached_tokens = 800}   # or false: not reported
    fail = "busy"                   # busy server refused too_long cut stall bad_json endless
    retry_after_s = 1.5             # with busy

A question no entry matches is answered by the smallest value of its schema, or by one fixed sentence.
"""

from __future__ import annotations

import fnmatch
import json
import random
import re
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import anyio
import anyio.lowlevel
import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sophia_mcp.errors import BadSetting, ContextTooLong, ProviderError
from sophia_mcp.llm.counting import tokens
from sophia_mcp.llm.desk import prompt_of
from sophia_mcp.llm.form import smallest
from sophia_mcp.llm.providers import Hear, Provider
from sophia_mcp.registry import refuse_unknown
from sophia_mcp.types import Ask, Finish, Reply, Usage

Failure = Literal["busy", "server", "refused", "too_long", "cut", "stall", "bad_json", "endless"]
NOTHING_SCRIPTED = "The script has no reply for this step."
_PIECES = 8


class _Counts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    cache_write_1h_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)
    billed_nano: int | None = Field(default=None, ge=0)


class Entry(BaseModel):
    """One reply of a script; the module's docstring says what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    step: str = ""
    role: str = ""
    prompt: str = ""
    times: int = Field(default=0, ge=0)
    share: float = Field(default=1.0, ge=0, le=1)
    text: str | None = None
    value: Any = Field(default=None, alias="json")
    file: str = ""
    finish: Finish = "stop"
    latency_s: float = Field(default=0.0, ge=0, le=3600)
    usage: _Counts | Literal[False] = _Counts()
    fail: Failure | None = None
    retry_after_s: float | None = Field(default=None, ge=0)

    @field_validator("role", "prompt")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class Script(BaseModel):
    """A whole script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "scripted"
    seed: int = 0
    reply: list[Entry] = []


@dataclass(slots=True)
class _Luck:
    """How often each entry answered, and the dice; one lock, for questions come from many tasks."""

    dice: random.Random
    used: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ScriptedLLM:
    """Answers by the script. ``asked`` is every question so far, in order."""

    name = "scripted"

    def __init__(self, script: Script, folder: Path | None = None) -> None:
        self._script, self._folder = script, folder
        self._luck = _Luck(random.Random(script.seed))  # noqa: S311 - chance, not secrecy
        self.asked: list[Ask] = []

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The scripted reply, or the scripted failure."""
        self.asked.append(ask)
        entry = self._choose(ask)
        if entry.latency_s:
            await anyio.sleep(entry.latency_s)
        if entry.fail is not None:
            await _misbehave(entry)
        text = await self._text(entry, ask)
        finish = entry.finish
        if entry.fail == "endless":
            text, finish = await anyio.to_thread.run_sync(_endless, text, ask.max_tokens), "length"
        if entry.fail == "bad_json":
            text = text[: max(len(text) * 2 // 3, 1)] + '"…'
        if hear is not None:
            await _say(text if entry.fail != "cut" else text[: len(text) // 2], hear)
        if entry.fail == "cut":
            raise _failed("the connection was cut in the middle of the answer", transient=True)
        usage = await _usage(entry, ask, text) if entry.usage is not False else None
        return Reply(text, self._script.model, self.name, finish, usage)

    def _choose(self, ask: Ask) -> Entry:
        with self._luck.lock:
            for number, entry in enumerate(self._script.reply):
                if not _matches(entry, ask):
                    continue
                if entry.times and self._luck.used.get(number, 0) >= entry.times:
                    continue
                if entry.share < 1 and self._luck.dice.random() >= entry.share:
                    continue
                self._luck.used[number] = self._luck.used.get(number, 0) + 1
                return entry
        return Entry()

    async def _text(self, entry: Entry, ask: Ask) -> str:
        if entry.text is not None:
            return entry.text
        if entry.value is not None:
            return json.dumps(entry.value, ensure_ascii=False)
        if entry.file:
            path = (self._folder or Path()) / entry.file
            try:
                return await anyio.Path(path).read_text("utf-8")
            except OSError as error:
                raise BadSetting(
                    f"the script's file {entry.file} cannot be read",
                    why=error.strerror or "",
                    next="paths are relative to the script",
                ) from None
        if ask.schema is not None:
            return json.dumps(smallest(ask.schema), ensure_ascii=False)
        return NOTHING_SCRIPTED


def load(script: Script | Mapping[str, Any] | str | Path) -> ScriptedLLM:
    """An LLM of a script: a value, nested dicts, or a file. Raises BadSetting naming what is wrong."""
    folder, values = None, script
    if isinstance(script, str | Path):
        folder, values = Path(script).parent, _parsed(Path(script))
    if isinstance(values, Script):
        return ScriptedLLM(values, folder)
    try:
        return ScriptedLLM(Script.model_validate(values), folder)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"the script is wrong at {place}",
            why=str(first["msg"]),
            next="docs/extend/llm-providers.md lists the keys of a script",
        ) from None


def _parsed(path: Path) -> Any:
    try:
        raw = path.read_bytes()
        return json.loads(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except OSError as error:
        raise BadSetting(
            f"cannot read the script {path}", why=error.strerror or "", next="mend llm.script"
        ) from None
    except ValueError as error:  # of TOML, JSON and text encoding alike
        raise BadSetting(f"{path} is no script", why=str(error), next="mend that line") from None


def _matches(entry: Entry, ask: Ask) -> bool:
    labels = ask.labels
    return (
        (not entry.step or fnmatch.fnmatchcase(labels.step, entry.step))
        and (not entry.role or re.search(entry.role, labels.agent) is not None)
        and (not entry.prompt or re.search(entry.prompt, prompt_of(ask.messages)) is not None)
    )


async def _misbehave(entry: Entry) -> None:
    """Raise or stall as scripted; the failures that have an answer return."""
    if entry.fail == "busy":
        raise _failed(
            "too many requests",
            transient=True,
            status=429,
            retry_after_s=entry.retry_after_s,
            charged=False,
        )
    if entry.fail == "server":
        raise _failed("internal error", transient=True, status=500)
    if entry.fail == "refused":
        raise _failed("the key is not valid", status=401, charged=False)
    if entry.fail == "too_long":
        raise ContextTooLong("the scripted model reads less than this", status=400, charged=False)
    if entry.fail == "stall":
        await _stall()


async def _stall() -> NoReturn:
    await anyio.sleep_forever()
    raise AssertionError("forever has no end")


def _failed(why: str, **facts: Any) -> ProviderError:
    return ProviderError("the scripted model failed", why=why, next="mend the script", **facts)


async def _usage(entry: Entry, ask: Ask, text: str) -> Usage:
    """What the entry states; what it leaves out is counted."""
    assert entry.usage is not False
    stated = entry.usage.model_dump()
    for name, counted in (("input_tokens", prompt_of(ask.messages)), ("output_tokens", text)):
        if stated[name] is None:
            stated[name] = await anyio.to_thread.run_sync(tokens.count, counted)
    return Usage(**stated)


async def _say(text: str, hear: Hear) -> None:
    size = max(1, -(-len(text) // _PIECES))
    for start in range(0, len(text), size):
        hear(text[start : start + size])
        await anyio.lowlevel.checkpoint()


def _endless(text: str, max_tokens: int) -> str:
    line = (text or "more") + "\n"
    return tokens.cut(line * (max_tokens * 4 // len(line) + 1), max_tokens)


def _open(options: Mapping[str, Any]) -> ScriptedLLM:
    """Options: ``script``, a path, nested dicts or a `Script`; none: every step gets the smallest value
    of its schema."""
    refuse_unknown(options, ("script",), "the LLM provider scripted")
    return load(options.get("script") or Script())


PROVIDER = Provider(
    "answers from a script; no model, no network", free=True, lack=lambda options: "", open=_open
)
