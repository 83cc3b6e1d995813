"""`sophia cost prices|import|export` as a person runs them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cost import homes

from sophia_mcp.cli.main import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as left:
        main(["cost", *arguments])
    shown = capsys.readouterr()
    assert left.value.code == code, shown
    return shown.out, shown.err


@pytest.mark.requirement("cost.import")
def test_logs_are_imported_reported_and_exported_and_a_second_import_adds_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes.put(
        home / ".claude/projects/-shop/a.jsonl",
        homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 3}),
        homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 100}),
    )
    out, _ = run(capsys, "import", "--list")
    assert out.splitlines()[0] == "claude_code\t1"
    out, err = run(capsys, "import", "--json")
    (done,) = json.loads(out)
    assert (done["client"], done["calls"], done["new"], done["usd"]) == ("claude_code", 1, 1, "0.00102")
    assert (done["since"], done["until"]) == ("2026-11-10", "2026-11-10")
    out, err = run(capsys, "import", "claude_code")
    assert out.split("\t")[:5] == ["claude_code", "0", "1", "0", "0"]
    assert "subscription" in err
    out, _ = run(capsys, "export", "--since", "2026-11-01", "--until", "2026-11-30")
    (cells,) = csv.DictReader(io.StringIO(out))
    assert (cells["usd"], cells["tag"], cells["basis"]) == ("0.00102", "claude_code", "computed")
    run(capsys, "export", "--since", "2026-11-01", "--format", "jsonl", "--out", "all.jsonl")
    assert json.loads((home / "all.jsonl").read_text())["model"] == "claude-sonnet-5-5"


@pytest.mark.requirement("cost.prices_own")
def test_prices_stated_later_are_applied_to_what_was_recorded(
    home: Path, capsys: pytest.CaptureFixture[str], alone: Path
) -> None:
    homes.put(
        home / ".claude/projects/-shop/a.jsonl",
        homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 100}),
    )
    run(capsys, "import")
    (alone / "prices.toml").write_text('[[price]]\nmodel = "claude-*"\nfactor = "0.5"\n')
    _, err = run(capsys, "prices", "again", "--since", "2026-11-01")
    assert err == "1 entries changed, by $-0.00051 in all\n"
    out, _ = run(capsys, "export", "--since", "2026-11-01", "--json")
    assert [cells["usd"] for cells in json.loads(out)] == ["0.00102", "-0.00051"]


def test_nothing_to_import_is_said_with_what_to_do(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = run(capsys, "import", code=3)
    assert "--list" in err
    _, err = run(capsys, "import", "emacs", code=3)
    assert "claude_code" in err


@pytest.mark.requirement("cost.prices")
def test_prices_show_their_source_and_age(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, "prices")
    assert "anthropic\tclaude-sonnet-5-5\t2\t10\t0.1\t2.5\t4\tgenai-prices" in out.splitlines()
    assert err.startswith("genai-prices ")
    out, _ = run(capsys, "prices", "--model", "o3", "--at", "2025-05-10", "--json")
    (shown,) = json.loads(out)["prices"]
    assert (shown["provider"], shown["input"], shown["output"]) == ("openai", "10", "40")
    out, _ = run(capsys, "prices", "--provider", "bedrock")
    assert out.startswith("aws\t")
    out, _ = run(capsys, "prices", "--model", "text-embedding-3-small")
    assert "\ttext-embedding-3-small\t0.02\t" in out, "its name says no maker, but somebody lists it"
    _, err = run(capsys, "prices", "--model", "homemade", code=3)
    assert "no price is known for homemade" in err
    assert "prices.toml" in err
    _, err = run(capsys, "prices", "--model", "claude-sonet-5-5", code=3)
    assert "claude-sonnet-5-5" in err
    _, err = run(capsys, "prices", "--provider", "nobody", code=3)
    assert "prices.toml" in err
