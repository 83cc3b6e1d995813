"""Log lines are JSON, and never on the output stream."""

from __future__ import annotations

import io
import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from sophia_mcp.ops.logs import ROOT, configure, get_logger


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    yield
    root = logging.getLogger(ROOT)
    for each in list(root.handlers):
        root.removeHandler(each)
        each.close()
    root.propagate = True
    root.setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_line_is_one_json_object_with_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    configure("INFO", stream=stream)
    get_logger("index").info("indexed", files=3, path=Path("/x"), text="two\nlines")
    logging.getLogger(f"{ROOT}.server").warning("plain %s", "record")
    first, second = lines(stream.getvalue())
    assert (first["event"], first["files"], first["text"], first["level"]) == (
        "indexed",
        3,
        "two\nlines",
        "info",
    )
    assert (second["event"], second["logger"]) == ("plain record", "sophia_mcp.server")
    assert capsys.readouterr().out == ""


def test_warnings_are_the_least_that_is_written_by_default() -> None:
    stream = io.StringIO()
    configure(stream=stream)
    get_logger("a").info("quiet")
    get_logger("a").warning("loud")
    assert [line["event"] for line in lines(stream.getvalue())] == ["loud"]


def test_an_error_carries_its_traceback_and_bound_context() -> None:
    stream = io.StringIO()
    configure(stream=stream)
    with structlog.contextvars.bound_contextvars(request="r1"):
        try:
            raise ValueError("broken")
        except ValueError as error:
            get_logger("a").error("bug", exc_info=error)
    [line] = lines(stream.getvalue())
    assert line["request"] == "r1"
    assert "ValueError: broken" in str(line["exception"])


def test_a_traceback_before_anything_is_configured_tells_no_values(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def ask(key: str) -> None:
        raise ValueError("broken")

    try:
        ask("-".join(("sesame", "4711")))
    except ValueError as error:
        get_logger("a").error("bug", id="b1", exc_info=error)
    [record] = caplog.records
    line = json.loads(record.getMessage())
    assert (line["event"], line["id"], line["logger"]) == ("bug", "b1", "sophia_mcp.a")
    assert "ValueError: broken" in line["exception"]
    assert "sesame-4711" not in line["exception"]
    assert capsys.readouterr().out == ""


def test_a_log_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "sophia.log"
    configure(file=file, stream=io.StringIO())
    get_logger("a").warning("kept")
    assert lines(file.read_text())[0]["event"] == "kept"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_configuring_again_replaces_what_was_configured() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(stream=first)
    configure(stream=second)
    get_logger("a").warning("once")
    assert first.getvalue() == ""
    assert len(lines(second.getvalue())) == 1
