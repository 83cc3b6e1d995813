"""What does a pattern file say, and is it right? Every fault names the file and the key.

A file that came with a repository is untrusted: it may not name commands or a provider, and reads no
file outside its own folder.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, get_args

from sophia_mcp.errors import BadSetting
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

_SHARED = Path(__file__).parent / "_shared"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_FILE_BYTES = 64 * 1024
_ANSWER_TOKENS = (256, 32_000)
_TOP = {
    "title",
    "summary",
    "rules",
    "rules_text",
    "takes",
    "requires",
    "writes",
    "gates",
    "commands",
    "provider",
    "recommended",
    "roles",
    "steps",
    "context",
    "limits",
}
_ROLE = {"title", "prompt", "prompt_text"}
_STEP = {
    "key",
    "kind",
    "role",
    "roles",
    "prompt",
    "prompt_text",
    "schema",
    "max_tokens",
    "needs",
    "items",
    "at_most",
    "quorum",
    "tier",
    "repairs",
    "debate",
    "optional",
}
_PERSONS_OWN = ("commands", "provider")
_ANSWERS: Mapping[StepKind, tuple[tuple[str, ...], ...]] = {
    "read": (("findings",), ("claims",)),
    "write": (("edits",), ("patch",)),
    "verify": (("verdicts",),),
    "judge": (("keep",),),
}
"""What an answer of each kind must carry: one of these sets of fields."""


def read_pattern(file: Path, origin: Origin) -> Pattern:
    """The pattern in ``file``. Raises BadSetting with the file, the key and what would be right."""
    if not _NAME.match(file.stem):
        raise BadSetting(
            f"the pattern file {file} has no usable name",
            why="a name is lower case letters, digits and _, at most 40",
            next="rename the file",
        )
    try:
        table = tomllib.loads(_content(file))
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{file} is not valid TOML", why=str(error), next="mend that line") from error
    return _Reading(file, origin).pattern(table)


def _content(file: Path) -> str:
    try:
        if file.stat().st_size > _FILE_BYTES:
            raise BadSetting(f"{file} is larger than {_FILE_BYTES // 1024} kB", next="make it shorter")
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSetting(f"cannot read {file}", why=why or "", next="mend the file") from error


@dataclass(frozen=True, slots=True)
class _Reading:
    """One file while it is read: knows where things stand, so that a fault can say so."""

    file: Path
    origin: Origin

    def pattern(self, table: Mapping[str, Any]) -> Pattern:
        self._known(table, _TOP, "")
        if self.origin == "project":
            for key in _PERSONS_OWN:
                if key in table:
                    self._fault(
                        key,
                        "a pattern that comes with a repository may not choose what runs or who is paid",
                        "remove it, or keep the pattern in your configuration folder",
                    )
        roles = self._roles(table.get("roles"))
        steps = self._steps(table.get("steps"), roles)
        gates: tuple[GateName, ...] = self._choices(table, "gates", GateName)
        writes = any(step.kind == "write" for step in steps)
        if table.get("writes", writes) is not writes:
            self._fault("writes", "it says otherwise than the steps do", f"write {str(writes).lower()}")
        self._gates_fit(gates, steps)
        pattern = Pattern(
            name=self.file.stem,
            title=self._text(table, "title"),
            summary=self._text(table, "summary"),
            rules=self._prompt(table, "rules", "", _SHARED / "rules.md"),
            roles=roles,
            steps=steps,
            gates=gates,
            takes=self._choices(table, "takes", Take) or ("task",),
            requires=self._choices(table, "requires", Take) or ("task",),
            writes=writes,
            verifier=next((step.key for step in steps if step.kind == "verify"), ""),
            judge=next((step.key for step in steps if step.kind == "judge"), ""),
            context=self._numbers(table, "context", Context, 60_000),
            limits=self._numbers(table, "limits", Limits, 3_600),
            commands=self._commands(table.get("commands", [])),
            provider=self._text(table, "provider", ""),
            origin=self.origin,
            recommended=self._text(table, "recommended", ""),
        )
        self._limits_fit(pattern)
        return pattern

    def _roles(self, table: Any) -> dict[str, Role]:
        if not isinstance(table, Mapping) or not table:
            self._fault("roles", "a pattern has at least one role", "add a table [roles.NAME]")
        roles: dict[str, Role] = {}
        for key, entry in table.items():
            where = f"roles.{key}"
            if not isinstance(entry, Mapping) or not _NAME.match(key):
                self._fault(where, "a role is a table with a lower case name", "mend its name or shape")
            self._known(entry, _ROLE, where)
            roles[key] = Role(
                key, self._text(entry, "title", where=where), self._prompt(entry, "prompt", where)
            )
        return roles

    def _steps(self, entries: Any, roles: Mapping[str, Role]) -> tuple[Step, ...]:
        if not isinstance(entries, list) or not entries:
            self._fault("steps", "a pattern has at least one step", "add [[steps]]")
        steps: list[Step] = []
        for number, entry in enumerate(entries):
            where = f"steps[{number}]"
            if not isinstance(entry, Mapping):
                self._fault(where, "a step is a table", "write [[steps]]")
            steps.append(self._step(entry, where, roles, tuple(steps)))
        for kind in ("verify", "judge"):
            if sum(step.kind == kind for step in steps) > 1:
                self._fault("steps", f"there are two steps of kind {kind}", "keep one")
        return tuple(steps)

    def _step(
        self, entry: Mapping[str, Any], where: str, roles: Mapping[str, Role], before: tuple[Step, ...]
    ) -> Step:
        self._known(entry, _STEP, where)
        key = self._text(entry, "key", where=where)
        earlier = {step.key: step for step in before}
        if not _NAME.match(key) or key in earlier:
            self._fault(f"{where}.key", "keys are lower case names, each used once", "choose another")
        kind: StepKind = self._choice(entry, "kind", StepKind, where)
        chosen = self._strings(entry, "roles", where) or self._strings(entry, "role", where)
        if not chosen or any(role not in roles for role in chosen):
            self._fault(
                f"{where}.role",
                f"known roles: {', '.join(roles)}",
                "name one of them, or several in roles",
            )
        needs = self._strings(entry, "needs", where)
        for need in needs:
            if need not in earlier:
                self._fault(
                    f"{where}.needs", f"no earlier step is called {need!r}", "order the steps by need"
                )
        items = self._text(entry, "items", "", where)
        fan_out: FanOut = "items" if items else "roles" if len(chosen) > 1 else ""
        if items:
            self._items_fit(items, needs, earlier, where)
        if fan_out and kind not in ("plan", "read"):
            self._fault(f"{where}.kind", f"a {kind} step is one call", "give it one role and no items")
        if fan_out == "items" and len(chosen) > 1:
            self._fault(
                f"{where}.roles", "a step fans out over roles or over items", "keep one of the two"
            )
        most = self._number(entry, "at_most", where, (1, 16), 8) if items else len(chosen)
        return Step(
            key=key,
            kind=kind,
            roles=chosen,
            prompt=self._prompt(entry, "prompt", where),
            schema=self._schema(entry.get("schema"), kind, where),
            max_tokens=self._number(entry, "max_tokens", where, _ANSWER_TOKENS),
            needs=needs,
            fan_out=fan_out,
            items=items,
            at_most=most,
            quorum=self._number(entry, "quorum", where, (0, most), 1),
            tier=self._choice(entry, "tier", Tier, where) if "tier" in entry else None,
            repairs=self._number(entry, "repairs", where, (0, 3), 0),
            debate=self._flag(entry, "debate", where),
            optional=self._flag(entry, "optional", where),
        )

    def _items_fit(
        self, items: str, needs: Sequence[str], earlier: Mapping[str, Step], where: str
    ) -> None:
        source, _, field = items.partition(".")
        schema = earlier[source].schema if source in needs and source in earlier else {}
        if schema.get("properties", {}).get(field, {}).get("type") != "array":
            self._fault(
                f"{where}.items",
                f"{items!r} is not a list in the answer of a step this one needs",
                'write items = "STEP.FIELD" and name STEP in needs',
            )

    def _schema(self, given: Any, kind: StepKind, where: str) -> Mapping[str, Any]:
        if isinstance(given, str):
            file = _SHARED / f"{given}.json"
            if not _NAME.match(given) or not file.is_file():
                known = ", ".join(sorted(path.stem for path in _SHARED.glob("*.json")))
                self._fault(f"{where}.schema", f"shared schemas: {known}", "name one or write a table")
            given = json.loads(file.read_text("utf-8"))
        if not isinstance(given, Mapping) or given.get("type") != "object":
            self._fault(f"{where}.schema", "an answer is a JSON object", 'begin with type = "object"')
        properties = given.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            self._fault(f"{where}.schema", "it names no properties", "add properties")
        wanted = _ANSWERS.get(kind)
        if wanted and not any(set(one) <= set(properties) for one in wanted):
            names = " or ".join(", ".join(one) for one in wanted)
            self._fault(f"{where}.schema", f"a {kind} step answers {names}", "add that property")
        return given

    def _gates_fit(self, gates: Sequence[GateName], steps: Sequence[Step]) -> None:
        answered = {name for step in steps for name in step.schema["properties"]}
        wanted: tuple[tuple[str, GateName], ...] = (
            ("findings", "quotes"),
            ("claims", "citations"),
            ("edits", "patch"),
            ("patch", "patch"),
        )
        for field, gate in wanted:
            if field in answered and gate not in gates:
                self._fault("gates", f"steps answer {field}, which nobody checks", f"add {gate!r}")

    def _limits_fit(self, pattern: Pattern) -> None:
        calls = sum(step.at_most * (1 + step.repairs) for step in pattern.steps)
        if calls > pattern.limits.steps:
            self._fault(
                "limits.steps",
                f"the steps can be {calls} calls, the limit is {pattern.limits.steps}",
                "lower at_most or repairs, or raise the limit",
            )
        if len(pattern.roles) > pattern.limits.agents:
            self._fault(
                "limits.agents", f"there are {len(pattern.roles)} roles", "raise it or drop roles"
            )

    def _commands(self, given: Any) -> tuple[tuple[str, ...], ...]:
        right = isinstance(given, list) and all(
            isinstance(one, list) and one and all(isinstance(word, str) and word for word in one)
            for one in given
        )
        if not right:
            self._fault(
                "commands",
                "a command is a list of words, run without a shell",
                'write [["pytest", "-q"]]',
            )
        return tuple(tuple(one) for one in given)

    def _prompt(
        self, table: Mapping[str, Any], key: str, where: str, default: Path | None = None
    ) -> str:
        """``key_text`` as it stands, or the file that ``key`` names beside this one (or shared)."""
        place = f"{where}.{key}" if where else key
        inline = table.get(f"{key}_text")
        name = table.get(key)
        if isinstance(inline, str) and name is None and inline.strip():
            return inline.strip()
        if name is None and inline is None and default is not None:
            return default.read_text("utf-8").strip()
        if not isinstance(name, str) or inline is not None or not re.fullmatch(r"[\w-]+\.md", name):
            self._fault(
                place,
                "it is neither a file name ending in .md nor the text itself",
                f'write {key} = "NAME.md" with the file in {self.file.stem}/, or {key}_text = "..."',
            )
        for folder in (self.file.parent / self.file.stem, _SHARED):
            file = folder / name
            if file.is_file() and not (
                self.origin == "project" and file.resolve().parent != folder.resolve()
            ):
                return _content(file).strip()
        return self._fault(place, f"there is no {self.file.stem}/{name}", "write that file")

    def _numbers(self, table: Mapping[str, Any], key: str, record: type[Any], most: int) -> Any:
        given = table.get(key, {})
        names = {field.name for field in fields(record)}
        if not isinstance(given, Mapping):
            self._fault(key, "it is a table", f"write [{key}]")
        self._known(given, names, key)
        return record(**{name: self._number(given, name, key, (0, most)) for name in given})

    def _number(
        self,
        table: Mapping[str, Any],
        key: str,
        where: str,
        span: tuple[int, int],
        default: int | None = None,
    ) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not span[0] <= value <= span[1]:
            self._fault(f"{where}.{key}", f"it is a whole number of {span[0]} to {span[1]}", "mend it")
        return value

    def _flag(self, table: Mapping[str, Any], key: str, where: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self._fault(f"{where}.{key}", "it is true or false", "mend it")
        return value

    def _text(
        self, table: Mapping[str, Any], key: str, default: str | None = None, where: str = ""
    ) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            self._fault(f"{where}.{key}" if where else key, "it is missing or not text", "write it")
        return value.strip()

    def _strings(self, table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._fault(f"{where}.{key}", "it is a list of names", "mend it")
        if len(set(value)) != len(value):
            self._fault(f"{where}.{key}", "a name stands there twice", "keep one")
        return tuple(value)

    def _choice(self, table: Mapping[str, Any], key: str, kind: Any, where: str) -> Any:
        value = table.get(key)
        if value not in get_args(kind):
            self._fault(f"{where}.{key}", f"it is one of {', '.join(get_args(kind))}", "choose one")
        return value

    def _choices(self, table: Mapping[str, Any], key: str, kind: Any) -> Any:
        values = self._strings(table, key, "")
        for value in values:
            if value not in get_args(kind):
                self._fault(key, f"each is one of {', '.join(get_args(kind))}", f"mend {value!r}")
        return values

    def _known(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in table:
            if key not in known:
                self._fault(
                    f"{where}.{key}" if where else key,
                    f"there is no such key; known: {', '.join(sorted(known))}",
                    "remove or rename it",
                )

    def _fault(self, key: str, why: str, next: str) -> NoReturn:
        raise BadSetting(f"{self.file}: {key.lstrip('.')} is wrong", why=why, next=next)
