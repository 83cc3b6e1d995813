"""What is a pattern? One frozen value: roles, steps, gates and limits. Data only, no code.

How a run reads it:

- Steps run as soon as all they need is answered. A step with ``fan_out="roles"`` is one call for each
  of its roles, with ``fan_out="items"`` one for each entry of the list that ``items`` names in an
  earlier answer. Only ``read`` and ``plan`` steps fan out; a pattern writes with one pen.
- A call's messages are, in this order: ``Pattern.rules`` (system), the context and the answers of the
  steps it needs (fenced as data, shared by a whole fan-out, first), the role's prompt, the step's
  prompt, the item. Prompts are plain text: nothing in them is replaced.
- ``read`` and ``write`` answers are proposals. They pass ``Pattern.gates`` before any other step sees
  them, and before any opinion is asked. A ``write`` answer that fails is asked again, at most
  ``Step.repairs`` times, with what the gates said.
- A ``verify`` step gets what stands, numbered, and answers ``verdicts``; a ``judge`` step gets what
  still stands and answers ``keep`` and ``summary``. Neither can add a finding, a quote or an edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sophia_mcp.types import Tier

StepKind = Literal["plan", "read", "write", "verify", "judge"]
"""``plan`` answers feed later steps only; ``read`` proposes findings or claims; ``write`` proposes
edits; ``verify`` and ``judge`` speak about proposals."""

FanOut = Literal["", "roles", "items"]
GateName = Literal["quotes", "citations", "patch", "parses", "commands"]
"""``quotes``: a finding's quote stands at its path and line. ``citations``: a claim's quotes stand in
the source they name. ``patch``: edits apply in a scratch copy. ``parses``: no more syntax errors than
before. ``commands``: what the person allowed passes there; off unless they configured any."""

Take = Literal["task", "paths", "diff", "web"]
Origin = Literal["shipped", "user", "project"]


@dataclass(frozen=True, slots=True)
class Role:
    """Who answers: a point of view, with its instruction."""

    key: str
    title: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of call. ``roles`` has one entry unless the step fans out over roles.

    ``items`` is ``step.field``: a list in the answer of a step this one needs; ``at_most`` of its
    entries are asked. ``quorum`` is how many calls of a fan-out must have answered for the run to go
    on. ``tier`` None: the tier of the order. ``schema`` is the JSON Schema of the answer, an object.
    ``optional``: where it fails or is skipped for want of budget, the run goes on without it.
    """

    key: str
    kind: StepKind
    roles: tuple[str, ...]
    prompt: str
    schema: Mapping[str, Any]
    max_tokens: int
    needs: tuple[str, ...] = ()
    fan_out: FanOut = ""
    items: str = ""
    at_most: int = 1
    quorum: int = 1
    tier: Tier | None = None
    repairs: int = 0
    debate: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run of the pattern may take at most; settings may lower it, never raise it."""

    agents: int = 8
    concurrent: int = 8
    steps: int = 40
    rounds: int = 8
    wall_s: int = 900


@dataclass(frozen=True, slots=True)
class Context:
    """What a run is given to read, in tokens: the diff, the named files, what search finds for the
    task, what memory recalls, what the web connector brings. 0: nothing of it."""

    diff: int = 0
    paths: int = 0
    search: int = 0
    memory: int = 0
    web: int = 0


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way for several agents to do one task.

    ``takes`` names the inputs that matter to it, ``requires`` those of which at least one must be
    given. ``writes``: the outcome carries a patch. ``commands`` and ``provider`` can only come from a
    person's own configuration folder.
    """

    name: str
    title: str
    summary: str
    rules: str
    roles: Mapping[str, Role]
    steps: tuple[Step, ...]
    gates: tuple[GateName, ...]
    takes: tuple[Take, ...] = ("task",)
    requires: tuple[Take, ...] = ("task",)
    context: Context = Context()
    limits: Limits = Limits()
    commands: tuple[tuple[str, ...], ...] = ()
    provider: str = ""
    origin: Origin = "shipped"
    recommended: str = ""

    def step(self, key: str) -> Step:
        """The step of that key. Raises KeyError."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)
