"""A folder is a registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fresh import imported

from sophia_mcp.errors import BadSetting, NotFound
from sophia_mcp.registry import Folder


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with two good files, a wrong one, and one that must not be imported."""
    folder = tmp_path / "plugins_under_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text("THING = 'first'\n")
    (folder / "two.py").write_text("THING = 'second'\n")
    (folder / "wrong.py").write_text("THING = 3\n")
    (folder / "boom.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@pytest.mark.requirement("design.registry_lazy")
def test_listing_names_imports_none_of_them(plugins: Path) -> None:
    folder: Folder[str] = Folder("plugins_under_test", "THING", str)
    assert folder.names() == ("boom", "one", "two", "wrong")
    assert folder.load("two") == "second"


def test_an_unknown_name_is_answered_with_the_nearest(plugins: Path) -> None:
    with pytest.raises(NotFound) as error:
        Folder("plugins_under_test", "THING", str).load("tow")
    assert "two" in error.value.next


def test_a_file_without_its_constant_is_named(plugins: Path) -> None:
    with pytest.raises(BadSetting, match="wrong"):
        Folder("plugins_under_test", "THING", str).load("wrong")


@pytest.mark.requirement("design.registry_lazy")
def test_the_list_of_commands_loads_nothing_heavy() -> None:
    loaded = imported(
        "from sophia_mcp.cli.main import sophia; import click;"
        "[sophia.get_command(click.Context(sophia), n) for n in sophia.list_commands(click.Context(sophia))]"
    )
    assert "sophia_mcp.cli.main" in loaded
    assert not loaded & {"numpy", "apsw", "mcp", "tree_sitter", "pydantic", "rich"}


def test_an_installed_distribution_adds_to_a_folder_and_the_first_on_the_path_wins(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Folder[str] = Folder("plugins_under_test", "THING", str, group="test.colours")
    assert "violet" not in folder.names()
    for version, place in (("1", "near"), ("2", "far")):
        told = tmp_path / place / f"paints-{version}.dist-info"
        told.mkdir(parents=True)
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: paints\nVersion: {version}\n")
        (told / "entry_points.txt").write_text(f"[test.colours]\nviolet = paints{version}:VIOLET\n")
        (tmp_path / place / f"paints{version}.py").write_text(f'VIOLET = "from {place}"\n')
    monkeypatch.syspath_prepend(tmp_path / "far")
    monkeypatch.syspath_prepend(tmp_path / "near")
    assert "violet" in folder.names()
    assert folder.load("violet") == "from near"


def test_a_distribution_takes_the_place_of_no_file(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "shop" / "brushes-1.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: brushes\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[test.colours]\none = brushes:THING\n")
    (tmp_path / "shop" / "brushes.py").write_text("THING = 'another'\n")
    monkeypatch.syspath_prepend(tmp_path / "shop")
    folder: Folder[str] = Folder("plugins_under_test", "THING", str, group="test.colours")
    assert (folder.load("one"), folder.names().count("one")) == ("first", 1)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("brushes", "brushes is no THING"),
        ("brushes:COUNT", "brushes:COUNT is no THING"),
        ("brushes:GONE", "has no attribute 'GONE'"),
        ("no_such_module:THING", "No module named 'no_such_module'"),
    ],
)
def test_what_a_distribution_adds_and_cannot_be_used_is_named_with_its_distribution(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, why: str
) -> None:
    told = tmp_path / "shop" / "brushes-1.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: brushes\nVersion: 1\n")
    (told / "entry_points.txt").write_text(f"[test.colours]\nred = {target}\n")
    (tmp_path / "shop" / "brushes.py").write_text("COUNT = 3\n")
    monkeypatch.syspath_prepend(tmp_path / "shop")
    with pytest.raises(BadSetting, match="'red', which brushes adds to test") as error:
        Folder("plugins_under_test", "THING", str, group="test.colours").load("red")
    assert why in error.value.why
    assert "`module:THING`, or uninstall brushes" in error.value.next
