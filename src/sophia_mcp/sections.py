"""Every setting there is, by table, with its bounds, its default and what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from msgspec import Meta, Struct, field
from msgspec.structs import FieldInfo, fields


class HomeFile(str):
    """A file whose ``~`` is resolved; empty for none."""

    __slots__ = ()


class Section(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One table of settings."""


class IndexSettings(Section, frozen=True):
    """How repositories become an index."""

    include: Annotated[
        list[str],
        Meta(
            description="Index only files these globs match, even where a default rule skips their names"
        ),
    ] = []
    exclude: Annotated[list[str], Meta(description="Globs never to index")] = []
    watch: Annotated[bool, Meta(description="Watch the project root while a server runs")] = True
    workers: Annotated[int, Meta(ge=0, le=64, description="Parser processes; 0: one for each core")] = 0
    max_file_bytes: Annotated[
        int, Meta(ge=1_000, description="Larger files are skipped and counted")
    ] = 1_000_000
    allow_clone: Annotated[bool, Meta(description="Whether index_repo may clone git URLs")] = False
    store_limit_mb: Annotated[
        int, Meta(ge=50, description="Size of the index store; least used views go first")
    ] = 20_000


class EmbedSettings(Section, frozen=True):
    """Which model turns text into vectors. Anything but `static` and `hashing` is opt-in."""

    provider: Annotated[
        str, Meta(description="static, hashing, model2vec, openai, or an installed plug-in")
    ] = "static"
    path: Annotated[str, Meta(description="Folder of a model2vec model")] = ""
    base_url: Annotated[
        str,
        Meta(description="Root of an OpenAI-compatible endpoint, for example http://127.0.0.1:11434/v1"),
    ] = ""
    model: Annotated[str, Meta(description="Model name at that endpoint")] = ""
    key: Annotated[
        str,
        Meta(
            description="Reference to the key: env:NAME, file:PATH, keyring:SERVICE/NAME or cmd:COMMAND"
        ),
    ] = ""
    dimensions: Annotated[
        int, Meta(ge=0, le=8192, description="Expected vector size; 0: ask the endpoint")
    ] = 0
    send_source: Annotated[bool, Meta(description="Whether source text may be sent to the endpoint")] = (
        False
    )
    max_tokens: Annotated[
        int, Meta(ge=0, description="Hard limit of tokens sent by one process; 0 sends nothing")
    ] = 0
    usd_per_million: Annotated[
        str, Meta(description="Dollars for a million tokens, exact decimal; 0: what the price lists say")
    ] = "0"


class CostSettings(Section, frozen=True):
    """What calls of models may cost, and who hears of it. Budgets: `sophia cost budget`."""

    user: Annotated[
        str, Meta(description="Who spending is counted for; empty: the login name of the process")
    ] = ""
    prices: Annotated[
        HomeFile, Meta(description="Your prices; empty: prices.toml beside the user's config.toml")
    ] = HomeFile()
    unpriced_tokens: Annotated[
        int,
        Meta(ge=0, description="Tokens a day that may be used at unknown prices; 0 refuses such calls"),
    ] = 0
    webhook: Annotated[
        str,
        Meta(
            description="Where budget alerts are posted: https://, http:// on this machine, or a reference (env:NAME, file:PATH, keyring:SERVICE/NAME, cmd:COMMAND)"
        ),
    ] = ""


class MemorySettings(Section, frozen=True):
    """How long memories last, and when lessons are believed."""

    working_hours: Annotated[int, Meta(ge=1, description="Life of a working memory")] = 24
    episodic_days: Annotated[int, Meta(ge=1, description="Life of a run's summary")] = 90
    half_life_days: Annotated[
        int, Meta(ge=1, description="After so long unused, half of a lasting memory's weight is left")
    ] = 180
    kept_days: Annotated[int, Meta(ge=1, description="How long forgetting can be undone")] = 30
    confirmations: Annotated[
        int, Meta(ge=1, description="Confirmations before a lesson stands in prompts")
    ] = 3
    lessons: Annotated[int, Meta(ge=0, le=50, description="Lessons in one prompt, at most")] = 5


class SwarmSettings(Section, frozen=True):
    """What a run of a swarm may take at most. A pattern may ask for less, never for more."""

    agents: Annotated[int, Meta(ge=1, le=64, description="Roles of one run")] = 8
    concurrent: Annotated[
        int, Meta(ge=1, le=64, description="Questions of one run at the same time")
    ] = 8
    steps: Annotated[int, Meta(ge=1, le=1000, description="Questions of one run in all")] = 40
    wall_minutes: Annotated[
        float, Meta(gt=0, le=1440, description="Life of a run, without the time it waits for answers")
    ] = 15.0
    step_seconds: Annotated[float, Meta(gt=0, le=3600, description="How long one question may take")] = (
        180.0
    )
    park_seconds: Annotated[
        float,
        Meta(
            ge=1,
            description="How long a run that waits for the assistant stays in memory; it goes on with the answer",
        ),
    ] = 300.0
    kept_days: Annotated[
        int,
        Meta(
            ge=1,
            le=36_500,
            description="How long a run that has ended is kept with its questions, answers and timeline; costs are never deleted",
        ),
    ] = 90


class GateSettings(Section, frozen=True):
    """What may be run to try a patch that a swarm wrote. It runs code that a model wrote, so it is off."""

    commands: Annotated[
        list[list[str]],
        Meta(
            description='Commands a patch must pass, each a list of words run without a shell, for example [["pytest", "-q"]]'
        ),
    ] = []
    roots: Annotated[
        list[str],
        Meta(description="Folders whose repositories the commands may run on; empty: every one"),
    ] = []
    seconds: Annotated[float, Meta(gt=0, le=3600, description="How long one command may take")] = 300.0
    output_kb: Annotated[int, Meta(ge=1, description="How much one command may write")] = 1_000
    copy_mb: Annotated[
        int, Meta(ge=1, description="How large the copy of the tree may be that they run in")
    ] = 500


class TargetSettings(Section, frozen=True):
    """What one slug of the gateway stands for."""

    provider: Annotated[
        str, Meta(description="The gateway's name of the vendor, for example anthropic")
    ] = ""
    key: Annotated[
        str, Meta(description="Reference to the vendor's key; only for a gateway of your own")
    ] = ""
    virtual_key: Annotated[str, Meta(description="Reference to a virtual key of the hosted gateway")] = (
        ""
    )
    custom_host: Annotated[
        str, Meta(description="The vendor's address, where it is not the usual one")
    ] = ""
    output: Annotated[
        Literal["auto", "format", "tool", "words"],
        Meta(description="How a schema is sent: response format, forced tool call, words"),
    ] = "auto"
    headers: Annotated[
        dict[str, str],
        Meta(
            description="Further x-portkey- facts, such as aws-region; a value may be a secret reference"
        ),
    ] = {}


class PortkeySettings(Section, frozen=True):
    """The Portkey gateway, hosted or your own."""

    base_url: Annotated[str, Meta(description="Address of the gateway, ending in /v1")] = (
        "https://api.portkey.ai/v1"
    )
    key: Annotated[
        str,
        Meta(
            description="Reference to the gateway's key; at Portkey itself default: env:PORTKEY_API_KEY"
        ),
    ] = ""
    gateway: Annotated[
        Literal["auto", "hosted", "local"],
        Meta(description="Whether it knows slugs by itself; auto: at Portkey's own address"),
    ] = "auto"
    config: Annotated[str, Meta(description="Id of a saved gateway config")] = ""
    fast: Annotated[str, Meta(description="Model of the tier fast, as @slug/model")] = ""
    standard: Annotated[str, Meta(description="Model of the tier standard, as @slug/model")] = ""
    deep: Annotated[str, Meta(description="Model of the tier deep, as @slug/model")] = ""
    targets: Annotated[
        dict[str, TargetSettings],
        Meta(
            description="What slugs stand for: tables of provider, key, virtual_key, custom_host, output, headers"
        ),
    ] = {}


class OpenAISettings(Section, frozen=True):
    """Any OpenAI-compatible endpoint."""

    base_url: Annotated[
        str, Meta(description="Address of the endpoint, for example http://127.0.0.1:11434/v1")
    ] = ""
    key: Annotated[
        str, Meta(description="Reference to its key; at api.openai.com default: env:OPENAI_API_KEY")
    ] = ""
    vendor: Annotated[
        str,
        Meta(description="Whose prices apply; default: found by the address, and none for this machine"),
    ] = ""
    fast: Annotated[str, Meta(description="Model of the tier fast")] = ""
    standard: Annotated[str, Meta(description="Model of the tier standard")] = ""
    deep: Annotated[str, Meta(description="Model of the tier deep")] = ""
    output: Annotated[
        Literal["auto", "format", "tool", "words"],
        Meta(description="How a schema is sent: response format, forced tool call, words"),
    ] = "auto"
    context_tokens: Annotated[
        int,
        Meta(ge=0, description="The model's window, question and answer together; 0: the catalogue's"),
    ] = 0


class LlmSettings(Section, frozen=True):
    """Which model answers, and how patiently it is asked."""

    provider: Annotated[
        str,
        Meta(
            description="auto (portkey, openai, sampling, host: the first that is set up), or one by name"
        ),
    ] = "auto"
    fallback: Annotated[
        list[str], Meta(description="Providers asked in turn when the chosen one fails")
    ] = []
    concurrency: Annotated[
        int, Meta(ge=1, le=256, description="Questions in flight at once to one provider or slug")
    ] = 8
    deadline_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Longest time for one answer, repetitions included; 0: what each step asks for",
        ),
    ] = 0.0
    attempts: Annotated[int, Meta(ge=1, le=10, description="How often a question is tried in all")] = 3
    compact: Annotated[
        Literal["important_first", "sliding_window"],
        Meta(description="What stays of a context that is too long"),
    ] = "important_first"
    cache: Annotated[bool, Meta(description="Whether an exact question is answered from the cache")] = (
        True
    )
    cache_hours: Annotated[float, Meta(gt=0, le=720, description="How long answers are kept")] = 24.0
    semantic_cache: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Least cosine at which a similar question is answered with an earlier answer; 0: never",
        ),
    ] = 0.0
    allow_http: Annotated[
        bool, Meta(description="Whether http:// to another machine is allowed, in a network you trust")
    ] = False
    script: Annotated[str, Meta(description="File of the provider scripted")] = ""
    portkey: PortkeySettings = field(default_factory=PortkeySettings)
    openai: OpenAISettings = field(default_factory=OpenAISettings)


class ServerSettings(Section, frozen=True):
    """How the MCP server behaves."""

    read_only: Annotated[bool, Meta(description="Publish only tools that change nothing")] = False
    toolsets: Annotated[
        list[str], Meta(description="Publish only these toolsets or tools; empty: all")
    ] = []


class LogSettings(Section, frozen=True):
    """Where diagnostics go. Never to standard output, which is the protocol."""

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="Least level written")
    ] = "WARNING"
    file: Annotated[HomeFile, Meta(description="A file to append to; empty: standard error")] = (
        HomeFile()
    )


class Settings(Section, frozen=True):
    """Every setting, frozen. Built by `load`."""

    home: Annotated[Path, Meta(description="Folder of the two store files")] = field(
        default_factory=lambda: platformdirs.user_data_path("sophia")
    )
    root: Annotated[
        Path | None,
        Meta(description="Project root; default: found from the client or the working folder"),
    ] = None
    config: Annotated[
        Path | None, Meta(description="The user's config.toml, where it is not the platform's")
    ] = None
    index: IndexSettings = field(default_factory=IndexSettings)
    embed: EmbedSettings = field(default_factory=EmbedSettings)
    cost: CostSettings = field(default_factory=CostSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    swarm: SwarmSettings = field(default_factory=SwarmSettings)
    gates: GateSettings = field(default_factory=GateSettings)
    llm: LlmSettings = field(default_factory=LlmSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    log: LogSettings = field(default_factory=LogSettings)


def every(table: type[Section], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting and table below a table, as ``embed.key``."""
    for known in fields(table):
        yield above + known.name, known
        if is_table(known):
            yield from every(known.type, f"{above}{known.name}.")


def is_table(known: FieldInfo) -> bool:
    """Whether it holds settings of its own."""
    return isinstance(known.type, type) and issubclass(known.type, Section)
