"""How do the calls of other assistants get into the ledger? Read, merged, priced, recorded.

A file is read again only when its size or time changed. Of everything read, each call counts once
under its own id, and the ledger corrects what it knows already by the difference: importing twice, or
being cut off in between, changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import anyio

from sophia_mcp.cost import reads
from sophia_mcp.cost.ledger.entry import Price, Record, Settled
from sophia_mcp.cost.ledger.ledger import Ledger
from sophia_mcp.cost.logs import CLIENTS, Call, Client, Machine
from sophia_mcp.cost.logs._json import MOST_BYTES, merged
from sophia_mcp.cost.reads import Read
from sophia_mcp.llm.prices.catalogue import Priced
from sophia_mcp.store.database import Database
from sophia_mcp.types import LOCAL, Labels, Scope

Tell = Callable[[int, int, str], Awaitable[None]]
"""Called with files done, files in all, and the client at hand."""

_AT_ONCE = 200
_LARGEST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What one client's logs came to. ``files`` were read, ``unchanged`` were not; ``calls`` stood in
    those read, of which ``new`` were recorded and ``corrected`` had grown. ``nano`` is what the calls
    that were read cost, ``unpriced`` how many of them have no known price; ``skipped`` records were
    not understood and ``unreadable`` files could not be opened."""

    client: str
    title: str
    files: int = 0
    unchanged: int = 0
    unreadable: int = 0
    calls: int = 0
    new: int = 0
    corrected: int = 0
    nano: int = 0
    unpriced: int = 0
    skipped: int = 0
    since_ns: int = 0
    until_ns: int = 0


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports logs into one ledger. ``price`` is the catalogue's."""

    db: Database
    ledger: Ledger
    price: Price
    machine: Machine
    scope: Scope = LOCAL

    async def run(
        self,
        clients: Iterable[str] = (),
        *,
        since_ns: int = 0,
        again: bool = False,
        tell: Tell | None = None,
    ) -> tuple[Imported, ...]:
        """Import the logs of these clients (none: of all), calls before ``since_ns`` left out.
        ``again`` reads unchanged files, too. Raises NotFound for a client nobody knows."""
        names = tuple(clients) or CLIENTS.names()
        loaded = [(name, CLIENTS.load(name)) for name in names]
        return tuple([await self._client(*each, since_ns, again, tell) for each in loaded])

    async def found(self) -> dict[str, int]:
        """How many log files each client has on this machine."""
        counts = {}
        for name, client in CLIENTS.all():
            paths = await anyio.to_thread.run_sync(_listed, client, self.machine)
            counts[name] = len(paths)
        return counts

    async def _client(
        self, name: str, client: Client, since_ns: int, again: bool, tell: Tell | None
    ) -> Imported:
        paths = await anyio.to_thread.run_sync(_listed, client, self.machine)
        known = {} if again or since_ns else await reads.known(self.db, self.scope, name, client.version)
        found: list[Read] = []
        unchanged = unreadable = 0
        for number, path in enumerate(paths):
            if tell is not None:
                await tell(number, len(paths), client.title)
            state = known.get(str(path))
            read = await anyio.to_thread.run_sync(_read_file, client, path, state)
            unchanged += read == "unchanged"
            unreadable += read == "unreadable"
            found += [read] if isinstance(read, Read) else []
        calls = [
            call
            for call in merged(call for read in found for call in read.log.calls)
            if call.at_ns >= since_ns
        ]
        done = Imported(
            name,
            client.title,
            files=len(found),
            unchanged=unchanged,
            unreadable=unreadable,
            calls=len(calls),
            skipped=sum(read.log.skipped for read in found),
            since_ns=min((call.at_ns for call in calls), default=0),
            until_ns=max((call.at_ns for call in calls), default=0),
        )
        done = await self._record(name, sorted(calls, key=lambda call: call.at_ns), done)
        if not since_ns:
            await reads.remember(self.db, self.scope, name, client.version, found)
        if tell is not None:
            await tell(len(paths), len(paths), client.title)
        return done

    async def _record(self, name: str, calls: list[Call], done: Imported) -> Imported:
        for some in _batches(calls, _AT_ONCE):
            records = [self._priced(name, call) for call in some]
            new, corrected = await self.ledger.record(records)
            amounts = [each.settled.priced.nano for each in records if each.settled.priced]
            done = replace(
                done,
                new=done.new + new,
                corrected=done.corrected + corrected,
                nano=done.nano + sum(amount for amount in amounts if amount is not None),
                unpriced=done.unpriced + sum(amount is None for amount in amounts),
            )
        return done

    def _priced(self, name: str, call: Call) -> Record:
        priced = self.price(
            call.usage,
            provider=call.provider,
            model=call.model,
            at_ns=call.at_ns,
            processing=call.processing,
        )
        guessed = priced.nano is None or (call.usage.estimated and priced.basis == "estimated")
        if guessed and call.claimed_nano is not None:
            priced = Priced(call.claimed_nano, "estimated", source=name, note=f"as {name} reckoned it")
        labels = Labels(
            run=f"{name}:{call.session}" if call.session else "",
            agent=call.agent,
            repo=call.project,
            user=self.ledger.user,
            tag=name,
        )
        return Record(
            call.at_ns,
            call.provider,
            call.model,
            Settled("imported", call.usage, priced),
            labels,
            call.processing,
            origin=f"{name}:{call.id}",
            grows=True,
        )


def _listed(client: Client, machine: Machine) -> list[Path]:
    try:
        return list(islice(client.files(machine), _LARGEST_FILES))
    except OSError:
        return []


def _read_file(client: Client, path: Path, known: tuple[int, int] | None) -> Read | str:
    """One file with the size and time it had before it was read, so that what is written meanwhile
    is seen the next time; or why it was not read."""
    try:
        state = path.stat()
        size, changed_ns = state.st_size, state.st_mtime_ns
        beside = path.with_name(path.name + "-wal")
        if beside.exists():
            size, changed_ns = size + beside.stat().st_size, beside.stat().st_mtime_ns
        if known == (size, changed_ns):
            return "unchanged"
        if size > MOST_BYTES:
            return "unreadable"
        return Read(path, size, changed_ns, client.read(path))
    except OSError:
        return "unreadable"


def _batches(calls: list[Call], size: int) -> Iterator[list[Call]]:
    for at in range(0, len(calls), size):
        yield calls[at : at + size]
