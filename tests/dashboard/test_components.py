"""Settings, key map, themes, filter and imports: what needs no screen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from entrannas_cli import dashboard
from entrannas_cli.dashboard.help import help_text
from entrannas_cli.dashboard.keys import KEYS
from entrannas_cli.dashboard.run_filter import parse_filter
from entrannas_cli.dashboard.settings import Settings, SettingsFile, settings_path
from entrannas_cli.dashboard.table_columns import TABLE, age_text, sorted_by
from entrannas_cli.dashboard.themes import THEMES, following
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.overview import Overview, overview
from entrannas_cli.store.status import Status
from tests.results.generated import make_runs

from .driver import Driver, drive, ended_run
from .screen_pictures import contrast

# settings


def test_settings_file_follows_xdg_config_home(tmp_path: Path) -> None:
    assert settings_path({"XDG_CONFIG_HOME": "/etc/here"}) == Path("/etc/here/entrannas/dashboard.json")
    usual = tmp_path / "home" / ".config" / "entrannas" / "dashboard.json"
    assert settings_path({}) == usual
    assert settings_path({"XDG_CONFIG_HOME": "not/absolute"}) == usual


def test_settings_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "dashboard.json"
    wanted = Settings(theme="light", columns=("state", "gap"), sort="loss", descending=True)
    assert SettingsFile(path).change(wanted) == ""
    again = SettingsFile(path)
    assert (again.now, again.problem) == (wanted, "")
    assert [file.name for file in path.parent.iterdir()] == ["dashboard.json"], "no temporary file is left"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"theme": "mauve"}', "theme: expected one of dark, light"),
        ('{"theme": ["dark"]}', "theme"),
        ('{"columns": "state"}', "columns"),
        ('{"columns": [1]}', "columns"),
        ('{"sort": 3}', "sort"),
        ('{"descending": "yes"}', "descending"),
        ("\x00\xff", "not"),
    ],
)
def test_damaged_settings_are_reported_once_and_replaced_by_defaults(
    tmp_path: Path, content: str, word: str
) -> None:
    path = tmp_path / "dashboard.json"
    path.write_bytes(content.encode("latin-1"))
    found = SettingsFile(path)
    assert found.now == Settings()
    assert word in found.problem
    assert "\n" not in found.problem
    assert found.change(Settings(theme="light")) == ""
    assert json.loads(path.read_text())["theme"] == "light"

    path.write_bytes(content.encode("latin-1"))

    async def look(driver: Driver) -> None:
        assert [word in note for note in driver.notes] == [True]

    if word == "not JSON":
        drive(tmp_path, look, settings=path)


def test_unwritable_settings_are_reported_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = SettingsFile(tmp_path / "file" / "dashboard.json")
    assert "cannot be saved" in settings.change(Settings(theme="light"))
    assert settings.change(Settings(theme="high-contrast")) == ""
    assert settings.now.theme == "high-contrast", "it holds as long as the program runs"


# keys, help, themes


def test_no_key_has_two_meanings_in_one_place() -> None:
    for place in {key.place for key in KEYS}:
        keys = [name for key in KEYS if key.place in (place, "everywhere") for name in key.keys]
        assert len(keys) == len(set(keys)), place
    table = [name for key in KEYS if key.place in ("runs", "table") for name in key.keys]
    assert len(table) == len(set(table))


def test_help_lists_every_key_and_scrolls(tmp_path: Path) -> None:
    text = str(help_text())
    assert all(key.about in text for key in KEYS)
    assert all(part in text for part in ("Mouse", "On a chart", "state=running"))

    async def look(driver: Driver) -> None:
        await driver.press("question_mark")
        assert "Start a search" in driver.shown
        await driver.press("end")
        await driver.pilot.pause(0.4)
        assert "age<2h" in driver.shown
        await driver.press("escape")
        assert driver.screen_name == "RunsScreen"

    drive(tmp_path / "runs", look)


def test_theme_is_switched_by_key_and_remembered(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "one")
    settings = tmp_path / "settings.json"

    async def change(driver: Driver) -> None:
        seen = []
        for _ in THEMES:
            await driver.press("t")
            seen.append(driver.app.theme)
        assert seen == ["light", "high-contrast", "dark"]
        await driver.press("t")

    async def again(driver: Driver) -> None:
        assert driver.app.theme == "light"

    drive(tmp_path / "runs", change, settings=settings)
    drive(tmp_path / "runs", again, settings=settings)
    assert following("gone") == "dark"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_has_enough_contrast(theme: object) -> None:
    """WCAG contrast of at least 4.5, or 7 for high contrast, in greyscale as well."""
    values = {**vars(theme), **theme.variables}  # type: ignore[attr-defined]
    least = 7 if values["name"] == "high-contrast" else 4.5
    behind = [values[name] for name in ("background", "surface", "panel")]
    for name in ("foreground", "primary", "accent", "success", "warning", "error", "quiet"):
        for ground in behind if name == "foreground" else behind[:2]:
            assert contrast(values[name], ground) >= least, (name, ground)
    for name in ("foreground", "success", "error", "warning", "quiet"):
        assert contrast(values[name], values["cursor"]) >= 3, f"{name} under the cursor"


def test_every_colour_that_is_named_is_in_every_theme() -> None:
    """In the style sheets, where a missing one would be an error, and in texts, which would have no colour."""
    folder = Path(dashboard.__file__).parent
    sources = [path.read_text() for path in folder.rglob("*") if path.suffix in (".tcss", ".py")]
    named = {name for source in sources for name in re.findall(r"\$([a-z][a-z-]*)", source)}
    named.remove("seed")  # a shell's
    for theme in THEMES:
        assert named <= {*theme.to_color_system().generate(), *theme.variables}, theme.name


def test_marks_cursor_and_state_are_visible_without_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    ended_run(tmp_path / "runs", "one")
    ended_run(tmp_path / "runs", "two", "failed")

    async def look(driver: Driver) -> None:
        await driver.press("space")
        assert any(line.startswith("●") for line in driver.lines)
        assert any(line.startswith(" ›") for line in driver.lines)
        assert "failed" in driver.shown

    drive(tmp_path / "runs", look)


# filter, sorting, ages


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Overview]:
    folder = tmp_path_factory.mktemp("many")
    make_runs(folder, 60, broken=2)
    return [overview(run) for run in list_runs(folder)]


def test_filter_combines_words_and_conditions(runs: list[Overview]) -> None:
    def found(text: str) -> list[Overview]:
        chosen = parse_filter(text)
        assert chosen.problem == ""
        return [run for run in runs if chosen.fits(run)]

    assert len(found("")) == 62
    assert {run.status.state for run in found("state=running")} == {"running"}
    assert {run.text("method") for run in found("kind=search method=darts")} == {"darts"}
    assert {run.status.kind for run in found("kind=search method=darts")} == {"search"}
    good = found("acc>96.5 kind=train")
    assert good
    assert all(run.accuracy > 0.965 for run in good if run.accuracy is not None)
    assert len(found("BROKEN")) == 2, "upper and lower case are the same"
    assert len(found("broken running")) == 0
    assert {run.text("seed") for run in found("seed=3")} == {"3"}
    assert all(abs(run.gap or 0) > 0.01 for run in found("kind=search gap!=0 gap>1"))
    assert found("data=cifar10") == found("dataset=cifar10") != []
    assert len(found("method=")) == 62, "a condition in the making leaves all"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("methd=darts", "did you mean method?"),
        ("loss<x", "not a number"),
        ("age<soon", "30m, 2h or 3d"),
        ("method<darts", "not a number"),
    ],
)
def test_invalid_conditions_are_reported_and_ignored(runs: list[Overview], text: str, word: str) -> None:
    chosen = parse_filter(f"{text} state=running")
    assert word in chosen.problem
    assert {run.status.state for run in runs if chosen.fits(run)} == {"running"}


def test_unclosed_quote_is_accepted(runs: list[Overview]) -> None:
    assert parse_filter('method="dar').problem == ""


def run_of_age(seconds: float) -> Overview:
    return Overview(id="x", path=Path("x"), status=Status(state="running", created=1e9 - seconds), summary={})


def test_ages_are_rounded_down() -> None:
    ages = [age_text(run_of_age(seconds), 1e9) for seconds in (0, 9, 10, 59, 60, 3600, 90000, -50)]
    assert ages == ["0s", "0s", "10s", "50s", "1m", "1h", "1d", "0s"]


@pytest.mark.parametrize("key", list(TABLE))
def test_missing_values_are_sorted_last_in_both_directions(runs: list[Overview], key: str) -> None:
    read = TABLE[key].column.read
    for descending in (False, True):
        ordered = sorted_by(key, runs, descending=descending)
        there = [read(run) is not None for run in ordered]
        assert there == sorted(there, reverse=True)
        assert {run.id for run in ordered} == {run.id for run in runs}
    shown = [run.id for run in runs]
    assert [run.id for run in sorted_by("nonsense", runs, descending=True)] == sorted(shown, reverse=True)


# imports


def test_imports_no_heavy_packages() -> None:
    code = (
        "import sys; from entrannas_cli.dashboard import app, help, notes_dialog, open_preview, pickers, serve\n"
        "from entrannas_cli.dashboard import served; from entrannas_cli.dashboard.run import screen\n"
        "print(*sys.modules)"
    )
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
    assert "entrannas_cli.dashboard.app" in loaded
    assert not {"torch", "pandas", "pydantic", "matplotlib", "numpy"} & loaded


def test_help_does_not_import_textual_and_a_pipe_is_rejected(tmp_path: Path) -> None:
    code = (
        "import sys\ntry:\n from entrannas_cli.__main__ import main; main(['--help'])\n"
        "except SystemExit: print('textual' in sys.modules, file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "False"
    assert "dashboard" in found.stdout
    piped = subprocess.run(
        [sys.executable, "-m", "entrannas_cli", "dashboard", "--runs-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm"},
    )
    assert piped.returncode == 2
    assert piped.stderr.startswith(
        "entrannas: the dashboard needs a terminal (not a terminal); `entrannas runs list`"
    )


def test_stderr_must_be_a_terminal(tmp_path: Path) -> None:
    """The dashboard draws on stderr, so it would run invisibly with stderr redirected."""
    arguments = ["-c", f'exec "{sys.executable}" -m entrannas_cli dashboard 2> messages']
    child = pexpect.spawn("sh", arguments, cwd=str(tmp_path), env=os.environ | {"TERM": "xterm"})
    child.expect(pexpect.EOF, timeout=60)
    child.close()
    assert child.exitstatus == 2
    assert "stderr, where it is drawn, is redirected" in (tmp_path / "messages").read_text()
