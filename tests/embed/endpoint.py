"""A stand-in for an embeddings service on loopback that enforces its rules: key, batch size, input."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import numpy as np

KEY = "sk-stand-in-0123456789abcdef"
MOST_INPUTS = 64


class Endpoint:
    """Serves ``/v1/embeddings``. ``script`` is a list of what the next requests meet before all is
    well: a status, ``(status, retry_after)``, ``"stall"``, ``"close"`` (no answer), ``"cut"`` (half of one),
    ``"trickle"`` (one that never ends), or a dictionary that replaces the answer. ``ill`` is what every
    request meets for as long as it is set. A text that holds ``unwanted`` is too long for it."""

    def __init__(self, dimensions: int = 32, script: list[Any] | None = None) -> None:
        self.dimensions = dimensions
        self.script = list(script or [])
        self.requests: list[dict[str, Any]] = []
        self.tried = 0
        self.ill: Any = None
        self.unwanted = ""
        self.released = threading.Event()
        self._lock = threading.Lock()
        endpoint = self

        class _Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint._serve(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def options(self, **changed: object) -> dict[str, object]:
        """Options of a working client."""
        return {
            "base_url": self.url,
            "model": "stand-in",
            "key": KEY,
            "mask": lambda text: text,
            "send_source": True,
            "max_tokens": 10_000_000,
        } | changed

    def texts(self) -> list[str]:
        """Every text that arrived, in order of arrival."""
        return [text for request in self.requests for text in request["input"]]

    def __enter__(self) -> Endpoint:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["content-length"])))
        with self._lock:
            self.tried += 1
            step = self.ill or (self.script.pop(0) if self.script else None)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            heard = request.headers.get("authorization", "")
            return self._send(
                request, 401, {"error": {"message": f"Incorrect API key provided: {heard}"}}
            )
        if request.path != "/v1/embeddings":
            return self._send(request, 404, {"error": {"message": "no such path"}})
        if step == "stall":
            self.released.wait(30)
            return None
        if step == "close":
            request.close_connection = True
            return None
        if step == "trickle":
            return self._trickle(request)
        if isinstance(step, int | tuple):
            status, after = step if isinstance(step, tuple) else (step, None)
            return self._send(request, status, {"error": {"message": "not now"}}, after)
        if isinstance(step, dict):
            return self._send(request, 200, step)
        texts = body["input"]
        if not texts or len(texts) > MOST_INPUTS or not all(isinstance(t, str) and t for t in texts):
            return self._send(request, 400, {"error": {"message": "'input' is invalid"}})
        if self.unwanted and any(self.unwanted in text for text in texts):
            return self._send(request, 413, {"error": {"message": "an input is too long"}})
        with self._lock:
            self.requests.append(body)
        data = [
            {"object": "embedding", "index": i, "embedding": self.vector(t)} for i, t in enumerate(texts)
        ]
        usage = {"prompt_tokens": sum(len(t.split()) for t in texts)}
        answer = {"data": data[::-1], "usage": usage}
        if step == "cut":
            request.close_connection = True
        return self._send(request, 200, answer, half=step == "cut")

    def _trickle(self, request: BaseHTTPRequestHandler) -> None:
        """A byte now and then, until the other side has enough."""
        request.send_response(200)
        request.end_headers()
        while not self.released.wait(0.01):
            try:
                request.wfile.write(b" ")
            except OSError:
                return

    def vector(self, text: str) -> list[float]:
        """Not of length one: a client may not rely on that."""
        seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        return [float(x) for x in np.random.default_rng(seed).normal(size=self.dimensions)]

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        answer: dict[str, Any],
        after: str | None = None,
        *,
        half: bool = False,
    ) -> None:
        raw = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(raw)))
        if after is not None:
            request.send_header("retry-after", after)
        request.end_headers()
        request.wfile.write(raw[: len(raw) // 2] if half else raw)
