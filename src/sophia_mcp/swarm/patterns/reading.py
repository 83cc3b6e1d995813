"""What does a pattern file say, and is it right? Every fault names the file and the key.

A file that came with a repository is untrusted: it may not name commands or a provider, and reads no
file outside its own folder.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from sophia_mcp.errors import BadSetting
from sophia_mcp.swarm.patterns._table import SHARED, Table, content
from sophia_mcp.swarm.patterns.record import (
    Context,
    FanOut,
    GateName,
    Limits,
    Origin,
    Pattern,
    Role,
    Step,
    StepKind,
    Take,
)
from sophia_mcp.types import Tier

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
"""What a pattern, a role or a step may be called."""
_ANSWER_TOKENS = (256, 32_000)
_CONTEXT_TOKENS = (0, 100_000)
_LIMITS = {
    "agents": (1, 16),
    "concurrent": (1, 16),
    "steps": (1, 100),
    "rounds": (1, 8),
    "wall_s": (10, 3_600),
}
_TOP = frozenset(
    "title summary rules rules_text takes requires gates commands provider recommended roles steps context"
    " limits".split()
)
_STEP = frozenset(
    "key kind role roles prompt prompt_text schema max_tokens needs items at_most quorum tier repairs debate"
    " optional".split()
)
_PERSONS_OWN = ("commands", "provider", "recommended")
_WRITTEN = frozenset(("edits", "patch"))
_REACHING = frozenset("$ref $dynamicRef $recursiveRef $schema $id pattern patternProperties".split())
"""Of a schema, what would make a validator fetch another document, or match texts of others with a regular
expression of a stranger, which can take for ever."""
_NAMING = frozenset("properties dependentSchemas $defs".split())
"""Of a schema, where names stand that its author chose."""
_ANSWERS: Mapping[StepKind, tuple[str, ...]] = {
    "read": ("findings", "claims"),
    "write": ("edits", "patch"),
    "verify": ("verdicts",),
    "judge": ("keep",),
}
"""Of what an answer of each kind must carry one."""

_CHECKS: Mapping[str, GateName] = {
    "findings": "quotes",
    "claims": "citations",
    "edits": "patch",
    "patch": "patch",
}


def read_pattern(file: Path, origin: Origin) -> Pattern:
    """The pattern in ``file``. Raises BadSetting with the file, the key and what would be right."""
    if not NAME.match(file.stem):
        raise BadSetting(
            f"the pattern file {file} has no usable name",
            why="a name is lower case letters, digits and _, at most 40",
            next="rename the file",
        )
    try:
        values = tomllib.loads(content(file))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadSetting(f"{file} is not valid TOML", why=str(error), next="mend that line") from error
    return _pattern(Table(file, values, file.with_suffix(""), own=origin != "project"), origin)


def _pattern(table: Table, origin: Origin) -> Pattern:
    table.known(_TOP)
    if origin == "project":
        for key in _PERSONS_OWN:
            if key in table.values:
                table.fault(
                    key,
                    "a pattern that comes with a repository may not choose what runs or who is paid",
                    "remove it, or keep the pattern in your configuration folder",
                )
    roles = _roles(table)
    steps = _steps(table, roles)
    gates: tuple[GateName, ...] = table.choices("gates", get_args(GateName))
    _check_gates(table, gates, steps)
    limits: Limits = _numbers(table, "limits", Limits, _LIMITS)
    _check_limits(table, limits, roles, steps)
    return Pattern(
        name=table.file.stem,
        title=table.text("title"),
        summary=table.text("summary"),
        rules=table.prompt("rules", "rules.md"),
        roles=roles,
        steps=steps,
        gates=gates,
        takes=table.choices("takes", get_args(Take)) or ("task",),
        requires=table.choices("requires", get_args(Take)) or ("task",),
        context=_numbers(table, "context", Context, {}),
        limits=limits,
        commands=_commands(table),
        provider=table.text("provider", ""),
        origin=origin,
        recommended=table.text("recommended", ""),
    )


def _roles(table: Table) -> dict[str, Role]:
    given = table.values.get("roles")
    if not isinstance(given, Mapping) or not given:
        table.fault("roles", "a pattern has at least one role", "add a table [roles.NAME]")
    roles: dict[str, Role] = {}
    for key in given:
        if not NAME.match(key):
            table.fault(f"roles.{key}", "a role has a lower case name", "rename it")
        role = table.below(f"roles.{key}", given[key])
        role.known(("title", "prompt", "prompt_text"))
        roles[key] = Role(key, role.text("title"), role.prompt("prompt"))
    return roles


def _steps(table: Table, roles: Mapping[str, Role]) -> tuple[Step, ...]:
    given = table.values.get("steps")
    if not isinstance(given, list) or not given:
        table.fault("steps", "a pattern has at least one step", "add [[steps]]")
    steps: list[Step] = []
    for number, entry in enumerate(given):
        steps.append(
            _step(table.below(f"steps[{number}]", entry), roles, {step.key: step for step in steps})
        )
    for kind in ("verify", "judge"):
        if sum(step.kind == kind for step in steps) > 1:
            table.fault("steps", f"there are two steps of kind {kind}", "keep one")
    if sum(bool(_WRITTEN & set(step.schema["properties"])) for step in steps) > 1:
        table.fault(
            "steps", "two steps write, and their edits would not fit together", "let one step write"
        )
    return tuple(steps)


def _step(table: Table, roles: Mapping[str, Role], earlier: Mapping[str, Step]) -> Step:
    table.known(_STEP)
    key = table.text("key")
    if not NAME.match(key) or key in earlier:
        table.fault("key", "keys are lower case names, each used once", "choose another")
    kind: StepKind = table.choice("kind", get_args(StepKind))
    chosen = table.strings("roles") or table.strings("role")
    if not chosen or any(role not in roles for role in chosen):
        table.fault("role", f"known roles: {', '.join(roles)}", "name one of them, or several in roles")
    needs = table.strings("needs")
    for need in needs:
        if need not in earlier:
            table.fault("needs", f"no earlier step is called {need!r}", "order the steps by need")
    items = table.text("items", "")
    if items:
        _check_items(table, items, needs, earlier)
    fan_out: FanOut = "items" if items else "roles" if len(chosen) > 1 else ""
    schema = _schema(table, kind)
    if fan_out and (kind not in ("plan", "read") or _WRITTEN & set(schema["properties"])):
        table.fault("kind", f"a {kind} step is one call by one role", "give it one role and no items")
    if fan_out == "items" and len(chosen) > 1:
        table.fault("roles", "a step fans out over roles or over items", "keep one of the two")
    most = table.number("at_most", (1, 16), 8) if items else len(chosen)
    return Step(
        key=key,
        kind=kind,
        roles=chosen,
        prompt=table.prompt("prompt"),
        schema=schema,
        max_tokens=table.number("max_tokens", _ANSWER_TOKENS),
        needs=needs,
        fan_out=fan_out,
        items=items,
        at_most=most,
        quorum=table.number("quorum", (0, most), 1),
        tier=table.choice("tier", get_args(Tier)) if "tier" in table.values else None,
        repairs=table.number("repairs", (0, 3), 0),
        debate=table.flag("debate"),
        optional=table.flag("optional"),
    )


def _check_items(table: Table, items: str, needs: Sequence[str], earlier: Mapping[str, Step]) -> None:
    source, _, field = items.partition(".")
    schema: Mapping[str, Any] = earlier[source].schema if source in needs else {}
    if schema.get("properties", {}).get(field, {}).get("type") != "array":
        table.fault(
            "items",
            f"{items!r} is not a list in the answer of a step this one needs",
            'write items = "STEP.FIELD" and name STEP in needs',
        )


def _schema(table: Table, kind: StepKind) -> Mapping[str, Any]:
    given = table.values.get("schema")
    if isinstance(given, str):
        file = SHARED / f"{given}.json"
        if not NAME.match(given) or not file.is_file():
            known = ", ".join(sorted(path.stem for path in SHARED.glob("*.json")))
            table.fault("schema", f"shared schemas: {known}", "name one or write a table")
        given = json.loads(file.read_text("utf-8"))
    if not isinstance(given, Mapping) or given.get("type") != "object":
        table.fault("schema", "an answer is a JSON object", 'begin with type = "object"')
    properties = given.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        table.fault("schema", "it names no properties", "add properties")
    for keyword in sorted(_keywords(given) & _REACHING):
        table.fault("schema", f"{keyword} is not supported", "write out what it stands for")
    wanted = _ANSWERS.get(kind)
    if wanted and not any(name in properties for name in wanted):
        table.fault("schema", f"a {kind} step answers {' or '.join(wanted)}", "add that property")
    return given


def _keywords(schema: Any) -> set[str]:
    """The keywords of a schema at every depth; names of properties are none."""
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return set().union(*map(_keywords, schema))
    if not isinstance(schema, Mapping):
        return set()
    found = set(schema)
    for key, value in schema.items():
        named = key in _NAMING and isinstance(value, Mapping)
        found |= _keywords(list(value.values()) if named else value)
    return found


def _check_gates(table: Table, gates: Sequence[GateName], steps: Sequence[Step]) -> None:
    answered = {name for step in steps for name in step.schema["properties"]}
    for field, gate in _CHECKS.items():
        if field in answered and gate not in gates:
            table.fault("gates", f"steps answer {field}, which nobody checks", f"add {gate!r}")


def _check_limits(
    table: Table, limits: Limits, roles: Mapping[str, Role], steps: Sequence[Step]
) -> None:
    calls = sum(step.at_most * (1 + step.repairs) for step in steps)
    if calls > limits.steps:
        table.fault(
            "limits.steps",
            f"the steps can be {calls} calls, the limit is {limits.steps}",
            "lower at_most or repairs, or raise the limit",
        )
    if len(roles) > limits.agents:
        table.fault("limits.agents", f"there are {len(roles)} roles", "raise it or drop roles")


def _commands(table: Table) -> tuple[tuple[str, ...], ...]:
    given = table.values.get("commands", [])
    right = isinstance(given, list) and all(
        isinstance(one, list) and one and all(isinstance(word, str) and word for word in one)
        for one in given
    )
    if not right:
        table.fault(
            "commands", "a command is a list of words, run without a shell", 'write [["pytest", "-q"]]'
        )
    return tuple(tuple(one) for one in given)


def _numbers(table: Table, key: str, record: type[Any], spans: Mapping[str, tuple[int, int]]) -> Any:
    below = table.below(key, table.values.get(key, {}))
    below.known([field.name for field in fields(record)])
    return record(
        **{name: below.number(name, spans.get(name, _CONTEXT_TOKENS)) for name in below.values}
    )
