"""The service itself: ``python -m tests.upstream.server`` says on standard error where it listens.

``/ACCOUNT/v1/chat/completions``, ``/ACCOUNT/v1/messages``, ``/ACCOUNT/v1beta/models/M:generateContent``
are the doors; ``/_/…`` is for the test that owns the account.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

from tests.upstream import anthropic, gemini, openai
from tests.upstream.bill import TARIFFS, Bill, Line
from tests.upstream.call import Call, Refused, Said, Temper, work
from tests.upstream.faults import NONE, STATUSES, Fault, asked_fault, drawn_fault, parse_fault
from tests.upstream.wire import Exchange, serve_connection

STALL_S = 60.0

_DOORS: tuple[tuple[re.Pattern[str], ModuleType], ...] = (
    (re.compile(r"/v1/chat/completions\Z"), openai),
    (re.compile(r"/v1/messages\Z"), anthropic),
    (re.compile(r"/v1(?:beta)?/models/(?P<model>[^:/]+):(?P<verb>generateContent|streamGenerateContent)\Z"), gemini),
)  # fmt: skip


@dataclass
class Account:
    """One customer: a key, a bill, a temper, and what the next requests meet."""

    key: str
    temper: Temper
    bill: Bill = field(default_factory=Bill)
    script: list[str] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    pace_s: float = 0.0
    together: int = 0
    met: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    most_at_once: int = 0
    at_once: int = 0


class Service:
    """All accounts, and the doors to them."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}

    async def answer(self, exchange: Exchange) -> None:
        """One request, from whomever."""
        name, _, rest = exchange.path.removeprefix("/").partition("/")
        if name == "_":
            await self._control(exchange, rest)
            return
        account = self.accounts.get(name)
        rest = f"/{rest}"
        if account is None:
            await exchange.send_json(404, {"error": {"message": "no such account"}})
            return
        if rest == "/v1/models":
            await exchange.send_json(200, {"object": "list", "data": [{"id": m} for m in TARIFFS]})
            return
        for pattern, dialect in _DOORS:
            if (found := pattern.match(rest)) is not None:
                account.at_once += 1
                account.most_at_once = max(account.most_at_once, account.at_once)
                if account.at_once >= account.together:
                    account.met.set()
                try:
                    await _serve(account, exchange, dialect, rest, found.groupdict())
                finally:
                    account.at_once -= 1
                return
        await exchange.send_json(404, {"error": {"message": f"Invalid URL (POST {rest})"}})

    async def _control(self, exchange: Exchange, rest: str) -> None:
        name, _, verb = rest.partition("/")
        if verb == "bill":
            dumped = self.accounts[name].bill.dump(exchange.query.get("bodies") == "1")
            await exchange.send_json(200, dumped)
            return
        if verb == "most_at_once":
            await exchange.send_json(200, self.accounts[name].most_at_once)
            return
        wanted = json.loads(exchange.body or b"{}")
        if name not in self.accounts:
            self.accounts[name] = Account(wanted.pop("key"), Temper())
        account = self.accounts[name]
        for key in ("seed", "stretch", "charge"):
            if key in wanted:
                setattr(account.temper, key, wanted.pop(key))
        for key in ("rates", "pace_s", "together"):
            if key in wanted:
                setattr(account, key, wanted.pop(key))
        account.script += wanted.pop("script", [])
        account.temper.answers[:0] = wanted.pop("answers", [])
        if wanted.pop("release", False):
            account.released.set()
            account.released = asyncio.Event()
        assert not wanted, f"unknown options {sorted(wanted)}"
        await exchange.send_json(200, {})


def _key_of(exchange: Exchange) -> str:
    """The key as each vendor takes it."""
    bearer = exchange.headers.get("authorization", "")
    return (
        exchange.headers.get("x-api-key")
        or exchange.headers.get("x-goog-api-key")
        or exchange.query.get("key")
        or bearer.removeprefix("Bearer ")
    )


async def _serve(
    account: Account, exchange: Exchange, dialect: ModuleType, path: str, found: dict[str, str]
) -> None:
    """One call at a vendor's door: who asks, what for, what goes wrong, what it costs."""
    try:
        body = json.loads(exchange.body)
    except ValueError:
        await exchange.send_json(400, dialect.error(400, "We could not parse the JSON body."))
        return
    refused: Refused | None = None
    call: Call | None = None
    try:
        call = dialect.parse(body, found.get("model", ""), found.get("verb") == "streamGenerateContent")
    except Refused as why:
        refused = why
    line = account.bill.open(
        dialect=dialect.__name__.rpartition(".")[2],
        path=path,
        model=call.model if call else str(body.get("model", "")),
        call=call.id if call else "",
        stream=bool(call and call.stream),
        headers=exchange.headers,
        body=body,
    )
    key = _key_of(exchange)
    if not hmac.compare_digest(key.encode(), account.key.encode()):
        refused = Refused(401, f"Incorrect API key provided: {key}.")
    elif dialect is anthropic and "anthropic-version" not in exchange.headers:
        refused = Refused(400, "anthropic-version: header is required")
    fault = _fault(account, exchange, call, line)
    line.fault = fault.name
    if refused is None and fault.name in STATUSES:
        refused = Refused(int(fault.name), "injected")
    if refused is not None or call is None:
        assert refused is not None
        line.status = refused.status
        after = {"retry-after": fault.options["retry-after"]} if "retry-after" in fault.options else {}
        await exchange.send_json(refused.status, dialect.error(refused.status, refused.message), after)
        line.finished = True
        return
    await _work(account, exchange, dialect, call, fault, line)


def _fault(account: Account, exchange: Exchange, call: Call | None, line: Line) -> Fault:
    if (written := exchange.headers.get("x-fault")) is not None:
        return parse_fault(written)
    if account.script:
        return parse_fault(account.script.pop(0))
    if call is None:
        return NONE
    asked = asked_fault(call.prompt, line.attempt)
    if asked is not None:
        return asked
    return drawn_fault(account.temper.seed, account.rates, call.id, line.attempt)


async def _work(
    account: Account, exchange: Exchange, dialect: ModuleType, call: Call, fault: Fault, line: Line
) -> None:
    """The paid part. The line is charged before the first byte leaves."""
    if fault.name == "drop":
        exchange.cut()
        return
    if fault.name == "redirect":
        line.status = 307
        await exchange.send(307, b"", {"location": fault.options["to"]})
        return
    said = work(call, account.temper, fault, line.attempt)
    tariff = TARIFFS[call.model]
    if said.spent.input + call.max_tokens > tariff.window:
        line.status = 400
        text = (
            f"This model's maximum context length is {tariff.window} tokens. However, you requested "
            f"{said.spent.input + call.max_tokens} tokens (context_length_exceeded: prompt is too long)."
        )
        await exchange.send_json(400, dialect.error(400, text))
        line.finished = True
        return
    line.spent, line.usd, line.status = said.spent, str(said.spent.usd(tariff)), 200
    if account.pace_s or fault.name == "slow":
        await asyncio.sleep(fault.number("seconds", 0.5) if fault.name == "slow" else account.pace_s)
    if account.together:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(account.met.wait(), STALL_S)
    send = _stream if call.stream else _whole
    await send(account, exchange, dialect, call, fault, line, said)
    line.finished = True


def _usage(dialect: ModuleType, fault: Fault, said: Said) -> Any:
    if fault.name == "no-usage":
        return ...
    if fault.name == "wrong-usage":
        return dialect.wrong_usage(said.spent, fault.options.get("kind", "zero"))
    return dialect.usage(said.spent)


async def _whole(
    account: Account,
    exchange: Exchange,
    dialect: ModuleType,
    call: Call,
    fault: Fault,
    line: Line,
    said: Said,
) -> None:
    kind = {"content-type": "text/plain" if fault.name == "wrong-type" else "application/json"}
    body = json.dumps(dialect.answer(call, said, _usage(dialect, fault, said))).encode()
    if fault.name in ("stall", "midstall"):
        if fault.name == "midstall":
            await exchange.begin(200, {**kind, "content-length": str(len(body))})
            await exchange.write(body[: len(body) // 2])
        await exchange.wait_until_left(account.released, fault.number("seconds", STALL_S))
        exchange.cut()
    elif fault.name in ("cut", "clean-cut"):
        await exchange.begin(200, {**kind, "content-length": str(len(body))})
        await exchange.write(body[: len(body) // 2])
        exchange.cut()
    elif fault.name in ("spent500", "error-in-stream"):
        line.status = 500
        await exchange.send_json(500, dialect.error(500, "The server had an error after the work."))
    elif fault.name == "bad-json":
        await exchange.send(200, body[: len(body) // 2], kind)
    elif fault.name == "html":
        await exchange.send(200, b"<html><body>Welcome</body></html>", {"content-type": "text/html"})
    elif fault.name == "empty":
        await exchange.send(200, b"", kind)
    else:
        await exchange.send(200, body, kind)
        line.reported = fault.name not in ("no-usage", "wrong-usage")


async def _stream(
    account: Account,
    exchange: Exchange,
    dialect: ModuleType,
    call: Call,
    fault: Fault,
    line: Line,
    said: Said,
) -> None:
    if fault.name in ("spent500", "html", "empty", "stall"):
        await _whole(account, exchange, dialect, call, fault, line, said)
        return
    listed = dialect is gemini and exchange.query.get("alt") != "sse"
    kind = "application/json" if listed else "text/event-stream"
    kind = "text/plain" if fault.name == "wrong-type" else kind
    await exchange.begin(200, {"content-type": kind, "cache-control": "no-cache"})
    made = dialect.events(call, said, _usage(dialect, fault, said))
    raw = [_event(name, value) for name, value in made]
    if listed:
        raw = gemini.listed([value for _, value in made])
    if fault.name == "duplicate":
        raw += raw[-2:] if dialect is not gemini else []
    half = max(len(raw) // 2, 1)
    if fault.name in ("cut", "clean-cut", "midstall", "error-in-stream", "bad-json"):
        raw = raw[:half]
    for piece in raw:
        await exchange.write(piece)
        if account.pace_s:
            await asyncio.sleep(account.pace_s / len(raw))
    if fault.name == "midstall":
        await exchange.wait_until_left(account.released, fault.number("seconds", STALL_S))
    if fault.name in ("cut", "midstall"):
        exchange.cut()
        return
    if fault.name == "error-in-stream":
        broken = dialect.error(500, "The server had an error in the middle of the answer.")
        await exchange.write(_event("error" if dialect is anthropic else "", broken))
    if fault.name == "bad-json":
        await exchange.write(b'data: {"choices": [{"del\n\n')
    if dialect.END and fault.name not in ("clean-cut", "error-in-stream"):
        await exchange.write(
            f"data: {dialect.END}\n\n".encode() * (2 if fault.name == "duplicate" else 1)
        )
    await exchange.end()
    line.reported = call.include_usage and fault.name not in (
        "no-usage", "wrong-usage", "clean-cut", "error-in-stream", "bad-json",
    )  # fmt: skip


def _event(name: str, value: Any) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


async def _main(say: Callable[[str], object]) -> None:
    service = Service()
    server = await asyncio.start_server(
        partial(serve_connection, service.answer), "127.0.0.1", 0, backlog=512
    )
    host, port = server.sockets[0].getsockname()
    say(f"listening on http://{host}:{port}\n")
    sys.stderr.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(sys.stderr.write))
