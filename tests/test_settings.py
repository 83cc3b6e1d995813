"""Where a setting comes from, and what a repository may not decide."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import msgspec
import pytest
from keyring.backend import KeyringBackend

from sophia_mcp.errors import BadSetting
from sophia_mcp.sections import Settings, every
from sophia_mcp.settings import calm_libraries, environment, load, misspelt, secret


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.requirement("design.settings_precedence")
def test_the_first_source_that_speaks_wins(
    tmp_path: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path).index.exclude == []
    write(alone / "config.toml", '[index]\nexclude = ["user"]\nworkers = 3\n')
    assert load(tmp_path).index.exclude == ["user"]
    write(tmp_path / ".sophia" / "config.toml", '[index]\nexclude = ["project"]\n')
    assert load(tmp_path).index.exclude == ["project"]
    monkeypatch.setenv("SOPHIA_INDEX__EXCLUDE", '["environment"]')
    assert load(tmp_path).index.exclude == ["environment"]
    assert load(tmp_path, index={"exclude": ["flag"]}).index.exclude == ["flag"]
    assert load(tmp_path, index={"exclude": ["flag"]}).index.workers == 3


@pytest.mark.requirement("design.settings_project_untrusted")
@pytest.mark.parametrize(
    "text",
    [
        '[embed]\nprovider = "openai"\nbase_url = "http://evil.example"\n',
        "[index]\nallow_clone = true\n",
        'home = "/tmp/elsewhere"\n',
        '[log]\nfile = "/etc/passwd"\n',
    ],
)
def test_a_repository_cannot_choose_providers_keys_or_limits(tmp_path: Path, text: str) -> None:
    write(tmp_path / ".sophia" / "config.toml", text)
    with pytest.raises(BadSetting, match="may not set") as error:
        load(tmp_path)
    assert "config.toml" in error.value.next


@pytest.mark.requirement("design.settings_project_untrusted")
def test_a_repository_sets_three_things_and_nothing_else(tmp_path: Path) -> None:
    values = {"include": '["*.py"]', "exclude": '["x"]', "watch": "false"}
    taken, refused = list[str](), dict[str, str]()
    for place, _ in every(Settings):
        section, _, name = place.partition(".")
        if not name or "." in name:
            continue
        write(tmp_path / ".sophia" / "config.toml", f"[{section}]\n{name} = {values.get(name, 0)}\n")
        try:
            load(tmp_path)
            taken.append(place)
        except BadSetting as error:
            refused[place] = error.what.partition("may not set ")[2]
    assert all(name == told for name, told in refused.items())
    assert "embed.provider" in refused
    assert taken == ["index.include", "index.exclude", "index.watch"]


@pytest.mark.requirement("design.settings_project_untrusted")
def test_a_project_file_that_is_no_plain_file_inside_it_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside / "config.toml", "name_that_lies_elsewhere = 1\n")
    makers: list[Callable[[Path], object]] = [
        os.mkfifo,
        lambda place: place.symlink_to("/dev/zero"),
        lambda place: place.symlink_to(outside / "config.toml"),
        lambda place: place.mkdir(),
        lambda place: place.write_text("# long\n" * 100_000),
    ]
    for number, make in enumerate(makers):
        place = tmp_path / str(number) / ".sophia" / "config.toml"
        place.parent.mkdir(parents=True)
        make(place)
        with pytest.raises(BadSetting, match="is not read") as error:
            load(tmp_path / str(number))
        assert "lies_elsewhere" not in str(error.value)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".sophia").symlink_to(outside)
    with pytest.raises(BadSetting, match="is not read"):
        load(tmp_path / "linked")


@pytest.mark.requirement("design.settings_project_untrusted")
def test_a_project_behind_a_link_is_read_and_one_without_a_folder_of_ours_is_not(tmp_path: Path) -> None:
    write(tmp_path / "real" / ".sophia" / "config.toml", '[index]\nexclude = ["x"]\n')
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert load(tmp_path / "link").index.exclude == ["x"]
    write(tmp_path / "other" / ".sophia", "a file of that name")
    assert load(tmp_path / "other").index.exclude == []
    assert load(tmp_path / "none").index.exclude == []


@pytest.mark.requirement("design.settings_precedence")
def test_a_wrong_value_is_told_with_the_place_it_came_from(
    tmp_path: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**flags: Any) -> str:
        with pytest.raises(BadSetting) as error:
            load(tmp_path, **flags)
        assert "index.exclude" in error.value.what
        return f"{error.value.why} {error.value.next}"

    user, project = alone / "config.toml", tmp_path / ".sophia" / "config.toml"
    write(user, '[index]\nexclude = "docs"\n')
    assert str(user) in refused()
    write(user, "[index]\nworkers = 1\n")
    write(project, '[index]\nexclude = "docs"\n')
    assert str(project) in refused()
    monkeypatch.setenv("SOPHIA_INDEX__EXCLUDE", "docs/*")
    told = refused()
    assert "SOPHIA_INDEX__EXCLUDE" in told
    assert "JSON" in told
    assert "the flag" in refused(index={"exclude": "docs"})


@pytest.mark.requirement("design.settings_precedence")
@pytest.mark.parametrize("value", ["docs/*", "[", '["docs', "{}", '"docs"', "3"])
def test_a_list_in_a_variable_that_is_no_list_is_refused_by_its_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPHIA_INDEX__INCLUDE", value)
    with pytest.raises(BadSetting, match=r"index\.include") as error:
        load()
    assert "SOPHIA_INDEX__INCLUDE" in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["[index", "[index]\nworkers = 'many'\n", "[index]\nunknown = 1\n", "\xff", "x = " + "[" * 20_000],
)
def test_a_wrong_file_is_named_with_what_to_mend(tmp_path: Path, alone: Path, text: str) -> None:
    (alone / "config.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadSetting) as error:
        load(tmp_path)
    assert error.value.why
    assert error.value.next


@pytest.mark.requirement("design.secrets_are_references")
def test_secrets_come_from_where_the_reference_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "s3cret")
    (tmp_path / "key").write_text("from file\n")
    assert secret("env:MY_KEY") == "s3cret"
    assert secret(f"file:{tmp_path / 'key'}") == "from file"
    assert secret("cmd:printf hello") == "hello"
    assert secret("") == ""


@pytest.mark.requirement("design.secrets_are_references")
@pytest.mark.parametrize(
    "reference", ["sk-live-0123456789abcdef", "cmd:sh -c 'echo sk-live-0123456789abcdef; exit 3'"]
)
def test_an_error_about_a_secret_never_repeats_its_value(reference: str) -> None:
    with pytest.raises(BadSetting) as error:
        secret(reference)
    assert "sk-live" not in str(error.value)


class InMemory(KeyringBackend):
    """A store of the system, as keyring's own plug-ins are written."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


@pytest.fixture
def stored() -> Iterator[InMemory]:
    before = keyring.get_keyring()
    keyring.set_keyring(backend := InMemory())
    yield backend
    keyring.set_keyring(before)


@pytest.mark.requirement("settings.keyring", "design.secrets_are_references")
@pytest.mark.parametrize(
    ("service", "name"), [("sophia", "portkey"), ("https://api.example.org/v1", "me@example.org")]
)
def test_a_secret_of_the_systems_store_is_found(stored: InMemory, service: str, name: str) -> None:
    keyring.set_password(service, name, "from the keyring")
    assert secret(f"keyring:{service}/{name}") == "from the keyring"


@pytest.mark.requirement("settings.keyring", "design.secrets_are_references")
@pytest.mark.parametrize(
    "reference", ["keyring:", "keyring:sk-live-0123", "keyring:/me", "keyring:sophia/"]
)
def test_a_keyring_reference_without_a_service_or_a_name_is_refused(
    stored: InMemory, reference: str
) -> None:
    with pytest.raises(BadSetting) as error:
        secret(reference)
    assert "SERVICE/NAME" in str(error.value)
    assert "sk-live" not in str(error.value)


@pytest.mark.requirement("settings.keyring")
def test_a_secret_that_the_store_lacks_is_asked_for_with_the_command(stored: InMemory) -> None:
    with pytest.raises(BadSetting) as error:
        secret("keyring:sophia/portkey")
    assert "keyring set sophia portkey" in str(error.value)


@pytest.mark.requirement("settings.keyring")
def test_a_machine_without_a_store_says_so(stored: InMemory) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(BadSetting) as error:
        secret("keyring:sophia/portkey")
    assert "NoKeyringError" in str(error.value)


@pytest.mark.requirement("settings.keyring")
def test_without_the_library_the_error_tells_how_to_install_it() -> None:
    asked = (
        "import sys; sys.modules['keyring'] = None\n"  # as if it were not installed
        "from sophia_mcp.settings import secret; secret('keyring:sophia/portkey')"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'sophia-mcp[keyring]'" in done.stderr


@pytest.mark.requirement("settings.keyring")
def test_the_keyring_is_not_imported_before_it_is_asked() -> None:
    asked = (
        "import sys, sophia_mcp.settings as s; s.secret('cmd:true'); sys.exit('keyring' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_the_home_folder_is_meant_where_no_shell_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "own.toml", 'home = "~/data"\n')
    monkeypatch.delenv("SOPHIA_HOME", raising=False)
    monkeypatch.setenv("SOPHIA_CONFIG", "~/own.toml")

    assert load().home == tmp_path / "data"
    monkeypatch.setenv("SOPHIA_HOME", "~/elsewhere")
    assert load().home == tmp_path / "elsewhere"


@pytest.mark.parametrize("setting", ["home", "root", "config", "log.file", "cost.prices"])
def test_the_home_folder_of_nobody_is_refused_by_the_name_of_the_setting(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"SOPHIA_{setting.upper().replace('.', '__')}"
    monkeypatch.setenv(variable, "~nobody-of-that-name/x")
    with pytest.raises(BadSetting, match=f"setting {setting} is wrong") as error:
        load()
    assert error.value.why.startswith("nobody knows the home folder that ~nobody-of-")
    assert variable in error.value.next


def test_a_user_without_a_home_folder_is_told_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2_000_000_000)
    with pytest.raises(BadSetting, match="this user has no home folder"):
        load()


def test_matrix_libraries_get_one_thread_unless_a_person_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    calm_libraries()
    assert environment("OPENBLAS_NUM_THREADS") == "1"
    assert environment("OMP_NUM_THREADS") == "4"


@pytest.mark.parametrize(
    ("variable", "value", "what"),
    [
        ("SOPHIA_LLM__SCRIPT__PATH", "x", "setting llm.script is wrong"),
        ("SOPHIA_LLM__SCRIPTED__PATH", "x", "there is no setting llm.scripted"),
        ("SOPHIA_LLM", '{"scripted": 1}', "there is no setting llm.scripted"),
    ],
)
def test_a_variable_with_a_wrong_setting_is_named_and_no_file(
    variable: str, value: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=what) as error:
        load(tmp_path)
    assert f"the variable {variable}" in error.value.why


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SOPHIA_INDEX__EXCLUDES", "index.exclude"),
        ("SOPHIA_LLM__PORTKEY__BASEURL", "llm.portkey.base_url"),
    ],
)
def test_a_misspelt_name_in_a_table_is_told_with_the_nearest(
    variable: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")
    with pytest.raises(BadSetting) as error:
        load(tmp_path)
    assert error.value.next.startswith(f"write {meant} if that is meant")


def test_a_misspelt_key_of_a_project_is_told_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / ".sophia" / "config.toml", '[index]\nexcludes = ["x"]\n')
    with pytest.raises(BadSetting, match=r"may not set index\.excludes") as error:
        load(tmp_path)
    assert error.value.next.startswith(
        "write index.exclude if that is meant, else set index.excludes in"
    )


def test_a_variable_that_is_no_setting_is_told_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SOPHIA_HOME",
        "SOPHIA_HOMME",
        "SOPHIA_INDEX_EXCLUDE",
        "SOPHIA_LLM_PORTKEY_BASE_URL",
        "SOPHIA_LOG__LEVEL",
        "SOPHIA_QQ",
    ):
        monkeypatch.setenv(name, "value")
    assert misspelt() == [
        "there is no setting SOPHIA_HOMME; the nearest is SOPHIA_HOME",
        "there is no setting SOPHIA_INDEX_EXCLUDE; the nearest is SOPHIA_INDEX__EXCLUDE",
        "there is no setting SOPHIA_LLM_PORTKEY_BASE_URL; the nearest is SOPHIA_LLM__PORTKEY__BASE_URL",
        "there is no setting SOPHIA_QQ",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("SOPHIA_INDEX__WORKERS", "65", "`int` <= 64"),
        ("SOPHIA_INDEX__WORKERS", "-1", "`int` >= 0"),
        ("SOPHIA_INDEX__WORKERS", "1.5", "`int`, got `str`"),
        ("SOPHIA_INDEX__WATCH", "maybe", "`bool`, got `str`"),
        ("SOPHIA_SWARM__WALL_MINUTES", "0", "`float` > 0.0"),
        ("SOPHIA_SWARM__WALL_MINUTES", "nan", "`float` > 0.0"),
        ("SOPHIA_SWARM__WALL_MINUTES", "soon", "`float`, got `str`"),
        ("SOPHIA_LOG__LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
        ("SOPHIA_INDEX", "3", "`object`, got `str`"),
        ("SOPHIA_LLM__PORTKEY__TARGETS__ACME__HEADERS", '{"a": 1}', "`str`, got `int`"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_what_would(
    variable: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=variable) as error:
        load()
    assert f"Expected {why} (the variable {variable})" in error.value.why


def test_variables_say_numbers_truths_lists_and_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "INDEX__WORKERS": "3",
        "INDEX__WATCH": "False",
        "SWARM__WALL_MINUTES": "2.5",
        "GATES__COMMANDS": '[["pytest", "-q"]]',
        "LLM__PORTKEY__TARGETS__ACME": '{"key": "env:X"}',
        "LLM__PORTKEY__TARGETS__ACME__OUTPUT": "tool",
        "LLM__CACHE_HOURS": "",
    }.items():
        monkeypatch.setenv(f"SOPHIA_{name}", value)
    read = load()
    assert (read.index.workers, read.index.watch, read.swarm.wall_minutes) == (3, False, 2.5)
    assert read.gates.commands == [["pytest", "-q"]]
    acme = read.llm.portkey.targets["acme"]
    assert (acme.key, acme.output) == ("env:X", "tool")
    assert read.llm.cache_hours == 24.0


@pytest.mark.parametrize("first", ["SOPHIA_INDEX", "SOPHIA_INDEX__WORKERS"])
def test_a_single_variable_is_over_that_of_its_whole_table(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"SOPHIA_INDEX": '{"workers": 3, "watch": false}', "SOPHIA_INDEX__WORKERS": "4"}
    for name in (first, *values):
        monkeypatch.setenv(name, values[name])
    assert (load().index.workers, load().index.watch) == (4, False)


def test_settings_are_frozen_and_their_lists_nobody_elses() -> None:
    settings = load()
    with pytest.raises(AttributeError):
        settings.index.workers = 3  # type: ignore[misc]
    settings.index.exclude.append("x")
    assert load().index.exclude == []
    assert msgspec.to_builtins(settings.index) == {"exclude": ["x"]}


def test_a_folder_in_place_of_a_file_of_settings_is_not_a_fault_of_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPHIA_CONFIG", str(tmp_path))
    with pytest.raises(BadSetting) as refused:
        load()
    assert refused.value.next == "name a file there"


def test_a_file_of_settings_may_begin_with_the_mark_that_windows_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "config.toml"
    monkeypatch.setenv("SOPHIA_CONFIG", str(own))
    own.write_text("[index]\nworkers = 3\n", "utf-8-sig")
    assert load().index.workers == 3
    own.write_text("[index]\nworkers = 3\n", "utf-16")
    with pytest.raises(BadSetting, match="is not UTF-8 text") as refused:
        load()
    assert refused.value.next == "save it as UTF-8"
