from __future__ import annotations

from pathlib import Path

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.project import find_config_file, runs_dir


def test_nearest_config_file_in_a_parent_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    assert find_config_file(inner) is None
    outer_file = tmp_path / "entrannas.toml"
    outer_file.write_text("")
    assert find_config_file(inner) == outer_file
    near = tmp_path / "a" / "b" / "entrannas.toml"
    near.mkdir()  # a folder of that name does not count
    assert find_config_file(inner) == outer_file
    near.rmdir()
    near.write_text("")
    assert find_config_file(inner) == near
    assert find_config_file(tmp_path / "a") == outer_file


def test_runs_folder_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = Path.cwd()
    inner = cwd / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert runs_dir() == inner / "runs"
    (cwd / "entrannas.toml").write_text('runs_dir = "kept"\n')
    assert runs_dir() == cwd / "kept"
    other = cwd / "other.toml"
    other.write_text('runs_dir = "elsewhere"\n')
    assert runs_dir(config_file=other) == cwd / "elsewhere"
    monkeypatch.setenv("ENTRANNAS_RUNS_DIR", "from-variable")
    assert runs_dir(config_file=other) == inner / "from-variable"
    assert runs_dir(Path("flag")) == inner / "flag"
    assert runs_dir(Path("/flag")) == Path("/flag")
    assert runs_dir(Path("~/flag")) == Path.home() / "flag"


def test_empty_variable_counts_as_unset() -> None:
    assert runs_dir(environ={"ENTRANNAS_RUNS_DIR": ""}) == Path.cwd() / "runs"


def test_flag_wins_even_if_the_config_file_is_broken() -> None:
    Path("entrannas.toml").write_text("runs_dir = \n")
    assert runs_dir(Path("x")) == Path.cwd() / "x"
    with pytest.raises(UsageError, match=r"entrannas\.toml: not valid TOML: .*line 1, column 12"):
        runs_dir()


@pytest.mark.parametrize("value", ["3", '"a\\u0000b"'])
def test_runs_folder_must_be_a_path(value: str) -> None:
    Path("entrannas.toml").write_text(f"runs_dir = {value}")
    with pytest.raises(UsageError, match="runs_dir: must be a path in quotes"):
        runs_dir()


def test_unknown_home_folder_is_rejected() -> None:
    with pytest.raises(UsageError, match="home folder"):
        runs_dir(Path("~no-such-user-anywhere/runs"))
