"""Every error a door can meet, split by who can act.

::

    SophiaError
    ├── AgentError                  the calling agent can mend its call
    │   ├── BadArgument             a value is out of its range or does not parse
    │   ├── NotFound                a repository, path, symbol or id does not exist
    │   ├── NotIndexed              the place exists but has no index yet
    │   ├── OutsideRoots            the path is not inside an allowed root
    │   ├── BadQuery                the query cannot be run (regular expression, cursor)
    │   └── TooLarge                the answer or input exceeds a stated limit
    ├── PersonError                 the person at the keyboard must act
    │   ├── BadSetting              a setting or configuration file is wrong
    │   ├── NoProjectRoot           no usable project root was found
    │   ├── ClientConfigError       an editor's configuration could not be read or written
    │   ├── NotAllowed              a person has not allowed this (cloning, sending code out)
    │   └── MissingExtra            an optional package is not installed
    ├── OperatorError               the machine or a service must be mended
    │   ├── StoreDamaged            a store file is corrupt
    │   ├── StoreTooNew             written by a newer version than this one may read
    │   ├── StoreBusy               the store stayed locked past its deadline
    │   ├── DiskFull                a write failed for want of space or permission
    │   ├── OldSQLite               the linked SQLite has a known corruption bug
    │   ├── NoWorker                no process could be started to prepare files
    │   ├── ProviderError           a hosted service refused or failed
    │   │   ├── ContextTooLong      the question is longer than the model reads
    │   │   └── BadAnswer           the answer is not what was asked for, also after a repair
    │   └── BudgetExceeded          the next call would pass a hard limit
    └── Bug                         nobody can act; carries an id to look up in the log

Each leaf says what failed, why, and what to do next. Doors translate; nothing else catches blindly.
"""

from __future__ import annotations

import secrets
from typing import Any


class SophiaError(Exception):
    """An error with its three parts: ``what`` failed, ``why``, and the ``next`` call or step."""

    code = "error"

    def __init__(self, what: str, *, why: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.next = what, why, next

    def __str__(self) -> str:
        return " · ".join(
            part
            for part in (self.what, self.why and f"why: {self.why}", self.next and f"next: {self.next}")
            if part
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders with all three parts."""
        return (_rebuild, (type(self), self.what, self.why, self.next))


def _rebuild(
    kind: type[SophiaError], what: str, why: str, next: str, facts: dict[str, Any] | None = None
) -> SophiaError:
    return kind(what, why=why, next=next, **facts or {})


class AgentError(SophiaError):
    """The calling agent can mend its call."""

    code = "agent"


class BadArgument(AgentError):
    code = "bad_argument"


class NotFound(AgentError):
    code = "not_found"


class NotIndexed(AgentError):
    code = "not_indexed"


class OutsideRoots(AgentError):
    code = "outside_roots"


class BadQuery(AgentError):
    code = "bad_query"


class TooLarge(AgentError):
    code = "too_large"


class PersonError(SophiaError):
    """The person at the keyboard must act."""

    code = "person"


class BadSetting(PersonError):
    code = "bad_setting"


class NoProjectRoot(PersonError):
    code = "no_project_root"


class ClientConfigError(PersonError):
    code = "client_config"


class NotAllowed(PersonError):
    code = "not_allowed"


class MissingExtra(PersonError):
    code = "missing_extra"


class OperatorError(SophiaError):
    """The machine or a service must be mended."""

    code = "operator"


class StoreDamaged(OperatorError):
    code = "store_damaged"


class StoreTooNew(OperatorError):
    code = "store_too_new"


class StoreBusy(OperatorError):
    code = "store_busy"


class DiskFull(OperatorError):
    code = "disk_full"


class OldSQLite(OperatorError):
    code = "old_sqlite"


class NoWorker(OperatorError):
    code = "no_worker"


class ProviderError(OperatorError):
    """A hosted service refused or failed.

    ``transient``: the same question may be answered later, after ``retry_after_s`` where the service
    said so. ``status`` is the HTTP status, or 0. ``charged`` is False where surely nothing was
    produced that could be billed.
    """

    code = "provider"

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        next: str = "",
        transient: bool = False,
        retry_after_s: float | None = None,
        status: int = 0,
        charged: bool = True,
    ) -> None:
        super().__init__(what, why=why, next=next)
        self.transient, self.retry_after_s = transient, retry_after_s
        self.status, self.charged = status, charged

    def __reduce__(self) -> tuple[object, ...]:
        facts = {
            name: getattr(self, name) for name in ("transient", "retry_after_s", "status", "charged")
        }
        return (_rebuild, (type(self), self.what, self.why, self.next, facts))


class ContextTooLong(ProviderError):
    code = "context_too_long"


class BadAnswer(ProviderError):
    code = "bad_answer"


class BudgetExceeded(OperatorError):
    code = "budget_exceeded"


class Bug(SophiaError):
    """Something that should not happen. The id stands in the log beside the traceback."""

    code = "bug"

    def __init__(self, what: str = "Internal error", *, why: str = "", next: str = "") -> None:
        self.id = secrets.token_hex(4)
        super().__init__(f"{what} {self.id}", why=why, next=next or "run `sophia debug doctor`")


def leaves() -> tuple[type[SophiaError], ...]:
    """Every error class that is raised, in the order of the tree: all but the groups."""

    def walk(kind: type[SophiaError]) -> list[type[SophiaError]]:
        below = kind.__subclasses__()
        group = below and (kind is SophiaError or kind.__base__ is SophiaError)
        return [*([] if group else [kind]), *(leaf for child in below for leaf in walk(child))]

    return tuple(walk(SophiaError))
