"""How is the MCP server put together? Tools, resources, completions and courtesy around one state."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp.server import CacheHint, MCPServer
from mcp.server.apps import Apps
from mcp.server.mcpserver.tools import Tool
from mcp.types import Completion, PromptReference, ResourceTemplateReference, ToolAnnotations

from sophia_mcp import __version__
from sophia_mcp.errors import BadSetting
from sophia_mcp.server import prompts, sdk
from sophia_mcp.server.courtesy import Courtesy
from sophia_mcp.server.errors import answering, reading
from sophia_mcp.server.resources import RESOURCES, ResourceRecord
from sophia_mcp.server.schemas import slim
from sophia_mcp.server.state import Environment, OpenApp, State, name_caller
from sophia_mcp.server.tools import TOOLS, ToolRecord

NAME = "sophia"
MAX_COMPLETIONS = 100

INSTRUCTIONS = """\
Search this code base with search_code before grep, glob or reading files: it finds code by meaning, \
identifier, regular expression, error text or stack trace and returns the right lines in few tokens.

- How or where is something done: ask in plain words. A name: just the name. A trace or failing test: paste it.
- mode="callers" and "references" answer who uses it; "outline" maps a file, folder or the repository; \
"similar" finds near-duplicates; scope="changed" looks only at uncommitted work and the branch.
- Every hit is checked against the file on disk. Read on with search_code("path:10-80", detail="full").
- recall(query) before a task: decisions and lessons of earlier sessions. remember(text, kind, anchors) what \
cost time to learn or a person decided.
- A first line "not here:" means the repository does not have it: believe it, or try the names it gives.
- The project is indexed on first use; while that runs answers say what share they cover. \
Other folders: index_repo(path)."""


def build_server(
    open_app: OpenApp,
    *,
    root: Path | None = None,
    environment: Environment = lambda name: None,
    toolsets: Sequence[str] = (),
    read_only: bool = False,
) -> MCPServer[State]:
    """The server. ``open_app`` opens the app for a project on the first call that needs it.

    ``root`` is the project a person set, ``environment`` looks up one variable, ``toolsets`` names the
    toolsets or tools to publish (empty: all), ``read_only`` leaves out every tool that writes. Raises
    BadSetting for one that is unknown.
    """
    state = State(open_app, root=root, environment=environment)
    server: MCPServer[State] = MCPServer(
        NAME,
        title="Sophia",
        instructions=INSTRUCTIONS,
        version=__version__,
        tools=[_tool(name, record) for name, record in _chosen(toolsets, read_only=read_only)],
        extensions=[state.tasks, Apps()],
        lifespan=lambda _: state.running(),
        log_level="WARNING",
        cache_hints={"tools/list": CacheHint(ttl_ms=300_000, scope="public")},
        subscriptions=state.changes.bus,
    )
    for name, resource in RESOURCES.all():
        _publish(server, state, name, resource)
    prompts.publish(server)
    _complete(server, state)
    server.middleware.extend(
        [name_caller, state.changes.remember, Courtesy(server), prompts.checked(server)]
    )
    sdk.announce_list_changes(server)
    sdk.serve_subscriptions(server, state.changes.subscribe, state.changes.unsubscribe)
    sdk.on_notification(server, "notifications/roots/list_changed", state.forget_projects)
    return server


def _chosen(toolsets: Sequence[str], *, read_only: bool) -> list[tuple[str, ToolRecord]]:
    records = list(TOOLS.all())
    known = sorted({record.toolset for _, record in records} | {name for name, _ in records})
    unknown = sorted(set(toolsets) - set(known))
    if unknown:
        raise BadSetting(
            f"there is no toolset or tool {unknown[0]!r}",
            why=f"known: {', '.join(known)}",
            next="mend --toolsets or the setting server.toolsets",
        )
    if toolsets:
        records = [(name, record) for name, record in records if {name, record.toolset} & set(toolsets)]
    kept = [(name, record) for name, record in records if record.read_only or not read_only]
    # The tool an agent should reach for first is listed first.
    return sorted(kept, key=lambda item: ("anthropic/alwaysLoad" not in item[1].meta, item[0]))


def _tool(name: str, record: ToolRecord) -> Tool:
    tool = Tool.from_function(
        answering(record.call),
        name=name,
        description=inspect.getdoc(record.call),
        annotations=ToolAnnotations(
            read_only_hint=record.read_only,
            idempotent_hint=record.idempotent,
            destructive_hint=record.destructive,
            open_world_hint=record.open_world,
        ),
        structured_output=record.structured,
        meta=dict(record.meta) or None,
    )
    return slim(tool)


def _publish(server: MCPServer[State], state: State, name: str, record: ResourceRecord) -> None:
    read = reading(record.read)
    parameters = [p for p in inspect.signature(record.read).parameters.values() if p.name != "state"]

    async def call(**values: Any) -> Any:
        return await read(state, **values)

    # The SDK matches the parameters of the function with those of the URI.
    call.__signature__ = inspect.Signature(parameters, return_annotation=str)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: str for p in parameters} | {"return": str}
    server.resource(
        record.uri,
        name=name,
        title=record.title,
        description=record.description,
        mime_type=record.mime_type,
    )(call)


def _complete(server: MCPServer[State], state: State) -> None:
    completed = {record.uri: record for _, record in RESOURCES.all()}

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> Completion | None:
        uri = ref.uri if isinstance(ref, ResourceTemplateReference) else ""
        record = completed.get(str(uri))
        if record is not None and argument.name in record.offers:
            known = await record.offers[argument.name](state)
        elif isinstance(ref, PromptReference) and (ref.name, argument.name) == (prompts.ANY, "pattern"):
            known = await prompts.patterns_known(state)
        else:
            return None
        names = [name for name in known if name.startswith(argument.value)]
        return Completion(
            values=names[:MAX_COMPLETIONS], total=len(names), has_more=len(names) > MAX_COMPLETIONS
        )
