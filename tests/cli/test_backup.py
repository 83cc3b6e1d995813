"""`sophia backup`: made, listed, checked, brought back, with what was there before kept."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.cli.inside import run

pytestmark = pytest.mark.requirement("cli.backup")


def machine(*arguments: str, cwd: Path, code: int = 0) -> Any:
    done = run(*arguments, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def remembered(project: Path) -> set[str]:
    done = run("memory", "list", "--json", cwd=project)
    return {each["text"] for each in json.loads(done.stdout)["memories"]} if done.stdout else set()


def test_what_was_remembered_comes_back_and_what_replaced_it_is_kept(project: Path) -> None:
    run("memory", "add", "before the backup", cwd=project)
    made = machine("backup", "create", cwd=project)
    run("memory", "add", "after the backup", cwd=project)
    restored = machine("backup", "restore", made["name"], cwd=project)
    assert remembered(project) == {"before the backup"}
    run("backup", "restore", restored["before"], cwd=project)
    assert remembered(project) == {"before the backup", "after the backup"}
    listed = machine("backup", "list", cwd=project)["backups"]
    assert [each["name"] for each in listed] == sorted((e["name"] for e in listed), reverse=True)
    assert made["name"] in {each["name"] for each in listed}


def test_a_damaged_backup_is_named_and_not_brought_back(project: Path) -> None:
    run("memory", "add", "keep me", cwd=project)
    sound, broken = (machine("backup", "create", cwd=project) for _ in range(2))
    path = Path(broken["path"])
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    told = machine("backup", "verify", cwd=project, code=1)
    states = {Path(each["path"]).name: each["state"] for each in told["backups"]}
    assert states[sound["name"]] == "sound"
    assert states[broken["name"]].startswith("damaged: ")
    refused = run("backup", "restore", broken["name"], cwd=project)
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
    assert remembered(project) == {"keep me"}


def test_a_damaged_store_is_set_aside_for_the_backup(project: Path, alone: Path) -> None:
    run("memory", "add", "keep me", cwd=project)
    made = machine("backup", "create", cwd=project)
    store = alone / "data" / "state.db"
    store.write_bytes(b"this is no database" * 500)
    restored = machine("backup", "restore", made["name"], cwd=project)
    assert Path(restored["before"]).read_bytes().startswith(b"this is no database")
    assert remembered(project) == {"keep me"}


def test_what_is_no_backup_is_left_out_of_the_list_and_refused(project: Path, tmp_path: Path) -> None:
    empty = run("backup", "list", cwd=project)
    assert (empty.returncode, empty.stdout) == (3, "")
    assert "sophia backup create" in empty.stderr
    sqlite3.connect(tmp_path / "mine.backup.db").close()
    assert run("backup", "list", "--folder", str(tmp_path), cwd=project).returncode == 3
    missing = run("backup", "restore", "nothing", cwd=project)
    assert missing.returncode != 0
    assert "next: sophia backup list" in missing.stderr


@pytest.mark.parametrize("command", ["verify", "restore"])
def test_the_store_itself_is_taken_for_no_backup(project: Path, alone: Path, command: str) -> None:
    run("memory", "add", "keep me", cwd=project)
    refused = run("backup", command, str(alone / "data" / "state.db"), cwd=project)
    assert refused.returncode == 2, refused.stderr
    assert "is the store" in refused.stderr
    assert remembered(project) == {"keep me"}


def test_without_a_store_there_is_nothing_to_copy(project: Path) -> None:
    refused = run("backup", "create", cwd=project)
    assert refused.returncode != 0
    assert "state.db" in refused.stderr
