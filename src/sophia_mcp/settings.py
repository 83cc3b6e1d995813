"""What is configured, and where it came from. The only reader of environment and configuration files.

Precedence, first wins: flags given to `load`, `SOPHIA_*` variables (`__` for nesting), the project's
`.sophia/config.toml`, the user's `config.toml`, the default. A project's file is text from a
repository and may only set what cannot send code away or run anything (`PROJECT_MAY_SET`).
"""

from __future__ import annotations

import getpass
import json
import os
import shlex
import subprocess
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import platformdirs

from sophia_mcp.errors import BadSetting
from sophia_mcp.sections import Section, Unfit, holds_several, names_of, option, options_of
from sophia_mcp.security.keyrings import look_up
from sophia_mcp.security.paths import check_home, known_home, of_home
from sophia_mcp.security.tables import PROJECT_FILE, read_own, read_project, says

PROJECT_MAY_SET = {"index": {"include", "exclude", "watch"}}
"""Keys a project's own file may set, by section."""


def _file(name: str) -> str:
    """A file with its ``~``; empty stays empty. Raises ValueError."""
    return str(known_home(name)) if name else ""


class IndexSettings(Section):
    """How repositories become an index."""

    include: list[str] = option(
        default=[],
        description="Index only files these globs match, even where a default rule skips their names",
    )
    exclude: list[str] = option(default=[], description="Globs never to index")
    watch: bool = option(default=True, description="Watch the project root while a server runs")
    workers: int = option(default=0, ge=0, le=64, description="Parser processes; 0: one for each core")
    max_file_bytes: int = option(
        default=1_000_000, ge=1_000, description="Larger files are skipped and counted"
    )
    allow_clone: bool = option(default=False, description="Whether index_repo may clone git URLs")
    store_limit_mb: int = option(
        default=20_000, ge=50, description="Size of the index store; least used views go first"
    )


class EmbedSettings(Section):
    """Which model turns text into vectors. Anything but `static` and `hashing` is opt-in."""

    provider: str = option(
        default="static", description="static, hashing, model2vec, openai, or an installed plug-in"
    )
    path: str = option(default="", description="Folder of a model2vec model")
    base_url: str = option(
        default="",
        description="Root of an OpenAI-compatible endpoint, for example http://127.0.0.1:11434/v1",
    )
    model: str = option(default="", description="Model name at that endpoint")
    key: str = option(
        default="",
        description="Reference to the key: env:NAME, file:PATH, keyring:SERVICE/NAME or cmd:COMMAND",
    )
    dimensions: int = option(
        default=0, ge=0, le=8192, description="Expected vector size; 0: ask the endpoint"
    )
    send_source: bool = option(
        default=False, description="Whether source text may be sent to the endpoint"
    )
    max_tokens: int = option(
        default=0, ge=0, description="Hard limit of tokens sent by one process; 0 sends nothing"
    )
    usd_per_million: str = option(
        default="0",
        description="Dollars for a million tokens, exact decimal; 0: what the price lists say",
    )


class CostSettings(Section):
    """What calls of models may cost, and who hears of it. Budgets: `sophia cost budget`."""

    user: str = option(
        default="", description="Who spending is counted for; empty: the login name of the process"
    )
    prices: str = option(
        default="",
        read=_file,
        description="Your prices; empty: prices.toml beside the user's config.toml",
    )
    unpriced_tokens: int = option(
        default=0,
        ge=0,
        description="Tokens a day that may be used at unknown prices; 0 refuses such calls",
    )
    webhook: str = option(
        default="",
        description="Where budget alerts are posted: https://, http:// on this machine, or a reference (env:NAME, file:PATH, keyring:SERVICE/NAME, cmd:COMMAND)",
    )


class MemorySettings(Section):
    """How long memories last, and when lessons are believed."""

    working_hours: int = option(default=24, ge=1, description="Life of a working memory")
    episodic_days: int = option(default=90, ge=1, description="Life of a run's summary")
    half_life_days: int = option(
        default=180, ge=1, description="After so long unused, half of a lasting memory's weight is left"
    )
    kept_days: int = option(default=30, ge=1, description="How long forgetting can be undone")
    confirmations: int = option(
        default=3, ge=1, description="Confirmations before a lesson stands in prompts"
    )
    lessons: int = option(default=5, ge=0, le=50, description="Lessons in one prompt, at most")


class SwarmSettings(Section):
    """What a run of a swarm may take at most. A pattern may ask for less, never for more."""

    agents: int = option(default=8, ge=1, le=64, description="Roles of one run")
    concurrent: int = option(default=8, ge=1, le=64, description="Questions of one run at the same time")
    steps: int = option(default=40, ge=1, le=1000, description="Questions of one run in all")
    wall_minutes: float = option(
        default=15.0, gt=0, le=1440, description="Life of a run, without the time it waits for answers"
    )
    step_seconds: float = option(
        default=180.0, gt=0, le=3600, description="How long one question may take"
    )
    park_seconds: float = option(
        default=300.0,
        ge=1,
        description="How long a run that waits for the assistant stays in memory; it goes on with the answer",
    )
    kept_days: int = option(
        default=90,
        ge=1,
        le=36_500,
        description="How long a run that has ended is kept with its questions, answers and timeline; costs are never deleted",
    )


class GateSettings(Section):
    """What may be run to try a patch that a swarm wrote. It runs code that a model wrote, so it is off."""

    commands: list[list[str]] = option(
        default=[],
        description='Commands a patch must pass, each a list of words run without a shell, for example [["pytest", "-q"]]',
    )
    roots: list[str] = option(
        default=[], description="Folders whose repositories the commands may run on; empty: every one"
    )
    seconds: float = option(default=300.0, gt=0, le=3600, description="How long one command may take")
    output_kb: int = option(default=1_000, ge=1, description="How much one command may write")
    copy_mb: int = option(
        default=500, ge=1, description="How large the copy of the tree may be that they run in"
    )


class TargetSettings(Section):
    """What one slug of the gateway stands for."""

    provider: str = option(
        default="", description="The gateway's name of the vendor, for example anthropic"
    )
    key: str = option(
        default="", description="Reference to the vendor's key; only for a gateway of your own"
    )
    virtual_key: str = option(default="", description="Reference to a virtual key of the hosted gateway")
    custom_host: str = option(
        default="", description="The vendor's address, where it is not the usual one"
    )
    output: Literal["auto", "format", "tool", "words"] = option(
        default="auto", description="How a schema is sent: response format, forced tool call, words"
    )
    headers: dict[str, str] = option(
        default={},
        description="Further x-portkey- facts, such as aws-region; a value may be a secret reference",
    )


class PortkeySettings(Section):
    """The Portkey gateway, hosted or your own."""

    base_url: str = option(
        default="https://api.portkey.ai/v1", description="Address of the gateway, ending in /v1"
    )
    key: str = option(
        default="",
        description="Reference to the gateway's key; at Portkey itself default: env:PORTKEY_API_KEY",
    )
    gateway: Literal["auto", "hosted", "local"] = option(
        default="auto", description="Whether it knows slugs by itself; auto: at Portkey's own address"
    )
    config: str = option(default="", description="Id of a saved gateway config")
    fast: str = option(default="", description="Model of the tier fast, as @slug/model")
    standard: str = option(default="", description="Model of the tier standard, as @slug/model")
    deep: str = option(default="", description="Model of the tier deep, as @slug/model")
    targets: dict[str, TargetSettings] = option(
        default={},
        description="What slugs stand for: tables of provider, key, virtual_key, custom_host, output, headers",
    )


class OpenAISettings(Section):
    """Any OpenAI-compatible endpoint."""

    base_url: str = option(
        default="", description="Address of the endpoint, for example http://127.0.0.1:11434/v1"
    )
    key: str = option(
        default="", description="Reference to its key; at api.openai.com default: env:OPENAI_API_KEY"
    )
    vendor: str = option(
        default="",
        description="Whose prices apply; default: found by the address, and none for this machine",
    )
    fast: str = option(default="", description="Model of the tier fast")
    standard: str = option(default="", description="Model of the tier standard")
    deep: str = option(default="", description="Model of the tier deep")
    output: Literal["auto", "format", "tool", "words"] = option(
        default="auto", description="How a schema is sent: response format, forced tool call, words"
    )
    context_tokens: int = option(
        default=0,
        ge=0,
        description="The model's window, question and answer together; 0: the catalogue's",
    )


class LlmSettings(Section):
    """Which model answers, and how patiently it is asked."""

    provider: str = option(
        default="auto",
        description="auto (portkey, openai, sampling, host: the first that is set up), or one by name",
    )
    fallback: list[str] = option(
        default=[], description="Providers asked in turn when the chosen one fails"
    )
    concurrency: int = option(
        default=8, ge=1, le=256, description="Questions in flight at once to one provider or slug"
    )
    deadline_s: float = option(
        default=0.0,
        ge=0,
        le=3600,
        description="Longest time for one answer, repetitions included; 0: what each step asks for",
    )
    attempts: int = option(default=3, ge=1, le=10, description="How often a question is tried in all")
    compact: Literal["important_first", "sliding_window"] = option(
        default="important_first", description="What stays of a context that is too long"
    )
    cache: bool = option(
        default=True, description="Whether an exact question is answered from the cache"
    )
    cache_hours: float = option(default=24.0, gt=0, le=720, description="How long answers are kept")
    semantic_cache: float = option(
        default=0.0,
        ge=0,
        le=1,
        description="Least cosine at which a similar question is answered with an earlier answer; 0: never",
    )
    allow_http: bool = option(
        default=False,
        description="Whether http:// to another machine is allowed, in a network you trust",
    )
    script: str = option(default="", description="File of the provider scripted")
    portkey: PortkeySettings = PortkeySettings()
    openai: OpenAISettings = OpenAISettings()


class ServerSettings(Section):
    """How the MCP server behaves."""

    read_only: bool = option(default=False, description="Publish only tools that change nothing")
    toolsets: list[str] = option(
        default=[], description="Publish only these toolsets or tools; empty: all"
    )


class LogSettings(Section):
    """Where diagnostics go. Never to standard output, which is the protocol."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = option(
        default="WARNING", description="Least level written"
    )
    file: str = option(default="", read=_file, description="A file to append to; empty: standard error")


def _user_config() -> Path:
    check_home()  # the platform's folders lie there
    return of_home(
        os.environ.get("SOPHIA_CONFIG") or platformdirs.user_config_path("sophia") / "config.toml"
    )


class Settings(Section):
    """Every setting, frozen. Built by `load`."""

    home: Path = option(
        default_factory=lambda: platformdirs.user_data_path("sophia"),
        read=known_home,
        description="Folder of the two store files",
    )
    root: Path | None = option(
        read=known_home,
        description="Project root; default: found from the client or the working folder",
    )
    config: Path | None = option(
        read=known_home, description="The user's config.toml, where it is not the platform's"
    )
    index: IndexSettings = IndexSettings()
    embed: EmbedSettings = EmbedSettings()
    cost: CostSettings = CostSettings()
    memory: MemorySettings = MemorySettings()
    swarm: SwarmSettings = SwarmSettings()
    gates: GateSettings = GateSettings()
    llm: LlmSettings = LlmSettings()
    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()


def load(project: Path | None = None, **flags: Any) -> Settings:
    """Settings for a project. `flags` are nested dicts; None values mean "not given".

    Raises BadSetting naming the setting, its value's fault and where to mend it.
    """
    own = _user_config()
    user = read_own(own)
    ours = read_project(project, PROJECT_MAY_SET, own) if project is not None else {}
    given = {key: value for key, value in flags.items() if value is not None}
    values: dict[str, Any] = {}
    for tables in (user, ours, _variables(), given):
        values = _over(tables, values)
    try:
        return Settings(**values)
    except Unfit as fault:
        where = _source(fault.place, given, (project or Path()) / PROJECT_FILE, ours, own)
        raise _explained(fault, where) from fault


def misspelt() -> list[str]:
    """A warning for each variable that looks like a setting of ours and is none. (An unknown name inside a
    table is refused by `load`.)"""
    names = [f"SOPHIA_{name.replace('.', '__')}".upper() for name in names_of(Settings)]
    said = []
    for name in sorted(os.environ):
        if name.upper().startswith("SOPHIA_") and name.upper().partition("__")[0] not in names:
            near = get_close_matches(name.upper(), names, 1, 0.8)
            said.append(f"there is no setting {name}" + (f"; the nearest is {near[0]}" if near else ""))
    return said


def _variables() -> dict[str, Any]:
    """What the variables say, as tables. One that is to hold a list or a table and is no JSON stays the text it is, so
    that it is refused by its name like any other wrong value; an empty one says nothing."""
    found: dict[str, Any] = {}
    for name in sorted(os.environ, key=len):  # a whole table before what is set in it
        place = tuple(name.lower().removeprefix("sophia_").split("__"))
        text = os.environ[name]
        if not name.upper().startswith("SOPHIA_") or place[0] not in options_of(Settings) or not text:
            continue
        value: Any = text
        if holds_several(Settings, place):
            with suppress(ValueError):
                value = json.loads(text)
        for part in reversed(place):
            value = {part: value}
        found = _over(value, found)
    return found


def _over(tables: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Both, where they speak of the same setting the first."""
    merged = others | tables
    for name in tables.keys() & others.keys():
        if isinstance(tables[name], dict) and isinstance(others[name], dict):
            merged[name] = _over(tables[name], others[name])
    return merged


def _source(
    place: tuple[int | str, ...], flags: Any, file: Path, project: dict[str, Any], own: Path
) -> str:
    """Where the value of a setting came from, in words."""
    if says(flags, place):
        return "the flag"
    named = f"SOPHIA_{'__'.join(map(str, place)).upper()}__"
    marks = {f"{name.upper()}__": name for name in os.environ}
    if found := [mark for mark in marks if mark.startswith(named) or named.startswith(mark)]:
        return f"the variable {marks[max(found, key=len)]}"
    return str(file if says(project, place) else own)


def _explained(fault: Unfit, where: str) -> BadSetting:
    name = ".".join(map(str, fault.place))
    how = f"mend it in {where}"
    if fault.kind == "list" and where.startswith("the variable"):
        how = f"""write {where} as a JSON list, for example '["docs/**"]'"""
    if fault.kind == "name":
        near = get_close_matches(name, names_of(Settings), 1, 0.8)
        meant = f"write {near[0]} if that is meant, else take it out" if near else "take it out"
        return BadSetting(
            f"there is no setting {name}",
            why=f"{where} names it",
            next=f"{meant}; docs/reference/settings.md lists all settings",
        )
    return BadSetting(
        f"setting {name} is wrong",
        why=f"{fault} ({where})",
        next=f"{how}; docs/reference/settings.md lists all settings",
    )


def secret(reference: str) -> str:
    """The value behind a secret reference, for the one caller that needs it. Empty stays empty.

    Raises BadSetting without ever repeating the value.
    """
    if not reference:
        return ""
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        value = os.environ.get(rest, "")
        if not value:
            raise BadSetting(f"the variable {rest} is not set", next=f"export {rest}")
        return value
    if scheme == "file":
        try:
            return of_home(rest).read_text().strip()
        except OSError as error:
            raise BadSetting(f"cannot read the secret file {rest}", why=error.strerror or "") from error
    if scheme == "cmd":
        ran = subprocess.run(  # noqa: S603 - the person's own command, from the person's own file, no shell
            shlex.split(rest), capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL
        )
        if ran.returncode != 0:
            raise BadSetting(
                f"the secret command failed with exit code {ran.returncode}", next="run it by hand"
            )
        return ran.stdout.decode(errors="replace").strip()
    if scheme == "keyring":
        return look_up(rest)
    raise BadSetting(
        "a setting that must refer to a secret does not begin with env:, file:, keyring: or cmd:",
        why="a secret is a reference, never a value",
        next="use env:NAME, file:PATH, keyring:SERVICE/NAME or cmd:COMMAND",
    )


def is_reference(text: str) -> bool:
    """Whether a setting that may also be a plain value refers to a secret."""
    return text.partition(":")[0] in ("env", "file", "keyring", "cmd")


def prices_file(settings: Settings) -> Path:
    """Where the user's own prices are, whether or not the file exists."""
    own = settings.cost.prices
    return Path(own) if own else (settings.config or _user_config()).parent / "prices.toml"


def patterns_folder(settings: Settings) -> Path:
    """Where a person's own swarm patterns are, whether or not the folder exists."""
    return (settings.config or _user_config()).parent / "patterns"


def login() -> str:
    """The login name of this process; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def environment(name: str) -> str | None:
    """One variable another program sets for us (for example CLAUDE_PROJECT_DIR)."""
    return os.environ.get(name)


def calm_libraries() -> None:
    """Ask matrix libraries for one thread each. They read this when they are first imported; their
    threads gain nothing on the small arrays of one question, and spin on the cores that others need."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
